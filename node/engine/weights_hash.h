/*  The hashes of weights, which say in a film's metadata what made it. Hashing tens of gigabytes
 *  takes a minute, so each file's hash is kept, and is good for as long as its path, size and time
 *  of change are the same.
 *
 *  The cache is a file of JSON that may be deleted at any time. One that cannot be read is made
 *  anew; one that cannot be written is no error. Several programs may use it at once: the last one
 *  that writes wins, and at worst a file is hashed again.
 */
#ifndef AUT_ENGINE_WEIGHTS_HASH_H
#define AUT_ENGINE_WEIGHTS_HASH_H

#include "lib/core/hash.h"
#include "node/engine/folder.h"

/*  Where the cache is by default, $XDG_CACHE_HOME/auteur/weights-hashes.json or the same below
 *  ~/.cache; the caller frees it. NULL if neither folder is known: then nothing is kept. */
char *weights_hash_cache (void);

/*  The SHA-256 of a file's bytes in lower-case hex. `cache` is the path of the cache, or NULL for
 *  none. AUT_ERR_NOT_FOUND or AUT_ERR_IO for a file that cannot be read. */
int weights_hash (const char *file, const char *cache, char hex[AUT_HASH_HEX]);

/*  One hash for a whole model: SHA-256 over "PATH\0HEX\n" of model_index.json and of every file in
 *  the components' folders that are used, sorted by path ("transformer/config.json"). Hidden files
 *  and subfolders do not count, and neither does where the model lies. */
int weights_hash_model (const folder_t *folder, const char *cache, char hex[AUT_HASH_HEX]);

#endif
