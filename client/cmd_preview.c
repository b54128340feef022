/*  auteur preview: the latest picture of each chunk of a job, while it runs or after. */
#include "client/command.h"
#include "client/interrupt.h"
#include "client/query.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/media/picture.h"
#include "lib/media/sheet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PICTURE_MAX ((uint64_t)16 << 20)
#define CHUNKS_MAX 1000000
#define CELLS_WIDE 60 /* with more pictures the cells of a sheet are smaller */

typedef struct {
    char *shot, *scene;
    char state[16];
    uint32_t chunk, chunks; /* chunk from 0, of how many */
    double progress;
    bool told; /* the broker has said whether there is a preview */
    aut_hash_t hash;
    char *file; /* once it is there */
} picture_t;

typedef struct {
    char *project, state[16];
    picture_t *pictures;
    size_t count, cap, fetched;
    bool shot_known;
} previews_t;

typedef struct {
    const char *job, *dir, *shot, *sheet;
    bool json;
} options_t;

static void clear (previews_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free (self->pictures[i].shot);
        free (self->pictures[i].scene);
        free (self->pictures[i].file);
    }
    free (self->pictures);
    free (self->project);
}

/* ---- which there are ----------------------------------------------------------------------- */

/*  A shot's id becomes part of a file's name, and it comes from outside. */
static bool is_plain (const char *id)
{
    size_t len = strspn (id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
    return len && len <= 128 && !id[len] && *id != '.';
}

static int take_chunk (previews_t *self, const json_t *shot, const json_t *chunk, size_t index)
{
    const json_t *preview = json_object_get (chunk, "preview");
    picture_t picture = {.shot = aut_strdup (aut_query_text (shot, "id")),
                         .scene = aut_strdup (aut_query_text (shot, "scene")),
                         .chunk = (uint32_t)index,
                         .chunks = (uint32_t)json_array_size (json_object_get (shot, "chunks")),
                         .progress = json_number_value (json_object_get (chunk, "progress")),
                         .told = preview != NULL};
    snprintf (picture.state, sizeof picture.state, "%s", aut_query_text (chunk, "state"));
    self->pictures = aut_grow (self->pictures, &self->cap, self->count + 1, sizeof *self->pictures);
    self->pictures[self->count++] = picture;
    if (!json_is_string (preview))
        return 0;
    return aut_hash_parse (&self->pictures[self->count - 1].hash, json_string_value (preview));
}

static int take_shots (previews_t *self, const json_t *reply, const char *only)
{
    size_t s, c;
    json_t *shot, *chunk;
    int rc = 0;
    if (!self->project) {
        self->project = aut_strdup (aut_query_text (reply, "project"));
        snprintf (self->state, sizeof self->state, "%s", aut_query_text (reply, "state"));
    }
    json_array_foreach (json_object_get (reply, "shots"), s, shot)
    {
        const char *id = aut_query_text (shot, "id");
        if (only && strcmp (only, id) != 0)
            continue;
        self->shot_known = true;
        if (!is_plain (id) || self->count > CHUNKS_MAX)
            return aut_fail (AUT_ERR_INVALID, "shot %zu has an id that can be no file's name", s);
        json_array_foreach (json_object_get (shot, "chunks"), c, chunk) rc =
            rc ? rc : take_chunk (self, shot, chunk, c);
    }
    return rc;
}

static int ask_job (aut_session_t *session, const options_t *options, previews_t *self)
{
    int64_t after = 0;
    int rc;
    do {
        json_t *reply = NULL;
        rc = aut_query_job (session, options->job, after, 0, &reply);
        if (rc == 0)
            rc = take_shots (self, reply, options->shot);
        int64_t next = aut_query_int (reply, "next");
        if (rc == 0 && next != 0 && next <= after)
            rc = aut_fail (AUT_ERR_INVALID, "the broker pages its shots backwards");
        after = next;
        json_decref (reply);
    } while (rc == 0 && after != 0);
    if (rc == 0 && options->shot && !self->shot_known)
        rc = aut_fail (AUT_ERR_NOT_FOUND, "it has no shot '%s'; 'auteur top --once %s' lists them",
                       options->shot, options->job);
    return rc;
}

/*  A broker that does not tell of previews in its status has those of finished chunks here. */
static int take_result (void *ctx, const aut_msg_result_t *result)
{
    previews_t *self = ctx;
    for (size_t i = 0; i < self->count; i++) {
        picture_t *picture = &self->pictures[i];
        if (picture->chunk == result->chunk && strcmp (picture->shot, result->shot) == 0)
            picture->hash = result->preview.hash;
    }
    return 0;
}

static int ask_results (aut_session_t *session, const char *job, previews_t *self)
{
    bool told = true;
    for (size_t i = 0; i < self->count; i++)
        told = told && self->pictures[i].told;
    return told ? 0 : aut_client_results (session->client, job, take_result, self, NULL);
}

/* ---- bringing them ------------------------------------------------------------------------- */

static const char *kind_of (const char *data, size_t size)
{
    if (size > 8 && memcmp (data, "\x89PNG", 4) == 0)
        return "png";
    return size > 3 && memcmp (data, "\xff\xd8\xff", 3) == 0 ? "jpg" : NULL;
}

static int fetch (aut_artifact_client_t *artifacts, const char *dir, picture_t *picture)
{
    char *data = NULL;
    size_t size = 0;
    int rc = aut_artifact_get_bytes (artifacts, &picture->hash, PICTURE_MAX, &data, &size);
    const char *kind = rc == 0 ? kind_of (data, size) : NULL;
    if (rc == 0 && !kind)
        rc = aut_fail (AUT_ERR_CORRUPT, "shot %s chunk %u: its preview is no picture",
                       picture->shot, picture->chunk + 1);
    char *name = aut_sprintf ("%s-%u.%s", picture->shot, picture->chunk + 1, kind ? kind : "");
    char *path = aut_path_join (dir, name, NULL);
    if (rc == 0)
        rc = aut_file_write (path, data, size);
    if (rc == 0)
        picture->file = path;
    else
        free (path);
    free (name);
    free (data);
    return rc;
}

/*  A preview that the broker has no more is left out: the others are still worth having. */
static int fetch_all (aut_session_t *session, const char *dir, previews_t *self)
{
    aut_artifact_client_t *artifacts;
    int rc = aut_client_artifacts (session->client, &artifacts);
    for (size_t i = 0; rc == 0 && i < self->count; i++) {
        picture_t *picture = &self->pictures[i];
        if (aut_hash_is_zero (&picture->hash))
            continue;
        if (self->fetched == 0)
            rc = aut_dir_make (dir);
        if (rc == 0)
            rc = fetch (artifacts, dir, picture);
        if (rc == AUT_ERR_NOT_FOUND) {
            fprintf (stderr, "auteur: shot %s chunk %u: the broker has its preview no more\n",
                     picture->shot, picture->chunk + 1);
            rc = 0;
        }
        self->fetched += picture->file != NULL;
    }
    return rc;
}

/* ---- the sheet ----------------------------------------------------------------------------- */

static char *label_of (const picture_t *picture)
{
    bool runs = strcmp (picture->state, "leased") == 0;
    if (runs)
        return aut_sprintf ("%s  %u/%u  %.0f %%", picture->shot, picture->chunk + 1,
                            picture->chunks, picture->progress * 100);
    return aut_sprintf ("%s  %u/%u", picture->shot, picture->chunk + 1, picture->chunks);
}

/*  A row for each scene, as far as the broker knows scenes. */
static int write_sheet (const options_t *options, const previews_t *self)
{
    aut_sheet_cell_t *cells = aut_calloc (self->fetched, sizeof *cells);
    aut_sheet_row_t *rows = aut_calloc (self->fetched, sizeof *rows);
    size_t cell = 0, row = 0;
    const char *scene = NULL;
    for (size_t i = 0; i < self->count; i++) {
        const picture_t *picture = &self->pictures[i];
        if (!picture->file)
            continue;
        if (!scene || strcmp (scene, picture->scene) != 0)
            rows[row++] = (aut_sheet_row_t){.title = *picture->scene ? picture->scene : NULL,
                                            .cells = &cells[cell]};
        scene = picture->scene;
        rows[row - 1].cell_count++;
        cells[cell++] =
            (aut_sheet_cell_t){.path = picture->file, .still = true, .label = label_of (picture)};
    }
    char *title = aut_sprintf ("%s, %s", self->project, options->job);
    const aut_sheet_t sheet = {.title = title,
                               .cell_width = cell > CELLS_WIDE ? 160 : 320,
                               .columns = cell > CELLS_WIDE ? 10 : 5,
                               .rows = rows,
                               .row_count = row};
    int rc = aut_sheet_write (options->sheet, &sheet);
    for (size_t i = 0; i < cell; i++)
        free ((char *)cells[i].label);
    free (title);
    free (cells);
    free (rows);
    return rc;
}

/* ---- what is said -------------------------------------------------------------------------- */

static void print_json (const options_t *options, const previews_t *self)
{
    json_t *list = json_array ();
    for (size_t i = 0; i < self->count; i++) {
        const picture_t *picture = &self->pictures[i];
        char hex[AUT_HASH_HEX];
        if (picture->file)
            json_array_append_new (list, json_pack ("{s:s, s:i, s:s, s:s, s:s}", "shot",
                                                    picture->shot, "chunk", (int)picture->chunk,
                                                    "state", picture->state, "file", picture->file,
                                                    "sha256", aut_hash_hex (&picture->hash, hex)));
    }
    json_t *all = json_pack ("{s:s, s:s, s:i, s:o}", "job", options->job, "state", self->state,
                             "chunks", (int)self->count, "previews", list);
    if (options->sheet)
        json_object_set_new (all, "sheet",
                             self->fetched ? json_string (options->sheet) : json_null ());
    aut_common_print_json (all);
}

static void print_paths (const options_t *options, const previews_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->pictures[i].file)
            printf ("%s\n", self->pictures[i].file);
    if (options->sheet && self->fetched)
        printf ("%s\n", options->sheet);
    if (self->fetched == 0)
        fprintf (stderr,
                 "Job %s (%s) has no previews yet: the first comes some seconds after its first "
                 "chunk began.%s\n",
                 options->job, self->state, options->sheet ? " No sheet was made." : "");
}

