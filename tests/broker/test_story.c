/*  What a store keeps for later: attempts, shots, what became of a job, events. Over each
 *  implementation; the index of a loop test: 0 = SQLite, 1 = memory. */
#include "broker/store/store.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "tests/broker/stores.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS 4

/*  A job of two shots with two tasks each; `cached`: the first may take over result 1. */
static int submit (aut_store_t *store, uint64_t id, bool cached)
{
    static const char *const shots[] = {"one", "two"};
    static const aut_store_new_shot_t about[] = {{"s1", 49}, {NULL, 0}};
    aut_store_new_task_t tasks[TASKS];
    aut_store_body_t bodies[TASKS];
    uint64_t first = (id - 1) * TASKS + 1;
    for (uint32_t i = 0; i < TASKS; i++) {
        tasks[i] = (aut_store_new_task_t){.id = first + i,
                                          .job = id,
                                          .ordinal = i,
                                          .shot = i / 2,
                                          .chunk = i % 2,
                                          .cost = 7 + i,
                                          .key = aut_hash_of (&i, sizeof i),
                                          .result = cached && i == 0,
                                          .model = "m",
                                          .class_ = ""};
        bodies[i] = (aut_store_body_t){.spec = "{}", .spec_size = 2};
    }
    aut_store_submission_t sub = {.job = {.id = id,
                                          .created_ms = 1000,
                                          .shot_count = 2,
                                          .first_task = first,
                                          .task_count = TASKS},
                                  .shots = shots,
                                  .about = about,
                                  .tasks = tasks,
                                  .bodies = bodies};
    snprintf (sub.job.project, sizeof sub.job.project, "film");
    aut_store_mutation_t m = {.kind = AUT_STORE_SUBMIT, .submission = &sub, .at_ms = 1000};
    return aut_store_commit (store, &m, 1);
}

static aut_store_mutation_t change (aut_store_mutation_kind_t kind, uint64_t id, int64_t at_ms)
{
    return (aut_store_mutation_t){.kind = kind, .id = id, .at_ms = at_ms};
}

static aut_store_mutation_t lease (aut_store_t *store, uint64_t task, uint32_t attempt,
                                   int64_t at_ms)
{
    aut_store_mutation_t m = change (AUT_STORE_LEASE, task, at_ms);
    m.attempt = attempt;
    m.epoch = aut_store_epoch (store);
    m.node = attempt % 2 ? "odd" : "even";
    m.device = "cpu";
    return m;
}

static aut_store_mutation_t back (uint64_t task, uint32_t attempt, int64_t at_ms,
                                  aut_store_end_t end)
{
    aut_store_mutation_t m = change (AUT_STORE_WAIT, task, at_ms);
    m.attempt = attempt;
    m.end = end;
    m.code = "internal";
    m.message = "boom";
    return m;
}

static void commit (aut_store_t *store, aut_store_mutation_t m)
{
    ck_assert_msg (aut_store_commit (store, &m, 1) == 0, "%s", aut_error_detail ());
}

static void finish (aut_store_t *store, uint64_t task, uint32_t attempt, int64_t at_ms)
{
    aut_store_result_t result = {
        .preview = {{{9}}, 5}, .seconds = 1.5, .attempt = attempt, .node = "odd", .device = "cpu"};
    aut_store_mutation_t m = change (AUT_STORE_RESULT, task, at_ms);
    m.attempt = attempt;
    m.epoch = aut_store_epoch (store);
    m.result = &result;
    commit (store, m);
}

/*  Attempts as lines of text. */
static int note (void *ctx, const aut_store_attempt_t *a)
{
    static const char *const ends[] = {"runs", "done",     "failed",    "moved",
                                       "lost", "released", "cancelled", "adopted"};
    char *text = ctx;
    size_t used = strlen (text);
    snprintf (text + used, 4096 - used, "t%d #%u %s %s %s %d-%d %s %s %.1f %d t%d\n", (int)a->task,
              a->attempt, ends[a->end], a->node, a->device, (int)a->assigned_ms, (int)a->ended_ms,
              a->code, a->message, a->seconds, a->preview.bytes[0], (int)a->maker);
    return 0;
}

