/*  The judge of the simulator. It knows messages, as bytes decoded anew, and what was made durable,
 *  as bytes too; of the broker's and the sessions' own state it sees nothing. Each call judges at
 *  once, and `complain` is told the sentence of the first thing that must not be.
 *
 *  What it holds against them:
 *    - an accepted job is durable when its SUBMITTED leaves, and stays; a key has one job
 *    - a task has at most one committed result, under the token of its durable lease, of the epoch
 *      that owns the store, made from the committed tail before it, with blobs that match their
 *      names; a task that starts from another is leased after that one's result is durable
 *    - nothing is acknowledged, assigned or adopted before it is durable
 *    - attempts and epochs rise; failures count, wait, and end a task; a task keeps away from the
 *      node that failed it while another could take it; a chunk that its node still has goes on
 *    - no more work at a time than credit, holds, jobs and tasks allow
 *    - a broker ends only when it is killed or its store was taken over
 *    - in the end every job has ended, and one that failed says why
 */
#ifndef AUT_TESTS_SIM_ORACLE_H
#define AUT_TESTS_SIM_ORACLE_H

#include "lib/core/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct oracle oracle_t;

/*  The bytes that are durable under a name, or NULL; what it asks the disk. */
typedef const uint8_t *(*oracle_blob_fn) (void *ctx, const aut_hash_t *name, size_t *size);
typedef void (*oracle_complain_fn) (void *ctx, const char *text);

typedef struct {
    int64_t silent_ms, lease_ms, backoff_ms;
    uint32_t max_failures, max_jobs, max_tasks, max_holds;
    oracle_blob_fn blob;
    oracle_complain_fn complain;
    void *ctx;
} oracle_config_t;

oracle_t *oracle_new (const oracle_config_t *config);
void oracle_destroy (oracle_t **self_p);

/*  A store was opened: its epoch from now on. */
void oracle_opened (oracle_t *self, int64_t now, uint64_t epoch);
/*  A record of the log is durable. */
void oracle_durable (oracle_t *self, int64_t now, const void *record, size_t size);
/*  A broker's process came to its end by itself, with this code. */
void oracle_broker_ended (oracle_t *self, uint64_t epoch, int code);

/*  A message leaves a process / was taken in by one. `conn` numbers the connection, `epoch` is the
 *  broker's at its one end. */
void oracle_broker_sends (oracle_t *self, int64_t now, uint64_t epoch, uint32_t conn,
                          const uint8_t *bytes, size_t size);
void oracle_broker_takes (oracle_t *self, int64_t now, uint64_t epoch, uint32_t conn,
                          const uint8_t *bytes, size_t size);
/*  Of nodes that nobody made lie. `instance`: 16 bytes. */
void oracle_node_sends (oracle_t *self, const uint8_t *instance, const uint8_t *bytes, size_t size);
/*  A committed blob was damaged: jobs may fail for that. */
void oracle_damaged (oracle_t *self);
void oracle_conn_closed (oracle_t *self, uint32_t conn);
/*  Entries in one of the broker's queues, and its bound. */
void oracle_queue (oracle_t *self, const char *what, size_t count, size_t bound);

/*  Whether every job that was accepted has ended. */
bool oracle_all_ended (oracle_t *self);
/*  Judges the end: names what has not come to one. */
void oracle_finish (oracle_t *self);
/*  Whether a committed result names the blob. */
bool oracle_blob_used (const oracle_t *self, const aut_hash_t *name);
/*  The job of a task, 0 if none. */
uint64_t oracle_job_of (const oracle_t *self, uint64_t task);

#endif
