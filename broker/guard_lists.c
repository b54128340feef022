/*  Three files to one table: a key's roles are the sum over the lists that have it. */
#include "broker/guard_lists.h"

#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

aut_guard_entry_t *aut_guard_entries_find (aut_guard_entry_t *entries, const char *key)
{
    aut_guard_entry_t *entry = NULL;
    HASH_FIND_STR (entries, key, entry);
    return entry;
}

void aut_guard_entries_free (aut_guard_entry_t **entries)
{
    aut_guard_entry_t *entry, *next;
    HASH_ITER (hh, *entries, entry, next)
    {
        HASH_DEL (*entries, entry);
        free (entry);
    }
    *entries = NULL;
}

static unsigned roles_of (const aut_allowed_t *allowed, aut_allow_kind_t kind)
{
    if (kind == AUT_ALLOW_NODES)
        return AUT_MAY_NODE;
    if (kind == AUT_ALLOW_VIEWERS)
        return AUT_MAY_VIEW;
    return AUT_MAY_CLIENT | (allowed->is_operator ? AUT_MAY_OPERATE : 0);
}

static void add (aut_guard_entry_t **entries, const aut_allowed_t *allowed, aut_allow_kind_t kind)
{
    aut_guard_entry_t *entry = aut_guard_entries_find (*entries, allowed->key);
    if (!entry) {
        entry = aut_calloc (1, sizeof *entry);
        memcpy (entry->key, allowed->key, sizeof entry->key);
        memcpy (entry->who.name, allowed->name, sizeof entry->who.name);
        HASH_ADD_STR (*entries, key, entry);
    }
    entry->who.roles |= roles_of (allowed, kind);
    if (kind == AUT_ALLOW_CLIENTS) {
        entry->who.max_jobs = allowed->max_jobs;
        entry->who.max_bytes = allowed->max_bytes;
    }
}

int aut_guard_lists_load (aut_guard_lists_t *lists, const char *dir)
{
    int result = 0;
    for (int kind = 0; kind < AUT_ALLOW_BROKERS; kind++) {
        aut_allow_list_t list;
        int rc = aut_allow_list_load (&list, dir, (aut_allow_kind_t)kind);
        if (rc) {
            result = rc;
            continue;
        }
        aut_allow_list_clear (&lists->kinds[kind]);
        lists->kinds[kind] = list;
    }
    return result;
}

void aut_guard_lists_clear (aut_guard_lists_t *lists)
{
    for (int kind = 0; kind < AUT_ALLOW_BROKERS; kind++)
        aut_allow_list_clear (&lists->kinds[kind]);
}

aut_guard_entry_t *aut_guard_entries_of (const aut_guard_lists_t *lists)
{
    aut_guard_entry_t *entries = NULL;
    for (int kind = 0; kind < AUT_ALLOW_BROKERS; kind++)
        for (size_t i = 0; i < lists->kinds[kind].count; i++)
            add (&entries, &lists->kinds[kind].items[i], (aut_allow_kind_t)kind);
    return entries;
}

bool aut_guard_look (aut_guard_look_t *look, const char *dir)
{
    aut_guard_look_t now;
    memset (&now, 0, sizeof now);
    for (int kind = 0; kind < AUT_ALLOW_BROKERS; kind++) {
        struct stat st;
        char *path = aut_path_join (dir, aut_allow_file ((aut_allow_kind_t)kind), NULL);
        if (stat (path, &st) == 0) {
            now.files[kind].inode = st.st_ino;
            now.files[kind].size = st.st_size;
            now.files[kind].changed = st.st_ctim; /* moves with content, mode and owner */
        }
        free (path);
    }
    bool changed = memcmp (look, &now, sizeof now) != 0;
    *look = now;
    return changed;
}
