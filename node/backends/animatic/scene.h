/*  What a shot's words say, as far as a drawing needs it.
 *
 *  A table of words (words.c) gives each one a meaning: a place, a time, a subject, a colour. The
 *  reader (read.c) goes over the prompt and the ingredients' descriptions, ties colours to the
 *  things they stand before, and decides. Unknown words, and text in other scripts, mean nothing;
 *  then the scene is a plain, lit stage.
 */
#ifndef AUT_NODE_BACKENDS_ANIMATIC_SCENE_H
#define AUT_NODE_BACKENDS_ANIMATIC_SCENE_H

#include <stddef.h>

#include "node/backends/animatic/layer.h"

#define ANM_FIGURES_MAX 4
#define ANM_THINGS_MAX 6

typedef enum {
    ANM_PLACE_STAGE, /* nothing said: a plain backdrop */
    ANM_PLACE_SEA,
    ANM_PLACE_COAST,
    ANM_PLACE_LAKE,
    ANM_PLACE_DESERT,
    ANM_PLACE_FOREST,
    ANM_PLACE_FIELD,
    ANM_PLACE_MOUNTAIN,
    ANM_PLACE_SNOW,
    ANM_PLACE_CITY,
    ANM_PLACE_STREET,
    ANM_PLACE_ROOM,
    ANM_PLACE_HALL,
    ANM_PLACE_STAIR,
    ANM_PLACE_SPACE,
    ANM_PLACE_DEEP, /* under water */
    ANM_PLACE_SKY,
    ANM_PLACE_COUNT
} anm_place_t;

typedef enum {
    ANM_TIME_DAY,
    ANM_TIME_DAWN,
    ANM_TIME_GOLDEN,
    ANM_TIME_DUSK,
    ANM_TIME_NIGHT,
    ANM_TIME_COUNT
} anm_time_t;

typedef enum {
    ANM_WEATHER_CLEAR,
    ANM_WEATHER_CLOUDY,
    ANM_WEATHER_FOG,
    ANM_WEATHER_RAIN,
    ANM_WEATHER_STORM,
    ANM_WEATHER_SNOW,
    ANM_WEATHER_COUNT
} anm_weather_t;

typedef enum {
    ANM_THING_NONE,
    ANM_THING_LIGHTHOUSE,
    ANM_THING_TOWER,
    ANM_THING_HOUSE,
    ANM_THING_CASTLE,
    ANM_THING_TREE,
    ANM_THING_BOAT,
    ANM_THING_SHIP,
    ANM_THING_CAR,
    ANM_THING_TRAIN,
    ANM_THING_PLANE,
    ANM_THING_BALLOON,
    ANM_THING_ROCKET,
    ANM_THING_BIRD,
    ANM_THING_FISH,
    ANM_THING_WHALE,
    ANM_THING_DOG,
    ANM_THING_CAT,
    ANM_THING_HORSE,
    ANM_THING_ROBOT,
    ANM_THING_LANTERN,
    ANM_THING_FIRE,
    ANM_THING_CANDLE,
    ANM_THING_LENS,
    ANM_THING_BOOK,
    ANM_THING_CUP,
    ANM_THING_FLOWER,
    ANM_THING_DOOR,
    ANM_THING_TABLE,
    ANM_THING_BRIDGE,
    ANM_THING_TENT,
    ANM_THING_PLANET,
    /* plain shapes */
    ANM_THING_CIRCLE,
    ANM_THING_SQUARE,
    ANM_THING_TRIANGLE,
    ANM_THING_STAR,
    ANM_THING_RING,
    ANM_THING_HEART,
    ANM_THING_BAR,
    ANM_THING_COUNT
} anm_thing_kind_t;

/*  Which way something goes. */
typedef enum {
    ANM_GOES_NOWHERE,
    ANM_GOES_LEFT,
    ANM_GOES_RIGHT,
    ANM_GOES_UP,
    ANM_GOES_DOWN,
    ANM_GOES_NEARER,
    ANM_GOES_AWAY,
    ANM_GOES_ACROSS /* some way sideways */
} anm_goes_t;

typedef enum {
    ANM_SIZE_EXTREME_WIDE,
    ANM_SIZE_WIDE,
    ANM_SIZE_FULL,
    ANM_SIZE_MEDIUM,
    ANM_SIZE_CLOSE,
    ANM_SIZE_EXTREME_CLOSE
} anm_size_t;

typedef enum { ANM_BUILD_MAN, ANM_BUILD_WOMAN, ANM_BUILD_CHILD } anm_build_t;

