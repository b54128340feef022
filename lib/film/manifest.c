/*  model.json: its tables, the reading of one, and the rules between its members. */
#include "lib/film/registry_internal.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FILES 4096
#define MAX_FRAMES 100000
#define MAX_SIDE 8192

#define TEXT_ITEM(name, text) text,
const char *const aut_tiers[] = {AUT_TIERS (TEXT_ITEM) NULL};
static const char *const capabilities[] = {AUT_CAPABILITIES (TEXT_ITEM) NULL};
static const char *const types[] = {"image", "video", "audio", "language", NULL};
static const char *const precisions[] = {AUT_PRECISIONS (TEXT_ITEM) NULL};
static const char *const natives[] = {"film", NULL};

typedef struct {
    const aut_node_t *node;
    const char *name, *hash, *url;
    aut_decimal_t size;
} file_t;

typedef struct {
    const aut_node_t *node;
    aut_decimal_t vram, disk_space;
    const char *cuda_version, *python_version;
} requirements_t;

typedef struct {
    const aut_node_t *node;
    aut_decimal_t multiple, offset, max;
} frames_t;

typedef struct {
    const aut_node_t *node;
    aut_decimal_t multiple;
    const aut_node_t *usual, *min, *max;
} size_spec_t;

typedef struct {
    const aut_node_t *node;
    aut_decimal_t min, max;
} tail_t;

typedef struct {
    const aut_node_t *node;
    int native;
    aut_decimal_t fps;
    frames_t frames;
    size_spec_t size;
    tail_t tail;
} video_t;

typedef struct {
    const aut_node_t *node;
    aut_decimal_t steps, guidance;
} tier_t;

typedef struct {
    const aut_node_t *node;
    tier_t tiers[AUT_TIER_COUNT];
} tiers_t;

typedef struct {
    const aut_node_t *node;
    aut_decimal_t factor;
} upscale_t;

typedef struct {
    const aut_node_t *node;
    const char *backend, *source;
    video_t video;
    tiers_t tiers;
    upscale_t upscale;
    aut_list_t precision;
} auteur_t;

typedef struct {
    const aut_node_t *node;
    const char *id, *name, *version, *license, *description;
    int type;
    requirements_t requirements;
    aut_list_t files, capabilities;
    auteur_t auteur;
} manifest_t;

#define COUNT(array) (sizeof (array) / sizeof *(array))
#define TABLE(title, type, fields)                                                                 \
    {                                                                                              \
        title, sizeof (type), true, fields, COUNT (fields), NULL, 0                                \
    }

/* clang-format off */
static const aut_field_t requirements_fields[] = {
    {"vram", AUT_FIELD_NUMBER, offsetof (requirements_t, vram), .min = 0, .max = 100000, .nullable = true,
     .doc = "Device memory in GB (1,000,000,000 bytes)."},
    {"disk_space", AUT_FIELD_NUMBER, offsetof (requirements_t, disk_space), .min = 0, .max = 1000000, .nullable = true,
     .doc = "Space of the weights in GB."},
    {"cuda_version", AUT_FIELD_STRING, offsetof (requirements_t, cuda_version), .limit = 64, .nullable = true,
     .doc = "Least version of CUDA."},
    {"python_version", AUT_FIELD_STRING, offsetof (requirements_t, python_version), .limit = 64, .nullable = true,
     .doc = "Least version of Python."},
};
static const aut_table_t requirements_table = TABLE ("requirements", requirements_t, requirements_fields);

static const aut_field_t file_fields[] = {
    {"name", AUT_FIELD_STRING, offsetof (file_t, name), .required = true, .pattern = AUT_PATTERN_PATH,
     .doc = "Path below the model's folder."},
    {"size", AUT_FIELD_INTEGER, offsetof (file_t, size), .min = 0, .max = INT64_MAX,
     .doc = "Bytes; 0 or absent: not known."},
    {"hash", AUT_FIELD_STRING, offsetof (file_t, hash), .pattern = AUT_PATTERN_HASH, .nullable = true,
     .doc = "sha256: and 64 hex digits."},
    {"url", AUT_FIELD_STRING, offsetof (file_t, url), .limit = 4096, .nullable = true,
     .doc = "Where it can be had."},
};
static const aut_table_t file_table = TABLE ("a file", file_t, file_fields);

