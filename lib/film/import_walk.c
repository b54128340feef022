/*  The second walk: element by element, shots are added to the scene that is open. */
#include "lib/film/import_internal.h"
#include "lib/film/import_speech.h"
#include "lib/film/letters.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define ACTION_MOST 60u /* half words of one shot: 30 words, 10 s */
#define ESTABLISHING_TENTHS 30

/* ---- scenes and shots -------------------------------------------------------------------------
 */

void aut_remark (aut_arena_t *arena, aut_remarks_t *list, const char *text)
{
    aut_remark_t *remark = aut_arena_alloc (arena, 1, sizeof *remark);
    remark->text = text;
    if (list->last)
        list->last->next = remark;
    else
        list->first = remark;
    list->last = remark;
}

aut_new_scene_t *aut_walk_scene (aut_walk_t *self)
{
    return self->film->scene_count ? &self->film->scenes[self->film->scene_count - 1] : NULL;
}

static aut_new_scene_t *add_scene (aut_walk_t *self, const char *number)
{
    aut_new_film_t *film = self->film;
    film->scenes =
        aut_grow (film->scenes, &film->scene_cap, film->scene_count + 1, sizeof *film->scenes);
    aut_new_scene_t *scene = &film->scenes[film->scene_count++];
    *scene = (aut_new_scene_t){.first_shot = film->shot_count, .number = number};
    for (size_t i = 0; i < AUT_WALK_DEPTH; i++)
        if (self->sections[i])
            aut_remark (film->arena, &scene->sections, self->sections[i]);
    scene->synopsis = self->synopsis;
    self->synopsis = (aut_remarks_t){0};
    self->section_told = true;
    return scene;
}

static void take_transition (aut_walk_t *self, aut_new_shot_t *shot)
{
    aut_cut_t *cut = &self->cut;
    if (!cut->words)
        return;
    shot->transition = cut->type;
    shot->direction = cut->direction;
    if (!cut->plain)
        shot->transition_words = cut->words;
    *cut = (aut_cut_t){0};
}

aut_new_shot_t *aut_walk_shot (aut_walk_t *self, uint32_t line)
{
    aut_new_film_t *film = self->film;
    if (film->shot_count == AUT_IMPORT_MAX_SHOTS && self->rc == 0)
        self->rc = aut_fail (AUT_ERR_INVALID,
                             "line %u: there are more than %d shots before it: import the text in "
                             "parts",
                             line, AUT_IMPORT_MAX_SHOTS);
    aut_new_scene_t *scene = aut_walk_scene (self);
    if (!scene)
        scene = add_scene (self, NULL);
    film->shots =
        aut_grow (film->shots, &film->shot_cap, film->shot_count + 1, sizeof *film->shots);
    aut_new_shot_t *shot = &film->shots[film->shot_count++];
    *shot = (aut_new_shot_t){.size = -1, .move = -1, .transition = -1, .direction = -1};
    scene->shot_count++;
    take_transition (self, shot);
    return shot;
}

const char *aut_walk_prompt (aut_walk_t *self, const char *text, size_t size)
{
    const aut_new_scene_t *scene = aut_walk_scene (self);
    const char *time = scene ? scene->time : NULL;
    aut_buffer_t out = {0};
    aut_buffer_append (&out, text, size);
    if (aut_text_ends_word (text, size))
        aut_buffer_text (&out, ".");
    if (time && *time)
        aut_buffer_format (&out, " %s.", time);
    const char *prompt = aut_arena_text (self->film->arena, out.data, out.size);
    aut_buffer_clear (&out);
    return prompt;
}

void aut_walk_place (aut_walk_t *self, aut_new_shot_t *shot)
{
    const aut_new_scene_t *scene = aut_walk_scene (self);
    if (!scene || !scene->location)
        return;
    if (shot->in.count == AUT_IMPORT_SHOT_THINGS)
        shot->in.count--;
    aut_mention (&shot->in, scene->location);
}

const char *aut_walk_view (aut_walk_t *self)
{
    const aut_new_scene_t *scene = aut_walk_scene (self);
    const char *view = scene && scene->location                       ? scene->location->name
                       : scene && scene->slugline && *scene->slugline ? scene->slugline
                                                                      : "A black screen";
    return aut_walk_prompt (self, view, strlen (view));
}

/*  The open scene ends: one without a shot gets a view of its place, or, where its heading names
 *  none, becomes a section of what follows. */
