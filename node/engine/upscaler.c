/*  The upscaler: see upscaler.h. Tiles are cut from the caller's frame on the host, so that the
 *  device sees one tile at a time.
 */
#include "node/engine/upscaler.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/engine/upscale/net.h"
#include "node/engine/upscale/source.h"

#include <math.h>
#include <stdlib.h>

#define LIMIT_CPU ((uint64_t)1 << 30)
#define LIMIT_CUDA ((uint64_t)4 << 30)
#define TILE_MIN 16
#define OVERHEAD 1.3 /* what convolutions need beside their tensors, generously */

struct upscaler {
    aten_t *c;
    source_t *source;
    net_t *net;
    uint64_t limit;
    upscaler_report_t report;
};

/*  A frame on its way: exactly one of each pair of pointers is set. */
typedef struct {
    const uint8_t *in8;
    const float *in;
    uint8_t *out8;
    float *out;
    int64_t width, height;
} work_t;

/*  How a frame is divided: tiles of step_x × step_y, the last of them smaller. */
typedef struct {
    int64_t columns, rows, step_x, step_y;
} grid_t;

/*  One tile: what it is to make, and what it is shown. */
typedef struct {
    int64_t x, y, width, height;            /* its own pixels */
    int64_t from_x, from_y, seen_w, seen_h; /* with what is around them */
} tile_t;

