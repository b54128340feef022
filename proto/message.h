/*  The messages of the client, node and data sockets, as structs, and their codec.
 *
 *  proto/messages.md is the norm; this file is its C form. Frame 0 is "AUT1" and one type byte,
 *  frame 1 is one msgpack map; DATA has exactly one body frame more, the others none. Sockets are
 *  in proto/net.h, the stream between node and worker in proto/worker.h.
 *
 *  Ownership: a decoded message owns its strings and arrays through `owned`, and aut_msg_clear
 *  frees them at once. A message built by hand borrows what its pointers show, needs no clear and
 *  may be given one. A struct copy moves ownership. Absent optional values are NULL, 0 or a ref
 *  whose hash is all zero. No function here blocks or keeps state: any thread.
 */
#ifndef AUT_PROTO_MESSAGE_H
#define AUT_PROTO_MESSAGE_H

#include "lib/core/buffer.h"
#include "lib/core/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUT_HEAD_SIZE 5            /* frame 0 */
#define AUT_CONTROL_MAX (64 << 10) /* frame 1, bytes */
#define AUT_BODY_MAX (1 << 20)     /* the body frame of DATA, bytes */

/*  Bounds of strings (bytes, without terminator) and arrays (elements). */
#define AUT_NAME_MAX 128 /* node, shot, device, model, project, job, role, state names */
#define AUT_IDEMPOTENCY_MAX 128
#define AUT_TEXT_MAX 512 /* messages for people */
#define AUT_SPEC_MAX (32 << 10)
#define AUT_PREVIEW_MAX (60 << 10) /* a running chunk's picture: it fits in a message */
#define AUT_MANIFEST_MAX (32 << 10)
#define AUT_WORKERS_MAX 64
#define AUT_MODELS_MAX 64 /* of one worker; manifests of one page */
#define AUT_HELD_MAX 256
#define AUT_INPUTS_MAX 64
#define AUT_PAGE_MAX 32      /* results of one page: they always fit in one message */
#define AUT_PRIORITY_MAX 100 /* priorities are -100 … 100 */

/*  What fences an attempt: these three, checked together. */
typedef struct {
    uint64_t task;
    uint32_t attempt;
    uint64_t epoch; /* which broker, and which start of it: lib/core/epoch.h */
} aut_token_t;

/*  A blob by name and size; an all-zero hash means absent. */
typedef struct {
    aut_hash_t hash;
    uint64_t size;
} aut_ref_t;

/*  X (NAME, field, type byte) */
#define AUT_MESSAGES(X)                                                                            \
    X (OK, ok, 0x01)                                                                               \
    X (ERROR, error, 0x02)                                                                         \
    X (PING, ping, 0x03)                                                                           \
    X (PONG, pong, 0x04)                                                                           \
    X (SUBMIT, submit, 0x10)                                                                       \
    X (SUBMITTED, submitted, 0x11)                                                                 \
    X (CANCEL, cancel, 0x12)                                                                       \
    X (RETRY, retry, 0x13)                                                                         \
    X (RESULTS, results, 0x14)                                                                     \
    X (RESULTS_PAGE, results_page, 0x15)                                                           \
    X (DRAIN, drain, 0x16)                                                                         \
    X (MODELS, models, 0x17)                                                                       \
    X (MODELS_PAGE, models_page, 0x18)                                                             \
    X (HELLO, hello, 0x20)                                                                         \
    X (WELCOME, welcome, 0x21)                                                                     \
    X (ASSIGN, assign, 0x22)                                                                       \
    X (STARTED, started, 0x23)                                                                     \
    X (PROGRESS, progress, 0x24)                                                                   \
    X (DONE, done, 0x25)                                                                           \
    X (FAIL, fail, 0x26)                                                                           \
    X (ACK, ack, 0x27)                                                                             \
    X (ABORT, abort, 0x28)                                                                         \
    X (ADOPT, adopt, 0x29)                                                                         \
    X (RELEASE, release, 0x2a)                                                                     \
    X (BYE, bye, 0x2b)                                                                             \
    X (PUT, put, 0x40)                                                                             \
    X (GO, go, 0x41)                                                                               \
    X (DATA, data, 0x42)                                                                           \
    X (CREDIT, credit, 0x43)                                                                       \
    X (STORED, stored, 0x44)                                                                       \
    X (GET, get, 0x45)                                                                             \
    X (CLOSE, close, 0x46)

