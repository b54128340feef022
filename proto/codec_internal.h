/*  What decoding and encoding share: where in a message a fault is, said as "SUBMIT:
 * submission.size". Internal to the codec. */
#ifndef AUT_PROTO_CODEC_INTERNAL_H
#define AUT_PROTO_CODEC_INTERNAL_H

#include "proto/codec.h"

#define AUT_NO_INDEX ((size_t)-1)

/*  A place, linked from the inside out; lives on the stack of the walk. */
typedef struct aut_place {
    const struct aut_place *up;
    const char *key; /* NULL for an element of the array above */
    size_t index;
} aut_place_t;

/*  Fails with AUT_ERR_INVALID and "MESSAGE: place: sentence". */
int aut_place_fail (const char *message, const aut_place_t *place, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/*  The bounds that decoding and encoding check in the same way: 0 or a failure at `place`. */
int aut_check_unsigned (const char *message, const aut_place_t *place, const aut_field_t *field,
                        uint64_t value);
int aut_check_signed (const char *message, const aut_place_t *place, const aut_field_t *field,
                      int64_t value);
int aut_check_text (const char *message, const aut_place_t *place, const char *text, size_t size,
                    size_t min, size_t max);
int aut_check_count (const char *message, const aut_place_t *place, const aut_field_t *field,
                     size_t count);

extern const aut_schema_t aut_schema_ref; /* aut_ref_t */

#endif
