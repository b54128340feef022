/*  The stitch: shots' mezzanines become the film.
 *
 *  Each shot is retimed to the film's rate by frame index in exact rationals, fitted and scaled by
 *  Lanczos, converted to BT.709 limited-range YUV 4:2:0, joined to its
 *  neighbours by cut, dissolve, fade or wipe, drawn on by the burn-in, and encoded. The film has
 *  exactly aut_stitch_frames () frames.
 *
 *  A shot at the film's rate is shown as it is. One with more frames a second gives film frame j
 * the native frame whose time span holds the middle of j's. Of one with fewer, film frame j is the
 *  picture at j / rate: native frame i stands unchanged at i / native rate, motion is interpolated
 *  between two (stitch_retime.c), and the last one holds to the shot's end.
 *
 *  In a transition of N frames, frame k (0 … N−1) has the new shot's share k/N: frame 0 is the old
 *  shot, the middle is half and half, frame N would be the new one. Mixing is linear in 8-bit code
 *  values, rounded to the nearest.
 *
 *  At most the two clips around a cut are open and a handful of frames is in memory, whatever the
 *  film's length. Threads: a reader per open clip, the caller's thread composes, one encodes. Equal
 *  input gives equal bytes on one installation. The film appears under its name when it is whole.
 */
#ifndef AUT_LIB_MEDIA_STITCH_H
#define AUT_LIB_MEDIA_STITCH_H

#include "lib/core/hash.h"
#include "lib/media/sound.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    AUT_STITCH_CUT,
    AUT_STITCH_DISSOLVE,
    AUT_STITCH_FADE,
    AUT_STITCH_WIPE
} aut_stitch_transition_t;

/*  Where a wipe's edge moves; behind it is the new shot. */
typedef enum {
    AUT_STITCH_WIPE_RIGHT,
    AUT_STITCH_WIPE_LEFT,
    AUT_STITCH_WIPE_UP,
    AUT_STITCH_WIPE_DOWN
} aut_stitch_wipe_t;

typedef enum { AUT_STITCH_FIT_CROP, AUT_STITCH_FIT_PAD } aut_stitch_fit_t;

typedef enum {
    AUT_STITCH_QUALITY_DEFAULT, /* by tier: pass the film's best tier to aut_stitch_quality_of_tier
                                 */
    AUT_STITCH_QUALITY_LOW,
    AUT_STITCH_QUALITY_MEDIUM,
    AUT_STITCH_QUALITY_HIGH
} aut_stitch_quality_t;

/*  Fields of output.burn_in, as a set. */
enum {
    AUT_STITCH_BURN_ID = 1,
    AUT_STITCH_BURN_SLUGLINE = 2,
    AUT_STITCH_BURN_TIMECODE = 4,
    AUT_STITCH_BURN_PROMPT = 8,
    AUT_STITCH_BURN_DIALOGUE = 16,
    AUT_STITCH_BURN_SEED = 32,
    AUT_STITCH_BURN_MODEL = 64,
    AUT_STITCH_BURN_ALL = 127
};

typedef struct {
    const char *path;                   /* the mezzanine */
    int32_t rate_num, rate_den;         /* native rate; must be the file's */
    uint64_t native_frames;             /* must be what the file holds */
    uint64_t frames;                    /* in the film, overlaps included; ≥ 1 */
    aut_stitch_transition_t transition; /* into this shot */
    uint32_t transition_frames;         /* 0 for a cut */
    aut_stitch_wipe_t wipe;
    const char *id;                                   /* for burn-in and messages */
    const char *slugline, *prompt, *dialogue, *model; /* plain text, any may be NULL */
    uint64_t seed;
    bool fitted; /* the clip's frames were enlarged to the film's shape: they are shown whole */
    aut_hash_t *native_sha256; /* NULL, or receives the SHA-256 of the clip's frames (rgb24) */
} aut_stitch_shot_t;

typedef struct {
    const char *title;
    uint64_t start_frame; /* in the film */
} aut_stitch_chapter_t;

/*  A subtitle, shown on frames start … end − 1 of the film. */
typedef struct {
    uint64_t start, end;
    const char *text; /* plain; lines parted by \n */
} aut_stitch_cue_t;

typedef struct {
    int32_t rate_num, rate_den;     /* the film's */
    uint32_t width, height;         /* the film's, even */
    uint32_t out_width, out_height; /* of the file, even; 0 = the film's */
    aut_stitch_fit_t fit;
    const char *codec;            /* "h264", "h265", "prores" (422 HQ), "av1"; NULL = h264 */
    aut_stitch_quality_t quality; /* DEFAULT = medium */
    unsigned threads;             /* of the encoder, 0 = 4; decides bytes, so never by machine */
    unsigned burn_in;             /* AUT_STITCH_BURN_… */
    const char *title;            /* or NULL */
    const aut_stitch_shot_t *shots;
    size_t shot_count;
    const aut_stitch_chapter_t *chapters;
    size_t chapter_count;
    const aut_stitch_cue_t *cues; /* for a stream of subtitles; ascending, without overlap */
    size_t cue_count;
    const aut_sound_t *sound; /* as long as the film; NULL: none */
    void (*progress) (void *ctx, uint64_t done, uint64_t total); /* frames; or NULL */
    bool (*cancelled) (void *ctx);                               /* asked often; or NULL */
    void *ctx;
} aut_stitch_t;

/*  What was made, for metadata/film.json. */
typedef struct {
    uint64_t frames;
    uint32_t width, height;
    unsigned threads;
    int crf;
    char codec[16], encoder[32], preset[16];
    char parameters[160]; /* the encoder's options as one text */
    char versions[160];   /* of the libraries that decide bytes */
    bool has_sound;
    double sound_loudness, sound_gain; /* LUFS of the mix before its gain; dB */
} aut_stitch_report_t;

/*  All fields 0; shots and sizes are then filled in by the caller. */
void aut_stitch_init (aut_stitch_t *self);

/*  Σ frames − Σ transition_frames over the transitions after the first shot. */
uint64_t aut_stitch_frames (const aut_stitch_t *self);

/*  The quality for a tier when the storyboard says none ("animatic", "draft", "standard", "final").
 */
aut_stitch_quality_t aut_stitch_quality_of_tier (const char *tier);
/*  "low", "medium", "high"; 0 or AUT_ERR_INVALID. */
int aut_stitch_quality_parse (aut_stitch_quality_t *out, const char *text);

/*  The set of one name of output.burn_in ("slugline"), or 0 for an unknown one. */
unsigned aut_stitch_burn_of_name (const char *name);

/*  0, or AUT_ERR_UNSUPPORTED with a sentence that names what there is. NULL is h264. */
int aut_stitch_codec_check (const char *codec);
/*  What a film of this codec is named by: "mp4" or "mov". */
const char *aut_stitch_extension (const char *codec);

/*  Makes the film at `path`, durably and by rename. `report` may be NULL. AUT_ERR_INVALID for a
 *  description that contradicts itself or a clip, AUT_ERR_CORRUPT, AUT_ERR_UNSUPPORTED,
 *  AUT_ERR_CANCELLED, AUT_ERR_IO, AUT_ERR_NO_SPACE; then nothing is left at `path`. */
int aut_stitch (const char *path, const aut_stitch_t *self, aut_stitch_report_t *report);

#endif
