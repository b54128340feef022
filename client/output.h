/*  The output folder: where a film's parts and their history are kept, as docs/user.md describes.
 *
 *  outputs/PROJECT/YYYYMMDD-HHMMSS[-N]/{assembled,shots,upscaled,metadata/shots}
 */
#ifndef AUT_CLIENT_OUTPUT_H
#define AUT_CLIENT_OUTPUT_H

#include "client/film.h"
#include "lib/media/stitch.h"

/*  Makes a new folder below `outputs` for a project; `dir` is the caller's to free. */
int aut_output_create (char **dir, const char *outputs, const char *project);

/*  Makes the folders of the layout in `dir` (which may exist). */
int aut_output_layout (const char *dir);

/*  DIR/shots/ID.mkv; the caller frees it. */
char *aut_output_shot_path (const char *dir, const char *shot);

/*  DIR/upscaled/ID.mkv: the same frames enlarged, for the stitch; the caller frees it. */
char *aut_output_upscaled_path (const char *dir, const char *shot);

/*  DIR/metadata/sounds/HASH, where a track's file lies; the caller frees it. */
char *aut_output_sound_path (const char *dir, const aut_hash_t *hash);

/*  Writes metadata/storyboard.json, byte for byte, and metadata/film.json: storyboard hash, plan,
 *  versions, hashes of everything in shots/ and assembled/. `stitch` is NULL before the stitch. */
int aut_output_write_film (const char *dir, const char *job, const aut_film_t *film,
                           const aut_stitch_report_t *stitch);

/*  Reads a folder back: its storyboard, planned. The manifests of `models` must give the plan that
 *  the folder was made with. */
int aut_output_load (aut_film_t *out, const char *dir, const char *models);

#endif
