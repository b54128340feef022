/*  Rotary positions: see rope.h. Angles are made per axis (a row for each place on it), and then
 *  every token's row is put together from three of them.
 */
#include "node/engine/wan/rope.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define THETA 10000.0

void wan_rope_split (int64_t head_dim, int64_t split[3])
{
    split[1] = split[2] = 2 * (head_dim / 6);
    split[0] = head_dim - split[1] - split[2];
}

/*  cos and sin of one axis: (places, channels), both values of a pair alike. */
static void fill_axis (float *cos_out, float *sin_out, int64_t places, int64_t channels)
{
    for (int64_t place = 0; place < places; place++)
        for (int64_t i = 0; i < channels; i += 2) {
            double frequency = 1.0 / pow (THETA, (double)i / (double)channels);
            double angle = (double)place * frequency;
            int64_t at = place * channels + i;
            cos_out[at] = cos_out[at + 1] = (float)cos (angle);
            sin_out[at] = sin_out[at + 1] = (float)sin (angle);
        }
}

/*  A table (N, head_dim) from the three axes' tables, which lie behind each other in `axes`. */
static void fill_tokens (float *out, const float *axes, const int64_t grid[3],
                         const int64_t split[3])
{
    const float *time = axes;
    const float *height = time + grid[0] * split[0];
    const float *width = height + grid[1] * split[1];
    for (int64_t t = 0; t < grid[0]; t++)
        for (int64_t h = 0; h < grid[1]; h++)
            for (int64_t w = 0; w < grid[2]; w++) {
                memcpy (out, time + t * split[0], (size_t)split[0] * sizeof *out);
                out += split[0];
                memcpy (out, height + h * split[1], (size_t)split[1] * sizeof *out);
                out += split[1];
                memcpy (out, width + w * split[2], (size_t)split[2] * sizeof *out);
                out += split[2];
            }
}

static int make_tables (wan_rope_t *self, aten_t *c, int64_t head_dim, const int64_t grid[3])
{
    int64_t split[3], tokens = grid[0] * grid[1] * grid[2], places = 0;
    wan_rope_split (head_dim, split);
    for (int i = 0; i < 3; i++)
        places += grid[i] * split[i];
    float *axes = aut_try_alloc (2 * (size_t)places, sizeof *axes);
    float *table = axes ? aut_try_alloc ((size_t)tokens, (size_t)head_dim * sizeof *table) : NULL;
    if (!table) {
        free (axes);
        return AUT_ERR_NOMEM;
    }
    float *cos_at = axes, *sin_at = axes + places;
    for (int i = 0; i < 3; i++) {
        fill_axis (cos_at, sin_at, grid[i], split[i]);
        cos_at += grid[i] * split[i];
        sin_at += grid[i] * split[i];
    }
    fill_tokens (table, axes, grid, split);
    self->cos =
        aten_keep (c, aten_from_host (c, table, AUT_DTYPE_F32, DIMS (1, tokens, 1, head_dim)));
    fill_tokens (table, axes + places, grid, split);
    self->sin =
        aten_keep (c, aten_from_host (c, table, AUT_DTYPE_F32, DIMS (1, tokens, 1, head_dim)));
    free (table);
    free (axes);
    return 0;
}

void wan_rope_prepare (wan_rope_t *self, aten_t *c, int64_t head_dim, const int64_t grid[3])
{
    if (self->sin && memcmp (self->grid, grid, sizeof self->grid) == 0)
        return;
    wan_rope_drop (self, c);
    memcpy (self->grid, grid, sizeof self->grid);
    aten_fail_code (c, make_tables (self, c, head_dim, grid));
    if (aten_status (c) != 0)
        wan_rope_drop (self, c);
}

void wan_rope_drop (wan_rope_t *self, aten_t *c)
{
    aten_drop (c, &self->cos);
    aten_drop (c, &self->sin);
}
