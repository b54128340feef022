/*  The films: made from the seed, rendered undisturbed first, then in the storm, and compared frame
 *  by frame (frames_sha256 of each shot's metadata). The clients are real `auteur` processes. */
#include "tests/faults/campaign.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define SHOTS_MIN 4
#define SHOTS_MAX 5
#define CALM_AT_ONCE 3
#define AGAIN_MS 300

/* ---- storyboards ------------------------------------------------------------------------------
 */

static const char *const subjects[] = {"a white lighthouse", "an old ferry", "two children",
                                       "a red kite",         "a fisherman",  "the harbour clock",
                                       "a stray dog",        "a snow plough"};
static const char *const places[] = {"above a dark sea", "in a green valley",
                                     "under a grey sky", "at the empty pier",
                                     "in morning fog",   "beside the railway"};
static const char *const moves[] = {"static",  "pan-left", "pan-right",
                                    "tilt-up", "dolly-in", "tracking"};

#define PICK(dice, list) list[dice_range (dice, 0, sizeof (list) / sizeof *(list)-1)]

static char *make_storyboard (uint64_t seed, unsigned index, unsigned *shots)
{
    dice_t dice = dice_new (seed, 1000 + index);
    aut_buffer_t text = {0};
    *shots = (unsigned)dice_range (&dice, SHOTS_MIN, SHOTS_MAX);
    aut_buffer_format (&text,
                       "{\"storyboard\": \"1\", \"project\": \"faults-%u\", \"defaults\": {"
                       "\"width\": 64, \"height\": 36, \"fps\": 12, \"duration\": 3, "
                       "\"seed\": %u, \"model\": \"faults-animatic\"}, \"scenes\": [{\"id\": "
                       "\"s1\", \"slugline\": \"EXT. COAST - DUSK\", \"shots\": [",
                       index, (unsigned)dice_range (&dice, 1, 1000000));
    for (unsigned i = 0; i < *shots; i++) {
        aut_buffer_format (&text,
                           "%s{\"id\": \"shot%u\", \"prompt\": \"%s %s\", \"duration\": %u, "
                           "\"camera\": {\"move\": \"%s\"}",
                           i ? ", " : "", i, PICK (&dice, subjects), PICK (&dice, places),
                           (unsigned)dice_range (&dice, 2, 4), PICK (&dice, moves));
        if (i && dice_range (&dice, 0, 3) == 0)
            aut_buffer_text (&text, ", \"init\": {\"from\": \"previous\"}");
        aut_buffer_text (&text, "}");
    }
    aut_buffer_text (&text, "]}]}\n");
    return aut_buffer_take (&text, NULL);
}

void film_add (campaign_t *self)
{
    if (self->film_count == FILMS_MAX)
        return;
    film_t *film = &self->films[self->film_count];
    film->index = self->film_count++;
    char *text = make_storyboard (self->options.seed, film->index, &film->shots);
    film->file = aut_sprintf ("%s/film%u.json", self->root, film->index);
    if (aut_file_write (film->file, text, strlen (text)) < 0)
        campaign_fail (self, "%s", aut_error_detail ());
    free (text);
}

/* ---- frames -----------------------------------------------------------------------------------
 */

/*  "shot0 HASH\n…" of a fetched film; NULL if a shot is missing. The caller frees it. */
static char *read_frames (const film_t *film, const char *dir)
{
    aut_buffer_t text = {0};
    bool good = true;
    for (unsigned i = 0; i < film->shots && good; i++) {
        json_t *root = NULL;
        const char *hash = NULL;
        char *path = aut_sprintf ("%s/metadata/shots/shot%u.json", dir, i);
        good = aut_json_load (&root, path, 1 << 20) == 0 &&
               aut_json_string (root, "frames_sha256", &hash) == 0;
        if (good)
            aut_buffer_format (&text, "shot%u %s\n", i, hash);
        json_decref (root);
        free (path);
    }
    if (good)
        return aut_buffer_take (&text, NULL);
    aut_buffer_clear (&text);
    return NULL;
}

/* ---- clients ----------------------------------------------------------------------------------
 */

static bool is_calm (const film_t *film)
{
    return film->stage < FILM_READY;
}

static char *path_of (const campaign_t *self, const film_t *film, const char *what)
{
    return aut_sprintf ("%s/film%u-%s%s", self->root, film->index, is_calm (film) ? "calm-" : "",
                        what);
}

static void run_client (campaign_t *self, film_t *film)
{
    char *program = aut_path_join (self->options.bin, "auteur", NULL);
    char *models = aut_sprintf ("AUTEUR_MODELS=%s", self->models);
    char *out = path_of (self, film, "out"), *log = path_of (self, film, "client.log");
    char *dir = path_of (self, film, "shots"), *key = aut_sprintf ("film-%u", film->index);
    const char *at = is_calm (film) ? self->calm.endpoints : self->client_endpoints;
    const char *argv[12] = {program, NULL, NULL, "--endpoints", at};
    const char *env[] = {models, "HF_HUB_CACHE=/nonexistent", "AUTEUR_BROKER=", NULL};
    if (film->stage == FILM_CALM_SUBMIT || film->stage == FILM_SUBMIT) {
        argv[1] = "submit";
        argv[2] = film->file;
        argv[5] = "--idempotency-key";
        argv[6] = key;
    } else if (film->stage == FILM_CALM_WATCH || film->stage == FILM_WATCH) {
        argv[1] = "watch";
        argv[2] = film->job;
    } else {
        argv[1] = "fetch";
        argv[2] = film->job;
        argv[5] = "-o";
        argv[6] = dir;
    }
    remove (out);
    proc_start (&film->proc, argv, env, out, log);
    free (key);
    free (dir);
    free (log);
    free (out);
    free (models);
    free (program);
}

