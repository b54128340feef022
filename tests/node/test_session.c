/*  The session as a table of conversations: what happens, when, and exactly what the node does
 * then. No sockets, processes or sleeping: the time is a number in the table. */
#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/log.h"
#include "node/session.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  Actions are compared as text, "run 0 1; STARTED 7/1@5". */
typedef struct {
    aut_session_t *session;
    aut_buffer_t said;
    bool unreachable; /* sends fail */
} world_t;

static void say (world_t *world, const char *text)
{
    if (world->said.size)
        aut_buffer_text (&world->said, "; ");
    aut_buffer_text (&world->said, text);
}

static void say_token (world_t *world, const char *what, const aut_token_t *t, const char *more)
{
    char text[128];
    snprintf (text, sizeof text, "%s %" PRIu64 "/%" PRIu32 "@%" PRIu64 "%s%s", what, t->task,
              t->attempt, t->epoch, *more ? " " : "", more);
    say (world, text);
}

static void say_hello (world_t *world, const aut_msg_hello_t *hello)
{
    aut_buffer_t text = {0};
    aut_buffer_text (&text, "HELLO");
    for (size_t i = 0; i < hello->held_count; i++)
        aut_buffer_format (&text, " %" PRIu64 "/%" PRIu32 "@%" PRIu64 "%s", hello->held[i].task,
                           hello->held[i].attempt, hello->held[i].epoch,
                           hello->held[i].finished ? "f" : "");
    say (world, text.data);
    aut_buffer_clear (&text);
    for (size_t i = 0; i < hello->worker_count; i++)
        ck_assert_str_eq (hello->workers[i].models[0], "m");
}

static void say_message (world_t *world, const aut_msg_t *msg)
{
    switch (msg->type) {
    case AUT_MSG_HELLO:
        say_hello (world, &msg->hello);
        break;
    case AUT_MSG_STARTED:
        say_token (world, "STARTED", &msg->started.token, "");
        break;
    case AUT_MSG_PROGRESS:
        say_token (world, "PROGRESS", &msg->progress.token,
                   msg->progress.preview_size == 7 ? "picture" : "");
        break;
    case AUT_MSG_DONE:
        say_token (world, "DONE", &msg->done.token, "");
        ck_assert (aut_ref_present (&msg->done.mezzanine));
        ck_assert_uint_eq (msg->done.used_count, 1);
        break;
    case AUT_MSG_FAIL:
        say_token (world, "FAIL", &msg->fail.token, msg->fail.code);
        break;
    case AUT_MSG_RELEASE:
        say_token (world, "RELEASE", &msg->release.token, "");
        break;
    default:
        say (world, aut_msg_name (msg->type));
        break;
    }
}

static int act (void *ctx, const aut_session_action_t *action)
{
    static const char *const names[] = {
        [AUT_ACT_START_WORKER] = "start", [AUT_ACT_KILL_WORKER] = "kill",
        [AUT_ACT_FETCH] = "fetch",        [AUT_ACT_RUN] = "run",
        [AUT_ACT_CANCEL] = "cancel",      [AUT_ACT_UPLOAD] = "upload",
        [AUT_ACT_FORGET] = "forget",      [AUT_ACT_RECONNECT] = "reconnect",
        [AUT_ACT_EXIT] = "exit"};
    world_t *world = ctx;
    char text[64];
    switch (action->type) {
    case AUT_ACT_SEND:
        say_message (world, action->message);
        return world->unreachable ? AUT_ERR_AGAIN : 0;
    case AUT_ACT_START_WORKER:
    case AUT_ACT_KILL_WORKER:
        snprintf (text, sizeof text, "%s %" PRIu32, names[action->type], action->worker);
        break;
    case AUT_ACT_RUN:
    case AUT_ACT_CANCEL:
        snprintf (text, sizeof text, "%s %" PRIu32 " %" PRIu64, names[action->type], action->worker,
                  action->hold);
        break;
    case AUT_ACT_RECONNECT:
    case AUT_ACT_EXIT:
        snprintf (text, sizeof text, "%s", names[action->type]);
        break;
    default:
        snprintf (text, sizeof text, "%s %" PRIu64, names[action->type], action->hold);
        break;
    }
    say (world, text);
    return 0;
}