static void expect (aut_store_t *store, uint64_t first, uint64_t end, bool all, const char *want)
{
    char text[4096] = "";
    ck_assert_int_eq (aut_store_attempts (store, first, end, all, note, text), 0);
    ck_assert_str_eq (text, want);
}

/*  The life of four tasks. */
static void play (aut_store_t *store)
{
    ck_assert_int_eq (submit (store, 1, false), 0);
    commit (store, lease (store, 1, 1, 2000));
    commit (store, back (1, 1, 2500, AUT_STORE_ENDED_LOST));
    commit (store, lease (store, 1, 2, 3000));
    commit (store, back (1, 2, 3500, AUT_STORE_ENDED_FAILED));
    commit (store, lease (store, 1, 3, 4000));
    aut_store_mutation_t adopt = lease (store, 1, 3, 4200);
    adopt.adopted = true;
    commit (store, adopt);
    finish (store, 1, 3, 5000);
    commit (store, lease (store, 2, 1, 5000));
    commit (store, back (2, 1, 5100, AUT_STORE_ENDED_MOVED));
    commit (store, lease (store, 2, 2, 5200));
    aut_store_mutation_t fail = change (AUT_STORE_FAIL, 2, 5300);
    fail.end = AUT_STORE_ENDED_FAILED;
    fail.code = "internal";
    fail.message = "for good";
    commit (store, fail);
    commit (store, lease (store, 3, 1, 6000));
    fail = change (AUT_STORE_FAIL, 4, 6000); /* with another one's: it was never tried */
    fail.code = "internal";
    commit (store, fail);
}

START_TEST (attempts_are_kept)
{
    aut_store_t *store = store_open (_i);
    play (store);
    static const char *const done = "t1 #3 done odd cpu 4000-5000   1.5 9 t1\n";
    static const char *const ended = "t1 #1 lost odd cpu 2000-2500   0.0 0 t1\n"
                                     "t1 #2 failed even cpu 3000-3500 internal boom 0.0 0 t1\n"
                                     "t1 #3 adopted odd cpu 4000-4200   0.0 0 t1\n"
                                     "t2 #1 moved odd cpu 5000-5100 internal boom 0.0 0 t2\n"
                                     "t2 #2 failed even cpu 5200-5300 internal for good 0.0 0 t2\n";
    char *all = aut_sprintf ("%s%st3 #1 runs odd cpu 6000-0   0.0 0 t3\n", done, ended);
    expect (store, 1, 5, false, done);
    expect (store, 1, 5, true, all);
    expect (store, 3, 4, true, "t3 #1 runs odd cpu 6000-0   0.0 0 t3\n");
    free (all);
    commit (store, change (AUT_STORE_JOB_CANCEL, 1, 7000));
    expect (store, 3, 5, true, "t3 #1 cancelled odd cpu 6000-7000   0.0 0 t3\n");
    /* what a later job takes over was made for the first one */
    ck_assert_int_eq (submit (store, 2, true), 0);
    commit (store, change (AUT_STORE_CACHED, TASKS + 1, 8000));
    expect (store, TASKS + 1, 2 * TASKS + 1, true, "t5 #3 done odd cpu 4000-5000   1.5 9 t1\n");
    aut_store_destroy (&store);
}
END_TEST

static int count_ended (void *ctx, const aut_store_attempt_t *a)
{
    uint32_t *out = ctx; /* number, last */
    out[0]++;
    out[1] = a->attempt;
    return 0;
}

