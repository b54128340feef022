/*  One pass with a fixed stack of "values still to come" per open map or array. */
#include "proto/scan.h"

#include "lib/core/error.h"

#include <stdint.h>

typedef struct {
    const uint8_t *data;
    size_t size, at;
    size_t values;
    uint64_t left[AUT_SCAN_DEPTH]; /* values still to come in each open container */
    size_t depth;
} scan_t;

/*  Reads a big-endian length of `bytes` bytes. */
static int read_length (scan_t *self, size_t bytes, uint64_t *length)
{
    if (self->size - self->at < bytes)
        return aut_fail (AUT_ERR_INVALID, "msgpack: ends inside a length at byte %zu", self->at);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | self->data[self->at + i];
    self->at += bytes;
    *length = value;
    return 0;
}

static int skip (scan_t *self, uint64_t length)
{
    if (length > self->size - self->at)
        return aut_fail (AUT_ERR_INVALID,
                         "msgpack: %llu bytes announced at byte %zu, %zu are there",
                         (unsigned long long)length, self->at, self->size - self->at);
    self->at += (size_t)length;
    return 0;
}

static int open_container (scan_t *self, uint64_t count)
{
    if (count > self->size - self->at)
        return aut_fail (AUT_ERR_INVALID,
                         "msgpack: %llu values announced at byte %zu, at most %zu are there",
                         (unsigned long long)count, self->at, self->size - self->at);
    if (self->depth == AUT_SCAN_DEPTH)
        return aut_fail (AUT_ERR_TOO_LARGE, "msgpack: nested deeper than %d at byte %zu",
                         AUT_SCAN_DEPTH, self->at);
    self->left[self->depth++] = count;
    return 0;
}

/*  Reads a length of `bytes` bytes, then skips `extra` bytes and as many as it says. */
static int skip_counted (scan_t *self, size_t bytes)
{
    uint64_t length = 0;
    int rc = read_length (self, bytes, &length);
    return rc ? rc : skip (self, length);
}

static int open_counted (scan_t *self, size_t bytes, unsigned factor)
{
    uint64_t count = 0;
    int rc = read_length (self, bytes, &count);
    return rc ? rc : open_container (self, count * factor);
}

/*  The value whose first byte is `b`, 0xc0 … 0xdf. */
static int scan_typed (scan_t *self, uint8_t b)
{
    static const uint8_t number_bytes[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8}; /* 0xca … 0xd3 */
    switch (b) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
        return 0;
    case 0xc4:
    case 0xd9:
        return skip_counted (self, 1);
    case 0xc5:
    case 0xda:
        return skip_counted (self, 2);
    case 0xc6:
    case 0xdb:
        return skip_counted (self, 4);
    case 0xdc:
        return open_counted (self, 2, 1);
    case 0xdd:
        return open_counted (self, 4, 1);
    case 0xde:
        return open_counted (self, 2, 2);
    case 0xdf:
        return open_counted (self, 4, 2);
    default:
        if (b >= 0xca && b <= 0xd3)
            return skip (self, number_bytes[b - 0xca]);
        return aut_fail (AUT_ERR_INVALID, "msgpack: type 0x%02x at byte %zu is not allowed here", b,
                         self->at - 1);
    }
}

static int scan_value (scan_t *self)
{
    if (self->at == self->size)
        return aut_fail (AUT_ERR_INVALID, "msgpack: ends at byte %zu before its last value",
                         self->at);
    if (++self->values > AUT_SCAN_VALUES)
        return aut_fail (AUT_ERR_TOO_LARGE, "msgpack: more than %d values", AUT_SCAN_VALUES);
    uint8_t b = self->data[self->at++];
    if (b <= 0x7f || b >= 0xe0)
        return 0;
    if (b <= 0x8f)
        return open_container (self, 2u * (b & 0x0f));
    if (b <= 0x9f)
        return open_container (self, b & 0x0f);
    if (b <= 0xbf)
        return skip (self, b & 0x1f);
    return scan_typed (self, b);
}

int aut_scan (const void *data, size_t size)
{
    scan_t self = {.data = data, .size = size};
    do {
        if (self.depth)
            self.left[self.depth - 1]--;
        int rc = scan_value (&self);
        if (rc)
            return rc;
        while (self.depth && self.left[self.depth - 1] == 0)
            self.depth--;
    } while (self.depth);
    if (self.at != size)
        return aut_fail (AUT_ERR_INVALID, "msgpack: %zu bytes after the value", size - self.at);
    return 0;
}
