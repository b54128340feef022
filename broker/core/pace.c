/*  Measured times, and what they say of the future. */
#include "broker/core/pace.h"

#include <math.h>

#define SAMPLING 0.9

void aut_pace_add (aut_pace_t *self, double seconds, double cost)
{
    double pace = seconds / cost;
    if (!(cost > 0) || !(seconds >= 0) || !isfinite (pace))
        return;
    if (self->count < AUT_PACE_MEMORY)
        self->count++;
    self->seconds += (pace - self->seconds) / self->count;
}

double aut_pace_of (const aut_pace_t *self, double cost)
{
    return self->count ? self->seconds * cost : -1;
}

static double share (uint32_t done, uint32_t all)
{
    return !all ? 0 : done < all ? (double)done / all : 1;
}

double aut_core_part (uint32_t step, uint32_t steps, uint32_t frame, uint32_t frames)
{
    if (!step || !steps)
        return share (frame, frames);
    return frames ? SAMPLING * share (step, steps) + (1 - SAMPLING) * share (frame, frames)
                  : share (step, steps);
}

double aut_pace_whole (const aut_pace_run_t *run)
{
    double part = run->part - run->first_part;
    double seconds = (double)(run->part_ms - run->first_ms) / 1000;
    return part > 0 && seconds > 0 ? seconds / part : -1;
}

double aut_pace_left (const aut_pace_run_t *run, double whole, int64_t now_ms)
{
    double own = aut_pace_whole (run), left;
    if (own >= 0)
        left = own * (1 - run->part) - (double)(now_ms - run->part_ms) / 1000;
    else if (whole >= 0)
        left = whole - (double)(now_ms - run->since_ms) / 1000;
    else
        return -1;
    return left > 0 ? left : 0;
}
