/*  The storyboard's text, laid out for people: an ingredient a line, a shot's members one a line.
 */
#include "lib/film/import_internal.h"
#include "lib/film/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void put (aut_buffer_t *out, const char *key, const char *value)
{
    aut_put_text (out, key);
    aut_put_string (out, value);
}

/*  Tenths of a second as the shortest number. */
static void put_tenths (aut_buffer_t *out, int tenths)
{
    aut_put_integer (out, (uint64_t)tenths / 10);
    if (tenths % 10)
        aut_buffer_format (out, ".%d", tenths % 10);
}

static void put_list (aut_buffer_t *out, const aut_remarks_t *list)
{
    aut_put_text (out, "[");
    for (const aut_remark_t *remark = list->first; remark; remark = remark->next) {
        aut_put_text (out, remark == list->first ? "" : ", ");
        aut_put_string (out, remark->text);
    }
    aut_put_text (out, "]");
}

/*  A member of "x": {"import": {…}}, which is opened with the first. */
static void put_extra (aut_buffer_t *out, bool *open, const char *before, const char *key)
{
    aut_put_text (out, *open ? ", " : before);
    aut_put_text (out, key);
    *open = true;
}

static void put_thing (aut_buffer_t *out, const aut_thing_t *thing, bool *first)
{
    aut_put_text (out, *first ? "\n    { " : ",\n    { ");
    put (out, "\"id\": ", thing->id);
    put (out, ", \"type\": ", aut_ingredient_types[thing->type]);
    put (out, ", \"name\": ", thing->name);
    put (out, ", \"description\": ", thing->description);
    aut_put_text (out, " }");
    *first = false;
}

static void put_ingredients (aut_buffer_t *out, const aut_new_film_t *film)
{
    bool first = true;
    const aut_book_t *books[] = {&film->people, &film->places};
    aut_put_text (out, ",\n  \"ingredients\": [");
    for (size_t i = 0; i < 2; i++) {
        aut_thing_t **ordered = aut_book_ordered (books[i]);
        for (size_t j = 0; j < books[i]->count; j++)
            put_thing (out, ordered[j], &first);
        free (ordered);
    }
    aut_put_text (out, first ? "]" : "\n  ]");
}

static void put_camera (aut_buffer_t *out, const aut_new_shot_t *shot)
{
    if (shot->size < 0 && shot->move < 0)
        return;
    aut_put_text (out, ",\n          \"camera\": { ");
    if (shot->size >= 0)
        put (out, "\"size\": ", aut_camera_sizes[shot->size]);
    if (shot->move >= 0)
        put (out, shot->size >= 0 ? ", \"move\": " : "\"move\": ", aut_camera_moves[shot->move]);
    aut_put_text (out, " }");
}

static void put_transition (aut_buffer_t *out, const aut_new_shot_t *shot)
{
    if (shot->transition < 0)
        return;
    put (out, ",\n          \"transition\": { \"type\": ", aut_transition_types[shot->transition]);
    if (shot->transition != AUT_TRANSITION_CUT) {
        aut_put_text (out, ", \"duration\": ");
        put_tenths (out, shot->transition_tenths);
    }
    if (shot->transition == AUT_TRANSITION_WIPE && shot->direction >= 0)
        put (out, ", \"direction\": ", aut_directions[shot->direction]);
    aut_put_text (out, " }");
}

static void put_shot (aut_buffer_t *out, const aut_new_scene_t *scene, const aut_new_shot_t *shot,
                      size_t number)
{
    static const char before[] = ",\n          \"x\": { \"import\": { ";
    bool open = false;
    aut_buffer_format (out, "%s\n        {\n          \"id\": \"%s-%02zu\"", number > 1 ? "," : "",
                       scene->id, number);
    put (out, ",\n          \"prompt\": ", shot->prompt);
    aut_put_text (out, ",\n          \"duration\": ");
    put_tenths (out, shot->tenths);
    put_camera (out, shot);
    for (size_t i = 0; i < shot->in.count; i++)
        put (out, i ? ", " : ",\n          \"ingredients\": [", shot->in.things[i]->id);
    aut_put_text (out, shot->in.count ? "]" : "");
    put_transition (out, shot);
    if (shot->dialogue)
        put (out, ",\n          \"dialogue\": ", shot->dialogue);
    if (shot->sound)
        put (out, ",\n          \"sound\": ", shot->sound);
    if (shot->transition_words) {
        put_extra (out, &open, before, "\"transition\": ");
        aut_put_string (out, shot->transition_words);
    }
    if (shot->notes.first) {
        put_extra (out, &open, before, "\"notes\": ");
        put_list (out, &shot->notes);
    }
    aut_put_text (out, open ? " } }\n        }" : "\n        }");
}

