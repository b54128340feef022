#include "client/assemble.h"
#include "client/interrupt.h"
#include "client/output.h"
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/film/subtitles.h"
#include "lib/media/clip.h"
#include "lib/media/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define LOUDNESS -16.0 /* LUFS */

/* What the stitch borrows while it runs. */
typedef struct {
    aut_stitch_t stitch;
    aut_stitch_shot_t *shots;
    aut_stitch_chapter_t *chapters;
    char **paths; /* the shots' own frames, then the enlarged ones, as far as there are some */
    aut_sound_t sound;
    aut_sound_track_t *tracks;
    char **sounds; /* the tracks' paths; NULL of a tone */
    double *cuts;
    aut_subtitles_t *subtitles;
    aut_stitch_cue_t *cues;
    aut_progress_t *progress;
} assembly_t;

/*  NULL where the storyboard says none. */
static const char *codec_of (const aut_output_t *output)
{
    return output->node && output->codec >= 0 ? aut_codecs[output->codec] : NULL;
}

const char *aut_assemble_name (const aut_film_t *film)
{
    const char *extension = aut_stitch_extension (codec_of (&film->film->output));
    return strcmp (extension, "mov") == 0 ? "film.mov" : "film.mp4";
}

int aut_assemble_check (const aut_film_t *film, const char *path)
{
    const char *codec = codec_of (&film->film->output);
    const char *extension = aut_stitch_extension (codec), *dot = path ? strrchr (path, '.') : NULL;
    int rc = aut_stitch_codec_check (codec);
    bool film_name = dot && !strchr (dot, '/');
    if (rc == 0 && film_name && strcasecmp (dot + 1, extension) != 0 &&
        (strcasecmp (dot, ".mp4") == 0 || strcasecmp (dot, ".mov") == 0))
        rc = aut_fail (AUT_ERR_INVALID, "a film in %s is a .%s: name it so", codec ? codec : "h264",
                       extension);
    return rc;
}

/* The storyboard's choice, else every word that helps a director on an animatic, else nothing. */
static unsigned burn_in_of (const aut_film_t *film)
{
    const aut_output_t *output = &film->film->output;
    if (output->node && output->burn_in.set) {
        unsigned set = 0;
        for (unsigned i = 0; aut_burns[i]; i++)
            if (output->burn_in.bits >> i & 1)
                set |= aut_stitch_burn_of_name (aut_burns[i]);
        return set;
    }
    if (film->plan->tier != AUT_TIER_ANIMATIC)
        return 0;
    return AUT_STITCH_BURN_ID | AUT_STITCH_BURN_SLUGLINE | AUT_STITCH_BURN_PROMPT |
           AUT_STITCH_BURN_DIALOGUE | AUT_STITCH_BURN_TIMECODE;
}

static aut_stitch_transition_t transition_of (aut_transition_type_t type)
{
    static const aut_stitch_transition_t types[] = {[AUT_TRANSITION_CUT] = AUT_STITCH_CUT,
                                                    [AUT_TRANSITION_DISSOLVE] = AUT_STITCH_DISSOLVE,
                                                    [AUT_TRANSITION_FADE] = AUT_STITCH_FADE,
                                                    [AUT_TRANSITION_WIPE] = AUT_STITCH_WIPE};
    return types[type];
}

static aut_stitch_wipe_t wipe_of (aut_direction_t direction)
{
    static const aut_stitch_wipe_t wipes[] = {[AUT_DIRECTION_RIGHT] = AUT_STITCH_WIPE_RIGHT,
                                              [AUT_DIRECTION_LEFT] = AUT_STITCH_WIPE_LEFT,
                                              [AUT_DIRECTION_UP] = AUT_STITCH_WIPE_UP,
                                              [AUT_DIRECTION_DOWN] = AUT_STITCH_WIPE_DOWN};
    return wipes[direction];
}

static int missing (const char *shot, const char *path)
{
    return aut_fail (AUT_ERR_NOT_FOUND, "shot %s is missing: %s is not there", shot, path);
}

/* The shot's enlarged frames take the place of its own, of which only the hash is wanted then. */
static int take_upscaled (assembly_t *self, const aut_film_t *film, size_t index, const char *dir)
{
    const aut_plan_shot_t *planned = &film->plan->shots[index];
    aut_stitch_shot_t *shot = &self->shots[index];
    int rc = 0;
    if (!planned->upscaler)
        return 0;
    char *path = aut_output_upscaled_path (dir, planned->shot->id);
    self->paths[film->plan->shot_count + index] = path;
    if (!aut_file_exists (path))
        return missing (planned->shot->id, path);
    if (shot->native_sha256)
        rc = aut_clip_frames_hash (shot->path, shot->native_sha256, NULL);
    shot->path = path;
    shot->fitted = true;
    shot->native_sha256 = NULL;
    return rc;
}

