/*  The specification of one task: everything that decides its frames, and nothing else. Its
 *  canonical text is what travels, and the SHA-256 of that text is the task's key.
 *
 *  Text: one JSON object, keys sorted, no spaces, integers and strings only (a seed and decimals
 *  are strings), hashes as 64 hex digits:
 *
 *  {"after":null|KEY, "camera":null|{"angle","move","size"},
 * "cards":[{"description","image","type"}], "chunk":N, "drop":N, "first_frame":N, "frames":N,
 * "guidance":"5", "height":N, "init":null|{"after":KEY}|{"image":HASH}, "keep":N,
 * "kind":"generate", "last":null|{"image":HASH},
 * "model":{"files":[{"hash","name"}],"id","revision"}, "negative":"", "prompt":"", "rate":[N,D],
 * "seed":"123", "shot_frames":N, "steps":N, "tail":N, "tail_out":N, "width":N}
 *
 *  `camera` and `cards` are there only for a backend that draws (the animatic): other models have
 *  camera words and ingredients in their prompt. For such a backend `init.image` and `last` stand
 *  in every chunk of a shot, for others only in the chunk that they touch (first, last).
 *
 *  A task of kind "upscale" enlarges the frames of the chunk that `after` is the key of: `frames`
 * of them, each by the model's factor and from there, or at once, to `width` × `height` by Lanczos.
 * It has one member more, "fit":"crop"|"pad", for frames of another shape. Everything else that
 * stands above is neutral in it, whatever the chunk's is.
 */
#ifndef AUT_LIB_FILM_TASK_H
#define AUT_LIB_FILM_TASK_H

#include "lib/core/buffer.h"
#include "lib/core/hash.h"
#include "lib/film/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUT_TASK_SPEC_MAX (8u << 20) /* bytes of a spec's text; most have fewer than 2,000 */
#define AUT_TASK_MAX_SIDE 8192       /* pixels */
#define AUT_TASK_MAX_FRAMES 100000   /* of one chunk */

typedef enum { AUT_INIT_NONE, AUT_INIT_IMAGE, AUT_INIT_AFTER } aut_init_kind_t;

#define AUT_TASK_KINDS(X) X (GENERATE, "generate") X (UPSCALE, "upscale")
#define AUT_TASK_KIND_ENUM(name, text) AUT_TASK_##name,
typedef enum { AUT_TASK_KINDS (AUT_TASK_KIND_ENUM) } aut_task_kind_t;
extern const char *const aut_task_kinds[]; /* their texts, NULL-terminated */

typedef struct {
    const char *name;
    aut_hash_t hash;
} aut_task_file_t;

typedef struct {
    int type; /* aut_ingredient_type_t */
    const char *description;
    bool has_image;
    aut_hash_t image;
} aut_card_t;

typedef struct {
    aut_task_kind_t kind;
    int fit; /* aut_fit_t: UPSCALE only */
    const char *model, *revision;
    const aut_task_file_t *files;
    size_t file_count;
    const char *prompt, *negative;
    uint64_t seed; /* the chunk's, below 2^63 */
    uint32_t width, height;
    aut_rational_t rate; /* native frames a second */
    uint32_t frames;     /* what one call makes, on the model's lattice */
    uint32_t drop;       /* leading ones that repeat the tail: not part of the result */
    uint32_t keep;       /* how many after them go on; drop + keep ≤ frames */
    uint32_t steps;
    const char *guidance; /* decimal text */
    uint32_t shot_frames; /* native frames of the whole shot, Σ keep */
    uint32_t first_frame; /* place of the first kept frame in the shot */
    uint32_t chunk;       /* index in the shot */
    bool has_camera;
    int camera_size, camera_move; /* aut_camera_size_t, aut_camera_move_t or -1 */
    const char *camera_angle;     /* or NULL */
    const aut_card_t *cards;      /* the shot's ingredients, in its order */
    size_t card_count;
    aut_init_kind_t init;
    aut_hash_t init_hash; /* the picture, or the key of the previous shot's last chunk */
    bool has_last;
    aut_hash_t last_hash;
    bool has_after; /* there is a predecessor whose tail, or frames, this task gets */
    aut_hash_t after;
    uint32_t tail;      /* how many frames of it it wants (the last ones); 0 without predecessor */
    uint32_t tail_out;  /* how many of its own last kept frames it leaves as its tail, ≤ keep */
    aut_arena_t *arena; /* owns the strings of a parsed spec, NULL otherwise */
    aut_source_t *source; /* same */
} aut_task_spec_t;

/*  Appends the canonical text. */
void aut_task_spec_write (const aut_task_spec_t *self, aut_buffer_t *out);

/*  The key of a spec's text. */
aut_hash_t aut_task_key (const char *text, size_t size);

/*  Reads a spec from outside: strict, bounded, and canonical (writing it again must give the same
 *  bytes). 0, or AUT_ERR_INVALID saying what is wrong. Free with aut_task_spec_clear. */
int aut_task_spec_parse (aut_task_spec_t *out, const char *text, size_t size);
void aut_task_spec_clear (aut_task_spec_t *self);

/*  Pictures that the spec needs, once each, in order: init, last, cards; at most `max` hashes are
 *  written to `out`. Returns how many there are. */
size_t aut_task_spec_images (const aut_task_spec_t *self, aut_hash_t *out, size_t max);

/*  A chunk's seed: be64 (SHA-256 (be64 (seed) ‖ shot id ‖ 0x00 ‖ be32 (chunk))[0..8]) >> 1. */
uint64_t aut_chunk_seed (uint64_t seed, const char *shot_id, uint32_t chunk);

#endif
