/*  The planner's thread: a submission's blob becomes tasks.
 *
 *  The same pure functions that the client planned with run here, over the files that the client
 *  uploaded; earlier results of the same keys are looked up; then everything goes to the loop in
 * one piece. Nothing here is promised to anybody: the loop's commit is what counts.
 */
#include "broker/planner.h"

#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "lib/film/plan.h"

#include <stdlib.h>
#include <string.h>

#define LOG "broker"
#define SUBMISSION_MAX (32 << 20) /* bytes of the submission blob and of the storyboard */

/*  Owns all that a submission points to. */
typedef struct {
    aut_msg_t msg; /* the SUBMIT: its idempotency key */
    char **shots, **scenes;
    aut_store_new_shot_t *about; /* of the shots */
    uint32_t shot_count;
    aut_store_new_task_t *tasks;
    aut_store_body_t *bodies;
    aut_core_task_spec_t *specs;
    aut_core_cached_t *cached;
    aut_store_input_t *inputs;
    size_t input_count, input_cap;
    char **models; /* one text for each distinct model of the plan */
    size_t model_count, model_cap;
    aut_buffer_t text; /* the specs, one after another */
} hold_t;

/*  What is at work while one submission is read. */
typedef struct {
    aut_broker_t *broker;
    json_t *json; /* the submission */
    aut_storyboard_t *film;
    aut_plan_t *plan;
    aut_submission_t *sub;
    hold_t *hold;
    size_t *offsets; /* of spec i in hold->text; count + 1 of them */
    bool may_be_cached;
} work_t;

void aut_plan_request_destroy (void *item)
{
    aut_plan_request_t *request = item;
    if (!request)
        return;
    aut_msg_clear (&request->msg);
    free (request);
}

