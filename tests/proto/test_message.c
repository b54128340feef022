/*  The codec: every message both ways, and everything that must be refused. */
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "proto/scan.h"
#include "tests/proto/samples.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  The number of pairs of the map that `map` begins with. */
static size_t map_pairs (const aut_buffer_t *map)
{
    ck_assert_int_eq ((uint8_t)map->data[0] & 0xf0, 0x80);
    return (uint8_t)map->data[0] & 0x0f;
}

START_TEST (roundtrip)
{
    for (size_t i = 0; i < sample_count (); i++) {
        size_t keys;
        aut_msg_t msg = sample_message (i, &keys), back;
        uint8_t head[AUT_HEAD_SIZE], head2[AUT_HEAD_SIZE];
        aut_buffer_t map = {0}, map2 = {0};
        ck_assert_msg (aut_msg_encode (&msg, head, &map) == 0, "%s: %s", aut_msg_name (msg.type),
                       aut_error_detail ());
        ck_assert_msg (map_pairs (&map) == keys, "%s: %zu keys", aut_msg_name (msg.type),
                       map_pairs (&map));
        ck_assert_msg (aut_msg_decode (&back, head, sizeof head, map.data, map.size) == 0, "%s",
                       aut_error_detail ());
        ck_assert_int_eq (back.type, msg.type);
        ck_assert_int_eq (aut_msg_encode (&back, head2, &map2), 0);
        ck_assert_mem_eq (head, head2, sizeof head);
        ck_assert_uint_eq (map.size, map2.size);
        ck_assert_mem_eq (map.data, map2.data, map.size);
        aut_msg_clear (&back);
        aut_buffer_clear (&map);
        aut_buffer_clear (&map2);
    }
}
END_TEST

START_TEST (every_type_has_a_sample)
{
    bool seen[256] = {false};
    for (size_t i = 0; i < sample_count (); i++) {
        size_t keys;
        seen[sample_message (i, &keys).type] = true;
    }
#define CHECK_SEEN(name, field, byte) ck_assert_msg (seen[byte], #name);
    AUT_MESSAGES (CHECK_SEEN)
}
END_TEST

/*  Encodes and decodes; the caller clears. */
static aut_msg_t through (const aut_msg_t *msg)
{
    uint8_t head[AUT_HEAD_SIZE];
    aut_buffer_t map = {0};
    aut_msg_t back;
    ck_assert_msg (aut_msg_encode (msg, head, &map) == 0, "%s", aut_error_detail ());
    ck_assert_msg (aut_msg_decode (&back, head, sizeof head, map.data, map.size) == 0, "%s",
                   aut_error_detail ());
    aut_buffer_clear (&map);
    return back;
}

static aut_msg_t first_sample (aut_msg_type_t type)
{
    size_t keys;
    for (size_t i = 0; i < sample_count (); i++)
        if (sample_message (i, &keys).type == type)
            return sample_message (i, &keys);
    ck_abort_msg ("no sample");
}

START_TEST (hello_values)
{
    aut_msg_t msg = first_sample (AUT_MSG_HELLO), back = through (&msg);
    const aut_msg_hello_t *a = &msg.hello, *b = &back.hello;
    ck_assert_str_eq (a->name, b->name);
    ck_assert_str_eq (a->version, b->version);
    ck_assert_mem_eq (a->instance, b->instance, 16);
    ck_assert_uint_eq (b->worker_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const aut_msg_worker_t *x = &a->workers[i], *y = &b->workers[i];
        ck_assert_uint_eq (x->id, y->id);
        ck_assert_str_eq (x->device, y->device);
        ck_assert_str_eq (x->class_, y->class_);
        ck_assert_uint_eq (x->memory, y->memory);
        ck_assert_uint_eq (x->credit, y->credit);
        ck_assert_uint_eq (x->model_count, y->model_count);
        for (size_t m = 0; m < x->model_count; m++)
            ck_assert_str_eq (x->models[m], y->models[m]);
    }
    ck_assert_uint_eq (b->held_count, 2);
    ck_assert_uint_eq (b->held[1].task, UINT64_MAX);
    ck_assert_uint_eq (b->held[1].attempt, UINT32_MAX);
    ck_assert_uint_eq (b->held[0].epoch, 3);
    ck_assert (b->held[1].finished && !b->held[0].finished);
    aut_msg_clear (&back);
}
END_TEST

