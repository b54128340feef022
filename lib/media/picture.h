/*  Pictures: files of any kind that FFmpeg's image decoders read, as plain 8-bit RGB in memory.
 *
 *  Input is never trusted: only regular files, at most 64 Mpx and 256 MiB, only the image decoders
 *  in picture.c's table, a truncated or damaged file is an error and not half a picture.
 *  Functions may be called from any thread; a picture is not shared without the caller's lock.
 */
#ifndef AUT_LIB_MEDIA_PICTURE_H
#define AUT_LIB_MEDIA_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#define AUT_PICTURE_MAX_PIXELS (64u << 20)
#define AUT_PICTURE_MAX_SIDE 16384u

typedef struct {
    uint32_t width, height; /* pixels */
    uint8_t *rgb;           /* rows of width × 3 bytes, R G B, no padding; owned by the picture */
} aut_picture_t;

typedef enum {
    AUT_SCALE_STRETCH, /* to exactly the size, whatever the shape */
    AUT_SCALE_COVER,   /* shape kept, centred, what hangs over is cut off */
    AUT_SCALE_PAD      /* shape kept, centred, bars are black */
} aut_scale_t;

typedef enum { AUT_MEDIA_IMAGE, AUT_MEDIA_AUDIO } aut_media_kind_t;

/*  A black picture; AUT_ERR_TOO_LARGE, AUT_ERR_INVALID (a side of 0), AUT_ERR_NOMEM. */
int aut_picture_new (aut_picture_t **out, uint32_t width, uint32_t height);

/*  Reads PNG, JPEG (turned upright by its EXIF orientation), WebP, BMP, TIFF, GIF (first frame).
 *  Transparency is laid over black. AUT_ERR_NOT_FOUND, AUT_ERR_IO, AUT_ERR_TOO_LARGE,
 *  AUT_ERR_UNSUPPORTED (no picture of these kinds), AUT_ERR_CORRUPT. */
int aut_picture_load (aut_picture_t **out, const char *path);
/*  As above from memory; `what` names the source in errors. */
int aut_picture_decode (aut_picture_t **out, const void *data, size_t size, const char *what);

/*  Lanczos to exactly width × height; `out` is a new picture, `self` stays as it is. */
int aut_picture_scale (aut_picture_t **out, const aut_picture_t *self, uint32_t width,
                       uint32_t height, aut_scale_t mode);

/*  The largest part of a picture that has the shape width : height, from its middle, pixel for
 * pixel; `out` is a new picture, `self` stays as it is. Errors as aut_picture_new's. */
int aut_picture_crop (aut_picture_t **out, const aut_picture_t *self, uint32_t width,
                      uint32_t height);

/*  PNG bytes, the same for the same picture; the caller frees them. */
int aut_picture_png (const aut_picture_t *self, uint8_t **data, size_t *size);
/*  Writes a PNG durably, by rename. */
int aut_picture_save_png (const aut_picture_t *self, const char *path);

void aut_picture_destroy (aut_picture_t **self_p);

/*  Whether the file is a readable picture or sound, by decoding it (a picture wholly, a sound's
 *  first second). 0, or an error; then `why` (unless NULL) is a sentence without the path, which
 * the caller frees. WAV, MP3, FLAC, Ogg, AAC, MP4/M4A and AIFF count as sound. */
int aut_media_probe (const char *path, aut_media_kind_t kind, char **why);

#endif
