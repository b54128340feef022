/*  How long work takes, from what was measured: pure figures, for time left. A task's cost is its
 *  frames × steps; a pace is seconds for one unit of it.
 */
#ifndef AUT_BROKER_CORE_PACE_H
#define AUT_BROKER_CORE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define AUT_PACE_MEMORY 16 /* measurements that a running mean is of, about */

/*  A running mean. Zero-initialise. */
typedef struct {
    double seconds; /* for a unit of cost */
    uint32_t count; /* of measurements, up to AUT_PACE_MEMORY */
} aut_pace_t;

/*  Adds that `cost` units took `seconds`; what is not positive or not finite is left out. */
void aut_pace_add (aut_pace_t *self, double seconds, double cost);

/*  Seconds for `cost` units, negative while nothing was measured. */
double aut_pace_of (const aut_pace_t *self, double cost);

/*  How far an attempt is, 0 … 1, by what its worker says: sampling is nine tenths of the work,
 *  decoding frames the rest; without steps the frames are all of it. */
double aut_core_part (uint32_t step, uint32_t steps, uint32_t frame, uint32_t frames);

/*  What is known of a running attempt, times in ms on one clock. */
typedef struct {
    double first_part, part;   /* how far it was when it first said so, and last */
    int64_t first_ms, part_ms; /* when that was; equal: it said so once */
    int64_t since_ms;          /* when it began */
} aut_pace_run_t;

/*  Seconds that a whole attempt like this takes by its own news, negative when not known. */
double aut_pace_whole (const aut_pace_run_t *run);

/*  Seconds that it has left at `now_ms`: by its own news, else by `whole` (seconds for all of it,
 *  negative = unknown); never below 0, negative when not known. */
double aut_pace_left (const aut_pace_run_t *run, double whole, int64_t now_ms);

#endif
