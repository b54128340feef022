/*  Text to ids as Hugging Face's `tokenizers` does it, which is what the models were trained with:
 *
 *      1. added tokens are cut out of the text as it stands ("</s>" is token 1, not five
 * characters)
 *      2. each segment between them is normalised: the model's table, white space at the end away,
 *         runs of spaces to one
 *      3. those added tokens that are looked for in normalised text are cut out of it
 *      4. what is left gets a space in front and is cut before each space, written "▁"
 *      5. each of these words is segmented by itself (unigram.h)
 *
 *  libsentencepiece reads the model. Its own encoder does the same for most texts, but differs in
 *  which characters it normalises together, in fp32 rounding among equally good segmentations, and
 *  in knowing nothing of added tokens; ids must not depend on that (docs/engine.md).
 */
#include "node/engine/text/tokenizer.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"
#include "node/engine/text/charsmap.h"
#include "node/engine/text/prefixes.h"
#include "node/engine/text/tokenizer_files.h"
#include "node/engine/text/unigram.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (1u << 20)
#define METASPACE "\xE2\x96\x81"
#define METASPACE_SIZE 3

struct tokenizer {
    tokenizer_files_t files;
    charsmap_t *charsmap;
    unigram_t *unigram;
    prefixes_t *raw;        /* added tokens by their text → index in files.added */
    prefixes_t *normalized; /* … by their normalised text */
    char **forms;           /* the normalised texts */
};

/*  Where one segment's ids go. */
typedef struct {
    const tokenizer_t *self;
    unigram_ids_t *ids;
    size_t max;    /* more ids are not wanted */
    bool at_start; /* the segment is the text's beginning */
} run_t;

/* ---- white space -------------------------------------------------------------------------- */

/*  Unicode's White_Space. */
static bool is_white (unsigned code)
{
    return (code >= 0x9 && code <= 0xD) || code == 0x20 || code == 0x85 || code == 0xA0 ||
           code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 ||
           code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

/*  The bytes of the white character at the start of the text, or 0. */
static size_t white_ahead (const char *text, size_t size)
{
    unsigned code;
    size_t step = size ? aut_utf8_next (text, size, &code) : 0;
    return step && is_white (code) ? step : 0;
}

/*  The bytes of the white character at the end of the text, or 0. */
static size_t white_behind (const char *text, size_t size)
{
    size_t start = size;
    while (start > 0 && size - start < 4) {
        start--;
        if (((unsigned char)text[start] & 0xC0) != 0x80)
            break;
    }
    size_t step = white_ahead (text + start, size - start);
    return start + step == size ? step : 0;
}

/* ---- opening ------------------------------------------------------------------------------ */

static int normalize (const tokenizer_t *self, const char *text, size_t size, aut_buffer_t *out);

/*  Whether no later token has the same text: of equal ones the last counts. */
static bool counts (const prefixes_t *all, const tokenizer_added_t *token, size_t index)
{
    const prefix_t *found = prefixes_find (all, token->text, strlen (token->text));
    return found && (size_t)found->value == index;
}

static int sort_added (tokenizer_t *self, prefix_t *list)
{
    const tokenizer_files_t *files = &self->files;
    prefixes_t *all = NULL;
    for (size_t i = 0; i < files->added_count; i++)
        list[i] = (prefix_t){files->added[i].text, strlen (files->added[i].text), (int32_t)i};
    int rc = prefixes_new (&all, list, files->added_count);
    size_t raw = 0, back = files->added_count; /* raw ones from the front, others from the back */
    for (size_t i = 0; rc == 0 && i < files->added_count; i++) {
        const tokenizer_added_t *token = &files->added[i];
        if (!counts (all, token, i))
            continue;
        if (!token->normalized) {
            list[raw++] = (prefix_t){token->text, strlen (token->text), (int32_t)i};
            continue;
        }
        aut_buffer_t form = {0};
        rc = normalize (self, token->text, strlen (token->text), &form);
        size_t size = form.size;
        self->forms[i] = aut_buffer_take (&form, NULL);
        if (size)
            list[--back] = (prefix_t){self->forms[i], size, (int32_t)i};
    }
    prefixes_destroy (&all);
    if (rc == 0)
        rc = prefixes_new (&self->raw, list, raw);
    return rc ? rc : prefixes_new (&self->normalized, list + back, files->added_count - back);
}

static int build (tokenizer_t *self, const char *label)
{
    const tokenizer_files_t *files = &self->files;
    unigram_piece_t *pieces = aut_try_alloc (files->piece_count + 1, sizeof *pieces);
    prefix_t *list = aut_try_alloc (files->added_count + 1, sizeof *list);
    self->forms = aut_try_alloc (files->added_count + 1, sizeof *self->forms);
    int rc = pieces && list && self->forms ? 0 : AUT_ERR_NOMEM;
    for (size_t i = 0; rc == 0 && i < files->piece_count; i++)
        pieces[i] = (unigram_piece_t){files->pieces[i], files->scores[i]};
    if (rc == 0)
        rc = unigram_new (&self->unigram, pieces, files->piece_count, files->unknown, files->bytes);
    if (rc == 0)
        rc = charsmap_new (&self->charsmap, files->charsmap, files->charsmap_size, "spiece.model");
    if (rc == 0)
        rc = sort_added (self, list);
    free (pieces);
    free (list);
    return rc ? aut_fail_in (rc, "%s", label) : 0;
}

int tokenizer_open (tokenizer_t **out, const char *folder, const char *label)
{
    tokenizer_t *self = aut_calloc (1, sizeof *self);
    int rc = tokenizer_files_read (&self->files, folder, label);
    if (rc == 0)
        rc = build (self, label);
    if (rc)
        tokenizer_close (&self);
    *out = self;
    return rc;
}

void tokenizer_close (tokenizer_t **self_p)
{
    tokenizer_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; self->forms && i < self->files.added_count; i++)
        free (self->forms[i]);
    free (self->forms);
    prefixes_destroy (&self->raw);
    prefixes_destroy (&self->normalized);
    unigram_destroy (&self->unigram);
    charsmap_destroy (&self->charsmap);
    tokenizer_files_clear (&self->files);
    free (self);
    *self_p = NULL;
}

