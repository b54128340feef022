/*  Pictures and sounds that a storyboard names. lib/film opens no file by itself: whoever calls it
 *  passes a resolver (the client looks at the disk, the broker into the submission).
 */
#ifndef AUT_LIB_FILM_ASSETS_H
#define AUT_LIB_FILM_ASSETS_H

#include "lib/core/hash.h"

typedef enum { AUT_ASSET_IMAGE, AUT_ASSET_AUDIO } aut_asset_kind_t;

typedef struct {
    /*  Gives the content hash of the file at `path` (relative to the storyboard, already free of
     *  "..", a leading "/" and the like). 0, or an error code with aut_error_detail () saying why
     *  ("is not there", "is no picture"), without the path. Called once per path and kind, on
     *  the thread that validates. */
    int (*resolve) (void *ctx, const char *path, aut_asset_kind_t kind, aut_hash_t *hash);
    void *ctx;
} aut_assets_t;

/*  The real path of `path` below `dir`, which the caller frees: it must exist, be a readable
 *  regular file, and lie below `dir` after every symbolic link is followed. Errors are sentences
 *  for a resolver. */
int aut_asset_locate (char **real, const char *dir, const char *path);

/*  Whether a path is one that a storyboard may write: relative, no ".." or empty parts, no
 *  backslash, no control characters, at most 1024 bytes. NULL if so, else why not. */
const char *aut_asset_path_fault (const char *path);

#endif
