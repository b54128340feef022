#include "client/output.h"
#include "client/submission.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MAX_TRIES 1000
#define METADATA_MAX (512u << 20)
#define STORYBOARD_MAX (32u << 20)

int aut_output_create (char **dir, const char *outputs, const char *project)
{
    *dir = NULL;
    char *parent = aut_path_join (outputs, project, NULL);
    int rc = aut_dir_make (parent);
    char stamp[32];
    struct tm parts;
    time_t now = time (NULL);
    strftime (stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime_r (&now, &parts));
    for (int i = 1; rc == 0 && i <= MAX_TRIES; i++) {
        char *path = i == 1 ? aut_path_join (parent, stamp, NULL)
                            : aut_sprintf ("%s/%s-%d", parent, stamp, i);
        if (mkdir (path, 0755) == 0) {
            *dir = path;
            break;
        }
        if (errno != EEXIST)
            rc = aut_fail_errno ("cannot make %s", path);
        free (path);
    }
    if (rc == 0 && !*dir)
        rc = aut_fail (AUT_ERR_EXISTS, "%s has too many folders of this second", parent);
    free (parent);
    return rc ? rc : aut_output_layout (*dir);
}

int aut_output_layout (const char *dir)
{
    static const char *const parts[] = {"shots", "assembled", "metadata/shots", "metadata/sounds"};
    int rc = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && rc == 0; i++) {
        char *path = aut_path_join (dir, parts[i], NULL);
        rc = aut_dir_make (path);
        free (path);
    }
    return rc;
}

char *aut_output_shot_path (const char *dir, const char *shot)
{
    return aut_sprintf ("%s/shots/%s.mkv", dir, shot);
}

char *aut_output_upscaled_path (const char *dir, const char *shot)
{
    return aut_sprintf ("%s/upscaled/%s.mkv", dir, shot);
}

char *aut_output_sound_path (const char *dir, const aut_hash_t *hash)
{
    char hex[AUT_HASH_HEX];
    return aut_sprintf ("%s/metadata/sounds/%s", dir, aut_hash_hex (hash, hex));
}

static int compare_names (const struct dirent **a, const struct dirent **b)
{
    return strcmp ((*a)->d_name, (*b)->d_name);
}

/* Adds {"file", "sha256"} for every regular file of one folder, in order of name. */
static int add_files (json_t *files, const char *dir, const char *leaf)
{
    char *folder = aut_path_join (dir, leaf, NULL);
    struct dirent **names = NULL;
    int count = scandir (folder, &names, NULL, compare_names);
    int rc = count < 0 ? aut_fail_errno ("cannot list %s", folder) : 0;
    for (int i = 0; i < count; i++) {
        char *path = aut_path_join (folder, names[i]->d_name, NULL);
        struct stat info;
        aut_hash_t hash;
        char hex[AUT_HASH_HEX];
        if (rc == 0 && names[i]->d_name[0] != '.' && stat (path, &info) == 0 &&
            S_ISREG (info.st_mode)) {
            rc = aut_hash_file (&hash, NULL, path);
            char *name = aut_path_join (leaf, names[i]->d_name, NULL);
            if (rc == 0)
                json_array_append_new (files, json_pack ("{s:s, s:s}", "file", name, "sha256",
                                                         aut_hash_hex (&hash, hex)));
            free (name);
        }
        free (path);
        free (names[i]);
    }
    free (names);
    free (folder);
    return rc;
}

static json_t *plan_json (const aut_film_t *film)
{
    aut_buffer_t text = {0};
    aut_plan_json (film->plan, &text);
    json_t *plan = json_loadb (text.data, text.size, 0, NULL);
    aut_buffer_clear (&text);
    return plan;
}

static json_t *stitch_json (const aut_stitch_report_t *report)
{
    if (!report)
        return json_null ();
    json_t *sound = report->has_sound
                        ? json_pack ("{s:f, s:f}", "measured_lufs", report->sound_loudness,
                                     "gain_db", report->sound_gain)
                        : json_null ();
    return json_pack ("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:I, s:s, s:s, s:o}", "codec",
                      report->codec, "encoder", report->encoder, "preset", report->preset, "crf",
                      report->crf, "threads", (int)report->threads, "width", (int)report->width,
                      "height", (int)report->height, "frames", (json_int_t)report->frames,
                      "parameters", report->parameters, "versions", report->versions, "sound",
                      sound);
}

static int write_json (const char *dir, const char *leaf, json_t *json)
{
    char *path = aut_path_join (dir, leaf, NULL);
    char *text = json_dumps (json, JSON_INDENT (1) | JSON_PRESERVE_ORDER);
    int rc = text ? aut_file_write (path, text, strlen (text))
                  : aut_fail (AUT_ERR_INTERNAL, "%s cannot be written as JSON", leaf);
    free (text);
    free (path);
    return rc;
}

int aut_output_write_film (const char *dir, const char *job, const aut_film_t *film,
                           const aut_stitch_report_t *stitch)
{
    char *copy = aut_path_join (dir, "metadata/storyboard.json", NULL);
    int rc = aut_file_write (copy, film->text, film->size);
    free (copy);
    json_t *files = json_array ();
    if (rc == 0)
        rc = add_files (files, dir, "assembled");
    if (rc == 0)
        rc = add_files (files, dir, "shots");
    aut_hash_t hash = aut_hash_of (film->text, film->size);
    char hex[AUT_HASH_HEX];
    json_t *json =
        json_pack ("{s:s, s:s, s:{s:s, s:s}, s:o, s:o, s:o, s:O}", "job", job, "storyboard_sha256",
                   aut_hash_hex (&hash, hex), "versions", "auteur", AUTEUR_VERSION, "ffmpeg",
                   av_version_info (), "assets", aut_submission_assets (film), "plan",
                   plan_json (film), "stitch", stitch_json (stitch), "files", files);
    json_decref (files);
    if (rc == 0)
        rc = write_json (dir, "metadata/film.json", json);
    json_decref (json);
    return rc;
}

int aut_output_load (aut_film_t *out, const char *dir, const char *models)
{
    *out = (aut_film_t){0};
    char *storyboard = aut_path_join (dir, "metadata/storyboard.json", NULL);
    char *metadata = aut_path_join (dir, "metadata/film.json", NULL);
    char *text = NULL;
    size_t size = 0;
    json_t *json = NULL;
    int rc = aut_file_read (storyboard, STORYBOARD_MAX, &text, &size);
    if (rc == 0)
        rc = aut_json_load (&json, metadata, METADATA_MAX);
    if (rc)
        rc = aut_fail_in (AUT_ERR_INVALID,
                          "%s is not a folder that 'auteur fetch' or 'render' made", dir);
    if (rc == 0)
        rc = aut_film_load_submitted (out, text, size, json_object_get (json, "assets"), models,
                                      NULL);
    if (rc == 0) {
        json_t *plan = plan_json (out);
        if (!json_equal (plan, json_object_get (json, "plan")))
            rc = aut_fail (AUT_ERR_INVALID,
                           "the models found now plan this film otherwise than when %s was made; "
                           "name the same ones with --models",
                           dir);
        json_decref (plan);
    }
    json_decref (json);
    free (text);
    free (metadata);
    free (storyboard);
    return rc;
}