static int add_shots (assembly_t *self, const aut_film_t *film, const char *dir, aut_hash_t *hashes)
{
    const aut_plan_t *plan = film->plan;
    int rc = 0;
    self->shots = aut_calloc (plan->shot_count, sizeof *self->shots);
    self->paths = aut_calloc (plan->shot_count * 2, sizeof *self->paths);
    for (size_t i = 0; i < plan->shot_count && rc == 0; i++) {
        const aut_plan_shot_t *shot = &plan->shots[i];
        self->paths[i] = aut_output_shot_path (dir, shot->shot->id);
        if (!aut_file_exists (self->paths[i]))
            return missing (shot->shot->id, self->paths[i]);
        self->shots[i] = (aut_stitch_shot_t){.path = self->paths[i],
                                             .rate_num = (int32_t)shot->native_rate.num,
                                             .rate_den = (int32_t)shot->native_rate.den,
                                             .native_frames = shot->native_frames,
                                             .frames = (uint64_t)shot->frames,
                                             .transition = transition_of (shot->transition),
                                             .transition_frames = (uint32_t)shot->transition_frames,
                                             .wipe = wipe_of (shot->direction),
                                             .id = shot->shot->id,
                                             .slugline = shot->scene->slugline,
                                             .prompt = shot->shot->prompt,
                                             .dialogue = shot->shot->dialogue,
                                             .model = shot->model->id,
                                             .seed = shot->seed,
                                             .native_sha256 = hashes ? &hashes[i] : NULL};
        rc = take_upscaled (self, film, i, dir);
    }
    return rc;
}

static void add_chapters (assembly_t *self, const aut_film_t *film)
{
    size_t count = film->film->scenes.count;
    const aut_scene_t *scenes = film->film->scenes.items;
    self->chapters = aut_calloc (count, sizeof *self->chapters);
    for (size_t i = 0; i < count; i++)
        self->chapters[i] = (aut_stitch_chapter_t){
            .title = scenes[i].slugline ? scenes[i].slugline : scenes[i].id,
            .start_frame = (uint64_t)film->plan->shots[scenes[i].first_shot].start_frame};
    self->stitch.chapters = self->chapters;
    self->stitch.chapter_count = count;
}

static double number (aut_decimal_t value)
{
    return (double)value.units / pow (10, value.scale); /* 0 where nothing was written */
}

/*  The storyboard's tracks, their files as they were fetched; a temp track of silence is none. */
static void add_sound (assembly_t *self, const aut_film_t *film, const char *dir)
{
    const aut_list_t *audio = &film->film->audio;
    const aut_audio_t *tracks = audio->items;
    const aut_plan_t *plan = film->plan;
    double frame = (double)plan->rate.den / (double)plan->rate.num;
    if (!audio->count)
        return;
    self->tracks = aut_calloc (audio->count, sizeof *self->tracks);
    self->sounds = aut_calloc (audio->count, sizeof *self->sounds);
    self->cuts = aut_calloc (plan->shot_count, sizeof *self->cuts);
    for (size_t i = 0; i < plan->shot_count; i++)
        self->cuts[i] = (double)plan->shots[i].start_frame * frame;
    for (size_t i = 0; i < audio->count; i++) {
        if (tracks[i].temp == AUT_TEMP_SILENCE)
            continue;
        char *path = tracks[i].file ? aut_output_sound_path (dir, &tracks[i].hash) : NULL;
        self->sounds[self->sound.track_count] = path;
        self->tracks[self->sound.track_count++] =
            (aut_sound_track_t){.path = path,
                                .start = number (tracks[i].start),
                                .gain_db = number (tracks[i].gain_db),
                                .fade_in = number (tracks[i].fade_in),
                                .fade_out = number (tracks[i].fade_out),
                                .loop = tracks[i].loop == 1};
    }
    const aut_output_t *output = &film->film->output;
    self->sound.tracks = self->tracks;
    self->sound.seconds = (double)plan->frames * frame;
    self->sound.cuts = self->cuts;
    self->sound.cut_count = plan->shot_count;
    self->sound.loudness =
        output->node && output->loudness.set ? number (output->loudness) : LOUDNESS;
    self->stitch.sound = &self->sound;
}

