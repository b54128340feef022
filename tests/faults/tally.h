/*  Counts per kind of fault, recovery times as percentiles, and a seeded random stream.
 */
#ifndef TESTS_FAULTS_TALLY_H
#define TESTS_FAULTS_TALLY_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t state;
} dice_t;

/*  The same seed and number give the same stream. */
dice_t dice_new (uint64_t seed, uint64_t number);
uint64_t dice_next (dice_t *self);
/*  lo … hi, both included. */
int64_t dice_range (dice_t *self, int64_t lo, int64_t hi);

/*  Times in ms; zero-initialise. */
typedef struct {
    int64_t *values;
    size_t count, cap;
} times_t;

void times_add (times_t *self, int64_t ms);
/*  "n 12: min 31, p50 44, p90 80, max 97 ms", sorted in passing; "none" without values. */
void times_print (times_t *self, const char *what);
void times_clear (times_t *self);

#endif
