/*  The animatic: a shot drawn from its words or its pictures, with the camera's move.
 *
 *  A frame is a pure function R (t) of the shot's spec and the frame's place t in the shot, so the
 *  same frames come out however the shot is cut into chunks. What a chunk makes starts from the
 *  tail it is handed:
 *
 *      out (t) = R (t) + (tail - R (t0)) · w (t - t0),    t0 the tail's frame, w from 1 to 0
 *
 *  With the true tail the second term is exactly 0. With another one the motion still starts
 *  where the tail is and then finds its way to R: a seam that one sees. A shot that starts from
 *  the one before does the same over a second, as a dissolve out of the held frame.
 *
 *  No state is kept between calls, and there is one thread.
 */
#include "node/backends/animatic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/film/storyboard.h"
#include "node/backends/animatic/paint.h"

#define SETTLE_FRAMES 12  /* a tail's difference is gone after so many */
#define BLEND_SECONDS 1.1 /* from the shot before into this one */
#define PUSH 0.035        /* how much a held frame grows meanwhile */

/*  One call of generate. */
typedef struct {
    const aut_generate_in_t *in;
    const aut_generate_out_t *out;
    anm_stage_t stage;
    anm_raster_t *raster;
    anm_view_t views[ANM_LAYERS_MAX];
    int first, last;      /* layers of the pictures that open and close the shot; -1: none */
    anm_pose_t rest[2];   /* of the camera where each of them fills the frame */
    size_t floats;        /* of a frame */
    float *frame, *extra; /* the frame, and the tail's difference or the held frame */
    anm_stage_t held;     /* the frame of the shot before, as a layer */
    anm_raster_t *held_raster;
} job_t;

static int animatic_probe (const aut_model_ref_t *model)
{
    (void)model; /* it needs neither weights nor a device */
    return AUT_OK;
}

static int animatic_load (void **state, const aut_model_ref_t *model)
{
    (void)model;
    *state = NULL;
    return AUT_OK;
}

static void animatic_unload (void *state)
{
    (void)state;
}

/*  --- what is drawn --- */

/*  The prompt without the ingredients' descriptions, which come as cards. The caller frees it. */
static char *own_words (const aut_task_spec_t *spec)
{
    char *text = aut_strdup (spec->prompt);
    for (size_t i = 0; i < spec->card_count; i++) {
        const char *words = spec->cards[i].description;
        size_t size = words != NULL ? strlen (words) : 0;
        char *at = size > 0 ? strstr (text, words) : NULL;
        if (at != NULL)
            memset (at, ' ', size);
    }
    return text;
}

static void read_scene (anm_scene_t *scene, const aut_task_spec_t *spec)
{
    static const anm_card_t types[] = {[AUT_INGREDIENT_CHARACTER] = ANM_CARD_CHARACTER,
                                       [AUT_INGREDIENT_LOCATION] = ANM_CARD_LOCATION,
                                       [AUT_INGREDIENT_OBJECT] = ANM_CARD_OBJECT,
                                       [AUT_INGREDIENT_STYLE] = ANM_CARD_STYLE};
    anm_words_t *cards = aut_calloc (spec->card_count + 1, sizeof *cards);
    size_t count = 0;
    for (size_t i = 0; i < spec->card_count; i++)
        if (spec->cards[i].description != NULL)
            cards[count++] = (anm_words_t){types[spec->cards[i].type], spec->cards[i].description};
    char *words = own_words (spec);
    anm_scene_read (scene, words, cards, count,
                    spec->camera_size < 0 ? ANM_SIZE_WIDE : (anm_size_t)spec->camera_size,
                    spec->camera_angle, spec->seed);
    free (words);
    free (cards);
}

/*  The ingredient whose picture stands for the shot: a location's before any other. */
static const aut_picture_t *ingredient_picture (const aut_generate_in_t *in)
{
    const aut_picture_t *found = NULL;
    for (size_t i = 0; i < in->image_count && i < in->spec->card_count; i++) {
        if (in->images[i].rgb == NULL)
            continue;
        if (in->spec->cards[i].type == AUT_INGREDIENT_LOCATION)
            return &in->images[i];
        if (found == NULL)
            found = &in->images[i];
    }
    return found;
}

