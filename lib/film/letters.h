/*  Letters and words of screenplays: case in Latin, Greek and Cyrillic, without any locale. Letters
 *  of scripts without case are letters that are neither. Texts are valid UTF-8. Pure.
 */
#ifndef AUT_LIB_FILM_LETTERS_H
#define AUT_LIB_FILM_LETTERS_H

#include "lib/core/buffer.h"

#include <stdbool.h>
#include <stddef.h>

bool aut_letter_is_lower (unsigned code);
bool aut_letter_is_upper (unsigned code);
unsigned aut_letter_lower (unsigned code);
/*  Of a word: letters, digits, marks; not punctuation or space. */
bool aut_letter_is_word (unsigned code);
/*  Written without spaces between words: Chinese, Japanese, Korean, Thai. */
bool aut_letter_is_wide (unsigned code);

/*  Whether a text has letters with case, and all of them are capitals. */
bool aut_text_is_capitals (const char *text, size_t size);

/*  Whether the last letter is of a word (or a symbol): a sentence that goes on after it wants a
 * mark.
 */
bool aut_text_ends_word (const char *text, size_t size);
/*  `size` less the bytes of a letter that is cut off at the end. */
size_t aut_text_whole (const char *text, size_t size);

/*  The code point at `text`, with its bytes in `step` (1 and the byte where it is not UTF-8). */
unsigned aut_letter_at (const char *text, size_t size, size_t *step);

/*  Appends a code point in UTF-8. */
void aut_letter_put (aut_buffer_t *out, unsigned code);
/*  Appends the text in small letters. */
void aut_text_lower (aut_buffer_t *out, const char *text, size_t size);
/*  Appends capitals as people write names: "DESERT RADIO ARRAY" → "Desert Radio Array", "MAN IN
 *  BLACK" → "Man in Black". A text with small letters is appended as it is. */
void aut_text_name (aut_buffer_t *out, const char *text, size_t size);

#endif
