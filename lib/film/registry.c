/*  The set of manifests, sorted by id, and which of them serves each tier. */
#include "lib/film/registry_internal.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_WARNINGS 1000

struct aut_registry {
    aut_registry_entry_t **entries; /* sorted by id */
    size_t count, cap;
    char **warnings;
    size_t warning_count, warning_cap;
    size_t places; /* folders added so far */
    const aut_model_t *tiers[AUT_TIER_COUNT];
};

aut_registry_t *aut_registry_new (void)
{
    return aut_calloc (1, sizeof (aut_registry_t));
}

void aut_registry_destroy (aut_registry_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_registry_t *self = *self_p;
    for (size_t i = 0; i < self->count; i++)
        aut_registry_entry_destroy (&self->entries[i]);
    for (size_t i = 0; i < self->warning_count; i++)
        free (self->warnings[i]);
    free (self->entries);
    free (self->warnings);
    free (self);
    *self_p = NULL;
}

static void warn (aut_registry_t *self, char *text)
{
    if (self->warning_count == MAX_WARNINGS) {
        free (text);
        return;
    }
    self->warnings =
        aut_grow (self->warnings, &self->warning_cap, self->warning_count + 1, sizeof (char *));
    self->warnings[self->warning_count++] = text;
}

static void warn_diags (aut_registry_t *self, const aut_diags_t *diags)
{
    aut_buffer_t text = {0};
    aut_diags_text (diags, false, &text);
    for (char *line = text.data; line && *line;) {
        char *end = strchr (line, '\n');
        size_t size = end ? (size_t)(end - line) : strlen (line);
        warn (self, aut_strndup (line, size));
        line = end ? end + 1 : NULL;
    }
    aut_buffer_clear (&text);
}

/*  The place of an id, or where it would stand. */
static size_t find (const aut_registry_t *self, const char *id, bool *found)
{
    size_t low = 0, high = self->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp (self->entries[middle]->model.id, id);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/*  Whether `a` serves a tier rather than `b`; see aut_registry_tier. */
static bool serves_better (aut_tier_t tier, const aut_model_t *a, const aut_model_t *b)
{
    if (a->place != b->place)
        return a->place < b->place;
    if (a->memory != b->memory)
        return tier <= AUT_TIER_DRAFT ? a->memory < b->memory : a->memory > b->memory;
    return strcmp (a->id, b->id) < 0;
}

static void offer (aut_registry_t *self, const aut_model_t *model)
{
    if (!model->video || !model->available || !aut_model_can (model, AUT_CAPABILITY_TEXT_TO_VIDEO))
        return;
    for (int i = 0; i < AUT_TIER_COUNT; i++)
        if (model->tiers[i].offered &&
            (!self->tiers[i] || serves_better ((aut_tier_t)i, model, self->tiers[i])))
            self->tiers[i] = model;
}

static int insert (aut_registry_t *self, aut_registry_entry_t *entry)
{
    bool found;
    size_t at = find (self, entry->model.id, &found);
    if (found) {
        /*  The first manifest stays, but somebody may have weights that this machine lacks. */
        self->entries[at]->model.available |= entry->model.available;
        offer (self, &self->entries[at]->model);
        return aut_fail (AUT_ERR_EXISTS, "model %s is there already", entry->model.id);
    }
    if (self->count == AUT_REGISTRY_MAX_MODELS)
        return aut_fail (AUT_ERR_TOO_LARGE, "more than %d models", AUT_REGISTRY_MAX_MODELS);
    self->entries = aut_grow (self->entries, &self->cap, self->count + 1, sizeof *self->entries);
    memmove (self->entries + at + 1, self->entries + at,
             (self->count - at) * sizeof *self->entries);
    self->entries[at] = entry;
    self->count++;
    offer (self, &entry->model);
    return 0;
}

void aut_registry_forget_weights (aut_registry_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        self->entries[i]->model.available = false;
    for (int i = 0; i < AUT_TIER_COUNT; i++)
        self->tiers[i] = NULL;
}

int aut_registry_add (aut_registry_t *self, const char *name, const char *data, size_t size,
                      bool available)
{
    aut_registry_entry_t *entry;
    aut_diags_t diags;
    aut_diags_init (&diags, name);
    int err = aut_manifest_read (&entry, &diags, data, size);
    if (err)
        warn_diags (self, &diags);
    else {
        entry->model.available = available;
        entry->model.place = self->places;
        err = insert (self, entry);
        if (err)
            aut_registry_entry_destroy (&entry);
    }
    aut_diags_clear (&diags);
    return err;
}

/*  Whether weights lie beside a manifest: every file that it names with its size, or, when it names
 *  none, a diffusers folder. A backend that only draws needs none. */
static bool has_weights (const aut_model_t *model, const char *dir)
{
    if (strcmp (model->backend, "animatic") == 0)
        return true;
    if (model->file_count == 0) {
        char *path = aut_path_join (dir, "model_index.json", NULL);
        bool exists = aut_file_exists (path);
        free (path);
        return exists;
    }
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

static void add_file (aut_registry_t *self, const char *dir, const char *id)
{
    char *data = NULL, *path = aut_path_join (dir, id, "model.json", NULL);
    size_t size;
    aut_registry_entry_t *entry = NULL;
    aut_diags_t diags;
    aut_diags_init (&diags, path);
    if (!aut_file_exists (path))
        goto done;
    if (aut_file_read (path, AUT_MANIFEST_MAX_BYTES, &data, &size)) {
        warn (self, aut_sprintf ("%s: %s", path, aut_error_detail ()));
        goto done;
    }
    if (aut_manifest_read (&entry, &diags, data, size)) {
        warn_diags (self, &diags);
        goto done;
    }
    if (strcmp (entry->model.id, id) != 0) {
        warn (self,
              aut_sprintf ("%s: the id \"%s\" must be the folder's name", path, entry->model.id));
        goto done;
    }
    char *folder = aut_path_join (dir, id, NULL);
    entry->model.dir = aut_arena_text (entry->arena, folder, strlen (folder));
    free (folder);
    entry->model.place = self->places;
    entry->model.available = has_weights (&entry->model, entry->model.dir);
    int err = insert (self, entry);
    if (err == 0)
        entry = NULL;
    else if (err != AUT_ERR_EXISTS)
        warn (self, aut_sprintf ("%s: %s", path, aut_error_detail ()));
done:
    aut_registry_entry_destroy (&entry);
    aut_diags_clear (&diags);
    free (data);
    free (path);
}

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
        add_file (self, dir, names[i]);
        free (names[i]);
    }
    free (names);
    return 0;
}

