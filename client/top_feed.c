#include "client/top_feed.h"
#include "client/interrupt.h"
#include "client/query.h"
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EVENT_WAIT_MS 100
#define EVENTS_AT_ONCE 500
#define EVENTS_KEPT 20000 /* beyond it a snapshot does instead */
#define COMMAND_MS                                                                                 \
    10000 /* a cancel or drain that was not taken by then was not meant for later                  \
           */
#define RETRY_MS 1000
#define JOBS_SHARE 20 /* listing jobs may take one part of so many of the time */
#define SHOT_PAGES 10000

typedef enum { GOT_STATUS, GOT_JOBS, GOT_NODES, GOT_JOB, GOT_EVENT, GOT_LINK, GOT_WORDS } got_t;

typedef struct item {
    struct item *next;
    got_t kind;
    json_t *json;
    bool good; /* the connection is up; the words are no complaint */
    char *words;
} item_t;

struct aut_top_feed {
    aut_session_t session; /* borrowed, but its client */
    int64_t interval_ms, jobs_due_ms, due_ms;
    bool reached; /* the broker has answered once */
    pthread_t thread;
    pthread_mutex_t lock;
    /* under the lock */
    item_t *first, **last;
    size_t events;
    bool stop, lost; /* lost: the box was full of events */
    char job[128], name[128];
    bool job_new;
    aut_top_deed_t deed;
    int64_t deed_ms;
    int over;
    char *why;
};

static int64_t now_ms (void)
{
    return aut_mono_ms (aut_clock_system ());
}

/* ---- the box ------------------------------------------------------------------------------- */

static void drop (item_t *item)
{
    json_decref (item->json);
    free (item->words);
    free (item);
}

/*  Takes over `json`. Of a snapshot only the last counts, but its place among events does not
 *  matter: it is never older than an event before it. */
static void put (aut_top_feed_t *self, got_t kind, json_t *json, bool good, const char *words)
{
    item_t *item = aut_calloc (1, sizeof *item);
    *item = (item_t){.kind = kind, .json = json, .good = good, .words = aut_strdup (words)};
    pthread_mutex_lock (&self->lock);
    bool full = kind == GOT_EVENT && self->events >= EVENTS_KEPT;
    self->lost |= full;
    if (!full) {
        self->events += kind == GOT_EVENT;
        *self->last = item;
        self->last = &item->next;
    }
    pthread_mutex_unlock (&self->lock);
    if (full)
        drop (item);
}

static bool stopped (void *ctx)
{
    aut_top_feed_t *self = ctx;
    pthread_mutex_lock (&self->lock);
    bool stop = self->stop;
    pthread_mutex_unlock (&self->lock);
    return stop || aut_interrupted ();
}

static void on_connection (void *ctx, bool up)
{
    put (ctx, GOT_LINK, NULL, up, NULL);
}

/* ---- asking -------------------------------------------------------------------------------- */

/*  A job with all its shots. */
static int ask_job (aut_session_t *session, const char *id, json_t **out)
{
    int64_t after = 0;
    int rc = 0;
    *out = NULL;
    for (int page = 0; rc == 0 && page < SHOT_PAGES; page++) {
        json_t *reply = NULL;
        rc = aut_query_job (session, id, after, 0, &reply);
        int64_t next = aut_query_int (reply, "next");
        if (rc == 0 && next != 0 && next <= after)
            rc = aut_fail (AUT_ERR_INVALID, "the broker pages job %s backwards", id);
        if (!*out)
            *out = json_incref (reply);
        else
            json_array_extend (json_object_get (*out, "shots"), json_object_get (reply, "shots"));
        json_decref (reply);
        after = next;
        if (after == 0)
            break;
    }
    if (rc)
        json_decref (*out);
    if (rc)
        *out = NULL;
    return rc;
}

int aut_top_snapshot (aut_session_t *session, aut_top_t *top)
{
    json_t *status = NULL, *jobs = NULL, *nodes = NULL, *job = NULL;
    int rc = aut_client_query (session->client, "{\"get\":\"status\"}", &status);
    if (rc == 0)
        rc = aut_query_list (session, "jobs", "jobs", &jobs);
    if (rc == 0)
        rc = aut_query_list (session, "nodes", "nodes", &nodes);
    if (rc == 0 && aut_top_job (top))
        rc = ask_job (session, aut_top_job (top), &job);
    aut_top_take_status (top, status, now_ms ());
    aut_top_take_jobs (top, jobs);
    aut_top_take_nodes (top, nodes);
    aut_top_take_job (top, job);
    json_decref (status);
    json_decref (jobs);
    json_decref (nodes);
    json_decref (job);
    return rc;
}

