/*  OpenTimelineIO's JSON, after its "File Format Specification" (opentimelineio.readthedocs.io). */
#include "lib/core/mem.h"
#include "lib/film/timeline.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *time_json (const aut_timeline_t *self, int64_t frames)
{
    const aut_rational_t rate = self->plan->rate;
    return json_pack ("{s:s, s:f, s:f}", "OTIO_SCHEMA", "RationalTime.1", "rate",
                      (double)rate.num / (double)rate.den, "value", (double)frames);
}

static json_t *range_json (const aut_timeline_t *self, int64_t start, int64_t frames)
{
    return json_pack ("{s:s, s:o, s:o}", "OTIO_SCHEMA", "TimeRange.1", "duration",
                      time_json (self, frames), "start_time", time_json (self, start));
}

static json_t *media_json (const char *url, json_t *available)
{
    return json_pack ("{s:{s:s, s:s, s:o, s:{}, s:s}}", "DEFAULT_MEDIA", "OTIO_SCHEMA",
                      "ExternalReference.1", "name", url, "available_range", available, "metadata",
                      "target_url", url);
}

static void put_text (json_t *object, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new (object, key, json_string (text));
}

/*  What made the shot. */
static json_t *shot_metadata (const aut_plan_shot_t *shot)
{
    json_t *told =
        json_pack ("{s:s, s:s, s:I, s:s, s:s, s:s}", "shot", shot->shot->id, "scene",
                   shot->scene->id, "seed", (json_int_t)shot->seed, "model", shot->model->id,
                   "tier", aut_tiers[shot->tier], "prompt", shot->prompt);
    put_text (told, "negative", shot->negative);
    put_text (told, "slugline", shot->scene->slugline);
    put_text (told, "dialogue", shot->shot->dialogue);
    put_text (told, "sound", shot->shot->sound);
    return json_pack ("{s:o}", "auteur", told);
}

static json_t *marker_json (const aut_timeline_t *self, const aut_timeline_clip_t *clip)
{
    return json_pack ("{s:s, s:s, s:s, s:o, s:o, s:s}", "OTIO_SCHEMA", "Marker.2", "name",
                      clip->shot->shot->id, "color", "GREEN", "marked_range",
                      range_json (self, clip->in, 0), "metadata", shot_metadata (clip->shot),
                      "comment", clip->shot->shot->prompt);
}

static json_t *clip_json (const aut_timeline_t *self, const aut_timeline_clip_t *clip)
{
    char *url = aut_sprintf ("shots/%s.mkv", clip->shot->shot->id);
    json_t *json = json_pack (
        "{s:s, s:s, s:o, s:o, s:s, s:[o], s:[], s:b, s:o}", "OTIO_SCHEMA", "Clip.2", "name",
        clip->shot->shot->id, "source_range", range_json (self, clip->in, clip->frames),
        "media_references", media_json (url, range_json (self, 0, clip->shot->frames)),
        "active_media_reference_key", "DEFAULT_MEDIA", "markers", marker_json (self, clip),
        "effects", "enabled", 1, "metadata", shot_metadata (clip->shot));
    free (url);
    return json;
}

static json_t *transition_json (const aut_timeline_t *self, const aut_timeline_clip_t *clip)
{
    aut_transition_type_t type = clip->shot->transition;
    json_t *told = json_pack ("{s:s}", "type", aut_transition_types[type]);
    if (type == AUT_TRANSITION_WIPE)
        put_text (told, "direction", aut_directions[clip->shot->direction]);
    return json_pack ("{s:s, s:s, s:s, s:o, s:o, s:{s:o}}", "OTIO_SCHEMA", "Transition.1", "name",
                      aut_transition_types[type], "transition_type",
                      type == AUT_TRANSITION_DISSOLVE ? "SMPTE_Dissolve" : "Custom_Transition",
                      "in_offset", time_json (self, clip->before), "out_offset",
                      time_json (self, clip->after), "metadata", "auteur", told);
}

