/*  The clock is passed in, so that tests and the simulator own time. */
#ifndef AUT_LIB_CORE_CLOCK_H
#define AUT_LIB_CORE_CLOCK_H

#include <stdint.h>

typedef struct aut_clock {
    int64_t (*mono_ms) (void *ctx); /* monotonic milliseconds, any origin */
    int64_t (*wall_ms) (void *ctx); /* milliseconds since 1970-01-01 UTC */
    void *ctx;
} aut_clock_t;

/*  The machine's clock. */
const aut_clock_t *aut_clock_system (void);

/*  Shorthands on a clock. */
int64_t aut_mono_ms (const aut_clock_t *clock);
int64_t aut_wall_ms (const aut_clock_t *clock);

#endif
