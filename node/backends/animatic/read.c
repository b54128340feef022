#include "node/backends/animatic/scene.h"

#include <ctype.h>
#include <string.h>

#include "lib/core/mem.h"

#define WORD_MAX_BYTES 24
#define REACH 3 /* words that may stand between a colour and what it colours */

typedef struct {
    char text[WORD_MAX_BYTES];
    const anm_word_t *means;
    bool ends; /* a phrase ends after it */
} token_t;

/*  What is known while one text is read. */
typedef struct {
    anm_scene_t *scene;
    int weight; /* how much this text counts for place, time and weather */
    bool is_character, is_object, is_slug, has_characters;
    int place[ANM_PLACE_COUNT], time[ANM_TIME_COUNT], weather[ANM_WEATHER_COUNT];
    int places;      /* named so far: of two that are equally sure the first is meant */
    anm_rgb_t color; /* waiting for what it colours */
    int color_age;   /* words since; -1: none waits */
    double shade;
    anm_rgb_t phrase[2]; /* colours of this phrase, for a palette */
    int phrase_colors;
    int number;
    unsigned pending;     /* worn by the next figure: "a bearded king" */
    bool moving;          /* a verb of motion stood in this phrase */
    anm_figure_t *figure; /* the last one named */
    anm_thing_t *thing;
    anm_goes_t *goes; /* of whichever was last */
} reader_t;

static anm_rgb_t shaded (anm_rgb_t c, double by)
{
    float k = (float)(by / 100.0);
    if (k < 0)
        return (anm_rgb_t){c.r * (1 + k), c.g * (1 + k), c.b * (1 + k)};
    return (anm_rgb_t){c.r + (1 - c.r) * k, c.g + (1 - c.g) * k, c.b + (1 - c.b) * k};
}

/*  The next word from `*at` on: lower case, letters only. False at the end. */
static bool next_token (const char **at, token_t *token)
{
    const char *p = *at;
    size_t size = 0;
    while (*p != '\0' && !isascii ((unsigned char)*p))
        p++;
    while (*p != '\0' && !(isascii ((unsigned char)*p) && isalpha ((unsigned char)*p)))
        p++;
    if (*p == '\0')
        return false;
    for (; isascii ((unsigned char)*p) && isalpha ((unsigned char)*p); p++)
        if (size + 1 < sizeof token->text)
            token->text[size++] = (char)(*p | 0x20);
    token->text[size] = '\0';
    while (*p == '\'' || (p[0] == 's' && p > *at && p[-1] == '\''))
        p++;
    token->ends = *p != '\0' && strchr (",.;:()!?\n", *p) != NULL;
    token->means = anm_word_find (token->text);
    *at = p;
    return true;
}

static bool take_color (reader_t *r, anm_rgb_t *out)
{
    if (r->color_age < 0)
        return false;
    *out = r->color;
    r->color_age = -1;
    return true;
}

static anm_figure_t *add_figure (reader_t *r, anm_build_t build)
{
    static const unsigned skins[] = {0xe9bd98, 0xd9a178, 0xb97f56, 0x8a5a3c, 0xf0cdb0};
    static const unsigned hairs[] = {0x2a211d, 0x4d3323, 0x6b4a2e, 0x1d1b20, 0x8a5a30};
    static const unsigned cloths[] = {0x364a63, 0x6b4038, 0x4c5a44, 0x57496b, 0x3d4348};
    static const unsigned accents[] = {0xb5483a, 0x33415a, 0x5f4a36, 0xc08a3a, 0x4a5a52};
    anm_scene_t *s = r->scene;
    if (s->figures >= ANM_FIGURES_MAX)
        return NULL;
    anm_figure_t *f = &s->figure[s->figures];
    uint64_t seed = anm_mix (s->seed, 40 + (uint64_t)s->figures++);
    memset (f, 0, sizeof *f);
    f->build = build;
    f->skin = anm_rgb (skins[seed % 5]);
    f->hair = anm_rgb (hairs[(seed >> 8) % 5]);
    f->cloth = anm_rgb (cloths[(seed >> 16) % 5]);
    f->accent = anm_rgb (accents[(seed >> 24) % 5]);
    f->wears = r->pending | (build == ANM_BUILD_WOMAN ? ANM_WEARS_LONG_HAIR : 0);
    r->pending = 0;
    r->figure = f;
    r->goes = &f->goes;
    r->thing = NULL;
    return f;
}

