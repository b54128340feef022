/*  The node's side of the conversation with the broker, as a pure state machine: events in, actions
 *  out, the time passed in. It opens no socket or file, starts nothing, reads no clock and draws no
 *  randomness of its own, so tests drive it through lost brokers, dying workers and stale tokens.
 *
 *  It decides: when to say HELLO again and with what; which task runs on which worker; what is
 *  told to the broker under which token, and until when it is repeated (until ACK or ABORT); when a
 *  worker hangs and is killed; what becomes of tasks when a drain ends.
 *
 *  A *hold* is one assigned attempt that the node has not been relieved of. It is known by a number
 *  of the node's own (`hold`), so that the token may change under it when a restarted broker adopts
 *  it. Holds are bounded: what would be one too many is given back with RELEASE.
 *
 *      FETCHING → QUEUED → RUNNING → UPLOADING → FINISHED  (DONE sent until ACK)
 *            ╲________╲_________╲__________╲____→ FAILED     (FAIL sent until ACK)
 *      ABORT at any time → the hold is forgotten (a running one when its worker has stopped)
 *
 *  One thread calls everything. Actions are given to `act` during aut_session_step, in order; their
 *  pointers are borrowed for the call, and `act` must not call the session.
 */
#ifndef AUT_NODE_SESSION_H
#define AUT_NODE_SESSION_H

#include "proto/message.h"
#include "proto/worker.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct aut_session aut_session_t;

typedef enum {
    AUT_SESSION_START,         /* once, first */
    AUT_SESSION_MESSAGE,       /* `message` came from the broker */
    AUT_SESSION_WORKER_UP,     /* `worker` takes tasks */
    AUT_SESSION_WORKER_DOWN,   /* `worker` has ended or could not start; `text` says how */
    AUT_SESSION_PROGRESS,      /* of `hold` on `worker`: `progress` */
    AUT_SESSION_RESULT,        /* `hold` on `worker` is made: `result` */
    AUT_SESSION_TASK_FAILED,   /* `hold` on `worker`: `code`, `text` */
    AUT_SESSION_FETCHED,       /* `hold`'s spec and inputs are here */
    AUT_SESSION_FETCH_FAILED,  /* `hold`: `code`, `text` */
    AUT_SESSION_UPLOADED,      /* `hold`'s results are with the broker: `refs` */
    AUT_SESSION_UPLOAD_FAILED, /* `hold`: `code`, `text` */
    AUT_SESSION_OFFER,         /* the workers' models are now those of `workers` */
    AUT_SESSION_DRAIN,         /* take no more; end when what runs has ended or after `within_ms` */
    AUT_SESSION_TICK           /* time has passed */
} aut_session_event_type_t;

/*  The blobs of one result; an all-zero hash stands for one that was not made. */
typedef struct {
    aut_ref_t mezzanine, tail, preview, metadata;
} aut_result_refs_t;

typedef struct {
    aut_session_event_type_t type;
    uint32_t worker; /* its id */
    uint64_t hold;
    int code;          /* aut_err_t */
    int64_t within_ms; /* DRAIN; negative: at once, results on their way are not waited for */
    const char *text;
    const aut_msg_t *message;
    const aut_worker_progress_t *progress;
    const aut_worker_result_t *result;
    const aut_result_refs_t *refs;
    const aut_msg_worker_t *workers; /* OFFER: matched by id; only their models count */
    size_t worker_count;
} aut_session_event_t;

typedef enum {
    AUT_ACT_SEND,         /* `message` to the broker; the one action whose result counts: not 0 if
                           * it could not even be queued. May be lost: what counts is repeated */
    AUT_ACT_RECONNECT,    /* close the socket and open it anew, looking up the address again */
    AUT_ACT_START_WORKER, /* → WORKER_UP or WORKER_DOWN */
    AUT_ACT_KILL_WORKER,  /* → WORKER_DOWN */
    AUT_ACT_FETCH,  /* spec and inputs of `assign` (NULL: as before, once more), to be kept →
                     * FETCHED, FETCH_FAILED */
    AUT_ACT_RUN,    /* `hold` on `worker` → PROGRESS, RESULT or TASK_FAILED or WORKER_DOWN */
    AUT_ACT_CANCEL, /* stop `hold` on `worker` → TASK_FAILED (or RESULT), or WORKER_DOWN */
    AUT_ACT_UPLOAD, /* the result files of `hold` → UPLOADED, UPLOAD_FAILED */
    AUT_ACT_FORGET, /* `hold` is over: stop its transfers, free and delete what it has */
    AUT_ACT_EXIT    /* everything has ended in order */
} aut_session_action_type_t;

typedef struct {
    aut_session_action_type_t type;
    uint32_t worker;
    uint64_t hold;
    const aut_msg_t *message;       /* SEND */
    const aut_msg_assign_t *assign; /* FETCH */
} aut_session_action_t;

typedef int (*aut_session_act_fn) (void *ctx, const aut_session_action_t *action);

/*  Strings and arrays are copied. Times in milliseconds; 0 takes the default in parentheses. */
typedef struct {
    const char *name;
    uint8_t instance[16]; /* random for each start of the node */
    const char *version;
    const aut_msg_worker_t *workers; /* at most AUT_WORKERS_MAX, with different ids */
    size_t worker_count;
    uint32_t hold_max;  /* (4 for each worker's credit, at most AUT_HELD_MAX) */
    uint32_t hang_ms;   /* (300000) a running worker without a sign of progress */
    uint32_t load_ms;   /* (900000) the same before the first progress of a task */
    uint32_t cancel_ms; /* (5000) a worker that does not stop is killed */
    uint32_t flush_ms;  /* (2000) after a drain's time, for results on their way */
    uint64_t seed;      /* of the jitter */
} aut_session_options_t;

/*  The caller owns the result; `act` gets `ctx`. */
aut_session_t *aut_session_new (const aut_session_options_t *options, aut_session_act_fn act,
                                void *ctx);
void aut_session_destroy (aut_session_t **self_p);

/*  One event at `now_ms` (monotonic). Cost is bounded by the number of holds and workers. */
void aut_session_step (aut_session_t *self, const aut_session_event_t *event, int64_t now_ms);

/*  When the next TICK is due at the latest. */
int64_t aut_session_deadline (const aut_session_t *self);

/*  What it holds and whether it has a broker, for logs and tests. */
size_t aut_session_holds (const aut_session_t *self);
bool aut_session_online (const aut_session_t *self);

/*  True while it is and no drain has begun. */
bool aut_session_takes_work (const aut_session_t *self);

#endif
