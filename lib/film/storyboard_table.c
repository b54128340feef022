/*  The storyboard format as tables: what `validate` checks and `schema` prints. */
#include "lib/film/storyboard.h"

#define TEXT_ITEM(name, text) text,
#define TEXTS(name, list) const char *const name[] = {list (TEXT_ITEM) NULL}

TEXTS (aut_ingredient_types, AUT_INGREDIENT_TYPES);
TEXTS (aut_camera_sizes, AUT_CAMERA_SIZES);
TEXTS (aut_camera_moves, AUT_CAMERA_MOVES);
TEXTS (aut_transition_types, AUT_TRANSITION_TYPES);
TEXTS (aut_directions, AUT_DIRECTIONS);
TEXTS (aut_codecs, AUT_CODECS);
TEXTS (aut_qualities, AUT_QUALITIES);
TEXTS (aut_upscales, AUT_UPSCALES);
TEXTS (aut_fits, AUT_FITS);
TEXTS (aut_burns, AUT_BURNS);
TEXTS (aut_temps, AUT_TEMPS);
static const char *const versions[] = {"1", NULL};
static const char *const init_from[] = {"previous", NULL};

#define MAX_INGREDIENTS 10000
#define MAX_SHOT_INGREDIENTS 64
#define MAX_TRACKS 256
#define MAX_SECONDS 600
#define MAX_FILM_SECONDS 604800
#define MIN_SIDE 16
#define MAX_SIDE 8192

#define COUNT(array) (sizeof (array) / sizeof *(array))
#define TABLE(title, type, fields)                                                                 \
    {                                                                                              \
        title, sizeof (type), false, fields, COUNT (fields), NULL, 0                               \
    }
#define TABLE_RULES(title, type, fields, rules)                                                    \
    {                                                                                              \
        title, sizeof (type), false, fields, COUNT (fields), rules, COUNT (rules)                  \
    }

/* clang-format off */
#define S(member) offsetof (aut_style_t, member)
static const aut_field_t style_fields[] = {
    {"prompt", AUT_FIELD_STRING, S (prompt), .doc = "Stands before every shot's prompt."},
    {"negative", AUT_FIELD_STRING, S (negative), .doc = "Appended to every negative prompt."},
};
static const aut_table_t style_table = TABLE ("style", aut_style_t, style_fields);

#define T(member) offsetof (aut_transition_t, member)
static const aut_field_t transition_fields[] = {
    {"type", AUT_FIELD_ENUM, T (type), .required = true, .names = aut_transition_types,
     .doc = "How the shot comes in."},
    {"duration", AUT_FIELD_NUMBER, T (duration), .min = 0, .max = MAX_SECONDS,
     .doc = "Seconds, at most half of either shot; not for a cut."},
    {"direction", AUT_FIELD_ENUM, T (direction), .names = aut_directions,
     .doc = "Where a wipe's edge moves.", .fallback = "right"},
};
static const aut_rule_t transition_rules[] = {{AUT_RULE_UNLESS, "duration", "type", "cut"}};
static const aut_table_t transition_table = TABLE_RULES ("a transition", aut_transition_t, transition_fields, transition_rules);

