/*  The storyboard: format 1, read and checked. A storyboard that is returned without errors can be
 *  planned. Immutable once read.
 */
#ifndef AUT_LIB_FILM_STORYBOARD_H
#define AUT_LIB_FILM_STORYBOARD_H

#include "lib/film/assets.h"
#include "lib/film/registry.h"
#include "lib/film/table.h"

#define AUT_STORYBOARD_MAX_SHOTS 100000

/*  X (name, text) */
#define AUT_INGREDIENT_TYPES(X)                                                                    \
    X (CHARACTER, "character")                                                                     \
    X (LOCATION, "location") X (OBJECT, "object") X (STYLE, "style")
#define AUT_CAMERA_SIZES(X)                                                                        \
    X (EXTREME_WIDE, "extreme-wide")                                                               \
    X (WIDE, "wide")                                                                               \
    X (FULL, "full")                                                                               \
    X (MEDIUM, "medium") X (CLOSE_UP, "close-up") X (EXTREME_CLOSE_UP, "extreme-close-up")
#define AUT_CAMERA_MOVES(X)                                                                        \
    X (STATIC, "static")                                                                           \
    X (PAN_LEFT, "pan-left")                                                                       \
    X (PAN_RIGHT, "pan-right")                                                                     \
    X (TILT_UP, "tilt-up")                                                                         \
    X (TILT_DOWN, "tilt-down")                                                                     \
    X (DOLLY_IN, "dolly-in")                                                                       \
    X (DOLLY_OUT, "dolly-out")                                                                     \
    X (TRACKING, "tracking")                                                                       \
    X (ZOOM_IN, "zoom-in") X (ZOOM_OUT, "zoom-out") X (HANDHELD, "handheld")
#define AUT_TRANSITION_TYPES(X)                                                                    \
    X (CUT, "cut") X (DISSOLVE, "dissolve") X (FADE, "fade") X (WIPE, "wipe")
#define AUT_DIRECTIONS(X) X (RIGHT, "right") X (LEFT, "left") X (UP, "up") X (DOWN, "down")
#define AUT_CODECS(X) X (H264, "h264") X (H265, "h265") X (PRORES, "prores") X (AV1, "av1")
#define AUT_QUALITIES(X) X (LOW, "low") X (MEDIUM, "medium") X (HIGH, "high")
#define AUT_UPSCALES(X) X (1080P, "1080p") X (2K, "2k") X (4K, "4k")
#define AUT_FITS(X) X (CROP, "crop") X (PAD, "pad")
#define AUT_BURNS(X)                                                                               \
    X (ID, "id")                                                                                   \
    X (SLUGLINE, "slugline")                                                                       \
    X (TIMECODE, "timecode")                                                                       \
    X (PROMPT, "prompt") X (DIALOGUE, "dialogue") X (SEED, "seed") X (MODEL, "model")
#define AUT_TEMPS(X) X (TONE, "tone") X (SILENCE, "silence")

#define AUT_INGREDIENT_ENUM(name, text) AUT_INGREDIENT_##name,
#define AUT_CAMERA_SIZE_ENUM(name, text) AUT_CAMERA_##name,
#define AUT_CAMERA_MOVE_ENUM(name, text) AUT_MOVE_##name,
#define AUT_TRANSITION_ENUM(name, text) AUT_TRANSITION_##name,
#define AUT_DIRECTION_ENUM(name, text) AUT_DIRECTION_##name,
#define AUT_CODEC_ENUM(name, text) AUT_CODEC_##name,
#define AUT_QUALITY_ENUM(name, text) AUT_QUALITY_##name,
#define AUT_UPSCALE_ENUM(name, text) AUT_UPSCALE_##name,
#define AUT_FIT_ENUM(name, text) AUT_FIT_##name,
#define AUT_BURN_ENUM(name, text) AUT_BURN_##name,
#define AUT_TEMP_ENUM(name, text) AUT_TEMP_##name,

/*  In structs these are `int`, and -1 means that the storyboard does not say. */
typedef enum { AUT_INGREDIENT_TYPES (AUT_INGREDIENT_ENUM) } aut_ingredient_type_t;
typedef enum { AUT_CAMERA_SIZES (AUT_CAMERA_SIZE_ENUM) } aut_camera_size_t;
typedef enum { AUT_CAMERA_MOVES (AUT_CAMERA_MOVE_ENUM) } aut_camera_move_t;
typedef enum { AUT_TRANSITION_TYPES (AUT_TRANSITION_ENUM) } aut_transition_type_t;
typedef enum { AUT_DIRECTIONS (AUT_DIRECTION_ENUM) } aut_direction_t;
typedef enum { AUT_CODECS (AUT_CODEC_ENUM) } aut_codec_t;
typedef enum { AUT_QUALITIES (AUT_QUALITY_ENUM) } aut_quality_t;
typedef enum { AUT_UPSCALES (AUT_UPSCALE_ENUM) } aut_upscale_t;
typedef enum { AUT_FITS (AUT_FIT_ENUM) } aut_fit_t;
typedef enum { AUT_BURNS (AUT_BURN_ENUM) } aut_burn_t; /* bit 1 << n in aut_output_t.burn_in */
typedef enum { AUT_TEMPS (AUT_TEMP_ENUM) } aut_temp_t;

