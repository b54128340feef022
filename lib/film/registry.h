/*  The models that this program knows: manifests found on a search path. Manifests alone decide a
 *  plan; weights are looked at only to tell whether a model is `available`, and verified where
 *  they are loaded. Immutable once opened: any thread may read it.
 *
 *  Weights lie beside the manifest, in the folder that its `source` names (a path, from the
 *  manifest's own folder), or in the Hugging Face cache under `hf:ORG/NAME[@REVISION]`: the first
 * of these that is there. A manifest whose `files` is empty declares no hashes: its weights are
 * those of a diffusers folder, checked by the loader for shape and finite values only.
 */
#ifndef AUT_LIB_FILM_REGISTRY_H
#define AUT_LIB_FILM_REGISTRY_H

#include "lib/core/hash.h"
#include "lib/film/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUT_MANIFEST_MAX_BYTES (1u << 20)
#define AUT_REGISTRY_MAX_MODELS 4096

/*  From worst to best; a tier without a model falls to the one before it. */
#define AUT_TIERS(X)                                                                               \
    X (ANIMATIC, "animatic") X (DRAFT, "draft") X (STANDARD, "standard") X (FINAL, "final")
#define AUT_TIER_ENUM(name, text) AUT_TIER_##name,
typedef enum { AUT_TIERS (AUT_TIER_ENUM) AUT_TIER_COUNT } aut_tier_t;
extern const char *const aut_tiers[]; /* their texts, NULL-terminated */

/*  What a model can do, as bits. */
#define AUT_CAPABILITIES(X)                                                                        \
    X (TEXT_TO_VIDEO, "text-to-video")                                                             \
    X (IMAGE_TO_VIDEO, "image-to-video")                                                           \
    X (FIRST_LAST_FRAME, "first-last-frame")                                                       \
    X (VIDEO_CONTINUATION, "video-continuation")                                                   \
    X (UPSCALE, "upscale")                                                                         \
    X (TEXT_TO_IMAGE, "text-to-image")
#define AUT_CAPABILITY_ENUM(name, text) AUT_CAPABILITY_##name,
typedef enum { AUT_CAPABILITIES (AUT_CAPABILITY_ENUM) AUT_CAPABILITY_COUNT } aut_capability_t;

/*  The number formats that a model may be run in, as bits. */
#define AUT_PRECISIONS(X) X (BF16, "bf16") X (FP32, "fp32")
#define AUT_PRECISION_ENUM(name, text) AUT_PRECISION_##name,
typedef enum { AUT_PRECISIONS (AUT_PRECISION_ENUM) AUT_PRECISION_COUNT } aut_precision_t;

typedef struct {
    const char *name;
    uint64_t size;
    bool has_hash;
    aut_hash_t hash;
} aut_model_file_t;

typedef struct {
    bool offered;
    uint32_t steps;
    aut_decimal_t guidance;
} aut_model_tier_t;

typedef struct {
    const char *id, *name, *version, *type, *license, *description;
    const char *revision;  /* after the @ of an hf: source, else the version */
    const char *backend;   /* "animatic", "wan", "lanczos", …; "" when none of ours runs it */
    const char *source;    /* or NULL */
    const char *json;      /* the manifest's text */
    const char *dir;       /* its folder, NULL when it came over the wire */
    const char *weights;   /* the folder of its weights, NULL when they are not on this machine */
    size_t place;          /* of its folder on the search path */
    bool available;        /* it can be loaded here: weights are there, or none are needed */
    uint64_t memory;       /* bytes of device memory that it needs */
    unsigned capabilities; /* bits 1 << AUT_CAPABILITY_… */
    unsigned precisions;   /* bits 1 << AUT_PRECISION_…; 0: it does not say */
    const aut_model_file_t *files;
    size_t file_count;
    uint32_t upscale; /* an upscaler's factor; 1: it does any size by itself; 0: it is none */
    bool video;       /* it makes video: what follows is set */
    bool native;      /* it works at the film's own size and rate */
    aut_rational_t rate;
    aut_decimal_t fps;
    uint32_t frames_multiple, frames_offset, frames_max; /* n = multiple·k + offset ≤ max */
    uint32_t size_multiple, width, height;               /* width, height: its default */
    uint32_t min_width, min_height, max_width, max_height;
    uint32_t tail_min, tail_max; /* frames of a predecessor that it takes; 0: it cannot go on */
    aut_model_tier_t tiers[AUT_TIER_COUNT];
} aut_model_t;

