/*  The plan's two forms: JSON for programs, lines for people. */
#include "lib/film/plan.h"

#include "lib/core/mem.h"
#include "lib/film/text.h"

#include <stdlib.h>
#include <string.h>

/*  ,"key": */
static void next (aut_buffer_t *out, const char *key)
{
    aut_buffer_append (out, ",", 1);
    aut_put_key (out, key);
}

static void put_number (aut_buffer_t *out, const char *key, uint64_t value)
{
    next (out, key);
    aut_put_integer (out, value);
}

static void put_string (aut_buffer_t *out, const char *key, const char *value)
{
    next (out, key);
    aut_put_string (out, value);
}

static void put_decimal (aut_buffer_t *out, const char *key, aut_decimal_t value)
{
    next (out, key);
    aut_put_decimal (out, value);
}

static void put_native (aut_buffer_t *out, const aut_plan_shot_t *shot)
{
    aut_put_text (out, ",\"native\":{\"width\":");
    aut_put_integer (out, shot->native_width);
    put_number (out, "height", shot->native_height);
    put_decimal (out, "fps", shot->native_fps);
    put_number (out, "frames", shot->native_frames);
    aut_put_text (out, "}");
}

static void put_init (const aut_plan_t *self, aut_buffer_t *out, size_t index)
{
    const aut_anchor_t *init = &self->shots[index].shot->init;
    next (out, "init");
    if (init->image) {
        aut_put_text (out, "{\"image\":");
        aut_put_string (out, init->image);
        aut_put_text (out, "}");
    } else if (init->from_previous >= 0) {
        aut_put_text (out, "{\"from\":\"previous\",\"shot\":");
        aut_put_string (out, self->shots[index - 1].shot->id);
        aut_put_text (out, "}");
    } else {
        aut_put_text (out, "null");
    }
}

static void put_last_and_transition (aut_buffer_t *out, const aut_plan_shot_t *shot)
{
    next (out, "last");
    if (shot->use_last) {
        aut_put_text (out, "{\"image\":");
        aut_put_string (out, shot->shot->last.image);
        aut_put_text (out, "}");
    } else {
        aut_put_text (out, "null");
    }
    aut_put_text (out, ",\"transition\":{\"type\":");
    aut_put_string (out, aut_transition_types[shot->transition]);
    put_number (out, "frames", (uint64_t)shot->transition_frames);
    aut_put_text (out, "}");
}

/*  Only in shots that are enlarged on a node. */
static void put_upscale (aut_buffer_t *out, const aut_plan_shot_t *shot)
{
    if (!shot->upscaler)
        return;
    aut_put_text (out, ",\"upscale\":{\"model\":");
    aut_put_string (out, shot->upscaler->id);
    put_number (out, "factor", shot->upscaler->upscale);
    put_number (out, "width", shot->upscale_width);
    put_number (out, "height", shot->upscale_height);
    put_number (out, "tasks", shot->chunk_count);
    aut_put_text (out, "}");
}

static void put_chunk (const aut_plan_t *self, aut_buffer_t *out, const aut_plan_chunk_t *chunk)
{
    aut_put_text (out, "{\"index\":");
    aut_put_integer (out, chunk->index);
    put_number (out, "frames", chunk->frames);
    put_number (out, "drop", chunk->drop);
    put_number (out, "keep", chunk->keep);
    put_number (out, "seed", chunk->seed);
    next (out, "key");
    aut_put_hash (out, &chunk->key);
    next (out, "after");
    if (chunk->after == AUT_PLAN_NONE)
        aut_put_text (out, "null");
    else
        aut_put_hash (out, &self->chunks[chunk->after].key);
    aut_put_text (out, "}");
}

static void put_shot (const aut_plan_t *self, aut_buffer_t *out, size_t index)
{
    const aut_plan_shot_t *shot = &self->shots[index];
    aut_put_text (out, "{\"id\":");
    aut_put_string (out, shot->shot->id);
    put_string (out, "scene", shot->scene->id);
    put_string (out, "model", shot->model->id);
    put_string (out, "tier", aut_tiers[shot->tier]);
    put_number (out, "frames", (uint64_t)shot->frames);
    put_number (out, "start_frame", (uint64_t)shot->start_frame);
    put_native (out, shot);
    put_string (out, "prompt", shot->prompt);
    put_string (out, "negative", shot->negative);
    put_number (out, "seed", shot->seed);
    put_number (out, "steps", shot->steps);
    put_decimal (out, "guidance", shot->guidance);
    put_init (self, out, index);
    put_last_and_transition (out, shot);
    put_upscale (out, shot);
    aut_put_text (out, ",\"chunks\":[");
    for (size_t i = 0; i < shot->chunk_count; i++) {
        if (i)
            aut_put_text (out, ",");
        put_chunk (self, out, &self->chunks[shot->first_chunk + i]);
    }
    aut_put_text (out, "]}");
}

