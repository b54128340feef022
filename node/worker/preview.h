/*  Pictures of a chunk that is being made: how small they are and how often they come.
 *
 *  They are for looking at while one waits, and cost next to nothing: one in five seconds at most,
 *  none in a chunk's first five, and never more than a twentieth of the time. What one took counts
 *  for the next chunk, too, so that a short one does not pay for a slow first picture.
 */
#ifndef AUT_NODE_WORKER_PREVIEW_H
#define AUT_NODE_WORKER_PREVIEW_H

#include "lib/media/picture.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  Times in milliseconds. Zero-initialise; kept from chunk to chunk. */
typedef struct {
    int64_t every; /* at least between two, and before the first; 0 = 5000, negative: none at all */
    int64_t cost;  /* of the last */
    int64_t due;
} aut_preview_pace_t;

/*  A chunk begins. */
void aut_preview_begin (aut_preview_pace_t *self, int64_t now);
bool aut_preview_is_due (const aut_preview_pace_t *self, int64_t now);
/*  One was made, or tried in vain, from `began` until `now`. */
void aut_preview_made (aut_preview_pace_t *self, int64_t began, int64_t now);

/*  At most 320 pixels wide, as a result's preview is; `whole` stays as it is. Errors as
 *  aut_picture_scale's. */
int aut_preview_scale (aut_picture_t **out, const aut_picture_t *whole);

/*  The same as PNG of at most AUT_PREVIEW_MAX bytes, which the caller frees: still smaller where a
 *  busy picture needs more. AUT_ERR_TOO_LARGE if even that is not enough. */
int aut_preview_png (uint8_t **data, size_t *size, const aut_picture_t *whole);

#endif