typedef enum {
#define AUT_MSG_ENUM(name, field, byte) AUT_MSG_##name = byte,
    AUT_MESSAGES (AUT_MSG_ENUM)
#undef AUT_MSG_ENUM
} aut_msg_type_t;

/*  General. `req` repeats the request's number, 0 if there is none; `xfer` the transfer's. */
typedef struct {
    uint64_t req;
} aut_msg_ok_t;

typedef struct {
    uint64_t req;        /* 0: not about a request */
    uint64_t xfer;       /* 0: not about a transfer */
    const char *code;    /* aut_error_text () of the code */
    const char *message; /* what is wrong, where, what to do */
} aut_msg_error_t;

typedef struct {
    char nothing;
} aut_msg_empty_t;

typedef aut_msg_empty_t aut_msg_ping_t, aut_msg_pong_t, aut_msg_bye_t;

/*  Client socket. Requests carry `req` ≥ 1, chosen by the client, and may be sent again. */
typedef struct {
    uint64_t req;
    aut_ref_t submission;    /* the submission blob, uploaded before */
    int32_t priority;        /* -100 … 100 */
    const char *idempotency; /* optional: the same key gives the same job,
                                and is refused with another submission */
    const char *project;
} aut_msg_submit_t;

typedef struct {
    uint64_t req;
    const char *job;
    bool existing; /* the idempotency key was known: no new job was made */
} aut_msg_submitted_t;

typedef struct {
    uint64_t req;
    const char *job;
} aut_msg_job_t;

typedef aut_msg_job_t aut_msg_cancel_t, aut_msg_retry_t;

typedef struct {
    uint64_t req;
    const char *job;
    uint64_t after; /* the `next` of the page before, 0 for the first */
    uint32_t limit; /* items wanted, 1 … AUT_PAGE_MAX */
} aut_msg_results_t;

typedef struct {
    uint64_t ordinal; /* ≥ 1, the task's place in its job */
    const char *shot;
    uint32_t chunk;
    aut_hash_t key;
    const char *state;
    uint32_t attempt;
    const char *node;   /* optional */
    const char *device; /* optional */
    double seconds;
    uint64_t peak_bytes;
    aut_ref_t mezzanine, tail, preview, metadata; /* optional */
    const char *error;                            /* optional */
    bool cached; /* optional: done without running, by a result that was there before */
} aut_msg_result_t;

typedef struct {
    uint64_t req;
    const char *job;
    const char *state; /* of the job */
    uint64_t next;     /* 0 = that was the last page */
    const aut_msg_result_t *items;
    size_t item_count;
} aut_msg_results_page_t;

typedef struct {
    uint64_t req;
    const char *node;
} aut_msg_drain_t;

typedef struct {
    uint64_t req;
    uint64_t after;
} aut_msg_models_t;

typedef struct {
    uint64_t req;
    uint64_t next;            /* 0 = that was the last page */
    const char *const *items; /* manifests as JSON */
    size_t item_count;
} aut_msg_models_page_t;

/*  Node socket. */
typedef struct {
    uint32_t id;        /* the node's own number of the worker, unique in the HELLO */
    const char *device; /* "cpu", "cuda:0" */
    const char *class_; /* "cpu", "cuda"; key "class" */
    uint64_t memory;    /* bytes */
    const char *const *models;
    size_t model_count;
    uint32_t credit; /* tasks that may be assigned at once, ≥ 1 */
} aut_msg_worker_t;

typedef struct {
    uint64_t task;
    uint32_t attempt;
    uint64_t epoch;
    bool finished; /* the result is there and waits for its ACK */
} aut_msg_held_t;

typedef struct {
    const char *name;
    uint8_t instance[16]; /* random at each start of the node */
    const char *version;
    const aut_msg_worker_t *workers;
    size_t worker_count;
    const aut_msg_held_t *held;
    size_t held_count;
} aut_msg_hello_t;

typedef struct {
    uint64_t node;    /* the broker's number for this session */
    const char *name; /* made unique */
    uint64_t epoch;
    uint32_t ping_ms, silent_ms, lease_ms;
} aut_msg_welcome_t;

typedef struct {
    const char *role; /* "tail", "init", "last", "image" */
    const char *key;  /* the predecessor's task key, or the picture's hash, in hex */
    aut_ref_t ref;
} aut_msg_input_t;

typedef struct {
    aut_token_t token;
    uint32_t worker;
    uint32_t lease_ms;
    const char *job;
    const uint8_t *spec; /* canonical JSON, or NULL and spec_ref; also terminated by a 0 */
    size_t spec_size;
    aut_ref_t spec_ref; /* optional */
    const aut_msg_input_t *inputs;
    size_t input_count;
} aut_msg_assign_t;