static void copy_picture (anm_layer_t *layer, const aut_picture_t *from)
{
    uint8_t *data = cairo_image_surface_get_data (layer->surface);
    size_t stride = (size_t)cairo_image_surface_get_stride (layer->surface);
    cairo_surface_flush (layer->surface);
    for (uint32_t y = 0; y < from->height; y++) {
        const uint8_t *in = from->rgb + (size_t)y * from->width * 3;
        uint32_t *out = (uint32_t *)(void *)(data + y * stride);
        for (uint32_t x = 0; x < from->width; x++, in += 3)
            out[x] = UINT32_C (0xff000000) | (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
    }
    cairo_surface_mark_dirty (layer->surface);
}

/*  A layer filled with a picture, so that it fills the frame with the camera at `rest` and covers
 *  all that the camera sees. Gives its index. */
static int add_picture (job_t *job, const aut_picture_t *picture, anm_pose_t rest, int *index)
{
    anm_stage_t *stage = &job->stage;
    anm_rect_t sees = anm_stage_sees_from (stage, 1, rest);
    double density = stage->height * 1.15;
    anm_layer_t *layer = anm_layer_new (sees, density, 1);
    aut_picture_t *scaled = NULL;
    if (layer == NULL)
        return AUT_ERR_NOMEM;
    int rc = aut_picture_scale (&scaled, picture, (uint32_t)layer->width, (uint32_t)layer->height,
                                AUT_SCALE_COVER);
    if (rc != AUT_OK) {
        anm_layer_destroy (&layer);
        return rc;
    }
    copy_picture (layer, scaled);
    aut_picture_destroy (&scaled);
    anm_layer_finish (layer, 0, 0);
    layer->clamp = true;
    *index = stage->count;
    stage->layers[stage->count++] = layer;
    return AUT_OK;
}

static int draw_pictures (job_t *job, const aut_picture_t *card)
{
    const aut_generate_in_t *in = job->in;
    double end = job->stage.frames > 1 ? (double)(job->stage.frames - 1) : 0;
    int rc = AUT_OK;
    job->stage.camera.seed = in->spec->seed;
    job->rest[0] = anm_camera_pose (&job->stage, 0);
    job->rest[1] = anm_camera_pose (&job->stage, end);
    if (in->init != NULL)
        rc = add_picture (job, in->init, job->rest[0], &job->first);
    if (rc == AUT_OK && in->last != NULL)
        rc = add_picture (job, in->last, job->rest[1], &job->last);
    if (rc == AUT_OK && in->init == NULL && in->last == NULL) {
        job->rest[0] = (anm_pose_t){.zoom = 1};
        rc = add_picture (job, card, job->rest[0], &job->first);
    }
    return rc;
}

static int draw_shot (job_t *job)
{
    const aut_task_spec_t *spec = job->in->spec;
    const aut_picture_t *card = ingredient_picture (job->in);
    double fps = (double)spec->rate.num / (double)spec->rate.den;
    anm_stage_init (&job->stage, (int)spec->width, (int)spec->height, fps,
                    spec->shot_frames > 0 ? spec->shot_frames : 1);
    job->stage.camera.move =
        spec->camera_move < 0 ? ANM_MOVE_STATIC : (anm_move_t)spec->camera_move;
    if (job->in->init != NULL || job->in->last != NULL || card != NULL) {
        int rc = draw_pictures (job, card);
        if (rc != AUT_OK)
            return rc;
    } else {
        anm_scene_t scene;
        read_scene (&scene, spec);
        anm_paint_scene (&job->stage, &scene);
    }
    anm_paint_hud (&job->stage, true);
    return job->stage.error;
}

/*  --- frames --- */

/*  R (t): frame `t` of the shot. */
static int render (job_t *job, double t, float *rgb)
{
    anm_stage_t *stage = &job->stage;
    anm_pose_t pose = anm_camera_pose (stage, t);
    double u = stage->frames > 1 ? t / (double)(stage->frames - 1) : 1;
    for (int i = 0; i < stage->count; i++) {
        anm_pose_t from = pose;
        if (i == job->first || i == job->last)
            from = anm_camera_relative (pose, job->rest[i == job->last]);
        job->views[i] = anm_stage_view_from (stage, stage->layers[i], from, t);
        if (i == job->last && job->first >= 0)
            job->views[i].opacity = anm_smooth (0.28, 0.72, u);
    }
    return anm_raster_render (job->raster, stage->layers, job->views, stage->count, rgb);
}

/*  Takes the frame of the shot before as a layer that can be pushed into. */
static int hold_frame (job_t *job, const float *tail)
{
    const aut_task_spec_t *spec = job->in->spec;
    double hw = 0.5 * spec->width / spec->height;
    anm_layer_t *layer =
        anm_layer_new_smooth ((anm_rect_t){-hw, -0.5, hw, 0.5}, (double)spec->height, 1);
    anm_stage_init (&job->held, (int)spec->width, (int)spec->height, job->stage.fps,
                    job->stage.frames);
    if (layer == NULL)
        return AUT_ERR_NOMEM;
    layer->clamp = true;
    job->held.layers[job->held.count++] = layer;
    job->held_raster = anm_raster_new ((int)spec->width, (int)spec->height);
    int dx = (layer->width - (int)spec->width) / 2, dy = (layer->height - (int)spec->height) / 2;
    for (int y = 0; y < layer->height; y++) { /* the margin repeats the edge */
        int from_y = y < dy ? 0 : y - dy >= (int)spec->height ? (int)spec->height - 1 : y - dy;
        for (int x = 0; x < layer->width; x++) {
            int from_x = x < dx ? 0 : x - dx >= (int)spec->width ? (int)spec->width - 1 : x - dx;
            const float *in = tail + ((size_t)from_y * spec->width + (size_t)from_x) * 3;
            float *out = layer->smooth + ((size_t)y * (size_t)layer->width + (size_t)x) * 4;
            out[0] = in[2];
            out[1] = in[1];
            out[2] = in[0];
            out[3] = 1;
        }
    }
    return AUT_OK;
}

/*  What the chunk starts from: nothing, the chunk before, or the shot before. */
static int prepare_start (job_t *job)
{
    const aut_generate_in_t *in = job->in;
    const aut_task_spec_t *spec = in->spec;
    if (!spec->has_after && spec->init != AUT_INIT_AFTER)
        return AUT_OK;
    if (in->tail == NULL || in->tail_frames == 0)
        return aut_fail (AUT_ERR_INVALID,
                         "the chunk goes on from another one, but there is no tail");
    const float *tail = in->tail + (size_t)(in->tail_frames - 1) * job->floats;
    if (spec->init == AUT_INIT_AFTER)
        return hold_frame (job, tail);
    job->extra = aut_try_alloc (job->floats, sizeof *job->extra);
    if (job->extra == NULL)
        return AUT_ERR_NOMEM;
    int rc = render (job, (double)spec->first_frame - 1, job->extra);
    for (size_t i = 0; rc == AUT_OK && i < job->floats; i++)
        job->extra[i] = tail[i] - job->extra[i];
    return rc;
}

/*  The tail's frame again, while the worker still drops what it is given. */
static void repeat_tail (job_t *job, uint32_t index)
{
    const aut_generate_in_t *in = job->in;
    uint32_t back = in->spec->drop - index; /* frames before the first kept one */
    if (back > in->tail_frames)
        back = in->tail_frames;
    memcpy (job->frame, in->tail + (size_t)(in->tail_frames - back) * job->floats,
            job->floats * sizeof *job->frame);
}

static float unit (float v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

/*  Adds what is left of the tail's difference, `n` frames after it. */
static void settle (job_t *job, double n)
{
    float w = (float)(1 - anm_smooth (0, SETTLE_FRAMES, n));
    if (w <= 0)
        return;
    for (size_t i = 0; i < job->floats; i++)
        if (job->extra[i] != 0)
            job->frame[i] = unit (job->frame[i] + job->extra[i] * w);
}

/*  Dissolves out of the held frame, `n` frames after it. */
static int leave_held (job_t *job, double n)
{
    const aut_task_spec_t *spec = job->in->spec;
    double reach = fmin (BLEND_SECONDS * job->stage.fps, (double)spec->frames - 1);
    double u = reach > 0 ? n / reach : 1;
    if (u >= 1)
        return AUT_OK;
    if (job->extra == NULL)
        job->extra = aut_try_alloc (job->floats, sizeof *job->extra);
    if (job->extra == NULL)
        return AUT_ERR_NOMEM;
    anm_pose_t push = {.zoom = 1 + PUSH * u * u};
    anm_view_t view = anm_stage_view_from (&job->held, job->held.layers[0], push, 0);
    int rc = anm_raster_render (job->held_raster, job->held.layers, &view, 1, job->extra);
    float w = (float)anm_smooth (0, 1, u);
    for (size_t i = 0; rc == AUT_OK && i < job->floats; i++)
        job->frame[i] = job->extra[i] + (job->frame[i] - job->extra[i]) * w;
    return rc;
}

static int make_frame (job_t *job, uint32_t index)
{
    const aut_task_spec_t *spec = job->in->spec;
    bool follows = spec->has_after || spec->init == AUT_INIT_AFTER;
    if (follows && index < spec->drop) {
        repeat_tail (job, index);
        return AUT_OK;
    }
    double n = (double)index - (double)spec->drop; /* kept frames before this one */
    int rc = render (job, spec->first_frame + n, job->frame);
    if (rc == AUT_OK && job->held_raster != NULL)
        rc = leave_held (job, n + (spec->drop > 0 ? 1 : 0));
    else if (rc == AUT_OK && job->extra != NULL)
        settle (job, n + 1);
    return rc;
}

static int make_frames (job_t *job)
{
    const aut_generate_out_t *out = job->out;
    uint32_t count = job->in->spec->frames;
    int rc = AUT_OK;
    for (uint32_t i = 0; i < count && rc == AUT_OK; i++) {
        if (out->cancelled != NULL && out->cancelled (out->ctx))
            return aut_fail (AUT_ERR_CANCELLED, "the task was cancelled");
        rc = make_frame (job, i);
        if (rc == AUT_OK)
            rc = out->frame (out->ctx, i, job->frame);
        if (rc == AUT_OK && out->progress != NULL)
            rc = out->progress (out->ctx, i + 1, count);
    }
    return rc;
}

static int animatic_generate (void *state, const aut_generate_in_t *in,
                              const aut_generate_out_t *out)
{
    (void)state;
    job_t job = {.in = in, .out = out, .first = -1, .last = -1};
    const aut_task_spec_t *spec = in->spec;
    if (spec->width < 2 || spec->height < 2 || spec->width > AUT_TASK_MAX_SIDE ||
        spec->height > AUT_TASK_MAX_SIDE || spec->rate.num < 1 || spec->rate.den < 1)
        return aut_fail (AUT_ERR_INVALID, "an animatic of %u x %u", spec->width, spec->height);
    job.floats = (size_t)spec->width * spec->height * 3;
    job.frame = aut_try_alloc (job.floats, sizeof *job.frame);
    job.raster = anm_raster_new ((int)spec->width, (int)spec->height);
    int rc = job.frame == NULL ? AUT_ERR_NOMEM : draw_shot (&job);
    if (rc == AUT_OK)
        rc = prepare_start (&job);
    if (rc == AUT_OK)
        rc = make_frames (&job);
    anm_stage_clear (&job.stage);
    anm_stage_clear (&job.held);
    anm_raster_destroy (&job.raster);
    anm_raster_destroy (&job.held_raster);
    free (job.frame);
    free (job.extra);
    return rc;
}

const aut_backend_t aut_backend_animatic = {
    .name = "animatic",
    .probe = animatic_probe,
    .load = animatic_load,
    .generate = animatic_generate,
    .unload = animatic_unload,
};
