/*  A thread that moves artifacts between the broker's data socket and the node's cache, so that the
 *  session's loop never waits for a network or a disk. A node has two: inputs are not to queue
 *  behind results.
 *
 *  Work is handed over by pointer and comes back by pointer: while the thread has it, the loop
 *  touches nothing of it but `cancelled`.
 */
#ifndef AUT_NODE_TRANSFER_H
#define AUT_NODE_TRANSFER_H

#include "lib/core/blob.h"
#include "node/session.h"
#include "proto/keys.h"

#include <stdatomic.h>

typedef struct {
    char *role, *key, *path; /* path: in the cache, once fetched */
    aut_ref_t ref;
    bool pinned;
} aut_work_input_t;

/*  One file of a result: where the worker wrote it, then what it is. */
typedef struct {
    char *path; /* NULL = not made */
    aut_ref_t ref;
    bool pinned, cached;
} aut_work_file_t;

enum { AUT_FILE_MEZZANINE, AUT_FILE_TAIL, AUT_FILE_PREVIEW, AUT_FILE_METADATA, AUT_FILE_COUNT };

/*  Everything the node keeps of one hold. */
typedef struct aut_work {
    struct aut_work *next;    /* a transfer thread's queue */
    struct aut_work *sibling; /* the loop's list */
    uint64_t hold;
    atomic_bool cancelled; /* set by the loop: give it back soon */
    bool away;             /* with a transfer thread (the loop's own note) */
    bool forgotten;        /* to be freed once it is back (same) */
    char *spec;            /* text with a 0 after it, NULL until fetched by spec_ref */
    size_t spec_size;
    aut_ref_t spec_ref;
    aut_work_input_t *inputs;
    size_t input_count;
    char *dir; /* the worker's folder, removed with the work */
    aut_work_file_t files[AUT_FILE_COUNT];
    /* the report */
    aut_session_event_type_t done; /* AUT_SESSION_FETCHED, … */
    int code;
    char *text;
} aut_work_t;

/*  Copies what the assignment says; `dir` is made when the work is fetched. */
aut_work_t *aut_work_new (uint64_t hold, const aut_msg_assign_t *assign, const char *dir);

/*  Notes the files that a worker's result names (names without '/', below the work's folder).
 *  AUT_ERR_INVALID for a name that leaves the folder. */
int aut_work_take_result (aut_work_t *self, const aut_worker_result_t *result);

/*  The refs of the files, for the session. */
void aut_work_refs (const aut_work_t *self, aut_result_refs_t *refs);

/*  Unpins, removes the folder and frees. */
void aut_work_destroy (aut_work_t **self_p, aut_blobs_t *cache);

typedef struct aut_transfer aut_transfer_t;

/*  Starts the thread. `endpoint` is copied; `cache` is shared and outlives it. */
aut_transfer_t *aut_transfer_new (const char *endpoint, aut_blobs_t *cache);

/*  Hands work over. Returns at once. */
void aut_transfer_fetch (aut_transfer_t *self, aut_work_t *work);
void aut_transfer_upload (aut_transfer_t *self, aut_work_t *work);

/*  The broker has moved or has other keys: what is under way ends with AUT_ERR_CANCELLED, the next
 *  goes there. Nothing happens if both are the same. `curve` is copied; NULL = without keys. */
void aut_transfer_move (aut_transfer_t *self, const char *endpoint, const aut_curve_t *curve);

/*  Readable when work came back. */
int aut_transfer_fd (const aut_transfer_t *self);

/*  Work that came back, or NULL; its report is in done, code, text. */
aut_work_t *aut_transfer_next (aut_transfer_t *self);

/*  Stops what is under way and ends the thread; work still in it comes back through `next` first.
 */
void aut_transfer_stop (aut_transfer_t *self);
void aut_transfer_destroy (aut_transfer_t **self_p);

#endif
