/*  A chain of FFmpeg's audio filters that the mix runs through. Internal to lib/media. */
#ifndef AUT_LIB_MEDIA_SOUND_FILTER_H
#define AUT_LIB_MEDIA_SOUND_FILTER_H

#include <libavutil/frame.h>
#include <stddef.h>

typedef struct aut_sound_filter aut_sound_filter_t;

/*  `chain` in FFmpeg's filter syntax, for interleaved stereo floats at AUT_SOUND_RATE. */
int aut_sound_filter_open (aut_sound_filter_t **out, const char *chain);
/*  Puts samples in; count 0 ends the input. */
int aut_sound_filter_push (aut_sound_filter_t *self, const float *samples, size_t count);
/*  1 and the next frame that came out (unreferenced by the next call), 0 when more must be put in,
 * or at the end. */
int aut_sound_filter_pull (aut_sound_filter_t *self, const AVFrame **frame);
void aut_sound_filter_close (aut_sound_filter_t **self_p);

#endif
