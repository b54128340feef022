#include "lib/core/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t read_ms (clockid_t id)
{
    struct timespec ts = {0};
    clock_gettime (id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t system_mono (void *ctx)
{
    (void)ctx;
    return read_ms (CLOCK_MONOTONIC);
}

static int64_t system_wall (void *ctx)
{
    (void)ctx;
    return read_ms (CLOCK_REALTIME);
}

const aut_clock_t *aut_clock_system (void)
{
    static const aut_clock_t clock = {.mono_ms = system_mono, .wall_ms = system_wall};
    return &clock;
}

int64_t aut_mono_ms (const aut_clock_t *clock)
{
    return clock->mono_ms (clock->ctx);
}

int64_t aut_wall_ms (const aut_clock_t *clock)
{
    return clock->wall_ms (clock->ctx);
}
