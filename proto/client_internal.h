/*  What the files of the client library share. Internal to proto/. */
#ifndef AUT_PROTO_CLIENT_INTERNAL_H
#define AUT_PROTO_CLIENT_INTERNAL_H

#include "lib/core/clock.h"
#include "proto/client.h"

#define AUT_CLIENT_POLL_MS 100

struct aut_client {
    aut_endpoints_t endpoints;
    aut_client_options_t options; /* but endpoints_file, which is below */
    char *endpoints_file;         /* or NULL */
    int64_t looked_ms;            /* when it was last read */
    const aut_clock_t *clock;
    bool contacted; /* the broker answered once, on whatever socket */
    bool down;      /* told so */
    uint64_t req;   /* of the last request */
    zsock_t *commands, *status, *events;
    aut_watch_t *commands_watch, *status_watch;
    aut_curve_t curve;
    aut_artifact_client_t *artifacts;

    /*  Events: the last one given out, and those fetched and not yet given out. */
    uint64_t epoch, seq;
    json_t *fetched;
    size_t fetched_at;
    uint64_t fetched_next, fetched_epoch; /* the place behind them; 0 = not told */
    int64_t asked_ms; /* when the broker was last asked whether anything was missed */
};

/*  A call under way: what ends it. */
typedef struct {
    int64_t start_ms;
    int64_t deadline_ms; /* of this call alone; 0 = none */
    aut_port_t port;     /* for messages */
} aut_call_t;

void aut_client_begin (aut_client_t *self, aut_call_t *call, aut_port_t port);

/*  0 while the call may go on; AUT_ERR_CANCELLED, AUT_ERR_UNREACHABLE or AUT_ERR_TIMEOUT. */
int aut_client_check (aut_client_t *self, const aut_call_t *call);

/*  The broker answered; the broker is silent. */
void aut_client_up (aut_client_t *self);
void aut_client_silent (aut_client_t *self);

/*  A socket with all events of the broker there. */
int aut_client_subscribe (zsock_t **out, const aut_client_t *self,
                          const aut_endpoints_t *endpoints);

/*  Reads the endpoints file again, at most once a second. True if the broker is elsewhere now: the
 *  sockets to where it was are closed, and the events come from the new place. */
bool aut_client_moved (aut_client_t *self);

/*  aut_client_query until `deadline_ms` of the clock (0 = the handle's own limits). */
int aut_client_query_until (aut_client_t *self, const char *request, int64_t deadline_ms,
                            json_t **reply);

#endif
