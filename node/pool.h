/*  The node's worker processes by their ids: starts them, speaks the worker stream with them, and
 *  turns what they say and how they end into events of the session.
 *
 *  One thread calls everything; nothing blocks but destroy, which kills and reaps.
 */
#ifndef AUT_NODE_POOL_H
#define AUT_NODE_POOL_H

#include "node/session.h"

#include <zmq.h>

typedef struct aut_pool aut_pool_t;

/*  Takes an event for the session; what it points to is borrowed for the call. */
typedef void (*aut_pool_event_fn) (void *ctx, const aut_session_event_t *event);

/*  How workers are started; everything is copied. */
typedef struct {
    const char *program;
    const char *models;              /* search path; may be NULL */
    const char *state;               /* the node's: they read its cache/, write to its work/ID/ */
    uint32_t threads;                /* that a worker on a cpu may use */
    uint64_t vram_limit;             /* bytes that a model may take of its device; 0 = all */
    const aut_msg_worker_t *workers; /* their ids and devices */
    size_t worker_count;
} aut_pool_options_t;

aut_pool_t *aut_pool_new (const aut_pool_options_t *options, aut_pool_event_fn event, void *ctx);

/*  Starts the process of a worker that has none; a failure comes as WORKER_DOWN at the next pump.
 */
void aut_pool_start (aut_pool_t *self, uint32_t worker);
void aut_pool_kill (aut_pool_t *self, uint32_t worker, int64_t now_ms);

/*  Hands a task to a worker, or cancels it. A failure shows as WORKER_DOWN or TASK_FAILED. */
void aut_pool_run (aut_pool_t *self, uint32_t worker, const aut_worker_task_t *task);
void aut_pool_cancel (aut_pool_t *self, uint32_t worker, uint64_t hold);

/*  Fills in what to poll, at most 3 items a worker; returns how many. */
size_t aut_pool_items (const aut_pool_t *self, zmq_pollitem_t *items, size_t max);

/*  Reads what is there and gives the events; returns the time of its next own deadline. */
int64_t aut_pool_pump (aut_pool_t *self, int64_t now_ms);

/*  Ends all processes: those that do not leave at the end of their stream are killed. */
void aut_pool_destroy (aut_pool_t **self_p);

#endif
