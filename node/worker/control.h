/*  The worker's end of the control socket. A thread of its own reads it, so that a cancellation is
 *  seen in the middle of a chunk and the end of the stream ends the process at once, whatever the
 *  backend is doing: a worker never outlives its node. */
#ifndef AUT_NODE_WORKER_CONTROL_H
#define AUT_NODE_WORKER_CONTROL_H

#include "proto/worker.h"

#include <stdbool.h>

typedef struct aut_control aut_control_t;

/*  Starts the thread on `fd`. At the end of the stream, or when it carries nonsense, the process
 *  exits (0 or 1) from that thread. */
int aut_control_new (aut_control_t **out, int fd);

/*  Waits for the next TASK, which the caller clears; false after QUIT. */
bool aut_control_next (aut_control_t *self, aut_worker_msg_t *task);

/*  Whether the task that `next` gave last is not wanted any more. Any thread. */
bool aut_control_cancelled (aut_control_t *self);

/*  Sends; the process exits if nobody listens any more. One thread at a time. */
void aut_control_send (aut_control_t *self, const aut_worker_msg_t *msg);

#endif