/*  Whoever gives a task back again and again, or cancels and retries a job, makes nothing grow. */
START_TEST (old_attempts_and_old_stories_go)
{
    aut_store_t *store = store_open (_i);
    ck_assert_int_eq (submit (store, 1, false), 0);
    uint32_t ended[2] = {0}, attempt = 0, last = 3 * AUT_STORE_ATTEMPTS_KEPT, count;
    commit (store, lease (store, 2, 1, 1000));
    commit (store, back (2, 1, 1001, AUT_STORE_ENDED_LOST));
    aut_store_mutation_t *batch = aut_calloc (2 * AUT_STORE_STORY_KEPT, sizeof *batch);
    size_t size = 0;
    while (attempt < last) {
        attempt++;
        batch[size++] = lease (store, 1, attempt, 1000 + attempt);
        batch[size++] = back (1, attempt, 2000 + attempt, AUT_STORE_ENDED_RELEASED);
    }
    ck_assert_int_eq (aut_store_commit (store, batch, size), 0);
    ck_assert_int_eq (aut_store_attempts (store, 1, 2, true, count_ended, ended), 0);
    ck_assert_uint_ge (ended[0], AUT_STORE_ATTEMPTS_KEPT);
    ck_assert_uint_le (ended[0], AUT_STORE_ATTEMPTS_KEPT + 1);
    ck_assert_uint_eq (ended[1], last);
    /* the same attempt, adopted by one broker after the other */
    commit (store, lease (store, 1, ++attempt, 5000));
    for (int i = 0; i < 2 * AUT_STORE_ATTEMPTS_KEPT; i++) {
        batch[i] = lease (store, 1, attempt, 5001 + i);
        batch[i].adopted = true;
    }
    ck_assert_int_eq (aut_store_commit (store, batch, 2 * AUT_STORE_ATTEMPTS_KEPT), 0);
    ended[0] = 0;
    ck_assert_int_eq (aut_store_attempts (store, 1, 2, true, count_ended, ended), 0);
    ck_assert_uint_eq (ended[0], AUT_STORE_ATTEMPTS_KEPT + 1); /* and the one that runs */
    expect (store, 2, 3, true, "t2 #1 lost odd cpu 1000-1001   0.0 0 t2\n");
    aut_store_story_t *story = aut_calloc (2 * AUT_STORE_STORY_KEPT, sizeof *story);
    for (int i = 0; i < AUT_STORE_STORY_KEPT; i++) {
        batch[2 * i] = change (AUT_STORE_JOB_CANCEL, 1, 9000 + i);
        batch[2 * i + 1] = change (AUT_STORE_JOB_RETRY, 1, 9000 + i);
    }
    ck_assert_int_eq (aut_store_commit (store, batch, 2 * AUT_STORE_STORY_KEPT), 0);
    ck_assert_int_eq (aut_store_story (store, 1, 2 * AUT_STORE_STORY_KEPT, story, &count), 0);
    ck_assert_uint_eq (count, AUT_STORE_STORY_KEPT);
    ck_assert_int_eq (story[count - 1].what, AUT_STORE_TOLD_RETRIED);
    free (story);
    free (batch);
    aut_store_destroy (&store);
}
END_TEST

START_TEST (a_refused_batch_leaves_no_story)
{
    aut_store_t *store = store_open (_i);
    play (store);
    aut_store_events_t events = {5, 100, "0 5 \"x\":1\n", 10};
    aut_store_mutation_t batch[] = {back (3, 1, 6500, AUT_STORE_ENDED_LOST),
                                    change (AUT_STORE_JOB_CANCEL, 1, 6500),
                                    {.kind = AUT_STORE_EVENTS, .events = &events},
                                    back (3, 9, 6500, AUT_STORE_ENDED_LOST)};
    ck_assert_int_eq (aut_store_commit (store, batch, 4), AUT_ERR_FENCED);
    expect (store, 3, 4, true, "t3 #1 runs odd cpu 6000-0   0.0 0 t3\n");
    aut_store_story_t story[4];
    uint32_t count;
    uint64_t bound = 7;
    ck_assert_int_eq (aut_store_story (store, 1, 4, story, &count), 0);
    ck_assert_uint_eq (count, 0);
    ck_assert_int_eq (aut_store_event_bound (store, &bound), 0);
    ck_assert_uint_eq (bound, 0);
    aut_store_destroy (&store);
}
END_TEST

