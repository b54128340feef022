/*  See node.h. One loop thread owns the socket to the broker, the session and the workers' pool; it
 *  waits only in zmq_poll. The session decides, and what it decides is carried out here. */
#include "node/node.h"

#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"
#include "node/health.h"
#include "node/link.h"
#include "node/node_options.h"
#include "node/offer.h"
#include "node/pool.h"
#include "node/transfer.h"
#include "proto/client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#define OWN_ITEMS 4
#define ITEMS_MAX (OWN_ITEMS + 3 * AUT_WORKERS_MAX)
#define POLL_MAX_MS 1000
#define HEALTHY_MS 10000 /* a loop that was not seen for longer hangs */
#define MESSAGES_A_TURN 256
#define NO_DRAIN INT64_MIN

struct aut_node_daemon {
    /* set before the thread starts */
    char *work_dir;
    aut_node_options_t options; /* devices and models are copies, other pointers not for use */
    uint32_t drain_ms;
    int lock, wake, ended;
    aut_blobs_t *cache;
    pthread_t thread;
    /* between threads */
    _Atomic int64_t drain_wanted; /* within so many ms, −1 = at once; NO_DRAIN = no */
    atomic_bool reload_wanted, online, refused;
    _Atomic int64_t tick_ms; /* when the loop last went round */
    /* the loop's own */
    aut_node_link_t link; /* before the thread starts, the starter's */
    aut_health_t health;
    aut_session_t *session;
    aut_pool_t *pool;
    aut_transfer_t *fetcher, *uploader;
    aut_work_t *works;
    bool exited;
};

static int64_t now_ms (void)
{
    return aut_mono_ms (aut_clock_system ());
}

static void signal_fd (int fd)
{
    uint64_t one = 1;
    ssize_t n = write (fd, &one, sizeof one);
    (void)n; /* a full counter is readable all the same */
}

/*  What is kept of holds */

static aut_work_t *find_work (const aut_node_daemon_t *self, uint64_t hold)
{
    for (aut_work_t *w = self->works; w; w = w->sibling)
        if (w->hold == hold)
            return w;
    return NULL;
}

static void free_work (aut_node_daemon_t *self, aut_work_t *work)
{
    for (aut_work_t **p = &self->works; *p; p = &(*p)->sibling)
        if (*p == work) {
            *p = work->sibling;
            break;
        }
    aut_work_destroy (&work, self->cache);
}

/*  A transfer thread may have it: then it is freed when it comes back. */
static void forget_work (aut_node_daemon_t *self, uint64_t hold)
{
    aut_work_t *work = find_work (self, hold);
    if (!work)
        return;
    work->forgotten = true;
    atomic_store (&work->cancelled, true);
    if (!work->away)
        free_work (self, work);
}

static void fetch (aut_node_daemon_t *self, const aut_session_action_t *action)
{
    aut_work_t *work = find_work (self, action->hold);
    if (!work) {
        char *dir = aut_sprintf ("%s/%" PRIu32 "/%" PRIu64, self->work_dir, action->assign->worker,
                                 action->hold);
        work = aut_work_new (action->hold, action->assign, dir);
        free (dir);
        work->sibling = self->works;
        self->works = work;
    }
    work->away = true;
    aut_transfer_fetch (self->fetcher, work);
}

static void upload (aut_node_daemon_t *self, uint64_t hold)
{
    aut_work_t *work = find_work (self, hold);
    if (!work || work->away)
        return;
    work->away = true;
    aut_transfer_upload (self->uploader, work);
}

static void run_task (aut_node_daemon_t *self, uint32_t worker, uint64_t hold)
{
    aut_work_t *work = find_work (self, hold);
    if (!work)
        return;
    aut_worker_input_t *inputs = aut_calloc (work->input_count + 1, sizeof *inputs);
    for (size_t i = 0; i < work->input_count; i++)
        inputs[i] = (aut_worker_input_t){
            .role = work->inputs[i].role, .key = work->inputs[i].key, .path = work->inputs[i].path};
    aut_worker_task_t task = {.id = hold,
                              .spec = (const uint8_t *)work->spec,
                              .spec_size = work->spec_size,
                              .inputs = inputs,
                              .input_count = work->input_count,
                              .out_dir = work->dir};
    aut_pool_run (self->pool, worker, &task);
    free (inputs);
}

