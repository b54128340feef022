/*  Reads an ncnn .param:
 *
 *      7767517
 *      LAYERS BLOBS
 *      KIND NAME INPUTS OUTPUTS [INPUT …] [OUTPUT …] [ID=VALUE …] [-233xx=COUNT,VALUE,…]
 *
 *  Parameter xx as an array has the number −23300 − xx. A blob is made by one layer, before it is
 *  used.
 */
#include "node/engine/upscale/ncnn_param.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "7767517"
#define ARRAY_BASE (-23300)
#define TABLE_SIZE ((size_t)2 * NCNN_BLOBS_MAX) /* a power of two */
#define SHOWN_MAX 40

/*  A place in the text. */
typedef struct {
    const char *at;
    size_t length;
} word_t;

typedef struct {
    const char *at, *end, *label;
    size_t line;
    word_t *blobs;   /* by number */
    uint32_t *table; /* hash → number + 1 */
    ncnn_param_t *out;
    size_t blob_want;
} parser_t;

static const char *const kind_texts[] = {
#define NCNN_TEXT(name, text) text,
    NCNN_KINDS (NCNN_TEXT)
#undef NCNN_TEXT
};

const char *ncnn_kind_text (ncnn_kind_t kind)
{
    return kind < NCNN_KIND_COUNT ? kind_texts[kind] : "?";
}

