/*  The stream between a node and its worker process: fd 3 of the worker, a socketpair.
 *
 *  Each message is a u32 big-endian length and then that many bytes: the 5 bytes of frame 0
 *  ("AUT1", type) and one msgpack map, under the rules of proto/message.h. Norm: messages.md,
 *  "Worker stream". End of file ends the worker. Ownership is as in proto/message.h.
 */
#ifndef AUT_PROTO_WORKER_H
#define AUT_PROTO_WORKER_H

#include "proto/message.h"

#define AUT_WORKER_FD 3
#define AUT_PATH_MAX 4096 /* bytes of a path */

/*  X (NAME, field, type byte) */
#define AUT_WORKER_MESSAGES(X)                                                                     \
    X (HELLO, hello, 0x60)                                                                         \
    X (TASK, task, 0x61)                                                                           \
    X (PROGRESS, progress, 0x62)                                                                   \
    X (RESULT, result, 0x63)                                                                       \
    X (FAIL, fail, 0x64)                                                                           \
    X (CANCEL, cancel, 0x65)                                                                       \
    X (QUIT, quit, 0x66)

typedef enum {
#define AUT_WORKER_ENUM(name, field, byte) AUT_WORKER_##name = byte,
    AUT_WORKER_MESSAGES (AUT_WORKER_ENUM)
#undef AUT_WORKER_ENUM
} aut_worker_type_t;

/*  worker → node, once, when it can take tasks. */
typedef struct {
    uint64_t pid;
    const char *version;
    const char *device; /* "cpu", "cuda:0" */
    uint64_t memory;    /* bytes of the device */
    const char *const *models;
    size_t model_count;
} aut_worker_hello_t;

typedef struct {
    const char *role; /* as in ASSIGN */
    const char *key;  /* as in ASSIGN */
    const char *path; /* a verified file; read only */
} aut_worker_input_t;

/*  node → worker. A worker has one task at a time. */
typedef struct {
    uint64_t id; /* the node's number for it, ≥ 1; every answer repeats it */
    const uint8_t *spec;
    size_t spec_size; /* a 0 follows the last byte */
    const aut_worker_input_t *inputs;
    size_t input_count;
    const char *out_dir; /* exists, empty, the worker's to write in */
} aut_worker_task_t;

typedef struct {
    uint64_t id;
    uint32_t step, steps, frame, frames;
    const uint8_t *preview; /* PNG of what it is at, optional */
    size_t preview_size;
} aut_worker_progress_t;

/*  worker → node: files are names below out_dir, without '/'. */
typedef struct {
    uint64_t id;
    const char *mezzanine, *metadata;
    const char *tail, *preview; /* optional */
    double seconds;
    uint64_t peak_bytes;
} aut_worker_result_t;

typedef struct {
    uint64_t id; /* 0: the worker itself failed, e.g. cannot open its device */
    const char *code;
    const char *message;
} aut_worker_fail_t;

/*  node → worker: stop this task; the worker answers FAIL "cancelled" (or what had already
 *  happened). */
typedef struct {
    uint64_t id;
} aut_worker_cancel_t;

/*  node → worker: leave with status 0. */
typedef aut_msg_empty_t aut_worker_quit_t;

typedef struct {
    aut_worker_type_t type;
    union {
#define AUT_WORKER_MEMBER(name, field, byte) aut_worker_##field##_t field;
        AUT_WORKER_MESSAGES (AUT_WORKER_MEMBER)
#undef AUT_WORKER_MEMBER
    };
    aut_msg_arena_t *owned;
} aut_worker_msg_t;

/*  Appends length, head and map to `out`. Errors as aut_msg_encode. */
int aut_worker_encode (const aut_worker_msg_t *msg, aut_buffer_t *out);

/*  Takes one message from the front of `data`: 0 with `used` = its bytes, AUT_ERR_AGAIN with `used`
 *  = 0 if more bytes are needed, or an error: then the stream is broken and the peer is to be
 *  dropped. Clear `out` after 0. */
int aut_worker_decode (aut_worker_msg_t *out, const void *data, size_t size, size_t *used);
void aut_worker_msg_clear (aut_worker_msg_t *msg);
const char *aut_worker_msg_name (aut_worker_type_t type);

/*  Bytes received and not yet decoded; zero-initialise, clear after use. */
typedef struct {
    aut_buffer_t buffer;
    size_t start; /* bytes of the buffer already taken */
} aut_worker_stream_t;

/*  Sends all of a message on a stream socket, waiting while it is full; never raises SIGPIPE.
 *  AUT_ERR_IO if the peer is gone. */
int aut_worker_send (int fd, const aut_worker_msg_t *msg);

/*  Gives the next message. Reads at most once if none is complete: AUT_ERR_AGAIN when there is
 * still none (also for a non-blocking fd with nothing to read; call again when it is readable,
 * until AGAIN), AUT_ERR_NOT_FOUND at end of file, AUT_ERR_IO, or a decoding error. On a blocking fd
 * it waits. Clear `out` after 0. */
int aut_worker_recv (int fd, aut_worker_stream_t *stream, aut_worker_msg_t *out);
void aut_worker_stream_clear (aut_worker_stream_t *stream);

#endif