/*  Events as text, "assign 7/1@5 0" */

static void give_message (world_t *world, int64_t now, const aut_msg_t *msg)
{
    aut_session_event_t event = {.type = AUT_SESSION_MESSAGE, .message = msg};
    aut_session_step (world->session, &event, now);
}

static bool message (world_t *world, int64_t now, const char *text)
{
    aut_msg_t msg = {0};
    aut_token_t t = {0};
    unsigned worker = 0;
    char word[32] = "";
    uint64_t more = 0;
    int n = sscanf (text, "%31s %" SCNu64 "/%" SCNu32 "@%" SCNu64 " %" SCNu64, word, &t.task,
                    &t.attempt, &t.epoch, &more);
    if (strcmp (word, "welcome") == 0) {
        msg.type = AUT_MSG_WELCOME;
        msg.welcome = (aut_msg_welcome_t){
            .node = 1, .name = "n", .epoch = t.task, .ping_ms = 1000, .silent_ms = 15000};
    } else if (strcmp (word, "assign") == 0 && n == 5) {
        static const aut_msg_input_t input = {.role = "tail", .key = "k"};
        msg.type = AUT_MSG_ASSIGN;
        worker = (unsigned)more;
        msg.assign = (aut_msg_assign_t){.token = t,
                                        .worker = worker,
                                        .spec = (const uint8_t *)"{}",
                                        .spec_size = 2,
                                        .inputs = &input,
                                        .input_count = 1};
    } else if (strcmp (word, "ack") == 0 || strcmp (word, "abort") == 0) {
        msg.type = word[1] == 'c' ? AUT_MSG_ACK : AUT_MSG_ABORT;
        msg.ack.token = t;
    } else if (strcmp (word, "adopt") == 0) {
        msg.type = AUT_MSG_ADOPT;
        msg.adopt = (aut_msg_adopt_t){.token = t, .new_epoch = more};
    } else if (strcmp (word, "ping") == 0 || strcmp (word, "pong") == 0) {
        msg.type = word[1] == 'i' ? AUT_MSG_PING : AUT_MSG_PONG;
    } else if (strcmp (word, "bye") == 0) {
        msg.type = AUT_MSG_BYE;
    } else if (strcmp (word, "error") == 0) {
        msg.type = AUT_MSG_ERROR;
        msg.error = (aut_msg_error_t){.code = text + 6, .message = "test"};
    } else {
        return false;
    }
    give_message (world, now, &msg);
    return true;
}

static const struct {
    const char *word;
    aut_session_event_type_t type;
    bool worker, hold;
} events[] = {
    {"start", AUT_SESSION_START, false, false},
    {"tick", AUT_SESSION_TICK, false, false},
    {"up", AUT_SESSION_WORKER_UP, true, false},
    {"down", AUT_SESSION_WORKER_DOWN, true, false},
    {"progress", AUT_SESSION_PROGRESS, true, true},
    {"picture", AUT_SESSION_PROGRESS, true, true},
    {"result", AUT_SESSION_RESULT, true, true},
    {"failed", AUT_SESSION_TASK_FAILED, true, true},
    {"fetched", AUT_SESSION_FETCHED, false, true},
    {"nofetch", AUT_SESSION_FETCH_FAILED, false, true},
    {"uploaded", AUT_SESSION_UPLOADED, false, true},
    {"noupload", AUT_SESSION_UPLOAD_FAILED, false, true},
    {"drain", AUT_SESSION_DRAIN, false, false},
    {"offer", AUT_SESSION_OFFER, false, false},
};

