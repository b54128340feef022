#include "client/fetch.h"
#include "client/interrupt.h"
#include "client/output.h"
#include "lib/core/clock.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "lib/media/clip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METADATA_MAX ((size_t)1 << 16) /* bytes of what a worker tells of a chunk */

/* What the broker says of one chunk, copied out of its message. */
typedef struct {
    bool done, cached;
    uint32_t attempt;
    char *node, *device;
    double seconds;
    uint64_t peak_bytes;
    aut_ref_t mezzanine, tail, metadata;
    json_t *engine; /* what the model's engine told of it, or NULL */
} chunk_result_t;

struct aut_fetch {
    const aut_plan_t *plan;
    chunk_result_t *chunks;   /* beside the plan's chunks */
    chunk_result_t *enlarged; /* the same of the tasks that enlarge them */
};

static void clear_chunk (chunk_result_t *chunk)
{
    free (chunk->node);
    free (chunk->device);
    json_decref (chunk->engine);
}

static int take_result (void *ctx, const aut_msg_result_t *result)
{
    aut_fetch_t *results = ctx;
    if (result->ordinal < 1 || result->ordinal > results->plan->task_count)
        return aut_fail (AUT_ERR_VERSION,
                         "the job has a task that this client did not plan: its version or models "
                         "are others than the broker's");
    aut_plan_task_t task = aut_plan_task (results->plan, result->ordinal - 1);
    const aut_plan_chunk_t *planned = &results->plan->chunks[task.chunk];
    if (!aut_hash_equal (task.upscale ? &planned->upscale_key : &planned->key, &result->key))
        return aut_fail (AUT_ERR_VERSION,
                         "the broker planned shot %s otherwise than this client: their versions or "
                         "models differ",
                         result->shot);
    chunk_result_t *chunk = &(task.upscale ? results->enlarged : results->chunks)[task.chunk];
    clear_chunk (chunk);
    *chunk = (chunk_result_t){.done = strcmp (result->state, "done") == 0,
                              .cached = result->cached,
                              .attempt = result->attempt,
                              .node = aut_strdup (result->node),
                              .device = aut_strdup (result->device),
                              .seconds = result->seconds,
                              .peak_bytes = result->peak_bytes,
                              .mezzanine = result->mezzanine,
                              .tail = result->tail,
                              .metadata = result->metadata};
    return 0;
}

static json_t *hash_json (const aut_hash_t *hash)
{
    char hex[AUT_HASH_HEX];
    return aut_hash_is_zero (hash) ? json_null () : json_string (aut_hash_hex (hash, hex));
}

/* A model's hash: of its declared files' hashes, or of its manifest when it declares none. */
static aut_hash_t model_hash (const aut_model_t *model)
{
    if (model->file_count == 0)
        return aut_hash_of (model->json, strlen (model->json));
    aut_hasher_t *hasher = aut_hasher_new ();
    for (size_t i = 0; i < model->file_count; i++) {
        aut_hasher_update (hasher, model->files[i].name, strlen (model->files[i].name) + 1);
        aut_hasher_update (hasher, model->files[i].hash.bytes, sizeof model->files[i].hash.bytes);
    }
    aut_hash_t hash = aut_hasher_final (hasher);
    aut_hasher_destroy (&hasher);
    return hash;
}

