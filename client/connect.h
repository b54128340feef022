/*  A command's session with a broker: one on the network, or one inside this process.
 */
#ifndef AUT_CLIENT_CONNECT_H
#define AUT_CLIENT_CONNECT_H

#include "client/common.h"
#include "client/local.h"
#include "proto/client.h"

typedef struct {
    aut_client_t *client;
    aut_endpoints_t endpoints;
    aut_curve_t curve;          /* empty: without keys */
    const char *endpoints_file; /* the user's --endpoints, or NULL */
    aut_local_t *local;         /* NULL with a cluster */
    char *state;                /* the local state's folder, NULL with a cluster */
} aut_session_t;

typedef enum {
    AUT_SESSION_CLUSTER_ONLY, /* --broker is needed */
    AUT_SESSION_READ,         /* without one, what earlier local renders left */
    AUT_SESSION_RENDER        /* without one, a broker and a node inside this process */
} aut_session_mode_t;

/*  Opens a session. Zero-initialised `*out` is filled; AUT_ERR_INVALID if a broker is needed and
 *  none was named. `workers` counts only for a local render; 0 = by the number of cores. */
int aut_session_open (aut_session_t *out, const aut_common_t *common, aut_session_mode_t mode,
                      uint32_t workers);
void aut_session_close (aut_session_t *self);

/*  Asks the broker to cancel a job although the user has interrupted, within two seconds. */
int aut_session_cancel_now (aut_session_t *self, const char *job);

#endif
