/*  The second walk's state, and its part that deals with speech. */
#ifndef AUT_LIB_FILM_IMPORT_SPEECH_H
#define AUT_LIB_FILM_IMPORT_SPEECH_H

#include "lib/film/import_internal.h"

#define AUT_WALK_DEPTH 6 /* of sections */

/*  A transition that waits for its shot; words NULL: none does. */
typedef struct {
    const char *words;
    int type, direction;
    bool plain;
} aut_cut_t;

typedef struct {
    const aut_thing_t *who; /* or NULL: a song */
    aut_buffer_t manner, words;
    const char *unseen; /* "voice-over", "off screen"; NULL: the speaker is seen */
    uint32_t pauses, line;
    bool sung;
} aut_speech_t;

typedef struct {
    aut_new_film_t *film;
    int rc;
    aut_cut_t cut;
    const char *sections[AUT_WALK_DEPTH];
    bool section_told;         /* they are part of a scene */
    aut_remarks_t synopsis;    /* of the scene to come */
    const aut_thing_t *person; /* the last one named in this scene */
    aut_speech_t speeches[2];  /* two are dual dialogue */
    size_t speech_count;
} aut_walk_t;

/*  Whether the element is part of a speech, and then keeps it. */
bool aut_speech_takes (aut_walk_t *self, const aut_script_element_t *element);
/*  Makes shots of the speeches that are kept. */
void aut_speech_end (aut_walk_t *self);

/*  The open scene or NULL; a new shot in it (one is opened where there is none). */
aut_new_scene_t *aut_walk_scene (aut_walk_t *self);
aut_new_shot_t *aut_walk_shot (aut_walk_t *self, uint32_t line);
/*  A prompt of a text: ended by a mark, with the scene's time after it. */
const char *aut_walk_prompt (aut_walk_t *self, const char *text, size_t size);
/*  The prompt of the scene's place with nobody in it. */
const char *aut_walk_view (aut_walk_t *self);
/*  Adds the scene's place to a shot. */
void aut_walk_place (aut_walk_t *self, aut_new_shot_t *shot);

#endif
