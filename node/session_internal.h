/*  Shared by the files of the session: session.c (events, time, draining), session_link.c (the
 *  conversation with the broker), session_hold.c (holds and what is said about them),
 *  session_work.c (workers and transfers). Nobody else includes this. */
#ifndef AUT_NODE_SESSION_INTERNAL_H
#define AUT_NODE_SESSION_INTERNAL_H

#include "lib/core/log.h"
#include "node/session.h"

#define SES_REPEAT_MS 5000 /* DONE and FAIL until ACK */

typedef enum {
    HOLD_FETCHING,
    HOLD_QUEUED,
    HOLD_RUNNING,
    HOLD_UPLOADING,
    HOLD_FINISHED,
    HOLD_FAILED
} hold_state_t;

typedef struct {
    uint64_t id;
    aut_token_t token;
    char job[32];     /* for logs; "" = unknown */
    const char *node; /* the session's name with the broker, for logs */
    uint32_t worker;  /* index */
    hold_state_t state;
    bool confirmed; /* the broker knows this token in this conversation */
    bool aborting;  /* RUNNING, and nobody wants it any more */
    bool overdue;   /* its worker is being killed because it hung */
    int64_t due; /* RUNNING: watchdog; FETCHING, UPLOADING: next try, 0 = under way; else repeat */
    uint32_t tries;
    aut_hash_t *used;
    size_t used_count;
    aut_result_refs_t refs;
    double seconds;
    uint64_t peak_bytes;
    int code;
    char *text;
} hold_t;

typedef enum {
    WORKER_DOWN,
    WORKER_STARTING,
    WORKER_IDLE,
    WORKER_BUSY,
    WORKER_KILLED
} worker_state_t;

typedef struct {
    aut_msg_worker_t info; /* strings owned */
    worker_state_t state;
    uint64_t hold;    /* what it runs, 0 = nothing */
    bool up;          /* it has said HELLO since its start */
    int64_t start_at; /* DOWN: when it is started again; STARTING: when that has taken too long */
    int64_t backoff;
    uint32_t failed_starts;
} worker_t;

struct aut_session {
    aut_session_options_t options; /* strings owned; workers are in `workers` */
    aut_session_act_fn act;
    void *ctx;
    int64_t now;
    uint64_t random;

    worker_t *workers;
    hold_t **holds;
    size_t hold_count;
    uint64_t last_id;

    bool online;
    bool exited;
    uint64_t epoch;
    char name[AUT_NAME_MAX + 1]; /* as the broker welcomed it */
    uint32_t ping_ms;
    int64_t hello_at, hello_wait; /* the next HELLO while offline */
    int64_t hello_sent;
    uint32_t reconnects; /* since it was last online */
    int64_t heard_at, ping_at, confirm_at;
    bool offer_due; /* the HELLO under way says what was offered before */
    bool refused;   /* a RELEASE stops new work until a HELLO: due once there is room */

    bool draining;
    int64_t drain_at, flush_at;
};

int ses_act (aut_session_t *self, aut_session_action_type_t type, uint32_t worker, uint64_t hold);
int ses_send_msg (aut_session_t *self, const aut_msg_t *msg);
void ses_send_token (aut_session_t *self, aut_msg_type_t type, const aut_token_t *token);
/*  A log line about a hold. */
void ses_log (const hold_t *hold, aut_log_level_t level, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
int64_t ses_jitter (aut_session_t *self, int64_t ms);
hold_t *ses_find_hold (const aut_session_t *self, uint64_t id);
hold_t *ses_find_attempt (const aut_session_t *self, const aut_token_t *token);
void ses_free_hold (hold_t *hold);
void ses_forget (aut_session_t *self, hold_t *hold);
void ses_tell (aut_session_t *self, hold_t *hold);
void ses_fail_hold (aut_session_t *self, hold_t *hold, int code, const char *text);
void ses_upload (aut_session_t *self, hold_t *hold);
void ses_drop (aut_session_t *self, hold_t *hold);
worker_t *ses_find_worker (const aut_session_t *self, uint32_t id);
void ses_start_worker (aut_session_t *self, worker_t *worker);
void ses_kill_worker (aut_session_t *self, worker_t *worker);
void ses_schedule (aut_session_t *self, worker_t *worker);
void ses_worker_up (aut_session_t *self, worker_t *worker);
void ses_worker_down (aut_session_t *self, worker_t *worker, const char *text);
void ses_on_progress (aut_session_t *self, worker_t *worker, const aut_session_event_t *event);
void ses_on_result (aut_session_t *self, worker_t *worker, const aut_session_event_t *event);
void ses_on_task_failed (aut_session_t *self, worker_t *worker, const aut_session_event_t *event);
void ses_on_transfer (aut_session_t *self, const aut_session_event_t *event);
void ses_say_hello (aut_session_t *self);
void ses_release (aut_session_t *self, const aut_token_t *token);
void ses_on_message (aut_session_t *self, const aut_msg_t *msg);
void ses_tick_link (aut_session_t *self);

#endif
