/*  Internal to the stitch: its parts and what they hand each other. */
#ifndef AUT_LIB_MEDIA_STITCH_PRIVATE_H
#define AUT_LIB_MEDIA_STITCH_PRIVATE_H

#include "lib/media/ff.h"
#include "lib/media/queue.h"
#include "lib/media/stitch.h"

/*  stitch_plan.c: what a description must hold before anything is opened. */
int aut_stitch_check (const aut_stitch_t *self);
/*  The native frame shown as film frame `index` of a shot that is not interpolated: the one whose
 *  time span holds the middle of the film frame's; below native_frames. */
uint64_t aut_stitch_native_index (const aut_stitch_t *self, const aut_stitch_shot_t *shot,
                                  uint64_t index);

/*  stitch_retime.c: film frames between native ones. Used by one thread at a time. */
typedef struct aut_retimer aut_retimer_t;
/*  Whether the film has more frames a second than the shot, and the shot more than one. */
bool aut_retimer_serves (const aut_stitch_t *film, const aut_stitch_shot_t *shot);
/*  How many times a picture is enlarged, both ways, before it is given to a retimer; ≥ 1. */
uint32_t aut_retimer_enlarge (uint32_t width, uint32_t height);
/*  For frames of yuv444p in this size. AUT_ERR_UNSUPPORTED, AUT_ERR_INVALID, AUT_ERR_NOMEM. */
int aut_retimer_new (aut_retimer_t **out, const aut_stitch_t *film, const aut_stitch_shot_t *shot,
                     uint32_t width, uint32_t height);
/*  The next native frame (referenced), or NULL: the last one again. */
int aut_retimer_push (aut_retimer_t *self, const AVFrame *frame);
/*  1 and the next film frame, 0 when another push is needed, or an error. `frame` comes empty. */
int aut_retimer_pull (aut_retimer_t *self, AVFrame *frame);
void aut_retimer_destroy (aut_retimer_t **self_p);

/*  stitch_source.c: a thread that decodes one shot, retimes, scales and converts it. Its queue
 * gives shot->frames frames. */
typedef struct aut_source aut_stitch_source_t;
int aut_stitch_source_start (aut_stitch_source_t **out, const aut_stitch_t *film,
                             const aut_stitch_shot_t *shot, aut_frame_pool_t *pool);
int aut_stitch_source_next (aut_stitch_source_t *self, AVFrame **frame);
/*  After the last frame: 0 when the clip held exactly what was planned, else its error. */
int aut_stitch_source_finish (aut_stitch_source_t *self);
/*  Stops the thread where it is and joins it. */
void aut_stitch_source_destroy (aut_stitch_source_t **self_p);

/*  stitch_mix.c: frame `k` of `n` of a transition, `to` over `from`, into `out` (all one size).
 *  For a fade in on the first shot `from` is NULL. */
void aut_mix (AVFrame *out, const AVFrame *from, const AVFrame *to, aut_stitch_transition_t type,
              aut_stitch_wipe_t wipe, uint32_t k, uint32_t n);
/*  Black, limited range. */
void aut_mix_black (AVFrame *frame);

/*  stitch_encode.c: a thread that encodes and writes what is pushed. */
typedef struct aut_encoder aut_encoder_t;
int aut_encoder_start (aut_encoder_t **out, const char *path, const aut_stitch_t *film,
                       aut_stitch_report_t *report);
/*  Takes the frame over. On failure the encoder's own error. */
int aut_encoder_push (aut_encoder_t *self, AVFrame *frame);
/*  Waits until all is written and gives the film its name. */
int aut_encoder_finish (aut_encoder_t *self);
/*  Frees; an unfinished film leaves no file. */
void aut_encoder_destroy (aut_encoder_t **self_p);

/*  stitch_sound.c: the film's sound as a stream of the file. */
typedef struct aut_stitch_sound aut_stitch_sound_t;
/*  Measures film->sound and adds its stream to `output`, which must outlive it, before the header.
 */
int aut_stitch_sound_open (aut_stitch_sound_t **out, const aut_stitch_t *film,
                           aut_ff_output_t *output, aut_stitch_report_t *report);
/*  Writes it up to this second of the film; to its end. */
int aut_stitch_sound_until (aut_stitch_sound_t *self, double seconds);
int aut_stitch_sound_finish (aut_stitch_sound_t *self);
void aut_stitch_sound_close (aut_stitch_sound_t **self_p);

/*  stitch_text.c: the film's cues as a stream of the file; `output` must outlive it. */
typedef struct aut_stitch_text aut_stitch_text_t;
int aut_stitch_text_open (aut_stitch_text_t **out, const aut_stitch_t *film,
                          aut_ff_output_t *output);
/*  Writes those that begin up to this frame. */
int aut_stitch_text_until (aut_stitch_text_t *self, uint64_t frame);
void aut_stitch_text_close (aut_stitch_text_t **self_p);

/*  burn.c: the words over the picture. */
typedef struct aut_burner aut_burner_t;
int aut_burner_new (aut_burner_t **out, const aut_stitch_t *film, uint32_t width, uint32_t height);
/*  Draws on `frame`, film frame number `n`, the words of `shot`. */
int aut_burner_draw (aut_burner_t *self, AVFrame *frame, const aut_stitch_shot_t *shot, uint64_t n);
void aut_burner_destroy (aut_burner_t **self_p);

#endif
