/*  The judge: what becomes durable. It reads the log's records itself and keeps its own account. */
#include "tests/sim/oracle_internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*  Kinds of changes, as the log writes them: those of broker/store/store.h. */
enum { SUBMIT, JOB_STATE, JOB_CANCEL, JOB_RETRY, LEASE, WAIT, RESULT, CACHED, FAIL, EVENTS };

typedef struct {
    const uint8_t *at, *end;
} reader_t;

typedef struct {
    uint64_t kind, id, job_state, attempt, epoch, adopted, failures, memory;
    uint8_t instance[16];
    char device[64], code[64], message[64];
    bool has_result, has_submission;
    aut_ref_t mezzanine, tail, metadata;
    aut_hash_t used[64];
    uint64_t used_count;
} change_t;

static void take (reader_t *in, void *value, size_t size)
{
    if ((size_t)(in->end - in->at) < size)
        abort (); /* our own record */
    memcpy (value, in->at, size);
    in->at += size;
}

static uint64_t take_u64 (reader_t *in)
{
    uint64_t value;
    take (in, &value, sizeof value);
    return value;
}

static void take_text (reader_t *in, char *out, size_t size)
{
    uint64_t length = take_u64 (in);
    if ((uint64_t)(in->end - in->at) < length)
        abort ();
    snprintf (out, size, "%.*s", (int)length, (const char *)in->at);
    in->at += length;
}

static void take_ref (reader_t *in, aut_ref_t *ref)
{
    take (in, ref->hash.bytes, sizeof ref->hash.bytes);
    ref->size = take_u64 (in);
}

static void take_change (reader_t *in, change_t *c)
{
    c->kind = take_u64 (in);
    c->id = take_u64 (in);
    c->job_state = take_u64 (in);
    c->attempt = take_u64 (in);
    c->epoch = take_u64 (in);
    c->adopted = take_u64 (in);
    c->failures = take_u64 (in);
    c->memory = take_u64 (in);
    take (in, c->instance, sizeof c->instance);
    take_text (in, c->device, sizeof c->device);
    take_text (in, c->code, sizeof c->code);
    take_text (in, c->message, sizeof c->message);
    c->has_result = take_u64 (in);
    if (c->has_result) {
        take_ref (in, &c->mezzanine);
        take_ref (in, &c->tail);
        take_ref (in, &c->metadata);
        c->used_count = take_u64 (in);
        for (uint64_t i = 0; i < c->used_count; i++)
            take (in, c->used[i].bytes, sizeof c->used[i].bytes);
    }
    c->has_submission = take_u64 (in);
}

/* ---- jobs ---- */

static void take_task (reader_t *in, ora_task_t *task)
{
    *task = (ora_task_t){.id = take_u64 (in), .state = ORA_WAITS};
    task->before = take_u64 (in);
    task->link = take_u64 (in);
    task->memory = take_u64 (in);
    take (in, task->key.bytes, sizeof task->key.bytes);
    take_text (in, task->model, sizeof task->model);
    take_text (in, task->class_, sizeof task->class_);
}

static void on_submit (oracle_t *self, reader_t *in)
{
    ora_job_t job = {.id = take_u64 (in)};
    uint32_t open = 0, tasks = 0;
    take_text (in, job.key, sizeof job.key);
    take (in, job.submission.bytes, sizeof job.submission.bytes);
    job.first = take_u64 (in);
    job.count = (uint32_t)take_u64 (in);
    for (size_t i = 0; i < self->job_count; i++) {
        const ora_job_t *other = &self->jobs[i];
        if (job.key[0] && !strcmp (other->key, job.key))
            ora_complain (self, "one key gave two jobs: j%" PRIu64 " and j%" PRIu64, other->id,
                          job.id);
        if (other->id >= job.id || other->first + other->count > job.first)
            ora_complain (self, "j%" PRIu64 " takes numbers that were given before", job.id);
        open += !ora_ended (other);
        tasks += ora_ended (other) ? 0 : other->count;
    }
    if (open >= self->config.max_jobs || tasks + job.count > self->config.max_tasks)
        ora_complain (self, "j%" PRIu64 " is taken beyond the bounds: %u jobs, %u tasks", job.id,
                      open + 1, tasks + job.count);
    job.tasks = aut_calloc (job.count, sizeof *job.tasks);
    for (uint32_t i = 0; i < job.count; i++)
        take_task (in, &job.tasks[i]);
    self->jobs = aut_grow (self->jobs, &self->job_cap, self->job_count + 1, sizeof *self->jobs);
    self->jobs[self->job_count++] = job;
}