/* How the shot was enlarged, or NULL. */
static json_t *upscale_json (const aut_plan_shot_t *shot, const aut_fetch_t *results)
{
    if (!shot->upscaler)
        return NULL;
    aut_hash_t hash = model_hash (shot->upscaler);
    json_t *chunks = json_array ();
    for (size_t c = 0; c < shot->chunk_count; c++) {
        const aut_plan_chunk_t *planned = &results->plan->chunks[shot->first_chunk + c];
        const chunk_result_t *result = &results->enlarged[shot->first_chunk + c];
        json_array_append_new (
            chunks, json_pack ("{s:i, s:o, s:i, s:b, s:s, s:s, s:f, s:I, s:o}", "index",
                               (int)planned->index, "key", hash_json (&planned->upscale_key),
                               "attempt", (int)result->attempt, "cached", result->cached, "node",
                               result->node ? result->node : "", "device",
                               result->device ? result->device : "", "seconds", result->seconds,
                               "peak_bytes", (json_int_t)result->peak_bytes, "mezzanine_sha256",
                               hash_json (&result->mezzanine.hash)));
    }
    return json_pack ("{s:{s:s, s:s, s:o}, s:i, s:i, s:i, s:o}", "model", "id", shot->upscaler->id,
                      "revision", shot->upscaler->revision, "sha256", hash_json (&hash), "factor",
                      (int)shot->upscaler->upscale, "width", (int)shot->upscale_width, "height",
                      (int)shot->upscale_height, "chunks", chunks);
}

static json_t *chunks_json (const aut_plan_shot_t *shot, const aut_fetch_t *results)
{
    json_t *chunks = json_array ();
    for (size_t c = 0; c < shot->chunk_count; c++) {
        const aut_plan_chunk_t *planned = &results->plan->chunks[shot->first_chunk + c];
        const chunk_result_t *result = &results->chunks[shot->first_chunk + c];
        json_t *chunk = json_pack (
            "{s:i, s:o, s:I, s:i, s:b, s:s, s:s, s:f, s:I, s:o, s:o}", "index", (int)planned->index,
            "key", hash_json (&planned->key), "seed", (json_int_t)planned->seed, "attempt",
            (int)result->attempt, "cached", result->cached, "node",
            result->node ? result->node : "", "device", result->device ? result->device : "",
            "seconds", result->seconds, "peak_bytes", (json_int_t)result->peak_bytes,
            "mezzanine_sha256", hash_json (&result->mezzanine.hash), "tail_sha256",
            hash_json (&result->tail.hash));
        if (result->engine)
            json_object_set (chunk, "engine", result->engine);
        json_array_append_new (chunks, chunk);
    }
    return chunks;
}

static int write_shot_metadata (const aut_plan_shot_t *shot, const aut_fetch_t *results,
                                const char *dir, const aut_hash_t *frames)
{
    aut_hash_t hash = model_hash (shot->model);
    char guidance[AUT_DECIMAL_TEXT];
    aut_decimal_text (shot->guidance, guidance);
    json_t *json = json_pack (
        "{s:s, s:s, s:s, s:I, s:{s:s, s:s, s:o}, s:{s:i, s:i, s:i, s:s, s:[i,i], s:i, s:s}, s:o, "
        "s:o}",
        "id", shot->shot->id, "prompt", shot->prompt, "negative", shot->negative, "seed",
        (json_int_t)shot->seed, "model", "id", shot->model->id, "revision", shot->model->revision,
        "sha256", hash_json (&hash), "parameters", "width", (int)shot->native_width, "height",
        (int)shot->native_height, "steps", (int)shot->steps, "guidance", guidance, "rate",
        (int)shot->native_rate.num, (int)shot->native_rate.den, "frames", (int)shot->native_frames,
        "tier", aut_tiers[shot->tier], "chunks", chunks_json (shot, results), "frames_sha256",
        hash_json (frames));
    json_t *upscale = upscale_json (shot, results);
    if (upscale)
        json_object_set_new (json, "upscale", upscale);
    char *path = aut_sprintf ("%s/metadata/shots/%s.json", dir, shot->shot->id);
    char *text = json_dumps (json, JSON_INDENT (1) | JSON_PRESERVE_ORDER);
    int rc = text ? aut_file_write (path, text, strlen (text))
                  : aut_fail (AUT_ERR_INTERNAL, "metadata of shot %s", shot->shot->id);
    free (text);
    free (path);
    json_decref (json);
    return rc;
}

/* What the worker wrote of a chunk: only what the engine says is taken over. A film is not given up
   for want of it. */