START_TEST (assign_values)
{
    aut_msg_t msg = first_sample (AUT_MSG_ASSIGN), back = through (&msg);
    const aut_msg_assign_t *a = &msg.assign, *b = &back.assign;
    ck_assert (aut_token_equal (&a->token, &b->token));
    ck_assert_uint_eq (b->worker, 7);
    ck_assert_uint_eq (b->lease_ms, 30000);
    ck_assert_str_eq (b->job, "j1");
    ck_assert_uint_eq (b->spec_size, a->spec_size);
    ck_assert_mem_eq (b->spec, a->spec, a->spec_size);
    ck_assert_int_eq (b->spec[b->spec_size], 0);
    ck_assert (!aut_ref_present (&b->spec_ref));
    ck_assert_uint_eq (b->input_count, 2);
    ck_assert_str_eq (b->inputs[0].role, "tail");
    ck_assert_str_eq (b->inputs[1].key, "x");
    ck_assert (aut_hash_equal (&b->inputs[0].ref.hash, &a->inputs[0].ref.hash));
    ck_assert_uint_eq (b->inputs[0].ref.size, 4096);
    aut_msg_clear (&back);
}
END_TEST

START_TEST (done_and_results_values)
{
    aut_msg_t msg = first_sample (AUT_MSG_DONE), back = through (&msg);
    ck_assert_uint_eq (back.done.used_count, 2);
    ck_assert (aut_hash_equal (&back.done.used[1], &msg.done.used[1]));
    ck_assert (back.done.seconds == 12.25);
    ck_assert (aut_hash_equal (&back.done.tail.hash, &msg.done.tail.hash));
    ck_assert_uint_eq (back.done.metadata.size, 400);
    aut_msg_clear (&back);

    msg = first_sample (AUT_MSG_RESULTS_PAGE);
    back = through (&msg);
    const aut_msg_result_t *items = back.results_page.items;
    ck_assert_uint_eq (back.results_page.item_count, 2);
    ck_assert_str_eq (items[0].node, "node-a");
    ck_assert_ptr_null (items[0].error);
    ck_assert_ptr_null (items[1].node);
    ck_assert (!aut_ref_present (&items[1].mezzanine) && aut_ref_present (&items[0].preview));
    ck_assert_str_eq (items[1].error, msg.results_page.items[1].error);
    aut_msg_clear (&back);

    msg = first_sample (AUT_MSG_SUBMIT);
    back = through (&msg);
    ck_assert_int_eq (back.submit.priority, -100);
    ck_assert_str_eq (back.submit.idempotency, "key");
    aut_msg_clear (&back);
}
END_TEST

/*  A full page of the longest results fits in one message. */
START_TEST (longest_page_fits)
{
    char name[AUT_NAME_MAX + 1], text[AUT_TEXT_MAX + 1];
    memset (name, 'n', sizeof name - 1);
    memset (text, 't', sizeof text - 1);
    name[AUT_NAME_MAX] = text[AUT_TEXT_MAX] = 0;
    aut_ref_t ref = {{{1}}, UINT64_MAX};
    aut_msg_result_t items[AUT_PAGE_MAX];
    for (size_t i = 0; i < AUT_PAGE_MAX; i++)
        items[i] = (aut_msg_result_t){UINT64_MAX, name, UINT32_MAX, ref.hash,   name, UINT32_MAX,
                                      name,       name, 1.0 / 3,    UINT64_MAX, ref,  ref,
                                      ref,        ref,  text,       true};
    aut_msg_t msg = {.type = AUT_MSG_RESULTS_PAGE,
                     .results_page = {UINT64_MAX, name, name, UINT64_MAX, items, AUT_PAGE_MAX}};
    aut_msg_t back = through (&msg);
    ck_assert_uint_eq (back.results_page.item_count, AUT_PAGE_MAX);
    aut_msg_clear (&back);
}
END_TEST

static size_t from_hex (const char *hex, uint8_t *out)
{
    size_t size = 0;
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        unsigned value;
        ck_assert_int_eq (sscanf (hex, "%2x", &value), 1);
        out[size++] = (uint8_t)value;
        hex++;
    }
    return size;
}