static const aut_field_t frames_fields[] = {
    {"multiple", AUT_FIELD_INTEGER, offsetof (frames_t, multiple), .required = true, .min = 1, .max = 1024,
     .doc = "The model makes multiple * k + offset frames."},
    {"offset", AUT_FIELD_INTEGER, offsetof (frames_t, offset), .required = true, .min = 0, .max = 1024, .doc = "See multiple."},
    {"max", AUT_FIELD_INTEGER, offsetof (frames_t, max), .required = true, .min = 1, .max = MAX_FRAMES,
     .doc = "The most frames of one call."},
};
static const aut_table_t frames_table = TABLE ("frames", frames_t, frames_fields);

static const aut_field_t size_fields[] = {
    {"multiple", AUT_FIELD_INTEGER, offsetof (size_spec_t, multiple), .required = true, .min = 1, .max = 1024,
     .doc = "Width and height are multiples of it."},
    {"default", AUT_FIELD_NODE, offsetof (size_spec_t, usual), .required = true, .doc = "[width, height]; its area is the most."},
    {"min", AUT_FIELD_NODE, offsetof (size_spec_t, min), .doc = "[width, height]"},
    {"max", AUT_FIELD_NODE, offsetof (size_spec_t, max), .doc = "[width, height]"},
};
static const aut_table_t size_table = TABLE ("size", size_spec_t, size_fields);

static const aut_field_t tail_fields[] = {
    {"min", AUT_FIELD_INTEGER, offsetof (tail_t, min), .required = true, .min = 1, .max = 1024,
     .doc = "The fewest frames of a predecessor that the model goes on from."},
    {"max", AUT_FIELD_INTEGER, offsetof (tail_t, max), .required = true, .min = 1, .max = 1024, .doc = "The most."},
};
static const aut_table_t tail_table = TABLE ("tail", tail_t, tail_fields);

static const aut_field_t video_fields[] = {
    {"native", AUT_FIELD_ENUM, offsetof (video_t, native), .names = natives,
     .doc = "film: the model works at the film's own size and rate."},
    {"fps", AUT_FIELD_NUMBER, offsetof (video_t, fps), .min = 1, .max = 240, .nullable = true,
     .doc = "The model's frame rate; not with native."},
    {"frames", AUT_FIELD_OBJECT, offsetof (video_t, frames), .required = true, .table = &frames_table,
     .doc = "Frame counts that one call can make."},
    {"size", AUT_FIELD_OBJECT, offsetof (video_t, size), .required = true, .table = &size_table,
     .doc = "Sizes that it can make."},
    {"tail", AUT_FIELD_OBJECT, offsetof (video_t, tail), .table = &tail_table,
     .doc = "How it goes on from a predecessor's last frames; absent: it cannot."},
};
static const aut_table_t video_table = TABLE ("video", video_t, video_fields);

static const aut_field_t tier_fields[] = {
    {"steps", AUT_FIELD_INTEGER, offsetof (tier_t, steps), .required = true, .min = 1, .max = 1000, .doc = "Sampling steps."},
    {"guidance", AUT_FIELD_NUMBER, offsetof (tier_t, guidance), .required = true, .min = 0, .max = 100, .doc = "Guidance scale."},
};
static const aut_table_t tier_table = TABLE ("a tier", tier_t, tier_fields);

#define TIER(name, text)                                                                               \
    {text, AUT_FIELD_OBJECT, offsetof (tiers_t, tiers) + AUT_TIER_##name * sizeof (tier_t),            \
     .table = &tier_table, .doc = "Parameters of this tier."},
