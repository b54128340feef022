/*  What an upload reads from and a download writes to. Internal to proto/. */
#ifndef AUT_PROTO_ARTIFACT_SOURCE_H
#define AUT_PROTO_ARTIFACT_SOURCE_H

#include "lib/core/blob.h"
#include "lib/core/buffer.h"

/*  Bytes in memory (`data`) or an open file (`fd`). */
typedef struct {
    aut_hash_t hash;
    uint64_t size;
    const char *data;
    int fd;
} aut_source_t;

/*  Reads exactly `size` bytes at `offset`; AUT_ERR_CORRUPT if the file became shorter. */
int aut_source_read (const aut_source_t *self, uint64_t offset, void *buffer, size_t size);

typedef enum { AUT_SINK_BLOB, AUT_SINK_FILE, AUT_SINK_BYTES } aut_sink_kind_t;

/*  Set the first four members, zero the rest. */
typedef struct {
    aut_sink_kind_t kind;
    aut_hash_t hash;
    aut_blobs_t *blobs; /* BLOB */
    const char *path;   /* FILE */
    uint64_t max;       /* BYTES: most that is taken */

    bool open; /* the size is known */
    uint64_t size, offset;
    aut_blob_writer_t *writer;
    int fd;
    char *temp;
    aut_hasher_t *hasher;
    aut_buffer_t bytes;
} aut_sink_t;

/*  The size is known: opens, and sets `offset` to where to go on. */
int aut_sink_open (aut_sink_t *self, uint64_t size);
int aut_sink_write (aut_sink_t *self, const void *data, size_t size);
/*  Checks the hash and makes it durable; after AUT_ERR_CORRUPT it can be opened anew, from 0. */
int aut_sink_commit (aut_sink_t *self);
void aut_sink_clear (aut_sink_t *self);

#endif
