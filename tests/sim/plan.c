/*  In the place of the planner's thread (serve () in broker/planner.c, whose order this mirrors):
 *  a submission here is a line of text that says how many shots and chunks there are, so that no
 *  film need be planned. Everything after it, from the loop on, is the broker's own. */
#include "tests/sim/sim.h"

#include "broker/planner.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS_MAX 24

/*  Owns what a submission points to. */
typedef struct {
    char shots[TASKS_MAX][16];
    const char *shot_names[TASKS_MAX];
    char specs[TASKS_MAX][96];
    aut_store_new_task_t tasks[TASKS_MAX];
    aut_store_body_t bodies[TASKS_MAX];
    aut_core_task_spec_t core[TASKS_MAX];
    aut_core_cached_t cached[TASKS_MAX];
} plan_t;

void plan_submission_destroy (aut_submission_t **self_p)
{
    if (!*self_p)
        return;
    free ((*self_p)->hold);
    free (*self_p);
    *self_p = NULL;
}

static const char *const models[] = {"auteur-animatic", "wan-small"};

static void look_up (aut_broker_t *broker, plan_t *plan, uint32_t i)
{
    aut_store_result_t result;
    uint64_t id;
    if (aut_store_cached (broker->store, &plan->tasks[i].key, &id, &result) ||
        !aut_blobs_has (broker->blobs, &result.mezzanine.hash, NULL) ||
        !aut_blobs_has (broker->blobs, &result.tail.hash, NULL))
        return;
    plan->cached[i].tail = result.tail.hash;
    plan->cached[i].frames = result.mezzanine.hash;
    if (result.used_count)
        plan->cached[i].used = result.used[0];
    plan->tasks[i].result = id;
    plan->core[i].cached = &plan->cached[i];
}

/*  A film is a number: the same film has the same tasks with the same keys. */
static void add_task (aut_broker_t *broker, plan_t *plan, rng_t *film, uint32_t i, uint32_t shot,
                      uint32_t chunk, uint32_t name)
{
    char key[48];
    snprintf (key, sizeof key, "film %u task %u", name, i);
    uint32_t size = rng_below (film, 8), frames = 1 + rng_below (film, 5);
    uint64_t need = (size < 5 ? 10 : size < 7 ? 30 : 60) * SIM_GB;
    bool modest = rng_below (film, 4) == 0; /* the manifest says less than it takes */
    aut_store_new_task_t *task = &plan->tasks[i];
    *task = (aut_store_new_task_t){.ordinal = i,
                                   .shot = shot,
                                   .chunk = chunk,
                                   .cost = frames,
                                   .key = aut_hash_of (key, strlen (key)),
                                   .memory = modest ? 0 : need,
                                   .model = models[rng_below (film, 2)],
                                   .class_ = rng_below (film, 3) ? "cuda" : ""};
    bool follows = chunk || (shot && rng_below (film, 3) == 0);
    plan->core[i] = (aut_core_task_spec_t){.shot = shot,
                                           .chunk = chunk,
                                           .after = follows ? i - 1 : AUT_CORE_NONE,
                                           .cost = frames,
                                           .model = task->model,
                                           .class_ = task->class_,
                                           .memory = task->memory};
    snprintf (plan->specs[i], sizeof plan->specs[i], "need %" PRIu64 " frames %u film %u task %u",
              need, frames, name, i);
    plan->bodies[i].spec = plan->specs[i];
    plan->bodies[i].spec_size = strlen (plan->specs[i]);
    look_up (broker, plan, i);
}

static uint32_t add_tasks (aut_broker_t *broker, plan_t *plan, uint32_t name, uint32_t *shots)
{
    rng_t film = {name * 7919u + 17};
    uint32_t count = 0;
    *shots = 2 + rng_below (&film, 3);
    for (uint32_t shot = 0; shot < *shots; shot++) {
        snprintf (plan->shots[shot], sizeof plan->shots[shot], "s%u", shot);
        plan->shot_names[shot] = plan->shots[shot];
        uint32_t chunks = 1 + rng_below (&film, 4);
        for (uint32_t chunk = 0; chunk < chunks; chunk++)
            add_task (broker, plan, &film, count++, shot, chunk, name);
    }
    return count;
}

static int make_plan (broker_t *self, aut_submission_t **out, const aut_msg_submit_t *submit)
{
    const sim_blob_t *blob = disk_blob (self->sim, &submit->submission.hash);
    unsigned name;
    char text[64];
    uint32_t shots;
    if (!blob)
        return aut_fail (AUT_ERR_NOT_FOUND, "the manifest of the submission was not uploaded");
    snprintf (text, sizeof text, "%.*s", (int)blob->size, (const char *)blob->bytes);
    if (sscanf (text, "film %u", &name) != 1)
        return aut_fail (AUT_ERR_INVALID, "the submission names no film");
    aut_submission_t *sub = *out = aut_calloc (1, sizeof *sub);
    plan_t *plan = sub->hold = aut_calloc (1, sizeof *plan);
    aut_store_job_t *job = &sub->store.job;
    job->task_count = add_tasks (self->self, plan, name, &shots);
    job->shot_count = shots;
    snprintf (job->project, sizeof job->project, "%s", submit->project);
    snprintf (job->idempotency, sizeof job->idempotency, "%s",
              submit->idempotency ? submit->idempotency : "");
    job->priority = submit->priority;
    job->created_ms = aut_wall_ms (self->self->clock);
    job->submission = submit->submission.hash;
    sub->store.shots = plan->shot_names;
    sub->store.tasks = plan->tasks;
    sub->store.bodies = plan->bodies;
    sub->core = (aut_core_submit_t){.priority = submit->priority,
                                    .tasks = plan->core,
                                    .task_count = job->task_count,
                                    .cookie = sub};
    return 0;
}

static void serve (broker_t *self, aut_plan_request_t *request)
{
    aut_broker_t *broker = self->self;
    const aut_msg_submit_t *submit = &request->msg.submit;
    uint64_t job;
    int rc = aut_submission_known (broker, submit->idempotency, &submit->submission.hash, &job);
    if (!rc && job) {
        aut_out_post (broker->to_clients, aut_out_submitted (request->reply, job, true));
        return;
    }
    aut_in_t *in = aut_calloc (1, sizeof *in);
    if (!rc)
        rc = make_plan (self, &in->submission, submit);
    if (!rc) {
        in->event.kind = AUT_EV_SUBMIT;
        in->event.u.submit = in->submission->core;
        in->event.u.submit.reply = request->reply;
        rc = aut_mailbox_push (broker->planned, in);
    }
    if (!rc)
        rc = aut_mailbox_push (broker->inbox, in);
    if (rc) {
        aut_out_post (broker->to_clients, aut_out_error (request->reply, rc, aut_error_detail ()));
        aut_in_destroy (in);
    }
}

/*  Where the thread would wait for room, this comes again later. */
void plan_serve (broker_t *self)
{
    aut_broker_t *broker = self->self;
    void *request;
    while (aut_mailbox_count (broker->plans) &&
           aut_mailbox_count (broker->planned) < AUT_BROKER_PLANNED &&
           aut_mailbox_count (broker->inbox) < SIM_INBOX &&
           aut_mailbox_take (broker->plans, &request, 1) == 1) {
        serve (self, request);
        aut_plan_request_destroy (request);
    }
}
