/*  The film's sound: tracks mixed to 48 kHz stereo, brought to a loudness by one gain for all of it
 *  (ITU-R BS.1770, EBU R 128), and limited where that gain takes a peak above −1 dBFS. Memory does
 * not depend on the film's length.
 */
#ifndef AUT_LIB_MEDIA_SOUND_H
#define AUT_LIB_MEDIA_SOUND_H

#include "lib/media/sound_track.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    const char *path; /* a sound file; NULL for the tone */
    double start;     /* seconds of the film */
    double gain_db;
    double fade_in, fade_out; /* seconds, at its beginning and its end */
    bool loop;                /* to the film's end, where its fade_out ends; else it ends with its
                                 file, or with the film */
} aut_sound_track_t;

typedef struct {
    const aut_sound_track_t *tracks;
    size_t track_count;
    double seconds;     /* of the film */
    const double *cuts; /* seconds at which a tone marks a cut; ascending */
    size_t cut_count;
    double loudness; /* LUFS */
} aut_sound_t;

typedef struct aut_sound_mix aut_sound_mix_t;

/*  How many samples (of each channel) the sound has: its seconds, to the nearest. */
uint64_t aut_sound_samples (const aut_sound_t *sound);

/*  Measures the whole mix (a first pass over every file) and prepares to give it out. The sound and
 *  its paths must outlive it. The errors of reading a file, which is named. `cancelled` (or NULL)
 * is asked often. */
int aut_sound_mix_open (aut_sound_mix_t **out, const aut_sound_t *sound,
                        bool (*cancelled) (void *ctx), void *ctx);

/*  The next `count` samples of both channels, interleaved; `*got` is fewer only at the end. */
int aut_sound_mix_read (aut_sound_mix_t *self, float *samples, size_t count, size_t *got);

/*  The mix's integrated loudness before the gain (−70 LUFS and below: silence), and the gain, dB.
 */
double aut_sound_mix_loudness (const aut_sound_mix_t *self);
double aut_sound_mix_gain (const aut_sound_mix_t *self);

void aut_sound_mix_close (aut_sound_mix_t **self_p);

#endif