static void on_job_state (oracle_t *self, ora_job_t *job, const change_t *c)
{
    uint32_t done = 0, open = 0;
    for (uint32_t i = 0; i < job->count; i++) {
        done += job->tasks[i].state == ORA_DONE;
        open += job->tasks[i].state < ORA_DONE;
    }
    job->state = (ora_job_state_t)c->job_state;
    if ((job->state == ORA_JOB_DONE && done != job->count) ||
        (job->state == ORA_JOB_FAILED && (open || done == job->count)))
        ora_complain (self, "j%" PRIu64 " is called ended, but %u of its tasks are open, %u done",
                      job->id, open, done);
}

static void on_job_cancel (oracle_t *self, ora_job_t *job)
{
    if (ora_ended (job))
        ora_complain (self, "j%" PRIu64 " is cancelled after its end", job->id);
    job->state = ORA_JOB_CANCELLED;
    job->was_cancelled = true;
    for (uint32_t i = 0; i < job->count; i++)
        if (job->tasks[i].state < ORA_DONE)
            job->tasks[i].state = ORA_CANCELLED;
}

static void on_job_retry (ora_job_t *job, const change_t *c)
{
    job->state = (ora_job_state_t)c->job_state;
    for (uint32_t i = 0; i < job->count; i++) {
        ora_task_t *task = &job->tasks[i];
        if (task->state != ORA_FAILED && task->state != ORA_CANCELLED)
            continue;
        task->state = ORA_WAITS;
        task->failures = task->excluded_count = task->acked_failures = 0;
        task->failed_at = 0;
        task->retried = task->attempt;
        task->code[0] = 0;
    }
}

/* ---- leases ---- */

/*  How many leases of this broker a worker has. */
static uint32_t load_of (const oracle_t *self, const uint8_t *instance, const char *device)
{
    uint32_t load = 0;
    for (size_t i = 0; i < self->job_count; i++)
        for (uint32_t k = 0; k < self->jobs[i].count; k++) {
            const ora_task_t *task = &self->jobs[i].tasks[k];
            load += task->state == ORA_LEASED && task->epoch == self->epoch &&
                    !memcmp (task->instance, instance, 16) && !strcmp (task->device, device);
        }
    return load;
}

static bool excluded (const ora_task_t *task, const char *name)
{
    for (uint32_t i = 0; i < task->excluded_count; i++)
        if (!strcmp (task->excluded[i], name))
            return true;
    return false;
}

/*  A node that could surely take the task, and never failed any of the job; NULL if there is none.
 */
static const char *able_elsewhere (const oracle_t *self, const ora_job_t *job,
                                   const ora_task_t *task)
{
    for (size_t i = 0; i < self->talk_count; i++) {
        const ora_talk_t *talk = &self->talks[i];
        bool good = talk->epoch == self->epoch && talk->welcomed && !talk->closed && !talk->left &&
                    !talk->released && !talk->asked && !talk->drained &&
                    self->now - talk->heard < 2500;
        for (uint32_t k = 0; good && k < job->count; k++)
            good = !excluded (&job->tasks[k], talk->name);
        for (uint32_t w = 0; good && w < talk->worker_count; w++)
            if (ora_fits (&talk->workers[w], task))
                return talk->name;
    }
    return NULL;
}

