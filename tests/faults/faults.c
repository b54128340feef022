/*  The kinds of faults and when they strike. The schedule (which kind, how long, in which order) is
 *  the seed's alone; whom it strikes is the seed's choice among those who are at work then.
 *
 *  A fault is counted if it strikes a process that holds a lease (by what passed and by the
 *  broker's word), a broker that has leases out, or the moment between a commit and its
 *  acknowledgement, which the traps of view.c wait for. Now and then one strikes blindly.
 */
#include "tests/faults/campaign.h"

#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRAP_MS 6000
#define ADOPT_TRAP_MS 30000
#define PATIENCE_MS 600 /* for somebody at work, before the next card is drawn */
#define BLIND_ONE_IN 16

typedef struct kind kind_t;
typedef bool (*strike_fn) (campaign_t *self, int kind, dice_t *dice);

struct kind {
    const char *name;
    unsigned weight; /* cards in the deck */
    strike_fn strike;
    trap_t trap; /* for strike_trap */
};

static const kind_t kinds[];

/* ---- whom -------------------------------------------------------------------------------------
 */

static bool is_free (const campaign_t *self, const node_t *node)
{
    return node->proc.pid && node->online && !node->proc.stopped && !node->proc.asked &&
           !node->proc.killed && node->free_at <= self->now;
}

/*  A node at work, or sometimes any; NULL if there is none now. */
static node_t *choose (campaign_t *self, dice_t *dice)
{
    node_t *list[NODES];
    int64_t count = 0;
    bool blind = dice_range (dice, 1, BLIND_ONE_IN) == 1;
    for (unsigned i = 0; i < NODES; i++) {
        node_t *node = &self->nodes[i];
        if (is_free (self, node) && (blind || view_lease (self, node)))
            list[count++] = node;
    }
    return count ? list[dice_range (dice, 0, count - 1)] : NULL;
}

/*  The same for faults that count as a failure of the task: three of them would end it. */
static node_t *choose_unhurt (campaign_t *self, dice_t *dice)
{
    node_t *node = choose (self, dice);
    const hold_t *hold = node ? view_lease (self, node) : NULL;
    return hold && view_failures (self, hold->token.task) == 0 ? node : NULL;
}

static void count_node (campaign_t *self, int kind, const node_t *node)
{
    faults_count (self, kind, view_lease (self, node) != NULL, node->name);
}

/* ---- the broker -------------------------------------------------------------------------------
 */

static bool broker_is_free (const campaign_t *self)
{
    const proc_t *proc = &self->broker.proc;
    return self->broker.ready && proc->pid && !proc->stopped && self->broker_free_at <= self->now;
}

static bool strike_broker_kill (campaign_t *self, int kind, dice_t *dice)
{
    (void)dice;
    if (!broker_is_free (self))
        return false;
    faults_count (self, kind, view_leases (self) > 0, "the broker");
    cluster_end_broker (self, SIGKILL);
    self->broker_free_at = self->now + 2500;
    return true;
}

static bool strike_broker_term (campaign_t *self, int kind, dice_t *dice)
{
    (void)dice;
    if (!broker_is_free (self))
        return false;
    faults_count (self, kind, view_leases (self) > 0, "the broker");
    cluster_end_broker (self, SIGTERM);
    self->broker_free_at = self->now + 2500;
    return true;
}

static void continue_broker (campaign_t *self, unsigned who, int64_t start)
{
    (void)who;
    if (self->broker.proc.count == (unsigned)start)
        proc_signal (&self->broker.proc, SIGCONT);
}

static bool strike_broker_stop (campaign_t *self, int kind, dice_t *dice)
{
    int64_t ms = dice_range (dice, 100, 2200);
    if (!broker_is_free (self))
        return false;
    faults_count (self, kind, view_leases (self) > 0, "the broker");
    proc_signal (&self->broker.proc, SIGSTOP);
    campaign_later (self, ms, continue_broker, 0, self->broker.proc.count);
    self->broker_free_at = self->now + ms + 1500;
    return true;
}

/* ---- full disks -------------------------------------------------------------------------------
 */

static char *filler_path (const char *dir)
{
    return aut_path_join (dir, "filler", NULL);
}