static bool is_pronoun (const char *w)
{
    static const char *const all[] = {"he", "him", "she", "her", "someone", "somebody"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp (w, all[i]) == 0)
            return true;
    return false;
}

/*  "camels", but not "ruined" or a word that is in the table as it stands. */
static bool is_plural (const token_t *t)
{
    size_t size = strlen (t->text);
    return size > 1 && t->text[size - 1] == 's' && strcmp (t->text, t->means->word) != 0;
}

static bool several (const token_t *t)
{
    static const char *const all[] = {"children", "kids", "men", "women"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp (t->text, all[i]) == 0)
            return true;
    return is_plural (t);
}

static void read_person (reader_t *r, const token_t *t)
{
    anm_build_t build = (anm_build_t)t->means->value;
    bool woman = build == ANM_BUILD_WOMAN;
    if (r->is_object)
        return;
    if (r->is_character || r->has_characters || is_pronoun (t->text)) {
        if (r->figure == NULL && r->scene->figures > 0)
            r->figure = &r->scene->figure[0];
        if (r->figure != NULL) {
            if (r->is_character && !is_pronoun (t->text))
                r->figure->build = build;
            if (woman)
                r->figure->wears |= ANM_WEARS_LONG_HAIR;
            r->goes = &r->figure->goes;
            return;
        }
    }
    int n = r->number > 1 ? r->number : several (t) ? 2 : 1;
    if (n > ANM_FIGURES_MAX)
        r->scene->crowd = true;
    for (int i = 0; i < n && i < ANM_FIGURES_MAX; i++)
        add_figure (r, build);
}

static void read_thing (reader_t *r, anm_thing_kind_t kind, bool plural)
{
    anm_scene_t *s = r->scene;
    if (r->is_character)
        return;
    for (int i = 0; i < s->things; i++)
        if (s->thing[i].kind == kind && kind < ANM_THING_CIRCLE) {
            r->thing = &s->thing[i];
            r->goes = &r->thing->goes;
            r->color_age = -1;
            return;
        }
    if (s->things >= ANM_THINGS_MAX)
        return;
    anm_thing_t *t = &s->thing[s->things++];
    memset (t, 0, sizeof *t);
    t->kind = kind;
    t->many = r->number > 1 ? r->number : plural ? 3 : 1;
    t->coloured = take_color (r, &t->color);
    t->accent = anm_rgb (0xb53a32);
    r->thing = t;
    r->figure = NULL;
    r->goes = &t->goes;
}

static void read_wear (reader_t *r, unsigned what)
{
    anm_rgb_t c;
    anm_figure_t *f = r->figure;
    if (f == NULL && r->scene->figures > 0)
        f = &r->scene->figure[0];
    if (f == NULL && what == ANM_HOLDS_LANTERN) {
        read_thing (r, ANM_THING_LANTERN, false);
        return;
    }
    if (f == NULL) {
        r->pending |= what;
        return;
    }
    f->wears |= what;
    if (what == ANM_WEARS_HELMET && !r->is_character) /* "two soldiers with helmets" */
        for (int i = 0; i < r->scene->figures; i++)
            r->scene->figure[i].wears |= what;
    if (!take_color (r, &c))
        return;
    if (what == ANM_WEARS_BEARD || what == ANM_WEARS_LONG_HAIR)
        f->hair = c;
    else if (what == ANM_WEARS_COAT || what == ANM_WEARS_DRESS || what == ANM_WEARS_HOOD)
        f->cloth = c;
    else if (what != ANM_HOLDS_LANTERN)
        f->accent = c;
}