static void end_scene (aut_walk_t *self, uint32_t line)
{
    aut_new_scene_t *scene = aut_walk_scene (self);
    if (!scene || scene->shot_count)
        return;
    if (scene->pictured) {
        aut_new_shot_t *shot = aut_walk_shot (self, line);
        shot->prompt = aut_walk_view (self);
        shot->tenths = ESTABLISHING_TENTHS;
        shot->size = AUT_CAMERA_WIDE;
        aut_walk_place (self, shot);
        return;
    }
    self->sections[0] = scene->slugline;
    self->section_told = false;
    self->film->scene_count--;
}

/* ---- elements ---------------------------------------------------------------------------------
 */

static void put_heading (aut_walk_t *self, const aut_script_element_t *element)
{
    aut_new_film_t *film = self->film;
    const aut_new_scene_t *before = aut_walk_scene (self);
    const char *last_time = before ? before->time : NULL;
    aut_heading_t heading;
    aut_heading_read (&heading, film->arena, element->text);
    end_scene (self, element->line);
    aut_new_scene_t *scene = add_scene (self, element->number);
    if (!heading.slug && !film->options->slugs) /* text: a heading above belongs to one scene */
        self->sections[0] = NULL;
    scene->slugline = element->text;
    scene->time = heading.time && !*heading.time ? last_time : heading.time;
    scene->outside = heading.outside;
    scene->pictured = heading.slug || film->options->slugs;
    scene->location = aut_book_find (&film->places, heading.key);
    if (!scene->pictured)
        scene->location = NULL;
    self->person = NULL;
}

static void put_action (aut_walk_t *self, const aut_script_element_t *element)
{
    aut_new_film_t *film = self->film;
    aut_buffer_t text = {0};
    aut_piece_t piece;
    aut_names_scan (&film->people, element->text, strlen (element->text), &text, NULL);
    const char *rest = text.data;
    size_t size = text.size;
    while (self->rc == 0 && aut_piece_next (&rest, &size, ACTION_MOST, &piece)) {
        aut_mentions_t in = {0};
        if (piece.half_words == 0)
            continue;
        aut_names_scan (&film->people, piece.text, piece.size, NULL, &in);
        bool some = false;
        for (size_t i = 0; i < in.count; i++)
            if (in.things[i]->type == AUT_INGREDIENT_CHARACTER) {
                self->person = in.things[i];
                some = true;
            }
        if (!some && in.pronoun && self->person)
            aut_mention (&in, self->person);
        aut_new_shot_t *shot = aut_walk_shot (self, element->line);
        const aut_new_scene_t *scene = aut_walk_scene (self);
        shot->prompt = aut_walk_prompt (self, piece.text, piece.size);
        shot->tenths = aut_action_tenths (piece.half_words);
        shot->in = in;
        aut_walk_place (self, shot);
        aut_camera_words (piece.text, piece.size, &shot->size, &shot->move);
        if (scene->outside && scene->shot_count == 1 && shot->size < 0)
            shot->size = AUT_CAMERA_WIDE;
    }
    aut_buffer_clear (&text);
}

static void put_card (aut_walk_t *self, const aut_script_element_t *element)
{
    if (!*element->text)
        return;
    char *prompt = aut_sprintf ("Title card: \"%s\"", element->text);
    aut_new_shot_t *shot = aut_walk_shot (self, element->line);
    shot->prompt = aut_arena_text (self->film->arena, prompt, strlen (prompt));
    shot->tenths = aut_action_tenths (aut_half_words (element->text, strlen (element->text)));
    free (prompt);
}

static bool has (const char *text, const char *word)
{
    return strstr (text, word) != NULL;
}

/*  What a transition's words mean; `plain` if they say no more than the storyboard then does. */
static aut_cut_t read_transition (aut_walk_t *self, const char *words)
{
    static const char *const plain[] = {"cut to",  "dissolve to",   "fade in", "fade out",
                                        "fade to", "fade to black", "wipe to"};
    const char *key = aut_name_key (self->film->arena, words, strlen (words));
    aut_cut_t cut = {.words = words, .type = AUT_TRANSITION_CUT, .direction = -1};
    if (has (key, "dissolve") || has (key, "crossfade") || has (key, "cross fade"))
        cut.type = AUT_TRANSITION_DISSOLVE;
    else if (has (key, "wipe"))
        cut.type = AUT_TRANSITION_WIPE;
    else if (has (key, "fade") || has (key, "iris"))
        cut.type = AUT_TRANSITION_FADE;
    if (cut.type == AUT_TRANSITION_WIPE)
        cut.direction = has (key, "left")   ? AUT_DIRECTION_LEFT
                        : has (key, "up")   ? AUT_DIRECTION_UP
                        : has (key, "down") ? AUT_DIRECTION_DOWN
                                            : AUT_DIRECTION_RIGHT;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        cut.plain = cut.plain || strcmp (key, plain[i]) == 0;
    return cut;
}

