/*  One table per message, in the order of proto/messages.md, and the entry points over them. */
#include "proto/message.h"

#include "lib/core/error.h"
#include "proto/codec.h"

#include <string.h>

#define COUNT(a) (sizeof (a) / sizeof *(a))

#define REQ(T) AUT_F_NUM (U64, T, req, 1, 0)
#define XFER(T) AUT_F_NUM (U64, T, xfer, 1, 0)
#define NAME(T, m) AUT_F_STR (T, m, 1, AUT_NAME_MAX)
#define OPTNAME(T, m) AUT_F_OPTSTR (T, m, AUT_NAME_MAX)
#define TOKEN(T) AUT_F_MAP (T, token, &token_schema)

static const aut_field_t token_fields[] = {
    AUT_F_NUM (U64, aut_token_t, task, 1, 0),
    AUT_F_ANY (U32, aut_token_t, attempt),
    AUT_F_ANY (U64, aut_token_t, epoch),
};
static const aut_schema_t token_schema = AUT_SCHEMA ("token", aut_token_t, token_fields);

/*  General. */
static const aut_field_t ok_fields[] = {AUT_F_ANY (U64, aut_msg_ok_t, req)};

static const aut_field_t error_fields[] = {
    AUT_F_OPT (U64, aut_msg_error_t, req),
    AUT_F_OPT (U64, aut_msg_error_t, xfer),
    NAME (aut_msg_error_t, code),
    AUT_F_STR (aut_msg_error_t, message, 0, AUT_TEXT_MAX),
};

/*  Client socket. */
static const aut_field_t submit_fields[] = {
    REQ (aut_msg_submit_t),
    AUT_F_ANY (REF, aut_msg_submit_t, submission),
    AUT_F_NUM (I32, aut_msg_submit_t, priority, -AUT_PRIORITY_MAX, AUT_PRIORITY_MAX),
    AUT_F_OPTSTR (aut_msg_submit_t, idempotency, AUT_IDEMPOTENCY_MAX),
    NAME (aut_msg_submit_t, project),
};

static const aut_field_t submitted_fields[] = {
    REQ (aut_msg_submitted_t),
    NAME (aut_msg_submitted_t, job),
    AUT_F_ANY (BOOL, aut_msg_submitted_t, existing),
};

static const aut_field_t job_fields[] = {REQ (aut_msg_job_t), NAME (aut_msg_job_t, job)};
#define cancel_fields job_fields
#define retry_fields job_fields

static const aut_field_t results_fields[] = {
    REQ (aut_msg_results_t),
    NAME (aut_msg_results_t, job),
    AUT_F_ANY (U64, aut_msg_results_t, after),
    AUT_F_NUM (U32, aut_msg_results_t, limit, 1, AUT_PAGE_MAX),
};

static const aut_field_t result_fields[] = {
    AUT_F_NUM (U64, aut_msg_result_t, ordinal, 1, 0),
    NAME (aut_msg_result_t, shot),
    AUT_F_ANY (U32, aut_msg_result_t, chunk),
    AUT_F_ANY (HASH, aut_msg_result_t, key),
    NAME (aut_msg_result_t, state),
    AUT_F_ANY (U32, aut_msg_result_t, attempt),
    OPTNAME (aut_msg_result_t, node),
    OPTNAME (aut_msg_result_t, device),
    AUT_F_ANY (F64, aut_msg_result_t, seconds),
    AUT_F_ANY (U64, aut_msg_result_t, peak_bytes),
    AUT_F_OPT (REF, aut_msg_result_t, mezzanine),
    AUT_F_OPT (REF, aut_msg_result_t, tail),
    AUT_F_OPT (REF, aut_msg_result_t, preview),
    AUT_F_OPT (REF, aut_msg_result_t, metadata),
    AUT_F_OPTSTR (aut_msg_result_t, error, AUT_TEXT_MAX),
    AUT_F_OPT (BOOL, aut_msg_result_t, cached),
};
static const aut_schema_t result_schema = AUT_SCHEMA ("result", aut_msg_result_t, result_fields);

static const aut_field_t results_page_fields[] = {
    REQ (aut_msg_results_page_t),
    NAME (aut_msg_results_page_t, job),
    NAME (aut_msg_results_page_t, state),
    AUT_F_ANY (U64, aut_msg_results_page_t, next),
    {AUT_F_LIST (MAPS, aut_msg_results_page_t, items, item_count, AUT_PAGE_MAX),
     .of = &result_schema},
};

