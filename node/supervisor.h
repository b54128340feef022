/*  One worker process, seen from the node: started with posix_spawn, spoken to over a socketpair
 *  that is its descriptor 3, its stderr read line by line into the log.
 *
 *  The worker ends when the socketpair does, so nothing survives its node, even one that was
 * killed. It sits in a process group of its own: an interrupt typed at a terminal reaches the node
 * alone, and whatever a worker starts goes with it. Only pids started here are ever waited for, and
 * no signal handler is touched: this also runs inside the client.
 *
 *  One thread calls everything. Descriptors are non-blocking and for polling only.
 */
#ifndef AUT_NODE_SUPERVISOR_H
#define AUT_NODE_SUPERVISOR_H

#include "proto/worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct aut_child aut_child_t;

/*  How long SIGTERM has before SIGKILL follows. */
#define AUT_CHILD_GRACE_MS 2000

/*  Starts `program` (a path) with `argv` (NULL-terminated, argv[0] included). `label` ("worker 0")
 *  prefixes its log lines. All arguments are borrowed for the call; the caller owns `*out`.
 *  AUT_ERR_NOT_FOUND if the program is not there, AUT_ERR_IO otherwise. */
int aut_child_start (aut_child_t **out, const char *program, const char *const *argv,
                     const char *label);

/*  What to poll: the control socket (−1 after its end), the log pipe (−1 after its end), and the
 *  descriptor that becomes readable when the process ends. Owned by the child. */
int aut_child_control_fd (const aut_child_t *self);
int aut_child_log_fd (const aut_child_t *self);
int aut_child_exit_fd (const aut_child_t *self);
pid_t aut_child_pid (const aut_child_t *self);

/*  Whether bytes wait for the control socket to become writable. */
bool aut_child_wants_write (const aut_child_t *self);

/*  Sends a message, keeping what the socket does not take at once for aut_child_flush;
 *  AUT_ERR_AGAIN when more than 4 MiB wait, AUT_ERR_IO when the worker is gone. */
int aut_child_send (aut_child_t *self, const aut_worker_msg_t *msg);
int aut_child_flush (aut_child_t *self);

/*  The next message; clear it after 0. AUT_ERR_AGAIN when there is none, AUT_ERR_IO at the end of
 *  the stream, another error for bytes that are no message; after these two the control socket is
 *  closed, which ends the worker. */
int aut_child_receive (aut_child_t *self, aut_worker_msg_t *out);

/*  Logs the whole lines that the worker has written. */
void aut_child_pump_log (aut_child_t *self);

/*  SIGTERM now, SIGKILL from aut_child_tick once AUT_CHILD_GRACE_MS have passed. */
void aut_child_kill (aut_child_t *self, int64_t now_ms);
void aut_child_tick (aut_child_t *self, int64_t now_ms);

/*  Whether the process has ended; then `status` is waitpid's. Never blocks. */
bool aut_child_ended (aut_child_t *self, int *status);

/*  A wait status in words, "exit 3" or "signal 11 (Segmentation fault)"; returns `text`. */
char *aut_child_status_text (int status, char *text, size_t size);

/*  Closes everything; a process that still runs is killed with SIGKILL and waited for. */
void aut_child_destroy (aut_child_t **self_p);

#endif