/*  The texts of the enumerations above, in order, NULL-terminated. */
extern const char *const aut_ingredient_types[],
    *const aut_camera_sizes[], *const aut_camera_moves[],
                                   *const aut_transition_types[],
                                       *const aut_directions[],
                                           *const aut_codecs[], *const aut_qualities[],
                                                                    *const aut_upscales[],
                                                                        *const aut_fits[],
                                                                            *const aut_burns[],
                                                                                *const aut_temps[];

typedef struct {
    const aut_node_t *node;
    const char *prompt, *negative;
} aut_style_t;

typedef struct {
    const aut_node_t *node;
    int type;
    aut_decimal_t duration;
    int direction;
} aut_transition_t;

typedef struct {
    const aut_node_t *node;
    const char *model;
    int tier;
    aut_decimal_t width, height, fps, duration, steps, guidance, seed;
    aut_transition_t transition;
} aut_defaults_t;

typedef struct {
    const aut_node_t *node;
    const char *id;
    int type;
    const char *name, *description, *image;
    aut_hash_t image_hash; /* zero without image or resolver */
} aut_ingredient_t;

typedef struct {
    const aut_node_t *node;
    int size, move;
    const char *angle, *notes;
} aut_camera_t;

typedef struct {
    const aut_node_t *node; /* NULL: no init or last */
    int from_previous;      /* 1: starts from the tail of the shot before; else -1 */
    const char *image;
    aut_hash_t image_hash;
} aut_anchor_t;

typedef struct {
    const aut_node_t *node;
    const char *id, *prompt, *negative;
    aut_decimal_t duration;
    aut_camera_t camera;
    aut_list_t ingredient_ids; /* const char * */
    aut_decimal_t seed, steps, guidance;
    const char *model;
    int tier;
    aut_anchor_t init, last;
    aut_transition_t transition;
    const char *dialogue, *sound;
    /* found by the check */
    const aut_ingredient_t **ingredients; /* ingredient_ids.count of them */
    size_t scene;                         /* index in the storyboard's scenes */
} aut_shot_t;

typedef struct {
    const aut_node_t *node;
    const char *id, *slugline;
    aut_list_t shots;  /* aut_shot_t */
    size_t first_shot; /* index in the film */
} aut_scene_t;

typedef struct {
    const aut_node_t *node;
    const char *file;
    aut_decimal_t start, gain_db, fade_in, fade_out;
    int loop; /* 1, 0 or -1 */
    int temp; /* aut_temp_t or -1 */
    aut_hash_t hash;
} aut_audio_t;

typedef struct {
    const aut_node_t *node;
    int codec, quality, upscale, fit;
    aut_flags_t burn_in; /* not set: the default by tier */
    aut_decimal_t loudness;
} aut_output_t;

typedef struct {
    const aut_node_t *node;
    int version;
    const char *schema, *project, *title;
    aut_style_t style;
    aut_defaults_t defaults;
    aut_list_t ingredients; /* aut_ingredient_t */
    aut_list_t scenes;      /* aut_scene_t */
    aut_list_t audio;       /* aut_audio_t */
    aut_output_t output;
    /* found by the check */
    aut_shot_t **shots; /* the film's, in order */
    size_t shot_count;
    aut_rational_t rate; /* film frames a second */
    aut_decimal_t fps;   /* the number written, or 24 */
    const aut_source_t *source;
} aut_storyboard_t;

/*  Reads and checks `size` bytes of storyboard against the manifests in `registry`, adding every
 *  error and warning to `diags` (prepared by aut_diags_init, sorted on return). `assets` resolves
 *  pictures and sounds; NULL leaves them unopened, with zero hashes. 0 and the storyboard, which
 *  the caller destroys, or AUT_ERR_INVALID and NULL. `data` and `registry` are not kept. Pure but
 *  for the resolver. */
int aut_storyboard_read (aut_storyboard_t **out, aut_diags_t *diags, const char *data, size_t size,
                         const aut_registry_t *registry, const aut_assets_t *assets);
void aut_storyboard_destroy (aut_storyboard_t **self_p);

/*  The transition into shot `index` with the default applied: never NULL. The first shot's is its
 *  own or a cut. */
const aut_transition_t *aut_storyboard_transition (const aut_storyboard_t *self, size_t index);
/*  Seconds of shot `index`, with defaults applied. */
aut_decimal_t aut_storyboard_duration (const aut_storyboard_t *self, size_t index);

/*  Every file that the storyboard names, once each, sorted; `out` items are borrowed, the array is
 *  the caller's to free. For clients that upload them. */
typedef struct {
    const char *path;
    aut_asset_kind_t kind;
    aut_hash_t hash;
} aut_asset_ref_t;
size_t aut_storyboard_assets (const aut_storyboard_t *self, aut_asset_ref_t **out);

/*  The table of the format, for `auteur schema`. */
const aut_table_t *aut_storyboard_table (void);

#endif
