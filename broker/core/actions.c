/*  The list of actions with the arena of its strings, and the emitters of the common ones. */
#include "broker/core/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ARENA_BLOCK 4096

/*  Blocks never move, so strings stay where they are while the list grows. */
struct aut_core_arena {
    aut_core_arena_t *next;
    size_t used;
    char bytes[ARENA_BLOCK];
};

void aut_core_actions_clear (aut_core_actions_t *self)
{
    self->count = 0;
    if (!self->arena)
        return;
    aut_core_arena_t *spare = self->arena->next;
    while (spare) {
        aut_core_arena_t *next = spare->next;
        free (spare);
        spare = next;
    }
    self->arena->next = NULL;
    self->arena->used = 0;
}

void aut_core_actions_destroy (aut_core_actions_t *self)
{
    aut_core_actions_clear (self);
    free (self->arena);
    free (self->items);
    *self = (aut_core_actions_t){0};
}

/*  `size` bytes, at most a block. */
static char *arena_take (aut_core_actions_t *self, size_t size)
{
    aut_core_arena_t *block = self->arena;
    if (!block || block->used + size > ARENA_BLOCK) {
        /* not cleared: 4 KiB of zeros for a few names would cost more than the step */
        block = aut_realloc (NULL, 1, sizeof *block);
        block->used = 0;
        block->next = self->arena;
        self->arena = block;
    }
    char *bytes = block->bytes + block->used;
    block->used += size;
    return bytes;
}

const char *core_text (aut_core_t *self, const char *text)
{
    if (!text || !*text)
        return "";
    size_t size = strnlen (text, ARENA_BLOCK - 1);
    char *copy = arena_take (self->out, size + 1);
    memcpy (copy, text, size);
    copy[size] = 0;
    return copy;
}

const char *core_format (aut_core_t *self, const char *format, ...)
{
    char text[AUT_CORE_MESSAGE];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    return core_text (self, text);
}

aut_core_action_t *core_emit (aut_core_t *self, aut_core_action_kind_t kind)
{
    aut_core_actions_t *out = self->out;
    if (out->count == out->cap)
        out->items = aut_grow (out->items, &out->cap, out->count + 1, sizeof *out->items);
    aut_core_action_t *action = &out->items[out->count++];
    action->kind = kind;
    return action;
}

void core_emit_reply (aut_core_t *self, aut_core_action_kind_t kind, uint64_t to, int code,
                      const char *message)
{
    aut_core_action_t *action = core_emit (self, kind);
    action->u.reply.reply = to;
    action->u.reply.code = code;
    action->u.reply.message = core_text (self, message);
    if (code)
        self->metrics.refused++;
}

void core_emit_token (aut_core_t *self, aut_core_action_kind_t kind, uint64_t peer,
                      aut_core_token_t token, uint64_t new_epoch)
{
    aut_core_action_t *action = core_emit (self, kind);
    action->u.token.peer = peer;
    action->u.token.token = token;
    action->u.token.new_epoch = new_epoch;
    if (kind == AUT_SEND_ABORT)
        self->metrics.aborted++;
}

void core_emit_job (aut_core_t *self, aut_core_action_kind_t kind, const core_job_t *job)
{
    aut_core_action_t *action = core_emit (self, kind);
    action->u.job.job = job->id;
    action->u.job.state = job->state;
}

void core_pub_task (aut_core_t *self, const core_job_t *job, uint32_t ordinal, bool progress)
{
    const core_task_t *task = &job->items[ordinal];
    const core_lease_t *lease = task->state == AUT_TASK_LEASED ? task->u.lease : NULL;
    aut_core_action_t *action = core_emit (self, AUT_PUB_TASK);
    action->u.task.job = job->id;
    action->u.task.task = job->first_task + ordinal;
    action->u.task.ordinal = ordinal;
    action->u.task.shot = task->shot;
    action->u.task.chunk = task->chunk;
    action->u.task.state = task->state;
    action->u.task.attempt = task->attempt;
    action->u.task.failures = task->failures;
    action->u.task.step = lease ? lease->step : 0;
    action->u.task.steps = lease ? lease->steps : 0;
    action->u.task.frame = lease ? lease->frame : 0;
    action->u.task.frames = lease ? lease->frames : 0;
    action->u.task.node = core_text (self, lease ? lease->node->name : NULL);
    action->u.task.message = core_text (self, task->trouble ? task->trouble->message : NULL);
    action->u.task.progress = progress;
}

void core_pub_node (aut_core_t *self, const core_node_t *node)
{
    aut_core_action_t *action = core_emit (self, AUT_PUB_NODE);
    action->u.node.node = node->id;
    action->u.node.name = core_text (self, node->name);
    action->u.node.state = node->state;
}

static const char *const action_names[AUT_ACTION_KINDS] = {
    [AUT_MUT_JOB_INSERT] = "JOB_INSERT",
    [AUT_MUT_JOB_STATE] = "JOB_STATE",
    [AUT_MUT_JOB_CANCEL] = "JOB_CANCEL",
    [AUT_MUT_JOB_RETRY] = "JOB_RETRY",
    [AUT_MUT_TASK_LEASE] = "TASK_LEASE",
    [AUT_MUT_TASK_WAIT] = "TASK_WAIT",
    [AUT_MUT_TASK_RESULT] = "TASK_RESULT",
    [AUT_MUT_TASK_CACHED] = "TASK_CACHED",
    [AUT_MUT_TASK_FAILED] = "TASK_FAILED",
    [AUT_SEND_SUBMITTED] = "SUBMITTED",
    [AUT_SEND_OK] = "OK",
    [AUT_SEND_CLIENT_ERROR] = "CLIENT_ERROR",
    [AUT_SEND_WELCOME] = "WELCOME",
    [AUT_SEND_ASSIGN] = "ASSIGN",
    [AUT_SEND_ACK] = "ACK",
    [AUT_SEND_ABORT] = "ABORT",
    [AUT_SEND_ADOPT] = "ADOPT",
    [AUT_SEND_PONG] = "PONG",
    [AUT_SEND_NODE_ERROR] = "NODE_ERROR",
    [AUT_PUB_JOB] = "PUB_JOB",
    [AUT_PUB_TASK] = "PUB_TASK",
    [AUT_PUB_NODE] = "PUB_NODE",
};

const char *aut_core_action_text (aut_core_action_kind_t kind)
{
    return (unsigned)kind < AUT_ACTION_KINDS ? action_names[kind] : "unknown";
}

static const char *const event_names[AUT_EV_KINDS] = {
    [AUT_EV_SUBMIT] = "SUBMIT", [AUT_EV_CANCEL] = "CANCEL",   [AUT_EV_RETRY] = "RETRY",
    [AUT_EV_DRAIN] = "DRAIN",   [AUT_EV_HELLO] = "HELLO",     [AUT_EV_PING] = "PING",
    [AUT_EV_PONG] = "PONG",     [AUT_EV_STARTED] = "STARTED", [AUT_EV_PROGRESS] = "PROGRESS",
    [AUT_EV_DONE] = "DONE",     [AUT_EV_FAIL] = "FAIL",       [AUT_EV_RELEASE] = "RELEASE",
    [AUT_EV_BYE] = "BYE",       [AUT_EV_GONE] = "GONE",       [AUT_EV_TICK] = "TICK",
};

const char *aut_core_event_text (aut_core_event_kind_t kind)
{
    return (unsigned)kind < AUT_EV_KINDS ? event_names[kind] : "unknown";
}
