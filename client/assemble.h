/*  From a folder of shots to the film: the plan and the storyboard's output options, as the stitch
 *  wants them. */
#ifndef AUT_CLIENT_ASSEMBLE_H
#define AUT_CLIENT_ASSEMBLE_H

#include "client/film.h"
#include "client/progress.h"
#include "lib/media/stitch.h"

/*  0, or AUT_ERR_UNSUPPORTED if the storyboard asks for a codec that is not here, AUT_ERR_INVALID
 * if `path` (or NULL) cannot be the name of its film: asked before anything is rendered. */
int aut_assemble_check (const aut_film_t *film, const char *path);

/*  The film's own name in an output folder, for its codec: "film.mp4" or "film.mov". */
const char *aut_assemble_name (const aut_film_t *film);

/*  Stitches DIR/shots into `path`. `hashes` (or NULL) receives the SHA-256 of every shot's native
 *  frames as raw rgb24. A shot that is not there is AUT_ERR_NOT_FOUND and named.
 *  AUT_ERR_CANCELLED on an interrupt; nothing is then left at `path`. */
int aut_assemble (const aut_film_t *film, const char *dir, const char *path, aut_hash_t *hashes,
                  aut_progress_t *progress, aut_stitch_report_t *report);

/*  Writes a contact sheet: a row per scene, `each` (≥ 1) pictures of each shot. They are taken from
 * the film `movie` that aut_assemble made, spread over what is not in a transition; with NULL from
 * the files in DIR/shots, as far as they are there. */
int aut_assemble_sheet (const aut_film_t *film, const char *dir, const char *movie,
                        const char *path, unsigned each);

/*  Writes a contact sheet and a poster, the middle of the longest shot, beside the film: its name
 * with
 *  "-sheet.png" and "-poster.png" for its extension. */
int aut_assemble_pictures (const aut_film_t *film, const char *dir, const char *movie,
                           aut_progress_t *progress);

#endif
