/*  One sound file, decoded step by step to what the mix is made of. Internal to lib/media. */
#ifndef AUT_LIB_MEDIA_SOUND_TRACK_H
#define AUT_LIB_MEDIA_SOUND_TRACK_H

#include <stddef.h>

#define AUT_SOUND_RATE 48000 /* samples a second of the mix */
#define AUT_SOUND_CHANNELS 2

typedef struct aut_sound_track_reader aut_sound_reader_t;

/*  Opens a WAV, RF64, MP3, FLAC, Ogg, AAC, M4A or AIFF file. Its kind is told by its first bytes
 * and not guessed by FFmpeg, which would also offer playlists and others that open further files.
 *  AUT_ERR_UNSUPPORTED, AUT_ERR_CORRUPT, or why it cannot be read. */
int aut_sound_reader_open (aut_sound_reader_t **out, const char *path);

/*  Up to `count` samples of both channels, interleaved, at AUT_SOUND_RATE; fewer only at the file's
 *  end, which later calls meet again. Damaged packets are left out, as players do; a file of which
 *  nothing can be decoded is AUT_ERR_CORRUPT. */
int aut_sound_reader_read (aut_sound_reader_t *self, float *samples, size_t count, size_t *got);

/*  Closes; nulls the caller's pointer, NULL is fine. */
void aut_sound_reader_close (aut_sound_reader_t **self_p);

#endif
