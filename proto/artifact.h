/*  The artifact service's client: blobs to and from a broker's data socket.
 *
 *  A transfer survives lost connections and a broker's restart: it starts again from the offset
 *  that the receiver has. Hashes are checked at both ends. One handle has one socket and belongs to
 *  one thread; one transfer at a time.
 */
#ifndef AUT_PROTO_ARTIFACT_H
#define AUT_PROTO_ARTIFACT_H

#include "lib/core/blob.h"
#include "proto/keys.h"
#include "proto/message.h"

#define AUT_WINDOW (8 << 20)  /* byte credit that a receiver gives a sender */
#define AUT_CHUNK (512 << 10) /* body size of DATA */

typedef struct aut_artifact_client aut_artifact_client_t;

/*  All optional; zero-initialise for the defaults. Callbacks run on the calling thread. */
typedef struct {
    /*  Before the service's first answer ever: so long, then AUT_ERR_UNREACHABLE; 0 = for ever. */
    int64_t contact_ms;
    /*  After that, a transfer that moves nothing for so long ends with AUT_ERR_TIMEOUT; 0 = never.
     */
    int64_t patience_ms;
    /*  Without an answer for so long the socket is opened anew and the transfer resumed; 0 = 5000.
     */
    int64_t silent_ms;
    /*  Asked at least every 100 ms; true ends the transfer with AUT_ERR_CANCELLED. */
    bool (*cancelled) (void *ctx);
    /*  Asked before a transfer and each second of silence: the data socket's address as far as is
     *  known now, valid until the next call. Another one than before is where the transfer goes on.
     */
    const char *(*whereabouts) (void *ctx);
    /*  The keys to connect with; NULL or empty = without. Copied. */
    const aut_curve_t *curve;
    void (*progress) (void *ctx, uint64_t done, uint64_t size);
    void *ctx;
} aut_artifact_options_t;

/*  `endpoint` is the data socket's; `options` is copied and may be NULL. */
int aut_artifact_client_new (aut_artifact_client_t **out, const char *endpoint,
                             const aut_artifact_options_t *options);
void aut_artifact_client_destroy (aut_artifact_client_t **self_p);

/*  Uploads: return once the service says STORED, that is durable. `ref` receives hash and size and
 *  may be NULL. A blob that the service has already costs one round trip. Besides the transfer's
 *  errors: AUT_ERR_NO_SPACE, AUT_ERR_TOO_LARGE, AUT_ERR_CORRUPT (three times) from the service. */
int aut_artifact_put_bytes (aut_artifact_client_t *self, aut_ref_t *ref, const void *data,
                            size_t size);
int aut_artifact_put_file (aut_artifact_client_t *self, aut_ref_t *ref, const char *path);
int aut_artifact_put_blob (aut_artifact_client_t *self, aut_ref_t *ref, aut_blobs_t *blobs,
                           const aut_hash_t *hash);

/*  Downloads. AUT_ERR_NOT_FOUND if the service has no such
 *  blob. get_blob goes on from a partial download kept in `blobs`, also of an earlier process; a
 * blob that is there costs no message. get_file writes `path` durably by rename. get_bytes adds a 0
 * after the last byte, refuses more than `max` bytes with AUT_ERR_TOO_LARGE, and the caller frees.
 */
int aut_artifact_get_blob (aut_artifact_client_t *self, aut_blobs_t *blobs, const aut_hash_t *hash);
int aut_artifact_get_file (aut_artifact_client_t *self, const char *path, const aut_hash_t *hash);
int aut_artifact_get_bytes (aut_artifact_client_t *self, const aut_hash_t *hash, uint64_t max,
                            char **data, size_t *size);

#endif
