#include "tests/bench/bench_hello.h"

#include <stdio.h>
#include <string.h>

void bench_hello (bench_hello_t *self, uint64_t peer)
{
    static const char *const models[] = {"m"};
    snprintf (self->name, sizeof self->name, "n%u", (unsigned)peer);
    self->worker = (aut_core_worker_spec_t){.device = "cuda:0",
                                            .class_ = "cuda",
                                            .memory = 2000,
                                            .models = models,
                                            .model_count = 1,
                                            .credit = 1};
    self->event = (aut_core_event_t){.kind = AUT_EV_HELLO, .peer = peer};
    self->event.u.hello =
        (aut_core_hello_t){.name = self->name, .workers = &self->worker, .worker_count = 1};
    memcpy (self->event.u.hello.instance, &peer, sizeof peer);
}
