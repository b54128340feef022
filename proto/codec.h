/*  The table-driven codec under proto/message.h and proto/worker.h: a struct described by a table
 * of fields ↔ one msgpack map. Internal to proto/.
 *
 *  Decoding is strict for what the table knows (type, bounds, duplicates, missing keys) and blind
 * to what it does not: unknown keys are skipped, after the scan has measured their values.
 */
#ifndef AUT_PROTO_CODEC_H
#define AUT_PROTO_CODEC_H

#include "lib/core/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    AUT_KIND_U64,
    AUT_KIND_U32,
    AUT_KIND_I32,
    AUT_KIND_BOOL,
    AUT_KIND_F64,    /* finite, ≥ 0 */
    AUT_KIND_STR,    /* const char *: UTF-8 without NUL; bounds in bytes */
    AUT_KIND_BIN,    /* const uint8_t *, size_t at `count`; a 0 is put after it */
    AUT_KIND_FIXED,  /* uint8_t[max], inline */
    AUT_KIND_HASH,   /* aut_hash_t; all zero is absent */
    AUT_KIND_REF,    /* aut_ref_t; a zero hash is absent */
    AUT_KIND_MAP,    /* an inline struct described by `of` */
    AUT_KIND_STRS,   /* const char *const *, size_t at `count`; elements of ≤ `element` bytes */
    AUT_KIND_HASHES, /* const aut_hash_t *, size_t at `count` */
    AUT_KIND_MAPS    /* const struct *, size_t at `count`, described by `of` */
} aut_kind_t;

typedef struct aut_schema aut_schema_t;

typedef struct {
    const char *key;
    aut_kind_t kind;
    bool optional;
    size_t offset;
    size_t count;   /* offset of the size_t count */
    int64_t min;    /* of the number, length or count */
    uint64_t max;   /* likewise; 0 = no bound for numbers */
    size_t element; /* STRS: longest element */
    const aut_schema_t *of;
} aut_field_t;

struct aut_schema {
    const char *name;
    const aut_field_t *fields;
    size_t field_count; /* ≤ 32 */
    size_t size;        /* of the struct */
};

/*  Rows of a table; T is the struct, `m` its member and key. */
#define AUT_F_NUM(k, T, m, lo, hi)                                                                 \
    {                                                                                              \
        .key = #m, .kind = AUT_KIND_##k, .offset = offsetof (T, m), .min = (lo), .max = (hi)       \
    }
#define AUT_F_ANY(k, T, m)                                                                         \
    {                                                                                              \
        .key = #m, .kind = AUT_KIND_##k, .offset = offsetof (T, m)                                 \
    }
#define AUT_F_OPT(k, T, m)                                                                         \
    {                                                                                              \
        .key = #m, .kind = AUT_KIND_##k, .offset = offsetof (T, m), .optional = true               \
    }
#define AUT_F_STR(T, m, lo, hi)                                                                    \
    {                                                                                              \
        .key = #m, .kind = AUT_KIND_STR, .offset = offsetof (T, m), .min = (lo), .max = (hi)       \
    }
#define AUT_F_OPTSTR(T, m, hi)                                                                     \
    {                                                                                              \
        .key = #m, .kind = AUT_KIND_STR, .offset = offsetof (T, m), .max = (hi), .optional = true  \
    }
#define AUT_F_MAP(T, m, s)                                                                         \
    {                                                                                              \
        .key = #m, .kind = AUT_KIND_MAP, .offset = offsetof (T, m), .of = (s)                      \
    }
#define AUT_F_LIST(k, T, m, n, hi)                                                                 \
    .key = #m, .kind = AUT_KIND_##k, .offset = offsetof (T, m), .count = offsetof (T, n),          \
    .max = (hi)
#define AUT_SCHEMA(n, T, f)                                                                        \
    {                                                                                              \
        .name = (n), .fields = (f), .field_count = sizeof (f) / sizeof *(f), .size = sizeof (T)    \
    }

/*  Memory of one decoded message. */
typedef struct aut_msg_arena aut_msg_arena_t;
/*  Zeroed bytes; NULL with AUT_ERR_NOMEM recorded. */
void *aut_msg_arena_alloc (aut_msg_arena_t **arena, size_t size);
void aut_msg_arena_destroy (aut_msg_arena_t **arena);

/*  What can be told about a message that is otherwise refused. */
typedef struct {
    uint64_t req, xfer;
} aut_peek_t;

/*  Scans and decodes `map` into the zeroed struct at `out`, with memory from `arena`. `peek` may be
 *  NULL. */
int aut_codec_decode (const aut_schema_t *schema, void *out, aut_msg_arena_t **arena,
                      const void *map, size_t size, aut_peek_t *peek);

/*  Appends the map to `map`; on failure it is as before. */
int aut_codec_encode (const aut_schema_t *schema, const void *in, aut_buffer_t *map);

/*  Checks frame 0 and gives the type byte; AUT_ERR_VERSION, AUT_ERR_INVALID. */
int aut_codec_head (const void *head, size_t size, uint8_t *type);
void aut_codec_write_head (uint8_t *head, uint8_t type);

/*  Whether the bytes are well-formed UTF-8 without NUL. */
bool aut_codec_utf8 (const char *text, size_t size);

#endif