/*  The dialogue as a stream and as files beside the film. */
static void add_subtitles (assembly_t *self, const aut_film_t *film)
{
    aut_subtitles_t *subtitles = self->subtitles = aut_subtitles_new (film->plan);
    self->cues = aut_calloc (subtitles->count, sizeof *self->cues);
    for (size_t i = 0; i < subtitles->count; i++)
        self->cues[i] =
            (aut_stitch_cue_t){(uint64_t)subtitles->cues[i].start, (uint64_t)subtitles->cues[i].end,
                               subtitles->cues[i].text};
    self->stitch.cues = self->cues;
    self->stitch.cue_count = subtitles->count;
    if (subtitles->hasty)
        aut_progress_note (
            self->progress,
            "The dialogue of %zu shot%s is too long to be read in %s (%d characters a second).",
            subtitles->hasty, subtitles->hasty == 1 ? "" : "s",
            subtitles->hasty == 1 ? "it" : "them", AUT_SUBTITLE_SPEED);
}

/*  `path` with another end instead of its extension; the caller frees. */
static char *beside (const char *path, const char *end)
{
    const char *slash = strrchr (path, '/'), *dot = strrchr (path, '.');
    size_t stem = dot && dot > (slash ? slash + 1 : path) ? (size_t)(dot - path) : strlen (path);
    return aut_sprintf ("%.*s%s", (int)stem, path, end);
}

static int write_subtitles (const aut_subtitles_t *subtitles, const char *path)
{
    static const struct {
        const char *end;
        void (*write) (const aut_subtitles_t *self, aut_buffer_t *out);
    } forms[] = {{".srt", aut_subtitles_srt}, {".vtt", aut_subtitles_vtt}};
    int rc = 0;
    for (size_t i = 0; subtitles->count && i < sizeof forms / sizeof *forms && rc == 0; i++) {
        aut_buffer_t text = {0};
        char *name = beside (path, forms[i].end);
        forms[i].write (subtitles, &text);
        rc = aut_file_write (name, text.data, text.size);
        aut_buffer_clear (&text);
        free (name);
    }
    return rc;
}

static int set_output (assembly_t *self, const aut_film_t *film)
{
    const aut_output_t *output = &film->film->output;
    const char *tier = aut_tiers[film->plan->tier];
    aut_stitch_t *stitch = &self->stitch;
    stitch->quality = aut_stitch_quality_of_tier (tier);
    if (output->node) {
        stitch->codec = codec_of (output);
        if (output->quality >= 0 &&
            aut_stitch_quality_parse (&stitch->quality, aut_qualities[output->quality]))
            return AUT_ERR_INVALID;
        if (output->fit == AUT_FIT_PAD)
            stitch->fit = AUT_STITCH_FIT_PAD;
    }
    stitch->out_width = film->plan->out_width;
    stitch->out_height = film->plan->out_height;
    return 0;
}

static void show_progress (void *ctx, uint64_t done, uint64_t total)
{
    assembly_t *self = ctx;
    aut_progress_step (self->progress, "stitching", done, total, aut_mono_ms (aut_clock_system ()));
}

int aut_assemble (const aut_film_t *film, const char *dir, const char *path, aut_hash_t *hashes,
                  aut_progress_t *progress, aut_stitch_report_t *report)
{
    const aut_plan_t *plan = film->plan;
    assembly_t self = {.progress = progress};
    aut_stitch_init (&self.stitch);
    self.stitch.rate_num = (int32_t)plan->rate.num;
    self.stitch.rate_den = (int32_t)plan->rate.den;
    self.stitch.width = plan->width;
    self.stitch.height = plan->height;
    self.stitch.title = film->film->title;
    self.stitch.burn_in = burn_in_of (film);
    self.stitch.progress = show_progress;
    self.stitch.cancelled = aut_interrupt_cancelled;
    self.stitch.ctx = &self;
    int rc = add_shots (&self, film, dir, hashes);
    self.stitch.shots = self.shots;
    self.stitch.shot_count = plan->shot_count;
    add_chapters (&self, film);
    add_sound (&self, film, dir);
    add_subtitles (&self, film);
    if (rc == 0)
        rc = set_output (&self, film);
    if (rc == 0)
        rc = aut_stitch (path, &self.stitch, report);
    if (rc == 0)
        rc = write_subtitles (self.subtitles, path);
    aut_progress_end (progress);
    for (size_t i = 0; i < plan->shot_count * 2; i++)
        free (self.paths[i]);
    for (size_t i = 0; i < self.sound.track_count; i++)
        free (self.sounds[i]);
    free (self.paths);
    free (self.sounds);
    free (self.tracks);
    free (self.cuts);
    free (self.cues);
    aut_subtitles_destroy (&self.subtitles);
    free (self.shots);
    free (self.chapters);
    return rc;
}