double ncnn_value (const ncnn_layer_t *layer, unsigned id, double otherwise)
{
    return id < NCNN_PARAMS_MAX && layer->given >> id & 1 ? layer->value[id] : otherwise;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static int wrong (const parser_t *p, const char *what)
{
    return aut_fail (AUT_ERR_CORRUPT, "%s: line %zu: %s", p->label, p->line, what);
}

/*  The same with the word in question, as far as it can be shown. */
static int wrong_word (const parser_t *p, int code, word_t word, const char *what)
{
    aut_buffer_t shown = {0};
    char *cut = aut_strndup (word.at, word.length < SHOWN_MAX ? word.length : SHOWN_MAX);
    aut_buffer_printable (&shown, cut);
    free (cut);
    char *text = aut_buffer_take (&shown, NULL);
    int rc = aut_fail (code, "%s: line %zu: \"%s\" %s", p->label, p->line, text, what);
    free (text);
    return rc;
}

/* ---- words ----------------------------------------------------------------------------------- */

static bool is_blank (char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/*  The next word of the line; of length 0 at its end. */
static word_t next_word (parser_t *p)
{
    while (p->at < p->end && is_blank (*p->at))
        p->at++;
    word_t word = {.at = p->at};
    while (p->at < p->end && !is_blank (*p->at) && *p->at != '\n')
        p->at++;
    word.length = (size_t)(p->at - word.at);
    return word;
}

/*  Goes to the next line; false at the end of the text. */
static bool next_line (parser_t *p)
{
    while (p->at < p->end && *p->at != '\n')
        p->at++;
    if (p->at < p->end)
        p->at++;
    p->line++;
    return p->at < p->end;
}

static bool read_number (word_t word, double *out)
{
    char text[48], *end = NULL;
    if (word.length == 0 || word.length >= sizeof text)
        return false;
    memcpy (text, word.at, word.length);
    text[word.length] = 0;
    if (strspn (text, "+-.0123456789eE") != word.length)
        return false;
    errno = 0;
    *out = strtod (text, &end);
    return *end == 0 && isfinite (*out);
}

static bool read_count (word_t word, size_t max, size_t *out)
{
    double value = 0;
    if (word.length > 9 || !read_number (word, &value) || value < 0 || value > (double)max ||
        floor (value) != value)
        return false;
    *out = (size_t)value;
    return true;
}

/* ---- blobs ----------------------------------------------------------------------------------- */

/*  The place of a name in the table: its own, or the free one where it would go (FNV-1a). */
static uint32_t *slot_of (const parser_t *p, word_t name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.length; i++)
        hash = (hash ^ (uint8_t)name.at[i]) * 16777619u;
    for (size_t i = hash & (TABLE_SIZE - 1);; i = (i + 1) & (TABLE_SIZE - 1)) {
        uint32_t number = p->table[i];
        if (number == 0)
            return &p->table[i];
        const word_t *known = &p->blobs[number - 1];
        if (known->length == name.length && memcmp (known->at, name.at, name.length) == 0)
            return &p->table[i];
    }
}

static int read_joins (parser_t *p, ncnn_layer_t *layer)
{
    for (size_t i = 0; i < layer->in_count; i++) {
        word_t name = next_word (p);
        if (name.length == 0)
            return wrong (p, "the line ends before its inputs do");
        uint32_t number = *slot_of (p, name);
        if (number == 0)
            return wrong_word (p, AUT_ERR_CORRUPT, name, "is used before a layer makes it");
        layer->in[i] = number - 1;
    }
    layer->first_out = (uint32_t)p->out->blob_count;
    for (size_t i = 0; i < layer->out_count; i++) {
        word_t name = next_word (p);
        if (name.length == 0)
            return wrong (p, "the line ends before its outputs do");
        uint32_t *slot = slot_of (p, name);
        if (*slot != 0)
            return wrong_word (p, AUT_ERR_CORRUPT, name, "is made twice");
        if (p->out->blob_count >= p->blob_want)
            return wrong (p, "there are more blobs than the second line says");
        p->blobs[p->out->blob_count++] = name;
        *slot = (uint32_t)p->out->blob_count;
    }
    return AUT_OK;
}

/* ---- parameters ------------------------------------------------------------------------------ */

/*  "COUNT,VALUE,VALUE" */
static int read_array (parser_t *p, ncnn_layer_t *layer, unsigned id, word_t text)
{
    const char *end = text.at + text.length;
    size_t count = 0, at = 0;
    for (const char *from = text.at; from <= end; at++) {
        const char *comma = memchr (from, ',', (size_t)(end - from));
        word_t word = {.at = from, .length = (size_t)((comma ? comma : end) - from)};
        if (at == 0 ? !read_count (word, NCNN_ARRAY_MAX, &count)
                    : at > count || !read_number (word, &layer->array[at - 1]))
            return wrong_word (p, AUT_ERR_CORRUPT, text, "is not a list COUNT,VALUE,…");
        if (!comma)
            break;
        from = comma + 1;
    }
    if (at != count || layer->array_count > 0)
        return wrong_word (p, AUT_ERR_CORRUPT, text,
                           "has another length than it says, or is a second list");
    layer->array_of = id;
    layer->array_count = count;
    return AUT_OK;
}

static int read_params (parser_t *p, ncnn_layer_t *layer)
{
    for (word_t word = next_word (p); word.length > 0; word = next_word (p)) {
        const char *equals = memchr (word.at, '=', word.length);
        double id = 0;
        if (!equals || !read_number ((word_t){word.at, (size_t)(equals - word.at)}, &id) ||
            floor (id) != id)
            return wrong_word (p, AUT_ERR_CORRUPT, word, "is not a parameter NUMBER=VALUE");
        word_t value = {.at = equals + 1, .length = word.length - (size_t)(equals + 1 - word.at)};
        int rc = AUT_OK;
        if (id <= ARRAY_BASE && id > ARRAY_BASE - NCNN_PARAMS_MAX) {
            rc = read_array (p, layer, (unsigned)(ARRAY_BASE - id), value);
        } else if (id >= 0 && id < NCNN_PARAMS_MAX) {
            unsigned i = (unsigned)id;
            if (layer->given >> i & 1 || !read_number (value, &layer->value[i]))
                rc = wrong_word (p, AUT_ERR_CORRUPT, word, "is no number, or stands there twice");
            layer->given |= 1u << i;
        } else {
            rc = wrong_word (p, AUT_ERR_UNSUPPORTED, word, "is a parameter that is not known here");
        }
        if (rc != AUT_OK)
            return rc;
    }
    return AUT_OK;
}

/* ---- layers ---------------------------------------------------------------------------------- */

static int read_kind (parser_t *p, ncnn_layer_t *layer)
{
    word_t word = next_word (p);
    for (size_t i = 0; i < NCNN_KIND_COUNT; i++)
        if (strlen (kind_texts[i]) == word.length &&
            memcmp (kind_texts[i], word.at, word.length) == 0) {
            layer->kind = (ncnn_kind_t)i;
            return AUT_OK;
        }
    return wrong_word (p, AUT_ERR_UNSUPPORTED, word,
                       "is a layer that neither SRVGGNetCompact nor RRDBNet has");
}

static int read_layer (parser_t *p, ncnn_layer_t *layer)
{
    layer->line = p->line;
    int rc = read_kind (p, layer);
    if (rc != AUT_OK)
        return rc;
    if (next_word (p).length == 0 ||
        !read_count (next_word (p), NCNN_JOINS_MAX, &layer->in_count) ||
        !read_count (next_word (p), NCNN_JOINS_MAX, &layer->out_count))
        return wrong (p, "a layer is KIND NAME INPUTS OUTPUTS …, with at most 16 of each");
    rc = read_joins (p, layer);
    return rc == AUT_OK ? read_params (p, layer) : rc;
}

/*  The first two lines. */
static int read_head (parser_t *p, size_t *layers)
{
    word_t magic = next_word (p);
    p->line = 1;
    if (magic.length != strlen (MAGIC) || memcmp (magic.at, MAGIC, magic.length) != 0)
        return wrong (p, "does not begin with " MAGIC ": it is no .param of ncnn (binary ones are "
                         "not read)");
    next_line (p);
    if (!read_count (next_word (p), NCNN_LAYERS_MAX, layers) || *layers == 0 ||
        !read_count (next_word (p), NCNN_BLOBS_MAX, &p->blob_want) || p->blob_want == 0)
        return wrong (p, "is not the numbers of layers and blobs (at most 8192 and 16384)");
    next_line (p);
    return AUT_OK;
}

static int read_layers (parser_t *p, size_t layers)
{
    p->out->layers = aut_calloc (layers, sizeof *p->out->layers);
    while (p->at < p->end) {
        const char *line = p->at;
        bool blank = next_word (p).length == 0;
        p->at = line;
        if (!blank) {
            if (p->out->layer_count == layers)
                return wrong (p, "there are more layers than the second line says");
            int rc = read_layer (p, &p->out->layers[p->out->layer_count++]);
            if (rc != AUT_OK)
                return rc;
        }
        next_line (p);
    }
    if (p->out->layer_count != layers || p->out->blob_count != p->blob_want)
        return aut_fail (AUT_ERR_CORRUPT,
                         "%s: has %zu layers and %zu blobs, and line 2 says %zu and %zu: it is cut "
                         "off",
                         p->label, p->out->layer_count, p->out->blob_count, layers, p->blob_want);
    return AUT_OK;
}

int ncnn_param_parse (ncnn_param_t *out, const char *text, size_t size, const char *label)
{
    *out = (ncnn_param_t){0};
    if (size > NCNN_TEXT_MAX)
        return aut_fail (AUT_ERR_TOO_LARGE, "%s: has more than %zu bytes", label, NCNN_TEXT_MAX);
    size_t layers = 0;
    parser_t parser = {.at = text, .end = text + size, .label = label, .out = out};
    int rc = read_head (&parser, &layers);
    if (rc != AUT_OK)
        return rc;
    parser.blobs = aut_calloc (parser.blob_want, sizeof *parser.blobs);
    parser.table = aut_calloc (TABLE_SIZE, sizeof *parser.table);
    rc = read_layers (&parser, layers);
    free (parser.blobs);
    free (parser.table);
    return rc;
}

void ncnn_param_clear (ncnn_param_t *self)
{
    free (self->layers);
    *self = (ncnn_param_t){0};
}
