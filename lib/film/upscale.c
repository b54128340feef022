#include "lib/film/upscale.h"

#include <string.h>

/*  `a × b / c` to the nearest even number, at least 2. */
static uint32_t even (uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t half = (a * b + c) / (2 * c);
    return half ? (uint32_t)(half * 2) : 2;
}

void aut_upscale_size (int which, uint32_t width, uint32_t height, uint32_t *out_width,
                       uint32_t *out_height)
{
    static const uint32_t sizes[][2] = {[AUT_UPSCALE_1080P] = {1920, 1080},
                                        [AUT_UPSCALE_2K] = {2560, 1440},
                                        [AUT_UPSCALE_4K] = {3840, 2160}};
    *out_width = width;
    *out_height = height;
    if (which < 0 || (size_t)which >= sizeof sizes / sizeof *sizes)
        return;
    uint32_t w = sizes[which][0], h = sizes[which][1];
    if (!width || !height || width > w || height > h)
        return;
    bool wide = (uint64_t)width * h > (uint64_t)w * height;
    *out_width = wide ? w : even (width, h, height);
    *out_height = wide ? even (height, w, width) : h;
}

/*  Whether `a` serves `times` better than `b`, both learned. */
static bool better (const aut_model_t *a, const aut_model_t *b, aut_rational_t times)
{
    bool a_reaches = (int64_t)a->upscale * times.den >= times.num;
    bool b_reaches = (int64_t)b->upscale * times.den >= times.num;
    if (a_reaches != b_reaches)
        return a_reaches;
    if (a->upscale != b->upscale)
        return a_reaches ? a->upscale < b->upscale : a->upscale > b->upscale;
    return a->place != b->place ? a->place < b->place : strcmp (a->id, b->id) < 0;
}

const aut_model_t *aut_upscale_choose (const aut_registry_t *registry, aut_rational_t times,
                                       bool drawn)
{
    const aut_model_t *plain = NULL, *learned = NULL;
    for (size_t i = 0; i < aut_registry_count (registry); i++) {
        const aut_model_t *model = aut_registry_at (registry, i);
        if (!model->available || !model->upscale || !aut_model_can (model, AUT_CAPABILITY_UPSCALE))
            continue;
        if (model->upscale == 1)
            plain = !plain || model->place < plain->place ? model : plain;
        else if (!drawn && (!learned || better (model, learned, times)))
            learned = model;
    }
    return learned ? learned : plain;
}
