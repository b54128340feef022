/*  Pictures of chunks that run: the latest of each, in memory alone.
 *
 *  They come within PROGRESS and live no longer than the lease: nothing of them is on the disk, so
 *  nothing has to be cleaned up after a crash, no blob of somebody else's can be named or removed
 *  by them, and a lost one never matters. A restarted broker has none until the next ones come.
 *
 *      node socket ── offer ──> a ring of OFFERED pictures ── keep ──> one chunk's, and its last
 *                                    (the core has not judged its token)      (for readers)
 *
 *  Bounds: AUT_PREVIEW_MAX bytes a picture, 20 a second of one session, 256 offered, 512 chunks
 *  with two pictures each: 75 MiB at the very most. What is beyond is dropped. Two are kept,
 * because whoever was told of one may ask for it after the next has come.
 *
 *  Any thread; reads copy.
 */
#ifndef AUT_BROKER_LIVE_H
#define AUT_BROKER_LIVE_H

#include "lib/core/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct aut_live aut_live_t;

aut_live_t *aut_live_new (void);
void aut_live_destroy (aut_live_t **self_p);

/*  When a session may offer its next picture; zero-initialise, one for each session. */
typedef struct {
    int64_t due_ms;
} aut_live_pace_t;

/*  Copies a picture that a node offers at `now_ms`, for aut_live_keep; gives its hash, or zero for
 * one too many. AUT_ERR_INVALID if it is no whole PNG of at most 2048×2048 pixels. */
int aut_live_offer (aut_live_t *self, aut_live_pace_t *pace, const void *data, size_t size,
                    int64_t now_ms, aut_hash_t *hash);

/*  An offered picture is now the one of `task`, whose lease is current. False if it is not there
 * any more, or no room is. */
bool aut_live_keep (aut_live_t *self, uint64_t task, const aut_hash_t *hash);

/*  Whether `hash` is what is kept as the latest of `task`. */
bool aut_live_has (aut_live_t *self, uint64_t task, const aut_hash_t *hash);

/*  A kept picture of `task`, the last but one, too; the caller frees it. AUT_ERR_NOT_FOUND. */
int aut_live_read (aut_live_t *self, uint64_t task, const aut_hash_t *hash, char **data,
                   size_t *size);

/*  The same of any task, as a file to read that has no name and that the caller closes.
 *  AUT_ERR_NOT_FOUND, AUT_ERR_IO. */
int aut_live_open (aut_live_t *self, const aut_hash_t *hash, int *fd, uint64_t *size);

/*  Forgets the pictures of tasks of which `runs` says that this one is not theirs any more. */
void aut_live_sweep (aut_live_t *self,
                     bool (*runs) (void *ctx, uint64_t task, const aut_hash_t *hash), void *ctx);

/*  How many chunks have pictures. */
size_t aut_live_count (aut_live_t *self);

#endif