static void read_extra (reader_t *r, anm_extra_t extra)
{
    anm_scene_t *s = r->scene;
    if (r->is_character)
        return;
    s->moon |= extra == ANM_EXTRA_MOON;
    s->stars |= extra == ANM_EXTRA_STARS;
    s->beam |= extra == ANM_EXTRA_BEAM;
    s->lightning |= extra == ANM_EXTRA_LIGHTNING;
    s->crowd |= extra == ANM_EXTRA_CROWD;
    s->window |= extra == ANM_EXTRA_WINDOW;
    s->wind |= extra == ANM_EXTRA_WIND;
    if (extra == ANM_EXTRA_MOON || extra == ANM_EXTRA_STARS)
        r->time[ANM_TIME_NIGHT] += r->weight;
    if (extra == ANM_EXTRA_PALETTE && r->phrase_colors > 0 && s->tints == 0) {
        for (int i = 0; i < r->phrase_colors; i++)
            s->tint[s->tints++] = r->phrase[i];
        r->color_age = -1;
    }
}

static void read_look (anm_scene_t *s, anm_look_t look)
{
    switch (look) {
    case ANM_LOOK_MUTED:
        s->saturation *= 0.84;
        break;
    case ANM_LOOK_VIVID:
        s->saturation *= 1.25;
        break;
    case ANM_LOOK_GREY:
        s->saturation = 0;
        break;
    case ANM_LOOK_SEPIA:
        s->saturation *= 0.4;
        s->tint[0] = anm_rgb (0x4a3420);
        s->tint[1] = anm_rgb (0xe6c48c);
        s->tints = 2;
        break;
    case ANM_LOOK_SOFT:
        s->contrast *= 0.93;
        break;
    case ANM_LOOK_HARD:
        s->contrast *= 1.08;
        break;
    }
}

static void read_color (reader_t *r, const anm_word_t *w)
{
    r->color = shaded (anm_rgb ((unsigned)w->value), r->shade);
    r->color_age = 0;
    r->shade = 0;
    if (r->phrase_colors < 2)
        r->phrase[r->phrase_colors++] = r->color;
}

/*  A way only counts after a verb of motion ("moves right"), or is one itself ("climbs"). */
static void read_way (reader_t *r, const token_t *t)
{
    bool bare = strcmp (t->text, "left") == 0 || strcmp (t->text, "right") == 0 ||
                strcmp (t->text, "up") == 0 || strcmp (t->text, "down") == 0 ||
                strcmp (t->text, "away") == 0 || strcmp (t->text, "across") == 0 ||
                strncmp (t->text, "toward", 6) == 0;
    if (r->goes != NULL && (r->moving || !bare) && !r->is_character)
        *r->goes = (anm_goes_t)t->means->value;
    r->moving |= !bare;
}

static void read_place (reader_t *r, const token_t *t)
{
    anm_rgb_t c;
    int place = t->means->value;
    if (r->is_character || r->is_object)
        return;
    if (strcmp (t->text, "square") == 0 && r->color_age == 1) {
        read_thing (r, ANM_THING_SQUARE, false);
        return;
    }
    if (!r->is_slug &&
        (strstr (t->text, "stronaut") != NULL || strcmp (t->text, "cosmonaut") == 0 ||
         strncmp (t->text, "diver", 5) == 0) &&
        !r->has_characters) {
        anm_figure_t *f = add_figure (r, ANM_BUILD_MAN);
        if (f != NULL) {
            f->wears = ANM_WEARS_HELMET;
            f->cloth = anm_rgb (place == ANM_PLACE_SPACE ? 0xdfe2e4 : 0x2a3440);
        }
    }
    anm_goes_t *goes = r->goes;
    r->place[place] += 16 * r->weight * t->means->weight - (r->places < 15 ? r->places++ : 15);
    if (place == ANM_PLACE_SKY && take_color (r, &c)) {
        r->scene->has_sky = true;
        r->scene->sky = c;
    }
    r->color_age = -1;
    r->goes = r->figure != NULL && goes == &r->figure->goes ? goes : NULL;
}

static void read_time (reader_t *r, const anm_word_t *w)
{
    anm_rgb_t c;
    if (r->is_character || r->is_object)
        return;
    if (strcmp (w->word, "hour") == 0 && r->color_age != 1)
        return; /* only the golden one is a light */
    r->time[w->value] += r->weight * w->weight;
    if (strcmp (w->word, "noir") == 0)
        r->scene->saturation = 0;
    if (w->weight > 1 && take_color (r, &c)) {
        r->scene->has_sky = true;
        r->scene->sky = c;
    }
    r->goes = NULL;
}

