/*  What `auteur top` shows, without a terminal and without sockets: snapshots and events go in,
 *  keys go in, a page of text comes out. What a broker says is taken as it comes: keys that are
 *  missing are shown as unknown. Not thread-safe; time is the caller's monotonic clock.
 */
#ifndef AUT_CLIENT_TOP_H
#define AUT_CLIENT_TOP_H

#include "client/top_screen.h"

#include <jansson.h>

/*  Keys: a character's code point, or one of these. */
enum {
    AUT_KEY_TAB = 9,
    AUT_KEY_ENTER = 10,
    AUT_KEY_ESC = 27,
    AUT_KEY_BACKSPACE = 127,
    AUT_KEY_UP = 0x110000,
    AUT_KEY_DOWN,
    AUT_KEY_PAGE_UP,
    AUT_KEY_PAGE_DOWN,
    AUT_KEY_HOME,
    AUT_KEY_END
};

/*  What a key asks the caller to do. */
typedef enum { AUT_TOP_NOTHING, AUT_TOP_QUIT, AUT_TOP_CANCEL, AUT_TOP_DRAIN } aut_top_deed_t;

typedef struct aut_top aut_top_t;

/*  `broker`: its name for the head of the page. */
aut_top_t *aut_top_new (const char *broker);
void aut_top_destroy (aut_top_t **self_p);

/*  The answers to {"get":"status"}, "jobs", "nodes" and "job", all pages of each joined. What is
 * not of the form is ignored. */
void aut_top_take_status (aut_top_t *self, const json_t *status, int64_t now_ms);
void aut_top_take_jobs (aut_top_t *self, const json_t *reply);
void aut_top_take_nodes (aut_top_t *self, const json_t *reply);
void aut_top_take_job (aut_top_t *self, const json_t *job);
void aut_top_take_event (aut_top_t *self, const json_t *event);

/*  The broker has gone silent, or is back. */
void aut_top_connection (aut_top_t *self, bool up, int64_t now_ms);

/*  A sentence at the foot of the page, until a key is pressed or some seconds have gone by. */
void aut_top_say (aut_top_t *self, aut_style_t style, const char *text, int64_t now_ms);

/*  Goes to a job's page. */
void aut_top_open (aut_top_t *self, const char *job);

/*  The job whose shots are wanted, or NULL. */
const char *aut_top_job (const aut_top_t *self);

/*  Takes a key. For CANCEL and DRAIN, which were confirmed by now, `*name` is the job or node,
 * valid until the next call. */
aut_top_deed_t aut_top_key (aut_top_t *self, int key, const char **name);

/*  Draws the page at the size of `screen`. `live`: with the selection and the keys. */
void aut_top_draw (aut_top_t *self, aut_screen_t *screen, int64_t now_ms, bool live);

#endif
