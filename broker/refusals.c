/*  See refusals.h. */
#include "broker/refusals.h"

#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#define LOG "broker"
#define LOG_EVERY_MS 10000

typedef struct {
    uint64_t count;
    uint64_t told;   /* of them, up to the last line */
    int64_t next_ms; /* when a line may be written again */
} reason_t;

struct aut_refusals {
    const aut_clock_t *clock;
    pthread_mutex_t lock;
    reason_t reasons[AUT_REFUSED_REASONS];
};

static const char *const texts[] = {
    [AUT_REFUSED_HANDSHAKE] = "handshake", [AUT_REFUSED_SPEECHLESS] = "speechless",
    [AUT_REFUSED_MESSAGE] = "message",     [AUT_REFUSED_REQUEST] = "request",
    [AUT_REFUSED_QUESTION] = "question",   [AUT_REFUSED_RESULT] = "result",
    [AUT_REFUSED_TRANSFER] = "transfer",   [AUT_REFUSED_HTTP] = "http",
    [AUT_REFUSED_FLOOD] = "flood",         [AUT_REFUSED_CROWD] = "crowd",
};

const char *aut_refused_text (aut_refused_t reason)
{
    return texts[reason];
}

aut_refusals_t *aut_refusals_new (const aut_clock_t *clock)
{
    aut_refusals_t *self = aut_calloc (1, sizeof *self);
    self->clock = clock;
    pthread_mutex_init (&self->lock, NULL);
    return self;
}

void aut_refusals_destroy (aut_refusals_t **self_p)
{
    aut_refusals_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    pthread_mutex_destroy (&self->lock);
    free (self);
}

/*  With the lock. How many a line is to tell of; 0 = no line now. */
static uint64_t due (aut_refusals_t *self, reason_t *reason)
{
    int64_t now = aut_mono_ms (self->clock);
    uint64_t untold = reason->count - reason->told;
    if (untold == 0 || now < reason->next_ms)
        return 0;
    reason->next_ms = now + LOG_EVERY_MS;
    reason->told = reason->count;
    return untold;
}

static void tell (aut_refused_t reason, uint64_t untold, const char *detail)
{
    if (untold == 1)
        aut_log (AUT_LOG_WARN, LOG, "refused (%s): %s", texts[reason], detail);
    else if (untold > 1)
        aut_log (AUT_LOG_WARN, LOG, "refused (%s): %s, and %" PRIu64 " more since the last line",
                 texts[reason], detail, untold - 1);
}

void aut_refusals_note (aut_refusals_t *self, aut_refused_t reason, const char *detail)
{
    if (!self)
        return;
    pthread_mutex_lock (&self->lock);
    self->reasons[reason].count++;
    uint64_t untold = due (self, &self->reasons[reason]);
    pthread_mutex_unlock (&self->lock);
    tell (reason, untold, detail);
}

void aut_refusals_reach (aut_refusals_t *self, aut_refused_t reason, uint64_t total,
                         const char *detail)
{
    if (!self)
        return;
    pthread_mutex_lock (&self->lock);
    if (total > self->reasons[reason].count)
        self->reasons[reason].count = total;
    uint64_t untold = due (self, &self->reasons[reason]);
    pthread_mutex_unlock (&self->lock);
    tell (reason, untold, detail);
}

void aut_refusals_tell_rest (aut_refusals_t *self)
{
    for (int i = 0; self && i < AUT_REFUSED_REASONS; i++) {
        pthread_mutex_lock (&self->lock);
        uint64_t untold = due (self, &self->reasons[i]);
        pthread_mutex_unlock (&self->lock);
        if (untold)
            aut_log (AUT_LOG_WARN, LOG, "refused (%s): %" PRIu64 " more since the last line",
                     texts[i], untold);
    }
}

uint64_t aut_refusals_count (const aut_refusals_t *self, aut_refused_t reason)
{
    return self ? __atomic_load_n (&self->reasons[reason].count, __ATOMIC_RELAXED) : 0;
}