static const aut_field_t drain_fields[] = {REQ (aut_msg_drain_t), NAME (aut_msg_drain_t, node)};

static const aut_field_t models_fields[] = {
    REQ (aut_msg_models_t),
    AUT_F_ANY (U64, aut_msg_models_t, after),
};

static const aut_field_t models_page_fields[] = {
    REQ (aut_msg_models_page_t),
    AUT_F_ANY (U64, aut_msg_models_page_t, next),
    {AUT_F_LIST (STRS, aut_msg_models_page_t, items, item_count, AUT_MODELS_MAX),
     .element = AUT_MANIFEST_MAX},
};

/*  Node socket. */
static const aut_field_t worker_fields[] = {
    AUT_F_ANY (U32, aut_msg_worker_t, id),
    NAME (aut_msg_worker_t, device),
    {.key = "class",
     .kind = AUT_KIND_STR,
     .offset = offsetof (aut_msg_worker_t, class_),
     .min = 1,
     .max = AUT_NAME_MAX},
    AUT_F_ANY (U64, aut_msg_worker_t, memory),
    {AUT_F_LIST (STRS, aut_msg_worker_t, models, model_count, AUT_MODELS_MAX),
     .element = AUT_NAME_MAX},
    AUT_F_NUM (U32, aut_msg_worker_t, credit, 1, 1024),
};
static const aut_schema_t worker_schema = AUT_SCHEMA ("worker", aut_msg_worker_t, worker_fields);

static const aut_field_t held_fields[] = {
    AUT_F_NUM (U64, aut_msg_held_t, task, 1, 0),
    AUT_F_ANY (U32, aut_msg_held_t, attempt),
    AUT_F_ANY (U64, aut_msg_held_t, epoch),
    AUT_F_ANY (BOOL, aut_msg_held_t, finished),
};
static const aut_schema_t held_schema = AUT_SCHEMA ("held", aut_msg_held_t, held_fields);

static const aut_field_t hello_fields[] = {
    NAME (aut_msg_hello_t, name),
    {.key = "instance",
     .kind = AUT_KIND_FIXED,
     .offset = offsetof (aut_msg_hello_t, instance),
     .max = sizeof ((aut_msg_hello_t *)0)->instance},
    NAME (aut_msg_hello_t, version),
    {AUT_F_LIST (MAPS, aut_msg_hello_t, workers, worker_count, AUT_WORKERS_MAX),
     .of = &worker_schema},
    {AUT_F_LIST (MAPS, aut_msg_hello_t, held, held_count, AUT_HELD_MAX), .of = &held_schema},
};

static const aut_field_t welcome_fields[] = {
    AUT_F_NUM (U64, aut_msg_welcome_t, node, 1, 0),
    NAME (aut_msg_welcome_t, name),
    AUT_F_ANY (U64, aut_msg_welcome_t, epoch),
    AUT_F_NUM (U32, aut_msg_welcome_t, ping_ms, 1, 3600000),
    AUT_F_NUM (U32, aut_msg_welcome_t, silent_ms, 1, 86400000),
    AUT_F_NUM (U32, aut_msg_welcome_t, lease_ms, 1, 86400000),
};

static const aut_field_t input_fields[] = {
    NAME (aut_msg_input_t, role),
    NAME (aut_msg_input_t, key),
    AUT_F_ANY (REF, aut_msg_input_t, ref),
};
static const aut_schema_t input_schema = AUT_SCHEMA ("input", aut_msg_input_t, input_fields);

static const aut_field_t assign_fields[] = {
    TOKEN (aut_msg_assign_t),
    AUT_F_ANY (U32, aut_msg_assign_t, worker),
    AUT_F_NUM (U32, aut_msg_assign_t, lease_ms, 1, 86400000),
    NAME (aut_msg_assign_t, job),
    {AUT_F_LIST (BIN, aut_msg_assign_t, spec, spec_size, AUT_SPEC_MAX), .min = 1, .optional = true},
    AUT_F_OPT (REF, aut_msg_assign_t, spec_ref),
    {AUT_F_LIST (MAPS, aut_msg_assign_t, inputs, input_count, AUT_INPUTS_MAX), .of = &input_schema},
};

static const aut_field_t token_only_fields[] = {TOKEN (aut_msg_token_t)};
#define started_fields token_only_fields
#define ack_fields token_only_fields
#define abort_fields token_only_fields
#define release_fields token_only_fields

