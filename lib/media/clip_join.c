/*  Joins the mezzanines of a shot's chunks by copying packets. It works because every frame stands
 *  alone and all chunks of a shot are written with the same encoder parameters, which is checked:
 *  FFV1 keeps them in the extradata, so equal extradata is the proof.
 */
#include "lib/core/error.h"
#include "lib/media/ff.h"

#include <string.h>

static int s_check_same (const aut_clip_input_t *first, const aut_clip_input_t *clip)
{
    const aut_clip_format_t *a = &first->info, *b = &clip->info;
    if (a->width != b->width || a->height != b->height)
        return aut_fail (AUT_ERR_INVALID, "%s: is %ux%u, but %s is %ux%u", clip->path, b->width,
                         b->height, first->path, a->width, a->height);
    if (a->rate_num != b->rate_num || a->rate_den != b->rate_den)
        return aut_fail (AUT_ERR_INVALID, "%s: has %d/%d frames per second, but %s has %d/%d",
                         clip->path, (int)b->rate_num, (int)b->rate_den, first->path,
                         (int)a->rate_num, (int)a->rate_den);
    const AVCodecParameters *p = first->stream->codecpar, *q = clip->stream->codecpar;
    if (p->extradata_size != q->extradata_size || !p->extradata ||
        memcmp (p->extradata, q->extradata, (size_t)p->extradata_size) != 0)
        return aut_fail (AUT_ERR_INVALID, "%s: was encoded with other parameters than %s",
                         clip->path, first->path);
    return 0;
}

static int s_copy (aut_ff_output_t *output, aut_clip_input_t *input, uint64_t *count)
{
    for (;;) {
        int rc = aut_clip_input_next (input);
        if (rc != 1)
            return rc;
        rc = aut_clip_output_packet (output, input->packet, *count, &input->info);
        if (rc < 0)
            return rc;
        ++*count;
    }
}

int aut_clip_join (const char *path, const char *const *clips, size_t count, uint64_t *frames)
{
    if (!count)
        return aut_fail (AUT_ERR_INVALID, "%s: nothing to join", path);
    aut_ff_output_t output = {0};
    aut_clip_input_t first, clip = {0};
    uint64_t total = 0;
    int rc = aut_clip_input_open (&first, clips[0]);
    if (rc == 0)
        rc = aut_clip_output_start (&output, path, first.stream->codecpar, &first.info);
    if (rc == 0)
        rc = s_copy (&output, &first, &total);
    for (size_t i = 1; rc == 0 && i < count; i++) {
        rc = aut_clip_input_open (&clip, clips[i]);
        if (rc == 0)
            rc = s_check_same (&first, &clip);
        if (rc == 0)
            rc = s_copy (&output, &clip, &total);
        aut_clip_input_clear (&clip);
    }
    if (rc == 0)
        rc = aut_ff_output_commit (&output);
    if (rc == 0 && frames)
        *frames = total;
    aut_ff_output_clear (&output);
    aut_clip_input_clear (&first);
    return rc;
}
