/*  See pool.h. The order at a worker's end matters: first everything that it still said (a result
 *  may be the last thing before an exit), then its death. */
#include "node/pool.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "node/supervisor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NEVER INT64_MAX
#define KILL_POLL_MS 200 /* how often a child that is being killed is looked at */

typedef struct {
    uint32_t id;
    char *device;
    aut_child_t *child; /* NULL = not running */
    char *start_error;  /* of a start that failed, until it is reported */
    uint64_t refused;   /* a task that could not be handed over, until it is reported */
    bool killing;
} slot_t;

struct aut_pool {
    char *program, *models, *state;
    uint32_t threads;
    uint64_t vram_limit;
    slot_t *slots;
    size_t count;
    aut_pool_event_fn event;
    void *ctx;
};

aut_pool_t *aut_pool_new (const aut_pool_options_t *options, aut_pool_event_fn event, void *ctx)
{
    aut_pool_t *self = aut_calloc (1, sizeof *self);
    self->program = aut_strdup (options->program);
    self->models = aut_strdup (options->models);
    self->state = aut_strdup (options->state);
    self->threads = options->threads;
    self->vram_limit = options->vram_limit;
    self->count = options->worker_count;
    self->slots = aut_calloc (self->count + 1, sizeof *self->slots);
    self->event = event;
    self->ctx = ctx;
    for (size_t i = 0; i < self->count; i++) {
        self->slots[i].id = options->workers[i].id;
        self->slots[i].device = aut_strdup (options->workers[i].device);
    }
    return self;
}

static slot_t *find (const aut_pool_t *self, uint32_t worker)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->slots[i].id == worker)
            return &self->slots[i];
    return NULL;
}

/*  A worker may write to a folder of its own only, which it must find. */
static int start (aut_pool_t *self, slot_t *slot)
{
    char parent[24], threads[16], limit[24], label[160];
    char *work = aut_sprintf ("%s/work/%" PRIu32, self->state, slot->id);
    char *inputs = aut_path_join (self->state, "cache", NULL);
    snprintf (parent, sizeof parent, "%d", (int)getpid ());
    snprintf (threads, sizeof threads, "%" PRIu32, self->threads);
    snprintf (limit, sizeof limit, "%" PRIu64, self->vram_limit);
    snprintf (label, sizeof label, "worker %" PRIu32 " (%s)", slot->id, slot->device);
    const char *argv[16] = {"auteur-worker", "--device", slot->device, "--parent", parent,
                            "--threads",     threads,    "--work",     work,       "--inputs",
                            inputs};
    size_t n = 11;
    if (self->models) {
        argv[n++] = "--models";
        argv[n++] = self->models;
    }
    if (self->vram_limit) {
        argv[n++] = "--vram-limit";
        argv[n++] = limit;
    }
    int rc = aut_dir_make (work);
    if (rc == 0)
        rc = aut_child_start (&slot->child, self->program, argv, label);
    free (inputs);
    free (work);
    return rc;
}

void aut_pool_start (aut_pool_t *self, uint32_t worker)
{
    slot_t *slot = find (self, worker);
    if (!slot || slot->child)
        return;
    slot->killing = false;
    if (start (self, slot) < 0) {
        free (slot->start_error);
        slot->start_error = aut_strdup (aut_error_detail ());
    }
}

void aut_pool_kill (aut_pool_t *self, uint32_t worker, int64_t now_ms)
{
    slot_t *slot = find (self, worker);
    if (!slot || !slot->child)
        return;
    slot->killing = true;
    aut_child_kill (slot->child, now_ms);
}

void aut_pool_run (aut_pool_t *self, uint32_t worker, const aut_worker_task_t *task)
{
    slot_t *slot = find (self, worker);
    if (!slot || !slot->child)
        return; /* its WORKER_DOWN is on its way */
    aut_worker_msg_t msg = {.type = AUT_WORKER_TASK, .task = *task};
    int rc = aut_child_send (slot->child, &msg);
    if (rc < 0 && rc != AUT_ERR_IO) {
        aut_log (AUT_LOG_ERROR, "node", "a task cannot be given to its worker: %s",
                 aut_error_detail ());
        slot->refused = task->id;
    }
}

void aut_pool_cancel (aut_pool_t *self, uint32_t worker, uint64_t hold)
{
    slot_t *slot = find (self, worker);
    if (!slot || !slot->child)
        return;
    aut_worker_msg_t msg = {.type = AUT_WORKER_CANCEL, .cancel = {.id = hold}};
    aut_child_send (slot->child, &msg);
}

static void add_item (zmq_pollitem_t *items, size_t *n, size_t max, int fd, short events)
{
    if (fd >= 0 && *n < max)
        items[(*n)++] = (zmq_pollitem_t){.fd = fd, .events = events};
}

