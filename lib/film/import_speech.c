/*  Speech: a cue with what belongs to it becomes a shot of the speaker, or, where the speaker is
 *  not seen, is laid over the shot before. */
#include "lib/film/import_speech.h"
#include "lib/film/letters.h"

#include <string.h>
#include <strings.h>

#define SPEECH_MOST 100u /* half words of one shot: 50 words, 20 s */
#define MANNER_BYTES 400u
#define DUAL_BYTES 2000u

/* ---- gathering --------------------------------------------------------------------------------
 */

/*  Its letters and digits alone, small, at most 15: "V.O." → "vo". */
static void squeeze (char out[16], const char *text, size_t size)
{
    size_t kept = 0;
    for (size_t i = 0; i < size && kept < 15; i++)
        if ((unsigned char)text[i] < 0x80 && aut_letter_is_word ((unsigned char)text[i]))
            out[kept++] = (char)aut_letter_lower ((unsigned char)text[i]);
    out[kept] = 0;
}

static bool is_one_of (const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp (text, *words) == 0)
            return true;
    return false;
}

static void add_manner (aut_walk_t *self, aut_speech_t *speech, const char *text, size_t size)
{
    static const char *const pauses[] = {"beat",       "abeat",    "pause",   "apause", "longpause",
                                         "alongpause", "longbeat", "silence", "then",   NULL};
    static const char *const sung[] = {"singing", "sings", "sung", NULL};
    char word[16];
    squeeze (word, text, size);
    if (is_one_of (word, pauses)) {
        speech->pauses++;
        return;
    }
    if (is_one_of (word, sung)) {
        speech->sung = true;
        return;
    }
    if (speech->manner.size + size > MANNER_BYTES)
        return;
    aut_buffer_text (&speech->manner, ", ");
    aut_buffer_t plain = {0};
    while (size && strchr (".,;:", text[size - 1]))
        size--;
    aut_names_scan (&self->film->people, text, size, &plain, NULL);
    aut_buffer_append (&speech->manner, plain.data, plain.size);
    aut_buffer_clear (&plain);
}

static void read_extension (aut_walk_t *self, aut_speech_t *speech, const char *text)
{
    static const char *const voice[] = {"vo", "voiceover", NULL};
    static const char *const off[] = {"os", "oc", "offscreen", "offcamera", "off", NULL};
    static const char *const on[] = {"contd", "cont", "continued", "continuing", "more", NULL};
    while (text && *text) {
        size_t size = strcspn (text, ",/");
        char word[16];
        squeeze (word, text, size);
        if (is_one_of (word, voice))
            speech->unseen = "voice-over";
        else if (is_one_of (word, off))
            speech->unseen = "off screen";
        else if (*word && !is_one_of (word, on)) {
            aut_buffer_t small = {0};
            while (size && *text == ' ') {
                text++;
                size--;
            }
            if (strncasecmp (text, "on ", 3) == 0 || strncasecmp (text, "over ", 5) == 0 ||
                strncasecmp (text, "through ", 8) == 0)
                speech->unseen = "heard"; /* on the radio */
            if (aut_text_is_capitals (text, size))
                aut_text_lower (&small, text, size);
            else
                aut_buffer_append (&small, text, size);
            add_manner (self, speech, small.data ? small.data : "", small.size);
            aut_buffer_clear (&small);
        }
        text += size + (text[size] != 0);
    }
}

static aut_speech_t *begin (aut_walk_t *self, const aut_script_element_t *element)
{
    aut_speech_t *speech = &self->speeches[self->speech_count++];
    *speech = (aut_speech_t){.line = element->line};
    return speech;
}

static void put_cue (aut_walk_t *self, const aut_script_element_t *element)
{
    aut_new_film_t *film = self->film;
    bool dual = element->dual && self->speech_count == 1 && self->speeches[0].who &&
                self->speeches[0].words.size;
    if (!dual)
        aut_speech_end (self);
    aut_speech_t *speech = begin (self, element);
    const char *key = aut_name_key (film->arena, element->text, strlen (element->text));
    speech->who = aut_book_find (&film->people, key);
    read_extension (self, speech, element->extension);
}

static void put_words (aut_speech_t *speech, const char *text, bool sung)
{
    if (!*text)
        return;
    if (speech->words.size)
        aut_buffer_text (&speech->words, sung || speech->sung ? "\n" : " ");
    speech->sung = speech->sung || sung;
    aut_buffer_format (&speech->words, sung ? "\xE2\x99\xAA %s \xE2\x99\xAA" : "%s", text);
}

bool aut_speech_takes (aut_walk_t *self, const aut_script_element_t *element)
{
    aut_speech_t *speech = self->speech_count ? &self->speeches[self->speech_count - 1] : NULL;
    switch (element->kind) {
    case AUT_SCRIPT_CUE:
        put_cue (self, element);
        return true;
    case AUT_SCRIPT_PARENTHETICAL:
        if (speech)
            add_manner (self, speech, element->text, strlen (element->text));
        return true;
    case AUT_SCRIPT_DIALOGUE:
        if (speech)
            put_words (speech, element->text, false);
        return true;
    case AUT_SCRIPT_LYRICS:
        if (!speech || (!element->spoken && speech->who)) {
            aut_speech_end (self);
            speech = begin (self, element);
            speech->unseen = "song";
        }
        put_words (speech, element->text, true);
        return true;
    default:
        return false;
    }
}

/* ---- shots ------------------------------------------------------------------------------------
 */

static const char *keep (aut_walk_t *self, aut_buffer_t *text)
{
    const char *kept = aut_arena_text (self->film->arena, text->data, text->size);
    aut_buffer_clear (text);
    return kept;
}