static void fetch_engine (aut_artifact_client_t *artifacts, chunk_result_t *chunk)
{
    char *data = NULL;
    size_t size = 0;
    json_t *told = NULL;
    if (chunk->engine || aut_hash_is_zero (&chunk->metadata.hash))
        return;
    if (aut_artifact_get_bytes (artifacts, &chunk->metadata.hash, METADATA_MAX, &data, &size) ==
            0 &&
        aut_json_parse (&told, data, size, "a chunk's metadata") == 0)
        chunk->engine = json_incref (json_object_get (told, "engine"));
    json_decref (told);
    free (data);
}

/* Downloads a shot's clips, `made` of its chunks, beside each other, joins them into `path` and
   checks the count of frames. */
static int fetch_clips (aut_artifact_client_t *artifacts, const aut_plan_shot_t *shot,
                        const chunk_result_t *made, const char *path, const char *parts)
{
    char **paths = aut_calloc (shot->chunk_count, sizeof *paths);
    int rc = 0;
    for (size_t c = 0; c < shot->chunk_count && rc == 0; c++) {
        const aut_hash_t *hash = &made[c].mezzanine.hash;
        char hex[AUT_HASH_HEX];
        paths[c] = aut_sprintf ("%s/%s.mkv", parts, aut_hash_hex (hash, hex));
        rc = aut_artifact_get_file (artifacts, paths[c], hash);
    }
    uint64_t frames = 0;
    if (rc == 0)
        rc = aut_clip_join (path, (const char *const *)paths, shot->chunk_count, &frames);
    if (rc == 0 && frames != shot->native_frames)
        rc = aut_fail (AUT_ERR_CORRUPT, "it has %llu frames, not %u", (unsigned long long)frames,
                       shot->native_frames);
    for (size_t c = 0; c < shot->chunk_count; c++) {
        if (paths[c])
            remove (paths[c]);
        free (paths[c]);
    }
    free (paths);
    return rc ? aut_fail_in (rc, "shot %s", shot->shot->id) : 0;
}

/* Whether all of a shot's chunks are there, as they are or enlarged. */
static bool is_done (const aut_plan_shot_t *shot, const chunk_result_t *made)
{
    for (size_t c = 0; c < shot->chunk_count; c++)
        if (!made[c].done)
            return false;
    return true;
}

static bool shot_is_done (const aut_plan_shot_t *shot, const aut_fetch_t *results)
{
    return is_done (shot, results->chunks + shot->first_chunk);
}

/* The shot's own frames, and these enlarged: what is there of them. */
static int fetch_shot (aut_artifact_client_t *artifacts, const aut_plan_shot_t *shot,
                       const aut_fetch_t *results, const char *dir, const char *parts,
                       aut_fetch_report_t *report)
{
    chunk_result_t *made = results->chunks + shot->first_chunk;
    const chunk_result_t *enlarged = results->enlarged + shot->first_chunk;
    bool whole = is_done (shot, made) && (!shot->upscaler || is_done (shot, enlarged));
    int rc = 0;
    if (is_done (shot, made)) {
        char *path = aut_output_shot_path (dir, shot->shot->id);
        rc = fetch_clips (artifacts, shot, made, path, parts);
        free (path);
        for (size_t c = 0; c < shot->chunk_count && rc == 0 && !shot->model->native; c++)
            fetch_engine (artifacts, &made[c]); /* what is drawn has no engine */
    }
    if (rc == 0 && whole && shot->upscaler) {
        char *folder = aut_path_join (dir, "upscaled", NULL);
        rc = aut_dir_make (folder);
        free (folder);
        char *path = aut_output_upscaled_path (dir, shot->shot->id);
        if (rc == 0)
            rc = fetch_clips (artifacts, shot, enlarged, path, parts);
        free (path);
    }
    if (rc == 0 && whole)
        report->shots++;
    else if (rc == 0)
        report->missing++;
    return rc;
}

