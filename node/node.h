/*  The node as a library: one thread that talks to the broker and supervises worker processes, and
 *  one that moves artifacts. auteur-node runs it as a daemon, the client inside itself.
 *
 *  It installs no signal handlers, waits only for processes that it started, and leaves nothing
 *  running or open after aut_node_stop. Several nodes can live in one process.
 */
#ifndef AUT_NODE_NODE_H
#define AUT_NODE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct aut_node_daemon aut_node_daemon_t;

/*  All strings are borrowed until aut_node_start returns. Start from aut_node_options_init. */
typedef struct {
    const char *node_endpoint;  /* the broker's node socket, "tcp://HOST:PORT" or "inproc://NAME" */
    const char *data_endpoint;  /* the broker's artifact socket */
    const char *endpoints_file; /* the broker's endpoints.json, in place of the two above: read
                                 * again at every reconnection, so a restarted broker may move */
    const char *state_dir;      /* MUST: the cache and the running chunks' files */
    const char *name;           /* NULL = the host's name */
    const char *const *devices; /* "auto", "cpu", "cuda:0"…; none = "auto" */
    size_t device_count;
    uint32_t workers;    /* worker processes for each cpu device; 0 = by the number of cores */
    uint32_t credit;     /* tasks that a worker takes ahead, the running one included */
    const char *models;  /* model folders, "DIR:DIR…", before the shipped ones; NULL = none */
    uint64_t cache_size; /* bytes of artifacts kept for later use; 0 = without limit */
    uint64_t vram_limit; /* bytes of a device's memory that a model may take; 0 = all there is */
    uint32_t drain_ms;   /* how long a running chunk may go on after a drain began */
    uint32_t hang_ms;    /* a worker that reports nothing for so long is killed */
    uint32_t load_ms;    /* the same while it loads a model */
    const char
        *keys;     /* the folder of this node's keys, as --keys; NULL = proto/client.h says when */
    bool insecure; /* without keys, whatever the address */
    const char *worker_program; /* NULL = auteur-worker beside this program, else on PATH */
} aut_node_options_t;

/*  Sets the defaults: device auto, credit 1, cache 16 GiB, drain 10 s, hang 300 s, load 900 s. */
void aut_node_options_init (aut_node_options_t *options);

/*  Starts the threads; the broker need not be there yet. Gives AUT_ERR_INVALID for an option that
 *  makes no sense, AUT_ERR_UNREACHABLE, AUT_ERR_DENIED or AUT_ERR_INVALID for keys that are
 *  missing, open to others or malformed, AUT_ERR_NOT_FOUND for a device or program that is not
 * here, AUT_ERR_IO for a state folder that cannot be used or is used by another node. The caller
 * owns `*out`. */
int aut_node_start (aut_node_daemon_t **out, const aut_node_options_t *options);

/*  Whether the node's loop goes round. Any thread. */
bool aut_node_is_well (const aut_node_daemon_t *self);

/*  Whether the broker has welcomed the node and is there. Any thread. */
bool aut_node_is_online (const aut_node_daemon_t *self);

/*  Whether the broker was reached and does not let the node in; the log has why. Any thread. */
bool aut_node_is_refused (const aut_node_daemon_t *self);

/*  Looks for models again, as after a SIGHUP: what the workers offer changes, what runs goes on.
 *  Returns at once; any thread. */
void aut_node_reload (aut_node_daemon_t *self);

/*  Begins to drain: takes no more tasks, lets a running chunk finish within drain_ms, else gives
 *  it back to the broker. Returns at once; any thread. */
void aut_node_drain (aut_node_daemon_t *self);

/*  Waits until the node has ended after a drain, or `timeout_ms` passed (−1 = without limit); true
 * if it has ended. Any thread. */
bool aut_node_wait (aut_node_daemon_t *self, int timeout_ms);

/*  Why the node ended by itself: the broker refused its key, or has another one, from the first
 *  connection on. 0 if it did not; else the code, and the sentence in the thread's error. Any
 *  thread, after it has ended. */
int aut_node_fault (const aut_node_daemon_t *self);

/*  A descriptor that becomes readable when the node has ended, to poll along with others; owned by
 *  the node. */
int aut_node_fd (const aut_node_daemon_t *self);

/*  Ends the node: with `drain_ms` > 0 it drains first, at most that long; with 0 it stops at once,
 *  killing its workers (a lease that is lost so is no failure of its task). All threads and
 *  processes are gone when it returns; nulls the caller's pointer. NULL is fine. */
void aut_node_stop (aut_node_daemon_t **self_p, uint32_t drain_ms);

#endif