#define D(member) offsetof (aut_defaults_t, member)
static const aut_field_t defaults_fields[] = {
    {"model", AUT_FIELD_STRING, D (model), .pattern = AUT_PATTERN_TEXT, .limit = 256,
     .doc = "Model id.", .fallback = "the tier's model"},
    {"tier", AUT_FIELD_ENUM, D (tier), .names = aut_tiers, .doc = "Quality.",
     .fallback = "the best tier that ships with the build"},
    {"width", AUT_FIELD_INTEGER, D (width), .even = true, .min = MIN_SIDE, .max = MAX_SIDE,
     .doc = "The film's width in pixels.", .fallback = "the model's"},
    {"height", AUT_FIELD_INTEGER, D (height), .even = true, .min = MIN_SIDE, .max = MAX_SIDE,
     .doc = "The film's height in pixels.", .fallback = "the model's"},
    {"fps", AUT_FIELD_NUMBER, D (fps), .min = 1, .max = 240,
     .doc = "Frames a second; 23.976, 29.97 and 59.94 mean 24000/1001, 30000/1001 and 60000/1001.", .fallback = "24"},
    {"duration", AUT_FIELD_NUMBER, D (duration), .above_min = true, .min = 0, .max = MAX_SECONDS,
     .doc = "Seconds of a shot.", .fallback = "4"},
    {"steps", AUT_FIELD_INTEGER, D (steps), .min = 1, .max = 1000, .doc = "Sampling steps.", .fallback = "the model's"},
    {"guidance", AUT_FIELD_NUMBER, D (guidance), .min = 0, .max = 100, .doc = "Guidance scale.", .fallback = "the model's"},
    {"seed", AUT_FIELD_INTEGER, D (seed), .min = 0, .max = INT64_MAX, .doc = "Seed of the film.", .fallback = "0"},
    {"transition", AUT_FIELD_OBJECT, D (transition), .table = &transition_table,
     .doc = "Into every shot but the first.", .fallback = "a cut"},
};
static const aut_table_t defaults_table = TABLE ("defaults", aut_defaults_t, defaults_fields);

#define I(member) offsetof (aut_ingredient_t, member)
static const aut_field_t ingredient_fields[] = {
    {"id", AUT_FIELD_STRING, I (id), .required = true, .pattern = AUT_PATTERN_ID, .doc = "Unique among ingredients."},
    {"type", AUT_FIELD_ENUM, I (type), .required = true, .names = aut_ingredient_types, .doc = "What it is."},
    {"name", AUT_FIELD_STRING, I (name), .required = true, .doc = "For people, and before a character's description."},
    {"description", AUT_FIELD_STRING, I (description), .required = true, .doc = "Joins the prompts of its shots, word for word."},
    {"image", AUT_FIELD_STRING, I (image), .pattern = AUT_PATTERN_PATH, .doc = "A picture of it."},
};
static const aut_table_t ingredient_table = TABLE ("an ingredient", aut_ingredient_t, ingredient_fields);

#define C(member) offsetof (aut_camera_t, member)
static const aut_field_t camera_fields[] = {
    {"size", AUT_FIELD_ENUM, C (size), .names = aut_camera_sizes, .doc = "How much is seen."},
    {"angle", AUT_FIELD_STRING, C (angle), .limit = 1024, .doc = "From where, in words."},
    {"move", AUT_FIELD_ENUM, C (move), .names = aut_camera_moves, .doc = "How the camera moves."},
    {"notes", AUT_FIELD_STRING, C (notes), .limit = 4096, .doc = "More about the camera, in words."},
};
static const aut_table_t camera_table = TABLE ("a camera", aut_camera_t, camera_fields);

#define A(member) offsetof (aut_anchor_t, member)
static const aut_field_t init_fields[] = {
    {"from", AUT_FIELD_ENUM, A (from_previous), .names = init_from, .doc = "Start from the last frames of the shot before."},
    {"image", AUT_FIELD_STRING, A (image), .pattern = AUT_PATTERN_PATH, .doc = "Start from a picture."},
};
static const aut_rule_t init_rules[] = {{AUT_RULE_ONE_OF, "from", "image", NULL}};
static const aut_table_t init_table = TABLE_RULES ("init", aut_anchor_t, init_fields, init_rules);

static const aut_field_t last_fields[] = {
    {"image", AUT_FIELD_STRING, A (image), .required = true, .pattern = AUT_PATTERN_PATH, .doc = "End on a picture."},
};
static const aut_table_t last_table = TABLE ("last", aut_anchor_t, last_fields);