void aut_submission_destroy (aut_submission_t **self_p)
{
    aut_submission_t *self = *self_p;
    if (!self)
        return;
    hold_t *hold = self->hold;
    for (uint32_t i = 0; i < hold->shot_count; i++) {
        free (hold->shots[i]);
        free (hold->scenes[i]);
    }
    for (size_t i = 0; i < hold->model_count; i++)
        free (hold->models[i]);
    free (hold->shots);
    free (hold->scenes);
    free (hold->about);
    free (hold->tasks);
    free (hold->bodies);
    free (hold->specs);
    free (hold->cached);
    free (hold->inputs);
    free (hold->models);
    aut_buffer_clear (&hold->text);
    aut_msg_clear (&hold->msg);
    free (hold);
    free (self);
    *self_p = NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

static int read_blob (aut_broker_t *broker, const aut_hash_t *hash, const char *what, char **data,
                      size_t *size)
{
    int rc = aut_blobs_read (broker->blobs, hash, SUBMISSION_MAX, data, size);
    return rc ? aut_fail_in (rc, "the %s of the submission", what) : 0;
}

/*  lib/film's question for a file: the submission's map, and the blob must be here. */
static int resolve (void *ctx, const char *path, aut_asset_kind_t kind, aut_hash_t *hash)
{
    work_t *work = ctx;
    (void)kind;
    const char *hex =
        json_string_value (json_object_get (json_object_get (work->json, "assets"), path));
    if (!hex)
        return aut_fail (AUT_ERR_NOT_FOUND, "is not part of the submission");
    if (aut_hash_parse (hash, hex))
        return aut_fail (AUT_ERR_INVALID, "has a bad hash in the submission");
    if (!aut_blobs_has (work->broker->blobs, hash, NULL))
        return aut_fail (AUT_ERR_NOT_FOUND, "was not uploaded");
    return 0;
}

static int read_storyboard (work_t *work, const char *data, size_t size)
{
    aut_diags_t diags;
    aut_assets_t assets = {resolve, work};
    aut_diags_init (&diags, "storyboard");
    int rc = aut_storyboard_read (&work->film, &diags, data, size, work->broker->registry, &assets);
    if (rc) {
        const aut_diag_t *first = NULL;
        for (size_t i = 0; !first && i < diags.count; i++)
            if (!diags.items[i].warning)
                first = &diags.items[i];
        if (first)
            rc = aut_fail (AUT_ERR_INVALID, "storyboard:%u:%u: %.100s: %.300s (%zu errors)",
                           first->line, first->column, first->path, first->message, diags.errors);
    }
    aut_diags_clear (&diags);
    return rc;
}

static int read_submission (work_t *work, const aut_msg_submit_t *submit)
{
    char *data = NULL;
    size_t size;
    const char *hex;
    aut_hash_t hash;
    int rc = read_blob (work->broker, &submit->submission.hash, "manifest", &data, &size);
    if (!rc)
        rc = aut_json_parse (&work->json, data, size, "submission");
    free (data);
    if (rc)
        return rc;
    if (aut_json_string (work->json, "storyboard", &hex) || aut_hash_parse (&hash, hex))
        return aut_fail (AUT_ERR_INVALID, "the submission names no storyboard");
    data = NULL;
    rc = read_blob (work->broker, &hash, "storyboard", &data, &size);
    if (!rc)
        rc = read_storyboard (work, data, size);
    free (data);
    return rc;
}

static int make_plan (work_t *work)
{
    bool allow = false;
    int rc = aut_plan_new (&work->plan, work->film, work->broker->registry);
    if (rc)
        return rc;
    aut_json_bool (work->json, "allow_lower_tier", &allow);
    if (work->plan->lowered && !allow)
        return aut_fail (
            AUT_ERR_INVALID, "%s; allow a lower tier (--allow-lower-tier) or add the model",
            work->plan->warning_count ? work->plan->warnings[0] : "no model serves the tier");
    return 0;
}

/* ---- tasks ---------------------------------------------------------------------------------- */

static void add_input (work_t *work, const char *role, const aut_hash_t *hash)
{
    hold_t *hold = work->hold;
    hold->inputs =
        aut_grow (hold->inputs, &hold->input_cap, hold->input_count + 1, sizeof *hold->inputs);
    aut_store_input_t *input = &hold->inputs[hold->input_count++];
    memset (input, 0, sizeof *input);
    snprintf (input->role, sizeof input->role, "%s", role);
    input->blob.hash = *hash;
    aut_blobs_has (work->broker->blobs, hash, &input->blob.size);
}

static bool has_pictures (const aut_shot_t *shot)
{
    if (shot->init.image || shot->last.image)
        return true;
    for (size_t i = 0; i < shot->ingredient_ids.count; i++)
        if (shot->ingredients[i]->image)
            return true;
    return false;
}

/*  The pictures that a chunk's spec names, by their roles. */
static int add_inputs (work_t *work, size_t ordinal, const char *text, size_t size)
{
    aut_plan_task_t task = aut_plan_task (work->plan, ordinal);
    const aut_plan_shot_t *shot = &work->plan->shots[work->plan->chunks[task.chunk].shot];
    if (task.upscale || !has_pictures (shot->shot))
        return 0;
    aut_task_spec_t spec;
    size_t first = work->hold->input_count;
    int rc = aut_task_spec_parse (&spec, text, size);
    if (rc)
        return aut_fail_in (rc, "the spec of a task");
    if (spec.init == AUT_INIT_IMAGE)
        add_input (work, "init", &spec.init_hash);
    if (spec.has_last)
        add_input (work, "last", &spec.last_hash);
    for (size_t i = 0; i < spec.card_count; i++)
        if (spec.cards[i].has_image && work->hold->input_count - first < AUT_STORE_INPUTS_MAX - 1)
            add_input (work, "image", &spec.cards[i].image);
    aut_task_spec_clear (&spec);
    work->hold->bodies[ordinal].input_count = (uint32_t)(work->hold->input_count - first);
    return 0;
}

/*  The spec's text; above what an ASSIGN can carry it goes to a blob. */
static int add_spec (work_t *work, size_t ordinal)
{
    hold_t *hold = work->hold;
    size_t at = hold->text.size;
    aut_plan_task_t task = aut_plan_task (work->plan, ordinal);
    if (task.upscale)
        aut_plan_upscale_spec (work->plan, task.chunk, &hold->text);
    else
        aut_plan_spec (work->plan, task.chunk, &hold->text);
    size_t size = hold->text.size - at;
    work->offsets[ordinal] = at;
    int rc = add_inputs (work, ordinal, hold->text.data + at, size);
    if (!rc && size > AUT_SPEC_MAX) {
        aut_store_body_t *body = &hold->bodies[ordinal];
        body->spec_blob.size = size;
        rc = aut_blobs_put (work->broker->blobs, &body->spec_blob.hash, hold->text.data + at, size);
        hold->text.size = at;
    }
    return rc;
}

/*  The model's id, copied once for all tasks that need it. */
static const char *model_text (hold_t *hold, const char *id)
{
    for (size_t i = hold->model_count; i-- > 0;)
        if (strcmp (hold->models[i], id) == 0)
            return hold->models[i];
    hold->models =
        aut_grow (hold->models, &hold->model_cap, hold->model_count + 1, sizeof *hold->models);
    return hold->models[hold->model_count++] = aut_strdup (id);
}

/*  An earlier result of this key, if its files are still here. */
static void look_up (work_t *work, size_t ordinal)
{
    hold_t *hold = work->hold;
    aut_store_result_t result;
    uint64_t id;
    if (aut_store_cached (work->broker->store, &hold->tasks[ordinal].key, &id, &result) ||
        !aut_blobs_has (work->broker->blobs, &result.mezzanine.hash, NULL) ||
        (!aut_hash_is_zero (&result.tail.hash) &&
         !aut_blobs_has (work->broker->blobs, &result.tail.hash, NULL)))
        return;
    aut_core_cached_t *cached = &hold->cached[ordinal];
    cached->tail = result.tail.hash;
    cached->frames = result.mezzanine.hash;
    if (result.used_count)
        cached->used = result.used[0];
    hold->tasks[ordinal].result = id;
    hold->specs[ordinal].cached = cached;
}

/*  The task that it starts from. */
static uint32_t after (const aut_plan_t *plan, aut_plan_task_t task)
{
    size_t chunk = task.upscale ? task.chunk : plan->chunks[task.chunk].after;
    if (chunk == AUT_PLAN_NONE)
        return AUT_CORE_NONE;
    return (uint32_t)aut_plan_ordinal (plan, (aut_plan_task_t){.chunk = chunk});
}

static int add_task (work_t *work, size_t ordinal)
{
    aut_plan_task_t what = aut_plan_task (work->plan, ordinal);
    const aut_plan_chunk_t *chunk = &work->plan->chunks[what.chunk];
    const aut_plan_shot_t *shot = &work->plan->shots[chunk->shot];
    const aut_model_t *model = what.upscale ? shot->upscaler : shot->model;
    hold_t *hold = work->hold;
    aut_store_new_task_t *task = &hold->tasks[ordinal];
    uint64_t cost = (uint64_t)chunk->frames * (shot->steps ? shot->steps : 1);
    if (what.upscale)
        cost = chunk->keep;
    *task = (aut_store_new_task_t){
        .ordinal = (uint32_t)ordinal,
        .shot = (uint32_t)chunk->shot,
        .chunk = (uint32_t)(ordinal - shot->first_task),
        .cost = cost < UINT32_MAX ? (uint32_t)cost : UINT32_MAX,
        .key = what.upscale ? chunk->upscale_key : chunk->key,
        .memory = model->memory,
        .upscale = what.upscale,
        .model = model_text (hold, model->id),
        .class_ = "",
    };
    hold->specs[ordinal] = (aut_core_task_spec_t){
        .shot = task->shot,
        .chunk = task->chunk,
        .after = after (work->plan, what),
        .cost = task->cost,
        .model = task->model,
        .class_ = task->class_,
        .memory = task->memory,
        .frames = what.upscale,
    };
    if (work->may_be_cached)
        look_up (work, ordinal);
    return add_spec (work, ordinal);
}

/*  Buffers have stopped growing: pointers into them can be taken. */
static void set_pointers (work_t *work, size_t count)
{
    hold_t *hold = work->hold;
    const aut_store_input_t *inputs = hold->inputs;
    work->offsets[count] = hold->text.size;
    for (size_t i = 0; i < count; i++) {
        aut_store_body_t *body = &hold->bodies[i];
        if (aut_hash_is_zero (&body->spec_blob.hash)) {
            body->spec = hold->text.data + work->offsets[i];
            body->spec_size = work->offsets[i + 1] - work->offsets[i];
        }
        body->inputs = inputs;
        inputs += body->input_count;
    }
}

static int add_tasks (work_t *work)
{
    size_t count = work->plan->task_count;
    hold_t *hold = work->hold;
    aut_store_stats_t stats;
    hold->tasks = aut_calloc (count + 1, sizeof *hold->tasks);
    hold->bodies = aut_calloc (count + 1, sizeof *hold->bodies);
    hold->specs = aut_calloc (count + 1, sizeof *hold->specs);
    work->offsets = aut_calloc (count + 1, sizeof *work->offsets);
    work->may_be_cached = aut_store_stats (work->broker->store, &stats) == 0 && stats.results > 0;
    hold->cached = aut_calloc (work->may_be_cached ? count + 1 : 1, sizeof *hold->cached);
    int rc = 0;
    for (size_t i = 0; !rc && i < count; i++)
        rc = add_task (work, i);
    if (!rc)
        set_pointers (work, count);
    return rc;
}

/*  Clients choose their idempotency keys by themselves: those of two clients are different ones. */
static void set_idempotency (aut_store_job_t *job, const aut_plan_request_t *request)
{
    const char *key = request->msg.submit.idempotency, *owner = request->owner;
    memcpy (job->owner, owner, sizeof job->owner);
    if (key && key[0])
        snprintf (job->idempotency, sizeof job->idempotency, "%s%s%s", owner, owner[0] ? ":" : "",
                  key);
}

static void fill_submission (work_t *work, const aut_plan_request_t *request)
{
    const aut_msg_submit_t *submit = &request->msg.submit;
    hold_t *hold = work->hold;
    aut_submission_t *sub = work->sub;
    aut_store_job_t *job = &sub->store.job;
    hold->shot_count = (uint32_t)work->plan->shot_count;
    hold->shots = aut_calloc (work->plan->shot_count + 1, sizeof *hold->shots);
    hold->scenes = aut_calloc (work->plan->shot_count + 1, sizeof *hold->scenes);
    hold->about = aut_calloc (work->plan->shot_count + 1, sizeof *hold->about);
    for (uint32_t i = 0; i < hold->shot_count; i++) {
        const aut_plan_shot_t *shot = &work->plan->shots[i];
        hold->shots[i] = aut_strdup (shot->shot->id);
        hold->scenes[i] = aut_strdup (shot->scene->id ? shot->scene->id : "");
        hold->about[i] = (aut_store_new_shot_t){hold->scenes[i], shot->native_frames};
    }
    snprintf (job->project, sizeof job->project, "%s", work->film->project);
    set_idempotency (job, request);
    job->priority = submit->priority;
    job->created_ms = aut_wall_ms (work->broker->clock);
    job->submission = submit->submission.hash;
    job->shot_count = hold->shot_count;
    job->task_count = (uint32_t)work->plan->task_count;
    sub->store.shots = (const char *const *)hold->shots;
    sub->store.about = hold->about;
    sub->store.tasks = hold->tasks;
    sub->store.bodies = hold->bodies;
    sub->core.priority = submit->priority;
    sub->core.tasks = hold->specs;
    sub->core.task_count = job->task_count;
    sub->core.cookie = sub;
}

int aut_plan_submission (aut_submission_t **out, aut_broker_t *broker,
                         const aut_plan_request_t *request)
{
    work_t work = {.broker = broker};
    work.sub = aut_calloc (1, sizeof *work.sub);
    work.hold = work.sub->hold = aut_calloc (1, sizeof *work.hold);
    int rc = read_submission (&work, &request->msg.submit);
    if (!rc)
        rc = make_plan (&work);
    if (!rc)
        rc = add_tasks (&work);
    if (!rc)
        fill_submission (&work, request);
    else
        aut_submission_destroy (&work.sub);
    *out = work.sub;
    free (work.offsets);
    aut_plan_destroy (&work.plan);
    aut_storyboard_destroy (&work.film);
    json_decref (work.json);
    return rc;
}

int aut_submission_known (aut_broker_t *broker, const char *key, const aut_hash_t *submission,
                          uint64_t *job)
{
    aut_store_job_t known;
    *job = 0;
    if (!key || !key[0] || aut_store_idempotent (broker->store, key, job))
        return 0;
    int rc = aut_store_job (broker->store, *job, &known);
    if (rc || aut_hash_equal (&known.submission, submission))
        return rc;
    bool has_owner = known.owner[0] && strlen (key) >= AUT_STORE_OWNER;
    return aut_fail (AUT_ERR_EXISTS,
                     "the idempotency key \"%s\" is that of job j%" PRIu64
                     ", which was submitted with another storyboard, other assets or other "
                     "options: take another key",
                     has_owner ? key + AUT_STORE_OWNER : key, *job);
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void serve (aut_broker_t *broker, aut_plan_request_t *request)
{
    aut_store_job_t wanted = {0};
    uint64_t job;
    set_idempotency (&wanted, request);
    int rc = aut_submission_known (broker, wanted.idempotency, &request->msg.submit.submission.hash,
                                   &job);
    if (!rc && job) {
        aut_out_post (broker->to_clients, aut_out_submitted (request->reply, job, true));
        return;
    }
    aut_in_t *in = aut_calloc (1, sizeof *in);
    if (!rc && __atomic_load_n (&broker->stop, __ATOMIC_ACQUIRE))
        rc = aut_fail (AUT_ERR_AGAIN, "the broker is stopping: submit again later");
    if (!rc)
        rc = aut_plan_submission (&in->submission, broker, request);
    if (!rc) {
        in->event.kind = AUT_EV_SUBMIT;
        in->event.u.submit = in->submission->core;
        in->event.u.submit.reply = request->reply;
        rc = aut_mailbox_push_wait (broker->planned, in);
    }
    if (!rc)
        rc = aut_mailbox_push_wait (broker->inbox, in);
    if (rc) {
        aut_log (AUT_LOG_WARN, LOG, "a submission is refused: %s", aut_error_detail ());
        aut_out_post (broker->to_clients, aut_out_error (request->reply, rc, aut_error_detail ()));
        aut_in_destroy (in);
    }
}

void *aut_planner_run (void *arg)
{
    aut_broker_t *broker = arg;
    while (__atomic_load_n (&broker->stop, __ATOMIC_ACQUIRE) == 0) {
        void *request;
        aut_mailbox_wait (broker->plans, 1000);
        while (aut_mailbox_take (broker->plans, &request, 1) == 1) {
            serve (broker, request);
            aut_plan_request_destroy (request);
        }
    }
    return NULL;
}
