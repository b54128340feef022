/*  The set of manifests, sorted by id, and which of them serves each tier. */
#include "lib/film/registry_internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

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

void aut_registry_warn (aut_registry_t *self, char *text)
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
        aut_registry_warn (self, aut_strndup (line, size));
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
    if (tier <= AUT_TIER_DRAFT && a->memory != b->memory)
        return a->memory < b->memory;
    if (a->place != b->place)
        return a->place < b->place;
    if (a->memory != b->memory)
        return a->memory > b->memory;
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

int aut_registry_insert (aut_registry_t *self, aut_registry_entry_t *entry)
{
    bool found;
    entry->model.place = self->places;
    size_t at = find (self, entry->model.id, &found);
    if (found) {
        /*  The first manifest stays, but the weights may be where another one is, or with
         *  somebody else. */
        aut_registry_entry_t *first = self->entries[at];
        const char *weights = entry->model.weights;
        first->model.available |= entry->model.available;
        if (!first->model.weights && weights)
            first->model.weights = aut_arena_text (first->arena, weights, strlen (weights));
        offer (self, &first->model);
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

/*  Of every backend when `backend` is NULL. */
static void forget (aut_registry_t *self, const char *backend)
{
    for (int i = 0; i < AUT_TIER_COUNT; i++)
        self->tiers[i] = NULL;
    for (size_t i = 0; i < self->count; i++) {
        aut_model_t *model = &self->entries[i]->model;
        if (!backend || strcmp (model->backend, backend) == 0)
            model->available = false;
        offer (self, model);
    }
}

void aut_registry_forget_weights (aut_registry_t *self)
{
    forget (self, NULL);
}

void aut_registry_forget_backend (aut_registry_t *self, const char *backend)
{
    forget (self, backend);
}

void aut_registry_next_place (aut_registry_t *self)
{
    self->places++;
}

int aut_registry_read (aut_registry_t *self, aut_registry_entry_t **out, const char *name,
                       const char *data, size_t size)
{
    aut_diags_t diags;
    aut_diags_init (&diags, name);
    int err = aut_manifest_read (out, &diags, data, size);
    if (err)
        warn_diags (self, &diags);
    aut_diags_clear (&diags);
    return err;
}

int aut_registry_add (aut_registry_t *self, const char *name, const char *data, size_t size,
                      bool available)
{
    aut_registry_entry_t *entry;
    int err = aut_registry_read (self, &entry, name, data, size);
    if (err)
        return err;
    entry->model.available = available;
    err = aut_registry_insert (self, entry);
    if (err)
        aut_registry_entry_destroy (&entry);
    return err;
}

size_t aut_registry_warning_count (const aut_registry_t *self)
{
    return self->warning_count;
}

const char *aut_registry_warning (const aut_registry_t *self, size_t index)
{
    return index < self->warning_count ? self->warnings[index] : "";
}

const aut_model_t *aut_registry_by_source (const aut_registry_t *self, const char *name)
{
    size_t size = strcspn (name, "@");
    for (size_t i = 0; i < self->count; i++) {
        const char *source = self->entries[i]->model.source;
        if (!source || strncmp (source, "hf:", 3) != 0 || strncmp (source + 3, name, size) != 0)
            continue;
        const char *end = source + 3 + size; /* another revision is another model */
        if (*end == '\0' ? name[size] == '\0'
                         : *end == '@' && (!name[size] || strcmp (end, name + size) == 0))
            return &self->entries[i]->model;
    }
    return NULL;
}

/*  By the path of its weights, however many slashes it ends with. */
static const aut_model_t *by_weights (const aut_registry_t *self, const char *path)
{
    size_t size = strlen (path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    for (size_t i = 0; i < self->count; i++) {
        const char *weights = self->entries[i]->model.weights;
        if (weights && strncmp (weights, path, size) == 0 && weights[size] == '\0')
            return &self->entries[i]->model;
    }
    return NULL;
}

const aut_model_t *aut_registry_find (const aut_registry_t *self, const char *id)
{
    bool found;
    size_t at = find (self, id, &found);
    if (found)
        return &self->entries[at]->model;
    if (!strchr (id, '/')) /* no id has one */
        return NULL;
    const aut_model_t *model = aut_registry_by_source (self, id);
    return model ? model : by_weights (self, id);
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
    const aut_model_t *draft = self->tiers[AUT_TIER_DRAFT];
    return draft && draft->memory == 0 ? AUT_TIER_DRAFT : AUT_TIER_ANIMATIC;
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
