/*  A broker and a node inside this process, for a render without a cluster: the same code as the
 *  daemons, over inproc://. The only part of the client that knows of them.
 */
#ifndef AUT_CLIENT_LOCAL_H
#define AUT_CLIENT_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

typedef struct aut_local aut_local_t;

typedef struct {
    const char *state;             /* folder; broker/ and node/ are made in it */
    const char *models;            /* search path or NULL */
    bool node;                     /* false: only the broker, to read what an earlier render left */
    uint32_t workers;              /* 0 = by the number of cores */
    bool (*cancelled) (void *ctx); /* asked while waiting for another render */
    void *ctx;
} aut_local_options_t;

/*  Starts them. With a node, waits for another render on the same state to end, saying so on
 *  stderr; without one gives AUT_ERR_STATE while a render runs. AUT_ERR_CANCELLED if interrupted.
 */
int aut_local_start (aut_local_t **out, const aut_local_options_t *options);

/*  The prefix of the inproc endpoints; valid until stopped. */
const char *aut_local_prefix (const aut_local_t *self);

/*  Stops node and broker; nothing is left running. Nulls the caller's pointer; NULL is fine. */
void aut_local_stop (aut_local_t **self_p);

#endif
