/*  The task spec's canonical text, its key, and the strict reader for whoever receives one. */
#include "lib/film/task.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "lib/film/storyboard.h"
#include "lib/film/text.h"

#include <stdlib.h>
#include <string.h>

#define MAX_STRING (512u << 10)
#define MAX_CARDS 64
#define MAX_FILES 4096

/*  Every member but the first: a comma, its key and a number. */
static void put_number (aut_buffer_t *out, const char *key, uint64_t value)
{
    aut_buffer_append (out, ",", 1);
    aut_put_key (out, key);
    aut_put_integer (out, value);
}

static void put_member (aut_buffer_t *out, const char *key, const char *value)
{
    aut_buffer_append (out, ",", 1);
    aut_put_key (out, key);
    aut_put_string (out, value);
}

static void put_camera (aut_buffer_t *out, const aut_task_spec_t *spec)
{
    if (!spec->has_camera) {
        aut_put_text (out, "null");
        return;
    }
    aut_put_text (out, "{\"angle\":");
    if (spec->camera_angle)
        aut_put_string (out, spec->camera_angle);
    else
        aut_put_text (out, "null");
    aut_put_text (out, ",\"move\":");
    if (spec->camera_move >= 0)
        aut_put_string (out, aut_camera_moves[spec->camera_move]);
    else
        aut_put_text (out, "null");
    aut_put_text (out, ",\"size\":");
    if (spec->camera_size >= 0)
        aut_put_string (out, aut_camera_sizes[spec->camera_size]);
    else
        aut_put_text (out, "null");
    aut_put_text (out, "}");
}

static void put_cards (aut_buffer_t *out, const aut_task_spec_t *spec)
{
    aut_put_text (out, "[");
    for (size_t i = 0; i < spec->card_count; i++) {
        const aut_card_t *card = &spec->cards[i];
        aut_put_text (out, i ? ",{\"description\":" : "{\"description\":");
        aut_put_string (out, card->description);
        aut_put_text (out, ",\"image\":");
        if (card->has_image)
            aut_put_hash (out, &card->image);
        else
            aut_put_text (out, "null");
        aut_put_text (out, ",\"type\":");
        aut_put_string (out, aut_ingredient_types[card->type]);
        aut_put_text (out, "}");
    }
    aut_put_text (out, "]");
}

static void put_anchor (aut_buffer_t *out, const char *key, bool there, const aut_hash_t *hash)
{
    if (!there) {
        aut_put_text (out, "null");
        return;
    }
    aut_put_text (out, "{");
    aut_put_key (out, key);
    aut_put_hash (out, hash);
    aut_put_text (out, "}");
}

static void put_model (aut_buffer_t *out, const aut_task_spec_t *spec)
{
    aut_put_text (out, "{\"files\":[");
    for (size_t i = 0; i < spec->file_count; i++) {
        aut_put_text (out, i ? ",{\"hash\":" : "{\"hash\":");
        aut_put_hash (out, &spec->files[i].hash);
        aut_put_text (out, ",\"name\":");
        aut_put_string (out, spec->files[i].name);
        aut_put_text (out, "}");
    }
    aut_put_text (out, "],\"id\":");
    aut_put_string (out, spec->model);
    aut_put_text (out, ",\"revision\":");
    aut_put_string (out, spec->revision);
    aut_put_text (out, "}");
}

