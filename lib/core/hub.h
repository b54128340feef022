/*  The Hugging Face cache on this machine: models that other programs have downloaded. Nothing is
 *  ever fetched from here.
 *
 *  Its layout: `models--ORG--NAME/refs/REF` holds a commit, `…/snapshots/COMMIT/` the files, which
 *  are links to `…/blobs/`.
 *  (https://huggingface.co/docs/huggingface_hub/guides/manage-cache)
 */
#ifndef AUT_LIB_CORE_HUB_H
#define AUT_LIB_CORE_HUB_H

#include <stdbool.h>

/*  Whether this is written like ORG/NAME or ORG/NAME@REVISION. No other name reaches the cache: no
 *  part of it can lead out of it. */
bool aut_hub_is_name (const char *model);

/*  Where the cache is, or would be; the caller frees it. NULL if even the home folder is unknown.
 */
char *aut_hub_root (void);

/*  The folder of a snapshot and its commit; the caller frees both. REVISION is the name of a ref
 *  (main, if there is none) or a whole commit. AUT_ERR_INVALID for what is no name,
 *  AUT_ERR_NOT_FOUND says where it was looked for. */
int aut_hub_find (char **path, char **commit, const char *model);

/*  Tells of every model in the cache that has a snapshot under the ref main: its name (ORG/NAME),
 *  the snapshot's folder and its commit, all borrowed for the call; in order of the names. Without
 * a cache it tells of none. At most AUT_HUB_MAX models are looked at. */
#define AUT_HUB_MAX 4096
void aut_hub_list (void (*found) (void *ctx, const char *name, const char *path,
                                  const char *commit),
                   void *ctx);

#endif
