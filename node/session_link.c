/*  The conversation with the broker: HELLO, what it says, and its silence. */
#include "node/session_internal.h"

#include "lib/core/epoch.h"
#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELLO_UNSENT_MS 20 /* first wait when nobody is connected */
#define HELLO_UNANSWERED_MS 2000
#define HELLO_MAX_MS 8000
#define SILENT_PINGS 3   /* unanswered pings after which the broker counts as away */
#define REHELLO_MS 500   /* at most one HELLO in this time because of an ERROR */
#define CONFIRM_MS 10000 /* a hold of which the broker said nothing after WELCOME */

/*  The broker */

static aut_msg_held_t *held_list (const aut_session_t *self, size_t *count)
{
    aut_msg_held_t *held = aut_calloc (self->hold_count + 1, sizeof *held);
    *count = 0;
    for (size_t i = 0; i < self->hold_count; i++) {
        const hold_t *hold = self->holds[i];
        if (!hold->aborting)
            held[(*count)++] = (aut_msg_held_t){.task = hold->token.task,
                                                .attempt = hold->token.attempt,
                                                .epoch = hold->token.epoch,
                                                .finished = hold->state == HOLD_FINISHED ||
                                                            hold->state == HOLD_UPLOADING};
    }
    return held;
}

void ses_say_hello (aut_session_t *self)
{
    self->online = false;
    self->refused = self->offer_due = false;
    for (size_t i = 0; i < self->hold_count; i++)
        self->holds[i]->confirmed = false;
    aut_msg_worker_t *workers = aut_calloc (self->options.worker_count, sizeof *workers);
    for (size_t i = 0; i < self->options.worker_count; i++)
        workers[i] = self->workers[i].info;
    aut_msg_t msg = {.type = AUT_MSG_HELLO};
    msg.hello = (aut_msg_hello_t){.name = self->options.name,
                                  .version = self->options.version,
                                  .workers = workers,
                                  .worker_count = self->options.worker_count};
    memcpy (msg.hello.instance, self->options.instance, sizeof msg.hello.instance);
    aut_msg_held_t *held = held_list (self, &msg.hello.held_count);
    msg.hello.held = held;
    bool sent = ses_send_msg (self, &msg) == 0;
    free (held);
    free (workers);
    self->hello_sent = self->now;
    int64_t patience = (int64_t)HELLO_UNANSWERED_MS
                       << (self->reconnects < 2 ? self->reconnects : 2);
    int64_t least = sent ? patience : HELLO_UNSENT_MS;
    self->hello_wait = self->hello_wait * 2 > least ? self->hello_wait * 2 : least;
    if (self->hello_wait > HELLO_MAX_MS)
        self->hello_wait = HELLO_MAX_MS;
    self->hello_at = self->now + ses_jitter (self, self->hello_wait);
}

static void on_welcome (aut_session_t *self, const aut_msg_welcome_t *welcome)
{
    if (self->offer_due) { /* it answers a HELLO of other models */
        self->hello_wait = 0;
        ses_say_hello (self);
        return;
    }
    if (!self->online || self->epoch != welcome->epoch)
        aut_log (AUT_LOG_INFO, "node", "online as %s, broker epoch " AUT_EPOCH_TEXT, welcome->name,
                 AUT_EPOCH_ARGS (welcome->epoch));
    snprintf (self->name, sizeof self->name, "%s", welcome->name);
    self->online = true;
    self->epoch = welcome->epoch;
    self->ping_ms = welcome->ping_ms ? welcome->ping_ms : 1000;
    self->ping_at = self->now + self->ping_ms;
    self->confirm_at = self->now + CONFIRM_MS;
    self->hello_wait = 0;
    self->reconnects = 0;
    /* Holds of this epoch go on; of another one only once they are adopted, and those of another
     * broker never are: this one says ABORT. */
    for (size_t i = 0; i < self->hold_count; i++) {
        hold_t *hold = self->holds[i];
        if (hold->token.epoch == welcome->epoch) {
            hold->confirmed = true;
            ses_tell (self, hold);
        }
    }
}

void ses_release (aut_session_t *self, const aut_token_t *token)
{
    ses_send_token (self, AUT_MSG_RELEASE, token);
}

static void take (aut_session_t *self, const aut_msg_assign_t *assign, const worker_t *worker)
{
    hold_t *hold = aut_calloc (1, sizeof *hold);
    hold->id = ++self->last_id;
    hold->token = assign->token;
    snprintf (hold->job, sizeof hold->job, "%s", assign->job ? assign->job : "");
    hold->node = self->name;
    hold->worker = (uint32_t)(worker - self->workers);
    hold->state = HOLD_FETCHING;
    hold->confirmed = true;
    hold->used = aut_calloc (assign->input_count + 1, sizeof *hold->used);
    hold->used_count = assign->input_count;
    for (size_t i = 0; i < assign->input_count; i++)
        hold->used[i] = assign->inputs[i].ref.hash;
    self->holds[self->hold_count++] = hold;
    aut_session_action_t action = {.type = AUT_ACT_FETCH, .hold = hold->id, .assign = assign};
    self->act (self->ctx, &action);
}

