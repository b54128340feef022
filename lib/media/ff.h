/*  Internal to lib/media: FFmpeg's errors and logs in our terms, files by name and never by URL. */
#ifndef AUT_LIB_MEDIA_FF_H
#define AUT_LIB_MEDIA_FF_H

#include "lib/media/clip.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdbool.h>

/*  Sends FFmpeg's messages to our log at level debug. Cheap; call before any use of FFmpeg. */
void aut_ff_init (void);

/*  aut_fail with FFmpeg's own text of `result` at the end. Codes the operating system gave become
 *  IO, NO_SPACE, NOT_FOUND or NOMEM, all others `code`. */
int aut_ff_fail (int code, int result, const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/*  "file:PATH", so that no name is taken for a protocol; the caller frees it. */
char *aut_ff_url (const char *path);

/*  0 when `path` is a regular file, else an error that says what it is. `size` may be NULL. */
int aut_ff_regular (const char *path, uint64_t *size);

/*  Output that appears by rename. `part` is PATH.part. */
typedef struct {
    AVFormatContext *format;
    char *path, *part;
    bool header;
} aut_ff_output_t;

/*  Opens PATH.part with the muxer; streams and header are the caller's. */
int aut_ff_output_open (aut_ff_output_t *self, const char *path, const char *muxer);
/*  Writes a packet (taken over) in order of time among the streams. */
int aut_ff_output_packet (aut_ff_output_t *self, AVPacket *packet);
/*  Writes the trailer, then fsync, rename, fsync of the folder. */
int aut_ff_output_commit (aut_ff_output_t *self);
/*  Frees; what was not committed is deleted. */
void aut_ff_output_clear (aut_ff_output_t *self);

/*  A demuxer opened as `demuxers` (FFmpeg's names, one) from a regular file. */
int aut_ff_input_open (AVFormatContext **out, const char *path, const char *demuxer);

/*  A mezzanine opened for its packets. */
typedef struct {
    AVFormatContext *format;
    AVStream *stream;
    AVPacket *packet;
    aut_clip_format_t info;
    const char *path; /* borrowed, for messages */
} aut_clip_input_t;

int aut_clip_input_open (aut_clip_input_t *self, const char *path);
/*  1 and the next frame's packet, its slices' checksums verified; 0 at the end; or an error. */
int aut_clip_input_next (aut_clip_input_t *self);
void aut_clip_input_clear (aut_clip_input_t *self);

/*  A decoder for an input's packets; `threads` decode slices of one frame together. */
int aut_clip_decoder_open (AVCodecContext **out, const aut_clip_input_t *input, unsigned threads);
/*  Decodes one packet into `frame`: every frame stands alone, so a packet is a frame. */
int aut_clip_decode (AVCodecContext *decoder, const aut_clip_input_t *input, const AVPacket *packet,
                     AVFrame *frame);

/*  The muxer of mezzanines, shared by the writer and the join. */
int aut_clip_output_start (aut_ff_output_t *self, const char *path, const AVCodecParameters *params,
                           const aut_clip_format_t *format);
/*  Writes `packet` (taken over) as frame number `index`. */
int aut_clip_output_packet (aut_ff_output_t *self, AVPacket *packet, uint64_t index,
                            const aut_clip_format_t *format);

/*  Limits of a format; AUT_ERR_INVALID with a sentence. Reduces the rate. */
int aut_clip_format_check (aut_clip_format_t *format);

/*  A row of bgr0 as rgb24. */
void aut_ff_row_rgb (uint8_t *rgb, const uint8_t *bgr0, uint32_t width);

#endif
