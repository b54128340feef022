/*  One suite over every implementation of the store, and what only a durable one can be asked. */
#include "broker/store/keys.h"
#include "broker/store/store.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "tests/broker/stores.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*  Stand before the C library's: SQLite's calls come here and are counted. */
static int syncs;

int fsync (int fd)
{
    syncs++;
    return (int)syscall (SYS_fsync, fd);
}

int fdatasync (int fd)
{
    syncs++;
    return (int)syscall (SYS_fdatasync, fd);
}

static aut_hash_t hash (const char *text)
{
    return aut_hash_of (text, strlen (text));
}

#define TASKS 3

/*  A job of two shots and three tasks, the second starting from the first. */
typedef struct {
    aut_store_submission_t sub;
    aut_store_new_task_t tasks[TASKS];
    aut_store_body_t bodies[TASKS];
    aut_store_input_t inputs[1];
    const char *shots[2];
} job_t;

static void make_job (job_t *job, uint64_t id, uint64_t first, const char *key)
{
    memset (job, 0, sizeof *job);
    job->shots[0] = "one";
    job->shots[1] = "two";
    job->inputs[0] = (aut_store_input_t){"image", {hash ("picture"), 7}};
    for (uint32_t i = 0; i < TASKS; i++) {
        job->tasks[i] = (aut_store_new_task_t){.id = first + i,
                                               .job = id,
                                               .ordinal = i,
                                               .shot = i == 2,
                                               .chunk = i == 1,
                                               .cost = 10 * (i + 1),
                                               .key = hash (i == 0   ? "key0"
                                                            : i == 1 ? "key1"
                                                                     : "key2"),
                                               .predecessor = i == 1 ? first : 0,
                                               .upscale = i == 1,
                                               .memory = 1000,
                                               .model = "m",
                                               .class_ = i == 2 ? "cuda" : ""};
        job->bodies[i] = (aut_store_body_t){.spec = "{\"a\":1}", .spec_size = 7};
    }
    job->bodies[1].inputs = job->inputs;
    job->bodies[1].input_count = 1;
    job->bodies[2] = (aut_store_body_t){.spec_blob = {hash ("spec"), 40000}};
    aut_store_job_t *j = &job->sub.job;
    *j = (aut_store_job_t){.id = id,
                           .priority = -5,
                           .created_ms = 1234,
                           .submission = hash ("submission"),
                           .shot_count = 2,
                           .first_task = first,
                           .task_count = TASKS};
    snprintf (j->project, sizeof j->project, "film");
    snprintf (j->idempotency, sizeof j->idempotency, "%s", key);
    job->sub.shots = job->shots;
    job->sub.tasks = job->tasks;
    job->sub.bodies = job->bodies;
}

static int submit (aut_store_t *store, uint64_t id, uint64_t first, const char *key)
{
    job_t job;
    make_job (&job, id, first, key);
    aut_store_mutation_t m = {.kind = AUT_STORE_SUBMIT, .submission = &job.sub};
    return aut_store_commit (store, &m, 1);
}

static aut_store_mutation_t lease (uint64_t task, uint32_t attempt, uint64_t epoch)
{
    static const uint8_t instance[16] = "0123456789abcde";
    return (aut_store_mutation_t){.kind = AUT_STORE_LEASE,
                                  .id = task,
                                  .attempt = attempt,
                                  .epoch = epoch,
                                  .node = "node",
                                  .device = "cpu",
                                  .instance = instance};
}

static aut_store_result_t some_result (const char *name)
{
    aut_store_result_t r = {.mezzanine = {hash (name), 11},
                            .tail = {hash ("tail"), 22},
                            .metadata = {hash ("meta"), 33},
                            .used_count = 1,
                            .seconds = 1.5,
                            .peak_bytes = 99,
                            .attempt = 1};
    r.used[0] = hash ("input");
    snprintf (r.node, sizeof r.node, "node");
    snprintf (r.device, sizeof r.device, "cpu");
    return r;
}

static aut_store_mutation_t result (uint64_t task, uint32_t attempt, uint64_t epoch,
                                    const aut_store_result_t *r)
{
    return (aut_store_mutation_t){
        .kind = AUT_STORE_RESULT, .id = task, .attempt = attempt, .epoch = epoch, .result = r};
}

static int one (aut_store_t *store, aut_store_mutation_t m)
{
    return aut_store_commit (store, &m, 1);
}

/*  What a walk found. */
typedef struct {
    int jobs, tasks, linked;
    aut_store_job_t job;
    char shots[2][8];
    aut_store_task_t task[TASKS];
    aut_store_result_t results[TASKS];
} seen_t;

