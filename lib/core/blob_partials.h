/*  What a blob store remembers of DIR/partial: each upload or download that was begun and not
 *  finished, its bytes, whose it is and when it was last written. Internal to lib/core.
 *
 *  The files are the truth; this table follows them, so that bounds cost no walk over the folder.
 *  Those of other processes are seen when the folder is listed. A file is removed under its
 *  writer's lock, so never while anybody writes it. Has its own lock; any thread.
 */
#ifndef AUT_LIB_CORE_BLOB_PARTIALS_H
#define AUT_LIB_CORE_BLOB_PARTIALS_H

#include "lib/core/blob.h"

typedef struct aut_partials aut_partials_t;
typedef struct aut_partial aut_partial_t;

#define AUT_PARTIAL_NAME 104 /* hash, size, owner and two dots */

/*  The file's name in DIR/partial into `name`; returns it. */
char *aut_partial_name (char name[AUT_PARTIAL_NAME], const aut_hash_t *hash, uint64_t size,
                        const char *owner);

/*  Lists DIR/partial, which exists. */
int aut_partials_new (aut_partials_t **out, const char *dir);
void aut_partials_destroy (aut_partials_t **self_p);

void aut_partials_bound (aut_partials_t *self, const aut_partial_bounds_t *bounds);

/*  Begins to write `name`, whose file is open, locked and has `bytes`; NULL for a file that
 *  cannot be resumed and goes with its writer. Makes room by removing what was left longest ago:
 *  the owner's own, then anybody's. AUT_ERR_AGAIN if all of that is being written. */
int aut_partials_begin (aut_partials_t *self, aut_partial_t **out, const char *name,
                        const char *owner, uint64_t bytes);

/*  The file is to have `bytes` now. AUT_ERR_NO_SPACE if that is beyond the bounds and nothing can
 *  go for it; then nothing has changed. */
int aut_partials_resize (aut_partials_t *self, aut_partial_t *partial, uint64_t bytes);

/*  Ends the writing, before the file's lock goes; nulls the pointer. Not `kept`: the file is
 *  gone. */
void aut_partials_end (aut_partials_t *self, aut_partial_t **partial_p, bool kept);

bool aut_partials_sweep (aut_partials_t *self);
void aut_partials_stats (aut_partials_t *self, uint64_t *count, uint64_t *bytes);

#endif