static void read_angle (anm_scene_t *s, int value)
{
    if (value == 3)
        s->roll = 0.085;
    else
        s->height = value == 2 ? 1.0 : 0.62 * value;
}

static void read_rest (reader_t *r, const token_t *t, const token_t *next)
{
    const anm_word_t *w = t->means;
    switch (w->kind) {
    case ANM_WORD_WEATHER:
        if (next != NULL && next->means != NULL && next->means->kind == ANM_WORD_PLACE &&
            next->means->value == ANM_PLACE_MOUNTAIN)
            break; /* snowy peaks are no snowfall */
        if (!r->is_character && !r->is_object)
            r->weather[w->value] += r->weight * w->weight;
        r->goes = NULL;
        break;
    case ANM_WORD_GOES:
        read_way (r, t);
        break;
    case ANM_WORD_MOTION:
        r->moving = true;
        if (r->goes != NULL && *r->goes == ANM_GOES_NOWHERE && !r->is_character)
            *r->goes = ANM_GOES_ACROSS;
        break;
    case ANM_WORD_GROUND:
        if (!r->is_character)
            r->scene->has_ground |= take_color (r, &r->scene->ground);
        break;
    case ANM_WORD_SHADE:
        if (next != NULL && next->means != NULL && next->means->kind == ANM_WORD_COLOR)
            r->shade = w->value;
        break;
    case ANM_WORD_LOOK:
        if (!r->is_character && !r->is_object)
            read_look (r->scene, (anm_look_t)w->value);
        break;
    case ANM_WORD_EXTRA:
        read_extra (r, (anm_extra_t)w->value);
        break;
    case ANM_WORD_ANGLE:
        if (next != NULL && (strcmp (next->text, "angle") == 0 || strcmp (next->text, "shot") == 0))
            read_angle (r->scene, w->value);
        break;
    case ANM_WORD_INSIDE:
        r->place[w->value ? ANM_PLACE_ROOM : ANM_PLACE_FIELD] += 8;
        break;
    default:
        break;
    }
}

static void read_word (reader_t *r, const token_t *t, const token_t *next)
{
    const anm_word_t *w = t->means;
    if (r->is_slug && w->kind != ANM_WORD_PLACE && w->kind != ANM_WORD_TIME &&
        w->kind != ANM_WORD_INSIDE && w->kind != ANM_WORD_WEATHER)
        return;
    bool qualifies =
        next != NULL && !t->ends && next->means != NULL && next->means->kind == ANM_WORD_PERSON;
    bool colors_next = next != NULL && next->means != NULL && next->means->kind == ANM_WORD_COLOR;
    bool of_things = next != NULL && strcmp (next->text, "of") == 0;
    if (strcmp (w->word, "couple") == 0 && !of_things && !r->is_character && !r->has_characters) {
        add_figure (r, ANM_BUILD_MAN);
        add_figure (r, ANM_BUILD_WOMAN);
    } else if (w->kind == ANM_WORD_NUMBER) {
        r->number = w->weight > 0 ? w->value : r->number;
    } else if (w->kind == ANM_WORD_COLOR) {
        read_color (r, w);
    } else if (w->kind == ANM_WORD_PERSON) {
        read_person (r, t);
    } else if (w->kind == ANM_WORD_WEAR) {
        read_wear (r, (unsigned)w->value);
    } else if (w->kind == ANM_WORD_PLACE && !qualifies) {
        read_place (r, t);
    } else if (w->kind == ANM_WORD_TIME && colors_next && strcmp (t->text, "dark") == 0) {
        r->shade = -30;
    } else if (w->kind == ANM_WORD_TIME) {
        read_time (r, w);
    } else if (w->kind == ANM_WORD_EXTRA && w->value == ANM_EXTRA_STARS && r->color_age >= 0) {
        read_thing (r, ANM_THING_STAR, true);
    } else if (w->kind == ANM_WORD_THING && !qualifies) {
        if (w->value == ANM_THING_STAR && r->color_age < 0)
            read_extra (r, ANM_EXTRA_STARS);
        else
            read_thing (r, (anm_thing_kind_t)w->value, is_plural (t));
    } else {
        read_rest (r, t, next);
    }
    if (w->kind != ANM_WORD_NUMBER && w->kind != ANM_WORD_COLOR && w->kind != ANM_WORD_SHADE)
        r->number = 1;
}