static const aut_field_t progress_fields[] = {
    TOKEN (aut_msg_progress_t),
    AUT_F_ANY (U32, aut_msg_progress_t, step),
    AUT_F_ANY (U32, aut_msg_progress_t, steps),
    AUT_F_ANY (U32, aut_msg_progress_t, frame),
    AUT_F_ANY (U32, aut_msg_progress_t, frames),
    {AUT_F_LIST (BIN, aut_msg_progress_t, preview, preview_size, AUT_PREVIEW_MAX), .min = 1,
     .optional = true},
};

static const aut_field_t done_fields[] = {
    TOKEN (aut_msg_done_t),
    AUT_F_ANY (REF, aut_msg_done_t, mezzanine),
    AUT_F_OPT (REF, aut_msg_done_t, tail),
    AUT_F_OPT (REF, aut_msg_done_t, preview),
    AUT_F_ANY (REF, aut_msg_done_t, metadata),
    {AUT_F_LIST (HASHES, aut_msg_done_t, used, used_count, AUT_INPUTS_MAX)},
    AUT_F_ANY (F64, aut_msg_done_t, seconds),
    AUT_F_ANY (U64, aut_msg_done_t, peak_bytes),
    NAME (aut_msg_done_t, device),
};

static const aut_field_t fail_fields[] = {
    TOKEN (aut_msg_fail_t),
    NAME (aut_msg_fail_t, code),
    AUT_F_STR (aut_msg_fail_t, message, 0, AUT_TEXT_MAX),
};

static const aut_field_t adopt_fields[] = {
    TOKEN (aut_msg_adopt_t),
    AUT_F_ANY (U64, aut_msg_adopt_t, new_epoch),
};

/*  Data socket. */
static const aut_field_t put_fields[] = {
    XFER (aut_msg_put_t),
    AUT_F_ANY (HASH, aut_msg_put_t, hash),
    AUT_F_ANY (U64, aut_msg_put_t, size),
};

static const aut_field_t go_fields[] = {
    XFER (aut_msg_go_t),
    AUT_F_ANY (U64, aut_msg_go_t, offset),
    AUT_F_ANY (U64, aut_msg_go_t, credit),
};

static const aut_field_t data_fields[] = {
    XFER (aut_msg_data_t),
    AUT_F_ANY (U64, aut_msg_data_t, offset),
    AUT_F_OPT (U64, aut_msg_data_t, size),
    AUT_F_OPT (BOOL, aut_msg_data_t, last),
};

static const aut_field_t credit_fields[] = {
    XFER (aut_msg_credit_t),
    AUT_F_NUM (U64, aut_msg_credit_t, bytes, 1, 0),
};

static const aut_field_t stored_fields[] = {
    XFER (aut_msg_stored_t),
    AUT_F_ANY (HASH, aut_msg_stored_t, hash),
};

static const aut_field_t get_fields[] = {
    XFER (aut_msg_get_t),
    AUT_F_ANY (HASH, aut_msg_get_t, hash),
    AUT_F_ANY (U64, aut_msg_get_t, offset),
    AUT_F_NUM (U64, aut_msg_get_t, credit, 1, 0),
};

static const aut_field_t close_fields[] = {XFER (aut_msg_close_t)};

static const struct {
    uint8_t type;
    aut_schema_t schema;
} messages[] = {
#define ROW(name, field, T)                                                                        \
    {                                                                                              \
        AUT_MSG_##name,                                                                            \
        {                                                                                          \
#name, field##_fields, COUNT(field##_fields), sizeof(T)                                \
        }                                                                                          \
    }
#define EMPTY(name)                                                                                \
    {                                                                                              \
        AUT_MSG_##name,                                                                            \
        {                                                                                          \
#name, NULL, 0, sizeof(aut_msg_empty_t)                                                \
        }                                                                                          \
    }
    ROW (OK, ok, aut_msg_ok_t),
    ROW (ERROR, error, aut_msg_error_t),
    EMPTY (PING),
    EMPTY (PONG),
    ROW (SUBMIT, submit, aut_msg_submit_t),
    ROW (SUBMITTED, submitted, aut_msg_submitted_t),
    ROW (CANCEL, cancel, aut_msg_cancel_t),
    ROW (RETRY, retry, aut_msg_retry_t),
    ROW (RESULTS, results, aut_msg_results_t),
    ROW (RESULTS_PAGE, results_page, aut_msg_results_page_t),
    ROW (DRAIN, drain, aut_msg_drain_t),
    ROW (MODELS, models, aut_msg_models_t),
    ROW (MODELS_PAGE, models_page, aut_msg_models_page_t),
    ROW (HELLO, hello, aut_msg_hello_t),
    ROW (WELCOME, welcome, aut_msg_welcome_t),
    ROW (ASSIGN, assign, aut_msg_assign_t),
    ROW (STARTED, started, aut_msg_started_t),
    ROW (PROGRESS, progress, aut_msg_progress_t),
    ROW (DONE, done, aut_msg_done_t),
    ROW (FAIL, fail, aut_msg_fail_t),
    ROW (ACK, ack, aut_msg_ack_t),
    ROW (ABORT, abort, aut_msg_abort_t),
    ROW (ADOPT, adopt, aut_msg_adopt_t),
    ROW (RELEASE, release, aut_msg_release_t),
    EMPTY (BYE),
    ROW (PUT, put, aut_msg_put_t),
    ROW (GO, go, aut_msg_go_t),
    ROW (DATA, data, aut_msg_data_t),
    ROW (CREDIT, credit, aut_msg_credit_t),
    ROW (STORED, stored, aut_msg_stored_t),
    ROW (GET, get, aut_msg_get_t),
    ROW (CLOSE, close, aut_msg_close_t),
#undef ROW
#undef EMPTY
};