typedef struct aut_registry aut_registry_t;

aut_registry_t *aut_registry_new (void);
void aut_registry_destroy (aut_registry_t **self_p);

/*  Adds every {image,video,audio,language}/models/ID/model.json below `dir`, in order of id; an id
 *  that is there already wins. A diffusers folder in such a place needs no manifest (derive.h), and
 *  `dir` may be one itself. A missing folder is no error. Bad manifests are left out with a warning
 *  (aut_registry_warning); AUT_ERR_IO when the folder exists and cannot be read. */
int aut_registry_add_dir (aut_registry_t *self, const char *dir);

/*  Adds the models of the Hugging Face cache that one of our backends runs and that no manifest so
 *  far has as its source. Others are passed over. */
void aut_registry_add_hub (aut_registry_t *self);

/*  Adds one manifest from memory; `name` stands for its file in diagnostics, `available` for
 *  whether somebody can run it (a cluster's node). AUT_ERR_INVALID with a warning;
 *  AUT_ERR_EXISTS when the id is there already: it stays, and becomes available if this one is. */
int aut_registry_add (aut_registry_t *self, const char *name, const char *data, size_t size,
                      bool available);

/*  Forgets which weights are on this machine, before a cluster's models are added: those alone can
 *  be rendered with there. */
void aut_registry_forget_weights (aut_registry_t *self);
/*  The same for the models of one backend: a program that lacks it cannot load them. */
void aut_registry_forget_backend (aut_registry_t *self, const char *backend);

/*  The whole search path: the folders of `models` ("DIR:DIR", may be NULL: those of the option
 *  --models or AUTEUR_MODELS), $XDG_DATA_HOME/auteur/models, the installed folder (../share/
 *  auteur/models beside the program's folder) or, in a build tree, the source's models/; then the
 *  Hugging Face cache. */
int aut_registry_open (aut_registry_t **out, const char *models);

/*  Tells of the folders of that path, in its order, whether they are there or not; the Hugging Face
 *  cache is not among them (aut_hub_root). `dir` is borrowed for the call. */
void aut_registry_places (const char *models, void (*found) (void *ctx, const char *dir),
                          void *ctx);

/*  What was wrong with manifests, one entry a fault; texts "FILE:LINE:COL: PATH: message". */
size_t aut_registry_warning_count (const aut_registry_t *self);
const char *aut_registry_warning (const aut_registry_t *self, size_t index);

/*  By id, or by where its weights are from: ORG/NAME of a manifest's source, or the path of a
 * weights folder on the search path. NULL if there is none. */
const aut_model_t *aut_registry_find (const aut_registry_t *self, const char *id);
/*  All, sorted by id. */
size_t aut_registry_count (const aut_registry_t *self);
const aut_model_t *aut_registry_at (const aut_registry_t *self, size_t index);

/*  The model that serves a tier: an available video model that offers it. For animatic and draft
 *  the one that needs the least memory, among equals the first on the search path; for standard and
 *  final the first on the search path, then the one that needs the most memory; then by id. So a
 *  draft stays quick and alike everywhere, whatever larger weights are about. NULL if there is
 *  none. */
const aut_model_t *aut_registry_tier (const aut_registry_t *self, aut_tier_t tier);

/*  The tier of a film that names none: draft when its model runs on any machine (requirements.vram
 *  is 0), else animatic. Nobody gets a model for which he needs a GPU without asking for it. */
aut_tier_t aut_registry_default_tier (const aut_registry_t *self);

/*  The hint for an unknown model id (heap string) or NULL; `budget` as in aut_nearest_hint. */
char *aut_registry_hint (const aut_registry_t *self, const char *id, uint64_t *budget);

static inline bool aut_model_can (const aut_model_t *model, aut_capability_t capability)
{
    return (model->capabilities >> capability) & 1u;
}

#endif
