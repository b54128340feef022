/*  The prompt compiler: style, shot, camera and ingredients → what a model reads.
 *
 *  The rules, in order; the same storyboard gives the same bytes:
 *   1. The prompt is made of parts: style.prompt; the shot's prompt; the camera's words; one part
 *      per ingredient of the shot, in the shot's order. Empty parts are left out. Nothing inside a
 *      part is changed.
 *   2. The camera's words, in this order, joined by ", ": size ("extreme wide shot", "wide shot",
 *      "full shot", "medium shot", "close-up", "extreme close-up"); angle as written; move
 *      ("static camera", "camera pans left", "camera pans right", "camera tilts up", "camera tilts
 *      down", "camera dollies in", "camera dollies out", "tracking shot", "camera zooms in",
 *      "camera zooms out", "handheld camera"); notes as written.
 *   3. An ingredient's part is its description as written; for a character or an object that has a
 *      name, "NAME: " stands before it.
 *   4. Parts are joined by ". "; by " " where the part before ends in . ! ? , ; or :
 *   5. The negative prompt is the shot's negative, then style.negative, joined by ", ".
 */
#ifndef AUT_LIB_FILM_PROMPT_H
#define AUT_LIB_FILM_PROMPT_H

#include "lib/film/storyboard.h"

#define AUT_PROMPT_MAX (512u << 10) /* bytes of a compiled prompt and negative together */

/*  Compile for one shot; the caller frees the result. */
char *aut_prompt_compile (const aut_storyboard_t *film, const aut_shot_t *shot);
char *aut_prompt_negative (const aut_storyboard_t *film, const aut_shot_t *shot);

/*  How long both together are in bytes, without making them. */
size_t aut_prompt_size (const aut_storyboard_t *film, const aut_shot_t *shot);

#endif