/*  Film frame of picture `k` of `n` of a shot, evenly over the time when it is alone to be seen. */
static uint64_t sheet_frame (const aut_plan_t *plan, size_t index, unsigned k, unsigned n)
{
    const aut_plan_shot_t *shot = &plan->shots[index];
    int64_t from = shot->transition_frames, to = shot->frames;
    if (index + 1 < plan->shot_count)
        to -= plan->shots[index + 1].transition_frames;
    if (to <= from) {
        from = 0;
        to = shot->frames;
    }
    return (uint64_t)(shot->start_frame + from + (to - from) * (2 * (int64_t)k + 1) / (2 * n));
}

/*  A picture of a shot: from the film, or without one from the shot's own file in DIR. */
static aut_sheet_cell_t cell_of (const aut_plan_t *plan, size_t index, unsigned k, unsigned n,
                                 const char *movie, char *own)
{
    const aut_plan_shot_t *shot = &plan->shots[index];
    return (aut_sheet_cell_t){.path = movie ? movie : own,
                              .frame = movie
                                           ? sheet_frame (plan, index, k, n)
                                           : (uint64_t)shot->native_frames * (2 * k + 1) / (2 * n),
                              .label = k ? NULL : shot->shot->id};
}

int aut_assemble_sheet (const aut_film_t *film, const char *dir, const char *movie,
                        const char *path, unsigned each)
{
    const aut_plan_t *plan = film->plan;
    size_t scene_count = film->film->scenes.count, count = 0;
    const aut_scene_t *scenes = film->film->scenes.items;
    aut_sheet_cell_t *cells = aut_calloc (plan->shot_count * each, sizeof *cells);
    aut_sheet_row_t *rows = aut_calloc (scene_count, sizeof *rows);
    char **own = aut_calloc (plan->shot_count, sizeof *own);
    for (size_t s = 0; s < scene_count; s++) {
        rows[s] = (aut_sheet_row_t){.title = scenes[s].slugline ? scenes[s].slugline : scenes[s].id,
                                    .cells = cells + count};
        for (size_t i = scenes[s].first_shot; i < scenes[s].first_shot + scenes[s].shots.count;
             i++) {
            own[i] = movie ? NULL : aut_output_shot_path (dir, plan->shots[i].shot->id);
            if (!movie && access (own[i], F_OK) != 0) /* not done yet */
                continue;
            for (unsigned k = 0; k < each; k++)
                cells[count++] = cell_of (plan, i, k, each, movie, own[i]);
            rows[s].cell_count += each;
        }
    }
    const aut_sheet_t sheet = {.title = film->film->title,
                               .cell_width = each > 1 ? 208 : 0,
                               .columns = each > 1 ? each : 0, /* a line for each shot */
                               .rows = rows,
                               .row_count = scene_count};
    int rc = aut_sheet_write (path, &sheet);
    for (size_t i = 0; i < plan->shot_count; i++)
        free (own[i]);
    free (own);
    free (cells);
    free (rows);
    return rc;
}

/*  The film frame in the middle of the longest shot. */
static uint64_t poster_frame (const aut_plan_t *plan)
{
    size_t longest = 0;
    for (size_t i = 1; i < plan->shot_count; i++)
        if (plan->shots[i].frames > plan->shots[longest].frames)
            longest = i;
    return sheet_frame (plan, longest, 0, 1);
}

int aut_assemble_pictures (const aut_film_t *film, const char *dir, const char *movie,
                           aut_progress_t *progress)
{
    char *sheet = beside (movie, "-sheet.png"), *poster = beside (movie, "-poster.png");
    int rc = aut_sheet_frame (poster, movie, poster_frame (film->plan));
    if (rc == 0)
        rc = aut_assemble_sheet (film, dir, movie, sheet, 1);
    if (rc == AUT_ERR_TOO_LARGE) {
        aut_progress_note (progress, "No contact sheet: %s.", aut_error_detail ());
        rc = 0;
    }
    free (sheet);
    free (poster);
    return rc;
}