/*  CANCEL is {"req": 1, "job": "j1"}: 82 a3726571 01 a36a6f62 a26a31. */
static const struct {
    const char *what;
    uint8_t type;
    const char *map;
    int code;
    const char *says;
} hostile[] = {
    {"five bytes that ask for 137 GB", AUT_MSG_OK, "dd ffffffff", AUT_ERR_INVALID, "announced"},
    {"map32 of 4 G pairs", AUT_MSG_OK, "df ffffffff", AUT_ERR_INVALID, "announced"},
    {"str32 of 4 GB", AUT_MSG_OK, "db ffffffff 61", AUT_ERR_INVALID, "announced"},
    {"bin32 of 2 GB", AUT_MSG_OK, "c6 7fffffff 00", AUT_ERR_INVALID, "announced"},
    {"array16 that is short", AUT_MSG_OK, "dc 0100 01", AUT_ERR_INVALID, "announced"},
    {"inside an unknown key", AUT_MSG_CANCEL, "83 a3726571 01 a36a6f62 a26a31 a178 dd ffffffff",
     AUT_ERR_INVALID, "announced"},
    {"nothing", AUT_MSG_OK, "", AUT_ERR_INVALID, "ends"},
    {"a cut length", AUT_MSG_OK, "da 01", AUT_ERR_INVALID, "ends inside a length"},
    {"a cut number", AUT_MSG_OK, "81 a3726571 cf 00", AUT_ERR_INVALID, "announced"},
    {"a cut map", AUT_MSG_OK, "82 a3726571 01", AUT_ERR_INVALID, "ends at byte"},
    {"never-used type", AUT_MSG_OK, "c1", AUT_ERR_INVALID, "0xc1"},
    {"extension", AUT_MSG_OK, "81 a3726571 d4 00 00", AUT_ERR_INVALID, "0xd4"},
    {"bytes after the map", AUT_MSG_OK, "81 a3726571 01 c0", AUT_ERR_INVALID, "1 bytes after"},
    {"too deep", AUT_MSG_OK, "81 a178 91 91 91 91 91 91 91 91 c0", AUT_ERR_TOO_LARGE, "deeper"},
    {"not a map", AUT_MSG_OK, "91 01", AUT_ERR_INVALID, "expected a map, found an array"},
    {"key is a number", AUT_MSG_OK, "81 01 01", AUT_ERR_INVALID, "keys are strings"},
    {"missing key", AUT_MSG_CANCEL, "81 a3726571 01", AUT_ERR_INVALID, "job: the key is missing"},
    {"empty map", AUT_MSG_CANCEL, "80", AUT_ERR_INVALID, "req: the key is missing"},
    {"key twice", AUT_MSG_CANCEL, "83 a3726571 01 a36a6f62 a26a31 a3726571 02", AUT_ERR_INVALID,
     "req: the key stands there twice"},
    {"wrong type", AUT_MSG_CANCEL, "82 a3726571 01 a36a6f62 07", AUT_ERR_INVALID,
     "job: expected a string, found an integer"},
    {"binary for a string", AUT_MSG_CANCEL, "82 a3726571 01 a36a6f62 c4 02 6a31", AUT_ERR_INVALID,
     "expected a string, found binary"},
    {"nil for a number", AUT_MSG_CANCEL, "82 a3726571 c0 a36a6f62 a26a31", AUT_ERR_INVALID,
     "req: expected an integer"},
    {"negative number", AUT_MSG_CANCEL, "82 a3726571 ff a36a6f62 a26a31", AUT_ERR_INVALID,
     "found a negative integer"},
    {"float for a number", AUT_MSG_OK, "81 a3726571 cb 3ff0000000000000", AUT_ERR_INVALID,
     "found a float"},
    {"req 0", AUT_MSG_CANCEL, "82 a3726571 00 a36a6f62 a26a31", AUT_ERR_INVALID, "outside 1"},
    {"empty name", AUT_MSG_CANCEL, "82 a3726571 01 a36a6f62 a0", AUT_ERR_INVALID, "0 bytes long"},
    {"NUL in a name", AUT_MSG_CANCEL, "82 a3726571 01 a36a6f62 a26a00", AUT_ERR_INVALID, "UTF-8"},
    {"overlong UTF-8", AUT_MSG_CANCEL, "82 a3726571 01 a36a6f62 a2c080", AUT_ERR_INVALID, "UTF-8"},
    {"surrogate", AUT_MSG_CANCEL, "82 a3726571 01 a36a6f62 a3eda080", AUT_ERR_INVALID, "UTF-8"},
    {"u32 that is too large", AUT_MSG_RESULTS,
     "84 a3726571 01 a36a6f62 a26a31 a56166746572 00 a56c696d6974 cf 0000000100000000",
     AUT_ERR_INVALID, "limit: 4294967296 is outside 1"},
    {"page of 0", AUT_MSG_RESULTS, "84 a3726571 01 a36a6f62 a26a31 a56166746572 00 a56c696d6974 00",
     AUT_ERR_INVALID, "limit: 0 is outside"},
    {"bool as number", AUT_MSG_SUBMITTED, "83 a3726571 01 a36a6f62 a26a31 a86578697374696e67 01",
     AUT_ERR_INVALID, "existing: expected a boolean"},
    {"short hash", AUT_MSG_STORED, "82 a478666572 01 a468617368 c4 02 0102", AUT_ERR_INVALID,
     "hash: 2 bytes long"},
    {"hash of zeros", AUT_MSG_STORED,
     "82 a478666572 01 a468617368 c4 20 "
     "0000000000000000000000000000000000000000000000000000000000000000",
     AUT_ERR_INVALID, "zeros"},
    {"token without epoch", AUT_MSG_ACK, "81 a5746f6b656e 82 a47461736b 01 a7617474656d7074 01",
     AUT_ERR_INVALID, "token.epoch: the key is missing"},
    {"token is a number", AUT_MSG_ACK, "81 a5746f6b656e 01", AUT_ERR_INVALID,
     "token: expected a map"},
    {"manifest in a list is no string", AUT_MSG_MODELS_PAGE,
     "83 a3726571 01 a46e657874 00 a56974656d73 92 a0 01", AUT_ERR_INVALID,
     "items[1]: expected a string"},
    {"unknown type", 0x7f, "80", AUT_ERR_UNSUPPORTED, "0x7f"},
    {"type 0", 0, "80", AUT_ERR_UNSUPPORTED, "0x00"},
};