static const aut_field_t tiers_fields[] = {AUT_TIERS (TIER)};
static const aut_table_t tiers_table = TABLE ("tiers", tiers_t, tiers_fields);

static const aut_field_t upscale_fields[] = {
    {"factor", AUT_FIELD_INTEGER, offsetof (upscale_t, factor), .required = true, .min = 1, .max = 16,
     .doc = "How many times it enlarges; 1: it does any size by itself."},
};
static const aut_table_t upscale_table = TABLE ("upscale", upscale_t, upscale_fields);

static const aut_field_t auteur_fields[] = {
    {"backend", AUT_FIELD_STRING, offsetof (auteur_t, backend), .limit = 64, .doc = "What runs it: animatic, wan, lanczos, upscaler."},
    {"source", AUT_FIELD_STRING, offsetof (auteur_t, source), .limit = 1024, .nullable = true,
     .doc = "hf:ORG/NAME[@REVISION], or a folder of weights beside the manifest."},
    {"video", AUT_FIELD_OBJECT, offsetof (auteur_t, video), .table = &video_table, .doc = "What video it makes."},
    {"tiers", AUT_FIELD_OBJECT, offsetof (auteur_t, tiers), .table = &tiers_table, .doc = "Tiers that it serves."},
    {"upscale", AUT_FIELD_OBJECT, offsetof (auteur_t, upscale), .table = &upscale_table, .doc = "How it enlarges frames."},
    {"precision", AUT_FIELD_STRINGS, offsetof (auteur_t, precision), .limit = 16, .doc = "Number formats."},
};
static const aut_table_t auteur_table = TABLE ("auteur", auteur_t, auteur_fields);

static const aut_field_t manifest_fields[] = {
    {"id", AUT_FIELD_STRING, offsetof (manifest_t, id), .required = true, .pattern = AUT_PATTERN_ID, .doc = "The model's name in storyboards."},
    {"name", AUT_FIELD_STRING, offsetof (manifest_t, name), .required = true, .limit = 256, .doc = "For people."},
    {"version", AUT_FIELD_STRING, offsetof (manifest_t, version), .required = true, .limit = 64, .pattern = AUT_PATTERN_TEXT, .doc = "Of the manifest."},
    {"type", AUT_FIELD_ENUM, offsetof (manifest_t, type), .required = true, .names = types, .doc = "What it makes."},
    {"requirements", AUT_FIELD_OBJECT, offsetof (manifest_t, requirements), .table = &requirements_table, .doc = "What it needs."},
    {"files", AUT_FIELD_LIST, offsetof (manifest_t, files), .table = &file_table, .limit = MAX_FILES, .doc = "Its weights."},
    {"capabilities", AUT_FIELD_STRINGS, offsetof (manifest_t, capabilities), .required = true, .limit = 64, .doc = "What it can do."},
    {"license", AUT_FIELD_STRING, offsetof (manifest_t, license), .required = true, .limit = 256, .doc = "SPDX."},
    {"description", AUT_FIELD_STRING, offsetof (manifest_t, description), .limit = 4096, .doc = "For people."},
    {"auteur", AUT_FIELD_OBJECT, offsetof (manifest_t, auteur), .table = &auteur_table, .doc = "How auteur uses it."},
};
static const aut_table_t manifest_table = TABLE ("a manifest", manifest_t, manifest_fields);
/* clang-format on */

typedef struct {
    aut_source_t *source;
    aut_diags_t *diags;
    aut_arena_t *arena;
} context_t;

/*  Reads [width, height]; leaves them as they are on a fault. */
static void read_pair (const context_t *context, const aut_node_t *node, uint32_t *width,
                       uint32_t *height)
{
    aut_decimal_t sides[2] = {{0}};
    bool good = node->kind == AUT_NODE_ARRAY && node->size == 2;
    const aut_node_t *item = good ? node->first : NULL;
    for (int i = 0; i < 2 && good; i++, item = item->next)
        good = item->kind == AUT_NODE_NUMBER && aut_node_decimal (item, &sides[i]) == 0 &&
               aut_decimal_is_integer (sides[i]) && sides[i].units >= 1 &&
               sides[i].units <= MAX_SIDE;
    if (!good) {
        aut_source_error (context->source, context->diags, node, NULL,
                          "must be [width, height], each from 1 to %d", MAX_SIDE);
        return;
    }
    *width = (uint32_t)sides[0].units;
    *height = (uint32_t)sides[1].units;
}

