/*  What three peers say to the artifact service, in any order and with any numbers: its bounds
 * hold, and nothing is stored under a name that is not its content's.
 *
 *  The input is a row of 8-byte steps: what, who, which transfer, which blob, and two numbers.
 */
#include "lib/core/blob.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/hash.h"
#include "proto/artifact_server.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP 8
#define STEPS_MAX 64
#define BLOBS 4
#define TRANSFERS 6
#define PEER_TRANSFERS 3

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/*  In memory where that is there: each stored blob is synced. */
static char folder[64];
static aut_blobs_t *blobs;
static aut_hash_t names[BLOBS];

/*  Blob i is 100 × (i + 1) bytes 'a' + i. */
static size_t fill (uint8_t *bytes, size_t i)
{
    size_t size = 100 * (i + 1);
    memset (bytes, 'a' + (int)i, size);
    return size;
}

static void stop (void)
{
    aut_blobs_destroy (&blobs);
    aut_dir_remove (folder);
}

static void start (void)
{
    uint8_t bytes[100 * BLOBS];
    snprintf (folder, sizeof folder, "%s/auteur-fuzz-artifact-XXXXXX",
              access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp (folder) || aut_blobs_open (&blobs, folder, 0) != 0)
        abort ();
    for (size_t i = 0; i < BLOBS; i++)
        names[i] = aut_hash_of (bytes, fill (bytes, i));
    atexit (stop);
}

static int take (void *ctx, const aut_peer_t *peer, const aut_msg_t *msg, void *body,
                 size_t body_size, aut_flight_t *flight)
{
    uint64_t *sent = ctx;
    (void)peer;
    (void)msg;
    *sent += body_size;
    free (body);
    aut_flight_land (flight);
    return 0;
}

static void play (aut_artifact_server_t *server, const uint8_t *step, int64_t *now)
{
    static const char *const users[] = {"", "a key"};
    uint8_t body[100 * BLOBS];
    aut_peer_t peer = {.size = 1, .bytes = {(uint8_t)(step[1] % 3)}};
    size_t blob = step[3] % BLOBS, body_size = fill (body, blob);
    uint64_t xfer = 1 + step[2] % 5, number = step[4] | (uint64_t)step[5] << 8;
    aut_msg_t msg = {0};
    const void *with = NULL;
    switch (step[0] % 6) {
    case 0:
        msg = (aut_msg_t){.type = AUT_MSG_PUT, .put = {xfer, names[blob], body_size}};
        if (step[6] & 1)
            msg.put.size = number + 1;
        break;
    case 1:
        msg = (aut_msg_t){.type = AUT_MSG_DATA, .data = {.xfer = xfer}};
        msg.data.offset = step[6] & 1 ? number : 0;
        with = body;
        body_size = step[6] & 2 ? 1 + number % body_size : body_size;
        body[0] ^= step[6] & 4 ? 1 : 0;
        break;
    case 2:
        msg = (aut_msg_t){.type = AUT_MSG_CREDIT, .credit = {xfer, number + 1}};
        break;
    case 3:
        msg = (aut_msg_t){.type = AUT_MSG_GET, .get = {xfer, names[blob], number, step[6] + 1}};
        break;
    case 4:
        msg = (aut_msg_t){.type = AUT_MSG_CLOSE, .close = {xfer}};
        break;
    default:
        *now += (int64_t)number;
        aut_artifact_server_tick (server, *now);
        return;
    }
    aut_artifact_server_message (server, &peer, users[step[1] / 3 % 2], &msg, with,
                                 with ? body_size : 0, *now);
}

static void check_blobs (void)
{
    for (size_t i = 0; i < BLOBS; i++) {
        char *data = NULL;
        size_t size = 0;
        if (aut_blobs_read (blobs, &names[i], 1000, &data, &size) == 0) {
            aut_hash_t hash = aut_hash_of (data, size);
            if (!aut_hash_equal (&hash, &names[i]))
                abort ();
            aut_blobs_remove (blobs, &names[i]);
        }
        free (data);
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const aut_artifact_limits_t limits = {
        .transfers = TRANSFERS, .peer_transfers = PEER_TRANSFERS, .blob_max = 1000};
    aut_artifact_server_t *server = NULL;
    aut_artifact_stats_t stats;
    uint64_t sent = 0;
    int64_t now = 0;
    if (!blobs)
        start ();
    if (aut_artifact_server_new (&server, blobs, &limits, take, &sent) != 0)
        abort ();
    for (size_t i = 0; i + STEP <= size && i < (size_t)STEP * STEPS_MAX; i += STEP) {
        play (server, data + i, &now);
        aut_artifact_server_stats (server, &stats);
        if (stats.transfers > TRANSFERS || stats.sent != sent)
            abort ();
    }
    aut_artifact_server_destroy (&server);
    check_blobs ();
    return 0;
}
