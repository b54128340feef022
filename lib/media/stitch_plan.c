/*  The stitch's description: names and sizes, the check before anything is opened, and the frame
 *  arithmetic.
 */
#include "lib/core/error.h"
#include "lib/media/picture.h"
#include "lib/media/stitch_private.h"

#include <string.h>

void aut_stitch_init (aut_stitch_t *self)
{
    memset (self, 0, sizeof *self);
}

uint64_t aut_stitch_frames (const aut_stitch_t *self)
{
    uint64_t total = 0;
    for (size_t i = 0; i < self->shot_count; i++)
        total += self->shots[i].frames - (i ? self->shots[i].transition_frames : 0);
    return total;
}

aut_stitch_quality_t aut_stitch_quality_of_tier (const char *tier)
{
    if (tier && strcmp (tier, "final") == 0)
        return AUT_STITCH_QUALITY_HIGH;
    return AUT_STITCH_QUALITY_MEDIUM;
}

int aut_stitch_quality_parse (aut_stitch_quality_t *out, const char *text)
{
    static const struct {
        const char *name;
        aut_stitch_quality_t quality;
    } names[] = {{"low", AUT_STITCH_QUALITY_LOW},
                 {"medium", AUT_STITCH_QUALITY_MEDIUM},
                 {"high", AUT_STITCH_QUALITY_HIGH}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp (text, names[i].name) == 0) {
            *out = names[i].quality;
            return 0;
        }
    return aut_fail (AUT_ERR_INVALID, "quality \"%s\": low, medium or high", text);
}

unsigned aut_stitch_burn_of_name (const char *name)
{
    static const char *const names[] = {"id",       "slugline", "timecode", "prompt",
                                        "dialogue", "seed",     "model"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp (name, names[i]) == 0)
            return 1u << i;
    return 0;
}

static int s_check_shot (const aut_stitch_t *self, size_t i)
{
    const aut_stitch_shot_t *shot = &self->shots[i];
    const char *id = shot->id ? shot->id : "?";
    uint64_t after = i + 1 < self->shot_count ? self->shots[i + 1].transition_frames : 0;
    if (!shot->path || !shot->frames || !shot->native_frames || shot->rate_num <= 0 ||
        shot->rate_den <= 0)
        return aut_fail (AUT_ERR_INVALID, "shot %s: no clip, no frames or no rate", id);
    /* A transition so short that it rounds to no frames is a cut, but a cut has never any. */
    if (shot->transition == AUT_STITCH_CUT && shot->transition_frames)
        return aut_fail (AUT_ERR_INVALID, "shot %s: a cut of %u frames", id,
                         shot->transition_frames);
    if (i == 0 && shot->transition != AUT_STITCH_CUT && shot->transition != AUT_STITCH_FADE)
        return aut_fail (AUT_ERR_INVALID, "shot %s: the first shot has only a cut or a fade", id);
    if (shot->transition_frames + after > shot->frames)
        return aut_fail (AUT_ERR_INVALID, "shot %s: transitions of %llu frames in a shot of %llu",
                         id, (unsigned long long)(shot->transition_frames + after),
                         (unsigned long long)shot->frames);
    return 0;
}

int aut_stitch_check (const aut_stitch_t *self)
{
    uint32_t width = self->out_width ? self->out_width : self->width;
    uint32_t height = self->out_height ? self->out_height : self->height;
    if (!self->shot_count)
        return aut_fail (AUT_ERR_INVALID, "a film without shots");
    if (self->rate_num <= 0 || self->rate_den <= 0)
        return aut_fail (AUT_ERR_INVALID, "a film at %d/%d frames per second", (int)self->rate_num,
                         (int)self->rate_den);
    if (!self->width || !self->height || width % 2 || height % 2 || width < 2 || height < 2 ||
        width > AUT_PICTURE_MAX_SIDE || height > AUT_PICTURE_MAX_SIDE)
        return aut_fail (AUT_ERR_INVALID, "a film of %ux%u pixels: sides are even, 2 to %u", width,
                         height, AUT_PICTURE_MAX_SIDE);
    for (size_t i = 0; i < self->shot_count; i++) {
        int rc = s_check_shot (self, i);
        if (rc < 0)
            return rc;
    }
    return aut_stitch_codec_check (self->codec);
}

uint64_t aut_stitch_native_index (const aut_stitch_t *self, const aut_stitch_shot_t *shot,
                                  uint64_t index)
{
    /* floor ((index + ½) / film rate × native rate); 128 bits, as three 31-bit factors meet. */
    unsigned __int128 num =
        (unsigned __int128)(2 * index + 1) * (uint64_t)self->rate_den * (uint64_t)shot->rate_num;
    unsigned __int128 den =
        (unsigned __int128)2 * (uint64_t)self->rate_num * (uint64_t)shot->rate_den;
    unsigned __int128 at = num / den;
    return at < shot->native_frames ? (uint64_t)at : shot->native_frames - 1;
}