static const char *const other_models[] = {"m", "other"};
static const aut_msg_worker_t offered[] = {{.id = 0, .models = other_models, .model_count = 2},
                                           {.id = 9, .models = other_models, .model_count = 1}};

static void happen (world_t *world, int64_t now, const char *text)
{
    static const aut_worker_progress_t progress = {.frame = 1, .frames = 2};
    static const aut_worker_progress_t picture = {
        .frame = 1, .frames = 2, .preview = (const uint8_t *)"picture", .preview_size = 7};
    static const aut_worker_result_t result = {.seconds = 1};
    aut_result_refs_t refs = {0};
    refs.mezzanine.hash.bytes[0] = 1;
    char word[32] = "", code[32] = "internal";
    sscanf (text, "%31s", word);
    const char *rest = text + strlen (word);
    if (strcmp (word, "unreachable") == 0 || strcmp (word, "reachable") == 0) {
        world->unreachable = word[0] == 'u';
        return;
    }
    if (message (world, now, text))
        return;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (strcmp (events[i].word, word) != 0)
            continue;
        aut_session_event_t event = {.type = events[i].type,
                                     .text = "test",
                                     .progress = strcmp (word, "picture") ? &progress : &picture,
                                     .result = &result,
                                     .refs = &refs,
                                     .workers = offered,
                                     .worker_count = 2};
        if (events[i].worker && events[i].hold)
            sscanf (rest, "%" SCNu32 " %" SCNu64 " %31s", &event.worker, &event.hold, code);
        else if (events[i].worker)
            sscanf (rest, "%" SCNu32, &event.worker);
        else if (events[i].hold)
            sscanf (rest, "%" SCNu64 " %31s", &event.hold, code);
        else
            sscanf (rest, "%" SCNd64, &event.within_ms);
        event.code = aut_error_code (code);
        aut_session_step (world->session, &event, now);
        return;
    }
    ck_abort_msg ("no such event: %s", text);
}

typedef struct {
    int64_t at; /* ms */
    const char *event, *actions;
} line_t;

typedef struct {
    const char *name;
    const line_t *lines;
} scenario_t;

#define ONLINE                                                                                     \
    {0, "start", "start 0; start 1; HELLO"}, {1, "up 0", ""}, {1, "up 1", ""},                     \
    {                                                                                              \
        2, "welcome 5", ""                                                                         \
    }
#define RUNNING                                                                                    \
    ONLINE, {3, "assign 7/1@5 0", "fetch 1"},                                                      \
    {                                                                                              \
        4, "fetched 1", "run 0 1; STARTED 7/1@5"                                                   \
    }
#define FINISHED                                                                                   \
    RUNNING, {5, "result 0 1", "upload 1"},                                                        \
    {                                                                                              \
        6, "uploaded 1", "DONE 7/1@5"                                                              \
    }
#define END                                                                                        \
    {                                                                                              \
        0, NULL, NULL                                                                              \
    }