static void check_place (oracle_t *self, const ora_job_t *job, const ora_task_t *task,
                         const change_t *c)
{
    const ora_talk_t *talk = ora_talk (self, c->epoch, c->instance);
    const ora_worker_t *worker = talk ? ora_worker (talk, c->device) : NULL;
    if (!worker) {
        ora_complain (self, "t%" PRIu64 " is leased to a worker that nobody offered", task->id);
        return;
    }
    if (talk->welcomed && !ora_fits (worker, task)) /* else it may offer something else now */
        ora_complain (self, "t%" PRIu64 " is leased to a worker that cannot run it", task->id);
    if (load_of (self, c->instance, c->device) >= worker->credit)
        ora_complain (self, "%s of %s gets more than its credit of %u", c->device, talk->name,
                      worker->credit);
    if (talk->idle)
        ora_complain (self, "t%" PRIu64 " is leased to %s, which gave work back", task->id,
                      talk->name);
    if (talk->drained)
        ora_complain (self, "t%" PRIu64 " is leased to %s, which drains", task->id, talk->name);
    bool again = task->failed_epoch == self->epoch && excluded (task, talk->name);
    const char *other = again ? able_elsewhere (self, job, task) : NULL;
    if (other)
        ora_complain (self, "t%" PRIu64 " is leased to %s again, where it failed, and not to %s",
                      task->id, talk->name, other);
}

static void check_new_lease (oracle_t *self, const ora_job_t *job, const ora_task_t *task,
                             const change_t *c)
{
    const ora_task_t *before = task->before ? ora_task (self, task->before, NULL) : NULL;
    if (task->state != ORA_WAITS || c->attempt != task->attempt + 1u)
        ora_complain (self, "t%" PRIu64 " is leased out of turn (attempt %" PRIu64 " after %u)",
                      task->id, c->attempt, task->attempt);
    else if (before && before->state != ORA_DONE)
        ora_complain (self, "t%" PRIu64 " is leased before t%" PRIu64 " is committed", task->id,
                      before->id);
    else if (task->acked_failures >= self->config.max_failures)
        ora_complain (self, "t%" PRIu64 " goes on after %u failures", task->id,
                      task->acked_failures);
    else if (task->failed_at && task->failed_epoch == self->epoch &&
             self->now < task->failed_at + self->config.backoff_ms)
        ora_complain (self, "t%" PRIu64 " is leased %" PRId64 " ms after its failure", task->id,
                      self->now - task->failed_at);
    else
        check_place (self, job, task, c);
}

static void on_lease (oracle_t *self, const ora_job_t *job, ora_task_t *task, const change_t *c)
{
    if (c->epoch != self->epoch)
        ora_complain (self, "t%" PRIu64 " is leased under a stale epoch", task->id);
    if (!c->adopted)
        check_new_lease (self, job, task, c);
    else if (task->state > ORA_LEASED || c->attempt != task->attempt ||
             memcmp (task->instance, c->instance, 16) != 0)
        ora_complain (self, "t%" PRIu64 " is adopted, but is another attempt or node's", task->id);
    task->state = ORA_LEASED;
    task->attempt = (uint32_t)c->attempt;
    task->epoch = c->epoch;
    task->failed_at = 0;
    memcpy (task->instance, c->instance, 16);
    snprintf (task->device, sizeof task->device, "%.31s", c->device);
    ora_token_t *token = &task->tokens[task->token_count++ % ORA_TOKENS];
    *token = (ora_token_t){task->attempt, c->epoch, {0}};
    memcpy (token->instance, c->instance, 16);
    if (task->token_count >= ORA_TOKENS)
        ora_complain (self, "t%" PRIu64 " was leased %d times", task->id, ORA_TOKENS);
}

