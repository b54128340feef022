/*  The manifest of a diffusers folder that has none: made from its model_index.json and configs, so
 *  that a folder, or a model in the Hugging Face cache, can be rendered with as it is. Only JSON
 * and file sizes are looked at, and the same folder gives the same text on every machine.
 *
 *  What the configs cannot say is what the family's published models have: 24 frames a second and
 * at most 121 of them for Wan 2.2 TI2V, 16 and 81 for the others; 480p, or 720p from 14B on; 20, 40
 * and 50 steps. A manifest beside the folder says otherwise.
 */
#ifndef AUT_LIB_FILM_DERIVE_H
#define AUT_LIB_FILM_DERIVE_H

#include <stdbool.h>

/*  Whether `folder` is one that a manifest can be made for: it has a model_index.json. */
bool aut_derive_is_folder (const char *folder);

/*  The id for a folder's name: what an id may not have becomes '-'. The caller frees it. */
char *aut_derive_id (const char *name);

/*  Makes a manifest's text; the caller frees it. `id` as aut_derive_id gives it, `name` for people,
 *  `source` ("hf:ORG/NAME@COMMIT") or NULL for weights that lie beside the manifest.
 *  AUT_ERR_UNSUPPORTED for a pipeline that no backend of ours runs, AUT_ERR_INVALID or AUT_ERR_IO
 *  with the file that is at fault. */
int aut_derive_manifest (char **json, const char *folder, const char *id, const char *name,
                         const char *source);

#endif
