/*  Cleans a prompt exactly as the pipelines of the Wan models do before tokenising.
 *
 *  The models have only ever seen cleaned text, so this is part of the model, like its tokenizer.
 *  It is what diffusers' `prompt_clean` does:
 *
 *   1. ftfy 6.3.1, `fix_text` with its defaults, line by line until nothing changes: HTML
 *      references, mojibake, C1 controls, Latin ligatures, character width, quotes, line breaks,
 *      terminal escapes, control characters, NFC (https://ftfy.readthedocs.io/en/v6.3.1/);
 *   2. HTML character references, twice (https://html.spec.whatwg.org/multipage/parsing.html,
 *      "character reference state", as Python's html.unescape reads it);
 *   3. every run of white space becomes one space, none at either end (Unicode's White_Space and
 *      U+001C to U+001F, as in Python).
 *
 *  Unicode is version 14.0, that of Python 3.11. Pure functions; any thread.
 */
#ifndef AUT_ENGINE_TEXT_CLEAN_H
#define AUT_ENGINE_TEXT_CLEAN_H

#define AUT_CLEAN_MAX (1u << 20) /* bytes of a prompt */

/*  Puts the cleaned form of `text` (UTF-8, terminated) in `out`; the caller frees it.
 *  AUT_ERR_INVALID when it is not UTF-8; AUT_ERR_TOO_LARGE for more than AUT_CLEAN_MAX bytes, and
 *  for text in so many layers ("&amp;amp;amp;…" takes a round for each "amp;") that it would take
 *  more than some seconds: never up to 16 KiB. On failure `out` is NULL. The reference raises an
 *  exception on a reference of more than 4300 decimal digits; here that is U+FFFD, or the character
 *  that it names after leading zeros. */
int aut_clean_prompt (const char *text, char **out);

#endif