void aut_task_spec_write (const aut_task_spec_t *self, aut_buffer_t *out)
{
    aut_put_text (out, "{\"after\":");
    if (self->has_after)
        aut_put_hash (out, &self->after);
    else
        aut_put_text (out, "null");
    aut_put_text (out, ",\"camera\":");
    put_camera (out, self);
    aut_put_text (out, ",\"cards\":");
    put_cards (out, self);
    put_number (out, "chunk", self->chunk);
    put_number (out, "drop", self->drop);
    put_number (out, "first_frame", self->first_frame);
    if (self->kind == AUT_TASK_UPSCALE)
        put_member (out, "fit", aut_fits[self->fit]);
    put_number (out, "frames", self->frames);
    put_member (out, "guidance", self->guidance);
    put_number (out, "height", self->height);
    aut_put_text (out, ",\"init\":");
    put_anchor (out, self->init == AUT_INIT_AFTER ? "after" : "image", self->init != AUT_INIT_NONE,
                &self->init_hash);
    put_number (out, "keep", self->keep);
    put_member (out, "kind", aut_task_kinds[self->kind]);
    aut_put_text (out, ",\"last\":");
    put_anchor (out, "image", self->has_last, &self->last_hash);
    aut_put_text (out, ",\"model\":");
    put_model (out, self);
    put_member (out, "negative", self->negative);
    put_member (out, "prompt", self->prompt);
    aut_put_text (out, ",\"rate\":[");
    aut_put_integer (out, (uint64_t)self->rate.num);
    aut_put_text (out, ",");
    aut_put_integer (out, (uint64_t)self->rate.den);
    aut_put_text (out, "],\"seed\":\"");
    aut_put_integer (out, self->seed);
    aut_put_text (out, "\"");
    put_number (out, "shot_frames", self->shot_frames);
    put_number (out, "steps", self->steps);
    put_number (out, "tail", self->tail);
    put_number (out, "tail_out", self->tail_out);
    put_number (out, "width", self->width);
    aut_put_text (out, "}");
}

aut_hash_t aut_task_key (const char *text, size_t size)
{
    return aut_hash_of (text, size);
}

static void put_big_endian (unsigned char *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)(value >> (8 * (size - 1 - i)));
}

uint64_t aut_chunk_seed (uint64_t seed, const char *shot_id, uint32_t chunk)
{
    unsigned char bytes[8 + 256 + 1 + 4];
    size_t size = strnlen (shot_id, 256);
    put_big_endian (bytes, seed, 8);
    memcpy (bytes + 8, shot_id, size);
    bytes[8 + size] = 0;
    put_big_endian (bytes + 8 + size + 1, chunk, 4);
    aut_hash_t hash = aut_hash_of (bytes, 8 + size + 1 + 4);
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | hash.bytes[i];
    return value >> 1;
}

size_t aut_task_spec_images (const aut_task_spec_t *self, aut_hash_t *out, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < self->card_count + 2; i++) {
        const aut_hash_t *hash = NULL;
        if (i == 0)
            hash = self->init == AUT_INIT_IMAGE ? &self->init_hash : NULL;
        else if (i == 1)
            hash = self->has_last ? &self->last_hash : NULL;
        else
            hash = self->cards[i - 2].has_image ? &self->cards[i - 2].image : NULL;
        bool known = !hash;
        for (size_t j = 0; j < count && j < max && !known; j++)
            known = aut_hash_equal (&out[j], hash);
        if (known)
            continue;
        if (count < max)
            out[count] = *hash;
        count++;
    }
    return count;
}

/*  The text as tables read it, before it becomes an aut_task_spec_t. */
typedef struct {
    const aut_node_t *node;
    const char *description, *image;
    int type;
} raw_card_t;

typedef struct {
    const aut_node_t *node;
    const char *hash, *name;
} raw_file_t;

typedef struct {
    const aut_node_t *node;
    const char *angle;
    int move, size;
} raw_camera_t;

typedef struct {
    const aut_node_t *node;
    const char *after, *image;
} raw_anchor_t;

typedef struct {
    const aut_node_t *node;
    aut_list_t files;
    const char *id, *revision;
} raw_model_t;

typedef struct {
    const aut_node_t *node;
    const char *after, *guidance, *negative, *prompt, *seed;
    raw_camera_t camera;
    aut_list_t cards;
    aut_decimal_t chunk, drop, first_frame, frames, height, keep, shot_frames, steps, tail,
        tail_out, width;
    raw_anchor_t init, last;
    int fit, kind;
    raw_model_t model;
    const aut_node_t *rate;
} raw_t;

#define TEXT_ITEM(name, text) text,
const char *const aut_task_kinds[] = {AUT_TASK_KINDS (TEXT_ITEM) NULL};

#define COUNT(array) (sizeof (array) / sizeof *(array))
#define TABLE(title, type, fields)                                                                 \
    {                                                                                              \
        title, sizeof (type), false, fields, COUNT (fields), NULL, 0                               \
    }

