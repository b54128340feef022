/*  The times of a forward: one for the whole video, or one per token (Wan 2.2 TI2V, where the
 *  given picture's tokens have time 0). Tokens share few times, so only the distinct ones are
 *  embedded, and what depends on them is applied to runs of neighbouring tokens.
 */
#ifndef AUT_ENGINE_WAN_TIMES_H
#define AUT_ENGINE_WAN_TIMES_H

#include "node/engine/shim/aten.h"

/*  More runs than this are not worth an operation each: values are gathered per token then. */
#define WAN_RUNS_MAX 8

typedef struct {
    int64_t start, length; /* tokens */
    int64_t row;           /* in `values` */
} wan_run_t;

typedef struct {
    int64_t count; /* distinct times */
    float *values; /* ascending */
    size_t runs;   /* 0: more than WAN_RUNS_MAX, see `rows` */
    wan_run_t run[WAN_RUNS_MAX];
    int64_t tokens;
    int64_t *rows; /* each token's row in `values`; NULL where runs say it */
} wan_times_t;

/*  Sorts out `count` timesteps of `tokens` tokens: 1 (for all) or one per token. AUT_ERR_INVALID
 *  for another count or one that is not finite. Freed with wan_times_free. */
int wan_times_make (wan_times_t *self, const float *timesteps, size_t count, int64_t tokens);
void wan_times_free (wan_times_t *self);

/*  The sinusoidal embedding of the distinct times (arXiv 1706.03762, cosines first), in the current
 *  scope → (count, channels) fp32. */
tensor_t *wan_times_embed (const wan_times_t *self, aten_t *c, int64_t channels);

/*  The rows of `table` (count, …) for the tokens start … start + length − 1, where all of them
 *  share one row (a view (1, …)), or else one per token (length, …). */
tensor_t *wan_times_rows (const wan_times_t *self, aten_t *c, tensor_t *table, int64_t start,
                          int64_t length);

/*  How many tokens from `start` on, at most `length`, are handled at once: those of one run, or all
 *  if there are no runs. */
int64_t wan_times_piece (const wan_times_t *self, int64_t start, int64_t length);

#endif
