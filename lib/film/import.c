#include "lib/film/import_internal.h"

#include "lib/core/error.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN_NAMES 12

/*  A transition's length: half of either shot at most, and no shot may be all transitions. Shots
 *  have 2 s or more. */
static void time_transitions (aut_new_film_t *film)
{
    for (size_t i = 0; i < film->shot_count; i++) {
        aut_new_shot_t *shot = &film->shots[i];
        int shorter = i && film->shots[i - 1].tenths < shot->tenths ? film->shots[i - 1].tenths
                                                                    : shot->tenths;
        if (i == 0 && shot->transition > AUT_TRANSITION_CUT)
            shot->transition = AUT_TRANSITION_FADE; /* nothing is before it */
        shot->transition_tenths = shorter >= 30 ? 10 : 5;
    }
}

static void name_film (aut_new_film_t *film)
{
    const aut_script_t *script = film->script;
    char *slug = NULL;
    for (size_t i = 0; i < script->title_count && !film->title; i++) {
        if (strcasecmp (script->titles[i].key, "Title") != 0 || !*script->titles[i].value)
            continue;
        const char *value = script->titles[i].value;
        char *title = aut_arena_text (film->arena, value, strlen (value));
        for (char *p = title; *p; p++)
            if (*p == '\n' || *p == '\t')
                *p = ' ';
        film->title = title;
        slug = aut_import_slug (title);
    }
    if (!slug || !*slug) {
        free (slug);
        slug = aut_import_slug (film->options->name ? film->options->name : "");
    }
    film->project = *slug ? aut_arena_text (film->arena, slug, strlen (slug)) : "film";
    free (slug);
}

/*  Characters that the script does not describe: a model would draw each anew in every shot. */
static void warn_undescribed (const aut_new_film_t *film, aut_buffer_t *out)
{
    aut_thing_t **ordered = aut_book_ordered (&film->people);
    size_t count = 0;
    for (size_t i = 0; i < film->people.count; i++) {
        if (*ordered[i]->description)
            continue;
        if (count < SHOWN_NAMES)
            aut_buffer_format (out, "%s%s", count ? ", " : "no description found of ",
                               ordered[i]->name);
        count++;
    }
    if (count > SHOWN_NAMES)
        aut_buffer_format (out, " and %zu more", count - SHOWN_NAMES);
    if (count)
        aut_buffer_text (out, ": write one under \"ingredients\", or each shot has another face\n");
    free (ordered);
}

static void report_film (const aut_new_film_t *film, aut_import_report_t *report)
{
    int64_t tenths = 0;
    report->scenes = film->scene_count;
    report->shots = film->shot_count;
    report->locations = film->places.count;
    report->characters = film->people.count;
    for (size_t i = 0; i < film->shot_count; i++)
        tenths += film->shots[i].tenths;
    report->seconds = (double)tenths / 10;
    warn_undescribed (film, &report->warnings);
    if (film->end)
        aut_buffer_format (&report->warnings,
                           "\"%s\" at the end is kept under \"x\" only: a storyboard's film has no "
                           "transition after its last shot\n",
                           film->end);
}

int aut_import_script (aut_buffer_t *out, aut_import_report_t *report, const aut_script_t *script,
                       const aut_import_options_t *options)
{
    aut_new_film_t film = {.arena = aut_arena_new (), .script = script, .options = options};
    *report = (aut_import_report_t){0};
    film.people.arena = film.places.arena = film.arena;
    name_film (&film);
    int rc = aut_import_names (&film);
    if (rc == 0)
        rc = aut_import_walk (&film);
    if (rc == 0) {
        time_transitions (&film);
        report_film (&film, report);
        aut_import_print (&film, out);
    }
    free (film.scenes);
    free (film.shots);
    free (film.people.items);
    free (film.places.items);
    aut_arena_destroy (&film.arena);
    return rc;
}