/* clang-format off */
static const aut_field_t card_fields[] = {
    {"description", AUT_FIELD_STRING, offsetof (raw_card_t, description), .required = true},
    {"image", AUT_FIELD_STRING, offsetof (raw_card_t, image), .required = true, .nullable = true},
    {"type", AUT_FIELD_ENUM, offsetof (raw_card_t, type), .required = true, .names = aut_ingredient_types},
};
static const aut_table_t card_table = TABLE ("a card", raw_card_t, card_fields);
static const aut_field_t file_fields[] = {
    {"hash", AUT_FIELD_STRING, offsetof (raw_file_t, hash), .required = true},
    {"name", AUT_FIELD_STRING, offsetof (raw_file_t, name), .required = true, .pattern = AUT_PATTERN_PATH},
};
static const aut_table_t file_table = TABLE ("a file", raw_file_t, file_fields);
static const aut_field_t camera_fields[] = {
    {"angle", AUT_FIELD_STRING, offsetof (raw_camera_t, angle), .required = true, .nullable = true},
    {"move", AUT_FIELD_ENUM, offsetof (raw_camera_t, move), .required = true, .nullable = true, .names = aut_camera_moves},
    {"size", AUT_FIELD_ENUM, offsetof (raw_camera_t, size), .required = true, .nullable = true, .names = aut_camera_sizes},
};
static const aut_table_t camera_table = TABLE ("a camera", raw_camera_t, camera_fields);
static const aut_field_t anchor_fields[] = {
    {"after", AUT_FIELD_STRING, offsetof (raw_anchor_t, after), .required = false},
    {"image", AUT_FIELD_STRING, offsetof (raw_anchor_t, image), .required = false},
};
static const aut_table_t anchor_table = TABLE ("an anchor", raw_anchor_t, anchor_fields);
static const aut_field_t model_fields[] = {
    {"files", AUT_FIELD_LIST, offsetof (raw_model_t, files), .required = true, .table = &file_table, .limit = MAX_FILES},
    {"id", AUT_FIELD_STRING, offsetof (raw_model_t, id), .required = true, .pattern = AUT_PATTERN_ID},
    {"revision", AUT_FIELD_STRING, offsetof (raw_model_t, revision), .required = true, .limit = 1024},
};
static const aut_table_t model_table = TABLE ("a model", raw_model_t, model_fields);