int32_t tokenizer_pad_id (const tokenizer_t *self)
{
    return self->files.pad;
}

/* ---- words -------------------------------------------------------------------------------- */

/*  Cuts marked text before each "▁" and segments the words. */
static int encode_words (const run_t *run, const char *text, size_t size)
{
    int rc = 0;
    for (size_t at = 0, end; rc == 0 && at < size && run->ids->count < run->max; at = end) {
        size_t from =
            at + (size - at >= METASPACE_SIZE && memcmp (text + at, METASPACE, METASPACE_SIZE) == 0
                      ? METASPACE_SIZE
                      : 1);
        const char *next =
            from < size ? memmem (text + from, size - from, METASPACE, METASPACE_SIZE) : NULL;
        end = next ? (size_t)(next - text) : size;
        rc = unigram_encode (run->self->unigram, text + at, end - at, run->ids);
    }
    return rc;
}

/*  Writes spaces as "▁", with one in front. */
static int encode_marked (const run_t *run, const char *text, size_t size, bool at_start)
{
    aut_buffer_t marked = {0};
    bool has = size && (text[0] == ' ' ||
                        (size >= METASPACE_SIZE && memcmp (text, METASPACE, METASPACE_SIZE) == 0));
    if (size && !has && (at_start || !run->self->files.prefix_first))
        aut_buffer_text (&marked, METASPACE);
    for (size_t at = 0; at < size;) {
        const char *space = memchr (text + at, ' ', size - at);
        size_t end = space ? (size_t)(space - text) : size;
        aut_buffer_append (&marked, text + at, end - at);
        if (space)
            aut_buffer_text (&marked, METASPACE);
        at = end + (space ? 1 : 0);
    }
    int rc = encode_words (run, marked.data ? marked.data : "", marked.size);
    aut_buffer_clear (&marked);
    return rc;
}

/*  A piece of normalised text without added tokens. */
static int encode_plain (const run_t *run, const char *text, size_t size)
{
    if (!run->self->files.split_white)
        return encode_marked (run, text, size, run->at_start);
    int rc = 0;
    for (size_t at = 0, end; rc == 0 && at < size; at = end) {
        end = at;
        for (size_t step; (step = white_ahead (text + at, size - at));)
            end = at += step;
        while (end < size && !white_ahead (text + end, size - end))
            end++;
        rc = encode_marked (run, text + at, end - at, run->at_start && at == 0);
    }
    return rc;
}

/* ---- added tokens and segments ------------------------------------------------------------ */

typedef int encode_f (const run_t *run, const char *text, size_t size);