/*  A colour that found nothing to colour belongs to the thing before it: "with a red roof". */
static void age_color (reader_t *r, bool ends)
{
    if (r->color_age < 0)
        return;
    if (!ends && r->color_age++ < REACH)
        return;
    if (r->thing != NULL && r->phrase_colors > 0)
        r->thing->accent = r->color;
    r->color_age = -1;
}

/*  Who moves when nobody was named in this phrase: the first character, whose name is no word. */
static anm_goes_t *usual_mover (const reader_t *r)
{
    bool named = r->has_characters && !r->is_character && !r->is_object && r->weight >= 3;
    return named && r->scene->figures > 0 ? &r->scene->figure[0].goes : NULL;
}

static void read_text (reader_t *r, const char *text)
{
    const char *at = text;
    token_t t, next;
    bool more = next_token (&at, &next);
    r->color_age = -1;
    r->number = 1;
    r->phrase_colors = 0;
    r->moving = false;
    r->thing = NULL;
    r->goes = usual_mover (r);
    while (more) {
        t = next;
        more = next_token (&at, &next);
        if (t.means != NULL)
            read_word (r, &t, more ? &next : NULL);
        age_color (r, t.ends || !more);
        if (t.ends) {
            r->phrase_colors = 0;
            r->moving = false;
            r->goes = usual_mover (r);
        }
    }
    if (r->pending != 0 && r->scene->figures == 0 && !r->is_object)
        add_figure (r, ANM_BUILD_MAN); /* only clothes were named */
    r->pending = 0;
}

static int best (const int *score, int count, int fallback)
{
    int top = fallback;
    for (int i = 0; i < count; i++)
        if (score[i] > (top < 0 ? 0 : score[top]))
            top = i;
    return top;
}

static void read_character (reader_t *r, const char *text)
{
    anm_figure_t *f = add_figure (r, ANM_BUILD_MAN);
    if (f == NULL)
        return;
    r->is_character = true;
    if (strstr (text, "old ") != NULL || strstr (text, "elderly") != NULL)
        f->hair = anm_rgb (0xc9c6c0);
    read_text (r, text);
    r->is_character = false;
    r->has_characters = true;
}

/*  Where a lighthouse, ship or car stands when no place is named. */
static anm_place_t place_of_things (const anm_scene_t *s)
{
    for (int i = 0; i < s->things; i++) {
        switch (s->thing[i].kind) {
        case ANM_THING_LIGHTHOUSE:
            return ANM_PLACE_COAST;
        case ANM_THING_BOAT:
        case ANM_THING_SHIP:
        case ANM_THING_WHALE:
            return ANM_PLACE_SEA;
        case ANM_THING_FISH:
            return ANM_PLACE_DEEP;
        case ANM_THING_CAR:
            return ANM_PLACE_STREET;
        case ANM_THING_BIRD:
        case ANM_THING_PLANE:
        case ANM_THING_BALLOON:
            return ANM_PLACE_SKY;
        case ANM_THING_ROCKET:
        case ANM_THING_PLANET:
            return ANM_PLACE_SPACE;
        case ANM_THING_HOUSE:
        case ANM_THING_CASTLE:
        case ANM_THING_TOWER:
        case ANM_THING_TREE:
        case ANM_THING_TRAIN:
        case ANM_THING_BRIDGE:
        case ANM_THING_TENT:
        case ANM_THING_HORSE:
            return ANM_PLACE_FIELD;
        case ANM_THING_TABLE:
        case ANM_THING_CANDLE:
        case ANM_THING_LENS:
            return ANM_PLACE_ROOM;
        default:
            break;
        }
    }
    return s->window ? ANM_PLACE_ROOM : ANM_PLACE_STAGE;
}

/*  Inside a castle one does not see the castle. */
static void drop_buildings (anm_scene_t *s)
{
    int kept = 0;
    for (int i = 0; i < s->things; i++) {
        anm_thing_kind_t k = s->thing[i].kind;
        if (k == ANM_THING_LIGHTHOUSE || k == ANM_THING_TOWER || k == ANM_THING_HOUSE ||
            k == ANM_THING_CASTLE || k == ANM_THING_BRIDGE || k == ANM_THING_TREE)
            continue;
        s->thing[kept++] = s->thing[i];
    }
    s->things = kept;
}