static int see_job (void *ctx, const aut_store_job_t *job, const char *const *shots)
{
    seen_t *seen = ctx;
    seen->jobs++;
    seen->job = *job;
    for (int i = 0; i < 2; i++)
        snprintf (seen->shots[i], sizeof seen->shots[i], "%s", shots[i]);
    return 0;
}

static int see_task (void *ctx, const aut_store_task_t *task, const aut_store_result_t *r)
{
    seen_t *seen = ctx;
    ck_assert_uint_eq (task->job, seen->job.id);
    ck_assert_uint_lt (task->ordinal, TASKS);
    seen->task[task->ordinal] = *task;
    if (r) {
        seen->results[task->ordinal] = *r;
        seen->linked++;
    }
    seen->tasks++;
    return 0;
}

static seen_t *look (aut_store_t *store, uint64_t job)
{
    seen_t *seen = aut_calloc (1, sizeof *seen);
    aut_store_visitor_t visitor = {seen, see_job, see_task};
    ck_assert_int_eq (aut_store_load (store, job, &visitor), 0);
    return seen;
}

START_TEST (submission_is_read_back)
{
    aut_store_t *store = store_open (_i);
    uint64_t job, task;
    ck_assert_int_eq (aut_store_next_ids (store, &job, &task), 0);
    ck_assert_uint_eq (job, 1);
    ck_assert_uint_eq (task, 1);
    ck_assert_int_eq (submit (store, 1, 1, "k"), 0);
    ck_assert_int_eq (submit (store, 2, 4, ""), 0);
    ck_assert_int_eq (submit (store, 3, 7, ""), 0); /* no key may stand twice */
    ck_assert_int_eq (aut_store_next_ids (store, &job, &task), 0);
    ck_assert_uint_eq (job, 4);
    ck_assert_uint_eq (task, 10);
    seen_t *seen = look (store, 2);
    ck_assert_int_eq (seen->jobs, 1);
    ck_assert_int_eq (seen->tasks, TASKS);
    ck_assert_str_eq (seen->job.project, "film");
    ck_assert_int_eq (seen->job.priority, -5);
    ck_assert_int_eq (seen->job.created_ms, 1234);
    ck_assert_str_eq (seen->shots[1], "two");
    ck_assert_uint_eq (seen->task[1].predecessor, 4);
    ck_assert (seen->task[1].upscale && !seen->task[2].upscale);
    ck_assert_uint_eq (seen->task[1].chunk, 1);
    ck_assert_uint_eq (seen->task[2].shot, 1);
    ck_assert_uint_eq (seen->task[2].cost, 30);
    ck_assert_uint_eq (seen->task[2].memory, 1000);
    ck_assert_str_eq (seen->task[2].class_, "cuda");
    ck_assert_str_eq (seen->task[2].model, "m");
    ck_assert_int_eq (seen->task[0].state, AUT_STORE_WAITS);
    free (seen);
    seen = look (store, 0);
    ck_assert_int_eq (seen->jobs, 3);
    ck_assert_int_eq (seen->tasks, 3 * TASKS);
    free (seen);
    aut_store_visitor_t visitor = {NULL, see_job, see_task};
    ck_assert_int_eq (aut_store_load (store, 77, &visitor), AUT_ERR_NOT_FOUND);
    aut_store_destroy (&store);
    ck_assert_ptr_null (store);
}
END_TEST