static void put_transition (aut_walk_t *self, const aut_script_element_t *element)
{
    if (!*element->text)
        return;
    end_scene (self, element->line);
    aut_cut_t cut = read_transition (self, element->text), *before = &self->cut;
    bool faded = before->words && before->type == AUT_TRANSITION_FADE;
    if (faded && cut.type == AUT_TRANSITION_CUT && cut.plain)
        return; /* to black, and cut from there: still a fade */
    if (before->words &&
        !(faded && cut.type == AUT_TRANSITION_FADE && before->plain && cut.plain)) {
        char *both = aut_sprintf ("%.200s %.200s", before->words, cut.words);
        cut.words = aut_arena_text (self->film->arena, both, aut_text_whole (both, strlen (both)));
        cut.plain = false;
        free (both);
    }
    self->cut = cut;
}

static void put_section (aut_walk_t *self, const aut_script_element_t *element)
{
    uint32_t depth = element->depth < AUT_WALK_DEPTH ? element->depth : AUT_WALK_DEPTH;
    for (uint32_t i = depth; i < AUT_WALK_DEPTH; i++)
        self->sections[i] = NULL;
    self->sections[depth - 1] = element->text;
    self->section_told = false;
}

static void put_synopsis (aut_walk_t *self, const aut_script_element_t *element)
{
    aut_new_scene_t *scene = aut_walk_scene (self);
    bool next = !scene || !self->section_told;
    aut_remark (self->film->arena, next ? &self->synopsis : &scene->synopsis, element->text);
}

static void put_note (aut_walk_t *self, const aut_script_element_t *element)
{
    aut_new_film_t *film = self->film;
    aut_new_scene_t *scene = aut_walk_scene (self);
    aut_remarks_t *list = !scene              ? &film->notes
                          : scene->shot_count ? &film->shots[film->shot_count - 1].notes
                                              : &scene->notes;
    if (*element->text)
        aut_remark (film->arena, list, element->text);
}

static void put_element (aut_walk_t *self, const aut_script_element_t *element)
{
    if (aut_speech_takes (self, element))
        return;
    aut_speech_end (self);
    switch (element->kind) {
    case AUT_SCRIPT_HEADING:
        put_heading (self, element);
        break;
    case AUT_SCRIPT_ACTION:
        put_action (self, element);
        break;
    case AUT_SCRIPT_CENTRED:
        put_card (self, element);
        break;
    case AUT_SCRIPT_TRANSITION:
        put_transition (self, element);
        break;
    case AUT_SCRIPT_SECTION:
        put_section (self, element);
        break;
    case AUT_SCRIPT_SYNOPSIS:
        put_synopsis (self, element);
        break;
    case AUT_SCRIPT_NOTE:
        put_note (self, element);
        break;
    default: /* page breaks are the paper's */
        break;
    }
}

static void give_ids (aut_new_film_t *film)
{
    aut_ids_t ids = {.arena = film->arena};
    for (size_t i = 0; i < film->scene_count; i++) {
        aut_new_scene_t *scene = &film->scenes[i];
        char *slug = scene->number ? aut_import_slug (scene->number) : NULL;
        char *id = slug && *slug ? aut_sprintf ("s%.24s", slug) : aut_sprintf ("s%zu", i + 1);
        scene->id = aut_ids_new (&ids, id);
        free (slug);
        free (id);
    }
    aut_ids_clear (&ids);
}

int aut_import_walk (aut_new_film_t *film)
{
    aut_walk_t walk = {.film = film, .section_told = true};
    const aut_script_t *script = film->script;
    for (size_t i = 0; i < script->count && walk.rc == 0; i++)
        put_element (&walk, &script->elements[i]);
    aut_speech_end (&walk);
    end_scene (&walk, script->count ? script->elements[script->count - 1].line : 1);
    film->end = walk.cut.words;
    for (size_t i = 0; i < AUT_WALK_DEPTH && !walk.section_told; i++)
        if (walk.sections[i])
            aut_remark (film->arena, &film->notes, walk.sections[i]);
    for (const aut_remark_t *left = walk.synopsis.first; left; left = left->next)
        aut_remark (film->arena, &film->notes, left->text);
    give_ids (film);
    if (walk.rc == 0 && film->shot_count == 0)
        return aut_fail (AUT_ERR_INVALID, "there is nothing to film in it: no scene heading, no "
                                          "action, no dialogue");
    return walk.rc;
}