/*  Things a figure wears or carries. */
enum {
    ANM_WEARS_HAT = 1,
    ANM_WEARS_BEARD = 2,
    ANM_WEARS_COAT = 4,
    ANM_WEARS_DRESS = 8,
    ANM_WEARS_SCARF = 16,
    ANM_WEARS_HOOD = 32,
    ANM_WEARS_LONG_HAIR = 64,
    ANM_HOLDS_LANTERN = 128,
    ANM_HOLDS_UMBRELLA = 256,
    ANM_WEARS_PACK = 512,
    ANM_WEARS_HELMET = 1024,
    ANM_IS_BALD = 2048
};

typedef struct {
    anm_build_t build;
    unsigned wears;
    anm_rgb_t cloth, hair, skin, accent; /* coat or dress; hair or beard; skin; scarf, hat */
    anm_goes_t goes;
} anm_figure_t;

typedef struct {
    anm_thing_kind_t kind;
    bool coloured;
    anm_rgb_t color, accent;
    anm_goes_t goes;
    int many; /* how many of them, 1 as a rule */
} anm_thing_t;

typedef struct {
    anm_place_t place;
    anm_time_t time;
    anm_weather_t weather;
    anm_size_t size;
    double height;        /* of the camera: -1 low … +1 high */
    double roll;          /* radians */
    bool interior, plain; /* plain: shapes on a ground, nothing else */
    bool moon, stars, beam, lightning, crowd, window, wind;
    bool has_sky; /* a colour was named for the sky or the light */
    anm_rgb_t sky;
    bool has_ground; /* a colour was named for the ground behind everything */
    anm_rgb_t ground;
    int tints; /* colours of the style, at most 2: shadows, lights */
    anm_rgb_t tint[2];
    double saturation; /* 1: as it is; 0: grey */
    double contrast;   /* 1: as it is */
    int figures, things;
    anm_figure_t figure[ANM_FIGURES_MAX];
    anm_thing_t thing[ANM_THINGS_MAX];
    uint64_t seed;
} anm_scene_t;

typedef enum { ANM_CARD_CHARACTER, ANM_CARD_LOCATION, ANM_CARD_OBJECT, ANM_CARD_STYLE } anm_card_t;

/*  The text of one ingredient. */
typedef struct {
    anm_card_t type;
    const char *text;
} anm_words_t;

/*  Reads a scene from the shot's prompt (UTF-8) and its ingredients. A text that begins with INT.
 * or EXT. is a slugline: only its place and time count. `size` is the camera's; `seed` changes the
 *  composition. */
void anm_scene_read (anm_scene_t *scene, const char *prompt, const anm_words_t *cards, size_t count,
                     anm_size_t size, const char *angle, uint64_t seed);

/*  --- words.c --- */

typedef enum {
    ANM_WORD_NONE,
    ANM_WORD_COLOR,
    ANM_WORD_PLACE,
    ANM_WORD_TIME,
    ANM_WORD_WEATHER,
    ANM_WORD_THING,
    ANM_WORD_PERSON,
    ANM_WORD_WEAR,
    ANM_WORD_GOES,   /* a way: left, up … */
    ANM_WORD_MOTION, /* a verb: it moves by itself */
    ANM_WORD_GROUND, /* background, backdrop */
    ANM_WORD_NUMBER,
    ANM_WORD_SHADE, /* dark, pale: changes the colour after it */
    ANM_WORD_LOOK,  /* muted, vivid, noir: the whole picture's */
    ANM_WORD_EXTRA, /* moon, stars, beam … */
    ANM_WORD_ANGLE,
    ANM_WORD_INSIDE
} anm_word_kind_t;

typedef enum {
    ANM_EXTRA_MOON,
    ANM_EXTRA_STARS,
    ANM_EXTRA_BEAM,
    ANM_EXTRA_LIGHTNING,
    ANM_EXTRA_CROWD,
    ANM_EXTRA_WINDOW,
    ANM_EXTRA_WIND,
    ANM_EXTRA_PALETTE,
    ANM_EXTRA_SUN
} anm_extra_t;

typedef enum {
    ANM_LOOK_MUTED,
    ANM_LOOK_VIVID,
    ANM_LOOK_GREY,
    ANM_LOOK_SEPIA,
    ANM_LOOK_SOFT,
    ANM_LOOK_HARD
} anm_look_t;

typedef struct {
    const char *word;
    anm_word_kind_t kind;
    int value;  /* of the kind's enum; 0xRRGGBB for a colour */
    int weight; /* how surely a place or time is meant */
} anm_word_t;

/*  The meaning of a lower-case word, plural and -ing forms included; NULL if it has none. */
const anm_word_t *anm_word_find (const char *word);

anm_rgb_t anm_rgb (unsigned hex);

#endif