static void note_excluded (oracle_t *self, ora_task_t *task)
{
    const ora_talk_t *talk = ora_talk (self, self->epoch, task->instance);
    if (task->failed_epoch != self->epoch)
        task->excluded_count = 0; /* a restarted broker does not know them any more */
    task->failed_epoch = self->epoch;
    if (talk && talk->name[0] && task->excluded_count < ORA_EXCLUDED &&
        !excluded (task, talk->name))
        snprintf (task->excluded[task->excluded_count++], sizeof task->excluded[0], "%.31s",
                  talk->name);
}

static void on_wait (oracle_t *self, ora_task_t *task, const change_t *c)
{
    bool failed = c->failures == task->failures + 1u;
    const ora_claim_t *claim = ora_claim (task, task->attempt, task->epoch, task->instance, false);
    if (task->state != ORA_LEASED || task->attempt != c->attempt)
        ora_complain (self, "t%" PRIu64 " waits again, but was not leased", task->id);
    else if (!failed && c->failures != task->failures)
        ora_complain (self, "t%" PRIu64 " had %u failures, and now %" PRIu64, task->id,
                      task->failures, c->failures);
    else if (!failed && claim && claim->counts && claim->taken == self->epoch)
        ora_complain (self, "the failure of t%" PRIu64 " is not counted", task->id);
    else if (failed && (!c->code[0] || !c->message[0]))
        ora_complain (self, "t%" PRIu64 " failed without a reason", task->id);
    if (failed)
        note_excluded (self, task);
    else
        task->failed_at = 0;
    task->state = ORA_WAITS;
    task->failures = (uint32_t)c->failures;
    task->memory = c->memory;
    snprintf (task->code, sizeof task->code, "%.31s", c->code);
}

static void on_fail (oracle_t *self, ora_task_t *task, const change_t *c)
{
    const ora_task_t *before = task->before ? ora_task (self, task->before, NULL) : NULL;
    bool follows = before && before->state == ORA_FAILED;
    if (task->state > ORA_LEASED)
        ora_complain (self, "t%" PRIu64 " fails after its end", task->id);
    else if (!follows &&
             (c->failures < self->config.max_failures || c->failures != task->failures + 1u))
        ora_complain (self, "t%" PRIu64 " fails for good after %" PRIu64 " failures (%u before)",
                      task->id, c->failures, task->failures);
    else if (!c->code[0])
        ora_complain (self, "t%" PRIu64 " fails without a reason", task->id);
    task->state = ORA_FAILED;
    task->failures = (uint32_t)c->failures;
    snprintf (task->code, sizeof task->code, "%.31s", c->code);
}

/* ---- results ---- */

static void add_result (oracle_t *self, ora_task_t *task, const change_t *c)
{
    self->results =
        aut_grow (self->results, &self->result_cap, self->result_count + 1, sizeof *self->results);
    self->results[self->result_count++] = (ora_result_t){
        task->key, c->mezzanine.hash, c->tail.hash, c->used_count ? c->used[0] : (aut_hash_t){{0}}};
    task->mezzanine = c->mezzanine.hash;
    task->tail = c->tail.hash;
    task->state = ORA_DONE;
    if (task->results++)
        ora_complain (self, "t%" PRIu64 " has two committed results", task->id);
}

/*  What it was made of, by the record and by its own bytes. */
static void check_input (oracle_t *self, const ora_task_t *task, const change_t *c)
{
    const ora_task_t *before = task->before ? ora_task (self, task->before, NULL) : NULL;
    char hex[AUT_HASH_HEX];
    size_t size;
    bool used = false;
    if (!before)
        return;
    for (uint64_t i = 0; i < c->used_count; i++)
        used |= aut_hash_equal (&c->used[i], &before->tail);
    if (before->state != ORA_DONE || !used) {
        ora_complain (self, "t%" PRIu64 " was made from another tail than the committed one",
                      task->id);
        return;
    }
    const uint8_t *bytes = self->config.blob (self->config.ctx, &c->mezzanine.hash, &size);
    if (bytes && !strstr ((const char *)bytes, aut_hash_hex (&before->tail, hex)))
        ora_complain (self, "the frames of t%" PRIu64 " come from another tail", task->id);
}

