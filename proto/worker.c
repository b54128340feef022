/*  The worker stream: the tables of its messages, framing by length, and the two ends of a socket.
 */
#include "proto/worker.h"

#include "lib/core/error.h"
#include "proto/codec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define COUNT(a) (sizeof (a) / sizeof *(a))
#define PREFIX sizeof (uint32_t)
#define READ_SIZE (64 << 10)

#define ID(T) AUT_F_NUM (U64, T, id, 1, 0)
#define NAME(T, m) AUT_F_STR (T, m, 1, AUT_NAME_MAX)

static const aut_field_t hello_fields[] = {
    AUT_F_NUM (U64, aut_worker_hello_t, pid, 1, 0),
    NAME (aut_worker_hello_t, version),
    NAME (aut_worker_hello_t, device),
    AUT_F_ANY (U64, aut_worker_hello_t, memory),
    {AUT_F_LIST (STRS, aut_worker_hello_t, models, model_count, AUT_MODELS_MAX),
     .element = AUT_NAME_MAX},
};

static const aut_field_t input_fields[] = {
    NAME (aut_worker_input_t, role),
    NAME (aut_worker_input_t, key),
    AUT_F_STR (aut_worker_input_t, path, 1, AUT_PATH_MAX),
};
static const aut_schema_t input_schema = AUT_SCHEMA ("input", aut_worker_input_t, input_fields);

static const aut_field_t task_fields[] = {
    ID (aut_worker_task_t),
    {AUT_F_LIST (BIN, aut_worker_task_t, spec, spec_size, AUT_SPEC_MAX), .min = 1},
    {AUT_F_LIST (MAPS, aut_worker_task_t, inputs, input_count, AUT_INPUTS_MAX),
     .of = &input_schema},
    AUT_F_STR (aut_worker_task_t, out_dir, 1, AUT_PATH_MAX),
};

static const aut_field_t progress_fields[] = {
    ID (aut_worker_progress_t),
    AUT_F_ANY (U32, aut_worker_progress_t, step),
    AUT_F_ANY (U32, aut_worker_progress_t, steps),
    AUT_F_ANY (U32, aut_worker_progress_t, frame),
    AUT_F_ANY (U32, aut_worker_progress_t, frames),
    {AUT_F_LIST (BIN, aut_worker_progress_t, preview, preview_size, AUT_PREVIEW_MAX), .min = 1,
     .optional = true},
};

static const aut_field_t result_fields[] = {
    ID (aut_worker_result_t),
    NAME (aut_worker_result_t, mezzanine),
    NAME (aut_worker_result_t, metadata),
    AUT_F_OPTSTR (aut_worker_result_t, tail, AUT_NAME_MAX),
    AUT_F_OPTSTR (aut_worker_result_t, preview, AUT_NAME_MAX),
    AUT_F_ANY (F64, aut_worker_result_t, seconds),
    AUT_F_ANY (U64, aut_worker_result_t, peak_bytes),
};

static const aut_field_t fail_fields[] = {
    AUT_F_ANY (U64, aut_worker_fail_t, id),
    NAME (aut_worker_fail_t, code),
    AUT_F_STR (aut_worker_fail_t, message, 0, AUT_TEXT_MAX),
};

static const aut_field_t cancel_fields[] = {ID (aut_worker_cancel_t)};

static const struct {
    uint8_t type;
    aut_schema_t schema;
} messages[] = {
#define ROW(name, field)                                                                           \
    {                                                                                              \
        AUT_WORKER_##name,                                                                         \
        {                                                                                          \
#name, field##_fields, COUNT(field##_fields), sizeof(aut_worker_##field##_t)           \
        }                                                                                          \
    }
    ROW (HELLO, hello),
    ROW (TASK, task),
    ROW (PROGRESS, progress),
    ROW (RESULT, result),
    ROW (FAIL, fail),
    ROW (CANCEL, cancel),
    {AUT_WORKER_QUIT, {"QUIT", NULL, 0, sizeof (aut_worker_quit_t)}},
#undef ROW
};

static const aut_schema_t *find_schema (unsigned type)
{
    for (size_t i = 0; i < COUNT (messages); i++)
        if (messages[i].type == type)
            return &messages[i].schema;
    return NULL;
}

/*  A name below a folder: no '/', not "." or "..". */
static bool is_plain_name (const char *name)
{
    return !name || (!strchr (name, '/') && strcmp (name, ".") != 0 && strcmp (name, "..") != 0);
}

static int check_whole (const aut_worker_msg_t *msg)
{
    const aut_worker_result_t *r = &msg->result;
    if (msg->type == AUT_WORKER_RESULT &&
        !(is_plain_name (r->mezzanine) && is_plain_name (r->metadata) && is_plain_name (r->tail) &&
          is_plain_name (r->preview)))
        return aut_fail (AUT_ERR_INVALID, "RESULT: files are named without a folder");
    return 0;
}