static int ask_jobs (aut_top_feed_t *self)
{
    json_t *reply = NULL;
    int64_t began = now_ms ();
    int rc = aut_query_list (&self->session, "jobs", "jobs", &reply);
    int64_t end = now_ms (), pause = (end - began) * JOBS_SHARE;
    self->jobs_due_ms = end + (pause > self->interval_ms ? pause : self->interval_ms);
    if (rc == 0)
        put (self, GOT_JOBS, reply, true, NULL);
    return rc;
}

/*  Everything that is due, in the order in which a page wants it. */
static int ask_all (aut_top_feed_t *self, bool all)
{
    json_t *reply = NULL;
    char job[sizeof self->job];
    pthread_mutex_lock (&self->lock);
    memcpy (job, self->job, sizeof job);
    self->job_new = false;
    pthread_mutex_unlock (&self->lock);
    int rc = aut_client_query (self->session.client, "{\"get\":\"status\"}", &reply);
    if (rc == 0)
        put (self, GOT_STATUS, reply, true, NULL);
    if (rc == 0 && *job) {
        rc = ask_job (&self->session, job, &reply);
        if (rc == 0)
            put (self, GOT_JOB, reply, true, NULL);
        else if (rc == AUT_ERR_NOT_FOUND || rc == AUT_ERR_INVALID) {
            put (self, GOT_WORDS, NULL, false, aut_error_detail ());
            rc = 0;
        }
    }
    if (rc == 0 && (all || now_ms () >= self->jobs_due_ms))
        rc = ask_jobs (self);
    if (rc == 0)
        rc = aut_query_list (&self->session, "nodes", "nodes", &reply);
    if (rc == 0)
        put (self, GOT_NODES, reply, true, NULL);
    self->due_ms = now_ms () + self->interval_ms;
    return rc;
}

/* ---- commands ------------------------------------------------------------------------------ */

/*  Over a connection of its own with a limit: what was asked for now is not to happen later. */
static int command (aut_top_feed_t *self, aut_top_deed_t deed, const char *name)
{
    aut_client_t *client = NULL;
    const aut_client_options_t options = {.contact_ms = COMMAND_MS,
                                          .timeout_ms = COMMAND_MS,
                                          .endpoints_file = self->session.endpoints_file,
                                          .cancelled = stopped,
                                          .curve = &self->session.curve,
                                          .ctx = self};
    int rc = aut_client_new (&client, &self->session.endpoints, &options);
    if (rc == 0)
        rc = deed == AUT_TOP_CANCEL ? aut_client_cancel (client, name)
                                    : aut_client_drain (client, name);
    aut_client_destroy (&client);
    return rc;
}

/*  Does what was asked for, if anything was. */
static void obey (aut_top_feed_t *self)
{
    char name[sizeof self->name];
    pthread_mutex_lock (&self->lock);
    aut_top_deed_t deed = self->deed;
    self->deed = AUT_TOP_NOTHING;
    memcpy (name, self->name, sizeof name);
    bool late = now_ms () - self->deed_ms > COMMAND_MS;
    pthread_mutex_unlock (&self->lock);
    if (deed == AUT_TOP_NOTHING)
        return;
    const char *what = deed == AUT_TOP_CANCEL ? "cancelled" : "drained";
    int rc = late ? aut_fail (AUT_ERR_TIMEOUT, "the broker did not answer in time")
                  : command (self, deed, name);
    char *words =
        rc ? aut_sprintf ("%s was not %s: %s", name, what, aut_error_detail ())
        : deed == AUT_TOP_CANCEL
            ? aut_sprintf ("Job %s is cancelled.", name)
            : aut_sprintf ("Node %s drains: it finishes what it runs and gets no more.", name);
    put (self, GOT_WORDS, NULL, rc == 0, words);
    free (words);
    self->due_ms = 0;
}

/* ---- the thread ---------------------------------------------------------------------------- */

static bool wants_now (aut_top_feed_t *self)
{
    pthread_mutex_lock (&self->lock);
    bool now = self->job_new || self->lost;
    self->lost = false;
    pthread_mutex_unlock (&self->lock);
    return now || now_ms () >= self->due_ms;
}

/*  Events until it is time for something else. */
static int hear (aut_top_feed_t *self)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < EVENTS_AT_ONCE; i++) {
        json_t *event = NULL;
        rc = aut_client_events_next (self->session.client, EVENT_WAIT_MS, &event);
        if (rc == 0)
            put (self, GOT_EVENT, event, true, NULL);
    }
    if (rc == AUT_ERR_STATE) /* some were lost: the next snapshot has what they said */
        self->due_ms = self->jobs_due_ms = 0;
    return rc == AUT_ERR_STATE || rc == AUT_ERR_TIMEOUT ? 0 : rc;
}

static int watch (aut_top_feed_t *self)
{
    int rc = aut_client_events_start (self->session.client);
    if (rc == 0)
        rc = ask_all (self, true);
    self->reached |= rc == 0;
    while (rc == 0 && !stopped (self)) {
        rc = hear (self);
        obey (self);
        if (rc == 0 && wants_now (self))
            rc = ask_all (self, false);
    }
    return rc;
}