static void on_result (oracle_t *self, ora_task_t *task, const change_t *c)
{
    const ora_claim_t *claim =
        ora_claim (task, (uint32_t)c->attempt, c->epoch, task->instance, false);
    if (task->state != ORA_LEASED || task->attempt != c->attempt || task->epoch != c->epoch ||
        c->epoch != self->epoch)
        ora_complain (self, "t%" PRIu64 ": a result under a stale token is committed", task->id);
    else if (!claim || !claim->done)
        ora_complain (self, "t%" PRIu64 ": a result that its node never told is committed",
                      task->id);
    ora_check_blob (self, &c->mezzanine, "mezzanine", task->id);
    ora_check_blob (self, &c->tail, "tail", task->id);
    ora_check_blob (self, &c->metadata, "metadata", task->id);
    check_input (self, task, c);
    add_result (self, task, c);
}

static void on_cached (oracle_t *self, ora_task_t *task)
{
    const ora_task_t *before = task->before ? ora_task (self, task->before, NULL) : NULL;
    const ora_result_t *result =
        task->link && task->link <= self->result_count ? &self->results[task->link - 1] : NULL;
    if (task->state != ORA_WAITS || !result || !aut_hash_equal (&result->key, &task->key))
        ora_complain (self, "t%" PRIu64 " is done by a result that is not its own", task->id);
    else if (before &&
             (before->state != ORA_DONE || !aut_hash_equal (&result->used, &before->tail)))
        ora_complain (self, "t%" PRIu64 " is done by a result from another tail", task->id);
    task->state = ORA_DONE;
    if (result) {
        task->tail = result->tail;
        task->mezzanine = result->mezzanine;
    }
    if (task->results++)
        ora_complain (self, "t%" PRIu64 " has two committed results", task->id);
}

static void on_task (oracle_t *self, const change_t *c)
{
    ora_job_t *job = NULL;
    ora_task_t *task = ora_task (self, c->id, &job);
    if (!task)
        ora_complain (self, "a change of t%" PRIu64 ", which is no task", c->id);
    else if (ora_ended (job))
        ora_complain (self, "a change of t%" PRIu64 ", whose job has ended", c->id);
    else if (c->kind == LEASE)
        on_lease (self, job, task, c);
    else if (c->kind == WAIT)
        on_wait (self, task, c);
    else if (c->kind == RESULT)
        on_result (self, task, c);
    else if (c->kind == CACHED)
        on_cached (self, task);
    else
        on_fail (self, task, c);
}

void oracle_durable (oracle_t *self, int64_t now, const void *record, size_t size)
{
    reader_t in = {record, (const uint8_t *)record + size};
    self->now = now;
    self->durables++;
    if (take_u64 (&in) != self->epoch)
        ora_complain (self, "a stale broker has written to the store");
    uint64_t count = take_u64 (&in);
    for (uint64_t i = 0; i < count && !self->complained; i++) {
        change_t c = {0};
        take_change (&in, &c);
        ora_job_t *job = c.kind >= JOB_STATE && c.kind <= JOB_RETRY ? ora_job (self, c.id) : NULL;
        if (c.kind == EVENTS)
            continue; /* no promise of ours */
        if (c.kind == SUBMIT)
            on_submit (self, &in);
        else if (c.kind > JOB_RETRY)
            on_task (self, &c);
        else if (!job)
            ora_complain (self, "a change of j%" PRIu64 ", which is no job", c.id);
        else if (c.kind == JOB_STATE)
            on_job_state (self, job, &c);
        else if (c.kind == JOB_CANCEL)
            on_job_cancel (self, job);
        else
            on_job_retry (job, &c);
    }
}
