/*  Mezzanines: lossless clips, FFV1 level 3 in Matroska, in which RGB comes out exactly as it went
 *  in. Every frame is a key frame, slices carry checksums, and the same frames give the same bytes.
 *
 *  Matroska's times are whole milliseconds, so nothing here counts by time: frames are counted, and
 *  the exact rate stands as a tag (RATE=24000/1001) in the file. Files are opened as what they must
 *  be (Matroska, FFV1, bgr0), never guessed; a file that is cut short or damaged is
 * AUT_ERR_CORRUPT. A handle belongs to one thread at a time.
 */
#ifndef AUT_LIB_MEDIA_CLIP_H
#define AUT_LIB_MEDIA_CLIP_H

#include "lib/core/hash.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t width, height;     /* pixels, 2 (above 352×288: 8) to 16384 */
    int32_t rate_num, rate_den; /* frames per second, in lowest terms once read or written */
} aut_clip_format_t;

typedef struct aut_clip_writer aut_clip_writer_t;
typedef struct aut_clip_reader aut_clip_reader_t;

/*  Starts PATH.part; only finish gives it its name. AUT_ERR_INVALID for a bad format. */
int aut_clip_writer_open (aut_clip_writer_t **out, const char *path,
                          const aut_clip_format_t *format);
/*  Appends a frame of rgb24 rows without padding (width × height × 3 bytes). */
int aut_clip_writer_frame (aut_clip_writer_t *self, const uint8_t *rgb);
/*  Ends the file durably and gives the number of frames and the SHA-256 of all of them as raw
 *  rgb24, in order (either may be NULL). AUT_ERR_INVALID without a frame. */
int aut_clip_writer_finish (aut_clip_writer_t *self, uint64_t *frames, aut_hash_t *frames_sha256);
/*  Frees; a clip that was not finished leaves no file. */
void aut_clip_writer_destroy (aut_clip_writer_t **self_p);

/*  Opens a mezzanine. `threads`: slice threads of the decoder, 0 = 2; frames do not depend on it.
 */
int aut_clip_reader_open (aut_clip_reader_t **out, const char *path, unsigned threads);
const aut_clip_format_t *aut_clip_reader_format (const aut_clip_reader_t *self);
/*  The next frame: 1 and `rgb` (width × height × 3 bytes) is filled, 0 at the end, or an error. */
int aut_clip_reader_next (aut_clip_reader_t *self, uint8_t *rgb);
/*  The same as the decoder's own frame (AV_PIX_FMT_BGR0), valid until the next call. */
struct AVFrame;
int aut_clip_reader_next_native (aut_clip_reader_t *self, const struct AVFrame **frame);
void aut_clip_reader_destroy (aut_clip_reader_t **self_p);

/*  The format and number of frames of a mezzanine, read without decoding; checksums are checked.
 *  Either out-parameter may be NULL. */
int aut_clip_info (const char *path, aut_clip_format_t *format, uint64_t *frames);

/*  Joins mezzanines of the same size, rate and encoder parameters, in order, by copying packets:
 *  no frame is decoded. Written durably by rename; `frames` (or NULL) is their sum.
 *  AUT_ERR_INVALID names the clip that differs. */
int aut_clip_join (const char *path, const char *const *clips, size_t count, uint64_t *frames);

/*  SHA-256 of all frames as raw rgb24, in order: what `ffmpeg -f rawvideo -pix_fmt rgb24` writes.
 */
int aut_clip_frames_hash (const char *path, aut_hash_t *frames_sha256, uint64_t *frames);

#endif