static void read_size (const context_t *context, const size_spec_t *size, aut_model_t *model)
{
    model->size_multiple = (uint32_t)size->multiple.units;
    model->min_width = model->min_height = model->size_multiple;
    model->max_width = model->max_height = MAX_SIDE;
    if (size->usual)
        read_pair (context, size->usual, &model->width, &model->height);
    if (size->min)
        read_pair (context, size->min, &model->min_width, &model->min_height);
    if (size->max)
        read_pair (context, size->max, &model->max_width, &model->max_height);
    if (!size->multiple.set || !model->width)
        return;
    if (model->width % model->size_multiple || model->height % model->size_multiple)
        aut_source_error (context->source, context->diags, size->usual, NULL,
                          "must be multiples of %u", model->size_multiple);
    else if (model->width < model->min_width || model->width > model->max_width ||
             model->height < model->min_height || model->height > model->max_height)
        aut_source_error (context->source, context->diags, size->usual, NULL,
                          "must lie between min and max");
}

static void read_frames (const context_t *context, const video_t *video, aut_model_t *model)
{
    model->frames_multiple = (uint32_t)video->frames.multiple.units;
    model->frames_offset = (uint32_t)video->frames.offset.units;
    model->frames_max = (uint32_t)video->frames.max.units;
    uint32_t least = model->frames_offset ? model->frames_offset : model->frames_multiple;
    if (video->frames.node && video->frames.max.set && model->frames_max < least)
        aut_source_error_member (context->source, context->diags, video->frames.node, "max", NULL,
                                 "allows no frame count at all: the least is %u", least);
    if (!video->tail.node)
        return;
    model->tail_min = (uint32_t)video->tail.min.units;
    model->tail_max = (uint32_t)video->tail.max.units;
    if (model->tail_min > model->tail_max)
        aut_source_error_member (context->source, context->diags, video->tail.node, "min", NULL,
                                 "is more than max");
    else if (model->frames_max && model->tail_max >= model->frames_max)
        aut_source_error_member (context->source, context->diags, video->tail.node, "max", NULL,
                                 "must be less than frames.max");
}

static void read_video (const context_t *context, const manifest_t *manifest, aut_model_t *model)
{
    const video_t *video = &manifest->auteur.video;
    model->video = true;
    model->native = video->native >= 0;
    model->rate = (aut_rational_t){24, 1};
    model->fps = video->fps;
    if (video->fps.set && aut_rate_of (&model->rate, video->fps))
        aut_source_error_member (context->source, context->diags, video->node, "fps", NULL, "%s",
                                 aut_error_detail ());
    if (video->fps.set == model->native)
        aut_source_error_member (context->source, context->diags, video->node, "fps", NULL,
                                 "a rate is needed, or native \"film\", not both");
    read_frames (context, video, model);
    read_size (context, &video->size, model);
    bool any = false;
    for (int i = 0; i < AUT_TIER_COUNT; i++) {
        const tier_t *tier = &manifest->auteur.tiers.tiers[i];
        if (!tier->node)
            continue;
        any = true;
        model->tiers[i].offered = true;
        model->tiers[i].steps = (uint32_t)tier->steps.units;
        model->tiers[i].guidance = tier->guidance;
    }
    if (!any)
        aut_source_error_member (context->source, context->diags, manifest->auteur.node, "tiers",
                                 NULL, "at least one tier is needed");
}

