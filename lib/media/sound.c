#include "lib/media/sound.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/media/sound_filter.h"

#include <libavutil/dict.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 4096u     /* samples mixed at a time */
#define SILENT -70.0    /* LUFS, the gate of BS.1770 */
#define LIMIT 0.8912509 /* −1 dBFS */
#define LIMIT_TEXT "0.8912509"
#define TONE_HZ 1000.0 /* of a temp track, twice that at cuts */
#define TONE_LEVEL 0.1 /* −20 dBFS, the usual reference */
#define TONE_CUT 0.1   /* seconds for which a cut sounds */
/*  alimiter looks its attack of 5 ms ahead, and so late is what it gives out. */
#define DELAY (AUT_SOUND_RATE * 5 / 1000 - 1)

typedef struct {
    const aut_sound_track_t *track;
    aut_sound_reader_t *reader; /* NULL: not begun, over, or a tone */
    uint64_t start, at;         /* in the film; from its start: the next sample */
    uint64_t end;               /* from its start */
    uint64_t fade_in, fade_out;
    size_t next_cut;  /* of a tone: the cut that sounds next, or now */
    bool over, heard; /* heard: this turn through the file gave something */
} s_voice_t;

struct aut_sound_mix {
    const aut_sound_t *sound;
    s_voice_t *voices;
    uint64_t at, total;
    double loudness, gain;
    aut_sound_filter_t *limiter; /* NULL: no peak needs it */
    uint64_t given;              /* samples that came out of the limiter, its delay included */
    const float *ready;          /* of its last frame, not yet asked for */
    size_t ready_count;
    float block[BLOCK * AUT_SOUND_CHANNELS], part[BLOCK * AUT_SOUND_CHANNELS];
};

static uint64_t s_samples (double seconds)
{
    return seconds > 0 ? (uint64_t)llround (seconds * AUT_SOUND_RATE) : 0;
}

uint64_t aut_sound_samples (const aut_sound_t *sound)
{
    return s_samples (sound->seconds);
}

/*  How long a file is, to the sample: only decoding it tells. */
static int s_length (aut_sound_mix_t *self, const char *path, uint64_t most, uint64_t *length)
{
    aut_sound_reader_t *reader;
    size_t got = 0;
    int rc = aut_sound_reader_open (&reader, path);
    *length = 0;
    do {
        if (rc == 0)
            rc = aut_sound_reader_read (reader, self->part, BLOCK, &got);
        *length += got;
    } while (rc == 0 && got == BLOCK && *length < most);
    aut_sound_reader_close (&reader);
    return rc;
}

/*  Every voice at its beginning. */
static void s_rewind (aut_sound_mix_t *self)
{
    self->at = 0;
    for (size_t i = 0; i < self->sound->track_count; i++) {
        s_voice_t *voice = &self->voices[i];
        aut_sound_reader_close (&voice->reader);
        voice->at = 0;
        voice->next_cut = 0;
        voice->over = voice->start >= self->total;
    }
}

static int s_set_voice (aut_sound_mix_t *self, s_voice_t *voice, const aut_sound_track_t *track)
{
    *voice = (s_voice_t){.track = track,
                         .start = s_samples (track->start),
                         .fade_in = s_samples (track->fade_in),
                         .fade_out = s_samples (track->fade_out)};
    if (voice->start >= self->total)
        return 0;
    voice->end = self->total - voice->start;
    uint64_t length = voice->end;
    int rc = track->path && !track->loop && voice->fade_out
                 ? s_length (self, track->path, voice->end, &length)
                 : 0;
    if (length < voice->end)
        voice->end = length;
    return rc;
}

/*  The next samples of a file, from its beginning again where it loops. */
static int s_read_file (s_voice_t *voice, float *samples, size_t count, size_t *got)
{
    *got = 0;
    while (*got < count) {
        size_t part = 0;
        int rc = 0;
        if (!voice->reader) {
            voice->heard = false;
            rc = aut_sound_reader_open (&voice->reader, voice->track->path);
        }
        if (rc == 0)
            rc = aut_sound_reader_read (voice->reader, samples + *got * AUT_SOUND_CHANNELS,
                                        count - *got, &part);
        if (rc < 0)
            return rc;
        *got += part;
        voice->heard |= part > 0;
        if (*got == count)
            return 0;
        aut_sound_reader_close (&voice->reader);
        if (!voice->track->loop || !voice->heard) {
            voice->over = true;
            return 0;
        }
    }
    return 0;
}

