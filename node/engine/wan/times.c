/*  Times: see times.h. */
#include "node/engine/wan/times.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PERIOD 10000.0

static int by_value (const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static int64_t row_of (const wan_times_t *self, float value)
{
    const float *at = bsearch (&value, self->values, (size_t)self->count, sizeof value, by_value);
    return at ? at - self->values : 0;
}

/*  Runs of equal times, or how many there would be if they are too many. */
static size_t find_runs (wan_times_t *self, const float *timesteps, int64_t count)
{
    size_t runs = 0;
    for (int64_t i = 0, start = 0; i < count; i++) {
        if (i + 1 < count && timesteps[i + 1] == timesteps[start])
            continue;
        if (runs < WAN_RUNS_MAX)
            self->run[runs] = (wan_run_t){start, i + 1 - start, row_of (self, timesteps[start])};
        runs++;
        start = i + 1;
    }
    return runs;
}

int wan_times_make (wan_times_t *self, const float *timesteps, size_t count, int64_t tokens)
{
    *self = (wan_times_t){.tokens = tokens};
    if (count != 1 && (tokens < 1 || count != (size_t)tokens))
        return aut_fail (AUT_ERR_INVALID,
                         "%zu timesteps: there must be one, or one for each of %lld"
                         " tokens",
                         count, (long long)tokens);
    for (size_t i = 0; i < count; i++)
        if (!isfinite (timesteps[i]))
            return aut_fail (AUT_ERR_INVALID, "timestep %zu is not a number", i);
    self->values = aut_try_alloc (count, sizeof *self->values);
    if (!self->values)
        return AUT_ERR_NOMEM;
    memcpy (self->values, timesteps, count * sizeof *self->values);
    qsort (self->values, count, sizeof *self->values, by_value);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || self->values[i] != self->values[self->count - 1])
            self->values[self->count++] = self->values[i];
    self->runs = find_runs (self, timesteps, (int64_t)count);
    if (count == 1)
        self->run[0].length = tokens;
    if (self->runs <= WAN_RUNS_MAX)
        return 0;
    self->runs = 0;
    self->rows = aut_try_alloc (count, sizeof *self->rows);
    if (!self->rows) {
        wan_times_free (self);
        return AUT_ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++)
        self->rows[i] = row_of (self, timesteps[i]);
    return 0;
}

void wan_times_free (wan_times_t *self)
{
    free (self->values);
    free (self->rows);
    *self = (wan_times_t){0};
}

tensor_t *wan_times_embed (const wan_times_t *self, aten_t *c, int64_t channels)
{
    int64_t half = channels / 2;
    float *exponents = aut_try_alloc ((size_t)half, sizeof *exponents);
    if (!exponents) {
        aten_fail_code (c, AUT_ERR_NOMEM);
        return NULL;
    }
    /* In fp32 from here on, as the reference has it: a phase of 999 shows an ulp of its frequency.
     */
    for (int64_t i = 0; i < half; i++)
        exponents[i] = (float)-log (MAX_PERIOD) * (float)i / (float)half;
    aten_scope_t scope = aten_open (c);
    tensor_t *exponent = aten_from_host (c, exponents, AUT_DTYPE_F32, DIMS (1, half));
    tensor_t *time = aten_from_host (c, self->values, AUT_DTYPE_F32, DIMS (self->count, 1));
    free (exponents);
    tensor_t *phase = aten_mul (c, time, aten_exp (c, exponent));
    tensor_t *parts[] = {aten_cos (c, phase), aten_sin (c, phase)};
    tensor_t *out = aten_cat (c, 1, 2, parts);
    if (channels % 2 != 0)
        out = aten_pad (c, out, 2, (int64_t[]){0, 1});
    return aten_close (c, scope, out);
}

static const wan_run_t *run_at (const wan_times_t *self, int64_t token)
{
    for (size_t i = 0; i < self->runs; i++)
        if (token < self->run[i].start + self->run[i].length)
            return &self->run[i];
    return NULL;
}

tensor_t *wan_times_rows (const wan_times_t *self, aten_t *c, tensor_t *table, int64_t start,
                          int64_t length)
{
    const wan_run_t *run = run_at (self, start);
    if (run && start + length <= run->start + run->length)
        return aten_narrow (c, table, 0, run->row, 1);
    aten_scope_t scope = aten_open (c);
    tensor_t *rows;
    if (self->rows) {
        rows = aten_from_host (c, self->rows + start, AUT_DTYPE_I64, DIMS (length));
        return aten_close (c, scope, aten_embedding (c, table, rows));
    }
    int64_t *ids = aut_try_alloc ((size_t)length, sizeof *ids);
    if (!ids)
        aten_fail_code (c, AUT_ERR_NOMEM);
    for (int64_t i = 0; ids && i < length; i++)
        ids[i] = run_at (self, start + i)->row;
    rows = ids ? aten_from_host (c, ids, AUT_DTYPE_I64, DIMS (length)) : NULL;
    free (ids);
    return aten_close (c, scope, aten_embedding (c, table, rows));
}

int64_t wan_times_piece (const wan_times_t *self, int64_t start, int64_t length)
{
    const wan_run_t *run = run_at (self, start);
    int64_t left = run ? run->start + run->length - start : length;
    return left < length ? left : length;
}