static void read_files (const context_t *context, const manifest_t *manifest, aut_model_t *model)
{
    const file_t *from = manifest->files.items;
    aut_model_file_t *files =
        aut_arena_alloc (context->arena, manifest->files.count, sizeof *files);
    for (size_t i = 0; i < manifest->files.count; i++) {
        files[i].name = from[i].name;
        files[i].size = (uint64_t)from[i].size.units;
        files[i].has_hash =
            from[i].hash && aut_hash_parse (&files[i].hash, from[i].hash + strlen ("sha256:")) == 0;
    }
    model->files = files;
    model->file_count = manifest->files.count;
}

static uint64_t bytes_of (aut_decimal_t gigabytes)
{
    unsigned __int128 bytes = (unsigned __int128)gigabytes.units * 1000000000u;
    for (int i = 0; i < gigabytes.scale; i++)
        bytes /= 10;
    return (uint64_t)bytes;
}

/*  Which of `names` a list of texts has; others are for somebody else. */
static unsigned bits_of (const aut_list_t *list, const char *const *names)
{
    unsigned bits = 0;
    for (size_t i = 0; i < list->count; i++)
        for (int j = 0; names[j]; j++)
            if (strcmp (((const char **)list->items)[i], names[j]) == 0)
                bits |= 1u << j;
    return bits;
}

static void fill (const context_t *context, const manifest_t *manifest, aut_model_t *model)
{
    const char *source = manifest->auteur.source;
    const char *at = source && strncmp (source, "hf:", 3) == 0 ? strchr (source, '@') : NULL;
    model->id = manifest->id;
    model->name = manifest->name;
    model->version = manifest->version;
    model->license = manifest->license;
    model->description = manifest->description ? manifest->description : "";
    model->type = manifest->type >= 0 ? types[manifest->type] : "";
    model->backend = manifest->auteur.backend ? manifest->auteur.backend : "";
    model->source = source;
    model->revision = at ? at + 1 : manifest->version;
    model->memory = bytes_of (manifest->requirements.vram);
    model->capabilities = bits_of (&manifest->capabilities, capabilities);
    model->precisions = bits_of (&manifest->auteur.precision, precisions);
    read_files (context, manifest, model);
    model->upscale =
        manifest->auteur.upscale.node ? (uint32_t)manifest->auteur.upscale.factor.units : 0;
    if (manifest->auteur.video.node)
        read_video (context, manifest, model);
}

int aut_manifest_read (aut_registry_entry_t **out, aut_diags_t *diags, const char *data,
                       size_t size)
{
    size_t errors = diags->errors;
    manifest_t manifest;
    *out = NULL;
    if (size > AUT_MANIFEST_MAX_BYTES) {
        aut_diags_add (diags, false, 0, 1, 1, aut_strdup ("$"),
                       aut_strdup ("a manifest has at most 1 MiB"), NULL);
        return aut_fail (AUT_ERR_INVALID, "%s: a manifest has at most 1 MiB", diags->file);
    }
    aut_registry_entry_t *entry = aut_calloc (1, sizeof *entry);
    entry->arena = aut_arena_new ();
    aut_source_parse (&entry->source, diags, data, size);
    if (entry->source) {
        context_t context = {entry->source, diags, entry->arena};
        aut_table_read (&manifest_table, entry->source, diags, entry->arena,
                        aut_source_root (entry->source), &manifest);
        fill (&context, &manifest, &entry->model);
        entry->model.json = aut_arena_text (entry->arena, data, size);
    }
    aut_diags_sort (diags);
    if (diags->errors > errors) {
        aut_registry_entry_destroy (&entry);
        return aut_fail (AUT_ERR_INVALID, "%s: not a manifest", diags->file);
    }
    *out = entry;
    return 0;
}

void aut_registry_entry_destroy (aut_registry_entry_t **self_p)
{
    if (!self_p || !*self_p)
        return;
    aut_source_destroy (&(*self_p)->source);
    aut_arena_destroy (&(*self_p)->arena);
    free (*self_p);
    *self_p = NULL;
}
