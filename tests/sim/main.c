/*  Runs seeds, on several processes, and says what was tried. A seed that fails is made smaller, by
 *  leaving out every fault that it fails without, and its trace is printed.
 *
 *      test_sim [--seeds N] [--first S] [--jobs J] [--again N] [--bare]
 *      test_sim --seed S [--off BITS]      one seed, with its trace
 */
#include "tests/sim/sim.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/core/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 64
#define PROGRESS_S 20

typedef struct {
    uint64_t seeds, events, faults, again, thin;
    uint64_t kinds[FAULT_KINDS];
    int64_t simulated_ms;
    uint64_t failed; /* seed, 0 = none */
} tally_t;

typedef struct {
    uint64_t seeds, first, jobs, again, seed, off;
    bool bare;
    double begin;
    volatile int *stop; /* shared: one has failed */
} options_t;

static double seconds (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- one seed ---- */

/*  Leaves out one fault after the other, as long as it fails. */
static uint64_t minimise (sim_t *sim, uint64_t seed)
{
    uint64_t off = 0;
    for (bool less = true; less;) {
        less = false;
        for (uint32_t i = 0; i < sim->fault_count && i < 63; i++) {
            uint64_t without = off | UINT64_C (1) << i;
            if (without == off)
                continue;
            bool good = sim_run (sim, seed, without, false);
            sim_clear (sim);
            if (good)
                continue;
            off = without;
            less = true;
        }
    }
    return off;
}

static void print_faults (const sim_t *sim)
{
    for (uint32_t i = 0; i < sim->fault_count; i++)
        if (sim->faults[i].on)
            printf ("    fault %2u at %6.3f s: %s (%s %u times)\n", i,
                    (double)sim->faults[i].at / 1000, fault_name (sim->faults[i].kind), "struck",
                    sim->faults[i].fired);
}

static void explain (sim_t *sim, uint64_t seed, bool bare)
{
    printf ("seed %" PRIu64 ": %s\n", seed, sim->complaint);
    sim_clear (sim);
    if (bare)
        return;
    uint64_t off = minimise (sim, seed);
    printf ("with as few faults as it needs (again: --seed %" PRIu64 " --off %" PRIu64 "):\n", seed,
            off);
    sim_run (sim, seed, off, true);
    print_faults (sim);
    printf ("seed %" PRIu64 " of fewer faults: %s\n", seed, sim->complaint);
    sim_clear (sim);
}

static bool same_again (sim_t *sim, uint64_t seed)
{
    uint64_t trace = sim->trace;
    sim_clear (sim);
    void *shift = malloc (1000 + seed % 5000); /* other addresses */
    bool good = sim_run (sim, seed, 0, false) && sim->trace == trace;
    free (shift);
    if (!good && !sim->failed)
        sim_complain (sim, "the same seed gave another trace");
    return good;
}

static void count (tally_t *tally, const sim_t *sim)
{
    uint32_t fired = 0;
    tally->seeds++;
    tally->events += sim->events;
    tally->simulated_ms += sim->now;
    for (uint32_t i = 0; i < sim->fault_count; i++) {
        tally->kinds[sim->faults[i].kind] += sim->faults[i].fired;
        fired += sim->faults[i].fired;
    }
    tally->faults += fired;
    tally->thin += fired < 5;
}

/*  What a long run says of itself, now and then. */
static void tell_progress (const options_t *options, const tally_t *tally, double *last)
{
    double now = seconds ();
    if (now - *last < PROGRESS_S)
        return;
    *last = now;
    printf ("about %" PRIu64 " seeds, %.0f seeds/s\n", tally->seeds * options->jobs,
            (double)(tally->seeds * options->jobs) / (now - options->begin));
    fflush (stdout);
}

static void run_seeds (const options_t *options, uint64_t job, tally_t *tally)
{
    sim_t *sim = aut_calloc (1, sizeof *sim);
    double last = seconds ();
    for (uint64_t i = job; i < options->seeds && !*options->stop; i += options->jobs) {
        uint64_t seed = options->first + i;
        bool good = sim_run (sim, seed, 0, false);
        if (good)
            count (tally, sim);
        if (good && options->again && i % options->again == 0) {
            tally->again++;
            good = same_again (sim, seed);
        }
        if (job == 0)
            tell_progress (options, tally, &last);
        if (!good) {
            tally->failed = seed;
            *options->stop = 1;
            explain (sim, seed, options->bare);
        }
        sim_clear (sim);
    }
    co_clear ();
    free (sim);
}

/* ---- processes ---- */

static void add (tally_t *to, const tally_t *from)
{
    to->seeds += from->seeds;
    to->events += from->events;
    to->faults += from->faults;
    to->again += from->again;
    to->thin += from->thin;
    to->simulated_ms += from->simulated_ms;
    for (int i = 0; i < FAULT_KINDS; i++)
        to->kinds[i] += from->kinds[i];
    if (from->failed)
        to->failed = from->failed;
}

static pid_t start (const options_t *options, uint64_t job, int *out)
{
    int ends[2];
    *out = -1;
    if (pipe (ends))
        return -1;
    pid_t pid = fork ();
    if (pid == 0) {
        tally_t tally = {0};
        run_seeds (options, job, &tally);
        fflush (stdout);
        ssize_t n = write (ends[1], &tally, sizeof tally);
        exit (n == (ssize_t)sizeof tally ? 0 : 2);
    }
    close (ends[1]);
    *out = ends[0];
    return pid;
}

/*  False if a process did not come to its end. */
static bool run_jobs (const options_t *options, tally_t *tally)
{
    pid_t pids[JOBS_MAX];
    int ends[JOBS_MAX];
    bool good = true;
    fflush (stdout);
    for (uint64_t i = 0; i < options->jobs; i++)
        pids[i] = start (options, i, &ends[i]);
    for (uint64_t i = 0; i < options->jobs; i++) {
        tally_t one = {0};
        int status = 1;
        bool whole = pids[i] > 0 && read (ends[i], &one, sizeof one) == (ssize_t)sizeof one;
        if (pids[i] > 0)
            waitpid (pids[i], &status, 0);
        good &= whole && status == 0;
        close (ends[i]);
        add (tally, &one);
    }
    return good;
}

static bool report (const options_t *options, const tally_t *tally, double took)
{
    bool all = true;
    for (int i = 0; i < FAULT_KINDS; i++) {
        printf ("%12" PRIu64 "  %s\n", tally->kinds[i], fault_name ((fault_kind_t)i));
        all &= tally->kinds[i] > 0;
    }
    printf ("%" PRIu64 " seeds (%" PRIu64 " of them twice, the same trace), %" PRIu64
            " events, %" PRIu64 " faults, %.1f simulated hours\n",
            tally->seeds, tally->again, tally->events, tally->faults,
            (double)tally->simulated_ms / 3600000);
    printf ("%.1f s, %.0f seeds/s on %" PRIu64 " processes\n", took,
            (double)tally->seeds / (took > 0 ? took : 1), options->jobs);
    if (tally->thin)
        printf ("%" PRIu64 " seeds had fewer than 5 faults\n", tally->thin);
    if (!all && options->seeds >= 1000)
        printf ("a kind of fault never struck\n");
    return !tally->thin && (all || options->seeds < 1000);
}

static int one_seed (const options_t *options)
{
    sim_t *sim = aut_calloc (1, sizeof *sim);
    bool good = sim_run (sim, options->seed, options->off, true);
    print_faults (sim);
    printf ("seed %" PRIu64 ": %s, %" PRIu64 " events, trace %016" PRIx64 "\n", options->seed,
            good ? "good" : sim->complaint, sim->events, sim->trace);
    sim_clear (sim);
    co_clear ();
    free (sim);
    return good ? 0 : 1;
}

static bool parse (options_t *options, int argc, char **argv)
{
    struct {
        const char *name;
        uint64_t *value;
    } table[] = {{"--seeds", &options->seeds}, {"--first", &options->first},
                 {"--jobs", &options->jobs},   {"--again", &options->again},
                 {"--seed", &options->seed},   {"--off", &options->off}};
    for (int i = 1; i < argc; i++) {
        bool known = !strcmp (argv[i], "--bare");
        options->bare |= known;
        for (size_t k = 0; !known && k < sizeof table / sizeof *table && i + 1 < argc; k++)
            if (!strcmp (argv[i], table[k].name)) {
                *table[k].value = strtoull (argv[++i], NULL, 10);
                known = true;
            }
        if (!known)
            return false;
    }
    return options->jobs > 0 && options->jobs <= JOBS_MAX && options->first > 0;
}

int main (int argc, char **argv)
{
    options_t options = {.seeds = 10000, .first = 1, .jobs = 2, .again = 50};
    tally_t tally = {0};
    if (!parse (&options, argc, argv)) {
        fprintf (stderr,
                 "usage: %s [--seeds N] [--first S] [--jobs J] [--again N] [--bare] | "
                 "--seed S [--off BITS]\n",
                 argv[0]);
        return 2;
    }
    if (options.seed)
        return one_seed (&options);
    options.begin = seconds ();
    options.stop =
        mmap (NULL, sizeof (int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (options.stop == MAP_FAILED)
        return 2;
    bool whole = run_jobs (&options, &tally);
    bool good = report (&options, &tally, seconds () - options.begin);
    if (!whole)
        printf ("a process of the simulator died\n");
    return whole && good && !tally.failed ? 0 : 1;
}
