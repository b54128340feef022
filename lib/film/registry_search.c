/*  Finding models on disk: manifests and diffusers folders on the search path, and what lies in the
 *  Hugging Face cache. */
#include "lib/film/registry_internal.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/hub.h"
#include "lib/core/mem.h"
#include "lib/film/derive.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- weights --------------------------------------------------------------------------------- */

/*  Whether a folder holds a model's weights: every file that the manifest names, with its size, or,
 *  when it names none, a diffusers folder. */
static bool holds_weights (const aut_model_t *model, const char *dir)
{
    if (model->file_count == 0)
        return aut_derive_is_folder (dir);
    bool all = true;
    for (size_t i = 0; i < model->file_count && all; i++) {
        struct stat info;
        char *path = aut_path_join (dir, model->files[i].name, NULL);
        all = stat (path, &info) == 0 && S_ISREG (info.st_mode) &&
              (model->files[i].size == 0 || (uint64_t)info.st_size == model->files[i].size);
        free (path);
    }
    return all;
}

/*  The folder that a source stands for, or NULL if it is not here; the caller frees it. */
static char *source_folder (const aut_model_t *model)
{
    char *path = NULL, *commit = NULL;
    if (!model->source)
        return NULL;
    if (strncmp (model->source, "hf:", 3) == 0)
        aut_hub_find (&path, &commit, model->source + 3);
    else if (model->source[0] == '/')
        path = aut_strdup (model->source);
    else
        path = aut_path_join (model->dir, model->source, NULL);
    free (commit);
    return path;
}

/*  Beside the manifest, or where its source says. A backend that draws or resamples needs none. */
static void find_weights (aut_registry_entry_t *entry)
{
    aut_model_t *model = &entry->model;
    model->available =
        strcmp (model->backend, "animatic") == 0 || strcmp (model->backend, "lanczos") == 0;
    if (model->available)
        return;
    char *source = NULL;
    if (holds_weights (model, model->dir))
        model->weights = model->dir;
    else if ((source = source_folder (model)) && holds_weights (model, source))
        model->weights = aut_arena_text (entry->arena, source, strlen (source));
    model->available = model->weights != NULL;
    free (source);
}

/* ---- one model ------------------------------------------------------------------------------- */

/*  Takes an entry into the set, or frees it; one whose id is there already is passed over. */
static void take (aut_registry_t *self, aut_registry_entry_t *entry, const char *path)
{
    int err = aut_registry_insert (self, entry);
    if (err == 0)
        return;
    if (err != AUT_ERR_EXISTS)
        aut_registry_warn (self, aut_sprintf ("%s: %s", path, aut_error_detail ()));
    aut_registry_entry_destroy (&entry);
}

static void set_dir (aut_registry_entry_t *entry, const char *dir)
{
    entry->model.dir = aut_arena_text (entry->arena, dir, strlen (dir));
}

static void add_manifest (aut_registry_t *self, const char *dir, const char *path, const char *id)
{
    char *data = NULL;
    size_t size;
    aut_registry_entry_t *entry = NULL;
    if (aut_file_read (path, AUT_MANIFEST_MAX_BYTES, &data, &size)) {
        aut_registry_warn (self, aut_sprintf ("%s: %s", path, aut_error_detail ()));
    } else if (aut_registry_read (self, &entry, path, data, size) == 0) {
        if (strcmp (entry->model.id, id) == 0) {
            set_dir (entry, dir);
            find_weights (entry);
            take (self, entry, path);
        } else {
            aut_registry_warn (self, aut_sprintf ("%s: the id \"%s\" must be the folder's name",
                                                  path, entry->model.id));
            aut_registry_entry_destroy (&entry);
        }
    }
    free (data);
}

/*  A diffusers folder without a manifest. */
static int add_derived (aut_registry_t *self, const char *dir, const char *id, const char *name,
                        const char *source)
{
    char *json = NULL;
    aut_registry_entry_t *entry = NULL;
    int rc = aut_derive_manifest (&json, dir, id, name, source);
    if (rc == 0)
        rc = aut_registry_read (self, &entry, dir, json, strlen (json));
    if (rc == 0) {
        set_dir (entry, dir);
        entry->model.weights = entry->model.dir;
        entry->model.available = true;
        take (self, entry, dir);
    }
    free (json);
    return rc;
}

/*  The model whose manifest or weights are in `dir`, a folder called `name`, if there is one. */
static void add_model (aut_registry_t *self, const char *dir, const char *name)
{
    char *path = aut_path_join (dir, "model.json", NULL);
    if (aut_file_exists (path)) {
        add_manifest (self, dir, path, name);
    } else if (aut_derive_is_folder (dir)) {
        char *id = aut_derive_id (name);
        if (add_derived (self, dir, id, name, NULL))
            aut_registry_warn (self, aut_strdup (aut_error_detail ()));
        free (id);
    }
    free (path);
}