/*  Connecting */

static void reconnect (aut_node_daemon_t *self)
{
    aut_node_link_connect (&self->link);
    if (!self->link.data_endpoint || !self->link.sock)
        return; /* the file is not there yet, or the keys are not */
    if (self->fetcher)
        aut_transfer_move (self->fetcher, self->link.data_endpoint, &self->link.curve);
    if (self->uploader)
        aut_transfer_move (self->uploader, self->link.data_endpoint, &self->link.curve);
}

static int send_message (aut_node_daemon_t *self, const aut_msg_t *msg)
{
    if (!self->link.sock)
        return AUT_ERR_UNREACHABLE;
    int rc = aut_net_send (self->link.sock, msg, NULL, 0);
    if (rc < 0 && rc != AUT_ERR_AGAIN)
        aut_log (AUT_LOG_ERROR, "node", "cannot send %s: %s", aut_msg_name (msg->type),
                 aut_error_detail ());
    return rc;
}

static int act (void *ctx, const aut_session_action_t *action)
{
    aut_node_daemon_t *self = ctx;
    switch (action->type) {
    case AUT_ACT_SEND:
        return send_message (self, action->message);
    case AUT_ACT_RECONNECT:
        reconnect (self);
        break;
    case AUT_ACT_START_WORKER:
        aut_pool_start (self->pool, action->worker);
        break;
    case AUT_ACT_KILL_WORKER:
        aut_pool_kill (self->pool, action->worker, now_ms ());
        break;
    case AUT_ACT_FETCH:
        fetch (self, action);
        break;
    case AUT_ACT_RUN:
        run_task (self, action->worker, action->hold);
        break;
    case AUT_ACT_CANCEL:
        aut_pool_cancel (self->pool, action->worker, action->hold);
        break;
    case AUT_ACT_UPLOAD:
        upload (self, action->hold);
        break;
    case AUT_ACT_FORGET:
        forget_work (self, action->hold);
        break;
    case AUT_ACT_EXIT:
        self->exited = true;
        break;
    }
    return 0;
}

/*  Events */

static void step (aut_node_daemon_t *self, const aut_session_event_t *event)
{
    aut_session_step (self->session, event, now_ms ());
}

/*  From the pool. A result's files are noted before the session asks to upload them. */
static void on_worker (void *ctx, const aut_session_event_t *event)
{
    aut_node_daemon_t *self = ctx;
    aut_work_t *work = event->type == AUT_SESSION_RESULT ? find_work (self, event->hold) : NULL;
    if (work && aut_work_take_result (work, event->result) < 0) {
        aut_session_event_t failed = *event;
        failed.type = AUT_SESSION_TASK_FAILED;
        failed.code = AUT_ERR_INTERNAL;
        failed.text = aut_error_detail ();
        step (self, &failed);
        return;
    }
    step (self, event);
}

static void pump_transfer (aut_node_daemon_t *self, aut_transfer_t *transfer)
{
    for (aut_work_t *work; (work = aut_transfer_next (transfer));) {
        work->away = false;
        if (work->forgotten) {
            free_work (self, work);
            continue;
        }
        aut_result_refs_t refs;
        aut_work_refs (work, &refs);
        aut_session_event_t event = {.type = work->done,
                                     .hold = work->hold,
                                     .code = work->code,
                                     .text = work->text ? work->text : "",
                                     .refs = &refs};
        step (self, &event);
    }
}

static void pump_broker (aut_node_daemon_t *self)
{
    for (int i = 0; i < MESSAGES_A_TURN && self->link.sock; i++) {
        aut_received_t in = {0};
        int rc = aut_net_recv (self->link.sock, false, &in);
        if (rc == 0) {
            aut_session_event_t event = {.type = AUT_SESSION_MESSAGE, .message = &in.msg};
            step (self, &event);
        } else if (rc != AUT_ERR_AGAIN) {
            aut_log (AUT_LOG_WARN, "node", "a message from the broker was refused: %s",
                     aut_error_detail ());
            if (in.msg.type)
                send_message (self, &in.msg);
        }
        aut_received_clear (&in);
        if (rc == AUT_ERR_AGAIN)
            return;
    }
}

