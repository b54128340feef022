/*  The wire format (https://protobuf.dev/programming-guides/encoding): a message is a row of
 *  fields, each a key (number · 8 + wire type), then a varint, 4 or 8 bytes, or a length and as
 * many bytes. What is of no interest is skipped; a field that comes twice counts the last time.
 */
#include "node/engine/text/spiece.h"

#include "lib/core/error.h"

#include <stdint.h>

enum { MODEL_TRAINER = 2, MODEL_NORMALIZER = 3 };
enum { TRAINER_MODEL_TYPE = 3, TRAINER_BYTE_FALLBACK = 35 };
enum { NORMALIZER_CHARSMAP = 2 };
enum { TYPE_UNIGRAM = 1 };

typedef struct {
    const unsigned char *at, *end;
} message_t;

typedef struct {
    uint64_t number;
    uint64_t value;   /* of a varint */
    message_t inside; /* of a length-delimited field, else empty */
} field_t;

static bool read_varint (message_t *self, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && self->at < self->end; shift += 7) {
        unsigned char byte = *self->at++;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool read_field (message_t *self, field_t *out)
{
    uint64_t key, skip = 0;
    *out = (field_t){0};
    if (!read_varint (self, &key))
        return false;
    out->number = key >> 3;
    switch (key & 7) {
    case 0:
        return read_varint (self, &out->value);
    case 1:
        skip = 8;
        break;
    case 2:
        if (!read_varint (self, &skip))
            return false;
        break;
    case 5:
        skip = 4;
        break;
    default:
        return false;
    }
    if (skip > (uint64_t)(self->end - self->at))
        return false;
    out->inside = (message_t){self->at, self->at + skip};
    self->at += skip;
    return true;
}

static bool read_trainer (spiece_t *out, message_t trainer)
{
    field_t field;
    while (trainer.at < trainer.end) {
        if (!read_field (&trainer, &field))
            return false;
        if (field.number == TRAINER_MODEL_TYPE)
            out->unigram = field.value == TYPE_UNIGRAM;
        if (field.number == TRAINER_BYTE_FALLBACK)
            out->bytes = field.value != 0;
    }
    return true;
}

static bool read_normalizer (spiece_t *out, message_t normalizer)
{
    field_t field;
    while (normalizer.at < normalizer.end) {
        if (!read_field (&normalizer, &field))
            return false;
        if (field.number == NORMALIZER_CHARSMAP && field.inside.at) {
            out->charsmap = (const char *)field.inside.at;
            out->charsmap_size = (size_t)(field.inside.end - field.inside.at);
        }
    }
    return true;
}

int spiece_read (spiece_t *out, const char *data, size_t size, const char *label)
{
    *out = (spiece_t){.unigram = true};
    message_t model = {(const unsigned char *)data, (const unsigned char *)data + size};
    field_t field;
    bool fine = true;
    while (fine && model.at < model.end) {
        fine = read_field (&model, &field);
        if (fine && field.number == MODEL_TRAINER)
            fine = read_trainer (out, field.inside);
        if (fine && field.number == MODEL_NORMALIZER)
            fine = read_normalizer (out, field.inside);
    }
    return fine ? 0 : aut_fail (AUT_ERR_CORRUPT, "%s: not a SentencePiece model", label);
}