/* The files of the storyboard's tracks, for the stitch. */
static int fetch_sounds (aut_artifact_client_t *artifacts, const aut_film_t *film, const char *dir)
{
    const aut_audio_t *tracks = film->film->audio.items;
    int rc = 0;
    for (size_t i = 0; i < film->film->audio.count && rc == 0; i++) {
        if (!tracks[i].file)
            continue;
        char *path = aut_output_sound_path (dir, &tracks[i].hash);
        rc = aut_artifact_get_file (artifacts, path, &tracks[i].hash);
        if (rc)
            rc = aut_fail_in (rc, "sound %s", tracks[i].file);
        free (path);
    }
    return rc;
}

static int fetch_shots (aut_session_t *session, const aut_fetch_t *results, const aut_film_t *film,
                        const char *dir, aut_progress_t *progress, aut_fetch_report_t *report)
{
    aut_artifact_client_t *artifacts;
    const aut_plan_t *plan = results->plan;
    char *parts = aut_path_join (dir, ".parts", NULL);
    int rc = aut_client_artifacts (session->client, &artifacts);
    if (rc == 0)
        rc = aut_dir_make (parts);
    if (rc == 0)
        rc = fetch_sounds (artifacts, film, dir);
    for (size_t i = 0; i < plan->shot_count && rc == 0; i++) {
        if (aut_interrupted ())
            rc = aut_fail (AUT_ERR_CANCELLED, "interrupted");
        else
            rc = fetch_shot (artifacts, &plan->shots[i], results, dir, parts, report);
        aut_progress_step (progress, "fetching", i + 1, plan->shot_count,
                           aut_mono_ms (aut_clock_system ()));
    }
    aut_progress_end (progress);
    aut_dir_remove (parts);
    free (parts);
    return rc;
}

int aut_fetch (aut_fetch_t **out, aut_session_t *session, const char *job, const aut_film_t *film,
               const char *dir, aut_progress_t *progress, aut_fetch_report_t *report)
{
    *report = (aut_fetch_report_t){0};
    aut_fetch_t *self = aut_calloc (1, sizeof *self);
    self->plan = film->plan;
    self->chunks = aut_calloc (film->plan->chunk_count, sizeof *self->chunks);
    self->enlarged = aut_calloc (film->plan->chunk_count, sizeof *self->enlarged);
    int rc = aut_output_layout (dir);
    if (rc == 0)
        rc = aut_client_results (session->client, job, take_result, self, NULL);
    if (rc == 0)
        rc = fetch_shots (session, self, film, dir, progress, report);
    if (rc)
        aut_fetch_destroy (&self);
    *out = self;
    return rc;
}

int aut_fetch_describe (const aut_fetch_t *self, const char *dir, const aut_hash_t *hashes)
{
    int rc = 0;
    for (size_t i = 0; i < self->plan->shot_count && rc == 0; i++) {
        const aut_plan_shot_t *shot = &self->plan->shots[i];
        if (!shot_is_done (shot, self))
            continue;
        if (aut_interrupted ()) /* hashing decodes every frame */
            return aut_fail (AUT_ERR_CANCELLED, "interrupted");
        aut_hash_t hash = hashes ? hashes[i] : (aut_hash_t){{0}};
        if (!hashes) {
            char *path = aut_output_shot_path (dir, shot->shot->id);
            rc = aut_clip_frames_hash (path, &hash, NULL);
            free (path);
        }
        if (rc == 0)
            rc = write_shot_metadata (shot, self, dir, &hash);
    }
    return rc;
}

void aut_fetch_destroy (aut_fetch_t **self_p)
{
    aut_fetch_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->plan->chunk_count; i++) {
        clear_chunk (&self->chunks[i]);
        clear_chunk (&self->enlarged[i]);
    }
    free (self->chunks);
    free (self->enlarged);
    free (self);
    *self_p = NULL;
}
