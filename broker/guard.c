/*  The guard's thread: ZAP requests, the lists, the sockets' monitors. */
#include "broker/guard.h"

#include "broker/guard_lists.h"
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LOG "broker"
#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define LOOK_MS 200
#define LOG_LINES 10 /* refusals told one by one in each window; the rest are told as a number */
#define LOG_WINDOW_MS 10000
#define MONITORED (ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL)

struct aut_guard {
    char *dir;
    aut_keypair_t pair;
    zactor_t *actor;
    pthread_mutex_t mutex; /* of what follows, up to the thread's own */
    aut_guard_entry_t *entries;
    aut_guard_stats_t stats;
    uint64_t losses;
    int64_t window_ms; /* of the log */
    unsigned told, untold;
    /* the thread's own */
    zsock_t *zap;
    void *monitors[AUT_PORT_COUNT];
    aut_guard_look_t look;
    int64_t next_look;
};

static const unsigned port_roles[AUT_PORT_COUNT] = {
    [AUT_PORT_CLIENT] = AUT_MAY_CLIENT,
    [AUT_PORT_NODE] = AUT_MAY_NODE,
    [AUT_PORT_DATA] = AUT_MAY_CLIENT | AUT_MAY_NODE,
    [AUT_PORT_STATUS] = AUT_MAY_CLIENT | AUT_MAY_VIEW,
    /* everybody's events: a plain client asks the status socket for those of its own jobs */
    [AUT_PORT_EVENTS] = AUT_MAY_OPERATE | AUT_MAY_VIEW,
};

static int64_t now_ms (void)
{
    return aut_mono_ms (aut_clock_system ());
}

/* ---- refusals ------------------------------------------------------------------------------- */

/*  Logs a refusal, unless many were in the last seconds; with the mutex held. */
static void tell (aut_guard_t *self, const char *text)
{
    int64_t now = now_ms ();
    if (now - self->window_ms >= LOG_WINDOW_MS) {
        if (self->untold)
            aut_log (AUT_LOG_WARN, LOG, "%u more connections or messages were refused",
                     self->untold);
        self->window_ms = now;
        self->told = self->untold = 0;
    }
    if (self->told < LOG_LINES) {
        self->told++;
        aut_log (AUT_LOG_WARN, LOG, "%s", text);
    } else
        self->untold++;
}