static const scenario_t scenarios[] = {
    {"a task from its assignment to its acknowledgement",
     (const line_t[]){FINISHED, {7, "ack 7/1@5", "forget 1"}, END}},
    {"progress goes on, pings are answered, time brings pings",
     (const line_t[]){RUNNING,
                      {5, "progress 0 1", "PROGRESS 7/1@5"},
                      {6, "progress 1 1", ""}, /* not the worker that runs it */
                      {7, "ping", "PONG"},
                      {1003, "tick", "PING"},
                      END}},
    {"a picture goes with the progress, but not beside a result's upload",
     (const line_t[]){RUNNING,
                      {5, "picture 0 1", "PROGRESS 7/1@5 picture"},
                      {6, "progress 0 1", "PROGRESS 7/1@5"},
                      {7, "assign 8/1@5 0", "fetch 2"},
                      {8, "fetched 2", ""},
                      {9, "result 0 1", "upload 1; run 0 2; STARTED 8/1@5"},
                      {10, "picture 0 2", "PROGRESS 8/1@5"},
                      {11, "uploaded 1", "DONE 7/1@5"},
                      {12, "picture 0 2", "PROGRESS 8/1@5 picture"},
                      END}},
    {"a result is repeated until its ACK, blobs first",
     (const line_t[]){FINISHED,
                      {100, "tick", ""},
                      {1002, "pong", ""},
                      {5006, "pong", ""},
                      {5007, "tick", "PING; upload 1"},
                      {5008, "uploaded 1", "DONE 7/1@5"},
                      {5009, "ack 7/1@5", "forget 1"},
                      {5010, "ack 7/1@5", ""},
                      END}},
    {"a failure is repeated until its ACK",
     (const line_t[]){RUNNING,
                      {5, "failed 0 1 device-memory", "FAIL 7/1@5 device-memory"},
                      {5005, "pong", ""},
                      {5006, "tick", "PING; FAIL 7/1@5 device-memory"},
                      {5007, "ack 7/1@5", "forget 1"},
                      END}},
    {"a broker that is silent: the chunk runs on and is reported when it is back",
     (const line_t[]){RUNNING,
                      {1003, "tick", "PING"},
                      {3004, "tick", "HELLO 7/1@5"},
                      {3005, "progress 0 1", ""},
                      {4000, "result 0 1", "upload 1"},
                      {4001, "noupload 1 unreachable", ""},
                      {6000, "tick", "reconnect; HELLO 7/1@5f; upload 1"},
                      {6001, "uploaded 1", ""},
                      {6002, "welcome 5", "DONE 7/1@5"},
                      {6003, "ack 7/1@5", "forget 1"},
                      END}},
    {"a broker that was restarted adopts what runs; only the new token is used",
     (const line_t[]){RUNNING,
                      {100, "error state", ""}, /* just said HELLO: not in a loop */
                      {600, "error state", "HELLO 7/1@5"},
                      {601, "welcome 6", ""},
                      {602, "progress 0 1", ""}, /* not adopted yet: nothing is said */
                      {603, "adopt 7/1@5 6", "STARTED 7/1@6"},
                      {604, "progress 0 1", "PROGRESS 7/1@6"},
                      {605, "result 0 1", "upload 1"},
                      {606, "uploaded 1", "DONE 7/1@6"},
                      {607, "ack 7/1@6", "forget 1"},
                      END}},
    {"a finished result survives the broker's restart and is uploaded again",
     (const line_t[]){FINISHED,
                      {600, "error state", "HELLO 7/1@5f"},
                      {601, "welcome 6", ""},
                      {602, "adopt 7/1@5 6", "upload 1"},
                      {603, "uploaded 1", "DONE 7/1@6"},
                      {604, "ack 7/1@6", "forget 1"},
                      END}},
    {"another broker's task of the same numbers is another one",
     (const line_t[]){RUNNING,
                      {600, "error state", "HELLO 7/1@5"},
                      {601, "welcome 9437185", ""}, /* identity 9 */
                      {602, "progress 0 1", ""},
                      {603, "abort 7/1@5", "cancel 0 1"},
                      {604, "assign 7/1@9437185 0", "fetch 2"},
                      {605, "fetched 2", ""},
                      {606, "failed 0 1 cancelled", "forget 1; run 0 2; STARTED 7/1@9437185"},
                      {607, "abort 7/1@5", ""}, /* said again: of what is gone already */
                      {608, "ack 7/1@5", ""},
                      {609, "result 0 2", "upload 2"},
                      {610, "uploaded 2", "DONE 7/1@9437185"},
                      {611, "ack 7/1@9437185", "forget 2"},
                      END}},
    {"an identity is neither older nor newer than another",
     (const line_t[]){{0, "start", "start 0; start 1; HELLO"},
                      {1, "up 0", ""},
                      {1, "up 1", ""},
                      {2, "welcome 9437185", ""},
                      {3, "assign 7/1@9437185 0", "fetch 1"},
                      {4, "fetched 1", "run 0 1; STARTED 7/1@9437185"},
                      {5, "result 0 1", "upload 1"},
                      {6, "uploaded 1", "DONE 7/1@9437185"},
                      {600, "error state", "HELLO 7/1@9437185f"},
                      {601, "welcome 3145730", ""}, /* identity 3 */
                      {602, "adopt 7/1@9437185 3145730", ""},
                      {603, "assign 7/1@3145730 0", "fetch 2"}, /* before the first is aborted */
                      {604, "fetched 2", "run 0 2; STARTED 7/1@3145730"},
                      {605, "abort 7/1@9437185", "forget 1"},
                      {606, "result 0 2", "upload 2"},
                      {607, "uploaded 2", "DONE 7/1@3145730"},
                      {608, "adopt 7/1@3145730 9437186", ""},
                      {609, "ack 7/1@3145730", "forget 2"},
                      END}},
    {"a finished result that was committed before the restart",
     (const line_t[]){FINISHED,
                      {600, "error state", "HELLO 7/1@5f"},
                      {601, "welcome 6", ""},
                      {602, "ack 7/1@5", "forget 1"},
                      END}},
    {"a stale attempt is aborted after a restart",
     (const line_t[]){RUNNING,
                      {600, "error state", "HELLO 7/1@5"},
                      {601, "welcome 6", ""},
                      {602, "abort 7/1@5", "cancel 0 1"},
                      {603, "failed 0 1 cancelled", "forget 1"},
                      END}},
    {"a hold of which a broker says nothing is listed again",
     (const line_t[]){RUNNING,
                      {600, "error state", "HELLO 7/1@5"},
                      {601, "welcome 6", ""},
                      {10600, "pong", ""},
                      {10601, "tick", "HELLO 7/1@5"},
                      END}},
    {"abort of a waiting task", (const line_t[]){ONLINE,
                                                 {3, "assign 7/1@5 0", "fetch 1"},
                                                 {4, "abort 7/1@5", "forget 1"},
                                                 {5, "fetched 1", ""},
                                                 END}},
    {"abort of a worker that does not stop: it is killed and started again",
     (const line_t[]){RUNNING,
                      {10, "abort 7/1@5", "cancel 0 1"},
                      {11, "abort 7/1@5", ""},
                      {4000, "pong", ""},
                      {5010, "tick", "PING; kill 0"},
                      {5020, "down 0", "forget 1"},
                      {5020, "tick", "start 0"},
                      END}},
    {"abort loses against a result that is there already: nothing is uploaded",
     (const line_t[]){
         RUNNING, {10, "abort 7/1@5", "cancel 0 1"}, {11, "result 0 1", "forget 1"}, END}},
    {"a worker dies by itself: a failure, and a new worker at once, then slower",
     (const line_t[]){RUNNING,
                      {10, "down 0", "FAIL 7/1@5 internal"},
                      {10, "tick", "start 0"},
                      {20, "up 0", ""},
                      {21, "ack 7/1@5", "forget 1"},
                      {30, "down 0", ""},
                      {30, "tick", ""},
                      {300, "tick", "start 0"},
                      END}},
    {"a worker that hangs is killed, and that is a failure of its own",
     (const line_t[]){RUNNING,
                      {10, "progress 0 1", "PROGRESS 7/1@5"},
                      {60010, "pong", ""},
                      {60010, "tick", "PING; kill 0"},
                      {60020, "down 0", "FAIL 7/1@5 timeout"},
                      END}},
    {"loading may take longer than a step", (const line_t[]){RUNNING,
                                                             {60010, "pong", ""},
                                                             {60010, "tick", "PING"},
                                                             {120004, "pong", ""},
                                                             {120004, "tick", "PING; kill 0"},
                                                             END}},
    {"a worker that never comes up", (const line_t[]){{0, "start", "start 0; start 1; HELLO"},
                                                      {2, "welcome 5", ""},
                                                      {3, "assign 7/1@5 0", "fetch 1"},
                                                      {4, "fetched 1", ""},
                                                      {5, "down 0", ""},
                                                      {5, "tick", "start 0"},
                                                      {6, "down 0", ""},
                                                      {300, "tick", "start 0"},
                                                      {301, "down 0", "FAIL 7/1@5 internal"},
                                                      END}},
    {"a fetch that fails is tried again; one that cannot succeed fails the task",
     (const line_t[]){ONLINE,
                      {3, "assign 7/1@5 0", "fetch 1"},
                      {4, "nofetch 1 unreachable", ""},
                      {900, "tick", "fetch 1"},
                      {901, "nofetch 1 not-found", ""},
                      {2900, "pong", ""},
                      {2900, "tick", "PING; fetch 1"},
                      {2901, "nofetch 1 no-space", ""}, /* of our own disk */
                      {6900, "pong", ""},
                      {6900, "tick", "PING; fetch 1"},
                      {6901, "nofetch 1 not-found", ""},
                      {12901, "pong", ""},
                      {12901, "tick", "PING; fetch 1"},
                      {12902, "nofetch 1 not-found", ""},
                      {29901, "pong", ""},
                      {29901, "tick", "PING; fetch 1"},
                      {29902, "nofetch 1 not-found", "FAIL 7/1@5 not-found"},
                      END}},
    {"a newer attempt of the same task replaces the older one",
     (const line_t[]){RUNNING,
                      {10, "assign 7/2@5 1", "cancel 0 1; fetch 2"},
                      {11, "fetched 2", "run 1 2; STARTED 7/2@5"},
                      {12, "failed 0 1 cancelled", "forget 1"},
                      END}},
    {"an assignment that is said twice is one",
     (const line_t[]){RUNNING, {10, "assign 7/1@5 0", "STARTED 7/1@5"}, END}},
    {"what came before WELCOME is of a conversation that is over",
     (const line_t[]){{0, "start", "start 0; start 1; HELLO"},
                      {1, "assign 7/1@5 0", ""},
                      {2, "welcome 5", ""},
                      END}},
    {"holds are bounded; with room again the node asks for more",
     (const line_t[]){ONLINE,
                      {3, "assign 1/1@5 0", "fetch 1"},
                      {3, "assign 2/1@5 0", "fetch 2"},
                      {3, "assign 3/1@5 0", "fetch 3"},
                      {3, "assign 4/1@5 0", "RELEASE 4/1@5"},
                      {999, "tick", ""},
                      {1000, "abort 2/1@5", "forget 2"},
                      {1001, "tick", "HELLO 1/1@5 3/1@5"},
                      END}},
    {"an unknown worker", (const line_t[]){ONLINE, {3, "assign 1/1@5 9", "RELEASE 1/1@5"}, END}},
    {"tasks of one worker wait for each other, in order",
     (const line_t[]){RUNNING,
                      {10, "assign 8/1@5 0", "fetch 2"},
                      {11, "fetched 2", ""},
                      {12, "result 0 1", "upload 1; run 0 2; STARTED 8/1@5"},
                      END}},
    {"drain: what waits is given back, what runs may finish, then BYE",
     (const line_t[]){RUNNING,
                      {10, "assign 8/1@5 0", "fetch 2"},
                      {20, "drain 10000", "RELEASE 8/1@5; forget 2"},
                      {21, "assign 9/1@5 1", "RELEASE 9/1@5"},
                      {30, "result 0 1", "upload 1"},
                      {31, "uploaded 1", "DONE 7/1@5"},
                      {32, "ack 7/1@5", "forget 1; BYE; exit"},
                      END}},
    {"drain: the time is over, so the chunk is given back",
     (const line_t[]){RUNNING,
                      {20, "drain 10000", ""},
                      {9000, "pong", ""},
                      {10020, "tick", "PING; RELEASE 7/1@5; kill 0; forget 1; BYE; exit"},
                      END}},
    {"drain: a result on its way gets a little longer",
     (const line_t[]){FINISHED,
                      {20, "drain 100", ""},
                      {121, "tick", ""},
                      {2121, "tick", "PING; BYE; exit"},
                      END}},
    {"drain without work ends at once",
     (const line_t[]){ONLINE, {9, "drain 10000", "BYE; exit"}, END}},
    {"a stop at once gives everything back", (const line_t[]){RUNNING,
                                                              {9, "drain 10000", ""},
                                                              {10, "drain -1",
                                                               "RELEASE 7/1@5; kill 0; forget 1; "
                                                               "BYE; exit"},
                                                              END}},
    {"no broker yet: soon again, then more patiently",
     (const line_t[]){{0, "unreachable", ""},
                      {0, "start", "start 0; start 1; HELLO"},
                      {25, "tick", "HELLO"},
                      {75, "tick", "HELLO"},
                      {76, "reachable", ""},
                      {180, "tick", "HELLO"},
                      {181, "tick", ""},
                      {2800, "tick", "reconnect; HELLO"},
                      END}},
    {"a broker that has moved: the new connection's first HELLO finds nobody yet",
     (const line_t[]){ONLINE,
                      {3003, "tick", "HELLO"},
                      {6000, "unreachable", ""},
                      {6000, "tick", "reconnect; HELLO"},
                      {6026, "tick", "HELLO"},
                      {6100, "reachable", ""},
                      {6100, "tick", "HELLO"},
                      {6101, "welcome 6", ""},
                      END}},
    {"a ping that cannot be sent: the connection is gone",
     (const line_t[]){RUNNING,
                      {1000, "unreachable", ""},
                      {1003, "tick", "PING; HELLO 7/1@5"},
                      {1030, "tick", "HELLO 7/1@5"},
                      {1040, "reachable", ""},
                      {1090, "tick", "HELLO 7/1@5"},
                      {1091, "welcome 5", "STARTED 7/1@5"},
                      END}},
    {"other models: the broker hears of them, what runs goes on",
     (const line_t[]){RUNNING,
                      {10, "offer", "HELLO 7/1@5"},
                      {11, "welcome 5", "STARTED 7/1@5"},
                      {12, "progress 0 1", "PROGRESS 7/1@5"},
                      END}},
    {"other models, while a HELLO is under way: its WELCOME is answered with another",
     (const line_t[]){RUNNING,
                      {10, "bye", ""},
                      {2511, "tick", "HELLO 7/1@5"},
                      {2520, "offer", ""},
                      {2521, "welcome 5", "HELLO 7/1@5"},
                      {2522, "welcome 5", "STARTED 7/1@5"},
                      {2523, "progress 0 1", "PROGRESS 7/1@5"},
                      END}},
    {"a broker that leaves",
     (const line_t[]){
         RUNNING, {10, "bye", ""}, {11, "progress 0 1", ""}, {2511, "tick", "HELLO 7/1@5"}, END}},
};

