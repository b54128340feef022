/*  The contact sheet: one picture of the whole film, a row of labelled thumbnails per scene. */
#ifndef AUT_LIB_MEDIA_SHEET_H
#define AUT_LIB_MEDIA_SHEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *path;  /* a mezzanine, or a film made by aut_stitch */
    uint64_t frame;    /* which of its frames is shown; past the end: the last */
    const char *label; /* below the thumbnail, plain text, or NULL */
    bool still;        /* `path` is a picture's instead */
} aut_sheet_cell_t;

typedef struct {
    const char *title; /* above the row, a scene's slugline, or NULL */
    const aut_sheet_cell_t *cells;
    size_t cell_count;
} aut_sheet_row_t;

typedef struct {
    const char *title;   /* above everything, or NULL */
    uint32_t cell_width; /* of a thumbnail in pixels, 0 = 320 */
    uint32_t columns;    /* a row that is longer is wrapped, 0 = 5 */
    const aut_sheet_row_t *rows;
    size_t row_count;
} aut_sheet_t;

/*  Writes the sheet as a PNG. Cells of one film are read in one pass if they stand in order of
 *  frames. AUT_ERR_TOO_LARGE when the sheet would pass 64 Mpx. */
int aut_sheet_write (const char *path, const aut_sheet_t *self);

/*  Writes one frame of a mezzanine or film as a PNG of its own size; past the end: the last. */
int aut_sheet_frame (const char *path, const char *film, uint64_t frame);

#endif