static void refuse (aut_guard_t *self, uint64_t *counter, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

static void refuse (aut_guard_t *self, uint64_t *counter, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    pthread_mutex_lock (&self->mutex);
    ++*counter;
    tell (self, text);
    pthread_mutex_unlock (&self->mutex);
}

/* ---- who ------------------------------------------------------------------------------------ */

bool aut_guard_who (aut_guard_t *self, const char *key, aut_who_t *out)
{
    *out = (aut_who_t){.roles = self ? 0 : AUT_MAY_ALL};
    if (!self)
        return true;
    pthread_mutex_lock (&self->mutex);
    const aut_guard_entry_t *entry = aut_guard_entries_find (self->entries, key);
    if (entry)
        *out = entry->who;
    pthread_mutex_unlock (&self->mutex);
    return out->roles != 0;
}

int aut_guard_check (aut_guard_t *self, const char *key, aut_port_t port)
{
    aut_who_t who;
    if (!self || (aut_guard_who (self, key, &who) && (who.roles & port_roles[port])))
        return 0;
    refuse (self, &self->stats.messages, "a message on the %s port is refused: the key %s%s%s %s",
            aut_port_name (port), key[0] ? key : "(none)", who.name[0] ? " of " : "", who.name,
            who.roles ? "has no role for it any more" : "is not allowed any more");
    return aut_fail (AUT_ERR_DENIED, "this broker does not allow this key here (any more)");
}

uint64_t aut_guard_losses (aut_guard_t *self)
{
    return self ? __atomic_load_n (&self->losses, __ATOMIC_ACQUIRE) : 0;
}

void aut_guard_stats (aut_guard_t *self, aut_guard_stats_t *out)
{
    *out = (aut_guard_stats_t){0};
    if (!self)
        return;
    pthread_mutex_lock (&self->mutex);
    *out = self->stats;
    pthread_mutex_unlock (&self->mutex);
}

const aut_keypair_t *aut_guard_pair (const aut_guard_t *self)
{
    return self ? &self->pair : NULL;
}

/* ---- the lists ------------------------------------------------------------------------------ */

/*  What the new lists take away, told; how many keys lost something. */
static uint64_t tell_losses (aut_guard_entry_t *before, aut_guard_entry_t *after)
{
    uint64_t losses = 0;
    for (aut_guard_entry_t *old = before; old; old = old->hh.next) {
        const aut_guard_entry_t *new = aut_guard_entries_find (after, old->key);
        if (!(old->who.roles & ~(new ? new->who.roles : 0)))
            continue;
        losses++;
        aut_log (AUT_LOG_INFO, LOG, "the key of %s has %s", old->who.name,
                 new ? "lost a role" : "been revoked");
    }
    return losses;
}

/*  Reads the lists again if their files have changed. A list that cannot be read leaves those in
 *  force that were: a slip of an editor must not stop a farm. */
static void look (aut_guard_t *self)
{
    aut_guard_entry_t *entries, *before;
    self->next_look = now_ms () + LOOK_MS;
    if (!aut_guard_look (&self->look, self->dir))
        return;
    int rc = aut_guard_entries_load (&entries, self->dir);
    if (rc)
        aut_log (AUT_LOG_ERROR, LOG, "%s; the lists of keys from before stay in force",
                 aut_error_detail ());
    pthread_mutex_lock (&self->mutex);
    self->stats.stale = rc != 0;
    self->stats.reloads += rc == 0;
    before = self->entries;
    if (!rc)
        self->entries = entries;
    pthread_mutex_unlock (&self->mutex);
    if (rc)
        return;
    uint64_t losses = tell_losses (before, entries);
    if (losses)
        __atomic_add_fetch (&self->losses, losses, __ATOMIC_ACQ_REL);
    aut_guard_entries_free (&before);
}

/* ---- handshakes ----------------------------------------------------------------------------- */

static int port_of (const char *domain)
{
    for (int i = 0; i < AUT_PORT_COUNT; i++)
        if (strcmp (aut_port_name ((aut_port_t)i), domain) == 0)
            return i;
    return -1;
}

/*  "200", "400" (a key that no list has) or "500" (not in this role), as proto/watch.c reads it. */
static const char *judge (aut_guard_t *self, const char *domain, const char *address,
                          const char *key)
{
    aut_who_t who;
    int port = port_of (domain);
    if (!aut_guard_who (self, key, &who)) {
        look (self); /* it may have been allowed this moment */
        aut_guard_who (self, key, &who);
    }
    if (!who.roles || port < 0) {
        refuse (self, &self->stats.unknown_keys,
                "%s is refused on the %s port: its key %s is on no list (auteur keys allow --as "
                "%s NAME KEY)",
                address, domain, key, port == AUT_PORT_NODE ? "node" : "client");
        return "400";
    }
    if (!(who.roles & port_roles[port])) {
        /* a plain client's subscription is not worth a word: it goes without */
        if (port == AUT_PORT_EVENTS)
            return "500";
        refuse (self, &self->stats.wrong_roles,
                "%s is refused on the %s port: the key of %s has no role for it", address, domain,
                who.name);
        return "500";
    }
    pthread_mutex_lock (&self->mutex);
    self->stats.handshakes++;
    pthread_mutex_unlock (&self->mutex);
    return "200";
}

/*  A ZAP request: version, request id, domain, address, identity, mechanism, key. */
static void answer (aut_guard_t *self)
{
    char key[AUT_KEY_TEXT] = "";
    zmsg_t *request = zmsg_recv (self->zap);
    if (!request)
        return;
    char *version = zmsg_popstr (request), *id = zmsg_popstr (request);
    char *domain = zmsg_popstr (request), *address = zmsg_popstr (request);
    zframe_t *identity = zmsg_pop (request);
    char *mechanism = zmsg_popstr (request);
    zframe_t *credential = zmsg_pop (request);
    const char *status = "400";
    if (mechanism && strcmp (mechanism, "CURVE") == 0 && credential &&
        zframe_size (credential) == 32) {
        zmq_z85_encode (key, zframe_data (credential), 32);
        status = judge (self, domain, address, key);
    }
    zstr_sendx (self->zap, "1.0", id ? id : "", status, "", status[0] == '2' ? key : "", "", NULL);
    zstr_free (&version);
    zstr_free (&id);
    zstr_free (&domain);
    zstr_free (&address);
    zstr_free (&mechanism);
    zframe_destroy (&identity);
    zframe_destroy (&credential);
    zmsg_destroy (&request);
}

/* ---- monitors ------------------------------------------------------------------------------- */

static void monitor_address (char *text, size_t size, const aut_guard_t *self, int port)
{
    snprintf (text, size, "inproc://auteur-guard-%p-%d", (const void *)self, port);
}

/*  A handshake that failed before anybody was known: no CURVE, or no ZeroMQ. */
static void read_monitor (aut_guard_t *self, int port)
{
    uint8_t head[6];
    char address[256];
    for (int i = 0; i < 1000; i++) {
        if (zmq_recv (self->monitors[port], head, sizeof head, ZMQ_DONTWAIT) != (int)sizeof head)
            return;
        int size = zmq_recv (self->monitors[port], address, sizeof address - 1, ZMQ_DONTWAIT);
        address[size > 0 && size < (int)sizeof address ? size : 0] = 0;
        refuse (self, &self->stats.not_curve,
                "a connection to %s (the %s port) came without a key, or under another broker's",
                address, aut_port_name ((aut_port_t)port));
    }
}

/*  On the thread: opens the reader of a monitor. */
static void open_monitor (aut_guard_t *self, int port)
{
    char address[64];
    int linger = 0;
    monitor_address (address, sizeof address, self, port);
    self->monitors[port] = zmq_socket (zsys_init (), ZMQ_PAIR);
    zmq_setsockopt (self->monitors[port], ZMQ_LINGER, &linger, sizeof linger);
    if (zmq_connect (self->monitors[port], address))
        aut_log (AUT_LOG_ERROR, LOG, "cannot read a monitor: %s", zmq_strerror (zmq_errno ()));
}

int aut_guard_watch (aut_guard_t *self, zsock_t *sock, aut_port_t port)
{
    char address[64];
    if (!self)
        return 0;
    monitor_address (address, sizeof address, self, (int)port);
    if (zmq_socket_monitor (zsock_resolve (sock), address, MONITORED))
        return aut_fail (AUT_ERR_IO, "cannot watch a socket: %s", zmq_strerror (zmq_errno ()));
    if (zsock_send (self->actor, "si", "WATCH", (int)port) || zsock_wait (self->actor))
        return aut_fail (AUT_ERR_IO, "cannot watch a socket");
    return 0;
}

void aut_guard_unwatch (zsock_t *sock)
{
    zmq_socket_monitor (zsock_resolve (sock), NULL, 0);
}

/* ---- the thread ----------------------------------------------------------------------------- */

/*  A command of the owner; false: the end. */
static bool obey (aut_guard_t *self, zsock_t *pipe)
{
    char *command = NULL;
    int port = -1;
    zmsg_t *msg = zmsg_recv (pipe);
    if (!msg)
        return false;
    command = zmsg_popstr (msg);
    bool watch = command && strcmp (command, "WATCH") == 0;
    if (watch) {
        char *number = zmsg_popstr (msg);
        port = number ? (int)strtol (number, NULL, 10) : -1;
        zstr_free (&number);
        if (port >= 0 && port < AUT_PORT_COUNT && !self->monitors[port])
            open_monitor (self, port);
        zsock_signal (pipe, 0);
    }
    zstr_free (&command);
    zmsg_destroy (&msg);
    return watch;
}

static void run (zsock_t *pipe, void *args)
{
    aut_guard_t *self = args;
    self->zap = zsock_new (ZMQ_REP);
    bool bound = self->zap && zsock_bind (self->zap, "%s", ZAP_ENDPOINT) >= 0;
    zsock_signal (pipe, bound ? 0 : 1);
    for (bool on = true; on;) {
        zmq_pollitem_t items[2 + AUT_PORT_COUNT];
        int ports[AUT_PORT_COUNT], count = 2, watched = 0;
        memset (items, 0, sizeof items);
        items[0] = (zmq_pollitem_t){.socket = zsock_resolve (pipe), .events = ZMQ_POLLIN};
        items[1] = (zmq_pollitem_t){.socket = zsock_resolve (self->zap), .events = ZMQ_POLLIN};
        for (int i = 0; i < AUT_PORT_COUNT; i++)
            if (self->monitors[i]) {
                ports[watched++] = i;
                items[count++] =
                    (zmq_pollitem_t){.socket = self->monitors[i], .events = ZMQ_POLLIN};
            }
        zmq_poll (items, count, LOOK_MS);
        for (int i = 0; i < watched; i++)
            if (items[2 + i].revents)
                read_monitor (self, ports[i]);
        if (items[1].revents)
            answer (self);
        if (now_ms () >= self->next_look)
            look (self);
        if (items[0].revents)
            on = obey (self, pipe);
    }
    for (int i = 0; i < AUT_PORT_COUNT; i++)
        if (self->monitors[i])
            zmq_close (self->monitors[i]);
    /* unbinding at once, so that the next broker of this process finds the name free */
    if (bound)
        zsock_unbind (self->zap, "%s", ZAP_ENDPOINT);
    zsock_destroy (&self->zap);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void destroy (aut_guard_t *self)
{
    aut_guard_entries_free (&self->entries);
    pthread_mutex_destroy (&self->mutex);
    memset (&self->pair, 0, sizeof self->pair);
    free (self->dir);
    free (self);
}

int aut_guard_start (aut_guard_t **out, const char *dir)
{
    aut_guard_t *self = aut_calloc (1, sizeof *self);
    *out = NULL;
    self->dir = aut_strdup (dir);
    pthread_mutex_init (&self->mutex, NULL);
    aut_net_init ();
    int rc = aut_keypair_load (&self->pair, dir);
    aut_guard_look (&self->look, dir);
    if (!rc)
        rc = aut_guard_entries_load (&self->entries, dir);
    self->stats.reloads = 1;
    self->window_ms = now_ms ();
    zsock_t *taken = rc ? NULL : zsock_new (ZMQ_REP);
    if (taken && zsock_bind (taken, "%s", ZAP_ENDPOINT) < 0)
        rc = aut_fail (AUT_ERR_STATE, "another broker with keys runs in this process");
    else if (taken)
        zsock_unbind (taken, "%s", ZAP_ENDPOINT);
    zsock_destroy (&taken);
    if (!rc) {
        self->actor = zactor_new (run, self);
        if (!self->actor)
            rc = aut_fail (AUT_ERR_IO, "cannot start a thread");
    }
    if (rc) {
        destroy (self);
        return rc;
    }
    *out = self;
    return 0;
}

void aut_guard_stop (aut_guard_t **self_p)
{
    aut_guard_t *self = *self_p;
    if (!self)
        return;
    zactor_destroy (&self->actor);
    destroy (self);
    *self_p = NULL;
}
