/*  How the benches of the core say HELLO: a node with one worker. */
#ifndef AUT_TESTS_BENCH_HELLO_H
#define AUT_TESTS_BENCH_HELLO_H

#include "broker/core/core.h"

/*  The event and what it borrows, so it must not be moved. */
typedef struct {
    char name[16];
    aut_core_worker_spec_t worker;
    aut_core_event_t event;
} bench_hello_t;

/*  Fills the HELLO of node "nPEER": one worker of class cuda for model "m", credit 1. */
void bench_hello (bench_hello_t *self, uint64_t peer);

#endif
