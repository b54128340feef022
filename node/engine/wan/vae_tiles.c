/*  Tiles and their blending: see vae_tiles.h. */
#include "node/engine/wan/vae_tiles.h"

#include "lib/core/mem.h"

#include <stdlib.h>

static int64_t least (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void vae_stream_init (vae_stream_t *stream, aten_t *c, const vae_coder_t *coder, vae_code_t code,
                      const vae_tiling_t *tiling)
{
    *stream = (vae_stream_t){.c = c, .coder = coder, .code = code, .rows = 1, .columns = 1};
    if (tiling->in > 0) {
        stream->in = tiling->in;
        stream->in_stride = tiling->in_stride;
        stream->out = tiling->in * tiling->out_unit / tiling->in_unit;
        stream->out_stride = tiling->in_stride * tiling->out_unit / tiling->in_unit;
        stream->rows = (tiling->height + tiling->in_stride - 1) / tiling->in_stride;
        stream->columns = (tiling->width + tiling->in_stride - 1) / tiling->in_stride;
    }
    size_t count = (size_t)(stream->rows * stream->columns);
    stream->state = aut_calloc (count, sizeof *stream->state);
    stream->above = aut_calloc ((size_t)stream->columns, sizeof (tensor_t *));
    for (size_t i = 0; i < count; i++)
        vae_state_init (&stream->state[i], coder->slots);
}

void vae_stream_clear (vae_stream_t *stream)
{
    for (int64_t i = 0; stream->state && i < stream->rows * stream->columns; i++)
        vae_state_clear (&stream->state[i], stream->c);
    for (int64_t j = 0; stream->above && j < stream->columns; j++)
        aten_drop (stream->c, &stream->above[j]);
    free (stream->state);
    free (stream->above);
    *stream = (vae_stream_t){0};
}

/*  Fades the first entries of `tile` along `dim` in over the last ones of `edge`, in place. */
static void blend (aten_t *c, tensor_t *tile, tensor_t *edge, int dim)
{
    if (!edge || !tile)
        return;
    aten_scope_t s = aten_open (c);
    int64_t length = least (aten_dim (edge, dim), aten_dim (tile, dim));
    float *ramp = aut_calloc ((size_t)length, sizeof *ramp);
    for (int64_t i = 0; i < length; i++)
        ramp[i] = (float)i / (float)length;
    int64_t dims[5] = {1, 1, 1, 1, 1};
    dims[dim] = length;
    tensor_t *in = aten_from_host (c, ramp, AUT_DTYPE_F32, 5, dims);
    for (int64_t i = 0; i < length; i++)
        ramp[i] = (float)(1.0 - (double)i / (double)length);
    tensor_t *out = aten_from_host (c, ramp, AUT_DTYPE_F32, 5, dims);
    free (ramp);
    tensor_t *from = aten_narrow (c, edge, dim, aten_dim (edge, dim) - length, length);
    tensor_t *to = aten_narrow (c, tile, dim, 0, length);
    aten_copy_into (c, to, aten_addcmul (c, aten_mul (c, from, out), to, in));
    aten_close (c, s, NULL);
}

/*  The last entries of a tile along `dim`, which the next tile is blended with. NULL for none. */
static tensor_t *edge_of (const vae_stream_t *stream, tensor_t *tile, int dim)
{
    int64_t length = least (stream->out - stream->out_stride, aten_dim (tile, dim));
    if (length < 1)
        return NULL;
    tensor_t *edge = aten_narrow (stream->c, tile, dim, aten_dim (tile, dim) - length, length);
    return aten_clone (stream->c, edge);
}

/*  The part of x that tile (row, column) sees. */
static tensor_t *cut (const vae_stream_t *stream, tensor_t *x, int64_t row, int64_t column)
{
    aten_t *c = stream->c;
    int64_t y0 = row * stream->in_stride, x0 = column * stream->in_stride;
    x = aten_narrow (c, x, 3, y0, least (stream->in, aten_dim (x, 3) - y0));
    return aten_narrow (c, x, 4, x0, least (stream->in, aten_dim (x, 4) - x0));
}

/*  Puts what a tile adds to the whole into its place. */
static void place (const vae_stream_t *stream, tensor_t *whole, tensor_t *tile, int64_t row,
                   int64_t column)
{
    aten_t *c = stream->c;
    int64_t height = least (stream->out_stride, aten_dim (tile, 3));
    int64_t width = least (stream->out_stride, aten_dim (tile, 4));
    tensor_t *target = aten_narrow (c, whole, 3, row * stream->out_stride, height);
    target = aten_narrow (c, target, 4, column * stream->out_stride, width);
    tile = aten_narrow (c, aten_narrow (c, tile, 3, 0, height), 4, 0, width);
    aten_copy_into (c, target, tile);
}

/*  Where a tile's state waits while the other tiles have their turn: on the host. All states
 * together are larger than what whole pictures take (tiles overlap, and a state is most of the
 * memory). On the CPU nothing moves. */
static void park (const vae_stream_t *stream, vae_state_t *state, bool away)
{
    aten_t *c = stream->c;
    for (size_t i = 0; i < state->count && aten_is_cuda (c); i++) {
        tensor_t **slot = &state->slot[i];
        if (!*slot)
            continue;
        aten_scope_t s = aten_open (c);
        if (away) /* as it lies in memory, which aten_pin would change otherwise */
            aten_assign (c, slot, aten_pin (c, aten_to_host (c, vae_channels_last (c, *slot))));
        else
            aten_assign (c, slot, vae_channels_first (c, aten_to_device (c, *slot)));
        aten_close (c, s, NULL);
    }
}

/*  One tile, coded and blended with the ones above and to the left. */
static tensor_t *code_tile (vae_stream_t *stream, tensor_t *x, int64_t row, int64_t column,
                            tensor_t *left)
{
    aten_t *c = stream->c;
    aten_scope_t s = aten_open (c);
    vae_run_t run = {.c = c, .state = &stream->state[row * stream->columns + column]};
    park (stream, run.state, false);
    tensor_t *tile = stream->code (&run, stream->coder, cut (stream, x, row, column));
    park (stream, run.state, true);
    blend (c, tile, stream->above[column], 3);
    blend (c, tile, left, 4);
    return aten_close (c, s, tile);
}

static tensor_t *code_tiles (vae_stream_t *stream, tensor_t *x)
{
    aten_t *c = stream->c;
    int64_t height = aten_dim (x, 3) * stream->out / stream->in;
    int64_t width = aten_dim (x, 4) * stream->out / stream->in;
    tensor_t *whole = NULL;
    for (int64_t row = 0; row < stream->rows; row++) {
        tensor_t *left = NULL;
        for (int64_t column = 0; column < stream->columns && !aten_status (c); column++) {
            tensor_t *tile = code_tile (stream, x, row, column, left);
            if (!whole)
                whole =
                    aten_empty (c, aten_dtype (tile),
                                DIMS (1, aten_dim (tile, 1), aten_dim (tile, 2), height, width));
            place (stream, whole, tile, row, column);
            aten_drop (c, &left);
            left = edge_of (stream, tile, 4);
            aten_assign (c, &stream->above[column], edge_of (stream, tile, 3));
            aten_drop (c, &tile);
        }
    }
    for (int64_t column = 0; column < stream->columns; column++)
        aten_drop (c, &stream->above[column]);
    return whole;
}

tensor_t *vae_stream_next (vae_stream_t *stream, tensor_t *x, tap_t *tap)
{
    aten_t *c = stream->c;
    aten_scope_t s = aten_open (c);
    if (stream->in == 0) {
        vae_run_t run = {.c = c, .state = stream->state, .tap = tap};
        return aten_close (c, s, stream->code (&run, stream->coder, x));
    }
    tensor_t *whole = code_tiles (stream, x);
    aten_drop (c, &x);
    return aten_close (c, s, whole);
}
