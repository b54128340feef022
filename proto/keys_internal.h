/*  Between the files of proto/keys.h; nobody else includes it. */
#ifndef AUT_PROTO_KEYS_INTERNAL_H
#define AUT_PROTO_KEYS_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

/*  Reads DIR/FILE if folder and file are closed to others; the caller frees `data`.
 *  AUT_ERR_NOT_FOUND, AUT_ERR_DENIED, AUT_ERR_TOO_LARGE as elsewhere. */
int aut_keys_read (const char *dir, const char *file, size_t max, char **data, size_t *size);

/*  Writes DIR/FILE with mode 0600, durably and in one piece, if the folder is closed to others;
 *  AUT_ERR_EXISTS without `replace`. */
int aut_keys_write (const char *dir, const char *file, const char *text, bool replace);

#endif