static void fill (const char *dir)
{
    char *path = filler_path (dir);
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    off_t at = 0;
    for (off_t step = 1 << 20; fd >= 0 && step >= 4096;)
        if (posix_fallocate (fd, at, step) == 0)
            at += step;
        else
            step /= 4;
    if (fd >= 0)
        close (fd);
    free (path);
}

static void make_room (const char *dir)
{
    char *path = filler_path (dir);
    unlink (path);
    free (path);
}

static void empty_broker (campaign_t *self, unsigned who, int64_t value)
{
    (void)who;
    (void)value;
    make_room (self->broker.dir);
    self->asks_store = false;
}

static bool strike_broker_full (campaign_t *self, int kind, dice_t *dice)
{
    int64_t ms = dice_range (dice, 500, 1500);
    if (!self->has_tmpfs || !broker_is_free (self))
        return false;
    faults_count (self, kind, view_leases (self) > 0, "the broker's disk");
    fill (self->broker.dir);
    self->asks_store = true;
    self->store_full = false;
    campaign_later (self, ms, empty_broker, 0, 0);
    self->broker_free_at = self->now + ms + 1000;
    return true;
}

static void empty_node (campaign_t *self, unsigned who, int64_t value)
{
    (void)value;
    make_room (self->nodes[who].dir);
}