static void decide (reader_t *r)
{
    anm_scene_t *s = r->scene;
    bool shapes = false;
    for (int i = 0; i < s->things; i++)
        shapes |= s->thing[i].kind >= ANM_THING_CIRCLE;
    s->place = (anm_place_t)best (r->place, ANM_PLACE_COUNT, ANM_PLACE_STAGE);
    /* a sky alone is no place when something stands under it */
    anm_place_t by_things = place_of_things (s);
    if (s->place == ANM_PLACE_STAGE ||
        (s->place == ANM_PLACE_SKY && by_things != ANM_PLACE_STAGE) ||
        (s->place == ANM_PLACE_SEA && by_things == ANM_PLACE_COAST))
        s->place = by_things;
    if (s->place == ANM_PLACE_FIELD && r->weather[ANM_WEATHER_SNOW] > 0)
        s->place = ANM_PLACE_SNOW;
    s->plain = shapes && s->place == ANM_PLACE_STAGE && s->figures == 0;
    s->interior =
        s->place == ANM_PLACE_ROOM || s->place == ANM_PLACE_HALL || s->place == ANM_PLACE_STAIR;
    if (s->interior)
        drop_buildings (s);
    int usual = s->interior ? ANM_TIME_DUSK : ANM_TIME_DAY;
    s->time = (anm_time_t)best (r->time, ANM_TIME_COUNT, -1);
    if (r->time[ANM_TIME_NIGHT] > 0 && r->time[s->time] == r->time[ANM_TIME_NIGHT])
        s->time = ANM_TIME_NIGHT;
    if ((int)s->time < 0)
        s->time = (anm_time_t)usual;
    s->weather = (anm_weather_t)best (r->weather, ANM_WEATHER_COUNT, ANM_WEATHER_CLEAR);
    s->wind |= s->weather == ANM_WEATHER_STORM;
    s->stars |= s->time == ANM_TIME_NIGHT;
    s->moon |= s->time == ANM_TIME_NIGHT;
    if (s->crowd && s->figures == 0)
        for (int i = 0; i < 4; i++)
            add_figure (r, (anm_build_t)(anm_mix (s->seed, (uint64_t)i) % 2));
}

static uint64_t text_hash (uint64_t seed, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != 0; p++)
        seed = (seed ^ *p) * UINT64_C (0x100000001b3);
    return anm_mix (seed, 1);
}

void anm_scene_read (anm_scene_t *scene, const char *prompt, const anm_words_t *cards, size_t count,
                     anm_size_t size, const char *angle, uint64_t seed)
{
    reader_t r = {.scene = scene, .color_age = -1};
    memset (scene, 0, sizeof *scene);
    scene->saturation = scene->contrast = 1;
    scene->size = size;
    scene->seed = text_hash (UINT64_C (0xcbf29ce484222325) ^ seed, prompt);
    for (size_t i = 0; i < count; i++)
        scene->seed = text_hash (scene->seed, cards[i].text);
    for (size_t i = 0; i < count; i++)
        if (cards[i].type == ANM_CARD_CHARACTER)
            read_character (&r, cards[i].text);
    r.figure = NULL;
    r.weight = 3;
    read_text (&r, prompt);
    if (strstr (prompt, "lack and white") != NULL || strstr (prompt, "lack-and-white") != NULL)
        scene->saturation = 0;
    for (size_t i = 0; i < count; i++) {
        r.weight = cards[i].type == ANM_CARD_LOCATION ? 2 : 1;
        r.is_object = cards[i].type == ANM_CARD_OBJECT;
        r.is_slug =
            strncmp (cards[i].text, "INT", 3) == 0 || strncmp (cards[i].text, "EXT", 3) == 0;
        r.figure = NULL;
        if (cards[i].type != ANM_CARD_CHARACTER)
            read_text (&r, cards[i].text);
    }
    if (angle != NULL) {
        const char *at = angle;
        token_t t;
        while (next_token (&at, &t))
            if (t.means != NULL && t.means->kind == ANM_WORD_ANGLE)
                read_angle (scene, t.means->value);
    }
    decide (&r);
}
