/*  What a node tells those who watch over it, as files in its state folder:
 *
 *      alive   its time is now, as long as the loop goes round (loading a model happens in workers,
 *              so a node that loads is alive)
 *      ready   there while the broker knows the node and the node takes work
 *
 *  A node has no port, so this is what probes look at (auteur-node --probe). The writer belongs to
 *  the node's loop thread; reading is for another process. A state folder has one node (node.lock).
 */
#ifndef AUT_NODE_HEALTH_H
#define AUT_NODE_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

/*  A node whose loop was not seen for so long is not alive: POLL_MAX_MS and then some. */
#define AUT_HEALTH_STALE_S 30

typedef struct {
    char *ready;
    int alive; /* descriptor; −1 = not open */
    int64_t due_ms;
    bool is_ready;
} aut_health_t;

/*  Makes `alive` and removes a `ready` that a killed node left. A negative code if it cannot. */
int aut_health_open (aut_health_t *self, const char *state_dir);

/*  To be called in every round of the loop. Writes seldom, and no more than times on a full disk.
 */
void aut_health_tick (aut_health_t *self, bool ready, int64_t now_ms);

/*  Removes `ready`. A health_t that was never opened must have alive = −1. */
void aut_health_close (aut_health_t *self);

/*  `what` is "live" or "ready". 0, AUT_ERR_INVALID (another word) or AUT_ERR_STATE, with what is
 *  wrong. */
int aut_health_probe (const char *state_dir, const char *what);

#endif