#define NUMBER(name, low, high) \
    {#name, AUT_FIELD_INTEGER, offsetof (raw_t, name), .required = true, .min = low, .max = high}
static const aut_field_t spec_fields[] = {
    {"after", AUT_FIELD_STRING, offsetof (raw_t, after), .required = true, .nullable = true},
    {"camera", AUT_FIELD_OBJECT, offsetof (raw_t, camera), .required = true, .nullable = true, .table = &camera_table},
    {"cards", AUT_FIELD_LIST, offsetof (raw_t, cards), .required = true, .table = &card_table, .limit = MAX_CARDS},
    NUMBER (chunk, 0, 1000000),
    NUMBER (drop, 0, AUT_TASK_MAX_FRAMES),
    NUMBER (first_frame, 0, INT32_MAX),
    NUMBER (frames, 1, AUT_TASK_MAX_FRAMES),
    {"fit", AUT_FIELD_ENUM, offsetof (raw_t, fit), .names = aut_fits},
    {"guidance", AUT_FIELD_STRING, offsetof (raw_t, guidance), .required = true, .limit = 32},
    NUMBER (height, 1, AUT_TASK_MAX_SIDE),
    {"init", AUT_FIELD_OBJECT, offsetof (raw_t, init), .required = true, .nullable = true, .table = &anchor_table},
    NUMBER (keep, 1, AUT_TASK_MAX_FRAMES),
    {"kind", AUT_FIELD_ENUM, offsetof (raw_t, kind), .required = true, .names = aut_task_kinds},
    {"last", AUT_FIELD_OBJECT, offsetof (raw_t, last), .required = true, .nullable = true, .table = &anchor_table},
    {"model", AUT_FIELD_OBJECT, offsetof (raw_t, model), .required = true, .table = &model_table},
    {"negative", AUT_FIELD_STRING, offsetof (raw_t, negative), .required = true},
    {"prompt", AUT_FIELD_STRING, offsetof (raw_t, prompt), .required = true},
    {"rate", AUT_FIELD_NODE, offsetof (raw_t, rate), .required = true},
    {"seed", AUT_FIELD_STRING, offsetof (raw_t, seed), .required = true, .limit = 19},
    NUMBER (shot_frames, 1, INT32_MAX),
    NUMBER (steps, 1, 1000),
    NUMBER (tail, 0, AUT_TASK_MAX_FRAMES),
    NUMBER (tail_out, 0, AUT_TASK_MAX_FRAMES),
    NUMBER (width, 1, AUT_TASK_MAX_SIDE),
};
static const aut_table_t spec_table = TABLE ("a task spec", raw_t, spec_fields);
/* clang-format on */

static int bad (const char *what)
{
    return aut_fail (AUT_ERR_INVALID, "task spec: %s", what);
}

/*  Writes a hash that may be absent. */
static int fill_hash (bool *there, aut_hash_t *out, const char *text)
{
    *there = text != NULL;
    return text && aut_hash_parse (out, text) ? bad ("a hash must be 64 hex digits") : 0;
}

static int fill_anchors (aut_task_spec_t *out, const raw_t *raw)
{
    bool there;
    const raw_anchor_t *init = &raw->init, *last = &raw->last;
    if ((init->node && !init->after == !init->image) ||
        (last->node && (!last->image || last->after)))
        return bad ("init and last name one thing each");
    int err = fill_hash (&out->has_last, &out->last_hash, last->image);
    if (!err)
        err = fill_hash (&there, &out->init_hash, init->after ? init->after : init->image);
    out->init = init->after ? AUT_INIT_AFTER : init->image ? AUT_INIT_IMAGE : AUT_INIT_NONE;
    if (!err)
        err = fill_hash (&out->has_after, &out->after, raw->after);
    return err;
}

static int fill_lists (aut_task_spec_t *out, const raw_t *raw)
{
    const raw_card_t *from = raw->cards.items;
    const raw_file_t *names = raw->model.files.items;
    aut_card_t *cards = aut_arena_alloc (out->arena, raw->cards.count, sizeof *cards);
    aut_task_file_t *files = aut_arena_alloc (out->arena, raw->model.files.count, sizeof *files);
    out->cards = cards;
    out->card_count = raw->cards.count;
    out->files = files;
    out->file_count = raw->model.files.count;
    int err = 0;
    for (size_t i = 0; i < raw->cards.count && !err; i++) {
        cards[i].type = from[i].type;
        cards[i].description = from[i].description;
        err = fill_hash (&cards[i].has_image, &cards[i].image, from[i].image);
    }
    bool there;
    for (size_t i = 0; i < raw->model.files.count && !err; i++) {
        files[i].name = names[i].name;
        err = fill_hash (&there, &files[i].hash, names[i].hash);
    }
    return err;
}

static int fill_rate (aut_task_spec_t *out, const aut_node_t *node)
{
    aut_decimal_t terms[2] = {{0}};
    bool good = node && node->kind == AUT_NODE_ARRAY && node->size == 2;
    const aut_node_t *item = good ? node->first : NULL;
    for (int i = 0; i < 2 && good; i++, item = item->next)
        good = item->kind == AUT_NODE_NUMBER && aut_node_decimal (item, &terms[i]) == 0 &&
               terms[i].scale == 0 && terms[i].units >= 1 && terms[i].units <= 1000000;
    if (!good)
        return bad ("rate must be [frames, seconds]");
    out->rate = (aut_rational_t){terms[0].units, terms[1].units};
    return 0;
}

static int fill_seed (aut_task_spec_t *out, const char *text)
{
    aut_decimal_t value;
    if (aut_decimal_parse (&value, text, strlen (text)) || value.scale || value.units < 0)
        return bad ("seed must be a whole number below 2^63");
    out->seed = (uint64_t)value.units;
    return 0;
}

static void fill_numbers (aut_task_spec_t *out, const raw_t *raw)
{
    out->kind = (aut_task_kind_t)raw->kind;
    out->fit = raw->fit;
    out->model = raw->model.id;
    out->revision = raw->model.revision;
    out->prompt = raw->prompt;
    out->negative = raw->negative;
    out->guidance = raw->guidance;
    out->width = (uint32_t)raw->width.units;
    out->height = (uint32_t)raw->height.units;
    out->frames = (uint32_t)raw->frames.units;
    out->drop = (uint32_t)raw->drop.units;
    out->keep = (uint32_t)raw->keep.units;
    out->steps = (uint32_t)raw->steps.units;
    out->shot_frames = (uint32_t)raw->shot_frames.units;
    out->first_frame = (uint32_t)raw->first_frame.units;
    out->chunk = (uint32_t)raw->chunk.units;
    out->tail = (uint32_t)raw->tail.units;
    out->tail_out = (uint32_t)raw->tail_out.units;
    out->has_camera = raw->camera.node != NULL;
    out->camera_size = raw->camera.size;
    out->camera_move = raw->camera.move;
    out->camera_angle = raw->camera.angle;
}

/*  Frames go in and come out: there is nothing else to say. */
static int check_upscale (const aut_task_spec_t *spec)
{
    if (!spec->has_after || spec->fit < 0)
        return bad ("an upscale task needs after and fit");
    bool plain = !spec->chunk && !spec->first_frame && !spec->drop && !spec->tail &&
                 !spec->tail_out && !spec->seed && spec->steps == 1 && !*spec->prompt &&
                 !*spec->negative && !strcmp (spec->guidance, "0") && !spec->has_camera &&
                 !spec->card_count && spec->init == AUT_INIT_NONE && !spec->has_last;
    if (!plain || spec->keep != spec->frames || spec->shot_frames != spec->frames)
        return bad ("an upscale task says only after, fit, frames, model, rate and its size");
    return 0;
}

static int check_counts (const aut_task_spec_t *spec)
{
    aut_decimal_t guidance;
    if (spec->fit >= 0)
        return bad ("fit is for upscale tasks");
    if ((uint64_t)spec->drop + spec->keep > spec->frames)
        return bad ("drop and keep are more than frames");
    if ((uint64_t)spec->first_frame + spec->keep > spec->shot_frames)
        return bad ("the chunk reaches beyond its shot");
    if ((spec->tail > 0) != spec->has_after || spec->tail != spec->drop)
        return bad ("tail, drop and after do not go together");
    if (spec->tail_out > spec->keep)
        return bad ("tail_out is more than keep");
    if (aut_decimal_parse (&guidance, spec->guidance, strlen (spec->guidance)))
        return bad ("guidance must be a number");
    return 0;
}

static int fill (aut_task_spec_t *out, const raw_t *raw)
{
    fill_numbers (out, raw);
    int err = fill_anchors (out, raw);
    if (!err)
        err = fill_lists (out, raw);
    if (!err)
        err = fill_rate (out, raw->rate);
    if (!err)
        err = fill_seed (out, raw->seed);
    if (err)
        return err;
    return out->kind == AUT_TASK_UPSCALE ? check_upscale (out) : check_counts (out);
}

/*  One text for one spec, or keys would not be unique. */
static int check_canonical (const aut_task_spec_t *spec, const char *text, size_t size)
{
    aut_buffer_t again = {0};
    aut_task_spec_write (spec, &again);
    bool same = again.size == size && memcmp (again.data, text, size) == 0;
    aut_buffer_clear (&again);
    return same ? 0 : bad ("not canonical");
}

int aut_task_spec_parse (aut_task_spec_t *out, const char *text, size_t size)
{
    aut_diags_t diags;
    raw_t raw = {0};
    *out = (aut_task_spec_t){0};
    if (size > AUT_TASK_SPEC_MAX)
        return bad ("too large");
    aut_diags_init (&diags, "task spec");
    out->arena = aut_arena_new ();
    int err = aut_source_parse_long (&out->source, &diags, text, size, MAX_STRING);
    if (out->source)
        aut_table_read (&spec_table, out->source, &diags, out->arena, aut_source_root (out->source),
                        &raw);
    if (diags.errors)
        err = aut_fail (AUT_ERR_INVALID, "task spec: %s: %s", diags.items[0].path,
                        diags.items[0].message);
    if (!err)
        err = fill (out, &raw);
    if (!err)
        err = check_canonical (out, text, size);
    aut_diags_clear (&diags);
    if (err)
        aut_task_spec_clear (out);
    return err;
}

void aut_task_spec_clear (aut_task_spec_t *self)
{
    aut_source_destroy (&self->source);
    aut_arena_destroy (&self->arena);
    *self = (aut_task_spec_t){0};
}