static json_t *track_json (const char *name, const char *kind, json_t *children)
{
    return json_pack ("{s:s, s:s, s:s, s:n, s:o, s:[], s:[], s:b, s:{}}", "OTIO_SCHEMA", "Track.1",
                      "name", name, "kind", kind, "source_range", "children", children, "markers",
                      "effects", "enabled", 1, "metadata");
}

static json_t *pictures_json (const aut_timeline_t *self)
{
    json_t *children = json_array ();
    for (size_t i = 0; i < self->count; i++) {
        const aut_timeline_clip_t *clip = &self->clips[i];
        if (clip->before + clip->after > 0)
            json_array_append_new (children, transition_json (self, clip));
        json_t *json = clip_json (self, clip);
        if (i == 0 && clip->shot->transition_frames > 0)
            json_object_set_new (json_object_get (json_object_get (json, "metadata"), "auteur"),
                                 "fade_in_frames",
                                 json_integer ((json_int_t)clip->shot->transition_frames));
        json_array_append_new (children, json);
    }
    return track_json ("pictures", "Video", children);
}

static void put_number (json_t *object, const char *key, aut_decimal_t value)
{
    char text[AUT_DECIMAL_TEXT];
    if (value.set)
        json_object_set_new (object, key, json_string (aut_decimal_text (value, text)));
}

/*  A sound: silence up to its start, then the file to the film's end. NULL for one that starts
 * after it, or is no file. */
static json_t *sound_json (const aut_timeline_t *self, const aut_audio_t *audio)
{
    int64_t start = 0, end = self->plan->frames;
    if (!audio->file ||
        (audio->start.set && aut_frames_round (&start, audio->start, self->plan->rate)) ||
        start >= end)
        return NULL;
    json_t *told = json_object (), *children = json_array ();
    put_number (told, "gain_db", audio->gain_db);
    put_number (told, "fade_in", audio->fade_in);
    put_number (told, "fade_out", audio->fade_out);
    json_object_set_new (told, "loop", json_boolean (audio->loop == 1));
    if (start)
        json_array_append_new (
            children, json_pack ("{s:s, s:s, s:o, s:[], s:[], s:b, s:{}}", "OTIO_SCHEMA", "Gap.1",
                                 "name", "", "source_range", range_json (self, 0, start), "markers",
                                 "effects", "enabled", 1, "metadata"));
    json_array_append_new (children,
                           json_pack ("{s:s, s:s, s:o, s:o, s:s, s:[], s:[], s:b, s:{s:o}}",
                                      "OTIO_SCHEMA", "Clip.2", "name", audio->file, "source_range",
                                      range_json (self, 0, end - start), "media_references",
                                      media_json (audio->file, json_null ()),
                                      "active_media_reference_key", "DEFAULT_MEDIA", "markers",
                                      "effects", "enabled", 1, "metadata", "auteur", told));
    return track_json (audio->file, "Audio", children);
}

void aut_timeline_otio (const aut_timeline_t *self, aut_buffer_t *out)
{
    const aut_storyboard_t *film = self->plan->film;
    const aut_audio_t *audio = film->audio.items;
    json_t *tracks = json_array ();
    json_array_append_new (tracks, pictures_json (self));
    for (size_t i = 0; i < film->audio.count; i++) {
        json_t *track = sound_json (self, &audio[i]);
        if (track)
            json_array_append_new (tracks, track);
    }
    json_t *stack = json_pack ("{s:s, s:s, s:n, s:o, s:[], s:[], s:b, s:{}}", "OTIO_SCHEMA",
                               "Stack.1", "name", "tracks", "source_range", "children", tracks,
                               "markers", "effects", "enabled", 1, "metadata");
    json_t *timeline = json_pack (
        "{s:s, s:s, s:n, s:o, s:{s:{s:s, s:I}}}", "OTIO_SCHEMA", "Timeline.1", "name",
        film->title ? film->title : film->project, "global_start_time", "tracks", stack, "metadata",
        "auteur", "project", film->project, "frames", (json_int_t)self->plan->frames);
    char *text = json_dumps (timeline, JSON_INDENT (4) | JSON_REAL_PRECISION (17));
    if (text) {
        aut_buffer_text (out, text);
        aut_buffer_text (out, "\n");
    }
    free (text);
    json_decref (timeline);
}