static int open_registry (aut_registry_t **out, const char *models)
{
    int rc = aut_registry_open (out, models);
    for (size_t i = 0; rc == 0 && i < aut_registry_warning_count (*out); i++)
        aut_log (AUT_LOG_WARN, "node", "%s", aut_registry_warning (*out, i));
    return rc;
}

static void reload (aut_node_daemon_t *self)
{
    aut_registry_t *registry = NULL;
    aut_offer_t offer = {0};
    int rc = open_registry (&registry, self->options.models);
    if (rc == 0)
        rc = aut_offer_make (&offer, &self->options, registry);
    aut_registry_destroy (&registry);
    if (rc < 0) {
        aut_log (AUT_LOG_ERROR, "node", "models stay as they were: %s", aut_error_detail ());
        return;
    }
    aut_log (AUT_LOG_INFO, "node", "looked for models again");
    step (self, &(aut_session_event_t){.type = AUT_SESSION_OFFER,
                                       .workers = offer.workers,
                                       .worker_count = offer.count});
    aut_offer_clear (&offer);
}

static void pump_requests (aut_node_daemon_t *self)
{
    uint64_t count;
    ssize_t n = read (self->wake, &count, sizeof count);
    (void)n; /* nothing to read is fine */
    if (atomic_exchange (&self->reload_wanted, false))
        reload (self);
    int64_t within = atomic_exchange (&self->drain_wanted, NO_DRAIN);
    if (within != NO_DRAIN)
        step (self, &(aut_session_event_t){.type = AUT_SESSION_DRAIN, .within_ms = within});
}

static void wait_for_news (aut_node_daemon_t *self, int64_t due)
{
    zmq_pollitem_t items[ITEMS_MAX];
    size_t n = 0;
    items[n++] = (zmq_pollitem_t){.fd = self->wake, .events = ZMQ_POLLIN};
    items[n++] = (zmq_pollitem_t){.fd = aut_transfer_fd (self->fetcher), .events = ZMQ_POLLIN};
    items[n++] = (zmq_pollitem_t){.fd = aut_transfer_fd (self->uploader), .events = ZMQ_POLLIN};
    if (self->link.sock)
        items[n++] =
            (zmq_pollitem_t){.socket = zsock_resolve (self->link.sock), .events = ZMQ_POLLIN};
    n += aut_pool_items (self->pool, items + n, ITEMS_MAX - n);
    int64_t wait = due - now_ms ();
    zmq_poll (items, (int)n, wait < 0 ? 0 : wait > POLL_MAX_MS ? POLL_MAX_MS : (long)wait);
}

static void *run (void *arg)
{
    aut_node_daemon_t *self = arg;
    int64_t pool_due = 0;
    step (self, &(aut_session_event_t){.type = AUT_SESSION_START});
    while (!self->exited) {
        int64_t due = aut_session_deadline (self->session);
        wait_for_news (self, due < pool_due ? due : pool_due);
        pump_requests (self);
        pump_broker (self);
        pump_transfer (self, self->fetcher);
        pump_transfer (self, self->uploader);
        if (aut_node_link_check (&self->link, aut_session_online (self->session), now_ms ()))
            self->exited = true;
        pool_due = aut_pool_pump (self->pool, now_ms ());
        aut_health_tick (&self->health, aut_session_takes_work (self->session), now_ms ());
        if (now_ms () >= aut_session_deadline (self->session))
            step (self, &(aut_session_event_t){.type = AUT_SESSION_TICK});
        atomic_store (&self->online, aut_session_online (self->session));
        atomic_store (&self->refused, self->link.refused_ms != 0);
        atomic_store (&self->tick_ms, now_ms ());
    }
    aut_net_close (&self->link.sock, &self->link.watch); /* they belong to this thread */
    aut_transfer_stop (self->fetcher);
    aut_transfer_stop (self->uploader);
    aut_pool_destroy (&self->pool);
    signal_fd (self->ended);
    return NULL;
}