START_TEST (jobs_and_shots)
{
    static const aut_store_job_state_t states[] = {AUT_STORE_JOB_RUNNING, AUT_STORE_JOB_FAILED};
    aut_store_t *store = store_open (_i);
    ck_assert_int_eq (submit (store, 1, false), 0);
    for (int i = 0; i < 2; i++) {
        aut_store_mutation_t m = change (AUT_STORE_JOB_STATE, 1, 2000 + i);
        m.job_state = states[i];
        commit (store, m);
    }
    commit (store, change (AUT_STORE_JOB_RETRY, 1, 3000)); /* to queued: told as a retry */
    commit (store, change (AUT_STORE_JOB_CANCEL, 1, 3001));
    aut_store_story_t story[8];
    aut_store_shot_t shots[8];
    uint32_t count;
    ck_assert_int_eq (aut_store_story (store, 1, 8, story, &count), 0);
    ck_assert_uint_eq (count, 4);
    static const aut_store_told_t want[] = {AUT_STORE_TOLD_RUNNING, AUT_STORE_TOLD_FAILED,
                                            AUT_STORE_TOLD_RETRIED, AUT_STORE_TOLD_CANCELLED};
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq (story[i].what, want[i]);
    ck_assert_int_eq (story[3].at_ms, 3001);
    ck_assert_int_eq (aut_store_story (store, 1, 2, story, &count), 0); /* the newest */
    ck_assert_uint_eq (count, 2);
    ck_assert_int_eq (story[0].what, AUT_STORE_TOLD_RETRIED);
    ck_assert_int_eq (aut_store_shots (store, 1, 0, 8, shots, &count), 0);
    ck_assert_uint_eq (count, 2);
    ck_assert_str_eq (shots[0].id, "one");
    ck_assert_str_eq (shots[0].scene, "s1");
    ck_assert_uint_eq (shots[0].frames, 49);
    ck_assert_str_eq (shots[1].scene, "");
    ck_assert_int_eq (aut_store_shots (store, 1, 1, 8, shots, &count), 0);
    ck_assert_uint_eq (count, 1);
    ck_assert_str_eq (shots[0].id, "two");
    ck_assert_uint_eq (shots[0].index, 1);
    aut_store_destroy (&store);
}
END_TEST

/* ---- events ---------------------------------------------------------------------------------- */

typedef struct {
    char text[512];
    uint64_t last;
    unsigned count, most;
} heard_t;

static int hear (void *ctx, uint64_t epoch, uint64_t job, uint64_t seq, const char *members,
                 size_t size)
{
    heard_t *self = ctx;
    size_t used = strlen (self->text);
    ck_assert (epoch != 0 && seq > self->last);
    if (self->most && self->count == self->most)
        return AUT_ERR_AGAIN;
    self->last = seq;
    self->count++;
    snprintf (self->text + used, sizeof self->text - used, "%d/%d %.*s|", (int)seq, (int)job,
              size < 20 ? (int)size : 20, members);
    return 0;
}

static int tell (aut_store_t *store, uint64_t last, uint64_t bound, const char *text, size_t size)
{
    aut_store_events_t events = {last, bound, text, size};
    aut_store_mutation_t m = {.kind = AUT_STORE_EVENTS, .events = &events};
    return aut_store_commit (store, &m, 1);
}

static int say (aut_store_t *store, uint64_t last, const char *text)
{
    return tell (store, last, 0, text, strlen (text));
}