START_TEST (test_scenario)
{
    const scenario_t *scenario = &scenarios[_i];
    static const char *const models[] = {"m"};
    const aut_msg_worker_t workers[] = {{.id = 0,
                                         .device = "cpu",
                                         .class_ = "cpu",
                                         .models = models,
                                         .model_count = 1,
                                         .credit = 1},
                                        {.id = 1,
                                         .device = "cpu",
                                         .class_ = "cpu",
                                         .models = models,
                                         .model_count = 1,
                                         .credit = 1}};
    aut_session_options_t options = {.name = "n",
                                     .version = "0",
                                     .workers = workers,
                                     .worker_count = 2,
                                     .hold_max = 3,
                                     .hang_ms = 60000,
                                     .load_ms = 120000,
                                     .seed = 1};
    world_t world = {0};
    world.session = aut_session_new (&options, act, &world);
    for (const line_t *line = scenario->lines; line->event; line++) {
        aut_buffer_clear (&world.said);
        happen (&world, line->at, line->event);
        const char *said = world.said.data ? world.said.data : "";
        ck_assert_msg (strcmp (said, line->actions) == 0,
                       "%s: at %" PRId64 ", %s:\n  did    '%s'\n  wanted '%s'", scenario->name,
                       line->at, line->event, said, line->actions);
    }
    aut_buffer_clear (&world.said);
    aut_session_destroy (&world.session);
}
END_TEST

