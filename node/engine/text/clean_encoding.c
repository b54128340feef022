/*  Mojibake: UTF-8 that was read in a single-byte encoding, perhaps several times over.
 *
 *  One step (ftfy 6.3.1, fix_encoding): if the text looks bad, write it in each encoding that has
 * all its characters, repair the bytes a little, and take the first that reads as UTF-8. If none
 * does, try the same on runs inside the text; then bytes 80 to 9F as Windows-1252. Steps repeat
 * until nothing changes.
 */
#include "node/engine/text/clean_internal.h"

#include "lib/core/error.h"

#include <string.h>

/* each level is in a run shorter than the level above, after a fix that halved it or so */
#define DEPTH_MAX 64

static bool is_ascii (const aut_codes_t *text)
{
    for (size_t i = 0; i < text->size; i++)
        if (text->code[i] >= 0x80)
            return false;
    return true;
}

/*  Writes the text in an encoding; false if it has characters that the encoding lacks. */
static bool encode (const aut_codes_t *text, size_t charmap, aut_buffer_t *out)
{
    uint8_t chunk[512];
    size_t used = 0;
    for (size_t i = 0; i < text->size; i++) {
        if (!aut_charmap_byte (charmap, text->code[i], &chunk[used]))
            return false;
        if (++used == sizeof chunk || i + 1 == text->size) {
            aut_buffer_append (out, chunk, used);
            used = 0;
        }
    }
    return true;
}

/*  The text read as UTF-8 again, after an encoding; false if it cannot have been that. `possible`
 *  says whether the encoding at least has all its characters. */
static bool redecode (const aut_codes_t *text, size_t index, aut_codes_t *out, bool *possible)
{
    const aut_charmap_t *charmap = aut_charmap (index);
    aut_buffer_t bytes = {0};
    *possible = encode (text, index, &bytes);
    bool ok = *possible;
    if (ok) {
        if (charmap->restore_a0)
            aut_clean_restore_a0 (&bytes);
        if (charmap->sloppy)
            aut_clean_lossy (&bytes);
        out->size = 0;
        ok = aut_clean_decode (&bytes, out);
    }
    aut_buffer_clear (&bytes);
    return ok;
}

/*  Fixes the runs that look like UTF-8 by themselves, each as a text of its own. */
static int fix_runs (const aut_codes_t *text, aut_codes_t *out, aut_clean_work_t *work)
{
    aut_codes_t run = {0};
    int result = 0;
    out->size = 0;
    for (size_t at = 0; at < text->size && result == 0;) {
        size_t len = aut_clean_utf8_run (text, at);
        aut_codes_set (&run, text->code + at, len ? len : 1);
        at += run.size;
        if (len && len < text->size && aut_clean_is_bad (&run))
            result = aut_clean_encoding (&run, work);
        aut_codes_append (out, run.code, run.size);
    }
    aut_codes_clear (&run);
    return result;
}

/*  Latin-1 that was meant as Windows-1252; false if a byte has no meaning there. */
static bool redecode_windows_1252 (const aut_codes_t *text, aut_codes_t *out)
{
    aut_codes_set (out, text->code, text->size);
    aut_clean_c1_controls (out);
    for (size_t i = 0; i < out->size; i++)
        if (out->code[i] >= 0x80 && out->code[i] < 0xA0)
            return false;
    return true;
}

/*  One step; `out` is the fixed text, the same text if there is nothing to fix. */
static int fix_once (const aut_codes_t *text, aut_codes_t *out, aut_clean_work_t *work)
{
    bool latin_1 = false;
    if (is_ascii (text) || !aut_clean_is_bad (text)) {
        aut_codes_set (out, text->code, text->size);
        return 0;
    }
    for (size_t i = 0; i < AUT_CHARMAPS; i++) {
        bool possible = false;
        if (redecode (text, i, out, &possible))
            return 0;
        latin_1 |= i == 0 && possible;
    }
    int result = fix_runs (text, out, work);
    if (result != 0 || !aut_codes_equal (text, out))
        return result;
    if (latin_1 && redecode_windows_1252 (text, out))
        return 0;
    aut_codes_set (out, text->code, text->size);
    aut_clean_c1_controls (out);
    return 0;
}

int aut_clean_encoding (aut_codes_t *text, aut_clean_work_t *work)
{
    aut_codes_t fixed = {0};
    bool changed = text->size > 0;
    int result = 0;
    if (++work->depth > DEPTH_MAX)
        result = aut_fail (AUT_ERR_TOO_LARGE,
                           "prompt: mojibake inside mojibake more than %d deep; write it plainly",
                           DEPTH_MAX);
    while (changed && result == 0) {
        result = aut_clean_spend (work, text->size);
        if (result == 0)
            result = fix_once (text, &fixed, work);
        if (result == 0) {
            changed = !aut_codes_equal (text, &fixed);
            aut_codes_take (text, &fixed);
        }
    }
    work->depth--;
    aut_codes_clear (&fixed);
    return result;
}