START_TEST (hostile_bytes)
{
    uint8_t head[AUT_HEAD_SIZE] = {'A', 'U', 'T', '1', hostile[_i].type}, map[256];
    size_t size = from_hex (hostile[_i].map, map);
    uint8_t *exact = aut_realloc (NULL, 1, size ? size : 1); /* so that reading beyond is seen */
    memcpy (exact, map, size);
    aut_msg_t msg;
    int rc = aut_msg_decode (&msg, head, sizeof head, exact, size);
    ck_assert_msg (rc == hostile[_i].code, "%s: %d %s", hostile[_i].what, rc, aut_error_detail ());
    ck_assert_msg (strstr (aut_error_detail (), hostile[_i].says) != NULL, "%s: \"%s\"",
                   hostile[_i].what, aut_error_detail ());
    ck_assert_int_eq (msg.type, AUT_MSG_ERROR);
    ck_assert_str_eq (msg.error.code, aut_error_text (rc));
    ck_assert_ptr_nonnull (strstr (msg.error.message, hostile[_i].says));
    uint8_t answer[AUT_HEAD_SIZE];
    aut_buffer_t buffer = {0};
    ck_assert_int_eq (aut_msg_encode (&msg, answer, &buffer), 0);
    aut_buffer_clear (&buffer);
    aut_msg_clear (&msg);
    free (exact);
}
END_TEST

START_TEST (refusal_repeats_req)
{
    uint8_t head[AUT_HEAD_SIZE] = {'A', 'U', 'T', '1', AUT_MSG_CANCEL}, map[64];
    size_t size = from_hex ("81 a3726571 2a", map);
    aut_msg_t msg;
    ck_assert_int_eq (aut_msg_decode (&msg, head, sizeof head, map, size), AUT_ERR_INVALID);
    ck_assert_uint_eq (msg.error.req, 42);
    aut_msg_clear (&msg);
}
END_TEST

START_TEST (nothing_answers_an_error)
{
    uint8_t head[AUT_HEAD_SIZE] = {'A', 'U', 'T', '1', AUT_MSG_ERROR};
    aut_msg_t msg;
    ck_assert_int_eq (aut_msg_decode (&msg, head, sizeof head, "\xc0", 1), AUT_ERR_INVALID);
    ck_assert_int_eq (msg.type, 0);
    aut_msg_clear (&msg);
}
END_TEST