static int64_t least (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/*  Bytes for `pixels` input pixels: tensors, and the tile's pixels on the host, in and out. */
static uint64_t tile_bytes (const upscaler_t *self, int64_t pixels)
{
    int64_t scale = self->net->facts.scale;
    double tensors = (double)self->net->pixel_bytes * OVERHEAD;
    double host = 12.0 * (double)(1 + scale * scale);
    return (uint64_t)((tensors + host) * (double)pixels);
}

/*  Bytes of the largest tile of a grid. */
static uint64_t grid_bytes (const upscaler_t *self, const grid_t *grid, const work_t *work)
{
    int64_t around = 2 * self->net->facts.reach;
    return tile_bytes (self, least (work->width, grid->step_x + around) *
                                 least (work->height, grid->step_y + around));
}

/*  The fewest tiles whose need is at most `bytes`; false if even the smallest need more. */
static bool divide (const upscaler_t *self, grid_t *grid, const work_t *work, uint64_t bytes)
{
    *grid = (grid_t){.columns = 1, .rows = 1, .step_x = work->width, .step_y = work->height};
    while (grid_bytes (self, grid, work) > bytes) {
        bool wide = grid->step_x >= grid->step_y;
        int64_t *count = wide ? &grid->columns : &grid->rows;
        int64_t *step = wide ? &grid->step_x : &grid->step_y;
        int64_t length = wide ? work->width : work->height;
        if (*step <= TILE_MIN)
            return false;
        ++*count;
        *step = (length + *count - 1) / *count;
        *count = (length + *step - 1) / *step;
    }
    return true;
}

static int too_little (const upscaler_t *self)
{
    int64_t side = TILE_MIN + 2 * self->net->facts.reach;
    uint64_t need = self->net->facts.weight_bytes + tile_bytes (self, side * side);
    return aut_fail (AUT_ERR_DEVICE_MEMORY,
                     "upscaling: %.1f MiB are allowed, and this %s needs %.1f MiB for its smallest "
                     "tile; allow that much (--vram-limit), or use a smaller model",
                     (double)self->limit / 1048576, self->net->facts.architecture,
                     (double)need / 1048576);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int open_device (upscaler_t *self, const upscaler_options_t *options)
{
    self->limit = options->memory_limit;
    const aten_options_t device = {.device = options->device ? options->device : "cpu",
                                   .threads = options->threads,
                                   .tf32 = options->tf32,
                                   .memory_limit = options->memory_limit};
    int rc = aten_new (&self->c, &device);
    if (rc == AUT_OK && self->limit == 0)
        self->limit = aten_is_cuda (self->c) ? LIMIT_CUDA : LIMIT_CPU;
    if (rc == AUT_OK)
        aten_memory_reset (self->c);
    return rc;
}

static int open_model (upscaler_t *self, const char *model)
{
    int rc = source_open (&self->source, model);
    if (rc == AUT_OK)
        rc = net_open (&self->net, self->c, source_weights (self->source));
    if (rc != AUT_OK)
        return rc;
    upscaler_facts_t *facts = &self->net->facts;
    facts->reach = least (facts->reach, UPSCALER_REACH_MAX);
    int64_t side = TILE_MIN + 2 * facts->reach;
    if (facts->weight_bytes + tile_bytes (self, side * side) > self->limit)
        return too_little (self);
    return AUT_OK;
}

int upscaler_open (upscaler_t **out, const upscaler_options_t *options)
{
    upscaler_t *self = aut_calloc (1, sizeof *self);
    int rc = open_device (self, options);
    if (rc == AUT_OK)
        rc = open_model (self, options->model);
    if (rc != AUT_OK)
        upscaler_close (&self);
    *out = self;
    return rc;
}

void upscaler_close (upscaler_t **self_p)
{
    upscaler_t *self = *self_p;
    if (!self)
        return;
    net_close (&self->net);
    source_close (&self->source);
    aten_destroy (&self->c);
    free (self);
    *self_p = NULL;
}

const upscaler_facts_t *upscaler_facts (const upscaler_t *self)
{
    return &self->net->facts;
}

void upscaler_report (const upscaler_t *self, upscaler_report_t *out)
{
    aten_memory_t memory;
    aten_memory (self->c, &memory);
    *out = self->report;
    out->peak_bytes = memory.peak;
}

/* ---- one tile -------------------------------------------------------------------------------- */

/*  Place (column, row) of a grid, with what is around it as far as the frame goes. */
static tile_t tile_at (const upscaler_t *self, const grid_t *grid, const work_t *work,
                       int64_t column, int64_t row)
{
    int64_t reach = self->net->facts.reach;
    tile_t tile = {.x = column * grid->step_x, .y = row * grid->step_y};
    tile.width = least (grid->step_x, work->width - tile.x);
    tile.height = least (grid->step_y, work->height - tile.y);
    tile.from_x = tile.x - least (reach, tile.x);
    tile.from_y = tile.y - least (reach, tile.y);
    tile.seen_w = least (work->width, tile.x + tile.width + reach) - tile.from_x;
    tile.seen_h = least (work->height, tile.y + tile.height + reach) - tile.from_y;
    return tile;
}

/*  What a tile is shown, as floats in [0, 1]. */
static void gather (const work_t *work, const tile_t *tile, float *into)
{
    for (int64_t y = 0; y < tile->seen_h; y++) {
        int64_t at = ((tile->from_y + y) * work->width + tile->from_x) * 3;
        for (int64_t i = 0; i < tile->seen_w * 3; i++)
            *into++ = work->in8 ? (float)work->in8[at + i] / 255.0f : work->in[at + i];
    }
}

static float clamp (float value)
{
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

/*  Puts a tile's own part of `pixels` (its enlarged view) into the enlarged frame. */
static void place (const work_t *work, const tile_t *tile, int64_t scale, const float *pixels)
{
    int64_t left = (tile->x - tile->from_x) * scale, above = (tile->y - tile->from_y) * scale;
    for (int64_t y = 0; y < tile->height * scale; y++) {
        const float *from = pixels + ((above + y) * tile->seen_w * scale + left) * 3;
        int64_t to = ((tile->y * scale + y) * work->width * scale + tile->x * scale) * 3;
        for (int64_t i = 0; i < tile->width * scale * 3; i++) {
            if (work->out8)
                work->out8[to + i] = (uint8_t)(clamp (from[i]) * 255.0f + 0.5f);
            else
                work->out[to + i] = clamp (from[i]);
        }
    }
}

static int run_tile (upscaler_t *self, const work_t *work, const tile_t *tile)
{
    aten_t *c = self->c;
    int64_t scale = self->net->facts.scale, pixels = tile->seen_w * tile->seen_h;
    size_t size = (size_t)(pixels * scale * scale * 3) * sizeof (float);
    float *in = aut_try_alloc ((size_t)pixels * 3, sizeof *in), *out = aut_try_alloc (size, 1);
    aten_scope_t scope = aten_open (c);
    if (!in || !out) {
        aten_fail_code (c, AUT_ERR_NOMEM);
    } else {
        gather (work, tile, in);
        tensor_t *x =
            aten_from_host (c, in, AUT_DTYPE_F32, DIMS (1, tile->seen_h, tile->seen_w, 3));
        tensor_t *y = self->net->ops->forward (self->net, aten_permute (c, x, DIMS (0, 3, 1, 2)));
        aten_drop (c, &x);
        if (y && !aten_is_finite (c, y))
            aten_fail (c, AUT_ERR_CORRUPT, "upscaling: the model made numbers that are not finite");
        aten_read (c, aten_permute (c, y, DIMS (0, 2, 3, 1)), AUT_DTYPE_F32, out, size);
    }
    aten_close (c, scope, NULL);
    if (aten_status (c) == AUT_OK)
        place (work, tile, scale, out);
    free (in);
    free (out);
    return aten_status (c);
}

/* ---- a frame --------------------------------------------------------------------------------- */

static int run_grid (upscaler_t *self, const work_t *work, const grid_t *grid)
{
    self->report.columns = grid->columns;
    self->report.rows = grid->rows;
    int rc = AUT_OK;
    for (int64_t row = 0; row < grid->rows && rc == AUT_OK; row++)
        for (int64_t column = 0; column < grid->columns && rc == AUT_OK; column++) {
            tile_t tile = tile_at (self, grid, work, column, row);
            rc = run_tile (self, work, &tile);
        }
    return rc;
}

static int check_size (const upscaler_t *self, int64_t width, int64_t height)
{
    int64_t most = UPSCALER_SIDE_MAX / self->net->facts.scale;
    if (width >= 1 && height >= 1 && width <= most && height <= most)
        return AUT_OK;
    return aut_fail (AUT_ERR_INVALID,
                     "upscaling: a frame of %lld × %lld cannot be enlarged %lld times; sides are 1 "
                     "to %lld",
                     (long long)width, (long long)height, (long long)self->net->facts.scale,
                     (long long)most);
}

/*  All tiles, and again with less memory for each where the device has not what was allowed. */
static int run (upscaler_t *self, const work_t *work)
{
    uint64_t bytes = self->limit - self->net->facts.weight_bytes;
    for (;;) {
        grid_t grid;
        if (!divide (self, &grid, work, bytes))
            return too_little (self);
        int rc = run_grid (self, work, &grid);
        if (rc == AUT_OK)
            return rc;
        aten_clear (self->c);
        if (rc != AUT_ERR_DEVICE_MEMORY)
            return rc;
        aten_trim (self->c);
        uint64_t used = grid_bytes (self, &grid, work);
        bytes = (used < bytes ? used : bytes) / 2;
    }
}

int upscaler_frame_u8 (upscaler_t *self, const uint8_t *rgb, int64_t width, int64_t height,
                       uint8_t *out)
{
    int rc = check_size (self, width, height);
    if (rc != AUT_OK)
        return rc;
    const work_t work = {.in8 = rgb, .out8 = out, .width = width, .height = height};
    return run (self, &work);
}

int upscaler_frame (upscaler_t *self, const float *rgb, int64_t width, int64_t height, float *out)
{
    int rc = check_size (self, width, height);
    for (int64_t i = 0; rc == AUT_OK && i < width * height * 3; i++)
        if (!isfinite (rgb[i]))
            rc = aut_fail (AUT_ERR_INVALID, "upscaling: pixel (%lld, %lld) is not finite",
                           (long long)(i / 3 % width), (long long)(i / 3 / width));
    if (rc != AUT_OK)
        return rc;
    const work_t work = {.in = rgb, .out = out, .width = width, .height = height};
    return run (self, &work);
}