static unsigned count_stages (const campaign_t *self, film_stage_t from, film_stage_t to)
{
    unsigned n = 0;
    for (unsigned i = 0; i < self->film_count; i++)
        n += self->films[i].stage >= from && self->films[i].stage <= to;
    return n;
}

/*  Whether the film's first submission may go out now, and with which trap. */
static bool may_submit (campaign_t *self, const film_t *film)
{
    if (!self->stormy || count_stages (self, FILM_SUBMIT, FILM_SUBMIT) ||
        count_stages (self, FILM_SUBMIT, FILM_FETCH) + self->films_same >= self->films_wanted)
        return false;
    dice_t dice = dice_new (self->options.seed, 2000 + film->index);
    self->submit_trap = (unsigned)dice_range (&dice, 0, 3);
    return true;
}

void film_pump (campaign_t *self)
{
    if (self->submit_sprung)
        for (unsigned i = 0; i < self->film_count; i++)
            if (self->films[i].stage == FILM_SUBMIT && self->films[i].proc.pid) {
                self->films[i].again = true;
                proc_signal (&self->films[i].proc, SIGKILL);
            }
    self->submit_sprung = false;
    for (unsigned i = 0; i < self->film_count; i++) {
        film_t *film = &self->films[i];
        if (film->proc.pid || self->stopping)
            continue;
        if (film->stage == FILM_NEW && self->calm.ready &&
            count_stages (self, FILM_CALM_SUBMIT, FILM_CALM_FETCH) < CALM_AT_ONCE) {
            film->stage = FILM_CALM_SUBMIT;
            run_client (self, film);
        } else if (film->stage == FILM_READY && may_submit (self, film)) {
            film->stage = FILM_SUBMIT;
            film->began = self->now;
            run_client (self, film);
        } else if (film->again_at && self->now >= film->again_at) {
            film->again_at = 0;
            run_client (self, film);
        }
    }
}

static bool read_job (film_t *film, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    bool good = aut_file_read (path, 1 << 12, &text, &size) == 0 && size > 1;
    if (good)
        snprintf (film->job, sizeof film->job, "%.*s", (int)strcspn (text, "\n"), text);
    free (text);
    return good;
}

/*  A client ended well: on to what comes next. */
static void go_on (campaign_t *self, film_t *film)
{
    char *out = path_of (self, film, "out"), *dir = path_of (self, film, "shots");
    if (film->stage == FILM_CALM_SUBMIT || film->stage == FILM_SUBMIT) {
        if (!read_job (film, out))
            campaign_fail (self, "film %u: submit named no job", film->index);
    } else if (film->stage == FILM_CALM_FETCH || film->stage == FILM_FETCH) {
        char *frames = read_frames (film, dir);
        if (!frames)
            campaign_fail (self, "film %u: shots are missing in %s", film->index, dir);
        else if (film->stage == FILM_CALM_FETCH)
            film->calm = aut_strdup (frames);
        else if (strcmp (frames, film->calm) != 0)
            campaign_fail (self, "film %u: the frames differ.\nundisturbed:\n%sin the storm:\n%s",
                           film->index, film->calm, frames);
        else
            self->films_same++;
        free (frames);
    }
    film->stage++;
    free (out);
    free (dir);
    if (film->stage == FILM_SAME)
        campaign_note (self, "film %u is the same, %d ms after its submission", film->index,
                       (int)(self->now - film->began));
    else if (film->stage != FILM_READY && !self->failure)
        run_client (self, film);
}

bool film_ended (campaign_t *self, pid_t pid, int status)
{
    static const char *const stages[] = {"", "calm submit", "calm watch", "calm fetch",
                                         "", "submit",      "watch",      "fetch"};
    for (unsigned i = 0; i < self->film_count; i++) {
        film_t *film = &self->films[i];
        char text[64];
        if (film->proc.pid != pid)
            continue;
        film->proc.pid = 0;
        if (self->stopping)
            return true;
        if (film->again && WIFSIGNALED (status))
            run_client (self, film);
        else if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
            go_on (self, film);
        else if (film->stage == FILM_SUBMIT && self->now < self->full_until && WIFEXITED (status) &&
                 WEXITSTATUS (status) == 1)
            film->again_at = self->now + AGAIN_MS; /* refused with the reason: that is right */
        else
            campaign_fail (self, "film %u: '%s' of job %s ended with %s", film->index,
                           stages[film->stage], film->job,
                           proc_status_text (status, text, sizeof text));
        film->again = false;
        return true;
    }
    return false;
}

void film_abandon (campaign_t *self)
{
    for (unsigned i = 0; i < self->film_count; i++)
        if (is_calm (&self->films[i]))
            proc_signal (&self->films[i].proc, SIGKILL);
}

unsigned film_clients (const campaign_t *self)
{
    unsigned running = 0;
    for (unsigned i = 0; i < self->film_count; i++)
        running += self->films[i].proc.pid != 0;
    return running;
}

void film_clear (campaign_t *self)
{
    for (unsigned i = 0; i < self->film_count; i++) {
        proc_signal (&self->films[i].proc, SIGKILL);
        free (self->films[i].file);
        free (self->films[i].calm);
    }
}
