/*  See preview.h. */
#include "node/worker/preview.h"

#include "lib/core/error.h"
#include "proto/message.h"

#include <stdlib.h>

#define WIDTH 320
#define EVERY_MS 5000
#define SHARE 20 /* one part in so many of the time */
#define TRIES 6

void aut_preview_begin (aut_preview_pace_t *self, int64_t now)
{
    int64_t every = self->every ? self->every : EVERY_MS;
    int64_t least = self->cost * SHARE;
    self->due = now + (every > least ? every : least);
}

bool aut_preview_is_due (const aut_preview_pace_t *self, int64_t now)
{
    return self->every >= 0 && now >= self->due;
}

void aut_preview_made (aut_preview_pace_t *self, int64_t began, int64_t now)
{
    self->cost = now - began;
    aut_preview_begin (self, now);
}

static int scale (aut_picture_t **out, const aut_picture_t *whole, uint32_t most)
{
    uint32_t width = whole->width < most ? whole->width : most;
    uint32_t height = (uint32_t)((uint64_t)whole->height * width / whole->width);
    return aut_picture_scale (out, whole, width, height ? height : 1, AUT_SCALE_STRETCH);
}

int aut_preview_scale (aut_picture_t **out, const aut_picture_t *whole)
{
    return scale (out, whole, WIDTH);
}

int aut_preview_png (uint8_t **data, size_t *size, const aut_picture_t *whole)
{
    uint32_t width = WIDTH;
    for (int i = 0; i < TRIES; i++, width = width * 3 / 4) {
        aut_picture_t *small = NULL;
        int rc = scale (&small, whole, width);
        if (rc == 0)
            rc = aut_picture_png (small, data, size);
        aut_picture_destroy (&small);
        if (rc < 0 || *size <= AUT_PREVIEW_MAX)
            return rc;
        free (*data);
        *data = NULL;
    }
    return aut_fail (AUT_ERR_TOO_LARGE, "a preview of %zu bytes", *size);
}
