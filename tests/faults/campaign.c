/*  One campaign from its folder to its table. The loop is one zmq_poll over the proxy's sockets,
 *  the status socket and the signals; everything else is looked at each time it turns. */
#include "tests/faults/promise.h"

#include "lib/core/clock.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ITEMS_MAX 512
#define TURN_MS 10
#define FILMS_FIRST 2
#define FILMS_AHEAD 3 /* in the storm at once */
#define HUNGRY_MS 1500
#define END_MS 60000 /* for everything to end after SIGTERM */

void campaign_note (campaign_t *self, const char *format, ...)
{
    va_list args;
    char text[512];
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    int64_t ms = self->now - self->began;
    if (self->journal)
        fprintf (self->journal, "%5" PRId64 ".%03d %s\n", ms / 1000, (int)(ms % 1000), text);
    if (self->options.verbose)
        printf ("%5" PRId64 ".%03d %s\n", ms / 1000, (int)(ms % 1000), text);
}

void campaign_fail (campaign_t *self, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start (args, format);
    if (!self->failure && vasprintf (&text, format, args) >= 0)
        self->failure = text;
    va_end (args);
    if (text)
        campaign_note (self, "FAILED: %s", text);
}

void campaign_later (campaign_t *self, int64_t ms, timer_fn fn, unsigned who, int64_t value)
{
    if (self->timer_count == TIMERS_MAX)
        campaign_fail (self, "too many timers");
    else
        self->timers[self->timer_count++] =
            (campaign_timer_t){.at = self->now + ms, .fn = fn, .who = who, .value = value};
}

static void run_timers (campaign_t *self)
{
    for (size_t i = 0; i < self->timer_count; i++) {
        campaign_timer_t timer = self->timers[i];
        if (timer.at > self->now)
            continue;
        self->timers[i--] = self->timers[--self->timer_count];
        timer.fn (self, timer.who, timer.value);
    }
}

/* ---- a turn of the loop -----------------------------------------------------------------------
 */

static void reap (campaign_t *self)
{
    int status;
    for (pid_t pid; (pid = proc_reap (&status));)
        if (!cluster_ended (self, pid, status))
            film_ended (self, pid, status); /* else the orphan of a killed node */
}

static void read_signals (campaign_t *self)
{
    struct signalfd_siginfo info;
    while (read (self->signals, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            self->interrupted = true;
}

static void turn (campaign_t *self)
{
    zmq_pollitem_t items[ITEMS_MAX];
    size_t n = 0;
    items[n++] = (zmq_pollitem_t){.fd = self->signals, .events = ZMQ_POLLIN};
    if (self->broker.status)
        items[n++] =
            (zmq_pollitem_t){.socket = zsock_resolve (self->broker.status), .events = ZMQ_POLLIN};
    size_t links = links_items (self->links, items + n, ITEMS_MAX - n);
    zmq_poll (items, (int)(n + links), TURN_MS);
    self->now = aut_mono_ms (aut_clock_system ());
    links_pump (self->links, items + n, self->now);
    read_signals (self);
    reap (self);
    cluster_pump (self);
    view_hear (self);
    view_ask (self);
    run_timers (self);
    faults_pump (self);
    film_pump (self);
    if (!self->failure && self->now - self->began > self->options.limit_ms)
        campaign_fail (self, "after %d s %u of %u films are the same, %u faults are counted",
                       (int)(self->options.limit_ms / 1000), self->films_same, self->films_wanted,
                       self->counted);
}

static bool may_go_on (const campaign_t *self)
{
    return !self->failure && !self->interrupted;
}

/* ---- the phases -------------------------------------------------------------------------------
 */

static unsigned films_ready (const campaign_t *self)
{
    unsigned ready = 0;
    for (unsigned i = 0; i < self->film_count; i++)
        ready += self->films[i].stage >= FILM_READY;
    return ready;
}

static void calm (campaign_t *self)
{
    cluster_start_calm (self);
    for (int i = 0; i < FILMS_FIRST; i++)
        film_add (self);
    while (may_go_on (self) && films_ready (self) < self->film_count)
        turn (self);
}

static unsigned idle_nodes (const campaign_t *self)
{
    unsigned idle = 0;
    for (unsigned i = 0; i < NODES; i++)
        idle += self->nodes[i].online && self->nodes[i].hold_count == 0;
    return self->broker.ready && !self->broker.proc.stopped ? idle : 0;
}

/*  Some films at once, and a further one when nodes have had nothing to do for a while. */
static void want_films (campaign_t *self, int64_t *busy_at)
{
    bool few = self->films_wanted - self->films_same < FILMS_AHEAD;
    if (idle_nodes (self) < 2)
        *busy_at = self->now;
    if (!few && self->now - *busy_at < HUNGRY_MS)
        return;
    bool late = self->counted * 5 > self->options.target * 4; /* only not to run dry */
    if (self->films_wanted == FILMS_MAX || (late && idle_nodes (self) < NODES / 2))
        return;
    *busy_at = self->now;
    self->films_wanted++;
    if (self->films_wanted + 1 >= self->film_count)
        film_add (self);
}

static void storm (campaign_t *self)
{
    int64_t busy_at = self->now;
    self->storm_began = self->now;
    cluster_start_broker (self, &self->broker);
    for (unsigned i = 0; i < NODES; i++)
        cluster_start_node (self, &self->nodes[i]);
    self->films_wanted = FILMS_AHEAD;
    self->stormy = true;
    while (may_go_on (self) && self->counted < self->options.target) {
        turn (self);
        want_films (self, &busy_at);
    }
    faults_end (self);
    /* what was wanted and not yet submitted is not needed any more */
    unsigned begun = 0;
    for (unsigned i = 0; i < self->film_count; i++)
        begun += self->films[i].stage >= FILM_SUBMIT;
    self->films_wanted = begun;
    while (may_go_on (self) && self->films_same < self->films_wanted)
        turn (self);
    self->storm_ended = self->now;
}

static void end_well (campaign_t *self)
{
    int64_t until = self->now + END_MS;
    film_abandon (self);
    while (!cluster_stop (self) && may_go_on (self)) {
        if (self->now > until)
            campaign_fail (self, "not everything ended within %d s after SIGTERM", END_MS / 1000);
        turn (self);
    }
    while (may_go_on (self) && self->now < until && film_clients (self))
        turn (self);
    if (may_go_on (self) && proc_children (false))
        campaign_fail (self, "processes were left behind");
}

/* ---- what a sanitizer said --------------------------------------------------------------------
 */

static const char *const complaints[] = {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
                                         "runtime error:", "AddressSanitizer:DEADLYSIGNAL",
                                         "Assertion "};

static void read_log (campaign_t *self, const char *name)
{
    char *path = aut_path_join (self->root, name, NULL), *text = NULL;
    size_t size = 0;
    if (aut_file_read (path, 256u << 20, &text, &size) == 0)
        for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++) {
            const char *at = strstr (text, complaints[i]);
            if (at)
                campaign_fail (self, "%s: %.400s", name, at);
        }
    free (text);
    free (path);
}

static void read_logs (campaign_t *self)
{
    DIR *dir = opendir (self->root);
    const struct dirent *entry;
    while (dir && (entry = readdir (dir))) {
        const char *dot = strrchr (entry->d_name, '.');
        if (dot && strcmp (dot, ".log") == 0)
            read_log (self, entry->d_name);
    }
    if (dir)
        closedir (dir);
}

/* ---- a campaign -------------------------------------------------------------------------------
 */

static void open_up (campaign_t *self)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGCHLD);
    sigaddset (&set, SIGINT);
    sigaddset (&set, SIGTERM);
    sigaddset (&set, SIGHUP);
    sigprocmask (SIG_BLOCK, &set, NULL);
    signal (SIGPIPE, SIG_IGN);
    self->signals = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    self->now = self->began = aut_mono_ms (aut_clock_system ());
    self->root = aut_sprintf ("%s/auteur-faults-%" PRIu64 ".XXXXXX", self->options.where,
                              self->options.seed);
    if (!mkdtemp (self->root)) {
        campaign_fail (self, "cannot make a folder in %s: %s", self->options.where,
                       strerror (errno));
        return;
    }
    char *journal = aut_path_join (self->root, "faults.txt", NULL);
    self->journal = fopen (journal, "we");
    free (journal);
    cluster_prepare (self);
    faults_deal (self);
}

