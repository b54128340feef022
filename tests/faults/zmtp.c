/*  See zmtp.h. */
#include "tests/faults/zmtp.h"

#include <string.h>

#define GREETING 64
#define MORE 1
#define LONG 2
#define COMMAND 4

typedef struct {
    uint8_t flags;
    size_t header, size;
} frame_t;

static bool read_frame (frame_t *frame, const uint8_t *data, size_t size)
{
    if (size < 2)
        return false;
    *frame = (frame_t){.flags = data[0], .header = 2, .size = data[1]};
    if (frame->flags & LONG) {
        if (size < 9)
            return false;
        frame->header = 9;
        frame->size = 0;
        for (int i = 1; i < 9; i++)
            frame->size = frame->size << 8 | data[i];
    }
    return size - frame->header >= frame->size;
}

size_t zmtp_next (zmtp_t *self, const uint8_t *data, size_t size, zmtp_unit_t *unit)
{
    memset (unit, 0, sizeof *unit);
    if (self->greeted < GREETING) {
        size_t part = GREETING - self->greeted < size ? GREETING - self->greeted : size;
        self->greeted += part;
        return part;
    }
    frame_t frame;
    size_t at = 0;
    for (int i = 0;; i++) {
        if (!read_frame (&frame, data + at, size - at))
            return 0;
        const uint8_t *body = data + at + frame.header;
        if (i == 0) {
            unit->message = !(frame.flags & COMMAND);
            unit->head = body;
            unit->head_size = frame.size;
        } else if (i == 1) {
            unit->map = body;
            unit->map_size = frame.size;
        }
        at += frame.header + frame.size;
        if (!(frame.flags & MORE))
            return at;
    }
}
