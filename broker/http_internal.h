/*  What the files of the broker's HTTP share: http.c (connections, and which page), http_page.c
 * (the pages), http_events.c (streams of events), http_route.c (paths).
 *
 *  Threads: libmicrohttpd has one for each connection, and few of them. None touches the loop's
 *  state: questions go through the loop's mailbox, and the store's reads are for any thread.
 */
#ifndef AUT_BROKER_HTTP_INTERNAL_H
#define AUT_BROKER_HTTP_INTERNAL_H

#include "broker/http_route.h"
#include "broker/internal.h"

#include <microhttpd.h>

#define AUT_HTTP_CONNECTIONS 64
#define AUT_HTTP_STREAMS 16 /* of the connections; they may stay */
#define AUT_HTTP_IDLE_S 10

/*  A connection. One that dribbles its request byte by byte is never idle, so its age counts. */
typedef struct {
    int fd; /* −1 = free */
    int64_t since_ms;
    bool asked;  /* made a whole request */
    bool stream; /* is sent events: may grow old */
} aut_guest_t;

struct aut_http {
    struct MHD_Daemon *daemon;
    aut_broker_t *broker;
    bool local;           /* listens on loopback only */
    pthread_mutex_t lock; /* of what follows */
    aut_guest_t guests[AUT_HTTP_CONNECTIONS];
    size_t count, streams;
    bool stopping;
    pthread_cond_t ending;
};

/*  A page made of files of broker/web, by a build step (cmake/Embed.cmake). */
typedef struct {
    const char *name, *type;
    const unsigned char *data;
    size_t size;
} aut_web_file_t;

extern const aut_web_file_t aut_web_files[]; /* ends with a NULL name */

/*  The guest behind a connection, NULL if there is none. */
aut_guest_t *aut_http_guest (struct MHD_Connection *connection);

/*  The loop's answer; NULL when it does not come in time. `query` needs its kind and what that
 *  takes; it is copied. The caller frees. */
char *aut_http_ask (aut_broker_t *broker, const aut_query_t *query, size_t *size);

/*  Sends `text`, which it takes, as `type`; `kept`: it never changes and may be kept. */
enum MHD_Result aut_http_reply (struct MHD_Connection *connection, unsigned status,
                                const char *type, char *text, size_t size, bool kept);
enum MHD_Result aut_http_reply_text (struct MHD_Connection *connection, unsigned status,
                                     const char *text);
/*  What every answer says about how it may be used. */
void aut_http_headers (struct MHD_Response *response);

/*  The page of a route; events apart. */
enum MHD_Result aut_http_page (struct aut_http *self, struct MHD_Connection *connection,
                               const aut_route_t *route);
/*  Begins a stream of events, or says that there are enough of them. */
enum MHD_Result aut_http_stream (struct aut_http *self, struct MHD_Connection *connection,
                                 const aut_route_t *route);
/*  Tells the streams to end, and that none begins. */
void aut_http_streams_end (struct aut_http *self);

#endif
