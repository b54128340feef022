/*  What a worker gives up before it reads its first stranger's byte: the pictures of a storyboard
 * go through FFmpeg's decoders, weights come from the net.
 *
 *  It keeps: reading models, its libraries, fonts and the node's cache of inputs; writing its own
 *  work folder; its device; and the control stream, which is open already. It has no other socket,
 *  starts no program and cannot look into other processes. What the kernel lacks is logged.
 */
#ifndef AUT_NODE_WORKER_CONFINE_H
#define AUT_NODE_WORKER_CONFINE_H

#include "lib/core/confine.h"

typedef struct {
    const char *work;   /* the worker's folder for what it makes: MUST exist */
    const char *inputs; /* where the node keeps inputs; may be NULL */
    const char *models; /* search path of models; may be NULL */
    bool cuda; /* the driver's devices, and the sockets within this machine that it makes */
} aut_worker_places_t;

/*  Confines this process, whose only thread calls it, for good, and logs what is not in force.
 * `out` may be NULL. Never fails: a kernel that refuses is a kernel that lacks. The caller keeps
 * the list that is returned until the process ends, because a file of /proc is open in it. */
aut_confine_t *aut_worker_confine (const aut_worker_places_t *places, aut_confined_t *out);

#endif