/*  Whatever happens in whatever order: no crash, bounded holds, a deadline that can be waited for.
 */
START_TEST (test_any_order)
{
    static const char *const words[] = {"welcome 5",
                                        "welcome 6",
                                        "assign 7/1@5 0",
                                        "assign 7/2@5 1",
                                        "assign 8/1@5 0",
                                        "assign 8/1@6 0",
                                        "ack 7/1@5",
                                        "ack 8/1@5",
                                        "abort 7/1@5",
                                        "abort 7/2@5",
                                        "adopt 7/1@5 6",
                                        "adopt 8/1@5 6",
                                        "welcome 9437185",
                                        "assign 7/1@9437185 0",
                                        "abort 7/1@9437185",
                                        "ack 8/1@9437185",
                                        "ping",
                                        "bye",
                                        "error state",
                                        "up 0",
                                        "up 1",
                                        "down 0",
                                        "down 1",
                                        "progress 0 1",
                                        "result 0 1",
                                        "result 1 2",
                                        "result 0 3",
                                        "failed 0 2",
                                        "fetched 1",
                                        "fetched 2",
                                        "fetched 3",
                                        "nofetch 2",
                                        "uploaded 1",
                                        "uploaded 2",
                                        "noupload 1",
                                        "tick",
                                        "tick",
                                        "tick",
                                        "unreachable",
                                        "reachable",
                                        "assign 9/1@5 1",
                                        "fetched 4",
                                        "result 1 4",
                                        "ack 9/1@5"};
    static const char *const models[] = {"m"};
    const aut_msg_worker_t workers[] = {{.id = 0,
                                         .device = "cpu",
                                         .class_ = "cpu",
                                         .models = models,
                                         .model_count = 1,
                                         .credit = 1},
                                        {.id = 1,
                                         .device = "cpu",
                                         .class_ = "cpu",
                                         .models = models,
                                         .model_count = 1,
                                         .credit = 1}};
    aut_session_options_t options = {
        .name = "n", .version = "0", .workers = workers, .worker_count = 2, .hold_max = 3};
    uint64_t random = 88172645463325252u + (uint64_t)_i;
    for (int round = 0; round < 200; round++) {
        world_t world = {0};
        int64_t now = 0;
        world.session = aut_session_new (&options, act, &world);
        happen (&world, now, "start");
        for (int i = 0; i < 200; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            now += (int64_t)(random >> 20) % 700;
            happen (&world, now, words[(random >> 33) % (sizeof words / sizeof words[0])]);
            ck_assert_uint_le (aut_session_holds (world.session), 3);
            ck_assert_int_ge (aut_session_deadline (world.session), 0);
        }
        happen (&world, now, "drain 0");
        happen (&world, now + 2001, "tick");
        ck_assert_msg (strstr (world.said.data, "exit") != NULL, "a drain did not end");
        aut_buffer_clear (&world.said);
        aut_session_destroy (&world.session);
    }
}
END_TEST

int main (void)
{
    aut_log_setup (AUT_LOG_ERROR, AUT_LOG_TEXT);
    Suite *suite = suite_create ("node session");
    TCase *tcase = tcase_create ("session");
    tcase_set_timeout (tcase, 120);
    tcase_add_loop_test (tcase, test_scenario, 0, sizeof scenarios / sizeof scenarios[0]);
    tcase_add_loop_test (tcase, test_any_order, 0, 5);
    suite_add_tcase (suite, tcase);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