#define H(member) offsetof (aut_shot_t, member)
static const aut_field_t shot_fields[] = {
    {"id", AUT_FIELD_STRING, H (id), .required = true, .pattern = AUT_PATTERN_ID, .doc = "Unique among shots."},
    {"prompt", AUT_FIELD_STRING, H (prompt), .required = true, .pattern = AUT_PATTERN_TEXT, .doc = "What is seen."},
    {"negative", AUT_FIELD_STRING, H (negative), .doc = "What must not be seen."},
    {"duration", AUT_FIELD_NUMBER, H (duration), .above_min = true, .min = 0, .max = MAX_SECONDS,
     .doc = "Seconds.", .fallback = "defaults.duration"},
    {"camera", AUT_FIELD_OBJECT, H (camera), .table = &camera_table, .doc = "How it is filmed."},
    {"ingredients", AUT_FIELD_STRINGS, H (ingredient_ids), .limit = MAX_SHOT_INGREDIENTS,
     .doc = "Ids of ingredients; their descriptions join the prompt in this order."},
    {"seed", AUT_FIELD_INTEGER, H (seed), .min = 0, .max = INT64_MAX, .doc = "Seed of the shot.", .fallback = "defaults.seed"},
    {"model", AUT_FIELD_STRING, H (model), .pattern = AUT_PATTERN_TEXT, .limit = 256, .doc = "Model id.", .fallback = "defaults.model"},
    {"tier", AUT_FIELD_ENUM, H (tier), .names = aut_tiers, .doc = "Quality.", .fallback = "defaults.tier"},
    {"steps", AUT_FIELD_INTEGER, H (steps), .min = 1, .max = 1000, .doc = "Sampling steps.", .fallback = "defaults.steps"},
    {"guidance", AUT_FIELD_NUMBER, H (guidance), .min = 0, .max = 100, .doc = "Guidance scale.", .fallback = "defaults.guidance"},
    {"init", AUT_FIELD_OBJECT, H (init), .table = &init_table, .doc = "What the shot starts from."},
    {"last", AUT_FIELD_OBJECT, H (last), .table = &last_table, .doc = "What it ends on, where the model can."},
    {"transition", AUT_FIELD_OBJECT, H (transition), .table = &transition_table, .doc = "Into this shot.", .fallback = "defaults.transition"},
    {"dialogue", AUT_FIELD_STRING, H (dialogue), .doc = "Kept for subtitles."},
    {"sound", AUT_FIELD_STRING, H (sound), .doc = "Kept for sound."},
};
static const aut_table_t shot_table = TABLE ("a shot", aut_shot_t, shot_fields);

#define N(member) offsetof (aut_scene_t, member)
static const aut_field_t scene_fields[] = {
    {"id", AUT_FIELD_STRING, N (id), .required = true, .pattern = AUT_PATTERN_ID, .doc = "Unique among scenes."},
    {"slugline", AUT_FIELD_STRING, N (slugline), .doc = "Where and when; the chapter's title."},
    {"shots", AUT_FIELD_LIST, N (shots), .required = true, .table = &shot_table, .doc = "In the film's order."},
};
static const aut_table_t scene_table = TABLE ("a scene", aut_scene_t, scene_fields);

#define U(member) offsetof (aut_audio_t, member)
static const aut_field_t audio_fields[] = {
    {"file", AUT_FIELD_STRING, U (file), .pattern = AUT_PATTERN_PATH, .doc = "A sound file."},
    {"start", AUT_FIELD_NUMBER, U (start), .min = 0, .max = MAX_FILM_SECONDS, .doc = "Seconds of the film.", .fallback = "0"},
    {"gain_db", AUT_FIELD_NUMBER, U (gain_db), .min = -100, .max = 40, .doc = "Gain in dB.", .fallback = "0"},
    {"fade_in", AUT_FIELD_NUMBER, U (fade_in), .min = 0, .max = MAX_FILM_SECONDS, .doc = "Seconds.", .fallback = "0"},
    {"fade_out", AUT_FIELD_NUMBER, U (fade_out), .min = 0, .max = MAX_FILM_SECONDS, .doc = "Seconds.", .fallback = "0"},
    {"loop", AUT_FIELD_BOOL, U (loop), .doc = "Repeat it to the film's end.", .fallback = "false"},
    {"temp", AUT_FIELD_ENUM, U (temp), .names = aut_temps, .doc = "A stand-in for a sound that is not there yet."},
};
static const aut_rule_t audio_rules[] = {
    {AUT_RULE_ONE_OF, "file", "temp", NULL},    {AUT_RULE_NOT_WITH, "start", "temp", NULL},
    {AUT_RULE_NOT_WITH, "gain_db", "temp", NULL}, {AUT_RULE_NOT_WITH, "fade_in", "temp", NULL},
    {AUT_RULE_NOT_WITH, "fade_out", "temp", NULL}, {AUT_RULE_NOT_WITH, "loop", "temp", NULL},
};
static const aut_table_t audio_table = TABLE_RULES ("a track", aut_audio_t, audio_fields, audio_rules);

