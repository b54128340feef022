/*  Resolves every file that a storyboard names, once per path and kind, however often it stands in
 *  the text.
 */
#include "lib/film/storyboard_internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *path, *key;
    const aut_node_t *node; /* of the object that names it under `key` */
    aut_asset_kind_t kind;
    aut_hash_t *hash; /* where it goes */
    size_t order;
} ref_t;

typedef struct {
    ref_t *items;
    size_t count, cap;
} refs_t;

static void add (refs_t *self, const char *path, const char *key, const aut_node_t *node,
                 aut_asset_kind_t kind, aut_hash_t *hash)
{
    if (!path)
        return;
    self->items = aut_grow (self->items, &self->cap, self->count + 1, sizeof *self->items);
    self->items[self->count] = (ref_t){path, key, node, kind, hash, self->count};
    self->count++;
}

static int compare (const void *left, const void *right)
{
    const ref_t *a = left, *b = right;
    int order = strcmp (a->path, b->path);
    if (order == 0)
        order = (int)a->kind - (int)b->kind;
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

static refs_t gather (const aut_storyboard_t *film)
{
    refs_t refs = {0};
    aut_ingredient_t *ingredients = film->ingredients.items;
    aut_audio_t *audio = film->audio.items;
    for (size_t i = 0; i < film->ingredients.count; i++)
        add (&refs, ingredients[i].image, "image", ingredients[i].node, AUT_ASSET_IMAGE,
             &ingredients[i].image_hash);
    for (size_t i = 0; i < film->shot_count; i++) {
        aut_shot_t *shot = film->shots[i];
        add (&refs, shot->init.image, "image", shot->init.node, AUT_ASSET_IMAGE,
             &shot->init.image_hash);
        add (&refs, shot->last.image, "image", shot->last.node, AUT_ASSET_IMAGE,
             &shot->last.image_hash);
    }
    for (size_t i = 0; i < film->audio.count; i++)
        add (&refs, audio[i].file, "file", audio[i].node, AUT_ASSET_AUDIO, &audio[i].hash);
    if (refs.count)
        qsort (refs.items, refs.count, sizeof *refs.items, compare);
    return refs;
}

static bool is_same (const ref_t *a, const ref_t *b)
{
    return a->kind == b->kind && strcmp (a->path, b->path) == 0;
}

void aut_check_assets (aut_check_t *self)
{
    if (!self->assets)
        return;
    refs_t refs = gather (self->film);
    for (size_t i = 0; i < refs.count;) {
        const ref_t *first = &refs.items[i];
        aut_hash_t hash = {{0}};
        int err = self->assets->resolve (self->assets->ctx, first->path, first->kind, &hash);
        char *why = err ? aut_strdup (aut_error_detail ()) : NULL;
        for (; i < refs.count && is_same (&refs.items[i], first); i++) {
            const ref_t *ref = &refs.items[i];
            *ref->hash = hash;
            if (err)
                aut_source_error_member (self->source, self->diags, ref->node, ref->key, NULL,
                                         "\"%.256s\": %s", ref->path, why);
        }
        free (why);
    }
    free (refs.items);
}

size_t aut_storyboard_assets (const aut_storyboard_t *self, aut_asset_ref_t **out)
{
    refs_t refs = gather (self);
    size_t count = 0;
    *out = aut_calloc (refs.count + 1, sizeof **out);
    for (size_t i = 0; i < refs.count; i++)
        if (i == 0 || !is_same (&refs.items[i], &refs.items[i - 1]))
            (*out)[count++] =
                (aut_asset_ref_t){refs.items[i].path, refs.items[i].kind, *refs.items[i].hash};
    free (refs.items);
    return count;
}
