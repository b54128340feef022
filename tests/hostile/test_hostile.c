/*  Hostile peers, one kind after another, against a real broker: its memory stays within a bound,
 * an honest client's film is rendered by an honest node at the same time, every kind of attempt is
 *  counted, and the log does not grow with the attempts.
 */
#include "tests/hostile/attacks.h"

#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

/*  A line for each reason in ten seconds, and what a broker says of its own work. */
#define LOG_LINES(seconds) (60 + 10 * ((unsigned)(seconds) / 10 + 1))

static void raise_descriptors (void)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < 16384 ? limit.rlim_max : 16384;
        setrlimit (RLIMIT_NOFILE, &limit);
    }
}

/*  Before the film, while it is rendered, and at least as many rounds as the kind asks for. */
static double play (const attack_kind_t *kind, attack_t *attack)
{
    stage_t *stage = attack->stage;
    int64_t filmed_ms = 0;
    bool done = false;
    for (attack->round = 0; !done || attack->round < kind->rounds; attack->round++) {
        if (attack->round == 3)
            stage_film (stage);
        kind->round (attack);
        if (attack->round >= 3 && !done && stage_film_done (stage)) {
            done = true;
            filmed_ms = stage_now_ms () - stage->film_since_ms;
        }
    }
    return (double)filmed_ms / 1000;
}

START_TEST (hostile)
{
    const attack_kind_t *kind = &attack_kinds[_i];
    stage_t stage;
    attack_t attack = {.stage = &stage, .random = 1};
    raise_descriptors ();
    signal (SIGPIPE, SIG_IGN);
    stage_open (&stage, kind->descriptors, kind->keys);
    uint64_t before = stage_rss (&stage);
    uint64_t refused = kind->reason ? stage_refused (&stage, kind->reason) : 0;
    int64_t since = stage_now_ms ();
    stage_peak_reset (&stage);
    double film = play (kind, &attack);
    if (kind->end)
        kind->end (&attack);
    attack_close (&attack);
    uint64_t peak = stage_peak (&stage);
    int64_t until = stage_now_ms () + 30000;
    uint64_t counted = 0;
    while (kind->reason && counted == 0 && stage_now_ms () < until)
        counted = stage_refused (&stage, kind->reason) - refused;
    double seconds = (double)(stage_now_ms () - since) / 1000;
    printf ("hostile: %s: %" PRIu64 " attempts in %.1f s; broker %" PRIu64 " -> at most %" PRIu64
            " MiB; %" PRIu64 " counted as %s; a film meanwhile in %.1f s; %u lines of log\n",
            kind->name, attack.attempts, seconds, before >> 10, peak >> 10, counted,
            kind->reason ? kind->reason : "nothing", film, stage_log_lines (&stage));
    ck_assert_msg (!kind->reason || counted > 0, "%s: not counted", kind->name);
    ck_assert_msg (peak - before <= (uint64_t)kind->growth_mib << 10,
                   "%s: the broker grew by %" PRIu64 " MiB, allowed are %u", kind->name,
                   (peak - before) >> 10, kind->growth_mib);
    ck_assert_uint_le (stage_log_lines (&stage), LOG_LINES (seconds));
    stage_close (&stage);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("hostile");
    /* CK_RUN_CASE=NAME runs one. */
    for (int i = 0; i < (int)attack_kind_count; i++) {
        TCase *tc = tcase_create (attack_kinds[i].name);
        tcase_set_timeout (tc, 240);
        tcase_add_loop_test (tc, hostile, i, i + 1);
        suite_add_tcase (suite, tc);
    }
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_NORMAL);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed != 0;
}