#define O(member) offsetof (aut_output_t, member)
static const aut_field_t output_fields[] = {
    {"codec", AUT_FIELD_ENUM, O (codec), .names = aut_codecs, .doc = "Of the film.", .fallback = "h264"},
    {"quality", AUT_FIELD_ENUM, O (quality), .names = aut_qualities, .doc = "Of the encoding.", .fallback = "by tier"},
    {"upscale", AUT_FIELD_ENUM, O (upscale), .names = aut_upscales, .doc = "Fitted into 1920x1080, 2560x1440 or 3840x2160."},
    {"fit", AUT_FIELD_ENUM, O (fit), .names = aut_fits, .doc = "When a shot's shape is not the film's.", .fallback = "crop"},
    {"burn_in", AUT_FIELD_FLAGS, O (burn_in), .names = aut_burns, .doc = "true, false or a list of what is written into the picture.",
     .fallback = "[]; for the animatic id, slugline, prompt, dialogue and timecode"},
    {"loudness", AUT_FIELD_NUMBER, O (loudness), .min = -70, .max = 0, .doc = "LUFS.", .fallback = "-16"},
};
static const aut_table_t output_table = TABLE ("output", aut_output_t, output_fields);

#define B(member) offsetof (aut_storyboard_t, member)
static const aut_field_t storyboard_fields[] = {
    {"storyboard", AUT_FIELD_ENUM, B (version), .required = true, .names = versions, .doc = "Format version."},
    {"$schema", AUT_FIELD_STRING, B (schema), .doc = "For editors; ignored."},
    {"project", AUT_FIELD_STRING, B (project), .required = true, .pattern = AUT_PATTERN_PROJECT, .doc = "Names the output folder."},
    {"title", AUT_FIELD_STRING, B (title), .doc = "For people."},
    {"style", AUT_FIELD_OBJECT, B (style), .table = &style_table, .doc = "Of the whole film."},
    {"defaults", AUT_FIELD_OBJECT, B (defaults), .table = &defaults_table, .doc = "For every shot."},
    {"ingredients", AUT_FIELD_LIST, B (ingredients), .table = &ingredient_table, .limit = MAX_INGREDIENTS,
     .doc = "Characters, locations, objects and styles that shots refer to."},
    {"scenes", AUT_FIELD_LIST, B (scenes), .required = true, .table = &scene_table, .limit = AUT_STORYBOARD_MAX_SHOTS,
     .doc = "At least one, with one shot."},
    {"audio", AUT_FIELD_LIST, B (audio), .table = &audio_table, .limit = MAX_TRACKS, .doc = "Tracks laid under the film."},
    {"output", AUT_FIELD_OBJECT, B (output), .table = &output_table, .doc = "How the film is delivered."},
};
static const aut_rule_t storyboard_rules[] = {{AUT_RULE_SOME, "scenes", "shots", "at least one scene with one shot"}};
static const aut_table_t storyboard_table = TABLE_RULES ("a storyboard", aut_storyboard_t, storyboard_fields, storyboard_rules);
/* clang-format on */

const aut_table_t *aut_storyboard_table (void)
{
    return &storyboard_table;
}