int aut_registry_add_dir (aut_registry_t *self, const char *dir)
{
    static const char *const kinds[] = {"image", "video", "audio", "language"};
    int err = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !err; i++) {
        char *path = aut_path_join (dir, kinds[i], "models", NULL);
        err = add_kind (self, path);
        free (path);
    }
    self->places++;
    return err;
}

/*  Adds a folder of the search path: one that cannot be read is told of, and the others are used.
 */
static void add_or_warn (aut_registry_t *self, const char *dir)
{
    if (aut_registry_add_dir (self, dir))
        warn (self, aut_strdup (aut_error_detail ()));
}

static void add_list (aut_registry_t *self, const char *list)
{
    while (list && *list) {
        size_t size = strcspn (list, ":");
        char *dir = aut_strndup (list, size);
        if (size)
            add_or_warn (self, dir);
        free (dir);
        list += size + (list[size] == ':');
    }
}

static void add_user_dir (aut_registry_t *self)
{
    const char *data = getenv ("XDG_DATA_HOME"), *home = getenv ("HOME");
    char *dir = NULL;
    if (data && *data)
        dir = aut_path_join (data, "auteur", "models", NULL);
    else if (home && *home)
        dir = aut_path_join (home, ".local", "share", "auteur", "models", NULL);
    if (dir)
        add_or_warn (self, dir);
    free (dir);
}

static void add_shipped_dir (aut_registry_t *self)
{
    char *bin = aut_path_self_dir ();
    char *dir = bin ? aut_path_join (bin, "..", "share", "auteur", "models", NULL) : NULL;
    struct stat info;
    if (dir && stat (dir, &info) == 0 && S_ISDIR (info.st_mode))
        add_or_warn (self, dir);
    else
        add_or_warn (self, AUTEUR_MODELS_DIR);
    free (dir);
    free (bin);
}

int aut_registry_open (aut_registry_t **out, const char *models)
{
    *out = aut_registry_new ();
    add_list (*out, models);
    add_user_dir (*out);
    add_shipped_dir (*out);
    return 0;
}

size_t aut_registry_warning_count (const aut_registry_t *self)
{
    return self->warning_count;
}

const char *aut_registry_warning (const aut_registry_t *self, size_t index)
{
    return index < self->warning_count ? self->warnings[index] : "";
}

const aut_model_t *aut_registry_find (const aut_registry_t *self, const char *id)
{
    bool found;
    size_t at = find (self, id, &found);
    return found ? &self->entries[at]->model : NULL;
}

size_t aut_registry_count (const aut_registry_t *self)
{
    return self->count;
}

const aut_model_t *aut_registry_at (const aut_registry_t *self, size_t index)
{
    return index < self->count ? &self->entries[index]->model : NULL;
}

const aut_model_t *aut_registry_tier (const aut_registry_t *self, aut_tier_t tier)
{
    return self->tiers[tier];
}

aut_tier_t aut_registry_default_tier (const aut_registry_t *self)
{
    return self->tiers[AUT_TIER_DRAFT] ? AUT_TIER_DRAFT : AUT_TIER_ANIMATIC;
}

char *aut_registry_hint (const aut_registry_t *self, const char *id, uint64_t *budget)
{
    const char **ids = aut_calloc (self->count + 1, sizeof *ids);
    for (size_t i = 0; i < self->count; i++)
        ids[i] = self->entries[i]->model.id;
    char *hint = aut_nearest_hint (id, ids, self->count, sizeof *ids, budget);
    free (ids);
    return hint;
}