/*  Starting */

static int take_state_dir (aut_node_daemon_t *self, const aut_node_options_t *options)
{
    int rc = aut_dir_make (options->state_dir);
    if (rc < 0)
        return rc;
    char *path = aut_path_join (options->state_dir, "node.lock", NULL);
    self->lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (self->lock < 0)
        rc = aut_fail_errno ("cannot open %s", path);
    else if (flock (self->lock, LOCK_EX | LOCK_NB) < 0)
        rc = aut_fail (AUT_ERR_STATE, "another node uses %s; give this one its own --state",
                       options->state_dir);
    free (path);
    self->work_dir = aut_path_join (options->state_dir, "work", NULL);
    if (rc == 0)
        rc = aut_dir_remove (self->work_dir); /* of a node that was killed */
    if (rc == 0)
        rc = aut_dir_make (self->work_dir);
    if (rc == 0) {
        char *cache = aut_path_join (options->state_dir, "cache", NULL);
        rc = aut_blobs_open (&self->cache, cache, options->cache_size);
        free (cache);
    }
    if (rc == 0)
        rc = aut_health_open (&self->health, options->state_dir);
    return rc;
}

static int start_pool (aut_node_daemon_t *self, const aut_node_options_t *options,
                       const aut_offer_t *offer)
{
    char *program = options->worker_program ? aut_strdup (options->worker_program)
                                            : aut_path_program ("auteur-worker");
    if (!program)
        return AUT_ERR_NOT_FOUND;
    aut_pool_options_t pool = {.program = program,
                               .models = options->models,
                               .state = options->state_dir,
                               .threads = offer->threads,
                               .vram_limit = options->vram_limit,
                               .workers = offer->workers,
                               .worker_count = offer->count};
    self->pool = aut_pool_new (&pool, on_worker, self);
    free (program);
    return 0;
}

static int make_session (aut_node_daemon_t *self, const aut_node_options_t *options,
                         const aut_offer_t *offer)
{
    char host[AUT_NAME_MAX] = "node";
    gethostname (host, sizeof host - 1);
    aut_session_options_t session = {.name = options->name ? options->name : host,
                                     .version = AUTEUR_VERSION,
                                     .workers = offer->workers,
                                     .worker_count = offer->count,
                                     .hang_ms = options->hang_ms,
                                     .load_ms = options->load_ms};
    if (strlen (session.name) == 0 || strlen (session.name) > AUT_NAME_MAX)
        return aut_fail (AUT_ERR_INVALID, "a node's name has 1 to %d bytes", AUT_NAME_MAX);
    if (getrandom (session.instance, sizeof session.instance, 0) < 0 ||
        getrandom (&session.seed, sizeof session.seed, 0) < 0)
        return aut_fail_errno ("cannot draw random bytes");
    self->session = aut_session_new (&session, act, self);
    return 0;
}

static int prepare (aut_node_daemon_t *self, const aut_node_options_t *options)
{
    aut_registry_t *registry = NULL;
    aut_offer_t offer = {0};
    int rc = open_registry (&registry, options->models);
    if (rc == 0)
        rc = aut_offer_make (&offer, options, registry);
    aut_registry_destroy (&registry);
    if (rc == 0)
        rc = take_state_dir (self, options);
    if (rc == 0)
        rc = start_pool (self, options, &offer);
    if (rc == 0)
        rc = make_session (self, options, &offer);
    aut_offer_clear (&offer);
    if (rc < 0)
        return rc;
    reconnect (self);
    const char *data = self->link.data_endpoint ? self->link.data_endpoint : "tcp://127.0.0.1:0";
    self->fetcher = aut_transfer_new (data, self->cache);
    self->uploader = aut_transfer_new (data, self->cache);
    if (self->fetcher)
        aut_transfer_move (self->fetcher, data, &self->link.curve);
    if (self->uploader)
        aut_transfer_move (self->uploader, data, &self->link.curve);
    return self->fetcher && self->uploader ? 0 : AUT_ERR_IO;
}

