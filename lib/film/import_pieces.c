/*  How long a text takes, and where it is divided. The figures and their reasons are in
 *  docs/import.md.
 */
#include "lib/film/import_internal.h"
#include "lib/film/letters.h"

#include <string.h>

#define MAX_PIECE_BYTES 2000u

/* ---- time -------------------------------------------------------------------------------------
 */

#define ACTION_HALF_WORDS 6u /* a second: three words */
#define SPEECH_HALF_WORDS 5u /* a second: 150 words a minute */
#define ACTION_LEAST 20
#define ACTION_MOST 150
#define SPEECH_MOST 6000
#define SPEECH_AROUND 10 /* a second: before and after */
#define PAUSE 10

static int bounded (uint64_t tenths, int least, int most)
{
    tenths = (tenths + 4) / 5 * 5;
    if (tenths > (uint64_t)most)
        return most;
    return tenths < (uint64_t)least ? least : (int)tenths;
}

int aut_action_tenths (uint32_t half_words)
{
    return bounded (((uint64_t)half_words * 10 + ACTION_HALF_WORDS - 1) / ACTION_HALF_WORDS,
                    ACTION_LEAST, ACTION_MOST);
}

int aut_speech_tenths (uint32_t half_words, bool sung, uint32_t pauses)
{
    uint64_t tenths = ((uint64_t)half_words * 10 + SPEECH_HALF_WORDS - 1) / SPEECH_HALF_WORDS;
    return bounded (tenths * (sung ? 2 : 1) + SPEECH_AROUND + (uint64_t)pauses * PAUSE,
                    ACTION_LEAST, SPEECH_MOST);
}

/* ---- pieces -----------------------------------------------------------------------------------
 */

/*  A walk over a text that counts. */
typedef struct {
    const char *text;
    size_t size, at;
    uint32_t half_words;
    bool in_word;
} walk_t;

static unsigned walk_step (walk_t *self)
{
    size_t step;
    unsigned code = aut_letter_at (self->text + self->at, self->size - self->at, &step);
    bool word = aut_letter_is_word (code);
    if (word && aut_letter_is_wide (code))
        self->half_words++;
    else if (word && !self->in_word)
        self->half_words += 2;
    self->in_word = (word && !aut_letter_is_wide (code)) ||
                    (self->in_word && (code == '\'' || code == 0x2019 || code == '-'));
    self->at += step;
    return code;
}

uint32_t aut_half_words (const char *text, size_t size)
{
    walk_t walk = {.text = text, .size = size};
    while (walk.at < size)
        walk_step (&walk);
    return walk.half_words;
}

/*  Whether the dot before `at` belongs to an abbreviation or an initial. */
static bool is_abbreviation (const char *text, size_t at)
{
    static const char *const words[] = {"Mr", "Mrs", "Ms", "Dr", "St", "Prof", "Sgt", "Lt", "Capt"};
    size_t start = at - 1;
    while (start > 0 && aut_letter_is_word ((unsigned char)text[start - 1]) && at - start < 8)
        start--;
    size_t size = at - 1 - start;
    if (size == 1 && text[start] >= 'A' && text[start] <= 'Z')
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen (words[i]) == size && memcmp (words[i], text + start, size) == 0)
            return true;
    return false;
}

static bool is_space (char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t';
}

/*  Whether a sentence ends before `at`, where `code` ended. */
static bool ends_sentence (const walk_t *walk, unsigned code)
{
    size_t at = walk->at, step;
    if (code == 0x3002 || code == 0xFF01 || code == 0xFF1F)
        return true;
    if (at >= walk->size || !is_space (walk->text[at]))
        return false;
    /* a closing quote or parenthesis after the mark belongs to the sentence */
    if ((code == '"' || code == ')' || code == '\'') && at >= 2) {
        code = (unsigned char)walk->text[at - 2];
    } else if (code == 0x201D || code == 0x2019) {
        code = at >= 4 ? (unsigned char)walk->text[at - 4] : 0;
    } else if (code == '.' && is_abbreviation (walk->text, at)) {
        return false;
    }
    if (code != '.' && code != '!' && code != '?' && code != 0x2026)
        return false;
    unsigned next =
        at + 1 < walk->size ? aut_letter_at (walk->text + at + 1, walk->size - at - 1, &step) : 'A';
    return !aut_letter_is_lower (next);
}

typedef struct {
    size_t at;
    uint32_t half_words;
} place_t;

/*  Where a piece ends, by what was met so far. */
static bool is_full (const walk_t *walk, uint32_t most, place_t sentence, place_t word,
                     place_t *end)
{
    if (walk->half_words > most && sentence.at) {
        *end = sentence;
        return true;
    }
    if (walk->half_words <= 2 * most && walk->at <= MAX_PIECE_BYTES)
        return false;
    *end = sentence.at ? sentence : word;
    return true;
}

