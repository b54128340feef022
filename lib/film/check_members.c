/*  Rules between the members of a storyboard that its tables cannot say: unique ids and references.
 */
#include "lib/film/storyboard_internal.h"

#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *id;
    const aut_node_t *node; /* of the object that has it */
    size_t order;
} named_t;

static int lower (char byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte + 32 : (unsigned char)byte;
}

/*  Not strcasecmp: that depends on the locale. */
static int compare_ignoring_case (const char *a, const char *b)
{
    for (; *a && lower (*a) == lower (*b); a++, b++)
        ;
    return lower (*a) - lower (*b);
}

static int compare_ids (const void *left, const void *right)
{
    const named_t *a = left, *b = right;
    int order = compare_ignoring_case (a->id, b->id);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

/*  Tells of every id that an earlier one equals, but for case. */
static void check_unique (aut_check_t *self, named_t *ids, size_t count, const char *what)
{
    if (count)
        qsort (ids, count, sizeof *ids, compare_ids);
    for (size_t i = 1, first = 0; i < count; i++) {
        if (compare_ignoring_case (ids[i].id, ids[first].id) != 0) {
            first = i;
            continue;
        }
        if (strcmp (ids[i].id, ids[first].id) == 0)
            aut_source_error_member (self->source, self->diags, ids[i].node, "id", NULL,
                                     "\"%s\" is the id of an earlier %s", ids[i].id, what);
        else
            aut_source_error_member (self->source, self->diags, ids[i].node, "id", NULL,
                                     "\"%s\" equals the id of an earlier %s, \"%s\", but for "
                                     "upper and lower case",
                                     ids[i].id, what, ids[first].id);
    }
}

static void check_ids (aut_check_t *self)
{
    aut_storyboard_t *film = self->film;
    size_t most = film->shot_count;
    most = most > film->ingredients.count ? most : film->ingredients.count;
    most = most > film->scenes.count ? most : film->scenes.count;
    named_t *ids = aut_calloc (most + 1, sizeof *ids);
    size_t count = 0;
    const aut_ingredient_t *ingredients = film->ingredients.items;
    for (size_t i = 0; i < film->ingredients.count; i++)
        if (ingredients[i].id)
            ids[count++] = (named_t){ingredients[i].id, ingredients[i].node, i};
    check_unique (self, ids, count, "ingredient");
    const aut_scene_t *scenes = film->scenes.items;
    count = 0;
    for (size_t i = 0; i < film->scenes.count; i++)
        if (scenes[i].id)
            ids[count++] = (named_t){scenes[i].id, scenes[i].node, i};
    check_unique (self, ids, count, "scene");
    count = 0;
    for (size_t i = 0; i < film->shot_count; i++)
        if (film->shots[i]->id)
            ids[count++] = (named_t){film->shots[i]->id, film->shots[i]->node, i};
    check_unique (self, ids, count, "shot");
    free (ids);
}

static int compare_ingredients (const void *left, const void *right)
{
    const aut_ingredient_t *a = *(const aut_ingredient_t *const *)left,
                           *b = *(const aut_ingredient_t *const *)right;
    return strcmp (a->id, b->id);
}

typedef struct {
    const aut_ingredient_t **sorted;
    size_t count;
} book_t;

static const aut_ingredient_t *look_up (const book_t *book, const char *id)
{
    size_t low = 0, high = book->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp (book->sorted[middle]->id, id);
        if (order == 0)
            return book->sorted[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/*  Resolves a shot's ingredient ids; the list in the text is walked for the places. */
static void refer (aut_check_t *self, const book_t *book, aut_shot_t *shot)
{
    const aut_list_t *all = &self->film->ingredients;
    const aut_node_t *list = aut_node_get (shot->node, "ingredients");
    size_t count = 0;
    if (shot->ingredient_ids.count == 0)
        return;
    shot->ingredients =
        aut_arena_alloc (self->arena, shot->ingredient_ids.count, sizeof *shot->ingredients);
    for (const aut_node_t *node = list->first; node; node = node->next) {
        if (node->kind != AUT_NODE_STRING)
            continue;
        const aut_ingredient_t *found = look_up (book, node->text);
        bool twice = false;
        for (size_t i = 0; i < count && !twice; i++)
            twice = found && shot->ingredients[i] == found;
        shot->ingredients[count++] = found;
        if (twice)
            aut_source_warn_member (self->source, self->diags, shot->node, "ingredients", NULL,
                                    "\"%s\" stands twice in this shot", node->text);
        if (found)
            continue;
        const char *ids =
            all->count ? (const char *)all->items + offsetof (aut_ingredient_t, id) : NULL;
        aut_source_error (self->source, self->diags, node,
                          aut_nearest_hint (node->text, ids, all->count, sizeof (aut_ingredient_t),
                                            &self->diags->hint_budget),
                          "no ingredient has the id \"%.64s\"", node->text);
    }
}

static void check_references (aut_check_t *self)
{
    aut_storyboard_t *film = self->film;
    const aut_ingredient_t *all = film->ingredients.items;
    book_t book = {aut_calloc (film->ingredients.count + 1, sizeof *book.sorted), 0};
    for (size_t i = 0; i < film->ingredients.count; i++)
        if (all[i].id)
            book.sorted[book.count++] = &all[i];
    if (book.count)
        qsort (book.sorted, book.count, sizeof *book.sorted, compare_ingredients);
    for (size_t i = 0; i < film->shot_count; i++)
        refer (self, &book, film->shots[i]);
    free (book.sorted);
}

static void check_init (aut_check_t *self, const aut_shot_t *first)
{
    if (first->init.node && first->init.from_previous >= 0)
        aut_source_error_member (self->source, self->diags, first->init.node, "from", NULL,
                                 "the first shot has no previous one");
}

static void check_transition (aut_check_t *self, const aut_transition_t *transition)
{
    const aut_node_t *node = transition->node;
    if (node && transition->type >= 0 && transition->type != AUT_TRANSITION_WIPE &&
        transition->direction >= 0)
        aut_source_warn_member (self->source, self->diags, node, "direction", NULL,
                                "only a wipe has a direction");
}

void aut_check_members (aut_check_t *self)
{
    aut_storyboard_t *film = self->film;
    check_ids (self);
    check_references (self);
    check_transition (self, &film->defaults.transition);
    for (size_t i = 0; i < film->shot_count; i++)
        check_transition (self, &film->shots[i]->transition);
    if (film->shot_count)
        check_init (self, film->shots[0]);
}
