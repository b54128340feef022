/*  The whole cleaning: ftfy's fixes line by line, HTML references twice, white space.
 *
 *  The order of the fixes matters and is ftfy's; a line is done when a round changes nothing.
 * Rounds are linear in the length, but their number depends on the text, so all of them together
 * may read only so many code points.
 */
#include "node/engine/text/clean.h"

#include "lib/core/error.h"
#include "node/engine/text/clean_internal.h"

#include <string.h>

#define SEGMENT_MAX 1000000u          /* code points that ftfy fixes at once */
#define WORK_MAX (UINT64_C (1) << 26) /* code points read in all rounds: seconds at most */

int aut_clean_spend (aut_clean_work_t *work, size_t size)
{
    if (size > work->left)
        return aut_fail (AUT_ERR_TOO_LARGE,
                         "prompt: it is escaped or garbled in too many layers to clean; "
                         "write it plainly, or make it shorter");
    work->left -= size;
    return 0;
}

static int fix_round (aut_codes_t *text, bool entities, aut_clean_work_t *work)
{
    if (entities)
        aut_clean_entities (text);
    int result = aut_clean_encoding (text, work);
    if (result != 0)
        return result;
    aut_clean_c1_controls (text);
    aut_clean_ligatures (text);
    aut_clean_width (text);
    aut_clean_quotes (text);
    aut_clean_line_breaks (text);
    aut_clean_terminal (text);
    aut_clean_controls (text);
    aut_clean_nfc (text);
    return 0;
}

/*  Rounds until nothing changes. */
static int fix_segment (aut_codes_t *text, bool entities, aut_clean_work_t *work)
{
    aut_codes_t before = {0};
    bool changed = true;
    int result = 0;
    while (changed && result == 0) {
        aut_codes_set (&before, text->code, text->size);
        result = aut_clean_spend (work, text->size);
        if (result == 0)
            result = fix_round (text, entities, work);
        changed = !aut_codes_equal (&before, text);
    }
    aut_codes_clear (&before);
    return result;
}

/*  The end of the line at `at`, behind its line feed. */
static size_t segment_end (const aut_codes_t *text, size_t at)
{
    size_t end = at;
    while (end < text->size && text->code[end] != '\n')
        end++;
    end += end < text->size;
    return end - at > SEGMENT_MAX ? at + SEGMENT_MAX : end;
}

static bool has (const aut_codes_t *text, uint32_t code)
{
    for (size_t i = 0; i < text->size; i++)
        if (text->code[i] == code)
            return true;
    return false;
}

/*  Every line by itself; from the first that has "<", references stay, since it is HTML. */
static int fix_text (aut_codes_t *text, aut_clean_work_t *work)
{
    aut_codes_t out = {0}, segment = {0};
    bool entities = true;
    int result = 0;
    for (size_t at = 0; at < text->size && result == 0;) {
        size_t end = segment_end (text, at);
        aut_codes_set (&segment, text->code + at, end - at);
        entities = entities && !has (&segment, '<');
        result = fix_segment (&segment, entities, work);
        aut_codes_append (&out, segment.code, segment.size);
        at = end;
    }
    aut_codes_take (text, &out);
    aut_codes_clear (&out);
    aut_codes_clear (&segment);
    return result;
}

static void collapse_space (aut_codes_t *text)
{
    size_t kept = 0;
    bool gap = false;
    for (size_t i = 0; i < text->size; i++) {
        uint32_t code = text->code[i];
        if (aut_is_space (code)) {
            gap = kept > 0;
            continue;
        }
        if (gap)
            text->code[kept++] = ' ';
        gap = false;
        text->code[kept++] = code;
    }
    text->size = kept;
}

int aut_clean_prompt (const char *text, char **out)
{
    aut_clean_work_t work = {.left = WORK_MAX};
    aut_codes_t codes = {0};
    *out = NULL;
    size_t size = strlen (text);
    if (size > AUT_CLEAN_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "prompt: %zu bytes; at most %u are cleaned", size,
                         AUT_CLEAN_MAX);
    int result = aut_codes_read (&codes, text, size);
    if (result == 0)
        result = fix_text (&codes, &work);
    if (result == 0) {
        aut_clean_unescape (&codes);
        aut_clean_unescape (&codes);
        collapse_space (&codes);
        *out = aut_codes_text (&codes);
    }
    aut_codes_clear (&codes);
    return result;
}