/*  After an error that may pass. */
static void pause_a_while (aut_top_feed_t *self)
{
    int64_t end = now_ms () + RETRY_MS;
    while (now_ms () < end && !stopped (self)) {
        obey (self);
        nanosleep (&(struct timespec){.tv_nsec = EVENT_WAIT_MS * 1000000L}, NULL);
    }
}

static void *run (void *ctx)
{
    aut_top_feed_t *self = ctx;
    while (!stopped (self)) {
        int rc = watch (self);
        if (rc == 0 || stopped (self))
            break;
        if (!self->reached) {
            pthread_mutex_lock (&self->lock);
            self->over = rc;
            self->why = aut_strdup (aut_error_detail ());
            pthread_mutex_unlock (&self->lock);
            break;
        }
        put (self, GOT_WORDS, NULL, false, aut_error_detail ());
        pause_a_while (self);
    }
    return NULL;
}

int aut_top_feed_start (aut_top_feed_t **out, const aut_session_t *session, int64_t interval_ms)
{
    aut_top_feed_t *self = aut_calloc (1, sizeof *self);
    self->session = *session;
    self->session.client = NULL;
    self->interval_ms = interval_ms;
    self->last = &self->first;
    pthread_mutex_init (&self->lock, NULL);
    const aut_client_options_t options = {.contact_ms = 12000,
                                          .endpoints_file = session->endpoints_file,
                                          .cancelled = stopped,
                                          .connection = on_connection,
                                          .curve = &session->curve,
                                          .ctx = self};
    int rc = aut_client_new (&self->session.client, &session->endpoints, &options);
    sigset_t all, before;
    sigfillset (&all); /* signals are for the page's thread */
    pthread_sigmask (SIG_SETMASK, &all, &before);
    if (rc == 0 && pthread_create (&self->thread, NULL, run, self))
        rc = aut_fail (AUT_ERR_NOMEM, "no thread could be started");
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (rc) {
        aut_client_destroy (&self->session.client);
        pthread_mutex_destroy (&self->lock);
        free (self);
        self = NULL;
    }
    *out = self;
    return rc;
}

void aut_top_feed_want (aut_top_feed_t *self, const char *job)
{
    pthread_mutex_lock (&self->lock);
    if (strcmp (self->job, job ? job : "") != 0) {
        snprintf (self->job, sizeof self->job, "%s", job ? job : "");
        self->job_new = job != NULL;
    }
    pthread_mutex_unlock (&self->lock);
}

void aut_top_feed_tell (aut_top_feed_t *self, aut_top_deed_t deed, const char *name)
{
    pthread_mutex_lock (&self->lock);
    self->deed = deed;
    self->deed_ms = now_ms ();
    snprintf (self->name, sizeof self->name, "%s", name);
    pthread_mutex_unlock (&self->lock);
}

static void hand_over (const item_t *item, aut_top_t *top)
{
    int64_t now = now_ms ();
    switch (item->kind) {
    case GOT_STATUS:
        aut_top_connection (top, true, now);
        aut_top_take_status (top, item->json, now);
        break;
    case GOT_JOBS:
        aut_top_take_jobs (top, item->json);
        break;
    case GOT_NODES:
        aut_top_take_nodes (top, item->json);
        break;
    case GOT_JOB:
        aut_top_take_job (top, item->json);
        break;
    case GOT_EVENT:
        aut_top_take_event (top, item->json);
        break;
    case GOT_LINK:
        aut_top_connection (top, item->good, now);
        break;
    case GOT_WORDS:
        aut_top_say (top, item->good ? AUT_STYLE_GOOD : AUT_STYLE_BAD, item->words, now);
        break;
    }
}

int aut_top_feed_take (aut_top_feed_t *self, aut_top_t *top, bool *changed)
{
    pthread_mutex_lock (&self->lock);
    item_t *item = self->first;
    self->first = NULL;
    self->last = &self->first;
    self->events = 0;
    int over = self->over;
    if (over)
        aut_fail (over, "%s", self->why);
    pthread_mutex_unlock (&self->lock);
    *changed = item != NULL;
    while (item) {
        item_t *next = item->next;
        hand_over (item, top);
        drop (item);
        item = next;
    }
    return over;
}

void aut_top_feed_stop (aut_top_feed_t **self_p)
{
    aut_top_feed_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_lock (&self->lock);
    self->stop = true;
    pthread_mutex_unlock (&self->lock);
    pthread_join (self->thread, NULL);
    while (self->first) {
        item_t *next = self->first->next;
        drop (self->first);
        self->first = next;
    }
    aut_client_destroy (&self->session.client);
    pthread_mutex_destroy (&self->lock);
    free (self->why);
    free (self);
    *self_p = NULL;
}