START_TEST (events_are_kept)
{
    aut_store_t *store = store_open (_i);
    uint64_t bound = 7;
    heard_t heard = {.last = 0};
    ck_assert_int_eq (aut_store_event_bound (store, &bound), 0);
    ck_assert_uint_eq (bound, 0);
    ck_assert_int_eq (aut_store_events (store, 0, hear, &heard), 0);
    ck_assert_uint_eq (heard.count, 0);
    ck_assert_int_eq (tell (store, 0, 1000, NULL, 0), 0);
    ck_assert_int_eq (say (store, 3, "1 2 \"a\":1\n0 3 \"b\":2\n"), 0);
    ck_assert_int_eq (say (store, 9, "4 9 \"c\":{}\n"), 0); /* 4 to 8 were progress */
    if (_i == 0) {
        aut_store_destroy (&store);
        store = store_open (0);
    }
    ck_assert_int_eq (say (store, 1001, "4 1001 \"d\":[]\n"), 0);
    ck_assert_int_eq (aut_store_event_bound (store, &bound), 0);
    ck_assert_uint_eq (bound, 1000);
    static const struct {
        uint64_t after;
        const char *text;
    } cases[] = {{0, "2/1 \"a\":1|3/0 \"b\":2|9/4 \"c\":{}|1001/4 \"d\":[]|"},
                 {2, "3/0 \"b\":2|9/4 \"c\":{}|1001/4 \"d\":[]|"},
                 {5, "9/4 \"c\":{}|1001/4 \"d\":[]|"},
                 {9, "1001/4 \"d\":[]|"},
                 {1001, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        heard = (heard_t){.last = cases[i].after};
        ck_assert_int_eq (aut_store_events (store, cases[i].after, hear, &heard), 0);
        ck_assert_str_eq (heard.text, cases[i].text);
    }
    heard = (heard_t){.most = 1};
    ck_assert_int_eq (aut_store_events (store, 0, hear, &heard), AUT_ERR_AGAIN);
    ck_assert_uint_eq (heard.last, 2);
    aut_store_destroy (&store);
}
END_TEST

/*  What is beyond the bound of bytes goes, oldest first, and is known to be gone. */
START_TEST (old_events_go)
{
    enum { LINE = 1 << 20, LINES = 40 };
    aut_store_t *store = store_open (_i);
    char *line = aut_calloc (1, LINE + 64);
    heard_t heard = {.last = 0};
    for (int i = 1; i <= LINES; i++) {
        int head = snprintf (line, 64, "1 %d \"x\":\"", i);
        memset (line + head, 'x', LINE);
        memcpy (line + head + LINE, "\"\n", 3);
        ck_assert_int_eq (say (store, (uint64_t)i, line), 0);
        if (_i == 0 && i == LINES / 2) { /* a restart knows what is there */
            aut_store_destroy (&store);
            store = store_open (0);
        }
    }
    ck_assert_int_eq (aut_store_events (store, 0, hear, &heard), AUT_ERR_NOT_FOUND);
    uint64_t oldest = 0;
    int rc = AUT_ERR_NOT_FOUND;
    while (rc == AUT_ERR_NOT_FOUND && ++oldest <= LINES) {
        heard = (heard_t){.last = oldest};
        rc = aut_store_events (store, oldest, hear, &heard);
    }
    ck_assert_int_eq (rc, 0);
    ck_assert_uint_eq (heard.last, LINES);
    ck_assert_uint_eq (heard.count, LINES - oldest); /* whole */
    ck_assert_uint_ge (heard.count, (AUT_STORE_EVENT_BYTES >> 20) - 2);
    ck_assert_uint_le (heard.count, (AUT_STORE_EVENT_BYTES >> 20) + 2);
    free (line);
    aut_store_destroy (&store);
}
END_TEST

START_TEST (lines_are_taken_apart)
{
    static const struct {
        const char *text;
        int lines;
    } cases[] = {{"1 2 \"a\":1\n", 1},
                 {"1 2 \"a\":1\n3 4 \"b\":1\n", 2},
                 {"", 0},
                 {"\n", 0},
                 {"1 2 \"a\"", 0},
                 {"1 x\n", 0},
                 {" 1 2 x\n", 0},
                 {"1 2\n", 1},
                 {"12\n34 5 x\n", 0},
                 {"1 \n5 5 x\n", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = strlen (cases[i].text), size;
        char *text = aut_strndup (cases[i].text, length); /* so that a step too far is seen */
        const char *line = text, *members;
        uint64_t job, seq;
        int lines = 0;
        while ((line = aut_store_event_line (line, text + length, &job, &seq, &members, &size)))
            lines++;
        ck_assert_msg (lines == cases[i].lines, "%s: %d", cases[i].text, lines);
        free (text);
    }
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("story");
    TCase *tc = tcase_create ("both");
    tcase_set_timeout (tc, 120);
    tcase_add_checked_fixture (tc, store_make_dir, store_remove_dir);
    tcase_add_loop_test (tc, attempts_are_kept, 0, 2);
    tcase_add_loop_test (tc, old_attempts_and_old_stories_go, 0, 2);
    tcase_add_loop_test (tc, a_refused_batch_leaves_no_story, 0, 2);
    tcase_add_loop_test (tc, jobs_and_shots, 0, 2);
    tcase_add_loop_test (tc, events_are_kept, 0, 2);
    tcase_add_loop_test (tc, old_events_go, 0, 2);
    tcase_add_test (tc, lines_are_taken_apart);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