typedef struct {
    aut_token_t token;
} aut_msg_token_t;

typedef aut_msg_token_t aut_msg_started_t, aut_msg_ack_t, aut_msg_abort_t, aut_msg_release_t;

typedef struct {
    aut_token_t token;
    uint32_t step, steps, frame, frames;
    const uint8_t *preview; /* PNG, optional */
    size_t preview_size;
} aut_msg_progress_t;

typedef struct {
    aut_token_t token;
    aut_ref_t mezzanine, metadata;
    aut_ref_t tail, preview; /* optional */
    const aut_hash_t *used;  /* the inputs that were read, in the order of ASSIGN */
    size_t used_count;
    double seconds;
    uint64_t peak_bytes;
    const char *device;
} aut_msg_done_t;

typedef struct {
    aut_token_t token;
    const char *code; /* aut_error_text () */
    const char *message;
} aut_msg_fail_t;

typedef struct {
    aut_token_t token;  /* the old one */
    uint64_t new_epoch; /* from now on the attempt's epoch */
} aut_msg_adopt_t;

/*  Data socket. `xfer` ≥ 1 is chosen by the client of the socket, one per transfer. */
typedef struct {
    uint64_t xfer;
    aut_hash_t hash;
    uint64_t size;
} aut_msg_put_t;

typedef struct {
    uint64_t xfer;
    uint64_t offset; /* go on from here: bytes that are there already */
    uint64_t credit; /* bytes that may be sent */
} aut_msg_go_t;

typedef struct {
    uint64_t xfer;
    uint64_t offset;
    uint64_t size; /* of the whole blob; 0 in an upload */
    bool last;
} aut_msg_data_t;

typedef struct {
    uint64_t xfer;
    uint64_t bytes; /* more bytes that may be sent */
} aut_msg_credit_t;

typedef struct {
    uint64_t xfer;
    aut_hash_t hash;
} aut_msg_stored_t;

typedef struct {
    uint64_t xfer;
    aut_hash_t hash;
    uint64_t offset;
    uint64_t credit;
} aut_msg_get_t;

typedef struct {
    uint64_t xfer;
} aut_msg_close_t;

typedef struct aut_msg_arena aut_msg_arena_t; /* proto/codec.h */

/*  One message: `type` says which member counts. */
typedef struct {
    aut_msg_type_t type; /* 0: none */
    union {
#define AUT_MSG_MEMBER(name, field, byte) aut_msg_##field##_t field;
        AUT_MESSAGES (AUT_MSG_MEMBER)
#undef AUT_MSG_MEMBER
    };
    aut_msg_arena_t *owned;
} aut_msg_t;

/*  Decodes the two frames. 0, or the error, and then `out` holds the ERROR message that answers the
 *  sender (`req` and `xfer` filled if they could be read): AUT_ERR_VERSION for another protocol
 *  version, AUT_ERR_UNSUPPORTED for an unknown type, AUT_ERR_TOO_LARGE, else AUT_ERR_INVALID naming
 *  the key. Clear `out` in every case. Memory use is bounded by the size of the input. */
int aut_msg_decode (aut_msg_t *out, const void *head, size_t head_size, const void *map,
                    size_t map_size);

/*  Encodes into `head` and at the end of `map`. AUT_ERR_INVALID if a required value is missing or a
 *  bound is broken (the key is named), AUT_ERR_TOO_LARGE above AUT_CONTROL_MAX; `map` is then as
 *  before. */
int aut_msg_encode (const aut_msg_t *msg, uint8_t head[AUT_HEAD_SIZE], aut_buffer_t *map);

/*  Frees what the message owns and zeroes it. */
void aut_msg_clear (aut_msg_t *msg);

/*  "SUBMIT"; "?" for an unknown type. */
const char *aut_msg_name (aut_msg_type_t type);

/*  Whether messages of this type have a body frame. */
bool aut_msg_has_body (aut_msg_type_t type);

/*  Copies `text` into `out` (`size` bytes with the terminator), cut at a character and with '?' for
 *  bytes that are not UTF-8, so that it may go into a message; returns `out`. */
const char *aut_msg_clip (char *out, size_t size, const char *text);

bool aut_token_equal (const aut_token_t *a, const aut_token_t *b);

/*  Whether the ref names a blob. */
bool aut_ref_present (const aut_ref_t *ref);

#endif
