/*  What the parts of the import share: names, pieces of text, and the film that is built. */
#ifndef AUT_LIB_FILM_IMPORT_INTERNAL_H
#define AUT_LIB_FILM_IMPORT_INTERNAL_H

#include "lib/film/import.h"
#include "lib/film/storyboard.h"

#define AUT_IMPORT_SHOT_THINGS 8 /* ingredients of one shot */

/* ---- names: import_names.c ------------------------------------------------------------------- */

/*  A character or location. */
typedef struct {
    const char *key;         /* its words in small letters; a location's with 'i' or 'e' before */
    const char *name;        /* for people */
    const char *description; /* "" when the script has none */
    const char *id;
    int type;       /* aut_ingredient_type_t */
    uint32_t order; /* of its first appearance */
} aut_thing_t;

/*  All of a script's; sorted by key once closed. */
typedef struct {
    aut_arena_t *arena;
    aut_thing_t *items;
    size_t count, cap;
    uint32_t next_order;
} aut_book_t;

/*  Adds an appearance; `name` and `description` are copied. */
void aut_book_add (aut_book_t *self, const char *key, const char *name, const char *description,
                   int type);
/*  Joins what appears several times. After it nothing is added. */
void aut_book_close (aut_book_t *self);
const aut_thing_t *aut_book_find (const aut_book_t *self, const char *key);
/*  Pointers to the items in the order of their appearance; the caller frees it. */
aut_thing_t **aut_book_ordered (const aut_book_t *self);

/*  A name's words in small letters, without articles and dots: "THE OLD MAN" → "old man". */
char *aut_name_key (aut_arena_t *arena, const char *name, size_t size);

/*  Adds those whom a paragraph of action introduces: capitals with a description in parentheses. */
void aut_names_introduced (aut_book_t *book, const char *text);

/*  Those of a text, at most AUT_IMPORT_SHOT_THINGS. */
typedef struct {
    const aut_thing_t *things[AUT_IMPORT_SHOT_THINGS];
    size_t count;
    bool pronoun; /* a he or she is in it */
} aut_mentions_t;

void aut_mention (aut_mentions_t *self, const aut_thing_t *thing);

/*  Walks over a text. `out` (or NULL) gets it with names in capitals written as names, without the
 *  descriptions that are in the book, and with single spaces. `mentions` (or NULL) gets who is in
 *  it. */
void aut_names_scan (const aut_book_t *book, const char *text, size_t size, aut_buffer_t *out,
                     aut_mentions_t *mentions);

/*  A set of ids; zero-initialise. */
typedef struct aut_id aut_id_t;
typedef struct {
    aut_id_t *ids;
    aut_arena_t *arena;
} aut_ids_t;
/*  An id that is new: `base`, or with -2, -3 … after it. `base` is in small letters. */
const char *aut_ids_new (aut_ids_t *self, const char *base);
bool aut_ids_has (const aut_ids_t *self, const char *id);
void aut_ids_clear (aut_ids_t *self);

/* ---- pieces: import_pieces.c ----------------------------------------------------------------- */

/*  A part of a text that makes one shot. */
typedef struct {
    const char *text;
    size_t size;
    uint32_t half_words; /* a word is two, a letter of scripts without spaces one */
} aut_piece_t;

/*  Takes the next piece off a text: as many whole sentences as have at most `most` half words; one
 *  that has more than twice that is cut between words. False at the end. */
bool aut_piece_next (const char **text, size_t *size, uint32_t most, aut_piece_t *piece);
uint32_t aut_half_words (const char *text, size_t size);

/*  Tenths of a second, rounded up to halves of a second. */
int aut_action_tenths (uint32_t half_words);
int aut_speech_tenths (uint32_t half_words, bool sung, uint32_t pauses);

/*  Camera words in capitals: size and move, -1 where there is none. */
void aut_camera_words (const char *text, size_t size, int *shot_size, int *move);

/* ---- the film -------------------------------------------------------------------------------- */

typedef struct aut_remark aut_remark_t;
struct aut_remark {
    const char *text;
    aut_remark_t *next;
};
typedef struct {
    aut_remark_t *first, *last;
} aut_remarks_t;

typedef struct {
    const char *prompt, *dialogue, *sound, *transition_words;
    int tenths, size, move;
    int transition, direction, transition_tenths; /* transition: -1 none said */
    aut_mentions_t in;
    aut_remarks_t notes;
    bool spoken; /* its dialogue is its reason */
} aut_new_shot_t;

typedef struct {
    const char *id, *slugline, *number, *time;
    const aut_thing_t *location;
    aut_remarks_t notes, sections, synopsis;
    size_t first_shot, shot_count;
    bool outside, pictured; /* pictured: without a shot it gets one of its place */
} aut_new_scene_t;

typedef struct {
    aut_arena_t *arena;
    const aut_script_t *script;
    const aut_import_options_t *options;
    aut_book_t people, places;
    const char *title, *project, *end; /* end: the transition after the last shot, or NULL */
    aut_remarks_t notes;
    aut_new_scene_t *scenes;
    size_t scene_count, scene_cap;
    aut_new_shot_t *shots;
    size_t shot_count, shot_cap;
} aut_new_film_t;

/*  Adds `text` (of the arena) to a list. */
void aut_remark (aut_arena_t *arena, aut_remarks_t *list, const char *text);

/*  Walks the script: import_walk.c. 0, or AUT_ERR_INVALID with the line named. */
int aut_import_walk (aut_new_film_t *film);

/*  The names of a script: import_places.c. */
int aut_import_names (aut_new_film_t *film);

/*  A scene heading's parts. */
typedef struct {
    const char *key, *name; /* of its place; name is "" when there is none */
    const char *description;
    const char
        *time; /* "Night", NULL when it says none; "" when it goes on from the scene before */
    bool outside, slug;
} aut_heading_t;
void aut_heading_read (aut_heading_t *out, aut_arena_t *arena, const char *text);

/*  Writes the JSON. */
void aut_import_print (const aut_new_film_t *film, aut_buffer_t *out);

#endif
