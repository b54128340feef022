/*  What the media tests share: a temporary folder, generated clips, and the ffmpeg programs as an
 *  independent reader of what lib/media wrote. */
#ifndef AUT_TESTS_MEDIA_FIXTURE_H
#define AUT_TESTS_MEDIA_FIXTURE_H

#include "lib/media/clip.h"
#include "lib/media/stitch.h"

#include <check.h>
#include <stddef.h>
#include <stdint.h>

/*  Checked fixture: makes a folder before each test and deletes it afterwards. */
void fx_setup (void);
void fx_teardown (void);
/*  DIR/name; lives until the teardown (at most 64 a test). */
const char *fx_path (const char *name);

/*  Output of a shell command, at most `max` bytes; the caller frees it. The command must succeed.
 */
char *fx_run (size_t *size, const char *format, ...) __attribute__ ((format (printf, 2, 3)));

typedef void (*fx_fill_fn) (uint8_t *rgb, uint32_t width, uint32_t height, uint64_t frame,
                            uint32_t seed);
/*  Every pixel differs, and from frame to frame. */
void fx_noise (uint8_t *rgb, uint32_t width, uint32_t height, uint64_t frame, uint32_t seed);
/*  One colour, `seed` as 0xRRGGBB. */
void fx_flat (uint8_t *rgb, uint32_t width, uint32_t height, uint64_t frame, uint32_t seed);
/*  Grey 40 + 4 × frame, to recognise frames by. */
void fx_count (uint8_t *rgb, uint32_t width, uint32_t height, uint64_t frame, uint32_t seed);

/*  Writes DIR/name and gives its path. */
const char *fx_clip (const char *name, aut_clip_format_t format, uint64_t frames, fx_fill_fn fill,
                     uint32_t seed, aut_hash_t *hash);

/*  The film's decoded frames as raw 4:2:0, by the ffmpeg program. */
typedef struct {
    uint32_t width, height;
    uint64_t count;
    uint8_t *data;
} fx_film_t;
fx_film_t fx_film (const char *path);
void fx_film_clear (fx_film_t *self);
/*  Luma (plane 0) or chroma (1, 2) at a luma position. */
int fx_at (const fx_film_t *self, uint64_t frame, int plane, uint32_t x, uint32_t y);

#endif