/* ---- folders --------------------------------------------------------------------------------- */

static int compare_names (const void *a, const void *b)
{
    return strcmp (*(char *const *)a, *(char *const *)b);
}

static int add_kind (aut_registry_t *self, const char *dir)
{
    char **names = NULL;
    size_t count = 0, cap = 0;
    DIR *folder = opendir (dir);
    if (!folder)
        return errno == ENOENT || errno == ENOTDIR ? 0 : aut_fail_errno ("cannot read %s", dir);
    for (const struct dirent *item; (item = readdir (folder));) {
        if (item->d_name[0] == '.' || count == AUT_REGISTRY_MAX_MODELS)
            continue;
        names = aut_grow (names, &cap, count + 1, sizeof *names);
        names[count++] = aut_strdup (item->d_name);
    }
    closedir (folder);
    if (count)
        qsort (names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        char *path = aut_path_join (dir, names[i], NULL);
        add_model (self, path, names[i]);
        free (path);
        free (names[i]);
    }
    free (names);
    return 0;
}

/*  A folder of the search path that is a model itself. */
static void add_itself (aut_registry_t *self, const char *dir)
{
    char *real = aut_derive_is_folder (dir) ? realpath (dir, NULL) : NULL;
    if (real)
        add_model (self, real, strrchr (real, '/') + 1);
    free (real);
}

int aut_registry_add_dir (aut_registry_t *self, const char *dir)
{
    static const char *const kinds[] = {"image", "video", "audio", "language"};
    int err = 0;
    add_itself (self, dir);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !err; i++) {
        char *path = aut_path_join (dir, kinds[i], "models", NULL);
        err = add_kind (self, path);
        free (path);
    }
    aut_registry_next_place (self);
    return err;
}

/*  Of what other programs have downloaded, most is not for us: nothing is said of it. */
static void add_cached (void *ctx, const char *name, const char *path, const char *commit)
{
    aut_registry_t *self = ctx;
    if (!aut_derive_is_folder (path) || aut_registry_by_source (self, name))
        return;
    char *source = aut_sprintf ("hf:%s@%s", name, commit);
    char *plain = aut_sprintf ("%.*s--%s", (int)strcspn (name, "/"), name, strchr (name, '/') + 1);
    char *id = aut_derive_id (plain);
    add_derived (self, path, id, name, source);
    free (id);
    free (plain);
    free (source);
}

void aut_registry_add_hub (aut_registry_t *self)
{
    aut_hub_list (add_cached, self);
    aut_registry_next_place (self);
}

/* ---- the search path ------------------------------------------------------------------------- */

typedef void place_fn (void *ctx, const char *dir);

static void each_of_list (const char *list, place_fn *found, void *ctx)
{
    while (list && *list) {
        size_t size = strcspn (list, ":");
        char *dir = aut_strndup (list, size);
        if (size)
            found (ctx, dir);
        free (dir);
        list += size + (list[size] == ':');
    }
}

static void user_dir (place_fn *found, void *ctx)
{
    const char *data = getenv ("XDG_DATA_HOME"), *home = getenv ("HOME");
    char *dir = NULL;
    if (data && *data)
        dir = aut_path_join (data, "auteur", "models", NULL);
    else if (home && *home)
        dir = aut_path_join (home, ".local", "share", "auteur", "models", NULL);
    if (dir)
        found (ctx, dir);
    free (dir);
}

static void shipped_dir (place_fn *found, void *ctx)
{
    char *bin = aut_path_self_dir ();
    char *dir = bin ? aut_path_join (bin, "..", "share", "auteur", "models", NULL) : NULL;
    struct stat info;
    if (dir && stat (dir, &info) == 0 && S_ISDIR (info.st_mode))
        found (ctx, dir);
    else
        found (ctx, AUTEUR_MODELS_DIR);
    free (dir);
    free (bin);
}

void aut_registry_places (const char *models, place_fn *found, void *ctx)
{
    each_of_list (models, found, ctx);
    user_dir (found, ctx);
    shipped_dir (found, ctx);
}

/*  Adds a folder of the search path: one that cannot be read is told of, and the others are used.
 */
static void add_or_warn (void *ctx, const char *dir)
{
    aut_registry_t *self = ctx;
    if (aut_registry_add_dir (self, dir))
        aut_registry_warn (self, aut_strdup (aut_error_detail ()));
}

int aut_registry_open (aut_registry_t **out, const char *models)
{
    *out = aut_registry_new ();
    aut_registry_places (models, add_or_warn, *out);
    aut_registry_add_hub (*out);
    return 0;
}