static void s_tone (const aut_sound_t *sound, s_voice_t *voice, float *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double t = (double)(voice->start + voice->at + i) / AUT_SOUND_RATE;
        while (voice->next_cut < sound->cut_count && sound->cuts[voice->next_cut] + TONE_CUT <= t)
            voice->next_cut++;
        bool cut = voice->next_cut < sound->cut_count && sound->cuts[voice->next_cut] <= t;
        double value = TONE_LEVEL * sin (2 * M_PI * (cut ? 2 : 1) * TONE_HZ * t);
        samples[2 * i] = samples[2 * i + 1] = (float)value;
    }
}

/*  The voice's level at its sample `at`. */
static float s_level (const s_voice_t *voice, uint64_t at, double gain)
{
    double level = gain;
    if (at < voice->fade_in)
        level *= (double)at / (double)voice->fade_in;
    if (voice->end - at <= voice->fade_out && voice->fade_out)
        level *= (double)(voice->end - at - 1) / (double)voice->fade_out;
    return (float)level;
}

/*  Adds a voice to the block, which is `count` samples of the film from `self->at` on. */
static int s_add (aut_sound_mix_t *self, s_voice_t *voice, size_t count)
{
    if (voice->over || voice->start >= self->at + count)
        return 0;
    size_t skip = voice->start > self->at ? (size_t)(voice->start - self->at) : 0;
    size_t want = count - skip, got = 0;
    if (want > voice->end - voice->at)
        want = (size_t)(voice->end - voice->at);
    int rc = 0;
    if (voice->track->path)
        rc = s_read_file (voice, self->part, want, &got);
    else
        s_tone (self->sound, voice, self->part, got = want);
    if (rc < 0)
        return rc;
    double gain = pow (10, voice->track->gain_db / 20);
    float *to = self->block + skip * AUT_SOUND_CHANNELS;
    for (size_t i = 0; i < got; i++) {
        float level = s_level (voice, voice->at + i, gain);
        to[2 * i] += level * self->part[2 * i];
        to[2 * i + 1] += level * self->part[2 * i + 1];
    }
    voice->at += got;
    voice->over |= voice->at >= voice->end;
    return 0;
}

/*  Mixes the next block; its size, 0 at the end, or an error. */
static int s_mix (aut_sound_mix_t *self)
{
    uint64_t left = self->total - self->at;
    size_t count = left < BLOCK ? (size_t)left : BLOCK;
    memset (self->block, 0, sizeof self->block);
    for (size_t i = 0; i < self->sound->track_count; i++) {
        int rc = s_add (self, &self->voices[i], count);
        if (rc < 0)
            return rc;
    }
    self->at += count;
    return (int)count;
}

/*  What EBU R 128's meter says after the frames that have come out. */
static int s_read_meter (aut_sound_mix_t *self, aut_sound_filter_t *meter)
{
    const AVFrame *frame;
    int rc;
    while ((rc = aut_sound_filter_pull (meter, &frame)) > 0) {
        const AVDictionaryEntry *said = av_dict_get (frame->metadata, "lavfi.r128.I", NULL, 0);
        if (said)
            self->loudness = strtod (said->value, NULL);
    }
    return rc;
}

/*  The first pass: loudness and peak of the whole mix. */
static int s_measure (aut_sound_mix_t *self, double *peak, bool (*cancelled) (void *ctx), void *ctx)
{
    aut_sound_filter_t *meter;
    int rc = aut_sound_filter_open (&meter, "ebur128=metadata=1:framelog=verbose");
    if (rc < 0)
        return rc;
    int count = 0;
    while (rc == 0 && (count = s_mix (self)) > 0) {
        for (size_t i = 0; i < (size_t)count * AUT_SOUND_CHANNELS; i++)
            *peak = fmax (*peak, fabs ((double)self->block[i]));
        rc = aut_sound_filter_push (meter, self->block, (size_t)count);
        if (rc == 0)
            rc = s_read_meter (self, meter);
        if (rc == 0 && cancelled && cancelled (ctx))
            rc = aut_fail (AUT_ERR_CANCELLED, "the stitch was cancelled");
    }
    if (rc == 0)
        rc = count < 0 ? count : aut_sound_filter_push (meter, NULL, 0);
    if (rc == 0)
        rc = s_read_meter (self, meter);
    aut_sound_filter_close (&meter);
    return rc;
}