static int show (aut_session_t *session, const options_t *options)
{
    previews_t self = {0};
    int rc = ask_job (session, options, &self);
    if (rc == 0)
        rc = ask_results (session, options->job, &self);
    if (rc == 0)
        rc = fetch_all (session, options->dir, &self);
    if (rc == 0 && options->sheet && self.fetched)
        rc = write_sheet (options, &self);
    int code = rc ? aut_common_fail (rc, "preview of job %s", options->job) : AUT_EXIT_DONE;
    if (rc == 0 && options->json)
        print_json (options, &self);
    else if (rc == 0)
        print_paths (options, &self);
    clear (&self);
    return code;
}

int aut_cmd_preview (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    options_t options = {0};
    const aut_opt_info_t info = {
        .program = "auteur preview",
        .usage = "JOB [-o DIR] [--shot ID] [--sheet PNG]",
        .about = "Fetches the latest preview picture of each chunk of a job, also while it runs, "
                 "as\nDIR/SHOT-CHUNK.png (chunks count from 1), and prints the files. --sheet also "
                 "puts them on\none page.\n\n"
                 "  auteur preview j12 --sheet j12.png",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {
        {"output", 'o', AUT_OPT_STRING, &options.dir, "DIR",
         "the folder for the pictures (default JOB-previews)", NULL, 0, 0},
        {"shot", 0, AUT_OPT_STRING, &options.shot, "ID", "only this shot's", NULL, 0, 0},
        {"sheet", 0, AUT_OPT_STRING, &options.sheet, "PNG",
         "also write a contact sheet of them, a row for each scene", NULL, 0, 0},
        AUT_OPTIONS_CLUSTER (common),
        AUT_OPTIONS_STATE (common),
        AUT_OPTIONS_OUTPUT (common),
        AUT_OPTIONS_END};
    int code = aut_common_parse (&info, table, &common, argc, argv, &options.job, NULL);
    if (code >= 0)
        return code;
    options.json = common.json;
    char *dir = aut_sprintf ("%s-previews", options.job);
    if (!options.dir)
        options.dir = dir;
    aut_interrupt_install ();
    aut_session_t session;
    int rc = aut_session_open (&session, &common, AUT_SESSION_READ, 0);
    code = rc ? aut_common_fail (rc, "preview") : show (&session, &options);
    if (rc == 0)
        aut_session_close (&session);
    free (dir);
    return code;
}