int aut_worker_encode (const aut_worker_msg_t *msg, aut_buffer_t *out)
{
    const aut_schema_t *schema = find_schema (msg->type);
    if (!schema)
        return aut_fail (AUT_ERR_INTERNAL, "worker message type 0x%02x does not exist",
                         (unsigned)msg->type);
    int rc = check_whole (msg);
    if (rc)
        return rc;
    size_t start = out->size;
    uint8_t front[PREFIX + AUT_HEAD_SIZE] = {0};
    aut_codec_write_head (front + PREFIX, (uint8_t)msg->type);
    aut_buffer_append (out, front, sizeof front);
    rc = aut_codec_encode (schema, &msg->hello, out);
    if (rc) {
        out->size = start;
        return rc;
    }
    uint32_t length = htonl ((uint32_t)(out->size - start - PREFIX));
    memcpy (out->data + start, &length, PREFIX);
    return 0;
}

static int decode_frame (aut_worker_msg_t *out, const uint8_t *frame, size_t size)
{
    uint8_t type = 0;
    int rc = aut_codec_head (frame, AUT_HEAD_SIZE, &type);
    if (rc)
        return rc;
    const aut_schema_t *schema = find_schema (type);
    if (!schema)
        return aut_fail (AUT_ERR_UNSUPPORTED, "worker message type 0x%02x is unknown", type);
    rc = aut_codec_decode (schema, &out->hello, &out->owned, frame + AUT_HEAD_SIZE,
                           size - AUT_HEAD_SIZE, NULL);
    if (rc)
        return rc;
    out->type = (aut_worker_type_t)type;
    return check_whole (out);
}

int aut_worker_decode (aut_worker_msg_t *out, const void *data, size_t size, size_t *used)
{
    *out = (aut_worker_msg_t){0};
    *used = 0;
    if (size < PREFIX)
        return AUT_ERR_AGAIN;
    uint32_t length;
    memcpy (&length, data, PREFIX);
    length = ntohl (length);
    if (length < AUT_HEAD_SIZE || length > AUT_HEAD_SIZE + AUT_CONTROL_MAX)
        return aut_fail (AUT_ERR_INVALID, "worker stream: a message of %u bytes", length);
    if (size - PREFIX < length)
        return AUT_ERR_AGAIN;
    int rc = decode_frame (out, (const uint8_t *)data + PREFIX, length);
    if (rc)
        aut_worker_msg_clear (out);
    else
        *used = PREFIX + length;
    return rc;
}

void aut_worker_msg_clear (aut_worker_msg_t *msg)
{
    aut_msg_arena_destroy (&msg->owned);
    *msg = (aut_worker_msg_t){0};
}

const char *aut_worker_msg_name (aut_worker_type_t type)
{
    const aut_schema_t *schema = find_schema (type);
    return schema ? schema->name : "?";
}

/*  Waits until `fd` can be written. */
static int wait_writable (int fd)
{
    struct pollfd item = {.fd = fd, .events = POLLOUT};
    if (poll (&item, 1, -1) < 0 && errno != EINTR)
        return aut_fail_errno ("worker stream");
    return 0;
}

int aut_worker_send (int fd, const aut_worker_msg_t *msg)
{
    aut_buffer_t buffer = {0};
    int rc = aut_worker_encode (msg, &buffer);
    for (size_t at = 0; rc == 0 && at < buffer.size;) {
        ssize_t n = send (fd, buffer.data + at, buffer.size - at, MSG_NOSIGNAL);
        if (n >= 0)
            at += (size_t)n;
        else if (errno == EAGAIN)
            rc = wait_writable (fd);
        else if (errno != EINTR)
            rc = aut_fail_errno ("worker stream: cannot send %s", aut_worker_msg_name (msg->type));
    }
    aut_buffer_clear (&buffer);
    return rc;
}

/*  Takes a message from what was received already. */
static int take (aut_worker_stream_t *stream, aut_worker_msg_t *out)
{
    size_t used;
    int rc = aut_worker_decode (out, stream->buffer.data + stream->start,
                                stream->buffer.size - stream->start, &used);
    stream->start += used;
    if (rc == AUT_ERR_AGAIN && stream->start) {
        size_t left = stream->buffer.size - stream->start;
        memmove (stream->buffer.data, stream->buffer.data + stream->start, left);
        stream->buffer.size = left;
        stream->start = 0;
    }
    return rc;
}

int aut_worker_recv (int fd, aut_worker_stream_t *stream, aut_worker_msg_t *out)
{
    *out = (aut_worker_msg_t){0};
    int rc = stream->buffer.size ? take (stream, out) : AUT_ERR_AGAIN;
    if (rc != AUT_ERR_AGAIN)
        return rc;
    char chunk[READ_SIZE];
    ssize_t n;
    do
        n = recv (fd, chunk, sizeof chunk, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return AUT_ERR_AGAIN;
    if (n < 0 && errno != ECONNRESET)
        return aut_fail_errno ("worker stream");
    if (n <= 0)
        return aut_fail (AUT_ERR_NOT_FOUND, "worker stream: the other side is gone");
    aut_buffer_append (&stream->buffer, chunk, (size_t)n);
    return take (stream, out);
}

void aut_worker_stream_clear (aut_worker_stream_t *stream)
{
    aut_buffer_clear (&stream->buffer);
    stream->start = 0;
}
