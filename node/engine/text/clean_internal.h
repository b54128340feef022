/*  What the files of the prompt cleaning share: text as code points, and the single fixes.
 *
 *  Every fix works on whole text in memory and replaces it. Text has no surrogates and never did:
 *  it comes from strict UTF-8, and no fix makes one.
 */
#ifndef AUT_ENGINE_TEXT_CLEAN_INTERNAL_H
#define AUT_ENGINE_TEXT_CLEAN_INTERNAL_H

#include "lib/core/buffer.h"
#include "lib/core/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- text as code points (clean_codes.c) ---------------------------------------------------- */

/*  Growing; zero-initialise, aut_codes_clear frees. */
typedef struct {
    uint32_t *code;
    size_t size, cap;
} aut_codes_t;

static inline void aut_codes_put (aut_codes_t *self, uint32_t code)
{
    if (self->size == self->cap)
        self->code = aut_grow (self->code, &self->cap, self->size + 1, sizeof *self->code);
    self->code[self->size++] = code;
}

void aut_codes_append (aut_codes_t *self, const uint32_t *code, size_t size);
/*  Makes `self` a copy of the `size` code points at `code`. */
void aut_codes_set (aut_codes_t *self, const uint32_t *code, size_t size);
/*  `self` takes the contents of `other`, which becomes empty and keeps self's memory. */
void aut_codes_take (aut_codes_t *self, aut_codes_t *other);
bool aut_codes_equal (const aut_codes_t *a, const aut_codes_t *b);
void aut_codes_clear (aut_codes_t *self);
/*  Reads `size` bytes of UTF-8; AUT_ERR_INVALID with the offset of the first bad byte. */
int aut_codes_read (aut_codes_t *out, const char *text, size_t size);
/*  As UTF-8, terminated; the caller frees. */
char *aut_codes_text (const aut_codes_t *self);

/* ---- classes of characters (clean_classes.c) ------------------------------------------------ */

#include "node/engine/text/clean_class_names.inc"
enum {
    CLASS_LOWER = 1u << CLASS_BITS,             /* a to z */
    CLASS_UPPER = 1u << (CLASS_BITS + 1),       /* A to Z */
    CLASS_NOT_LETTER = 1u << (CLASS_BITS + 2),  /* all but A to Z, a to z */
    CLASS_NOT_NEWLINE = 1u << (CLASS_BITS + 3), /* all but U+000A */
    CLASS_SPACE = 1u << (CLASS_BITS + 4),       /* as aut_is_space */
    CLASS_BLANK = 1u << (CLASS_BITS + 5),       /* U+0020 */
    CLASS_STOP = 1u << (CLASS_BITS + 6),        /* one of .,?! */
    CLASS_WORD = 1u << (CLASS_BITS + 7),        /* never given by aut_class_of: see aut_is_word */
};

/*  The CLASS_… bits of a character. */
uint32_t aut_class_of (uint32_t code);
/*  Python's str.isspace, \w and \d. */
bool aut_is_space (uint32_t code);
bool aut_is_word (uint32_t code);
bool aut_is_digit (uint32_t code);

/* ---- the fixes ------------------------------------------------------------------------------ */

/*  What cleaning may still cost, in code points read. */
typedef struct {
    uint64_t left;
    unsigned depth; /* of mojibake inside mojibake */
} aut_clean_work_t;

/*  Takes `size` from it; AUT_ERR_TOO_LARGE when that is not there (clean.c). */
int aut_clean_spend (aut_clean_work_t *work, size_t size);

/*  HTML's character references as a browser reads them, semicolon or not (clean_html.c). */
void aut_clean_unescape (aut_codes_t *text);
/*  ftfy's cautious form: only complete ones with a semicolon; upper-cased names too. */
void aut_clean_entities (aut_codes_t *text);

/*  Whether the text has a sequence that is all but unknown outside mojibake (clean_badness.c). */
bool aut_clean_is_bad (const aut_codes_t *text);

/*  The length of the run of characters at `at` that look like UTF-8 read in a single-byte encoding;
 *  0 if there is none. A run does not start after another such character (clean_badness.c). */
size_t aut_clean_utf8_run (const aut_codes_t *text, size_t at);

/*  Undoes mojibake until nothing changes (clean_encoding.c). */
int aut_clean_encoding (aut_codes_t *text, aut_clean_work_t *work);

/*  A single-byte encoding that text may have been read in by mistake (clean_charmap.c). Bytes below
 *  80 are ASCII in all of them. */
typedef struct {
    bool sloppy;     /* undefined bytes stand for themselves, and byte 1A for U+FFFD */
    bool restore_a0; /* a space may once have been byte A0 */
} aut_charmap_t;

/*  The encodings in the order to try them; the first is Latin-1. */
#define AUT_CHARMAPS 10
const aut_charmap_t *aut_charmap (size_t index);
/*  The byte of a character; false when it has none. */
bool aut_charmap_byte (size_t index, uint32_t code, uint8_t *byte);
/*  What Windows-1252 has for byte 80 to 9F: the same code point where it has nothing. */
uint32_t aut_windows_1252 (uint32_t code);

/*  Bytes that are about to be read as UTF-8 (clean_bytes.c): puts A0 back where a space cuts a
 *  sequence, and makes U+FFFD of sequences of which bytes were lost. */
void aut_clean_restore_a0 (aut_buffer_t *bytes);
void aut_clean_lossy (aut_buffer_t *bytes);
/*  Reads strict UTF-8 and, where bytes ED or C0 occur, CESU-8 pairs and Java's NUL too; false and
 *  an unfinished `out` if it is neither. */
bool aut_clean_decode (const aut_buffer_t *bytes, aut_codes_t *out);

/*  The small ones (clean_fix.c). */
void aut_clean_c1_controls (aut_codes_t *text);
void aut_clean_ligatures (aut_codes_t *text);
void aut_clean_width (aut_codes_t *text);
void aut_clean_quotes (aut_codes_t *text);
void aut_clean_line_breaks (aut_codes_t *text);
void aut_clean_terminal (aut_codes_t *text);
void aut_clean_controls (aut_codes_t *text);

/*  Unicode normalisation form C (clean_nfc.c, UAX #15). */
void aut_clean_nfc (aut_codes_t *text);

#endif