static const char *name_of (const aut_speech_t *speech)
{
    return speech->who ? speech->who->name : "Somebody";
}

static const char *sound_of (aut_walk_t *self, const aut_speech_t *speech)
{
    aut_buffer_t out = {0};
    if (!speech->unseen)
        return NULL;
    if (speech->who)
        aut_buffer_format (&out, "%s, ", speech->who->name);
    aut_buffer_text (&out, speech->unseen);
    if (speech->manner.size)
        aut_buffer_append (&out, speech->manner.data, speech->manner.size);
    return keep (self, &out);
}

static const char *prompt_of (aut_walk_t *self, const aut_speech_t *speech, bool first)
{
    aut_buffer_t out = {0};
    if (speech->unseen)
        return aut_walk_view (self);
    const char *verb = !speech->words.size ? "" : speech->sung ? " sings" : " speaks";
    aut_buffer_format (&out, "%s%s", name_of (speech), first ? verb : " goes on");
    if (speech->manner.size) /* begins with a comma: "speaks, smiling", but "Bruno nods" */
        aut_buffer_text (&out, speech->manner.data + !speech->words.size);
    const char *prompt = aut_walk_prompt (self, out.data, out.size);
    aut_buffer_clear (&out);
    return prompt;
}

static void picture (aut_walk_t *self, aut_new_shot_t *shot, const aut_speech_t *speech)
{
    if (speech->who && !speech->unseen) {
        aut_mention (&shot->in, speech->who);
        self->person = speech->who;
    }
    if (!speech->unseen)
        shot->size = AUT_CAMERA_MEDIUM;
}

/*  The shot before, when words of somebody unseen may be laid over it. */
static aut_new_shot_t *shot_before (aut_walk_t *self, const aut_speech_t *speech)
{
    const aut_new_scene_t *scene = aut_walk_scene (self);
    aut_new_shot_t *last =
        self->film->shot_count ? &self->film->shots[self->film->shot_count - 1] : NULL;
    bool good = last && speech->unseen && scene && scene->shot_count && !self->cut.words &&
                !last->dialogue && !last->sound;
    return good ? last : NULL;
}

static void put_piece (aut_walk_t *self, const aut_speech_t *speech, const aut_piece_t *piece,
                       bool first)
{
    int tenths = aut_speech_tenths (piece->half_words, speech->sung, first ? speech->pauses : 0);
    aut_new_shot_t *shot = first ? shot_before (self, speech) : NULL;
    if (!shot) {
        shot = aut_walk_shot (self, speech->line);
        shot->prompt = prompt_of (self, speech, first);
        picture (self, shot, speech);
        aut_walk_place (self, shot);
    }
    shot->tenths = shot->tenths > tenths ? shot->tenths : tenths;
    shot->sound = sound_of (self, speech);
    if (piece->size)
        shot->dialogue = aut_arena_text (self->film->arena, piece->text, piece->size);
}

static void put_speech (aut_walk_t *self, const aut_speech_t *speech)
{
    const char *text = speech->words.data;
    size_t size = speech->words.size;
    aut_piece_t piece = {"", 0, 0};
    bool first = true;
    if (size == 0 && (speech->manner.size || speech->pauses))
        put_piece (self, speech, &piece, true);
    while (size && self->rc == 0 && aut_piece_next (&text, &size, SPEECH_MOST, &piece)) {
        put_piece (self, speech, &piece, first);
        first = false;
    }
}

static bool fits_dual (const aut_speech_t *speech)
{
    return speech->words.size > 0 && speech->words.size <= DUAL_BYTES &&
           aut_half_words (speech->words.data, speech->words.size) <= SPEECH_MOST;
}

static void put_dual (aut_walk_t *self)
{
    const aut_speech_t *both = self->speeches;
    aut_buffer_t prompt = {0}, dialogue = {0};
    aut_new_shot_t *shot = aut_walk_shot (self, both[0].line);
    if (!both[0].unseen && !both[1].unseen)
        aut_buffer_format (&prompt, "%s%s and %s%s %s at the same time", name_of (&both[0]),
                           both[0].manner.size ? both[0].manner.data : "", name_of (&both[1]),
                           both[1].manner.size ? both[1].manner.data : "",
                           both[0].sung && both[1].sung ? "sing" : "speak");
    shot->prompt = prompt.size ? aut_walk_prompt (self, prompt.data, prompt.size)
                               : prompt_of (self, &both[both[0].unseen ? 1 : 0], true);
    for (size_t i = 0; i < 2; i++) {
        const aut_speech_t *speech = &both[i];
        uint32_t words = aut_half_words (speech->words.data, speech->words.size);
        int tenths = aut_speech_tenths (words, speech->sung, speech->pauses);
        shot->tenths = shot->tenths > tenths ? shot->tenths : tenths;
        aut_buffer_format (&dialogue, "%s%s: %s", i ? "\n" : "", name_of (speech),
                           speech->words.data);
        picture (self, shot, speech);
        if (speech->unseen && !shot->sound)
            shot->sound = sound_of (self, speech);
    }
    shot->dialogue = keep (self, &dialogue);
    aut_walk_place (self, shot);
    aut_buffer_clear (&prompt);
}

void aut_speech_end (aut_walk_t *self)
{
    size_t count = self->speech_count;
    if (count == 2 && fits_dual (&self->speeches[0]) && fits_dual (&self->speeches[1])) {
        put_dual (self);
    } else {
        for (size_t i = 0; i < count; i++)
            put_speech (self, &self->speeches[i]);
    }
    for (size_t i = 0; i < count; i++) {
        aut_buffer_clear (&self->speeches[i].manner);
        aut_buffer_clear (&self->speeches[i].words);
    }
    self->speech_count = 0;
}