static void put_scene (aut_buffer_t *out, const aut_new_film_t *film, const aut_new_scene_t *scene)
{
    static const char before[] = ",\n      \"x\": { \"import\": { ";
    const struct {
        const char *key;
        const aut_remarks_t *list;
    } lists[] = {{"\"sections\": ", &scene->sections},
                 {"\"synopsis\": ", &scene->synopsis},
                 {"\"notes\": ", &scene->notes}};
    bool open = false;
    aut_put_text (out, scene == film->scenes ? "\n    {\n      " : ",\n    {\n      ");
    put (out, "\"id\": ", scene->id);
    if (scene->slugline)
        put (out, ",\n      \"slugline\": ", scene->slugline);
    if (scene->number) {
        put_extra (out, &open, before, "\"number\": ");
        aut_put_string (out, scene->number);
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (lists[i].list->first) {
            put_extra (out, &open, before, lists[i].key);
            put_list (out, lists[i].list);
        }
    aut_put_text (out, open ? " } },\n      \"shots\": [" : ",\n      \"shots\": [");
    for (size_t i = 0; i < scene->shot_count; i++)
        put_shot (out, scene, &film->shots[scene->first_shot + i], i + 1);
    aut_put_text (out, "\n      ]\n    }");
}

/*  The title page's entries but the title, those of one key joined. */
static void put_title_page (aut_buffer_t *out, const aut_script_t *script)
{
    bool first = true;
    for (size_t i = 0; i < script->title_count; i++) {
        const aut_script_title_t *title = &script->titles[i];
        bool before = strcasecmp (title->key, "Title") == 0;
        for (size_t j = 0; j < i && !before; j++)
            before = strcmp (script->titles[j].key, title->key) == 0;
        if (before)
            continue;
        aut_buffer_t value = {0};
        for (size_t j = i; j < script->title_count && value.size < AUT_SCRIPT_MAX_NOTE; j++)
            if (strcmp (script->titles[j].key, title->key) == 0) {
                aut_buffer_text (&value, value.size ? "\n" : "");
                aut_buffer_text (&value, script->titles[j].value);
            }
        aut_put_text (out, first ? ", \"title_page\": { " : ", ");
        aut_put_string (out, title->key);
        put (out, ": ", value.data);
        aut_buffer_clear (&value);
        first = false;
    }
    aut_put_text (out, first ? "" : " }");
}

void aut_import_print (const aut_new_film_t *film, aut_buffer_t *out)
{
    const aut_import_options_t *options = film->options;
    put (out, "{\n  \"storyboard\": \"1\",\n  \"project\": ", film->project);
    if (film->title)
        put (out, ",\n  \"title\": ", film->title);
    put (out, ",\n  \"defaults\": { \"tier\": ", options->tier);
    aut_put_text (out, ", \"width\": 1280, \"height\": 720, \"fps\": ");
    aut_put_decimal (out, options->fps);
    aut_put_text (out, " }");
    put_ingredients (out, film);
    aut_put_text (out, ",\n  \"scenes\": [");
    for (size_t i = 0; i < film->scene_count; i++)
        put_scene (out, film, &film->scenes[i]);
    put (out, "\n  ],\n  \"x\": { \"import\": { \"from\": ", options->form);
    put_title_page (out, film->script);
    if (film->notes.first) {
        aut_put_text (out, ", \"notes\": ");
        put_list (out, &film->notes);
    }
    if (film->end)
        put (out, ", \"end\": ", film->end);
    aut_put_text (out, " } }\n}\n");
}