/*  The longest added token at the first place where there is one; its bytes, or 0. */
static size_t find_added (const prefixes_t *set, const char *text, size_t size, size_t *at,
                          size_t *index)
{
    for (; *at < size; ++*at) {
        prefix_search_t search = prefixes_search (set, text + *at, size - *at);
        size_t length = 0;
        for (const prefix_t *token; (token = prefixes_next (set, &search));) {
            length = token->size;
            *index = (size_t)token->value;
        }
        if (length)
            return length;
    }
    return 0;
}

/*  Cuts added tokens out of the text; the segments between them go to `encode`. */
static int split (const run_t *run, const prefixes_t *set, const char *text, size_t size,
                  encode_f *encode)
{
    const tokenizer_t *self = run->self;
    size_t done = 0, at = 0, index = 0, length;
    int rc = 0;
    while (rc == 0 && run->ids->count < run->max &&
           (length = find_added (set, text, size, &at, &index))) {
        const tokenizer_added_t *token = &self->files.added[index];
        size_t start = at, stop = at + length;
        at = stop;
        for (size_t step; token->left && start > done && (step = white_behind (text, start));)
            start -= step;
        for (size_t step; token->right && (step = white_ahead (text + stop, size - stop));)
            stop += step;
        run_t segment = *run;
        segment.at_start = run->at_start && done == 0;
        if (done < start)
            rc = encode (&segment, text + done, start - done);
        run->ids->at =
            aut_grow (run->ids->at, &run->ids->cap, run->ids->count + 1, sizeof *run->ids->at);
        run->ids->at[run->ids->count++] = token->id;
        done = stop;
    }
    run_t segment = *run;
    segment.at_start = run->at_start && done == 0;
    if (rc == 0 && done < size && run->ids->count < run->max)
        rc = encode (&segment, text + done, size - done);
    return rc;
}

/*  Two spaces or more are written as one "▁". */
static void collapse (const char *text, size_t size, aut_buffer_t *out)
{
    for (size_t at = 0; at < size;) {
        size_t end = at, spaces = 0;
        while (end < size && text[end] != ' ')
            end++;
        while (end + spaces < size && text[end + spaces] == ' ')
            spaces++;
        aut_buffer_append (out, text + at, end - at);
        if (spaces)
            aut_buffer_text (out, spaces > 1 ? METASPACE : " ");
        at = end + spaces;
    }
}

static int normalize (const tokenizer_t *self, const char *text, size_t size, aut_buffer_t *out)
{
    aut_buffer_t mapped = {0};
    int rc = charsmap_apply (self->charsmap, text, size, &mapped);
    size_t length = mapped.size;
    for (size_t step; self->files.strip && length && (step = white_behind (mapped.data, length));)
        length -= step;
    if (length && self->files.collapse)
        collapse (mapped.data, length, out);
    else if (length)
        aut_buffer_append (out, mapped.data, length);
    aut_buffer_clear (&mapped);
    return rc;
}

static int encode_segment (const run_t *run, const char *text, size_t size)
{
    aut_buffer_t normal = {0};
    int rc = normalize (run->self, text, size, &normal);
    if (rc == 0 && normal.size)
        rc = split (run, run->self->normalized, normal.data, normal.size, encode_plain);
    aut_buffer_clear (&normal);
    return rc;
}

static int check_text (const char *text, size_t size, size_t max)
{
    if (size > TEXT_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "a text of %zu bytes: at most %u are taken", size,
                         TEXT_MAX);
    if (max == 0)
        return aut_fail (AUT_ERR_INVALID, "no room for tokens");
    for (size_t at = 0, step; at < size; at += step)
        if ((step = aut_utf8_next (text + at, size - at, NULL)) == 0)
            return aut_fail (AUT_ERR_INVALID, "the text is not UTF-8 at byte %zu", at);
    return 0;
}

int tokenizer_encode (const tokenizer_t *self, const char *text, size_t max, int32_t **ids,
                      size_t *count)
{
    *ids = NULL;
    *count = 0;
    size_t size = strnlen (text, TEXT_MAX + 1u);
    int rc = check_text (text, size, max);
    if (rc)
        return rc;
    unigram_ids_t found = {0};
    run_t run = {.self = self, .ids = &found, .max = max - 1, .at_start = true};
    rc = split (&run, self->raw, text, size, encode_segment);
    if (rc) {
        free (found.at);
        return rc;
    }
    found.count = found.count < max ? found.count : max - 1;
    found.at = aut_grow (found.at, &found.cap, found.count + 1, sizeof *found.at);
    found.at[found.count++] = self->files.eos;
    *ids = found.at;
    *count = found.count;
    return 0;
}
