/*  Streams of events, as HTML calls them server-sent events: `id` is the event's seq, `data` its
 *  JSON. A stream keeps nothing but its place: it asks the loop for what follows whenever there is
 *  something new, so a reader that is slow makes nothing grow. It is hung up on when it takes
 *  nothing for AUT_HTTP_IDLE_S, and told `event: gone` when what it missed is not kept any more.
 *
 *  First comes `event: hello` with the place and the broker's epoch. */
#include "broker/http_internal.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define LOOK_MS 100       /* how long news may wait for more of it */
#define HEARTBEAT_MS 5000 /* below AUT_HTTP_IDLE_S, which ends a connection without traffic */
#define BATCH 200
#define BLOCK 16384
#define SEND_BUFFER 65536 /* the kernel's, for one that does not read */

typedef struct {
    struct aut_http *http;
    uint64_t place; /* seq of the last event that is in `text` or was sent */
    bool greeted;
    aut_buffer_t text;
    size_t at;
    int64_t spoke_ms;
} stream_t;

static void put (aut_buffer_t *out, const char *event, const json_t *data)
{
    char *text = json_dumps (data, JSON_COMPACT);
    json_t *seq = json_object_get (data, "seq");
    if (event)
        aut_buffer_format (out, "event: %s\n", event);
    if (json_is_integer (seq))
        aut_buffer_format (out, "id: %" JSON_INTEGER_FORMAT "\n", json_integer_value (seq));
    aut_buffer_format (out, "data: %s\n\n", text ? text : "{}");
    free (text);
}

/*  The place behind an answer: what it says, or its last event. */
static void move_on (stream_t *self, const json_t *answer, const json_t *events)
{
    const json_t *last = json_array_get (events, json_array_size (events) - 1);
    int64_t seq;
    if (aut_json_int (answer, "next", &seq) == 0 || aut_json_int (last, "seq", &seq) == 0)
        self->place = (uint64_t)seq > self->place ? (uint64_t)seq : self->place;
}

/*  Says where the stream stands, as the event `name`. */
static void say_place (stream_t *self, const char *name, uint64_t epoch)
{
    json_t *data =
        json_pack ("{s:I, s:I}", "epoch", (json_int_t)epoch, "seq", (json_int_t)self->place);
    put (&self->text, name, data);
    json_decref (data);
    self->greeted = true;
}

/*  The sequence number of now; false if the loop does not answer. */
static bool find_place (struct aut_http *http, uint64_t *place)
{
    aut_query_t query = {.kind = AUT_QUERY_STATUS};
    size_t size = 0;
    json_t *status = NULL;
    int64_t seq = 0;
    char *text = aut_http_ask (http->broker, &query, &size);
    bool found = text && aut_json_parse (&status, text, size, "status") == 0 &&
                 aut_json_int (status, "seq", &seq) == 0;
    if (found)
        *place = (uint64_t)seq;
    json_decref (status);
    free (text);
    return found;
}

static void take (stream_t *self, const json_t *answer)
{
    uint64_t epoch = self->http->broker->endpoints.epoch;
    const json_t *events = json_object_get (answer, "events"), *event;
    size_t i;
    if (!json_is_array (events)) {
        /* Not kept any more, or of another broker: the reader is to take a snapshot, and hears
         * what comes after now. */
        if (find_place (self->http, &self->place))
            say_place (self, "gone", epoch);
        return;
    }
    if (!self->greeted)
        say_place (self, "hello", epoch);
    json_array_foreach (events, i, event) put (&self->text, NULL, event);
    move_on (self, answer, events);
}

static json_t *ask (stream_t *self)
{
    aut_query_t query = {.kind = AUT_QUERY_EVENTS, .after = self->place, .limit = BATCH};
    size_t size = 0;
    json_t *answer = NULL;
    char *text = aut_http_ask (self->http->broker, &query, &size);
    if (text && aut_json_parse (&answer, text, size, "events"))
        answer = NULL;
    free (text);
    return answer;
}

