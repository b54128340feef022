/*  Holds: what the node has been assigned and not been relieved of. */
#include "node/session_internal.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 400 /* of a FAIL's message, below AUT_TEXT_MAX */

/*  Actions */

int ses_act (aut_session_t *self, aut_session_action_type_t type, uint32_t worker, uint64_t hold)
{
    aut_session_action_t action = {.type = type, .worker = worker, .hold = hold};
    return self->act (self->ctx, &action);
}

int ses_send_msg (aut_session_t *self, const aut_msg_t *msg)
{
    aut_session_action_t action = {.type = AUT_ACT_SEND, .message = msg};
    return self->act (self->ctx, &action);
}

void ses_send_token (aut_session_t *self, aut_msg_type_t type, const aut_token_t *token)
{
    aut_msg_t msg = {.type = type};
    msg.started.token = *token; /* STARTED, ACK, ABORT and RELEASE have the same shape */
    ses_send_msg (self, &msg);
}

static void send_done (aut_session_t *self, const hold_t *hold)
{
    aut_msg_t msg = {.type = AUT_MSG_DONE};
    msg.done = (aut_msg_done_t){.token = hold->token,
                                .mezzanine = hold->refs.mezzanine,
                                .metadata = hold->refs.metadata,
                                .tail = hold->refs.tail,
                                .preview = hold->refs.preview,
                                .used = hold->used,
                                .used_count = hold->used_count,
                                .seconds = hold->seconds,
                                .peak_bytes = hold->peak_bytes,
                                .device = self->workers[hold->worker].info.device};
    ses_send_msg (self, &msg);
}

static void send_fail (aut_session_t *self, const hold_t *hold)
{
    aut_msg_t msg = {.type = AUT_MSG_FAIL};
    msg.fail = (aut_msg_fail_t){.token = hold->token,
                                .code = aut_error_text (hold->code),
                                .message = hold->text ? hold->text : "no reason given"};
    ses_send_msg (self, &msg);
}

void ses_log (const hold_t *hold, aut_log_level_t level, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    char *text = NULL;
    int n = vasprintf (&text, format, args);
    va_end (args);
    aut_log_about_t about = {.job = hold->job[0] ? hold->job : NULL,
                             .task = hold->token.task,
                             .attempt = hold->token.attempt,
                             .node = hold->node};
    aut_log_about (level, "node", &about, "%s", n < 0 ? "" : text);
    if (n >= 0)
        free (text);
}

int64_t ses_jitter (aut_session_t *self, int64_t ms)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return ms - ms / 4 + (int64_t)(self->random % (uint64_t)(ms / 2 + 1));
}

/*  Holds */

hold_t *ses_find_hold (const aut_session_t *self, uint64_t id)
{
    for (size_t i = 0; i < self->hold_count; i++)
        if (self->holds[i]->id == id)
            return self->holds[i];
    return NULL;
}

/*  The epoch's start changes when a broker adopts, so the broker's identity, task and attempt
 *  identify an attempt here. Another broker may have given out the same numbers for other work. */
hold_t *ses_find_attempt (const aut_session_t *self, const aut_token_t *token)
{
    for (size_t i = 0; i < self->hold_count; i++)
        if (self->holds[i]->token.task == token->task &&
            self->holds[i]->token.attempt == token->attempt &&
            aut_epoch_same_broker (self->holds[i]->token.epoch, token->epoch))
            return self->holds[i];
    return NULL;
}

void ses_free_hold (hold_t *hold)
{
    free (hold->used);
    free (hold->text);
    free (hold);
}

void ses_forget (aut_session_t *self, hold_t *hold)
{
    ses_act (self, AUT_ACT_FORGET, 0, hold->id);
    for (size_t i = 0; i < self->hold_count; i++)
        if (self->holds[i] == hold) {
            memmove (&self->holds[i], &self->holds[i + 1],
                     (self->hold_count - i - 1) * sizeof (hold_t *));
            self->hold_count--;
            break;
        }
    ses_free_hold (hold);
}

/*  Tells the broker where the hold stands, if it can know its token. */
void ses_tell (aut_session_t *self, hold_t *hold)
{
    if (!self->online || !hold->confirmed || hold->aborting)
        return;
    if (hold->state == HOLD_RUNNING)
        ses_send_token (self, AUT_MSG_STARTED, &hold->token);
    else if (hold->state == HOLD_FINISHED)
        send_done (self, hold);
    else if (hold->state == HOLD_FAILED)
        send_fail (self, hold);
    if (hold->state == HOLD_FINISHED || hold->state == HOLD_FAILED)
        hold->due = self->now + SES_REPEAT_MS;
}

/*  Cuts at a character's beginning. */
static char *bounded_text (const char *text)
{
    size_t len = strlen (text ? text : "");
    if (len > TEXT_BYTES) {
        len = TEXT_BYTES;
        while (len && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    return aut_strndup (text ? text : "", len);
}

void ses_fail_hold (aut_session_t *self, hold_t *hold, int code, const char *text)
{
    hold->state = HOLD_FAILED;
    hold->code = code;
    free (hold->text);
    hold->text = bounded_text (text);
    ses_log (hold, AUT_LOG_WARN, "%s: %s", aut_error_text (code), hold->text);
    ses_tell (self, hold);
}

void ses_upload (aut_session_t *self, hold_t *hold)
{
    hold->state = HOLD_UPLOADING;
    hold->due = 0;
    ses_act (self, AUT_ACT_UPLOAD, 0, hold->id);
}

/*  Nobody wants the hold. One that runs stays until its worker has stopped. */
void ses_drop (aut_session_t *self, hold_t *hold)
{
    if (hold->state != HOLD_RUNNING) {
        ses_forget (self, hold);
        return;
    }
    if (hold->aborting)
        return;
    hold->aborting = true;
    hold->due = self->now + self->options.cancel_ms;
    ses_act (self, AUT_ACT_CANCEL, self->workers[hold->worker].info.id, hold->id);
}
