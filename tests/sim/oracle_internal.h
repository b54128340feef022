/*  What the judge knows, shared by oracle.c (messages, the end) and oracle_log.c (durable bytes).
 */
#ifndef AUT_TESTS_SIM_ORACLE_INTERNAL_H
#define AUT_TESTS_SIM_ORACLE_INTERNAL_H

#include "proto/message.h"
#include "tests/sim/oracle.h"

#include <stdio.h>

#define ORA_TOKENS 48
#define ORA_CLAIMS 32
#define ORA_SAID 16
#define ORA_EXCLUDED 8
#define ORA_HELD 32
#define ORA_REQUESTS 64
#define ORA_WORKERS 4

typedef enum { ORA_WAITS = 1, ORA_LEASED, ORA_DONE, ORA_FAILED, ORA_CANCELLED } ora_state_t;
typedef enum {
    ORA_JOB_QUEUED,
    ORA_JOB_RUNNING,
    ORA_JOB_DONE,
    ORA_JOB_FAILED,
    ORA_JOB_CANCELLED
} ora_job_state_t;

/*  A lease that was durable once. */
typedef struct {
    uint32_t attempt;
    uint64_t epoch;
    uint8_t instance[16];
} ora_token_t;

/*  What a node said of an attempt, as far as the broker has taken it in. */
typedef struct {
    uint32_t attempt;
    uint64_t epoch;
    uint8_t instance[16];
    aut_hash_t mezzanine; /* DONE */
    bool done, failed, released;
    bool counts;    /* its failure was the current attempt's, and not for memory */
    uint64_t taken; /* epoch of the broker that took it in last */
} ora_claim_t;

/*  An end of an attempt that a node has told: it keeps it until it is answered, which may have been
 *  before. */
typedef struct {
    uint32_t attempt;
    uint8_t instance[16];
    bool told, answered;
} ora_said_t;

typedef struct {
    uint64_t id, before, link, memory;
    aut_hash_t key, mezzanine, tail;
    char model[64], class_[24], device[32], code[32];
    ora_state_t state;
    uint32_t attempt, failures, results, acked_failures, acked_attempt;
    uint32_t retried; /* attempts up to this one were before the last retry */
    uint64_t epoch;
    uint8_t instance[16];
    int64_t failed_at; /* the broker took a FAIL of the lease in */
    uint64_t failed_epoch;
    char excluded[ORA_EXCLUDED][32]; /* names of nodes where it failed, in failed_epoch */
    uint32_t excluded_count;
    ora_token_t tokens[ORA_TOKENS];
    uint32_t token_count;
    ora_claim_t claims[ORA_CLAIMS];
    uint32_t claim_count;
    ora_said_t said[ORA_SAID];
    uint32_t said_count;
} ora_task_t;

typedef struct {
    uint64_t id, first;
    uint32_t count;
    char key[132];
    aut_hash_t submission;
    ora_job_state_t state;
    bool was_cancelled;
    ora_task_t *tasks;
} ora_job_t;

typedef struct {
    uint32_t id, credit;
    char device[32], class_[24];
    char models[4][64];
    uint32_t model_count;
    uint64_t memory;
} ora_worker_t;

typedef struct {
    uint64_t task, epoch;
    uint32_t attempt;
    bool must_go_on;
} ora_held_t;

/*  A node's conversation with a broker. */
typedef struct {
    uint32_t conn;
    uint64_t epoch;
    uint8_t instance[16];
    char name[132];
    bool welcomed, closed, left, released, drained;
    bool idle;            /* a RELEASE was acknowledged */
    bool asked;           /* somebody wants it drained */
    uint32_t hellos;      /* not welcomed yet */
    uint64_t hello_after; /* records were durable when it last said HELLO */
    int64_t heard;
    ora_worker_t workers[ORA_WORKERS];
    uint32_t worker_count;
    ora_held_t held[ORA_HELD];
    uint32_t held_count;
} ora_talk_t;

typedef struct {
    uint32_t conn;
    uint64_t req;
    aut_msg_type_t type;
    char text[132]; /* key, job or node */
    aut_hash_t submission;
    uint64_t after; /* records were durable when it was taken in */
} ora_request_t;

typedef struct {
    aut_hash_t key, mezzanine, tail, used;
} ora_result_t;

struct oracle {
    uint64_t durables; /* records so far */
    oracle_config_t config;
    uint64_t epoch; /* that owns the store */
    int64_t now;
    bool complained, damaged;
    ora_job_t *jobs;
    size_t job_count, job_cap;
    ora_talk_t *talks;
    size_t talk_count, talk_cap;
    ora_request_t requests[ORA_REQUESTS];
    uint64_t request_count;
    ora_result_t *results;
    size_t result_count, result_cap;
};

void ora_complain (oracle_t *self, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
ora_job_t *ora_job (const oracle_t *self, uint64_t id);
ora_task_t *ora_task (const oracle_t *self, uint64_t id, ora_job_t **job);
ora_claim_t *ora_claim (ora_task_t *task, uint32_t attempt, uint64_t epoch, const uint8_t *instance,
                        bool make);
/*  The newest conversation of a node's process with the broker of this epoch. */
ora_talk_t *ora_talk (const oracle_t *self, uint64_t epoch, const uint8_t *instance);
const ora_worker_t *ora_worker (const ora_talk_t *talk, const char *device);
bool ora_fits (const ora_worker_t *worker, const ora_task_t *task);
bool ora_ended (const ora_job_t *job);
/*  Complains unless the blob is durable, whole and right. */
void ora_check_blob (oracle_t *self, const aut_ref_t *ref, const char *what, uint64_t task);
/*  An ACK or ABORT of an attempt leaves for the node. */
void ora_answered (oracle_t *self, const ora_talk_t *talk, const aut_token_t *token);

#endif
