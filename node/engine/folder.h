/*  Model folders: a diffusers folder, or `org/name[@revision]` in the Hugging Face cache
 *  (`HF_HUB_CACHE`, else `HF_HOME`/hub, else ~/.cache/huggingface/hub: refs → snapshots), and what
 *  its `model_index.json` says: which pipeline, which components.
 */
#ifndef AUT_ENGINE_FOLDER_H
#define AUT_ENGINE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*  X (name, folder below the model's) */
#define FOLDER_COMPONENTS(X)                                                                       \
    X (TRANSFORMER, "transformer")                                                                 \
    X (TRANSFORMER_2, "transformer_2")                                                             \
    X (VAE, "vae")                                                                                 \
    X (TEXT_ENCODER, "text_encoder")                                                               \
    X (TOKENIZER, "tokenizer")                                                                     \
    X (SCHEDULER, "scheduler")                                                                     \
    X (IMAGE_ENCODER, "image_encoder")                                                             \
    X (IMAGE_PROCESSOR, "image_processor")

typedef enum {
#define FOLDER_ENUM(name, text) FOLDER_##name,
    FOLDER_COMPONENTS (FOLDER_ENUM)
#undef FOLDER_ENUM
        FOLDER_COMPONENT_COUNT
} folder_component_t;

/*  The pipeline classes that are known. */
typedef enum {
    FOLDER_WAN,       /* WanPipeline: text to video, or with expand_timesteps the TI2V family */
    FOLDER_WAN_IMAGE, /* WanImageToVideoPipeline */
} folder_pipeline_t;

typedef struct {
    char *path;     /* the folder itself */
    char *name;     /* as the user wrote it, for messages and metadata */
    char *revision; /* the snapshot's commit, or "" for a plain folder */
    folder_pipeline_t pipeline;
    double boundary_ratio; /* where the second expert takes over, of 1; 0 = one expert */
    bool expand_timesteps; /* a timestep per token (TI2V) */
    bool present[FOLDER_COMPONENT_COUNT];
    const char *class_name[FOLDER_COMPONENT_COUNT]; /* as model_index.json says; NULL if absent */
    void *owner;
} folder_t;

/*  Finds and reads a model's folder; `model` may begin with "hf:", which means the cache alone.
 *  Reads no weights. AUT_ERR_NOT_FOUND names what is missing and where it was looked for;
 *  AUT_ERR_UNSUPPORTED an unknown pipeline, component or class and what is supported;
 *  AUT_ERR_INVALID a file that breaks a rule. Freed with folder_close. */
int folder_open (folder_t **out, const char *model);
void folder_close (folder_t **self_p);

/*  The path of a component's folder (freed with free), and its label ("transformer"). NULL path if
 *  memory is out. */
char *folder_path (const folder_t *self, folder_component_t component);
const char *folder_label (folder_component_t component);

/*  Bytes of a component's safetensors files; 0 if it is absent. */
uint64_t folder_size (const folder_t *self, folder_component_t component);

#endif