void aut_plan_json (const aut_plan_t *self, aut_buffer_t *out)
{
    const aut_storyboard_t *film = self->film;
    aut_put_text (out, "{\"project\":");
    aut_put_string (out, film->project);
    put_string (out, "title", film->title ? film->title : "");
    put_decimal (out, "fps", self->fps);
    aut_put_text (out, ",\"rate\":[");
    aut_put_integer (out, (uint64_t)self->rate.num);
    aut_put_text (out, ",");
    aut_put_integer (out, (uint64_t)self->rate.den);
    aut_put_text (out, "]");
    put_number (out, "width", self->width);
    put_number (out, "height", self->height);
    put_number (out, "frames", (uint64_t)self->frames);
    put_decimal (out, "duration", aut_frames_seconds (self->frames, self->rate));
    aut_put_text (out, ",\"shots\":[");
    for (size_t i = 0; i < self->shot_count; i++) {
        if (i)
            aut_put_text (out, ",");
        put_shot (self, out, i);
    }
    aut_put_text (out, "]");
    put_number (out, "tasks", self->chunk_count);
    if (self->task_count > self->chunk_count) {
        aut_put_text (out, ",\"upscale\":{\"width\":");
        aut_put_integer (out, self->out_width);
        put_number (out, "height", self->out_height);
        put_number (out, "tasks", self->task_count - self->chunk_count);
        aut_put_text (out, "}");
    }
    aut_put_text (out, ",\"warnings\":[");
    for (size_t i = 0; i < self->warning_count; i++) {
        if (i)
            aut_put_text (out, ",");
        aut_put_string (out, self->warnings[i]);
    }
    aut_put_text (out, "]}");
}

/*  What the stitch does to the shot's native frames. */
static void print_retime (const aut_plan_t *self, aut_buffer_t *out, const aut_plan_shot_t *shot)
{
    char fps[AUT_DECIMAL_TEXT];
    const aut_rational_t *native = &shot->native_rate;
    int64_t film_ticks = self->rate.num * native->den, native_ticks = native->num * self->rate.den;
    if (film_ticks != native_ticks)
        aut_buffer_format (out, ", %s %s fps",
                           film_ticks < native_ticks ? "nearest frames at" : "interpolated to",
                           aut_decimal_text (self->fps, fps));
    if (!shot->upscaler &&
        (shot->native_width != self->width || shot->native_height != self->height))
        aut_buffer_format (out, ", scaled to %ux%u", self->width, self->height);
}

static void print_shot (const aut_plan_t *self, aut_buffer_t *out, const aut_plan_shot_t *shot)
{
    char fps[AUT_DECIMAL_TEXT], seconds[AUT_DECIMAL_TEXT];
    aut_buffer_format (out, "\n%s  %lld frames (%s s) from frame %lld", shot->shot->id,
                       (long long)shot->frames,
                       aut_decimal_text (aut_frames_seconds (shot->frames, self->rate), seconds),
                       (long long)shot->start_frame);
    if (shot->transition != AUT_TRANSITION_CUT)
        aut_buffer_format (out, ", %s over %lld", aut_transition_types[shot->transition],
                           (long long)shot->transition_frames);
    aut_buffer_format (out, "\n  %s, %s: %ux%u at %s fps", shot->model->id, aut_tiers[shot->tier],
                       shot->native_width, shot->native_height,
                       aut_decimal_text (shot->native_fps, fps));
    if (shot->upscaler)
        aut_buffer_format (out, ", enlarged to %ux%u by %s", shot->upscale_width,
                           shot->upscale_height, shot->upscaler->id);
    print_retime (self, out, shot);
    aut_buffer_format (out, ", %zu chunk%s\n  ", shot->chunk_count,
                       shot->chunk_count == 1 ? "" : "s");
    aut_buffer_printable (out, shot->prompt);
    if (*shot->negative) {
        aut_buffer_text (out, "\n  not: ");
        aut_buffer_printable (out, shot->negative);
    }
    aut_buffer_text (out, "\n");
}

void aut_plan_text (const aut_plan_t *self, aut_buffer_t *out)
{
    char fps[AUT_DECIMAL_TEXT], seconds[AUT_DECIMAL_TEXT];
    aut_buffer_format (out, "%s: ", self->film->project);
    aut_buffer_printable (out, self->film->title ? self->film->title : "");
    aut_buffer_format (out, "\n%ux%u at %s fps, %lld frames (%s s), %zu shots, %zu tasks\n",
                       self->out_width, self->out_height, aut_decimal_text (self->fps, fps),
                       (long long)self->frames,
                       aut_decimal_text (aut_frames_seconds (self->frames, self->rate), seconds),
                       self->shot_count, self->task_count);
    for (size_t i = 0; i < self->shot_count; i++)
        print_shot (self, out, &self->shots[i]);
    for (size_t i = 0; i < self->warning_count; i++) {
        aut_buffer_text (out, i ? "" : "\n");
        aut_buffer_text (out, "warning: ");
        aut_buffer_printable (out, self->warnings[i]);
        aut_buffer_text (out, "\n");
    }
}
