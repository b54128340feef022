/*  A consistent copy of a state directory, also of one that is in use: first the database, by
 *  SQLite's own backup, then the artifacts. A broker never deletes an artifact, so whatever the
 * copy of the database names is there when the artifacts are copied. */
#include "broker/broker.h"

#include "broker/store/store.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*  AUT_ERR_EXISTS if `to` is there with something in it; else it is made. */
static int make_target (const char *to)
{
    DIR *dir = opendir (to);
    const struct dirent *entry;
    bool any = false;
    if (dir) {
        while (!any && (entry = readdir (dir)))
            any = strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0;
        closedir (dir);
    }
    return any ? aut_fail (AUT_ERR_EXISTS, "--backup %s is not empty", to)
               : aut_dir_make_private (to);
}

static int copy_entry (const char *from, const char *to, const char *name,
                       int (*each) (const char *, const char *))
{
    char *source = aut_path_join (from, name, NULL), *target = aut_path_join (to, name, NULL);
    int rc = each (source, target);
    free (source);
    free (target);
    return rc;
}

/*  Calls `each` for what is in a folder: for folders, or for files. */
static int walk (const char *from, const char *to, bool folders,
                 int (*each) (const char *, const char *))
{
    DIR *dir = opendir (from);
    const struct dirent *entry;
    int rc = 0;
    if (!dir)
        return aut_fail_errno ("cannot read %s", from);
    while (!rc && (entry = readdir (dir))) {
        /* Artifacts lie in folders of two hex digits; partial and damaged ones elsewhere. */
        bool shard = strlen (entry->d_name) == 2 && entry->d_name[0] != '.';
        if (entry->d_name[0] != '.' && (!folders || shard))
            rc = copy_entry (from, to, entry->d_name, each);
    }
    closedir (dir);
    return rc;
}

static int copy_shard (const char *from, const char *to)
{
    int rc = aut_dir_make (to);
    return rc ? rc : walk (from, to, false, aut_file_copy);
}

int aut_broker_backup (const char *state_dir, const char *to)
{
    int rc = make_target (to);
    if (rc)
        return rc;
    char *database = aut_path_join (to, "auteur.db", NULL);
    char *from = aut_path_join (state_dir, "blobs", NULL);
    char *blobs = aut_path_join (to, "blobs", NULL);
    rc = aut_store_copy_sqlite (state_dir, database);
    if (!rc)
        rc = aut_dir_make (blobs);
    if (!rc && aut_file_exists (from))
        rc = walk (from, blobs, true, copy_shard);
    if (!rc)
        rc = aut_dir_sync (to);
    free (database);
    free (from);
    free (blobs);
    return rc;
}
