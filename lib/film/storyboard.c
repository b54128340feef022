/*  Reading a storyboard: source → tables → checks. Everything wrong is told at once: only a fault
 *  of syntax ends the work early.
 */
#include "lib/film/storyboard_internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

/*  The shots of all scenes in one array, so that a shot's index is its place in the film. */
static void gather_shots (aut_check_t *self)
{
    aut_storyboard_t *film = self->film;
    aut_scene_t *scenes = film->scenes.items;
    size_t count = 0;
    for (size_t i = 0; i < film->scenes.count; i++)
        count += scenes[i].shots.count;
    film->shots = aut_arena_alloc (self->arena, count, sizeof *film->shots);
    for (size_t i = 0; i < film->scenes.count; i++) {
        scenes[i].first_shot = film->shot_count;
        for (size_t j = 0; j < scenes[i].shots.count; j++) {
            aut_shot_t *shot = (aut_shot_t *)scenes[i].shots.items + j;
            shot->scene = i;
            film->shots[film->shot_count++] = shot;
        }
    }
    if (film->shot_count > AUT_STORYBOARD_MAX_SHOTS)
        aut_source_error (self->source, self->diags, aut_node_get (film->node, "scenes"), NULL,
                          "has %zu shots; at most %d are allowed", film->shot_count,
                          AUT_STORYBOARD_MAX_SHOTS);
}

int aut_storyboard_read (aut_storyboard_t **out, aut_diags_t *diags, const char *data, size_t size,
                         const aut_registry_t *registry, const aut_assets_t *assets)
{
    size_t errors = diags->errors;
    aut_storyboard_box_t *box = aut_calloc (1, sizeof *box);
    aut_storyboard_t *film = &box->film;
    *out = NULL;
    box->arena = aut_arena_new ();
    aut_source_parse (&box->source, diags, data, size);
    if (box->source) {
        aut_check_t check = {film, box->arena, box->source, diags, registry, assets};
        aut_table_read (aut_storyboard_table (), box->source, diags, box->arena,
                        aut_source_root (box->source), film);
        film->source = box->source;
        if (film->node) {
            gather_shots (&check);
            aut_check_members (&check);
            aut_check_time (&check);
            aut_check_assets (&check);
        }
    }
    aut_diags_sort (diags);
    if (diags->errors > errors) {
        aut_storyboard_destroy (&film);
        return aut_fail (AUT_ERR_INVALID, "%s: %zu error%s", diags->file, diags->errors - errors,
                         diags->errors - errors == 1 ? "" : "s");
    }
    *out = film;
    return 0;
}

void aut_storyboard_destroy (aut_storyboard_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_storyboard_box_t *box = (aut_storyboard_box_t *)*self_p;
    aut_source_destroy (&box->source);
    aut_arena_destroy (&box->arena);
    free (box);
    *self_p = NULL;
}

const aut_transition_t *aut_storyboard_transition (const aut_storyboard_t *self, size_t index)
{
    static const aut_transition_t cut = {.type = AUT_TRANSITION_CUT, .direction = -1};
    const aut_transition_t *own = &self->shots[index]->transition;
    if (own->node)
        return own;
    return index > 0 && self->defaults.transition.node ? &self->defaults.transition : &cut;
}

aut_decimal_t aut_storyboard_duration (const aut_storyboard_t *self, size_t index)
{
    if (self->shots[index]->duration.set)
        return self->shots[index]->duration;
    return self->defaults.duration.set ? self->defaults.duration : aut_decimal_int (4);
}