size_t aut_pool_items (const aut_pool_t *self, zmq_pollitem_t *items, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < self->count; i++) {
        const aut_child_t *child = self->slots[i].child;
        if (!child)
            continue;
        short events = ZMQ_POLLIN;
        if (aut_child_wants_write (child))
            events |= ZMQ_POLLOUT;
        add_item (items, &n, max, aut_child_control_fd (child), events);
        add_item (items, &n, max, aut_child_log_fd (child), ZMQ_POLLIN);
        add_item (items, &n, max, aut_child_exit_fd (child), ZMQ_POLLIN);
    }
    return n;
}

/*  One message of a worker, as an event. */
static void heard (aut_pool_t *self, slot_t *slot, const aut_worker_msg_t *msg)
{
    aut_session_event_t event = {.worker = slot->id};
    switch (msg->type) {
    case AUT_WORKER_HELLO:
        aut_log (AUT_LOG_DEBUG, "node", "worker %" PRIu32 " is up on %s", slot->id,
                 msg->hello.device);
        event.type = AUT_SESSION_WORKER_UP;
        break;
    case AUT_WORKER_PROGRESS:
        event.type = AUT_SESSION_PROGRESS;
        event.hold = msg->progress.id;
        event.progress = &msg->progress;
        break;
    case AUT_WORKER_RESULT:
        event.type = AUT_SESSION_RESULT;
        event.hold = msg->result.id;
        event.result = &msg->result;
        break;
    case AUT_WORKER_FAIL:
        if (msg->fail.id == 0) {
            aut_log (AUT_LOG_ERROR, "node", "worker %" PRIu32 ": %s", slot->id, msg->fail.message);
            return; /* it ends now */
        }
        event.type = AUT_SESSION_TASK_FAILED;
        event.hold = msg->fail.id;
        event.code = aut_error_code (msg->fail.code);
        event.text = msg->fail.message;
        break;
    default:
        return;
    }
    self->event (self->ctx, &event);
}

static void listen_to (aut_pool_t *self, slot_t *slot)
{
    aut_worker_msg_t msg;
    int rc;
    while ((rc = aut_child_receive (slot->child, &msg)) == 0) {
        heard (self, slot, &msg);
        aut_worker_msg_clear (&msg);
    }
    if (rc != AUT_ERR_AGAIN && rc != AUT_ERR_IO)
        aut_log (AUT_LOG_ERROR, "node", "worker %" PRIu32 " does not speak our protocol: %s",
                 slot->id, aut_error_detail ());
}

static void down (aut_pool_t *self, slot_t *slot, const char *text)
{
    aut_session_event_t event = {.type = AUT_SESSION_WORKER_DOWN, .worker = slot->id, .text = text};
    self->event (self->ctx, &event);
}

static void report_end (aut_pool_t *self, slot_t *slot, int status)
{
    char text[128];
    aut_child_status_text (status, text, sizeof text);
    aut_log (slot->killing ? AUT_LOG_INFO : AUT_LOG_WARN, "node", "worker %" PRIu32 " ended: %s",
             slot->id, text);
    aut_child_destroy (&slot->child);
    slot->refused = 0;
    down (self, slot, text);
}

static void pump_slot (aut_pool_t *self, slot_t *slot, int64_t now_ms)
{
    if (slot->start_error) {
        char *text = slot->start_error;
        slot->start_error = NULL;
        down (self, slot, text);
        free (text);
    }
    if (!slot->child)
        return;
    int status;
    bool ended = aut_child_ended (slot->child, &status);
    aut_child_flush (slot->child);
    if (aut_child_control_fd (slot->child) >= 0)
        listen_to (self, slot);
    aut_child_pump_log (slot->child);
    if (slot->refused) {
        aut_session_event_t event = {.type = AUT_SESSION_TASK_FAILED,
                                     .worker = slot->id,
                                     .hold = slot->refused,
                                     .code = AUT_ERR_TOO_LARGE,
                                     .text = "the task cannot be given to a worker"};
        slot->refused = 0;
        self->event (self->ctx, &event);
    }
    /* Deaf but alive: it will not hear of another task. */
    if (!ended && aut_child_control_fd (slot->child) < 0 && !slot->killing)
        aut_pool_kill (self, slot->id, now_ms);
    aut_child_tick (slot->child, now_ms);
    if (ended)
        report_end (self, slot, status);
}

int64_t aut_pool_pump (aut_pool_t *self, int64_t now_ms)
{
    int64_t due = NEVER;
    for (size_t i = 0; i < self->count; i++) {
        slot_t *slot = &self->slots[i];
        pump_slot (self, slot, now_ms);
        if (slot->start_error)
            due = now_ms;
        else if (slot->child && slot->killing && due > now_ms + KILL_POLL_MS)
            due = now_ms + KILL_POLL_MS;
    }
    return due;
}

void aut_pool_destroy (aut_pool_t **self_p)
{
    aut_pool_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t i = 0; i < self->count; i++) {
        aut_child_destroy (&self->slots[i].child);
        free (self->slots[i].device);
        free (self->slots[i].start_error);
    }
    free (self->slots);
    free (self->program);
    free (self->models);
    free (self->state);
    free (self);
}