static bool strike_node_full (campaign_t *self, int kind, dice_t *dice)
{
    int64_t ms = dice_range (dice, 500, 1500);
    node_t *node = self->has_tmpfs ? choose_unhurt (self, dice) : NULL;
    if (!node)
        return false;
    count_node (self, kind, node);
    fill (node->dir);
    node->free_at = self->now + ms + 500;
    campaign_later (self, ms, empty_node, node->index, 0);
    return true;
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

static bool strike_node_kill (campaign_t *self, int kind, dice_t *dice)
{
    node_t *node = choose (self, dice);
    if (!node)
        return false;
    count_node (self, kind, node);
    cluster_kill_node (self, node);
    return true;
}

static bool strike_node_term (campaign_t *self, int kind, dice_t *dice)
{
    node_t *node = choose (self, dice);
    if (!node)
        return false;
    count_node (self, kind, node);
    proc_signal (&node->proc, SIGTERM);
    return true;
}

static void continue_node (campaign_t *self, unsigned who, int64_t start)
{
    if (self->nodes[who].proc.count == (unsigned)start)
        proc_signal (&self->nodes[who].proc, SIGCONT);
}

static bool stop_node (campaign_t *self, int kind, dice_t *dice, int64_t ms)
{
    node_t *node = choose (self, dice);
    if (!node)
        return false;
    count_node (self, kind, node);
    proc_signal (&node->proc, SIGSTOP);
    campaign_later (self, ms, continue_node, node->index, node->proc.count);
    node->free_at = self->now + ms + 500;
    return true;
}

static bool strike_node_stop (campaign_t *self, int kind, dice_t *dice)
{
    return stop_node (self, kind, dice, dice_range (dice, 100, 1200));
}

/*  Beyond --silent: it is lost, and comes back with a lease that may be another's by then. */
static bool strike_node_stop_long (campaign_t *self, int kind, dice_t *dice)
{
    return stop_node (self, kind, dice, dice_range (dice, 2200, 4000));
}

/* ---- workers ----------------------------------------------------------------------------------
 */

/*  The worker of a node at work, which is in the middle of its chunk. */
static pid_t choose_worker (campaign_t *self, dice_t *dice, node_t **node)
{
    *node = choose_unhurt (self, dice);
    const hold_t *hold = *node ? view_lease (self, *node) : NULL;
    if (!hold || !hold->started || hold->done)
        return 0;
    return proc_child ((*node)->proc.pid, "auteur-worker");
}

static bool kill_worker (campaign_t *self, int kind, dice_t *dice, int signum)
{
    node_t *node;
    pid_t pid = choose_worker (self, dice, &node);
    if (!pid)
        return false;
    count_node (self, kind, node);
    kill (pid, signum);
    node->free_at = self->now + 800;
    return true;
}

static bool strike_worker_kill (campaign_t *self, int kind, dice_t *dice)
{
    return kill_worker (self, kind, dice, SIGKILL);
}

static bool strike_worker_crash (campaign_t *self, int kind, dice_t *dice)
{
    return kill_worker (self, kind, dice, SIGABRT);
}

static void continue_worker (campaign_t *self, unsigned who, int64_t pid)
{
    const node_t *node = &self->nodes[who];
    if (node->proc.pid && proc_is_child ((pid_t)pid, node->proc.pid))
        kill ((pid_t)pid, SIGCONT);
}

static bool strike_worker_stop (campaign_t *self, int kind, dice_t *dice)
{
    int64_t ms = dice_range (dice, 100, 1200);
    node_t *node;
    pid_t pid = choose_worker (self, dice, &node);
    if (!pid)
        return false;
    count_node (self, kind, node);
    kill (pid, SIGSTOP);
    campaign_later (self, ms, continue_worker, node->index, pid);
    node->free_at = self->now + ms + 400;
    return true;
}

/*  Nobody continues it: the node has to notice, and to end it although it is stopped. */
static bool strike_worker_hang (campaign_t *self, int kind, dice_t *dice)
{
    node_t *node;
    pid_t pid = choose_worker (self, dice, &node);
    if (!pid)
        return false;
    count_node (self, kind, node);
    kill (pid, SIGSTOP);
    node->stopped_worker = pid;
    node->free_at = self->now + 6000;
    return true;
}

/*  The worker dies, and the next one is stopped before it can say that it is there. */
static bool strike_slow_start (campaign_t *self, int kind, dice_t *dice)
{
    node_t *node;
    pid_t pid = choose_worker (self, dice, &node);
    if (!pid)
        return false;
    faults_count (self, faults_kind ("worker-kill"), true, node->name);
    kill (pid, SIGKILL);
    node->slow_start = true;
    node->slow_kind = kind;
    node->stopped_worker = pid;
    node->slow_ms = dice_range (dice, 500, 2000);
    node->free_at = self->now + node->slow_ms + 1500;
    return true;
}

/*  Counted when it ends: the node got a lease meanwhile, which waited for the worker. */
static void end_slow_start (campaign_t *self, unsigned who, int64_t pid)
{
    node_t *node = &self->nodes[who];
    count_node (self, node->slow_kind, node);
    continue_worker (self, who, pid);
}

static void catch_slow_starts (campaign_t *self)
{
    if (self->now - self->looked_at < 10)
        return;
    self->looked_at = self->now;
    for (unsigned i = 0; i < NODES; i++) {
        node_t *node = &self->nodes[i];
        if (!node->slow_start || !node->proc.pid)
            continue;
        pid_t pid = proc_child (node->proc.pid, "auteur-worker");
        if (!pid || pid == node->stopped_worker)
            continue;
        kill (pid, SIGSTOP);
        node->stopped_worker = pid;
        node->slow_start = false;
        campaign_later (self, node->slow_ms, end_slow_start, i, pid);
    }
}

/* ---- links ------------------------------------------------------------------------------------
 */

static aut_port_t choose_port (dice_t *dice)
{
    return dice_range (dice, 0, 2) == 0 ? AUT_PORT_DATA : AUT_PORT_NODE;
}

static bool struck (campaign_t *self, int kind, node_t *node, bool counted, unsigned hit,
                    int64_t rest_ms)
{
    if (hit == 0)
        return false;
    faults_count (self, kind, counted, node->name);
    node->free_at = self->now + rest_ms;
    return true;
}

static bool strike_reset (campaign_t *self, int kind, dice_t *dice)
{
    aut_port_t port = choose_port (dice);
    node_t *node = choose (self, dice);
    bool counted = node && view_lease (self, node);
    return node &&
           struck (self, kind, node, counted, links_reset (self->links, node->index, port), 400);
}

static bool strike_truncate (campaign_t *self, int kind, dice_t *dice)
{
    aut_port_t port = choose_port (dice);
    node_t *node = choose (self, dice);
    bool counted = node && view_lease (self, node);
    return node &&
           struck (self, kind, node, counted, links_truncate (self->links, node->index, port), 600);
}

static bool strike_half_open (campaign_t *self, int kind, dice_t *dice)
{
    aut_port_t port = choose_port (dice);
    unsigned dirs = (unsigned)dice_range (dice, 1, 3);
    int64_t ms = dice_range (dice, 300, 3000);
    node_t *node = choose (self, dice);
    bool counted = node && view_lease (self, node);
    return node && struck (self, kind, node, counted,
                           links_half_open (self->links, node->index, port, dirs & 1, dirs & 2,
                                            self->now + ms),
                           ms + 400);
}

static bool strike_delay (campaign_t *self, int kind, dice_t *dice)
{
    aut_port_t port = choose_port (dice);
    int64_t by = dice_range (dice, 50, 500), ms = dice_range (dice, 500, 2000);
    node_t *node = choose (self, dice);
    bool counted = node && view_lease (self, node);
    return node && struck (self, kind, node, counted,
                           links_delay (self->links, node->index, port, by, self->now + ms), ms);
}

static bool strike_throttle (campaign_t *self, int kind, dice_t *dice)
{
    aut_port_t port = choose_port (dice);
    size_t rate = (size_t)dice_range (dice, 500, 20000);
    int64_t ms = dice_range (dice, 500, 2000);
    node_t *node = choose (self, dice);
    bool counted = node && view_lease (self, node);
    return node &&
           struck (self, kind, node, counted,
                   links_throttle (self->links, node->index, port, rate, self->now + ms), ms);
}

static bool strike_dark (campaign_t *self, int kind, dice_t *dice)
{
    int64_t ms = dice_range (dice, 300, 3500);
    node_t *node = choose (self, dice);
    bool counted = node && view_lease (self, node);
    return node && struck (self, kind, node, counted,
                           links_dark (self->links, node->index, self->now + ms), ms + 400);
}

/*  Waits in view.c for the message that it is about. */
static bool strike_trap (campaign_t *self, int kind, dice_t *dice)
{
    trap_t trap = kinds[kind].trap;
    node_t *node = choose (self, dice);
    bool broker = trap == TRAP_ACK_BROKER || trap == TRAP_DONE_BROKER;
    if (!node || node->trap || (broker && !broker_is_free (self)))
        return false;
    node->trap = trap;
    node->trap_kind = kind;
    node->trap_until = self->now + (trap == TRAP_ADOPT_LOST ? ADOPT_TRAP_MS : TRAP_MS);
    if (broker)
        self->broker_free_at = self->now + 3000;
    return true;
}

/* ---- the deck ---------------------------------------------------------------------------------
 */

static const kind_t kinds[] = {
    {"broker-kill", 1, strike_broker_kill, 0},
    {"broker-kill-before-ack", 1, strike_trap, TRAP_ACK_BROKER},
    {"broker-kill-at-done", 1, strike_trap, TRAP_DONE_BROKER},
    {"broker-stop", 1, strike_broker_stop, 0},
    {"broker-restart", 1, strike_broker_term, 0},
    {"broker-disk-full", 1, strike_broker_full, 0},
    {"node-kill", 3, strike_node_kill, 0},
    {"node-kill-before-ack", 1, strike_trap, TRAP_ACK_KILL},
    {"node-stop", 3, strike_node_stop, 0},
    {"node-stop-beyond-silent", 1, strike_node_stop_long, 0},
    {"node-drain-restart", 1, strike_node_term, 0},
    {"node-disk-full", 1, strike_node_full, 0},
    {"worker-kill", 1, strike_worker_kill, 0},
    {"worker-crash", 2, strike_worker_crash, 0},
    {"worker-hang", 1, strike_worker_hang, 0},
    {"worker-stop", 3, strike_worker_stop, 0},
    {"worker-slow-start", 2, strike_slow_start, 0},
    {"link-reset", 4, strike_reset, 0},
    {"link-cut-in-message", 3, strike_truncate, 0},
    {"link-half-open", 4, strike_half_open, 0},
    {"link-delay", 2, strike_delay, 0},
    {"link-throttle", 2, strike_throttle, 0},
    {"link-dark", 2, strike_dark, 0},
    {"ack-lost", 3, strike_trap, TRAP_ACK_LOST},
    {"done-cut", 2, strike_trap, TRAP_DONE_HALF},
    {"assign-lost", 2, strike_trap, TRAP_ASSIGN_LOST},
    {"adopt-lost", 1, strike_trap, TRAP_ADOPT_LOST},
    {"stored-lost", 3, strike_trap, TRAP_STORED_LOST},
    {"submit-ack-lost", 0, NULL, 0},
    {"submit-ack-client-kill", 0, NULL, 0},
    {"submit-ack-broker-kill", 0, NULL, 0},
};

#define KINDS ((int)(sizeof kinds / sizeof *kinds))
_Static_assert(sizeof kinds / sizeof *kinds <= KINDS_MAX, "room for the counts");

int faults_kind (const char *name)
{
    for (int i = 0; i < KINDS; i++)
        if (strcmp (kinds[i].name, name) == 0)
            return i;
    abort ();
}

void faults_count (campaign_t *self, int kind, bool counted, const char *whom)
{
    self->counts[kind].injected++;
    self->counts[kind].counted += counted;
    self->injected++;
    self->counted += counted;
    campaign_note (self, "%s: %s%s", kinds[kind].name, whom, counted ? "" : " (not counted)");
}

static void shuffle (campaign_t *self)
{
    for (size_t i = self->deck_size; i > 1; i--) {
        size_t k = (size_t)dice_range (&self->dice, 0, (int64_t)i - 1);
        int kind = self->deck[i - 1];
        self->deck[i - 1] = self->deck[k];
        self->deck[k] = kind;
    }
    self->deck_at = 0;
}

void faults_deal (campaign_t *self)
{
    self->dice = dice_new (self->options.seed, 1);
    for (int i = 0; i < KINDS; i++)
        for (unsigned n = 0; n < kinds[i].weight && self->deck_size < DECK_MAX; n++)
            self->deck[self->deck_size++] = i;
    shuffle (self);
}

static void next_card (campaign_t *self, dice_t *dice)
{
    self->next_at = self->now + dice_range (dice, 40, 320);
    self->drawn_at = 0;
    self->drawn++;
    if (++self->deck_at == self->deck_size)
        shuffle (self);
}

static void expire_traps (campaign_t *self)
{
    for (unsigned i = 0; i < NODES; i++)
        if (self->nodes[i].trap && self->nodes[i].trap_until <= self->now)
            self->nodes[i].trap = TRAP_NONE;
}

void faults_pump (campaign_t *self)
{
    expire_traps (self);
    catch_slow_starts (self);
    if (!self->stormy || self->now < self->next_at)
        return;
    if (!self->drawn_at)
        self->drawn_at = self->now;
    int kind = self->deck[self->deck_at];
    dice_t dice = dice_new (self->options.seed, 3000 + self->drawn);
    if (kinds[kind].strike (self, kind, &dice) || self->now - self->drawn_at > PATIENCE_MS)
        next_card (self, &dice);
    else
        self->next_at = self->now + 15;
}

void faults_end (campaign_t *self)
{
    self->stormy = false;
    links_heal (self->links);
    make_room (self->broker.dir);
    self->asks_store = false;
    proc_signal (&self->broker.proc, SIGCONT);
    for (unsigned i = 0; i < NODES; i++) {
        node_t *node = &self->nodes[i];
        node->trap = TRAP_NONE;
        node->slow_start = false;
        make_room (node->dir);
        proc_signal (&node->proc, SIGCONT);
        if (node->stopped_worker)
            continue_worker (self, i, node->stopped_worker);
    }
}

void faults_print (campaign_t *self)
{
    printf ("%-28s %9s %9s\n", "fault", "injected", "counted");
    for (int i = 0; i < KINDS; i++)
        printf ("%-28s %9u %9u\n", kinds[i].name, self->counts[i].injected,
                self->counts[i].counted);
    printf ("%-28s %9u %9u\n", "all", self->injected, self->counted);
    if (!self->has_tmpfs)
        printf ("full disks were not tried: no tmpfs can be mounted here\n");
    else
        printf ("the broker said no-space during %u of %u full disks\n", self->full_seen,
                self->counts[faults_kind ("broker-disk-full")].injected);
}
