/*  See tally.h. */
#include "tests/faults/tally.h"

#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  splitmix64 */
uint64_t dice_next (dice_t *self)
{
    uint64_t z = self->state += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

dice_t dice_new (uint64_t seed, uint64_t number)
{
    dice_t dice = {seed};
    dice.state = dice_next (&dice) ^ number * 0xd1342543de82ef95U;
    dice_next (&dice);
    return dice;
}

int64_t dice_range (dice_t *self, int64_t lo, int64_t hi)
{
    return lo + (int64_t)(dice_next (self) % (uint64_t)(hi - lo + 1));
}

void times_add (times_t *self, int64_t ms)
{
    self->values = aut_grow (self->values, &self->cap, self->count + 1, sizeof *self->values);
    self->values[self->count++] = ms;
}

static int by_value (const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void times_print (times_t *self, const char *what)
{
    if (self->count == 0) {
        printf ("%-44s none\n", what);
        return;
    }
    qsort (self->values, self->count, sizeof *self->values, by_value);
    const int64_t *v = self->values;
    printf ("%-44s n %zu: min %" PRId64 ", p50 %" PRId64 ", p90 %" PRId64 ", max %" PRId64 " ms\n",
            what, self->count, v[0], v[(self->count - 1) / 2], v[(self->count - 1) * 9 / 10],
            v[self->count - 1]);
}

void times_clear (times_t *self)
{
    free (self->values);
    memset (self, 0, sizeof *self);
}
