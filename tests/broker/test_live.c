/*  Pictures of running chunks: what is taken for one, its bounds, whose it is and how long it
 *  lives; first the table alone, then in a broker, by PROGRESS, status, HTTP and data socket. */
#include "broker/live.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "tests/broker/harness.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME 45      /* bytes of a picture of ours around its pixels */
#define PATIENCE 3000 /* looks at a status */

/*  A PNG by its structure: header, `size` − FRAME − 12 bytes full of `mark`, end. */
static uint8_t *make_png (size_t size, uint8_t mark, uint32_t width)
{
    static const uint8_t front[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    static const uint8_t back[] = "\0\0\0\0IEND\xae\x42\x60\x82";
    uint8_t *png = aut_calloc (1, size);
    uint32_t w = htonl (width), h = htonl (180), length = htonl ((uint32_t)(size - FRAME - 12));
    memcpy (png, front, 16);
    memcpy (png + 16, &w, 4);
    memcpy (png + 20, &h, 4);
    memcpy (png + 33, &length, 4);
    memcpy (png + 37, "IDAT", 4);
    memset (png + 41, mark, size - FRAME - 12);
    memcpy (png + size - 12, back, 12);
    return png;
}

/*  Offers one at a time of its own. */
static int offer (aut_live_t *live, size_t size, uint8_t mark, uint32_t width, aut_hash_t *hash)
{
    aut_live_pace_t pace = {0};
    uint8_t *png = make_png (size, mark, width);
    int rc = aut_live_offer (live, &pace, png, size, 10000, hash);
    free (png);
    return rc;
}

static bool is_even (void *ctx, uint64_t task, const aut_hash_t *hash)
{
    (void)ctx;
    (void)hash;
    return task % 2 == 0;
}

START_TEST (the_latest_is_kept_and_the_one_before)
{
    aut_live_t *live = aut_live_new ();
    aut_hash_t hash[3];
    char *data;
    size_t size;
    for (uint8_t i = 0; i < 3; i++) {
        OK (offer (live, 100 + i, i, 320, &hash[i]));
        ck_assert_int_eq (aut_live_read (live, 7, &hash[i], &data, &size), AUT_ERR_NOT_FOUND);
        ck_assert (aut_live_keep (live, 7, &hash[i])); /* offered alone it is nobody's */
        ck_assert (aut_live_has (live, 7, &hash[i]));
        ck_assert (!aut_live_has (live, 8, &hash[i]));
        ck_assert (!aut_live_keep (live, 8, &hash[i])); /* it was taken */
    }
    ck_assert_int_eq (aut_live_read (live, 7, &hash[0], &data, &size), AUT_ERR_NOT_FOUND);
    for (int i = 1; i < 3; i++) {
        OK (aut_live_read (live, 7, &hash[i], &data, &size));
        aut_hash_t got = aut_hash_of (data, size);
        ck_assert (aut_hash_equal (&got, &hash[i]) && size == 100u + (unsigned)i);
        free (data);
        ck_assert_int_eq (aut_live_read (live, 8, &hash[i], &data, &size), AUT_ERR_NOT_FOUND);
    }
    int fd;
    uint64_t bytes;
    char byte;
    OK (aut_live_open (live, &hash[2], &fd, &bytes));
    ck_assert_uint_eq (bytes, 102);
    ck_assert_int_eq (pread (fd, &byte, 1, 50), 1);
    ck_assert_int_eq (byte, 2);
    close (fd);
    ck_assert_int_eq (aut_live_open (live, &hash[0], &fd, &bytes), AUT_ERR_NOT_FOUND);
    aut_live_sweep (live, is_even, NULL);
    ck_assert_uint_eq (aut_live_count (live), 0);
    ck_assert_int_eq (aut_live_open (live, &hash[2], &fd, &bytes), AUT_ERR_NOT_FOUND);
    aut_live_destroy (&live);
    ck_assert_ptr_null (live);
}
END_TEST

START_TEST (only_whole_small_pictures_are_taken)
{
    aut_live_t *live = aut_live_new ();
    aut_hash_t hash;
    OK (offer (live, FRAME + 12, 0, 1, &hash));
    OK (offer (live, AUT_PREVIEW_MAX, 0, 2048, &hash));
    ck_assert_int_eq (offer (live, AUT_PREVIEW_MAX + 1, 0, 320, &hash), AUT_ERR_INVALID);
    ck_assert (aut_hash_is_zero (&hash));
    ck_assert_int_eq (offer (live, 100, 0, 0, &hash), AUT_ERR_INVALID);
    ck_assert_int_eq (offer (live, 100, 0, 2049, &hash), AUT_ERR_INVALID);
    ck_assert_int_eq (offer (live, 100, 0, UINT32_MAX, &hash), AUT_ERR_INVALID);
    uint8_t *png = make_png (200, 1, 320);
    for (size_t size = 0; size < 200;
         size++) { /* cut anywhere; and changed in what it is made of */
        aut_live_pace_t pace = {0};
        ck_assert_int_eq (aut_live_offer (live, &pace, png, size, 10000, &hash), AUT_ERR_INVALID);
    }
    for (size_t at = 0; at < 37; at++) {
        aut_live_pace_t pace = {0};
        if (at >= 16 && at < 33)
            continue;
        png[at] ^= 0x80;
        ck_assert_int_eq (aut_live_offer (live, &pace, png, 200, 10000, &hash), AUT_ERR_INVALID);
        png[at] ^= 0x80;
    }
    free (png);
    aut_live_destroy (&live);
}
END_TEST

START_TEST (a_flood_is_dropped)
{
    aut_live_t *live = aut_live_new ();
    aut_live_pace_t pace = {0};
    aut_hash_t hash, other;
    uint8_t *png = make_png (100, 1, 320);
    int taken = 0;
    for (int64_t now = 50000; now < 52000; now++) { /* a session's: 20 at once, and 20 a second */
        OK (aut_live_offer (live, &pace, png, 100, now, &hash));
        taken += !aut_hash_is_zero (&hash);
    }
    ck_assert_int_ge (taken, 55);
    ck_assert_int_le (taken, 65);
    OK (offer (live, 150, 2, 320, &other)); /* another one's is not dropped for it, */
    ck_assert (aut_live_keep (live, 1, &other));
    for (uint64_t i = 0; i < 256; i++)
        OK (offer (live, 200 + i, 3, 320, i ? &hash : &other));
    ck_assert (aut_live_keep (live, 2, &other));
    OK (offer (live, 999, 4, 320, &hash)); /* until 256 wait: then it is the oldest */
    OK (offer (live, 1000, 4, 320, &hash));
    for (uint64_t i = 0; i < 256; i++)
        OK (offer (live, 2000 + i, 5, 320, &other));
    ck_assert (!aut_live_keep (live, 3, &hash));
    for (uint64_t task = 3; task <= 600; task++) {
        OK (offer (live, 3000 + task, 6, 320, &hash));
        ck_assert (aut_live_keep (live, task, &hash) == (task <= 512));
    }
    ck_assert_uint_eq (aut_live_count (live), 512);
    aut_live_sweep (live, is_even, NULL);
    ck_assert_uint_eq (aut_live_count (live), 256);
    free (png);
    aut_live_destroy (&live);
}
END_TEST

/* ---- in a broker ----------------------------------------------------------------------------- */

static char *dir;
static aut_broker_t *broker;
static aut_endpoints_t endpoints;
static aut_client_t *client;
static char *job;

static node_t *begin (void)
{
    dir = make_dir ();
    broker = start_broker (dir, NULL, &endpoints);
    OK (aut_client_new (&client, &endpoints, NULL));
    node_t *node = new_node (&endpoints, "n", 1, 1);
    join (node);
    job = submit_film (client, "film", 1, 1);
    return node;
}

static void end (node_t *node)
{
    drop_node (&node);
    free (job);
    aut_client_destroy (&client);
    aut_broker_stop (&broker, 0);
    aut_endpoints_clear (&endpoints);
    drop_dir (dir);
}

static void tell (node_t *node, const aut_token_t *token, uint32_t frame, const uint8_t *png,
                  size_t size)
{
    aut_msg_t msg = {.type = AUT_MSG_PROGRESS,
                     .progress = {*token, 0, 0, frame, 100, size ? png : NULL, size}};
    OK (aut_net_send (node->sock, &msg, NULL, 0));
}

/*  What the status says of the one chunk: its preview, "" for null; and its progress. */
static void look (char preview[AUT_HASH_HEX], double *progress, const char **state)
{
    static char text[32];
    json_t *reply = query (client, "{\"get\":\"job\",\"id\":\"j1\"}");
    json_t *shot = json_array_get (json_object_get (reply, "shots"), 0);
    json_t *chunk = json_array_get (json_object_get (shot, "chunks"), 0);
    ck_assert_ptr_nonnull (chunk);
    const char *hex = json_string_value (json_object_get (chunk, "preview"));
    snprintf (preview, AUT_HASH_HEX, "%s", hex ? hex : "");
    *progress = json_number_value (json_object_get (chunk, "progress"));
    snprintf (text, sizeof text, "%s", json_string_value (json_object_get (chunk, "state")));
    *state = text;
    json_decref (reply);
}

/*  Waits until the chunk's progress is frame / 100, and gives its preview then. */
static void await_frame (uint32_t frame, char preview[AUT_HASH_HEX])
{
    double progress = -1;
    const char *state;
    for (int i = 0; i < PATIENCE && (int)(progress * 100 + 0.5) != (int)frame; i++)
        look (preview, &progress, &state);
    ck_assert_int_eq ((int)(progress * 100 + 0.5), (int)frame);
}

/*  The answer's first line and what follows it, of at most 64 KiB. */
static char *http (const char *path)
{
    unsigned port = (unsigned)strtoul (strrchr (endpoints.http, ':') + 1, NULL, 10);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons ((uint16_t)port),
                                  .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *line =
        aut_sprintf ("GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    char *answer = aut_calloc (1, 1 << 17);
    size_t size = 0;
    ssize_t n;
    ck_assert_int_eq (connect (fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq (send (fd, line, strlen (line), 0), (ssize_t)strlen (line));
    while ((n = recv (fd, answer + size, (1 << 17) - 1 - size, 0)) > 0)
        size += (size_t)n;
    free (line);
    close (fd);
    return answer;
}

static void expect_http (const char *hex, uint64_t task, const char *status)
{
    char *path = aut_sprintf ("/preview/%s.png?task=t%llu", hex, (unsigned long long)task);
    char *answer = http (path);
    ck_assert_msg (strncmp (answer + 9, status, 3) == 0, "%s: %.40s", path, answer);
    free (answer);
    free (path);
}

static int fetch (node_t *node, const char *hex, char **data, size_t *size)
{
    aut_hash_t hash;
    OK (aut_hash_parse (&hash, hex));
    return aut_artifact_get_bytes (node->artifacts, &hash, AUT_PREVIEW_MAX, data, size);
}

START_TEST (a_running_chunk_shows_its_latest_picture)
{
    char said[AUT_HASH_HEX], other[AUT_HASH_HEX];
    node_t *node = begin ();
    aut_token_t token = take_task (node);
    uint8_t *first = make_png (AUT_PREVIEW_MAX, 1, 320), *second = make_png (5000, 2, 320);
    tell (node, &token, 10, NULL, 0);
    await_frame (10, said);
    ck_assert_str_eq (said, "");
    tell (node, &token, 20, first, AUT_PREVIEW_MAX);
    await_frame (20, said);
    aut_hash_t hash = aut_hash_of (first, AUT_PREVIEW_MAX);
    ck_assert_str_eq (said, aut_hash_hex (&hash, other));
    expect_http (said, token.task, "200");
    expect_http (said, token.task + 1, "404"); /* another task's */
    char *data = NULL;
    size_t size = 0;
    OK (fetch (node, said, &data, &size));
    ck_assert_uint_eq (size, AUT_PREVIEW_MAX);
    ck_assert_mem_eq (data, first, size);
    free (data);
    /* one at once after it is not taken, nor one that is no picture: both say their progress */
    tell (node, &token, 30, second, 5000);
    await_frame (30, other);
    ck_assert_str_eq (other, said);
    for (uint32_t i = 0; strcmp (other, said) == 0 && i < PATIENCE; i++) {
        tell (node, &token, 31 + i % 60, second,
              5000); /* later it is: the one before stays a while */
        double part;
        const char *state;
        usleep (10000);
        look (other, &part, &state);
    }
    hash = aut_hash_of (second, 5000);
    ck_assert_str_ne (other, said);
    expect_http (other, token.task, "200");
    expect_http (said, token.task, "200");
    tell (node, &token, 95, (const uint8_t *)"GIF89a", 6);
    await_frame (95, said);
    ck_assert_str_eq (said, other);
    free (first);
    free (second);
    end (node);
}
END_TEST

START_TEST (it_goes_with_its_lease)
{
    char said[AUT_HASH_HEX] = "", later[AUT_HASH_HEX];
    double part;
    const char *state = "";
    node_t *node = begin (), *liar = new_node (&endpoints, "liar", 1, 1);
    aut_token_t token = take_task (node), stale = token;
    uint8_t *png = make_png (3000, 1, 320), *lie = make_png (3000, 2, 320);
    join (liar);
    tell (liar, &token, 50, lie, 3000); /* not its lease, */
    stale.attempt++;
    tell (node, &stale, 50, lie, 3000); /* not this attempt */
    tell (node, &token, 20, png, 3000);
    await_frame (20, said);
    aut_hash_t hash = aut_hash_of (png, 3000);
    ck_assert_str_eq (said, aut_hash_hex (&hash, later));
    aut_hash_t false_hash = aut_hash_of (lie, 3000);
    expect_http (aut_hash_hex (&false_hash, later), token.task, "404");
    say_fail (node, &token, "internal");
    for (int i = 0; strcmp (state, "leased") != 0 || *said; i++) { /* the next attempt has none */
        ck_assert_int_lt (i, PATIENCE);
        usleep (10000);
        look (said, &part, &state);
    }
    char *data;
    size_t size;
    int rc = 0;
    for (int i = 0; rc == 0; i++) { /* and the old one is let go */
        ck_assert_int_lt (i, PATIENCE);
        rc = fetch (node, aut_hash_hex (&hash, later), &data, &size);
        if (rc == 0)
            free (data);
        usleep (10000);
    }
    ck_assert_int_eq (rc, AUT_ERR_NOT_FOUND);
    expect_http (later, token.task, "404");
    free (png);
    free (lie);
    drop_node (&liar);
    end (node);
}
END_TEST

int main (void)
{
    Suite *suite = suite_create ("live");
    TCase *tc = tcase_create ("live");
    tcase_set_timeout (tc, 120);
    tcase_add_test (tc, the_latest_is_kept_and_the_one_before);
    tcase_add_test (tc, only_whole_small_pictures_are_taken);
    tcase_add_test (tc, a_flood_is_dropped);
    tcase_add_test (tc, a_running_chunk_shows_its_latest_picture);
    tcase_add_test (tc, it_goes_with_its_lease);
    suite_add_tcase (suite, tc);
    SRunner *runner = srunner_create (suite);
    srunner_run_all (runner, CK_ENV);
    int failed = srunner_ntests_failed (runner);
    srunner_free (runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