START_TEST (bodies_and_keys)
{
    aut_store_t *store = store_open (_i);
    ck_assert_int_eq (submit (store, 1, 1, "k"), 0);
    aut_store_body_t body;
    void *hold;
    ck_assert_int_eq (aut_store_body (store, 2, &body, &hold), 0);
    ck_assert_uint_eq (body.spec_size, 7);
    ck_assert_str_eq (body.spec, "{\"a\":1}");
    ck_assert_uint_eq (body.input_count, 1);
    ck_assert_str_eq (body.inputs[0].role, "image");
    ck_assert_uint_eq (body.inputs[0].blob.size, 7);
    free (hold);
    ck_assert_int_eq (aut_store_body (store, 3, &body, &hold), 0);
    ck_assert_ptr_null (body.spec);
    ck_assert_uint_eq (body.spec_blob.size, 40000);
    free (hold);
    ck_assert_int_eq (aut_store_body (store, 99, &body, &hold), AUT_ERR_NOT_FOUND);
    uint64_t job = 0;
    ck_assert_int_eq (aut_store_idempotent (store, "k", &job), 0);
    ck_assert_uint_eq (job, 1);
    ck_assert_int_eq (aut_store_idempotent (store, "other", &job), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_store_idempotent (store, "", &job), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (submit (store, 2, 4, "k"), AUT_ERR_EXISTS);
    aut_store_job_t read;
    ck_assert_int_eq (aut_store_job (store, 2, &read), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (aut_store_job (store, 1, &read), 0);
    ck_assert_uint_eq (read.task_count, TASKS);
    aut_store_destroy (&store);
}
END_TEST

START_TEST (lease_result_and_cache)
{
    aut_store_t *store = store_open (_i);
    uint64_t epoch = aut_store_epoch (store), id;
    aut_store_result_t r = some_result ("clip"), read;
    ck_assert_int_eq (submit (store, 1, 1, ""), 0);
    ck_assert_int_eq (one (store, lease (1, 1, epoch)), 0);
    seen_t *seen = look (store, 1);
    ck_assert_int_eq (seen->task[0].state, AUT_STORE_LEASED);
    ck_assert_uint_eq (seen->task[0].attempt, 1);
    ck_assert_uint_eq (seen->task[0].epoch, epoch);
    ck_assert_str_eq (seen->task[0].node, "node");
    ck_assert_str_eq (seen->task[0].device, "cpu");
    ck_assert_mem_eq (seen->task[0].instance, "0123456789abcde", 16);
    free (seen);
    ck_assert_int_eq (aut_store_result (store, 1, &read), AUT_ERR_NOT_FOUND);
    ck_assert_int_eq (one (store, result (1, 1, epoch, &r)), 0);
    ck_assert_int_eq (aut_store_result (store, 1, &read), 0);
    aut_hash_t key = hash ("key0");
    ck_assert (aut_hash_equal (&read.key, &key));
    ck_assert (aut_hash_equal (&read.mezzanine.hash, &r.mezzanine.hash));
    ck_assert_uint_eq (read.mezzanine.size, 11);
    ck_assert_uint_eq (read.used_count, 1);
    ck_assert (aut_hash_equal (&read.used[0], &r.used[0]));
    ck_assert (aut_hash_is_zero (&read.preview.hash));
    ck_assert_double_eq (read.seconds, 1.5);
    ck_assert_int_eq (aut_store_cached (store, &key, &id, &read), 0);
    ck_assert_uint_eq (id, 1);
    key = hash ("key1");
    ck_assert_int_eq (aut_store_cached (store, &key, &id, &read), AUT_ERR_NOT_FOUND);

    /* A second job links to it and takes it over. */
    job_t job;
    make_job (&job, 2, 4, "");
    job.tasks[0].result = 1;
    aut_store_mutation_t batch[2] = {{.kind = AUT_STORE_SUBMIT, .submission = &job.sub},
                                     {.kind = AUT_STORE_CACHED, .id = 4}};
    ck_assert_int_eq (aut_store_commit (store, batch, 2), 0);
    seen = look (store, 2);
    ck_assert_int_eq (seen->task[0].state, AUT_STORE_DONE);
    ck_assert_int_eq (seen->linked, 1);
    ck_assert (aut_hash_equal (&seen->results[0].tail.hash, &r.tail.hash));
    ck_assert (aut_hash_equal (&seen->results[0].mezzanine.hash, &r.mezzanine.hash));
    ck_assert_uint_eq (seen->results[0].used_count, 1);
    free (seen);
    ck_assert_int_eq (one (store, (aut_store_mutation_t){.kind = AUT_STORE_CACHED, .id = 5}),
                      AUT_ERR_FENCED);
    aut_store_destroy (&store);
}
END_TEST

static void expect_cached (aut_store_t *store, const char *key, uint64_t id)
{
    aut_store_result_t read;
    uint64_t found = 0;
    aut_hash_t wanted = hash (key);
    int rc = aut_store_cached (store, &wanted, &found, &read);
    ck_assert_int_eq (rc, id ? 0 : AUT_ERR_NOT_FOUND);
    ck_assert_uint_eq (found, id);
    ck_assert (!id || aut_hash_equal (&read.key, &wanted));
}

/*  The newest result of a key counts; what was not committed has none. */
START_TEST (the_newest_result_is_cached)
{
    aut_store_t *store = store_open (_i);
    uint64_t epoch = aut_store_epoch (store);
    aut_store_result_t r = some_result ("clip");
    ck_assert_int_eq (submit (store, 1, 1, ""), 0);
    ck_assert_int_eq (submit (store, 2, 4, ""), 0);
    ck_assert_int_eq (one (store, lease (1, 1, epoch)), 0);
    ck_assert_int_eq (one (store, lease (2, 1, epoch)), 0);
    ck_assert_int_eq (one (store, lease (4, 1, epoch)), 0);
    ck_assert_int_eq (one (store, result (1, 1, epoch, &r)), 0);
    expect_cached (store, "key0", 1);
    aut_store_mutation_t refused[] = {result (2, 1, epoch, &r), result (4, 2, epoch, &r)};
    ck_assert_int_eq (aut_store_commit (store, refused, 2), AUT_ERR_FENCED);
    expect_cached (store, "key1", 0);
    expect_cached (store, "key0", 1);
    aut_store_mutation_t both[] = {result (2, 1, epoch, &r), result (4, 1, epoch, &r)};
    ck_assert_int_eq (aut_store_commit (store, both, 2), 0);
    expect_cached (store, "key1", 2);
    expect_cached (store, "key0", 3);
    expect_cached (store, "key2", 0);
    aut_store_destroy (&store);
    if (_i == 0) { /* from disk */
        store = store_open (_i);
        expect_cached (store, "key1", 2);
        expect_cached (store, "key0", 3);
        expect_cached (store, "key2", 0);
        aut_store_destroy (&store);
    }
}
END_TEST

/*  Many keys, some with several results, one that shares its first bytes with another. */
START_TEST (keys_in_memory)
{
    aut_keys_t keys = {0};
    aut_hash_t key = hash ("nobody");
    ck_assert_uint_eq (aut_keys_find (&keys, &key, UINT64_MAX), 0);
    for (uint64_t id = 1; id <= 20000; id++) {
        uint64_t n = id % 15000;
        key = aut_hash_of (&n, sizeof n);
        aut_keys_add (&keys, &key, id);
    }
    for (uint64_t n = 0; n < 15000; n++) {
        uint64_t newest = n <= 5000 ? n + 15000 : n;
        key = aut_hash_of (&n, sizeof n);
        ck_assert_uint_eq (aut_keys_find (&keys, &key, UINT64_MAX), newest);
        ck_assert_uint_eq (aut_keys_find (&keys, &key, newest), newest > 15000 ? n : 0);
    }
    aut_hash_t twin = key;
    twin.bytes[31] ^= 1;
    aut_keys_add (&keys, &twin, 30000);
    ck_assert_uint_eq (aut_keys_find (&keys, &key, UINT64_MAX), 30000); /* to be compared */
    ck_assert_uint_eq (aut_keys_find (&keys, &key, 30000), 14999);
    key = hash ("nobody");
    ck_assert_uint_eq (aut_keys_find (&keys, &key, UINT64_MAX), 0);
    aut_keys_clear (&keys);
}
END_TEST

/*  Every token that is not the stored lease's is refused, and the batch that it stands in with it.
 */
START_TEST (fences)
{
    aut_store_t *store = store_open (_i);
    uint64_t epoch = aut_store_epoch (store);
    aut_store_result_t r = some_result ("clip");
    ck_assert_int_eq (submit (store, 1, 1, ""), 0);
    ck_assert_int_eq (one (store, result (1, 1, epoch, &r)), AUT_ERR_FENCED); /* never leased */
    ck_assert_int_eq (one (store, lease (1, 2, epoch)), AUT_ERR_FENCED); /* a skipped attempt */
    ck_assert_int_eq (one (store, lease (1, 1, epoch)), 0);
    ck_assert_int_eq (one (store, lease (1, 1, epoch)), AUT_ERR_FENCED); /* the same again */
    ck_assert_int_eq (one (store, result (1, 2, epoch, &r)), AUT_ERR_FENCED);
    ck_assert_int_eq (one (store, result (1, 0, epoch, &r)), AUT_ERR_FENCED);
    ck_assert_int_eq (one (store, result (1, 1, epoch + 1, &r)), AUT_ERR_FENCED);
    ck_assert_int_eq (one (store, result (2, 1, epoch, &r)), AUT_ERR_FENCED);
    ck_assert_int_eq (one (store, result (99, 1, epoch, &r)), AUT_ERR_FENCED);

    /* All or none: the good half of a bad batch is not there either. */
    aut_store_mutation_t batch[3] = {lease (2, 1, epoch), result (1, 1, epoch, &r),
                                     result (3, 1, epoch, &r)};
    ck_assert_int_eq (aut_store_commit (store, batch, 3), AUT_ERR_FENCED);
    seen_t *seen = look (store, 1);
    ck_assert_int_eq (seen->task[0].state, AUT_STORE_LEASED);
    ck_assert_int_eq (seen->task[1].state, AUT_STORE_WAITS);
    ck_assert_uint_eq (seen->task[1].attempt, 0);
    ck_assert_int_eq (seen->linked, 0);
    free (seen);

    /* Adoption: the same attempt under a new epoch; the old token is stale from then on. */
    aut_store_mutation_t adopt = lease (1, 1, epoch + 1);
    adopt.adopted = true;
    ck_assert_int_eq (one (store, adopt), 0);
    ck_assert_int_eq (one (store, result (1, 1, epoch, &r)), AUT_ERR_FENCED);
    ck_assert_int_eq (one (store, result (1, 1, epoch + 1, &r)), 0);
    ck_assert_int_eq (one (store, result (1, 1, epoch + 1, &r)), AUT_ERR_FENCED); /* only once */
    ck_assert_int_eq (one (store, lease (1, 2, epoch)), AUT_ERR_FENCED);          /* it is done */
    adopt.id = 2;
    ck_assert_int_eq (one (store, adopt), AUT_ERR_FENCED); /* never leased */

    /* A lease that was given up is taken up again, as long as nobody else has got the task. */
    aut_store_mutation_t wait = {.kind = AUT_STORE_WAIT, .id = 2, .attempt = 1};
    ck_assert_int_eq (one (store, lease (2, 1, epoch)), 0);
    ck_assert_int_eq (one (store, wait), 0);
    ck_assert_int_eq (one (store, adopt), 0);
    ck_assert_int_eq (one (store, wait), 0);
    ck_assert_int_eq (one (store, lease (2, 2, epoch)), 0);
    ck_assert_int_eq (one (store, adopt), AUT_ERR_FENCED); /* another attempt has */
    aut_store_destroy (&store);
}
END_TEST

START_TEST (failures_cancel_retry)
{
    aut_store_t *store = store_open (_i);
    uint64_t epoch = aut_store_epoch (store);
    aut_store_result_t r = some_result ("clip");
    ck_assert_int_eq (submit (store, 1, 1, ""), 0);
    aut_store_mutation_t wait = {.kind = AUT_STORE_WAIT,
                                 .id = 1,
                                 .attempt = 1,
                                 .failures = 1,
                                 .memory = 2000,
                                 .code = "internal",
                                 .message = "it broke"};
    ck_assert_int_eq (one (store, wait), AUT_ERR_FENCED);
    ck_assert_int_eq (one (store, lease (1, 1, epoch)), 0);
    ck_assert_int_eq (one (store, wait), 0);
    ck_assert_int_eq (one (store, lease (1, 2, epoch)), 0);
    wait.attempt = 2;
    wait.code = wait.message = NULL; /* a lost lease: the last failure stays */
    ck_assert_int_eq (one (store, wait), 0);
    seen_t *seen = look (store, 1);
    ck_assert_int_eq (seen->task[0].state, AUT_STORE_WAITS);
    ck_assert_uint_eq (seen->task[0].failures, 1);
    ck_assert_uint_eq (seen->task[0].memory, 2000);
    ck_assert_str_eq (seen->task[0].code, "internal");
    ck_assert_str_eq (seen->task[0].message, "it broke");
    free (seen);

    ck_assert_int_eq (one (store, lease (3, 1, epoch)), 0);
    ck_assert_int_eq (one (store, result (3, 1, epoch, &r)), 0);
    aut_store_mutation_t fail = {.kind = AUT_STORE_FAIL,
                                 .id = 1,
                                 .failures = 3,
                                 .code = "internal",
                                 .message = "it broke for good"};
    ck_assert_int_eq (one (store, fail), 0);
    ck_assert_int_eq (one (store, fail), AUT_ERR_FENCED);
    aut_store_mutation_t cancel = {.kind = AUT_STORE_JOB_CANCEL, .id = 1};
    ck_assert_int_eq (one (store, cancel), 0);
    seen = look (store, 1);
    ck_assert_int_eq (seen->job.state, AUT_STORE_JOB_CANCELLED);
    ck_assert_int_eq (seen->task[0].state, AUT_STORE_FAILED);
    ck_assert_int_eq (seen->task[1].state, AUT_STORE_CANCELLED);
    ck_assert_int_eq (seen->task[2].state, AUT_STORE_DONE);
    free (seen);
    aut_store_mutation_t retry = {
        .kind = AUT_STORE_JOB_RETRY, .id = 1, .job_state = AUT_STORE_JOB_RUNNING};
    ck_assert_int_eq (one (store, retry), 0);
    seen = look (store, 1);
    ck_assert_int_eq (seen->job.state, AUT_STORE_JOB_RUNNING);
    ck_assert_int_eq (seen->task[0].state, AUT_STORE_WAITS);
    ck_assert_uint_eq (seen->task[0].failures, 0);
    ck_assert_uint_eq (seen->task[0].attempt, 2);
    ck_assert_str_eq (seen->task[0].message, "");
    ck_assert_int_eq (seen->task[1].state, AUT_STORE_WAITS);
    ck_assert_int_eq (seen->task[2].state, AUT_STORE_DONE);
    free (seen);
    aut_store_mutation_t state = {
        .kind = AUT_STORE_JOB_STATE, .id = 1, .job_state = AUT_STORE_JOB_FAILED};
    ck_assert_int_eq (one (store, state), 0);
    aut_store_job_t job;
    ck_assert_int_eq (aut_store_job (store, 1, &job), 0);
    ck_assert_int_eq (job.state, AUT_STORE_JOB_FAILED);
    aut_store_destroy (&store);
}
END_TEST

START_TEST (results_in_pages)
{
    aut_store_t *store = store_open (_i);
    uint64_t epoch = aut_store_epoch (store);
    aut_store_result_t r = some_result ("clip");
    aut_store_item_t *items = aut_calloc (TASKS, sizeof *items);
    uint32_t count;
    ck_assert_int_eq (submit (store, 1, 1, ""), 0);
    ck_assert_int_eq (submit (store, 2, 4, ""), 0);
    ck_assert_int_eq (one (store, lease (6, 1, epoch)), 0);
    ck_assert_int_eq (one (store, result (6, 1, epoch, &r)), 0);
    ck_assert_int_eq (aut_store_items (store, 2, 0, 2, items, &count), 0);
    ck_assert_uint_eq (count, 2);
    ck_assert_uint_eq (items[0].task, 4);
    ck_assert_uint_eq (items[1].ordinal, 1);
    ck_assert (!items[1].has_result);
    ck_assert_int_eq (aut_store_items (store, 2, 2, 2, items, &count), 0);
    ck_assert_uint_eq (count, 1);
    ck_assert (items[0].has_result);
    ck_assert_str_eq (items[0].shot, "two");
    ck_assert_uint_eq (items[0].result.mezzanine.size, 11);
    ck_assert_str_eq (items[0].result.device, "cpu");
    ck_assert_int_eq (aut_store_items (store, 2, 3, 2, items, &count), 0);
    ck_assert_uint_eq (count, 0);
    aut_store_stats_t stats;
    ck_assert_int_eq (aut_store_stats (store, &stats), 0);
    ck_assert_uint_eq (stats.jobs, 2);
    ck_assert_uint_eq (stats.tasks, 6);
    ck_assert_uint_eq (stats.results, 1);
    ck_assert_uint_eq (stats.commits, 4);
    free (items);
    aut_store_destroy (&store);
}
END_TEST

/* ---- only SQLite ------------------------------------------------------------------------------
 */

START_TEST (epoch_rises_and_fences_the_old_broker)
{
    aut_store_t *old = store_open (0);
    uint64_t first = aut_store_epoch (old);
    ck_assert_uint_eq (first & AUT_EPOCH_STARTS, 1);
    ck_assert_int_eq (submit (old, 1, 1, "k"), 0);
    ck_assert_int_eq (one (old, lease (1, 1, first)), 0);
    aut_store_t *new = store_open (0);
    ck_assert_uint_eq (aut_store_epoch (new), first + 1);
    aut_store_result_t r = some_result ("clip");
    ck_assert_int_eq (one (old, result (1, 1, first, &r)), AUT_ERR_FENCED);
    ck_assert_int_eq (submit (old, 2, 4, ""), AUT_ERR_FENCED);
    ck_assert_int_eq (submit (new, 2, 4, ""), 0);
    aut_store_destroy (&old);
    aut_store_destroy (&new);
    new = store_open (0);
    ck_assert_uint_eq (aut_store_epoch (new), first + 2);
    seen_t *seen = look (new, 0);
    ck_assert_int_eq (seen->jobs, 2);
    free (seen);
    uint64_t job, task;
    ck_assert_int_eq (aut_store_next_ids (new, &job, &task), 0);
    ck_assert_uint_eq (job, 3);
    ck_assert_uint_eq (task, 7);
    aut_store_destroy (&new);
}
END_TEST

static void run_sql (const char *sql)
{
    sqlite3 *db;
    char *path = aut_path_join (store_dir, "auteur.db", NULL);
    ck_assert_int_eq (sqlite3_open (path, &db), SQLITE_OK);
    ck_assert_int_eq (sqlite3_exec (db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close (db);
    free (path);
}

/*  What a state was, an older auteur's included, stays; whose it is, nobody else is. */
START_TEST (every_state_has_an_identity)
{
    static const struct {
        uint64_t last;
        bool drawn;
    } cases[] = {{0, true},  /* made now; a copy */
                 {41, true}, /* from before there were identities */
                 {(UINT64_C (7) << 20) + 41, false},
                 {(UINT64_C (7) << 20) + AUT_EPOCH_STARTS - 1, false},
                 {(UINT64_C (7) << 20) + AUT_EPOCH_STARTS, true}, /* its starts are used up */
                 {(UINT64_C (1) << 52) + 5, true}};               /* nothing that we wrote */
    aut_store_t *store = store_open (0);
    ck_assert_int_eq (submit (store, 1, 1, "k"), 0);
    ck_assert_int_eq (one (store, lease (1, 1, aut_store_epoch (store))), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        aut_store_destroy (&store);
        char *sql = aut_sprintf ("UPDATE meta SET value = %llu", (unsigned long long)cases[i].last);
        run_sql (sql);
        free (sql);
        store = store_open (0);
        uint64_t epoch = aut_store_epoch (store);
        ck_assert_msg (aut_epoch_same_broker (epoch, cases[i].last) != cases[i].drawn, "case %zu",
                       i);
        ck_assert_uint_ne (aut_epoch_broker (epoch), 0);
        ck_assert_uint_lt (epoch, UINT64_C (1) << 52);
        if (cases[i].drawn)
            ck_assert_uint_eq (epoch & AUT_EPOCH_STARTS, 1);
        else
            ck_assert_uint_eq (epoch, cases[i].last + 1);
        seen_t *seen = look (store, 0);
        ck_assert_int_eq (seen->jobs, 1);
        free (seen);
    }
    aut_store_destroy (&store);
}
END_TEST

START_TEST (two_states_are_two_brokers)
{
    for (int kind = 0; kind < 2; kind++) {
        aut_store_t *one_store = store_open (kind);
        uint64_t epoch = aut_store_epoch (one_store);
        aut_store_destroy (&one_store);
        char *path = aut_path_join (store_dir, "auteur.db", NULL);
        unlink (path); /* wiped, and made anew */
        free (path);
        one_store = store_open (kind);
        ck_assert (!aut_epoch_same_broker (aut_store_epoch (one_store), epoch));
        aut_store_destroy (&one_store);
    }
}
END_TEST

START_TEST (newer_and_foreign_databases_are_refused)
{
    aut_store_t *store = store_open (0);
    aut_store_destroy (&store);
    run_sql ("INSERT INTO migrations VALUES (1000, 0)");
    ck_assert_int_eq (aut_store_open_sqlite (&store, store_dir), AUT_ERR_VERSION);
    ck_assert_ptr_null (store);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "1000"));
    char *path = aut_path_join (store_dir, "auteur.db", NULL);
    unlink (path);
    run_sql ("CREATE TABLE somebody_elses (a)");
    ck_assert_int_eq (aut_store_open_sqlite (&store, store_dir), AUT_ERR_CORRUPT);
    ck_assert_int_eq (aut_file_write (path, "this is no database at all, not one bit of it", 45),
                      0);
    ck_assert_int_eq (aut_store_open_sqlite (&store, store_dir), AUT_ERR_CORRUPT);
    free (path);
}
END_TEST

/*  As it was before there were stories and events. */
#define WITHOUT_3                                                                                  \
    "DROP TABLE attempts; DROP TABLE story; DROP TABLE events;"                                    \
    "DELETE FROM meta WHERE key = 'events'; ALTER TABLE tasks DROP COLUMN leased_ms;"              \
    "ALTER TABLE results DROP COLUMN assigned_ms; ALTER TABLE results DROP COLUMN ended_ms;"       \
    "ALTER TABLE shots DROP COLUMN scene; ALTER TABLE shots DROP COLUMN frames;"                   \
    "ALTER TABLE tasks DROP COLUMN upscale;"

/*  A database from before jobs had owners. */
START_TEST (older_databases_are_migrated)
{
    aut_store_job_t job;
    aut_store_t *store = store_open (0);
    ck_assert_int_eq (submit (store, 1, 1, "before"), 0);
    aut_store_destroy (&store);
    run_sql (WITHOUT_3
             "ALTER TABLE jobs DROP COLUMN owner; DELETE FROM migrations WHERE version >= 2");
    store = store_open (0);
    ck_assert_int_eq (aut_store_job (store, 1, &job), 0);
    ck_assert_str_eq (job.owner, "");
    ck_assert_str_eq (job.idempotency, "before");
    ck_assert_int_eq (submit (store, 2, 1 + TASKS, "after"), 0);
    aut_store_destroy (&store);
}
END_TEST

START_TEST (owners_are_kept)
{
    static const char owner[] = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    for (int kind = 0; kind < 2; kind++) {
        aut_store_t *store = store_open (kind);
        aut_store_job_t read;
        job_t job;
        make_job (&job, 1, 1, "");
        memcpy (job.sub.job.owner, owner, sizeof owner);
        aut_store_mutation_t m = {.kind = AUT_STORE_SUBMIT, .submission = &job.sub};
        ck_assert_int_eq (aut_store_commit (store, &m, 1), 0);
        ck_assert_int_eq (aut_store_job (store, 1, &read), 0);
        ck_assert_str_eq (read.owner, owner);
        aut_store_destroy (&store);
    }
}
END_TEST

START_TEST (every_commit_is_synced)
{
    aut_store_t *store = store_open (0);
    for (uint64_t i = 0; i < 5; i++) {
        int before = syncs;
        ck_assert_int_eq (submit (store, 1 + i, 1 + i * TASKS, ""), 0);
        ck_assert_int_gt (syncs, before);
    }
    char *wal = aut_path_join (store_dir, "auteur.db-wal", NULL);
    ck_assert (aut_file_exists (wal)); /* write-ahead log in use */
    free (wal);
    aut_store_destroy (&store);
}
END_TEST

START_TEST (copy_while_in_use)
{
    aut_store_t *store = store_open (0), *copy;
    ck_assert_int_eq (submit (store, 1, 1, "k"), 0);
    char *sub = aut_path_join (store_dir, "copy", NULL),
         *path = aut_path_join (sub, "auteur.db", NULL);
    ck_assert_int_eq (aut_dir_make (sub), 0);
    ck_assert_int_eq (aut_store_copy_sqlite (store_dir, path), 0);
    ck_assert_int_eq (submit (store, 2, 4, ""), 0);
    ck_assert_int_eq (aut_store_open_sqlite (&copy, sub), 0);
    seen_t *seen = look (copy, 0);
    ck_assert_int_eq (seen->jobs, 1);
    ck_assert (!aut_epoch_same_broker (aut_store_epoch (copy), aut_store_epoch (store)));
    free (seen);
    aut_store_destroy (&copy);
    ck_assert_int_eq (submit (store, 3, 7, ""), 0); /* the copy fenced nobody */
    aut_store_destroy (&store);
    ck_assert_int_eq (aut_store_copy_sqlite ("/nonexistent", path), AUT_ERR_NOT_FOUND);
    free (sub);
    free (path);
}
END_TEST

/*  A film of 100,000 chunks is taken in seconds, also on a slow machine with sanitizers. */
START_TEST (large_submission)
{
    enum { N = 100000 };
    aut_store_t *store = store_open (0);
    job_t job;
    make_job (&job, 1, 1, "");
    aut_store_new_task_t *tasks = aut_calloc (N, sizeof *tasks);
    aut_store_body_t *bodies = aut_calloc (N, sizeof *bodies);
    char *spec = aut_calloc (1, 601);
    memset (spec, 'x', 600);
    for (uint32_t i = 0; i < N; i++) {
        tasks[i] = job.tasks[0];
        tasks[i].id = 1 + i;
        tasks[i].ordinal = i;
        bodies[i] = (aut_store_body_t){.spec = spec, .spec_size = 600};
    }
    job.sub.tasks = tasks;
    job.sub.bodies = bodies;
    job.sub.job.task_count = N;
    struct timespec a, b;
    clock_gettime (CLOCK_MONOTONIC, &a);
    aut_store_mutation_t m = {.kind = AUT_STORE_SUBMIT, .submission = &job.sub};
    ck_assert_int_eq (aut_store_commit (store, &m, 1), 0);
    clock_gettime (CLOCK_MONOTONIC, &b);
    double seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
    ck_assert_msg (seconds < 20, "100,000 tasks took %.1f s", seconds);
    free (tasks);
    free (bodies);
    free (spec);
    aut_store_destroy (&store);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("store");
    TCase *both = tcase_create ("every implementation"), *lite = tcase_create ("sqlite");
    tcase_set_timeout (both, 120);
    tcase_set_timeout (lite, 120);
    tcase_add_checked_fixture (both, store_make_dir, store_remove_dir);
    tcase_add_checked_fixture (lite, store_make_dir, store_remove_dir);
    tcase_add_loop_test (both, submission_is_read_back, 0, 2);
    tcase_add_loop_test (both, bodies_and_keys, 0, 2);
    tcase_add_loop_test (both, lease_result_and_cache, 0, 2);
    tcase_add_loop_test (both, the_newest_result_is_cached, 0, 2);
    tcase_add_loop_test (both, fences, 0, 2);
    tcase_add_loop_test (both, failures_cancel_retry, 0, 2);
    tcase_add_loop_test (both, results_in_pages, 0, 2);
    tcase_add_test (lite, epoch_rises_and_fences_the_old_broker);
    tcase_add_test (lite, every_state_has_an_identity);
    tcase_add_test (lite, two_states_are_two_brokers);
    tcase_add_test (lite, newer_and_foreign_databases_are_refused);
    tcase_add_test (lite, older_databases_are_migrated);
    tcase_add_test (lite, keys_in_memory);
    tcase_add_test (lite, owners_are_kept);
    tcase_add_test (lite, every_commit_is_synced);
    tcase_add_test (lite, copy_while_in_use);
    tcase_add_test (lite, large_submission);
    suite_add_tcase (suite, both);
    suite_add_tcase (suite, lite);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
