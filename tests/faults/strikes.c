/*  Faults of processes: the broker, its disk, nodes, their disks and workers. */
#include "tests/faults/strikes.h"

#include "lib/core/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define BLIND_ONE_IN 16

/* ---- whom -------------------------------------------------------------------------------------
 */

static bool is_free (const campaign_t *self, const node_t *node)
{
    return node->proc.pid && node->online && !node->proc.stopped && !node->proc.asked &&
           !node->proc.killed && node->free_at <= self->now;
}

/*  A node at work, or sometimes any; NULL if there is none now. */
node_t *strike_choose (campaign_t *self, dice_t *dice)
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
    node_t *node = strike_choose (self, dice);
    const hold_t *hold = node ? view_lease (self, node) : NULL;
    return hold && view_failures (self, hold->token.task) == 0 ? node : NULL;
}

void strike_count (campaign_t *self, int kind, const node_t *node)
{
    faults_count (self, kind, view_lease (self, node) != NULL, node->name);
}

/*  Chosen, and counted as struck. */
static node_t *choose_and_count (campaign_t *self, int kind, dice_t *dice)
{
    node_t *node = strike_choose (self, dice);
    if (node)
        strike_count (self, kind, node);
    return node;
}

/* ---- the broker -------------------------------------------------------------------------------
 */

bool strike_broker_is_free (const campaign_t *self)
{
    const proc_t *proc = &self->broker.proc;
    return self->broker.ready && proc->pid && !proc->stopped && self->broker_free_at <= self->now;
}

static bool end_broker (campaign_t *self, int kind, int signum)
{
    if (!strike_broker_is_free (self))
        return false;
    faults_count (self, kind, view_leases (self) > 0, "the broker");
    cluster_end_broker (self, signum);
    self->broker_free_at = self->now + 1500;
    return true;
}

bool strike_broker_kill (campaign_t *self, int kind, dice_t *dice)
{
    (void)dice;
    return end_broker (self, kind, SIGKILL);
}

bool strike_broker_term (campaign_t *self, int kind, dice_t *dice)
{
    (void)dice;
    return end_broker (self, kind, SIGTERM);
}

/*  Strikes nobody who holds a lease, so it does not count; see cluster.c for what it must do. */
bool strike_second_broker (campaign_t *self, int kind, dice_t *dice)
{
    (void)dice;
    if (!strike_broker_is_free (self) || self->second.pid)
        return false;
    faults_count (self, kind, false, "a second broker on the same state");
    cluster_start_second (self);
    self->broker_free_at = self->now + 1000;
    return true;
}

static void continue_broker (campaign_t *self, unsigned who, int64_t start)
{
    (void)who;
    if (self->broker.proc.count == (unsigned)start)
        proc_signal (&self->broker.proc, SIGCONT);
}

