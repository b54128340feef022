/*  A thread that hashes bytes while their owner writes them: SHA-256 costs as much as a write.
 *
 *  One call at a time; whoever finds it busy hashes for himself. It is never waited for in vain:
 * bytes that the thread has not begun with when they are wanted are hashed by who wants them, so a
 * busy machine, or one with a single core, loses nothing but a wake-up. Internal to lib/core.
 */
#ifndef AUT_LIB_CORE_HASH_AIDE_H
#define AUT_LIB_CORE_HASH_AIDE_H

#include "lib/core/hash.h"

typedef struct aut_hash_aide aut_hash_aide_t;

/*  The thread starts with the first use. */
aut_hash_aide_t *aut_hash_aide_new (void);
void aut_hash_aide_destroy (aut_hash_aide_t **self_p);

/*  Has `data` added to `hasher`; neither may be touched before aut_hash_aide_end. False if it is
 *  busy or not worth it: then nothing happens. Any thread. */
bool aut_hash_aide_begin (aut_hash_aide_t *self, aut_hasher_t *hasher, const void *data,
                          size_t size);
/*  Returns when that has been done; on the thread that began it. */
void aut_hash_aide_end (aut_hash_aide_t *self);

#endif
