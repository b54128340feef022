/*  See fault.h: a test hook. */
#include "node/worker/fault.h"

#include "lib/core/error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEATH_STATUS 70

static void sleep_ms (long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep (&t, NULL);
}

static bool contains (const char *prompt, const char *text, size_t len)
{
    return len == 0 || memmem (prompt, strlen (prompt), text, len) != NULL;
}

static bool is_kind (const char *fault, size_t len, const char *kind)
{
    size_t n = strlen (kind);
    return len > n && strncmp (fault, kind, n) == 0 && fault[n] == ':';
}

/*  One fault, `len` bytes of "KIND:TEXT". */
static int apply (const char *fault, size_t len, const char *prompt, bool middle)
{
    const char *end = fault + len;
    if (is_kind (fault, len, "slow")) {
        char *text = NULL;
        long ms = strtol (fault + 5, &text, 10);
        size_t rest = text < end && *text == ':' ? (size_t)(end - text - 1) : 0;
        if (ms > 0 && contains (prompt, text + 1, rest))
            sleep_ms (ms);
    } else if (middle && is_kind (fault, len, "die") && contains (prompt, fault + 4, len - 4)) {
        _exit (DEATH_STATUS);
    } else if (middle && is_kind (fault, len, "hang") && contains (prompt, fault + 5, len - 5)) {
        for (;;)
            sleep_ms (1000);
    } else if (middle && is_kind (fault, len, "oom") && contains (prompt, fault + 4, len - 4)) {
        return aut_fail (AUT_ERR_DEVICE_MEMORY, "test hook: out of device memory");
    }
    return 0;
}

int aut_fault_before_frame (const char *faults, const char *prompt, uint32_t frame, uint32_t frames)
{
    int rc = 0;
    while (faults && *faults && rc == 0) {
        size_t len = strcspn (faults, ";");
        rc = apply (faults, len, prompt, frame == frames / 2);
        faults += len + (faults[len] == ';');
    }
    return rc;
}
