/*  Files and folders, done durably. */
#ifndef AUT_LIB_CORE_FILE_H
#define AUT_LIB_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  Reads a regular file of at most `max` bytes, adding a terminating 0; the caller frees `data`. */
int aut_file_read (const char *path, size_t max, char **data, size_t *size);

/*  The same from a descriptor at its start, which stays open; `path` names it in errors. */
int aut_file_read_fd (int fd, const char *path, size_t max, char **data, size_t *size);

/*  Writes temp → fsync → rename → fsync folder, so that a reader sees the old or the new file. */
int aut_file_write (const char *path, const void *data, size_t size);

/*  Writes all `size` bytes to a descriptor, going on after short writes and signals: 0, or -1 with
 *  errno set. */
int aut_file_write_all (int fd, const void *data, size_t size);

/*  Copies a file durably in the same way; a reflink where the file system can. Never a hard link:
 *  editing the copy in place must not change the original. */
int aut_file_copy (const char *from, const char *to);

/*  mkdir -p with mode 0755 (0700 for `aut_dir_make_private`). */
int aut_dir_make (const char *path);
int aut_dir_make_private (const char *path);

/*  rm -r below and including `path`; does not follow links. A path that is absent is no error. */
int aut_dir_remove (const char *path);

/*  fsync of a folder. */
int aut_dir_sync (const char *path);

/*  Joins "a", "b", … with '/', ended by NULL; the caller frees it. */
char *aut_path_join (const char *first, ...) __attribute__ ((sentinel));

/*  The folder of the running program ("/usr/bin"); the caller frees it. */
char *aut_path_self_dir (void);

/*  A program that belongs to auteur: beside the running one or in ../bin from there, else as PATH
 *  finds it; the caller frees it. NULL with AUT_ERR_NOT_FOUND recorded if it is nowhere. */
char *aut_path_program (const char *name);

/*  $XDG_STATE_HOME/auteur/LEAF, or ~/.local/state/auteur/LEAF; the caller frees it. */
char *aut_path_state (const char *leaf);

bool aut_file_exists (const char *path);

#endif
