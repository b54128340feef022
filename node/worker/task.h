/*  One task in a worker: from the spec and input files to result files. */
#ifndef AUT_NODE_WORKER_TASK_H
#define AUT_NODE_WORKER_TASK_H

#include "node/worker/model.h"
#include "proto/worker.h"

#include <stdbool.h>

/*  What a task may ask of its worker; callbacks run on the calling thread. */
typedef struct {
    aut_loaded_t *loaded;   /* for what makes frames */
    aut_loaded_t *upscaler; /* for what enlarges them: neither makes the other be loaded again */
    const char *fault;      /* the test hook's value, see fault.h; NULL = none */
    bool (*cancelled) (void *ctx);
    /*  Tells how far it is; not more often than every 200 ms, but at the begin and end and
     *  with each picture of what is being made (as loaded->previews says). */
    void (*progress) (void *ctx, const aut_worker_progress_t *progress);
    void *ctx;
} aut_worker_env_t;

/*  Runs `task` and fills in `result` (file names are constants). AUT_ERR_INVALID for a bad spec or
 *  missing inputs, AUT_ERR_CANCELLED, AUT_ERR_DEVICE_MEMORY (after one more try with what the
 *  backend can free), or whatever went wrong; the detail says it. */
int aut_worker_run (const aut_worker_env_t *env, const aut_worker_task_t *task,
                    aut_worker_result_t *result);

#endif
