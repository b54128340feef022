/*  The guard's thread: ZAP requests and the lists. */
#include "broker/guard.h"

#include "broker/guard_lists.h"
#include "lib/core/error.h"
#include "lib/core/log.h"
#include "lib/core/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LOG "broker"
#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define LOOK_MS 100
#define RETRY_MS 1000 /* lists that cannot be read are tried again though they stay as they are */
#define LOG_LINES 10  /* refusals told one by one in each window; the rest are told as a number */
#define LOG_WINDOW_MS 10000

struct aut_guard {
    char *dir;
    const aut_clock_t *clock;
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
    aut_guard_look_t look;
    aut_guard_lists_t lists;
    int64_t next_look, next_retry; /* the latter while a list cannot be read, else 0 */
};

static const unsigned port_roles[AUT_PORT_COUNT] = {
    [AUT_PORT_CLIENT] = AUT_MAY_CLIENT,
    [AUT_PORT_NODE] = AUT_MAY_NODE,
    [AUT_PORT_DATA] = AUT_MAY_CLIENT | AUT_MAY_NODE,
    [AUT_PORT_STATUS] = AUT_MAY_CLIENT | AUT_MAY_VIEW,
    /* everybody's events: a plain client asks the status socket for those of its own jobs */
    [AUT_PORT_EVENTS] = AUT_MAY_OPERATE | AUT_MAY_VIEW,
};

static int64_t now_ms (const aut_guard_t *self)
{
    return aut_mono_ms (self->clock);
}

/* ---- refusals ------------------------------------------------------------------------------- */

/*  Tells how many were refused without a word, once their window is over; with the mutex held. */
static void end_window (aut_guard_t *self)
{
    int64_t now = now_ms (self);
    if (now - self->window_ms < LOG_WINDOW_MS)
        return;
    if (self->untold)
        aut_log (AUT_LOG_WARN, LOG, "%u more connections or messages were refused", self->untold);
    self->window_ms = now;
    self->told = self->untold = 0;
}

/*  Logs a refusal, unless many were in the last seconds; with the mutex held. */
static void tell (aut_guard_t *self, const char *text)
{
    end_window (self);
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
    return aut_fail (AUT_ERR_DENIED,
                     "this broker does not allow this key here (any more): on its machine, auteur "
                     "keys allow --as %s NAME '%s'",
                     aut_port_role (port), key);
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

/*  Puts what the lists say now in force. */
static void enforce (aut_guard_t *self, bool stale)
{
    aut_guard_entry_t *entries = aut_guard_entries_of (&self->lists);
    pthread_mutex_lock (&self->mutex);
    aut_guard_entry_t *before = self->entries;
    self->entries = entries;
    self->stats.stale = stale;
    self->stats.reloads += !stale;
    pthread_mutex_unlock (&self->mutex);
    uint64_t losses = tell_losses (before, entries);
    if (losses)
        __atomic_add_fetch (&self->losses, losses, __ATOMIC_ACQ_REL);
    aut_guard_entries_free (&before);
}

/*  Reads the lists again if their files have changed. One that cannot be read stays in force as it
 *  was: a slip of an editor must not stop a farm. It is tried again, because what is in the way may
 *  be the folder's mode, or that there are no descriptors left, which the files do not show. */
static void look (aut_guard_t *self)
{
    int64_t now = now_ms (self);
    bool changed = aut_guard_look (&self->look, self->dir);
    self->next_look = now + LOOK_MS;
    if (!changed && (!self->next_retry || now < self->next_retry))
        return;
    int rc = aut_guard_lists_load (&self->lists, self->dir);
    if (rc && (changed || !self->next_retry))
        aut_log (AUT_LOG_ERROR, LOG, "%s; lists that cannot be read stay in force as they were",
                 aut_error_detail ());
    else if (!rc && self->next_retry)
        aut_log (AUT_LOG_INFO, LOG, "all lists of keys can be read again");
    self->next_retry = rc ? now + RETRY_MS : 0;
    enforce (self, rc != 0);
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
        refuse (
            self, &self->stats.unknown_keys,
            "%s is refused on the %s port: its key is on no list (to let it in, as the broker's "
            "user: auteur keys allow --as %s NAME '%s' --keys %s)",
            address, domain, port < 0 ? "ROLE" : aut_port_role ((aut_port_t)port), key, self->dir);
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

/* ---- the thread ----------------------------------------------------------------------------- */

static void run (zsock_t *pipe, void *args)
{
    aut_guard_t *self = args;
    zsock_t *zap = self->zap;
    zmq_pollitem_t items[] = {{.socket = zsock_resolve (pipe), .events = ZMQ_POLLIN},
                              {.socket = zsock_resolve (zap), .events = ZMQ_POLLIN}};
    zsock_signal (pipe, 0);
    while (!items[0].revents) { /* the only command is the end */
        zmq_poll (items, 2, LOOK_MS);
        if (items[1].revents)
            answer (self);
        if (now_ms (self) >= self->next_look)
            look (self);
        pthread_mutex_lock (&self->mutex);
        end_window (self);
        pthread_mutex_unlock (&self->mutex);
    }
    /* unbinding at once, so that the next broker of this process finds the name free */
    zsock_unbind (zap, "%s", ZAP_ENDPOINT);
    zsock_destroy (&self->zap);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void destroy (aut_guard_t *self)
{
    zsock_destroy (&self->zap);
    aut_guard_entries_free (&self->entries);
    aut_guard_lists_clear (&self->lists);
    pthread_mutex_destroy (&self->mutex);
    memset (&self->pair, 0, sizeof self->pair);
    free (self->dir);
    free (self);
}

int aut_guard_start (aut_guard_t **out, const char *dir, const aut_clock_t *clock)
{
    aut_guard_t *self = aut_calloc (1, sizeof *self);
    *out = NULL;
    self->dir = aut_strdup (dir);
    self->clock = clock;
    pthread_mutex_init (&self->mutex, NULL);
    aut_net_init ();
    int rc = aut_keypair_load (&self->pair, dir);
    aut_guard_look (&self->look, dir);
    if (!rc)
        rc = aut_guard_lists_load (&self->lists, dir);
    if (!rc)
        self->entries = aut_guard_entries_of (&self->lists);
    self->stats.reloads = 1;
    self->window_ms = now_ms (self);
    if (!rc) {
        self->zap = zsock_new (ZMQ_REP); /* from here on the thread's */
        if (!self->zap || zsock_bind (self->zap, "%s", ZAP_ENDPOINT) < 0)
            rc = aut_fail (AUT_ERR_STATE, "another broker with keys runs in this process");
    }
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
