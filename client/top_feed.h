/*  Where the live view's data comes from: a thread of its own asks the broker and listens to its
 *  events, so that keys are obeyed while the broker is slow or away. All of it passes a box that
 * the page's thread empties.
 */
#ifndef AUT_CLIENT_TOP_FEED_H
#define AUT_CLIENT_TOP_FEED_H

#include "client/connect.h"
#include "client/top.h"

typedef struct aut_top_feed aut_top_feed_t;

/*  Starts it. `session` lends its addresses and keys and stays the caller's; its own connection is
 *  not used. `interval_ms`: between snapshots. */
int aut_top_feed_start (aut_top_feed_t **out, const aut_session_t *session, int64_t interval_ms);

/*  Which job's shots are wanted, NULL for none. */
void aut_top_feed_want (aut_top_feed_t *self, const char *job);

/*  Has a job cancelled or a node drained; what came of it is said on the page. */
void aut_top_feed_tell (aut_top_feed_t *self, aut_top_deed_t deed, const char *name);

/*  Hands over what has come. 0, or why it is over (the broker was never reached or refuses us):
 *  the error's detail is then the calling thread's. */
int aut_top_feed_take (aut_top_feed_t *self, aut_top_t *top, bool *changed);

/*  Ends the thread, within some 100 ms. Nulls the caller's pointer; NULL is fine. */
void aut_top_feed_stop (aut_top_feed_t **self_p);

/*  One snapshot of everything without a thread, over the session's own connection. */
int aut_top_snapshot (aut_session_t *session, aut_top_t *top);

#endif