/*  Fills `text` when there is something to say. */
static void gather (stream_t *self, int64_t now)
{
    aut_broker_t *broker = self->http->broker;
    uint64_t newest = __atomic_load_n (&broker->published, __ATOMIC_ACQUIRE);
    if (!self->greeted || newest > self->place) {
        json_t *answer = ask (self);
        if (answer)
            take (self, answer);
        json_decref (answer);
    }
    if (!self->text.size && now - self->spoke_ms >= HEARTBEAT_MS)
        aut_buffer_text (&self->text, ":\n\n");
}

/*  Waits for a moment; false when the streams are to end. */
static bool pause_stream (struct aut_http *http)
{
    struct timespec until;
    clock_gettime (CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock (&http->lock);
    if (!http->stopping)
        pthread_cond_timedwait (&http->ending, &http->lock, &until);
    bool going = !http->stopping;
    pthread_mutex_unlock (&http->lock);
    return going;
}

/*  On the connection's own thread, which may wait here. */
static ssize_t read_stream (void *ctx, uint64_t position, char *out, size_t max)
{
    stream_t *self = ctx;
    (void)position;
    while (!self->text.size) {
        if (!pause_stream (self->http))
            return MHD_CONTENT_READER_END_OF_STREAM;
        gather (self, aut_mono_ms (self->http->broker->clock));
    }
    size_t left = self->text.size - self->at, size = left < max ? left : max;
    memcpy (out, self->text.data + self->at, size);
    self->at += size;
    if (self->at == self->text.size) {
        aut_buffer_clear (&self->text);
        self->at = 0;
    }
    self->spoke_ms = aut_mono_ms (self->http->broker->clock);
    return (ssize_t)size;
}

static void free_stream (void *ctx)
{
    stream_t *self = ctx;
    pthread_mutex_lock (&self->http->lock);
    self->http->streams--;
    pthread_mutex_unlock (&self->http->lock);
    aut_buffer_clear (&self->text);
    free (self);
}

static bool admit (struct aut_http *self, struct MHD_Connection *connection)
{
    aut_guest_t *guest = aut_http_guest (connection);
    pthread_mutex_lock (&self->lock);
    bool room = !self->stopping && self->streams < AUT_HTTP_STREAMS;
    if (room) {
        self->streams++;
        if (guest)
            guest->stream = true;
    }
    int fd = guest ? guest->fd : -1, size = SEND_BUFFER;
    pthread_mutex_unlock (&self->lock);
    if (room && fd >= 0)
        setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return room;
}

enum MHD_Result aut_http_stream (struct aut_http *self, struct MHD_Connection *connection,
                                 const aut_route_t *route)
{
    uint64_t place = route->after;
    if (!route->placed && !find_place (self, &place))
        return aut_http_reply_text (connection, 503, "the broker is busy writing its database\n");
    if (!admit (self, connection)) {
        aut_refusals_note (self->broker->refusals, AUT_REFUSED_HTTP,
                           "one stream of events too many");
        return aut_http_reply_text (connection, 503, "there are enough streams of events\n");
    }
    stream_t *stream = aut_calloc (1, sizeof *stream);
    stream->http = self;
    stream->place = place;
    stream->spoke_ms = aut_mono_ms (self->broker->clock);
    struct MHD_Response *response = MHD_create_response_from_callback (
        MHD_SIZE_UNKNOWN, BLOCK, read_stream, stream, free_stream);
    if (!response) {
        free_stream (stream);
        return MHD_NO;
    }
    aut_http_headers (response);
    MHD_add_response_header (response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    MHD_add_response_header (response, "Cache-Control", "no-store");
    MHD_add_response_header (response, "Connection", "close");
    MHD_add_response_header (response, "X-Accel-Buffering", "no"); /* nginx: pass it on at once */
    enum MHD_Result result = MHD_queue_response (connection, 200, response);
    MHD_destroy_response (response);
    return result;
}

void aut_http_streams_end (struct aut_http *self)
{
    pthread_mutex_lock (&self->lock);
    self->stopping = true;
    pthread_cond_broadcast (&self->ending);
    pthread_mutex_unlock (&self->lock);
}