START_TEST (versions)
{
    aut_msg_t msg;
    ck_assert_int_eq (aut_msg_decode (&msg, "AUT2\x01", 5, "\x80", 1), AUT_ERR_VERSION);
    ck_assert_ptr_nonnull (strstr (msg.error.message, "this peer speaks AUT2, we speak AUT1"));
    ck_assert_str_eq (msg.error.code, "version");
    aut_msg_clear (&msg);
    ck_assert_int_eq (aut_msg_decode (&msg, "HTTP/", 5, "\x80", 1), AUT_ERR_INVALID);
    aut_msg_clear (&msg);
    ck_assert_int_eq (aut_msg_decode (&msg, "AUT1", 4, "\x80", 1), AUT_ERR_INVALID);
    aut_msg_clear (&msg);
    ck_assert_int_eq (aut_msg_decode (&msg, "AUT1\x01\x01", 6, "\x80", 1), AUT_ERR_INVALID);
    aut_msg_clear (&msg);
}
END_TEST

START_TEST (unknown_keys_are_ignored)
{
    uint8_t head[AUT_HEAD_SIZE] = {'A', 'U', 'T', '1', AUT_MSG_CANCEL}, map[64];
    size_t size = from_hex ("84 a178 93 c0 81 a179 c3 a0 a3726571 01 a178 01 a36a6f62 a26a31", map);
    aut_msg_t msg;
    ck_assert_int_eq (aut_msg_decode (&msg, head, sizeof head, map, size), 0);
    ck_assert_str_eq (msg.cancel.job, "j1");
    aut_msg_clear (&msg);
}
END_TEST

START_TEST (control_limit)
{
    size_t size = AUT_CONTROL_MAX + 1;
    uint8_t *map = aut_calloc (1, size);
    aut_msg_t msg;
    ck_assert_int_eq (aut_msg_decode (&msg, "AUT1\x01", 5, map, size), AUT_ERR_TOO_LARGE);
    aut_msg_clear (&msg);
    /* as many values as fit, in one array: refused by their number */
    size = 5 + 32768;
    memset (map, 0xc0, size);
    memcpy (map, "\xdd\x00\x00\x80\x00", 5);
    ck_assert_int_eq (aut_msg_decode (&msg, "AUT1\x01", 5, map, size), AUT_ERR_TOO_LARGE);
    ck_assert_ptr_nonnull (strstr (aut_error_detail (), "more than"));
    aut_msg_clear (&msg);
    free (map);
}
END_TEST