static void print_line (const campaign_t *self, int64_t end)
{
    printf ("seed %" PRIu64 ": %u films the same, %u faults counted, %.1f s undisturbed + %.1f s "
            "in the storm\n",
            self->options.seed, self->films_same, self->counted,
            (double)(self->storm_began - self->began) / 1000,
            (double)(end - self->storm_began) / 1000);
}

static void print (campaign_t *self)
{
    int64_t end = self->storm_ended ? self->storm_ended : self->now;
    if (self->options.brief && !self->failure) {
        print_line (self, end);
        return;
    }
    faults_print (self);
    times_print (&self->node_noticed, "node killed: the broker takes it for lost");
    times_print (&self->node_lost, "node killed: its chunk runs again *");
    times_print (&self->broker_back, "broker killed: accepts again");
    printf (
        "--silent 1.5 s, --lease 4 s, chunks of 1.3 s; what is killed is started again at once.\n"
        "* All %u nodes have work of their own meanwhile, and the chunk its place in the queue.\n",
        NODES);
    print_line (self, end);
}

static void close_down (campaign_t *self, bool keep)
{
    film_clear (self);
    cluster_clear (self);
    int64_t until = aut_mono_ms (aut_clock_system ()) + 10000;
    int status;
    while (proc_children (true) && aut_mono_ms (aut_clock_system ()) < until) {
        while (proc_reap (&status))
            continue;
        zclock_sleep (5);
    }
    while (proc_reap (&status))
        continue;
    if (self->journal)
        fclose (self->journal);
    if (!keep)
        aut_dir_remove (self->root);
    else
        printf ("logs: %s\n", self->root);
    times_clear (&self->node_noticed);
    times_clear (&self->node_lost);
    times_clear (&self->broker_back);
    free (self->failures);
    free (self->promises);
    free (self->root);
    close (self->signals);
}

int campaign_run (const campaign_options_t *options)
{
    campaign_t *self = aut_calloc (1, sizeof *self);
    self->options = *options;
    open_up (self);
    if (may_go_on (self))
        calm (self);
    if (may_go_on (self))
        storm (self);
    if (may_go_on (self))
        end_well (self);
    read_logs (self);
    if (may_go_on (self))
        promise_check_jobs (self);
    if (may_go_on (self) && self->loss_count)
        campaign_fail (self, "%zu lost chunks never ran again", self->loss_count);
    print (self);
    if (self->failure)
        printf ("FAILED (seed %" PRIu64 "): %s\n", options->seed, self->failure);
    int code = self->interrupted ? 130 : self->failure ? 1 : 0;
    close_down (self, self->failure && options->keep);
    free (self->failure);
    free (self);
    return code;
}