bool aut_piece_next (const char **text, size_t *size, uint32_t most, aut_piece_t *piece)
{
    while (*size && is_space (**text)) {
        ++*text;
        --*size;
    }
    if (*size == 0)
        return false;
    walk_t walk = {.text = *text, .size = *size};
    place_t sentence = {0}, word = {0}, end = {0};
    bool full = false;
    while (walk.at < walk.size && !full) {
        place_t before = {walk.at, walk.half_words};
        unsigned code = walk_step (&walk);
        full = is_full (&walk, most, sentence, word, &end);
        if (full && end.at == 0)
            end = before.at ? before : (place_t){walk.at, walk.half_words};
        if (ends_sentence (&walk, code))
            sentence = (place_t){walk.at, walk.half_words};
        if (is_space ((char)code) || aut_letter_is_wide (code))
            word = (place_t){walk.at, walk.half_words};
    }
    if (!full)
        end = (place_t){walk.at, walk.half_words};
    *piece = (aut_piece_t){*text, end.at, end.half_words};
    *text += end.at;
    *size -= end.at;
    while (piece->size && is_space (piece->text[piece->size - 1]))
        piece->size--;
    return true;
}

/* ---- camera -----------------------------------------------------------------------------------
 */

static const struct {
    const char *words;
    int size, move;
} cameras[] = {
    {"EXTREME CLOSE UP", AUT_CAMERA_EXTREME_CLOSE_UP, -1},
    {"EXTREME CLOSE-UP", AUT_CAMERA_EXTREME_CLOSE_UP, -1},
    {"EXTREME WIDE", AUT_CAMERA_EXTREME_WIDE, -1},
    {"AERIAL", AUT_CAMERA_EXTREME_WIDE, -1},
    {"CLOSE ON", AUT_CAMERA_CLOSE_UP, -1},
    {"CLOSE UP", AUT_CAMERA_CLOSE_UP, -1},
    {"CLOSE-UP", AUT_CAMERA_CLOSE_UP, -1},
    {"TIGHT ON", AUT_CAMERA_CLOSE_UP, -1},
    {"MEDIUM SHOT", AUT_CAMERA_MEDIUM, -1},
    {"FULL SHOT", AUT_CAMERA_FULL, -1},
    {"WIDE SHOT", AUT_CAMERA_WIDE, -1},
    {"WIDE ON", AUT_CAMERA_WIDE, -1},
    {"WIDE ANGLE", AUT_CAMERA_WIDE, -1},
    {"PAN LEFT", -1, AUT_MOVE_PAN_LEFT},
    {"PAN RIGHT", -1, AUT_MOVE_PAN_RIGHT},
    {"TILT UP", -1, AUT_MOVE_TILT_UP},
    {"TILT DOWN", -1, AUT_MOVE_TILT_DOWN},
    {"DOLLY IN", -1, AUT_MOVE_DOLLY_IN},
    {"PUSH IN", -1, AUT_MOVE_DOLLY_IN},
    {"DOLLY OUT", -1, AUT_MOVE_DOLLY_OUT},
    {"PULL BACK", -1, AUT_MOVE_DOLLY_OUT},
    {"TRACKING", -1, AUT_MOVE_TRACKING},
    {"ZOOM IN", -1, AUT_MOVE_ZOOM_IN},
    {"ZOOM OUT", -1, AUT_MOVE_ZOOM_OUT},
    {"HANDHELD", -1, AUT_MOVE_HANDHELD},
};

static bool has_words (const char *text, size_t size, const char *words)
{
    size_t length = strlen (words);
    const char *end = text + size;
    for (const char *at = text; (size_t)(end - at) >= length; at++) {
        at = memmem (at, (size_t)(end - at), words, length);
        if (!at)
            return false;
        bool before = at > text && aut_letter_is_word ((unsigned char)at[-1]);
        bool after = at + length < end && aut_letter_is_word ((unsigned char)at[length]);
        if (!before && !after)
            return true;
    }
    return false;
}

void aut_camera_words (const char *text, size_t size, int *shot_size, int *move)
{
    for (size_t i = 0; i < sizeof cameras / sizeof *cameras; i++) {
        bool wanted = cameras[i].size >= 0 ? *shot_size < 0 : *move < 0;
        if (!wanted || !has_words (text, size, cameras[i].words))
            continue;
        if (cameras[i].size >= 0)
            *shot_size = cameras[i].size;
        else
            *move = cameras[i].move;
    }
}
