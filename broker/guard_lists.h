/*  The lists of who is allowed as one table by key, for guard.c. Internal to the broker. */
#ifndef AUT_BROKER_GUARD_LISTS_H
#define AUT_BROKER_GUARD_LISTS_H

#include "broker/guard.h"

#include <sys/stat.h>
#include <uthash.h>

/*  A key of any list. */
typedef struct {
    char key[AUT_KEY_TEXT];
    aut_who_t who;
    UT_hash_handle hh;
} aut_guard_entry_t;

/*  How the files were when they were last looked at. */
typedef struct {
    struct {
        ino_t inode;
        off_t size;
        struct timespec changed;
    } files[AUT_ALLOW_BROKERS];
} aut_guard_look_t;

/*  The lists as they were when each could last be read. Zero-initialise. */
typedef struct {
    aut_allow_list_t kinds[AUT_ALLOW_BROKERS];
} aut_guard_lists_t;

/*  Reads the lists of `dir`. One that cannot be read stays as it was and does not keep the others
 *  from changing: 0, or why the last of those could not be read. */
int aut_guard_lists_load (aut_guard_lists_t *lists, const char *dir);
void aut_guard_lists_clear (aut_guard_lists_t *lists);

/*  The lists as one table, which aut_guard_entries_free frees. */
aut_guard_entry_t *aut_guard_entries_of (const aut_guard_lists_t *lists);
void aut_guard_entries_free (aut_guard_entry_t **entries);
aut_guard_entry_t *aut_guard_entries_find (aut_guard_entry_t *entries, const char *key);

/*  Looks at the files; true if they are other ones than at the last look. */
bool aut_guard_look (aut_guard_look_t *look, const char *dir);

#endif
