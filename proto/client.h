/*  The client library: a broker's endpoints, commands with an answer, queries and events.
 *
 *  A command is sent again after a reconnect until it is answered (the broker treats repeats as
 *  one), so it survives a broker's restart. Before the first answer ever, a call gives up after
 *  `contact_ms` with AUT_ERR_UNREACHABLE naming the port, and at once if the broker refuses our key
 *  or asks for one; after it, calls wait without limit or for
 *  `timeout_ms`. A handle belongs to one thread.
 *
 *  With `endpoints_file` a broker that comes back at other addresses is followed there: while it is
 *  silent the file is read again each second, and all sockets and transfers go on at the new ones.
 */
#ifndef AUT_PROTO_CLIENT_H
#define AUT_PROTO_CLIENT_H

#include "proto/artifact.h"
#include "proto/net.h"

#include <jansson.h>

/*  A broker's addresses, by aut_port_t. Zero-initialise; aut_endpoints_clear frees. */
typedef struct {
    char *url[AUT_PORT_COUNT];
    char *http;     /* or NULL */
    char *key;      /* the broker's public key, or NULL when it runs without keys or is unknown */
    uint64_t epoch; /* of endpoints.json, else 0 */
    char *name;     /* as the user gave it, for messages */
} aut_endpoints_t;

/*  From "[tcp://]HOST[:BASE]" (HOST a name, an IPv4 or a bracketed IPv6 address; BASE 1 … 65531,
 *  default AUT_PORT). AUT_ERR_INVALID says what is wrong with it. */
int aut_endpoints_parse (aut_endpoints_t *out, const char *text);
/*  From a broker's endpoints.json. */
int aut_endpoints_load (aut_endpoints_t *out, const char *path);
/*  "inproc://PREFIX-client" and so on. */
void aut_endpoints_inproc (aut_endpoints_t *out, const char *prefix);
/*  The text of endpoints.json; the caller frees it. `pid` as the broker's. */
char *aut_endpoints_json (const aut_endpoints_t *self, uint64_t pid);
/*  Whether an address ("tcp://127.0.0.1:7700", "inproc://x") leads to this machine alone. */
bool aut_endpoint_is_local (const char *url);

/*  The keys for a broker: those of the folder `keys` (--keys; NULL or "" = the default one), and as
 *  the broker's the one of brokers.allow, else that of endpoints.json. `*out` is empty, which means
 *  without keys: with `insecure`; within this process; and on loopback when no folder was named and
 *  nothing says that the broker has keys. Else what is missing is an error that says what to run:
 *  AUT_ERR_UNREACHABLE, or AUT_ERR_DENIED and AUT_ERR_INVALID from the files. */
int aut_curve_choose (aut_curve_t *out, const char *keys, bool insecure,
                      const aut_endpoints_t *broker);

void aut_endpoints_copy (aut_endpoints_t *out, const aut_endpoints_t *from);
void aut_endpoints_clear (aut_endpoints_t *self);

/*  Zero-initialise for the defaults. */
typedef struct {
    int64_t contact_ms; /* until the first answer of the broker; 0 = 15000 */
    int64_t timeout_ms; /* of a call after that; 0 = without limit */
    /*  The endpoints.json that `endpoints` came from; NULL = the addresses are fixed. Copied. */
    const char *endpoints_file;
    /*  The keys to connect with (aut_curve_choose); NULL or empty = without. Copied. */
    const aut_curve_t *curve;
    /*  Asked at least every 100 ms; true ends the call with AUT_ERR_CANCELLED. */
    bool (*cancelled) (void *ctx);
    /*  Told once when the broker went silent and once when it is back; may be NULL. */
    void (*connection) (void *ctx, bool up);
    void *ctx;
} aut_client_options_t;

typedef struct aut_client aut_client_t;

/*  Connects lazily: no error for an absent broker before the first call. Copies its arguments;
 *  `options` may be NULL. */
int aut_client_new (aut_client_t **out, const aut_endpoints_t *endpoints,
                    const aut_client_options_t *options);
void aut_client_destroy (aut_client_t **self_p);

/*  The commands. Errors of the broker come back as its code with its sentence as the detail. */

/*  `submission` is an uploaded blob; `idempotency` may be NULL (a random one is then made, so that
 * a repeat after a reconnect is not a second job); AUT_ERR_EXISTS: it is that of a job with another
 * submission. `job` is the caller's to free; `existing` may be NULL. */
int aut_client_submit (aut_client_t *self, const aut_ref_t *submission, const char *project,
                       int32_t priority, const char *idempotency, char **job, bool *existing);
int aut_client_cancel (aut_client_t *self, const char *job);
int aut_client_retry (aut_client_t *self, const char *job);
int aut_client_drain (aut_client_t *self, const char *node);

/*  Calls `each` for every result of a job in ascending ordinal, over all pages; it returns 0 to go
 *  on, else that code ends the call. `state` (the job's; may be NULL) is the caller's to free. */
int aut_client_results (aut_client_t *self, const char *job,
                        int (*each) (void *ctx, const aut_msg_result_t *result), void *ctx,
                        char **state);

/*  Calls `each` with the JSON text of every manifest that the cluster has. */
int aut_client_models (aut_client_t *self, int (*each) (void *ctx, const char *manifest),
                       void *ctx);

/*  One query on the status socket: `request` is a JSON text such as {"get":"status"}. The reply
 *  {"error":{…}} becomes its code ("gone" becomes AUT_ERR_NOT_FOUND). The caller decrefs `reply`.
 */
int aut_client_query (aut_client_t *self, const char *request, json_t **reply);

/*  The artifact client of this broker, made at the first call; it belongs to the handle and shares
 *  its time limits and cancel callback. */
int aut_client_artifacts (aut_client_t *self, aut_artifact_client_t **out);

/*  Events. Start sets the place from a status query (after the subscription is in force, so that
 *  nothing is missed between the snapshot that the caller takes next and the first event). */
int aut_client_events_start (aut_client_t *self);

/*  The next event in order, gaps filled, within `timeout_ms`: 0 and `event` (the caller decrefs),
 *  AUT_ERR_TIMEOUT if there was none, AUT_ERR_STATE if events were lost for good (the broker
 * started anew, or the gap is too old): take a snapshot, the next calls go on from now.
 * AUT_ERR_UNREACHABLE and AUT_ERR_CANCELLED as elsewhere. */
int aut_client_events_next (aut_client_t *self, int timeout_ms, json_t **event);

#endif