static const aut_schema_t *find_schema (unsigned type)
{
    for (size_t i = 0; i < COUNT (messages); i++)
        if (messages[i].type == type)
            return &messages[i].schema;
    return NULL;
}

/*  The rules that a table cannot say. */
static int check_whole (const aut_msg_t *msg)
{
    if (msg->type == AUT_MSG_ASSIGN &&
        (msg->assign.spec != NULL) == aut_ref_present (&msg->assign.spec_ref))
        return aut_fail (AUT_ERR_INVALID, "ASSIGN: exactly one of spec and spec_ref is needed");
    return 0;
}

/*  Turns `out` into the ERROR that answers a message of type `type`; nothing answers an ERROR. */
static void make_error (aut_msg_t *out, uint8_t type, int code, const aut_peek_t *peek)
{
    aut_msg_clear (out);
    if (type == AUT_MSG_ERROR)
        return;
    char *text = aut_msg_arena_alloc (&out->owned, AUT_TEXT_MAX + 1);
    if (text)
        aut_msg_clip (text, AUT_TEXT_MAX + 1, aut_error_detail ());
    out->type = AUT_MSG_ERROR;
    out->error = (aut_msg_error_t){
        .req = peek->req,
        .xfer = peek->xfer,
        .code = aut_error_text (code),
        .message = text ? text : "",
    };
}

int aut_msg_decode (aut_msg_t *out, const void *head, size_t head_size, const void *map,
                    size_t map_size)
{
    *out = (aut_msg_t){0};
    aut_peek_t peek = {0};
    uint8_t type = 0;
    int rc = aut_codec_head (head, head_size, &type);
    if (rc == 0) {
        const aut_schema_t *schema = find_schema (type);
        if (!schema)
            rc = aut_fail (AUT_ERR_UNSUPPORTED, "message type 0x%02x is unknown to this release",
                           type);
        else
            rc = aut_codec_decode (schema, &out->ok, &out->owned, map, map_size, &peek);
    }
    if (rc == 0) {
        out->type = (aut_msg_type_t)type;
        rc = check_whole (out);
    }
    if (rc)
        make_error (out, type, rc, &peek);
    return rc;
}

int aut_msg_encode (const aut_msg_t *msg, uint8_t head[AUT_HEAD_SIZE], aut_buffer_t *map)
{
    const aut_schema_t *schema = find_schema (msg->type);
    if (!schema)
        return aut_fail (AUT_ERR_INTERNAL, "message type 0x%02x does not exist",
                         (unsigned)msg->type);
    int rc = check_whole (msg);
    if (rc)
        return rc;
    aut_codec_write_head (head, (uint8_t)msg->type);
    return aut_codec_encode (schema, &msg->ok, map);
}

void aut_msg_clear (aut_msg_t *msg)
{
    aut_msg_arena_destroy (&msg->owned);
    *msg = (aut_msg_t){0};
}

const char *aut_msg_name (aut_msg_type_t type)
{
    const aut_schema_t *schema = find_schema (type);
    return schema ? schema->name : "?";
}

bool aut_msg_has_body (aut_msg_type_t type)
{
    return type == AUT_MSG_DATA;
}

bool aut_token_equal (const aut_token_t *a, const aut_token_t *b)
{
    return a->task == b->task && a->attempt == b->attempt && a->epoch == b->epoch;
}

bool aut_ref_present (const aut_ref_t *ref)
{
    return !aut_hash_is_zero (&ref->hash);
}