/*  The thread takes no signals: they are the program's. */
static int start_thread (aut_node_daemon_t *self)
{
    sigset_t all, before;
    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &before);
    int err = pthread_create (&self->thread, NULL, run, self);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (err)
        return aut_fail (AUT_ERR_IO, "cannot start the node's thread");
    return 0;
}

static void destroy (aut_node_daemon_t *self)
{
    if (self->fetcher)
        aut_transfer_stop (self->fetcher);
    if (self->uploader)
        aut_transfer_stop (self->uploader);
    aut_transfer_destroy (&self->fetcher);
    aut_transfer_destroy (&self->uploader);
    aut_node_link_clear (&self->link);
    aut_pool_destroy (&self->pool);
    while (self->works)
        free_work (self, self->works);
    aut_session_destroy (&self->session);
    aut_blobs_destroy (&self->cache);
    aut_health_close (&self->health);
    for (int *fd = (int[]){self->lock, self->wake, self->ended, -2}; *fd != -2; fd++)
        if (*fd >= 0)
            close (*fd);
    free (self->work_dir);
    aut_node_options_clear (&self->options);
    free (self);
}

int aut_node_start (aut_node_daemon_t **out, const aut_node_options_t *options)
{
    *out = NULL;
    bool addressed = options->node_endpoint && options->data_endpoint;
    if (!options->state_dir || (!addressed && !options->endpoints_file))
        return aut_fail (AUT_ERR_INVALID, "a node needs a state folder and a broker's address");
    aut_net_init ();
    aut_node_daemon_t *self = aut_calloc (1, sizeof *self);
    aut_node_options_keep (&self->options, options);
    self->drain_ms = options->drain_ms;
    self->lock = self->health.alive = -1;
    self->wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->ended = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    atomic_init (&self->drain_wanted, NO_DRAIN);
    atomic_init (&self->reload_wanted, false);
    atomic_init (&self->online, false);
    atomic_init (&self->refused, false);
    atomic_init (&self->tick_ms, now_ms ());
    int rc = self->wake < 0 || self->ended < 0 ? aut_fail_errno ("cannot make an eventfd") : 0;
    if (rc == 0)
        rc = aut_node_link_init (&self->link, options);
    if (rc == 0)
        rc = prepare (self, options);
    if (rc == 0)
        rc = start_thread (self);
    if (rc < 0)
        destroy (self);
    else
        *out = self;
    return rc;
}

/*  The most urgent wish wins. */
static void want_drain (aut_node_daemon_t *self, int64_t within_ms)
{
    int64_t before = atomic_load (&self->drain_wanted);
    while ((before == NO_DRAIN || within_ms < before) &&
           !atomic_compare_exchange_weak (&self->drain_wanted, &before, within_ms))
        continue;
    signal_fd (self->wake);
}

bool aut_node_is_well (const aut_node_daemon_t *self)
{
    return now_ms () - atomic_load (&self->tick_ms) < HEALTHY_MS;
}

bool aut_node_is_online (const aut_node_daemon_t *self)
{
    return atomic_load (&self->online);
}

bool aut_node_is_refused (const aut_node_daemon_t *self)
{
    return atomic_load (&self->refused);
}

void aut_node_reload (aut_node_daemon_t *self)
{
    atomic_store (&self->reload_wanted, true);
    signal_fd (self->wake);
}

void aut_node_drain (aut_node_daemon_t *self)
{
    want_drain (self, self->drain_ms);
}

bool aut_node_wait (aut_node_daemon_t *self, int timeout_ms)
{
    struct pollfd item = {.fd = self->ended, .events = POLLIN};
    int n;
    do
        n = poll (&item, 1, timeout_ms);
    while (n < 0 && errno == EINTR && timeout_ms < 0);
    return n > 0;
}

int aut_node_fault (const aut_node_daemon_t *self)
{
    return aut_node_link_fault (&self->link);
}

int aut_node_fd (const aut_node_daemon_t *self)
{
    return self->ended;
}

void aut_node_stop (aut_node_daemon_t **self_p, uint32_t drain_ms)
{
    aut_node_daemon_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    want_drain (self, drain_ms ? (int64_t)drain_ms : -1);
    pthread_join (self->thread, NULL);
    destroy (self);
}