bool strike_broker_stop (campaign_t *self, int kind, dice_t *dice)
{
    int64_t ms = dice_range (dice, 100, 2200);
    if (!strike_broker_is_free (self))
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

static bool fill_broker (campaign_t *self, int kind, int64_t ms)
{
    if (!self->has_tmpfs || !strike_broker_is_free (self))
        return false;
    faults_count (self, kind, view_leases (self) > 0, "the broker's disk");
    fill (self->broker.dir);
    self->asks_store = true;
    self->store_full = false;
    self->full_until = self->now + ms + 2000;
    self->broker_free_at = self->now + ms + 1000;
    return true;
}

bool strike_broker_full (campaign_t *self, int kind, dice_t *dice)
{
    int64_t ms = dice_range (dice, 500, 1500);
    if (!fill_broker (self, kind, ms))
        return false;
    campaign_later (self, ms, empty_broker, 0, 0);
    return true;
}

static void kill_full_broker (campaign_t *self, unsigned who, int64_t start)
{
    if (self->broker.proc.count == (unsigned)start)
        cluster_end_broker (self, SIGKILL);
    empty_broker (self, who, 0);
}

/*  What it has said while nothing could be stored, it must not have promised. */
bool strike_broker_kill_full (campaign_t *self, int kind, dice_t *dice)
{
    int64_t ms = dice_range (dice, 500, 1500);
    if (!fill_broker (self, kind, ms))
        return false;
    campaign_later (self, ms, kill_full_broker, 0, self->broker.proc.count);
    return true;
}

static void empty_node (campaign_t *self, unsigned who, int64_t value)
{
    (void)value;
    make_room (self->nodes[who].dir);
}

bool strike_node_full (campaign_t *self, int kind, dice_t *dice)
{
    int64_t ms = dice_range (dice, 500, 1500);
    node_t *node = self->has_tmpfs ? choose_unhurt (self, dice) : NULL;
    if (!node)
        return false;
    strike_count (self, kind, node);
    fill (node->dir);
    node->free_at = self->now + ms + 500;
    campaign_later (self, ms, empty_node, node->index, 0);
    return true;
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

bool strike_node_kill (campaign_t *self, int kind, dice_t *dice)
{
    node_t *node = choose_and_count (self, kind, dice);
    if (!node)
        return false;
    cluster_kill_node (self, node);
    return true;
}

bool strike_node_term (campaign_t *self, int kind, dice_t *dice)
{
    node_t *node = choose_and_count (self, kind, dice);
    if (!node)
        return false;
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
    node_t *node = choose_and_count (self, kind, dice);
    if (!node)
        return false;
    proc_signal (&node->proc, SIGSTOP);
    campaign_later (self, ms, continue_node, node->index, node->proc.count);
    node->free_at = self->now + ms + 500;
    return true;
}

bool strike_node_stop (campaign_t *self, int kind, dice_t *dice)
{
    return stop_node (self, kind, dice, dice_range (dice, 100, 1200));
}

/*  Beyond --silent: it is lost, and comes back with a lease that may be another's by then. */
bool strike_node_stop_long (campaign_t *self, int kind, dice_t *dice)
{
    return stop_node (self, kind, dice, dice_range (dice, 2200, 4000));
}

/* ---- workers ----------------------------------------------------------------------------------
 */

/*  Signals, and counts, the worker of a node at work, which is in the middle of its chunk; the node
 *  whose it is, NULL if there is none now. */
static node_t *signal_worker (campaign_t *self, int kind, dice_t *dice, int signum, pid_t *pid)
{
    node_t *node = choose_unhurt (self, dice);
    const hold_t *hold = node ? view_lease (self, node) : NULL;
    if (!hold || !hold->started || hold->done)
        return NULL;
    *pid = proc_child (node->proc.pid, "auteur-worker");
    if (!*pid)
        return NULL;
    strike_count (self, kind, node);
    kill (*pid, signum);
    return node;
}

static bool kill_worker (campaign_t *self, int kind, dice_t *dice, int signum)
{
    pid_t pid;
    node_t *node = signal_worker (self, kind, dice, signum, &pid);
    if (node)
        node->free_at = self->now + 800;
    return node;
}

bool strike_worker_kill (campaign_t *self, int kind, dice_t *dice)
{
    return kill_worker (self, kind, dice, SIGKILL);
}

bool strike_worker_crash (campaign_t *self, int kind, dice_t *dice)
{
    return kill_worker (self, kind, dice, SIGABRT);
}

static void continue_worker (campaign_t *self, unsigned who, int64_t pid)
{
    const node_t *node = &self->nodes[who];
    if (node->proc.pid && proc_is_child ((pid_t)pid, node->proc.pid))
        kill ((pid_t)pid, SIGCONT);
}

bool strike_worker_stop (campaign_t *self, int kind, dice_t *dice)
{
    int64_t ms = dice_range (dice, 100, 1200);
    pid_t pid;
    node_t *node = signal_worker (self, kind, dice, SIGSTOP, &pid);
    if (!node)
        return false;
    campaign_later (self, ms, continue_worker, node->index, pid);
    node->free_at = self->now + ms + 400;
    return true;
}

/*  Nobody continues it: the node has to notice, and to end it although it is stopped. */
bool strike_worker_hang (campaign_t *self, int kind, dice_t *dice)
{
    pid_t pid;
    node_t *node = signal_worker (self, kind, dice, SIGSTOP, &pid);
    if (!node)
        return false;
    node->stopped_worker = pid;
    node->free_at = self->now + 6000;
    return true;
}

/*  The worker dies, and the next one is stopped before it can say that it is there. */
bool strike_slow_start (campaign_t *self, int kind, dice_t *dice)
{
    pid_t pid;
    node_t *node = signal_worker (self, faults_kind ("worker-kill"), dice, SIGKILL, &pid);
    if (!node)
        return false;
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
    strike_count (self, node->slow_kind, node);
    continue_worker (self, who, pid);
}

void strike_slow_starts (campaign_t *self)
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

void strike_end (campaign_t *self)
{
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