START_TEST (encoding_refuses)
{
    char longer[AUT_NAME_MAX + 2];
    memset (longer, 'x', sizeof longer - 1);
    longer[AUT_NAME_MAX + 1] = 0;
    const aut_msg_t bad[] = {
        {.type = AUT_MSG_CANCEL, .cancel = {1, NULL}},
        {.type = AUT_MSG_CANCEL, .cancel = {1, ""}},
        {.type = AUT_MSG_CANCEL, .cancel = {1, longer}},
        {.type = AUT_MSG_CANCEL, .cancel = {1, "\xff"}},
        {.type = AUT_MSG_CANCEL, .cancel = {0, "j1"}},
        {.type = AUT_MSG_SUBMIT, .submit = {1, {{{0}}, 1}, 0, NULL, "p"}},
        {.type = AUT_MSG_SUBMIT, .submit = {1, {{{1}}, 1}, 101, NULL, "p"}},
        {.type = AUT_MSG_DONE,
         .done = {{1, 1, 1}, {{{1}}, 1}, {{{1}}, 1}, {{{0}}, 0}, {{{0}}, 0}, NULL, 0, -1, 0, "c"}},
        {.type = AUT_MSG_ASSIGN, .assign = {{1, 1, 1}, 0, 1, "j1", NULL, 0, {{{0}}, 0}, NULL, 0}},
        {.type = AUT_MSG_ASSIGN,
         .assign = {{1, 1, 1}, 0, 1, "j1", (const uint8_t *)"x", 1, {{{1}}, 0}, NULL, 0}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t head[AUT_HEAD_SIZE];
        aut_buffer_t map = {0};
        aut_buffer_text (&map, "before");
        ck_assert_msg (aut_msg_encode (&bad[i], head, &map) == AUT_ERR_INVALID, "%zu", i);
        ck_assert_uint_eq (map.size, 6);
        aut_buffer_clear (&map);
    }
}
END_TEST

START_TEST (too_large_is_not_sent)
{
    char *manifest = aut_calloc (1, AUT_MANIFEST_MAX + 1);
    memset (manifest, 'm', AUT_MANIFEST_MAX);
    const char *items[] = {manifest, manifest};
    aut_msg_t msg = {.type = AUT_MSG_MODELS_PAGE, .models_page = {1, 0, items, 2}};
    uint8_t head[AUT_HEAD_SIZE];
    aut_buffer_t map = {0};
    ck_assert_int_eq (aut_msg_encode (&msg, head, &map), AUT_ERR_TOO_LARGE);
    ck_assert_uint_eq (map.size, 0);
    msg.models_page.item_count = 1;
    ck_assert_int_eq (aut_msg_encode (&msg, head, &map), 0);
    aut_buffer_clear (&map);
    free (manifest);
}
END_TEST

/*  The longest picture fits beside the longest numbers; one byte more is refused at both ends. */
START_TEST (preview_bound)
{
    uint8_t *picture = aut_calloc (1, AUT_PREVIEW_MAX + 1);
    aut_msg_t msg = {.type = AUT_MSG_PROGRESS,
                     .progress = {{UINT64_MAX, UINT32_MAX, UINT64_MAX},
                                  UINT32_MAX,
                                  UINT32_MAX,
                                  UINT32_MAX,
                                  UINT32_MAX,
                                  picture,
                                  AUT_PREVIEW_MAX}};
    aut_msg_t back = through (&msg);
    ck_assert_uint_eq (back.progress.preview_size, AUT_PREVIEW_MAX);
    aut_msg_clear (&back);
    uint8_t head[AUT_HEAD_SIZE];
    aut_buffer_t map = {0};
    msg.progress.preview_size++;
    ck_assert_int_eq (aut_msg_encode (&msg, head, &map), AUT_ERR_INVALID);
    msg.progress.preview_size--;
    ck_assert_int_eq (aut_msg_encode (&msg, head, &map), 0);
    char *size = memmem (map.data, map.size, "preview\xc5\xf0\x00", 10);
    ck_assert_ptr_nonnull (size);
    size[9] = 1; /* says, and has, one byte more */
    aut_buffer_append (&map, "", 1);
    ck_assert_int_eq (aut_msg_decode (&back, head, sizeof head, map.data, map.size),
                      AUT_ERR_INVALID);
    aut_msg_clear (&back);
    aut_buffer_clear (&map);
    free (picture);
}
END_TEST

START_TEST (clip)
{
    char out[6];
    ck_assert_str_eq (aut_msg_clip (out, sizeof out, "abc"), "abc");
    ck_assert_str_eq (aut_msg_clip (out, sizeof out, "abcdefgh"), "abcde");
    ck_assert_str_eq (aut_msg_clip (out, sizeof out, "abcd\xc3\xa9"), "abcd");
    ck_assert_str_eq (aut_msg_clip (out, sizeof out,
                                    "a\xff"
                                    "b"),
                      "a?b");
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("message");
    TCase *tc = tcase_create ("codec");
    tcase_set_timeout (tc, 60);
    tcase_add_test (tc, roundtrip);
    tcase_add_test (tc, every_type_has_a_sample);
    tcase_add_test (tc, hello_values);
    tcase_add_test (tc, assign_values);
    tcase_add_test (tc, done_and_results_values);
    tcase_add_test (tc, longest_page_fits);
    tcase_add_loop_test (tc, hostile_bytes, 0, (int)(sizeof hostile / sizeof *hostile));
    tcase_add_test (tc, refusal_repeats_req);
    tcase_add_test (tc, nothing_answers_an_error);
    tcase_add_test (tc, versions);
    tcase_add_test (tc, unknown_keys_are_ignored);
    tcase_add_test (tc, control_limit);
    tcase_add_test (tc, encoding_refuses);
    tcase_add_test (tc, too_large_is_not_sent);
    tcase_add_test (tc, preview_bound);
    tcase_add_test (tc, clip);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