static void on_assign (aut_session_t *self, const aut_msg_assign_t *assign)
{
    hold_t *same = ses_find_attempt (self, &assign->token);
    if (same) { /* said twice */
        same->token = assign->token;
        same->confirmed = true;
        ses_tell (self, same);
        return;
    }
    for (size_t i = 0; i < self->hold_count;) { /* an older attempt was given up by the broker */
        hold_t *hold = self->holds[i];
        bool stale = hold->token.task == assign->token.task && !hold->aborting &&
                     aut_epoch_same_broker (hold->token.epoch, assign->token.epoch);
        size_t before = self->hold_count;
        if (stale)
            ses_drop (self, hold);
        if (self->hold_count == before)
            i++;
    }
    const worker_t *worker = ses_find_worker (self, assign->worker);
    if (self->draining || !worker || self->hold_count >= self->options.hold_max) {
        ses_release (self, &assign->token);
        self->refused = true;
    } else {
        take (self, assign, worker);
    }
}

static void on_adopt (aut_session_t *self, const aut_msg_adopt_t *adopt)
{
    hold_t *hold = ses_find_attempt (self, &adopt->token);
    if (!hold || hold->aborting || adopt->new_epoch < hold->token.epoch ||
        !aut_epoch_same_broker (adopt->new_epoch, hold->token.epoch))
        return;
    hold->token.epoch = adopt->new_epoch;
    hold->confirmed = true;
    /* A broker that was restarted may have cleared blobs that nothing referred to yet. */
    if (hold->state == HOLD_FINISHED)
        ses_upload (self, hold);
    else
        ses_tell (self, hold);
}

/*  A broker that does not know this session any more answers with an error: introduce ourselves
 *  again, but not in a tight loop over an error that has another cause. */
static void on_error (aut_session_t *self, const aut_msg_error_t *error)
{
    int code = aut_error_code (error->code);
    if (code != AUT_ERR_DENIED || self->online)
        aut_log (AUT_LOG_WARN, "node", "the broker says %s: %s", error->code, error->message);
    if (code == AUT_ERR_DENIED && self->online) {
        /* our key was revoked: what runs goes on, and we ask now and then whether it is allowed
         * again */
        self->online = false;
        self->hello_at = self->now + ses_jitter (self, HELLO_UNANSWERED_MS);
        return;
    }
    bool unknown = code == AUT_ERR_STATE || code == AUT_ERR_NOT_FOUND || code == AUT_ERR_FENCED;
    if (unknown && self->online && self->now - self->hello_sent >= REHELLO_MS)
        ses_say_hello (self);
}

void ses_on_message (aut_session_t *self, const aut_msg_t *msg)
{
    self->heard_at = self->now;
    hold_t *hold;
    switch (msg->type) {
    case AUT_MSG_WELCOME:
        on_welcome (self, &msg->welcome);
        break;
    case AUT_MSG_ASSIGN:
        /* Before WELCOME it comes from a conversation that our HELLO has ended. */
        if (self->online)
            on_assign (self, &msg->assign);
        break;
    case AUT_MSG_ADOPT:
        on_adopt (self, &msg->adopt);
        break;
    case AUT_MSG_ACK:
    case AUT_MSG_ABORT:
        hold = ses_find_attempt (self, &msg->ack.token);
        if (hold)
            ses_drop (self, hold);
        break;
    case AUT_MSG_PING:
        ses_send_msg (self, &(aut_msg_t){.type = AUT_MSG_PONG});
        break;
    case AUT_MSG_BYE: /* it will be back, or another one in its place */
        self->online = false;
        self->hello_at = self->now + ses_jitter (self, HELLO_UNANSWERED_MS);
        break;
    case AUT_MSG_ERROR:
        on_error (self, &msg->error);
        break;
    default: /* PONG: that it came is all it says */
        break;
    }
}

/*  Whether some hold is one of which the broker has said nothing since WELCOME. */
static bool unconfirmed (aut_session_t *self)
{
    if (self->now < self->confirm_at)
        return false;
    self->confirm_at = self->now + CONFIRM_MS;
    for (size_t i = 0; i < self->hold_count; i++)
        if (!self->holds[i]->confirmed && !self->holds[i]->aborting)
            return true;
    return false;
}

/*  After a RELEASE the broker sends nothing until the next HELLO. */
static bool wants_more (const aut_session_t *self)
{
    return self->refused && !self->draining && self->hold_count < self->options.hold_max &&
           self->now - self->hello_sent >= REHELLO_MS;
}

void ses_tick_link (aut_session_t *self)
{
    if (!self->online) {
        if (self->now < self->hello_at)
            return;
        /* A new connection takes a moment, so its first HELLO is tried again soon, not after
         * another reconnection. */
        if (self->hello_wait >= HELLO_UNANSWERED_MS) {
            ses_act (self, AUT_ACT_RECONNECT, 0, 0);
            self->hello_wait = 0;
            self->reconnects++;
        }
        ses_say_hello (self);
    } else if (self->now - self->heard_at > (int64_t)SILENT_PINGS * self->ping_ms) {
        aut_log (AUT_LOG_WARN, "node", "the broker is silent; what runs goes on meanwhile");
        self->hello_wait = 0;
        ses_say_hello (self);
    } else if (unconfirmed (self) || wants_more (self)) {
        ses_say_hello (self);
    } else if (self->now >= self->ping_at) {
        self->ping_at = self->now + self->ping_ms;
        if (ses_send_msg (self, &(aut_msg_t){.type = AUT_MSG_PING}) != 0)
            ses_say_hello (self); /* nobody is connected any more */
    }
}
