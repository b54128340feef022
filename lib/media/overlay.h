/*  Internal to lib/media: words over pictures, by libass: shaping, bidirectional text, line breaks
 *  and fallback fonts are its work, so any script that the installed fonts have comes out.
 *
 *  Text is plain: nothing in it is taken for markup. Lengths are pixels of the picture. One thread.
 */
#ifndef AUT_LIB_MEDIA_OVERLAY_H
#define AUT_LIB_MEDIA_OVERLAY_H

#include "lib/media/picture.h"

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct aut_overlay aut_overlay_t;

typedef struct {
    const char *text;
    int anchor;               /* as on a number pad: 7 top left, 9 top right, 2 bottom middle */
    double left, right, edge; /* margins; `edge` from the top or bottom */
    double size;              /* of the font */
    bool bold, mono;
    bool box;       /* a dark, half transparent box behind, else an outline */
    double padding; /* of the box */
    uint32_t color; /* 0xRRGGBB */
} aut_overlay_text_t;

/*  AUT_ERR_NOMEM, AUT_ERR_UNSUPPORTED (no font library). */
int aut_overlay_new (aut_overlay_t **out, uint32_t width, uint32_t height);
/*  Takes all texts away. */
void aut_overlay_clear (aut_overlay_t *self);
/*  Adds a text that stays until the next clear. */
void aut_overlay_add (aut_overlay_t *self, const aut_overlay_text_t *text);
/*  The one text whose words change from frame to frame, its place and look staying. Frames only. */
void aut_overlay_add_live (aut_overlay_t *self, const aut_overlay_text_t *text);
void aut_overlay_set_live (aut_overlay_t *self, const char *words);
/*  The pixels that a text would cover, with box; {0} for nothing. */
typedef struct {
    int x, y, width, height;
} aut_overlay_size_t;
aut_overlay_size_t aut_overlay_measure (aut_overlay_t *self, const aut_overlay_text_t *text);
/*  Draws all texts on an 8-bit 4:2:0 frame (BT.709, limited range) or a picture of the same size.
 */
void aut_overlay_draw_frame (aut_overlay_t *self, AVFrame *frame);
void aut_overlay_draw_picture (aut_overlay_t *self, aut_picture_t *picture);
void aut_overlay_destroy (aut_overlay_t **self_p);

#endif