static int s_set_gain (aut_sound_mix_t *self, double peak)
{
    if (self->loudness <= SILENT)
        return 0;
    self->gain = self->sound->loudness - self->loudness;
    if (peak * pow (10, self->gain / 20) <= LIMIT)
        return 0;
    return aut_sound_filter_open (&self->limiter, "alimiter=limit=" LIMIT_TEXT
                                                  ":attack=5:release=50:level=disabled");
}

int aut_sound_mix_open (aut_sound_mix_t **out, const aut_sound_t *sound,
                        bool (*cancelled) (void *ctx), void *ctx)
{
    aut_sound_mix_t *self = aut_calloc (1, sizeof *self);
    double peak = 0;
    int rc = 0;
    self->sound = sound;
    self->total = aut_sound_samples (sound);
    self->loudness = SILENT;
    self->voices = aut_calloc (sound->track_count, sizeof *self->voices);
    for (size_t i = 0; i < sound->track_count && rc == 0; i++)
        rc = s_set_voice (self, &self->voices[i], &sound->tracks[i]);
    s_rewind (self);
    if (rc == 0)
        rc = s_measure (self, &peak, cancelled, ctx);
    if (rc == 0)
        rc = s_set_gain (self, peak);
    s_rewind (self);
    if (rc < 0)
        aut_sound_mix_close (&self);
    *out = self;
    return rc;
}

/*  The next block with the gain on it. */
static int s_mix_loud (aut_sound_mix_t *self)
{
    int count = s_mix (self);
    float gain = (float)pow (10, self->gain / 20);
    for (int i = 0; i < count * AUT_SOUND_CHANNELS; i++)
        self->block[i] *= gain;
    return count;
}

/*  The next samples from the limiter in `ready`; none at the end. What it gives before its delay
 * has passed is nothing, and after the mix's end it is fed silence for as long. */
static int s_limit (aut_sound_mix_t *self)
{
    const AVFrame *frame;
    int rc;
    while (!self->ready_count && self->given < self->total + DELAY) {
        rc = aut_sound_filter_pull (self->limiter, &frame);
        if (rc < 0)
            return rc;
        if (rc == 0) {
            int count = s_mix_loud (self);
            if (count < 0)
                return count;
            if (!count) /* zeros, as s_mix leaves the block */
                count = DELAY + 1;
            rc = aut_sound_filter_push (self->limiter, self->block, (size_t)count);
            if (rc < 0)
                return rc;
            continue;
        }
        uint64_t count = (uint64_t)frame->nb_samples;
        uint64_t skip = self->given < DELAY ? DELAY - self->given : 0;
        skip = skip < count ? skip : count;
        self->given += count;
        uint64_t over = self->given > self->total + DELAY ? self->given - self->total - DELAY : 0;
        self->ready = (const float *)(const void *)frame->data[0] + skip * AUT_SOUND_CHANNELS;
        self->ready_count = count - skip > over ? (size_t)(count - skip - over) : 0;
    }
    return 0;
}

static int s_next (aut_sound_mix_t *self)
{
    if (self->limiter)
        return s_limit (self);
    int count = s_mix_loud (self);
    self->ready = self->block;
    self->ready_count = count > 0 ? (size_t)count : 0;
    return count < 0 ? count : 0;
}

int aut_sound_mix_read (aut_sound_mix_t *self, float *samples, size_t count, size_t *got)
{
    *got = 0;
    while (*got < count) {
        if (!self->ready_count) {
            int rc = s_next (self);
            if (rc < 0)
                return rc;
            if (!self->ready_count)
                return 0;
        }
        size_t take = self->ready_count < count - *got ? self->ready_count : count - *got;
        memcpy (samples + *got * AUT_SOUND_CHANNELS, self->ready,
                take * AUT_SOUND_CHANNELS * sizeof *samples);
        self->ready += take * AUT_SOUND_CHANNELS;
        self->ready_count -= take;
        *got += take;
    }
    return 0;
}

double aut_sound_mix_loudness (const aut_sound_mix_t *self)
{
    return self->loudness;
}

double aut_sound_mix_gain (const aut_sound_mix_t *self)
{
    return self->gain;
}

void aut_sound_mix_close (aut_sound_mix_t **self_p)
{
    aut_sound_mix_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->sound->track_count; i++)
        aut_sound_reader_close (&self->voices[i].reader);
    aut_sound_filter_close (&self->limiter);
    free (self->voices);
    free (self);
    *self_p = NULL;
}
