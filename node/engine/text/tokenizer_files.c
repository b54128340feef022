/*  The files come from outside: each has a bound, and what is not understood is refused by name, as
 *  it would change ids silently. They are read in the order of increasing authority.
 */
#include "node/engine/text/tokenizer_files.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "node/engine/shim/sentencepiece.h"
#include "node/engine/text/spiece.h"

#include <stdlib.h>
#include <string.h>

#define SPIECE_MAX (64u << 20)
#define TOKENIZER_JSON_MAX (48u << 20) /* 256 000 pieces are 17 MB */
#define SMALL_JSON_MAX (4u << 20)
#define TEXT_MAX 1024 /* bytes of a piece or token */
#define ADDED_MAX 65536
#define EXTRA_IDS_MAX 10000
#define METASPACE "\xE2\x96\x81"

typedef struct {
    tokenizer_files_t *files;
    const char *folder, *label;
    json_t *tokenizer, *config, *added, *map; /* NULL where the file is absent */
} reader_t;

/* ---- pieces ------------------------------------------------------------------------------- */

static int set_piece (tokenizer_files_t *self, size_t id, const char *text, double score)
{
    size_t size = text ? strlen (text) : 0;
    if (size == 0 || size > TEXT_MAX || id > TOKENIZER_ID_MAX || id > self->piece_count)
        return aut_fail (AUT_ERR_CORRUPT, "piece %zu is empty or longer than %d bytes", id,
                         TEXT_MAX);
    if (id == self->piece_count) {
        self->pieces = aut_grow (self->pieces, &self->piece_cap, id + 1, sizeof *self->pieces);
        self->scores = aut_grow (self->scores, &self->score_cap, id + 1, sizeof *self->scores);
        self->pieces[self->piece_count++] = aut_strdup (text);
    } else if (strcmp (self->pieces[id], text) != 0) {
        free (self->pieces[id]);
        self->pieces[id] = aut_strdup (text);
    }
    self->scores[id] = score;
    return 0;
}

static int32_t find_piece (const tokenizer_files_t *self, const char *text)
{
    for (size_t i = 0; i < self->piece_count; i++)
        if (strcmp (self->pieces[i], text) == 0)
            return (int32_t)i;
    return -1;
}

static int take_table (tokenizer_files_t *self, const char *path, const char *label)
{
    char *data = NULL;
    size_t size = 0;
    spiece_t specs;
    int rc = aut_file_read (path, SPIECE_MAX, &data, &size);
    if (rc == 0)
        rc = spiece_read (&specs, data, size, label);
    if (rc == 0 && !specs.unigram)
        rc = aut_fail (AUT_ERR_UNSUPPORTED, "%s: only Unigram models are supported", label);
    if (rc == 0) {
        self->bytes = specs.bytes;
        self->charsmap_size = specs.charsmap_size;
        self->charsmap = aut_try_alloc (specs.charsmap_size + 1, 1);
        rc = self->charsmap ? 0 : AUT_ERR_NOMEM;
    }
    if (rc == 0 && specs.charsmap_size)
        memcpy (self->charsmap, specs.charsmap, specs.charsmap_size);
    free (data);
    return rc;
}

static int read_spiece (tokenizer_files_t *self, const char *folder, const char *label)
{
    char *path = aut_path_join (folder, "spiece.model", NULL);
    char *name = aut_sprintf ("%s/spiece.model", label);
    spm_t *spm = NULL;
    int rc = 0;
    if (!aut_file_exists (path))
        rc = aut_fail (AUT_ERR_NOT_FOUND, "%s is missing: there is no %s", name, path);
    if (rc == 0)
        rc = spm_open (&spm, path);
    for (int32_t id = 0; rc == 0 && id < spm_count (spm); id++)
        rc = set_piece (self, (size_t)id, spm_piece (spm, id), spm_score (spm, id));
    if (rc == 0)
        self->unknown = spm_unknown_id (spm);
    if (rc == 0)
        rc = take_table (self, path, name);
    spm_close (&spm);
    free (path);
    free (name);
    return rc;
}

/* ---- added tokens ------------------------------------------------------------------------- */

static int add_token (tokenizer_files_t *self, const char *text, int64_t id)
{
    size_t size = text ? strlen (text) : 0;
    if (size > TEXT_MAX || id < 0 || id > TOKENIZER_ID_MAX || self->added_count == ADDED_MAX)
        return aut_fail (AUT_ERR_INVALID,
                         "added token %lld: a token has at most %d bytes, an id of 0 … %d, and "
                         "there are at most %d",
                         (long long)id, TEXT_MAX, TOKENIZER_ID_MAX, ADDED_MAX);
    if (size == 0)
        return 0;
    self->added =
        aut_grow (self->added, &self->added_cap, self->added_count + 1, sizeof *self->added);
    self->added[self->added_count++] =
        (tokenizer_added_t){.text = aut_strdup (text), .id = (int32_t)id};
    return 0;
}

/*  {"content": …, "lstrip": …, …} */
static int add_described (tokenizer_files_t *self, const json_t *token, int64_t id)
{
    const char *text = json_string_value (json_object_get (token, "content"));
    if (!text)
        return aut_fail (AUT_ERR_INVALID, "added token %lld has no content", (long long)id);
    if (json_is_true (json_object_get (token, "single_word")))
        return aut_fail (AUT_ERR_UNSUPPORTED, "added token %lld: single_word is not supported",
                         (long long)id);
    size_t before = self->added_count;
    int rc = add_token (self, text, id);
    if (rc || self->added_count == before)
        return rc;
    tokenizer_added_t *added = &self->added[before];
    const json_t *normalized = json_object_get (token, "normalized");
    added->left = json_is_true (json_object_get (token, "lstrip"));
    added->right = json_is_true (json_object_get (token, "rstrip"));
    added->normalized =
        normalized ? json_is_true (normalized) : !json_is_true (json_object_get (token, "special"));
    return 0;
}

/*  A name, or a description, of a token that is a piece already. */
static int add_named (tokenizer_files_t *self, const json_t *token)
{
    const char *text = json_string_value (token);
    if (!text)
        text = json_string_value (json_object_get (token, "content"));
    int32_t id = text ? find_piece (self, text) : -1;
    if (id < 0)
        return 0;
    return json_is_object (token) && json_object_get (token, "normalized")
               ? add_described (self, token, id)
               : add_token (self, text, id);
}

/*  The names in special_tokens_map.json or tokenizer_config.json. */
static int add_special (tokenizer_files_t *self, const json_t *map)
{
    static const char *const keys[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof keys / sizeof *keys; i++)
        rc = add_named (self, json_object_get (map, keys[i]));
    const json_t *more = json_object_get (map, "additional_special_tokens");
    for (size_t i = 0; rc == 0 && i < json_array_size (more); i++)
        rc = add_named (self, json_array_get (more, i));
    return rc;
}

static int add_decoder (tokenizer_files_t *self, json_t *decoder)
{
    const char *key;
    json_t *token;
    json_object_foreach (decoder, key, token)
    {
        char *end;
        long id = strtol (key, &end, 10);
        int rc = *key && !*end ? add_described (self, token, id)
                               : aut_fail (AUT_ERR_INVALID, "\"%.40s\" is no id", key);
        if (rc)
            return aut_fail_in (rc, "added_tokens_decoder");
    }
    return 0;
}

/*  A token that added_tokens.json has: normalised unless it is special. */
static int add_legacy (tokenizer_files_t *self, json_t *added)
{
    const char *text;
    json_t *id;
    size_t special = self->added_count;
    json_object_foreach (added, text, id)
    {
        if (!json_is_integer (id))
            return aut_fail (AUT_ERR_INVALID, "the id of \"%.40s\" is no whole number", text);
        bool known = false;
        for (size_t i = 0; i < special && !known; i++)
            known = strcmp (self->added[i].text, text) == 0;
        size_t before = self->added_count;
        int rc = add_token (self, text, json_integer_value (id));
        if (rc)
            return rc;
        if (self->added_count > before)
            self->added[before].normalized = !known;
    }
    return 0;
}

/* ---- tokenizer.json ----------------------------------------------------------------------- */

static const char *type_of (const json_t *object)
{
    const char *type = json_string_value (json_object_get (object, "type"));
    return type ? type : "none";
}

static int read_normalizer_step (tokenizer_files_t *self, const json_t *step)
{
    const char *type = type_of (step);
    if (strcmp (type, "Precompiled") == 0)
        return 0;
    if (strcmp (type, "Strip") == 0 && json_is_false (json_object_get (step, "strip_left")) &&
        json_is_true (json_object_get (step, "strip_right"))) {
        self->strip = true;
        return 0;
    }
    const json_t *pattern = json_object_get (step, "pattern");
    const char *regex = json_string_value (json_object_get (pattern, "Regex"));
    const char *content = json_string_value (json_object_get (step, "content"));
    if (strcmp (type, "Replace") == 0 && regex && content && strcmp (regex, " {2,}") == 0 &&
        (strcmp (content, METASPACE) == 0 || strcmp (content, " ") == 0)) {
        self->collapse = true;
        return 0;
    }
    return aut_fail (AUT_ERR_UNSUPPORTED, "normalizer: such a %.40s is not supported", type);
}

/*  Precompiled, then what may follow it, in this order. */
static int read_normalizer (tokenizer_files_t *self, const json_t *normalizer)
{
    bool many = strcmp (type_of (normalizer), "Sequence") == 0;
    const json_t *steps = json_object_get (normalizer, "normalizers");
    size_t count = many ? json_array_size (steps) : 1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const json_t *step = many ? json_array_get (steps, i) : normalizer;
        bool first = strcmp (type_of (step), "Precompiled") == 0;
        if (first != (i == 0) || i > 2 || (i == 2 && self->collapse))
            return aut_fail (AUT_ERR_UNSUPPORTED,
                             "normalizer: only Precompiled, Strip, Replace, in "
                             "this order, are supported");
        rc = read_normalizer_step (self, step);
    }
    return count == 0 ? aut_fail (AUT_ERR_UNSUPPORTED, "normalizer: Precompiled is missing") : rc;
}

static int read_metaspace (tokenizer_files_t *self, const json_t *step)
{
    const char *with = json_string_value (json_object_get (step, "replacement"));
    const char *scheme = json_string_value (json_object_get (step, "prepend_scheme"));
    bool off = json_is_false (json_object_get (step, "split")) ||
               (!scheme && json_is_false (json_object_get (step, "add_prefix_space")));
    scheme = scheme ? scheme : "always";
    self->prefix_first = strcmp (scheme, "first") == 0;
    if (off || !with || strcmp (with, METASPACE) != 0 ||
        (!self->prefix_first && strcmp (scheme, "always") != 0))
        return aut_fail (AUT_ERR_UNSUPPORTED, "pre_tokenizer: such a Metaspace is not supported");
    return 0;
}

/*  Metaspace, perhaps after WhitespaceSplit. */
static int read_pre_tokenizer (tokenizer_files_t *self, const json_t *pre_tokenizer)
{
    const json_t *last = pre_tokenizer;
    if (strcmp (type_of (pre_tokenizer), "Sequence") == 0) {
        const json_t *steps = json_object_get (pre_tokenizer, "pretokenizers");
        size_t count = json_array_size (steps);
        last = json_array_get (steps, count ? count - 1 : 0);
        self->split_white =
            count == 2 && strcmp (type_of (json_array_get (steps, 0)), "WhitespaceSplit") == 0;
        if (count != 1 && !self->split_white)
            last = NULL;
    }
    if (strcmp (type_of (last), "Metaspace") != 0)
        return aut_fail (AUT_ERR_UNSUPPORTED, "pre_tokenizer: only Metaspace, alone or after "
                                              "WhitespaceSplit, is supported");
    return read_metaspace (self, last);
}

static int read_model (tokenizer_files_t *self, const json_t *model)
{
    if (strcmp (type_of (model), "Unigram") != 0)
        return aut_fail (AUT_ERR_UNSUPPORTED, "model: %.40s is not supported, only Unigram is",
                         type_of (model));
    const json_t *vocab = json_object_get (model, "vocab");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size (vocab); i++) {
        const json_t *entry = json_array_get (vocab, i), *score = json_array_get (entry, 1);
        if (!json_is_number (score))
            return aut_fail (AUT_ERR_INVALID, "vocab: entry %zu is not [piece, score]", i);
        rc = set_piece (self, i, json_string_value (json_array_get (entry, 0)),
                        json_number_value (score));
    }
    const json_t *unknown = json_object_get (model, "unk_id");
    if (json_is_integer (unknown) && json_integer_value (unknown) >= 0 &&
        json_integer_value (unknown) <= TOKENIZER_ID_MAX)
        self->unknown = (int32_t)json_integer_value (unknown);
    self->bytes = json_is_true (json_object_get (model, "byte_fallback"));
    return rc;
}

static int read_tokenizer (tokenizer_files_t *self, const json_t *tokenizer)
{
    self->strip = self->collapse = false;
    int rc = read_normalizer (self, json_object_get (tokenizer, "normalizer"));
    if (rc == 0)
        rc = read_pre_tokenizer (self, json_object_get (tokenizer, "pre_tokenizer"));
    if (rc == 0)
        rc = read_model (self, json_object_get (tokenizer, "model"));
    return rc;
}

static int add_tokenizer (tokenizer_files_t *self, const json_t *added)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size (added); i++) {
        const json_t *token = json_array_get (added, i), *id = json_object_get (token, "id");
        rc = json_is_integer (id) ? add_described (self, token, json_integer_value (id))
                                  : aut_fail (AUT_ERR_INVALID, "added token %zu has no id", i);
    }
    return rc;
}

/* ---- the folder --------------------------------------------------------------------------- */

/*  How many <extra_id_N> there are when no config says it: those that are named, or T5's 100. */
static int64_t named_extra_ids (const json_t *map)
{
    const json_t *names = json_object_get (map, "additional_special_tokens");
    int64_t count = 0;
    for (size_t i = 0; i < json_array_size (names); i++) {
        const char *name = json_string_value (json_array_get (names, i));
        count += name && strncmp (name, "<extra_id_", 10) == 0;
    }
    return count ? count : 100;
}

/*  Without tokenizer.json the pieces end with <extra_id_N>, the highest first, and T5's own special
 *  tokens are added ones. */
static int add_defaults (tokenizer_files_t *self, const json_t *config, const json_t *map)
{
    const json_t *given = json_object_get (config, "extra_ids");
    int64_t count = json_is_integer (given) ? json_integer_value (given) : named_extra_ids (map);
    if (count < 0 || count > EXTRA_IDS_MAX)
        return aut_fail (AUT_ERR_INVALID, "extra_ids: %lld is not in 0 … %d", (long long)count,
                         EXTRA_IDS_MAX);
    static const char *const names[] = {"<pad>", "</s>", "<unk>"};
    size_t first = self->piece_count;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof names / sizeof *names; i++) {
        int32_t id = find_piece (self, names[i]);
        rc = id < 0 ? 0 : add_token (self, names[i], id);
    }
    for (int64_t i = count - 1; rc == 0 && i >= 0; i--) {
        char *name = aut_sprintf ("<extra_id_%lld>", (long long)i);
        rc = set_piece (self, self->piece_count, name, 0.0);
        free (name);
    }
    for (size_t i = first; rc == 0 && i < self->piece_count; i++)
        rc = add_token (self, self->pieces[i], (int64_t)i);
    const json_t *legacy = json_object_get (config, "legacy");
    self->prefix_first = json_is_false (legacy);
    return rc;
}

static int32_t special_id (const reader_t *self, const char *key, const char *otherwise)
{
    const json_t *token = json_object_get (self->config, key);
    token = token && !json_is_null (token) ? token : json_object_get (self->map, key);
    const char *text =
        json_string_value (json_is_object (token) ? json_object_get (token, "content") : token);
    text = text ? text : otherwise;
    for (size_t i = self->files->added_count; i > 0; i--)
        if (strcmp (self->files->added[i - 1].text, text) == 0)
            return self->files->added[i - 1].id;
    return find_piece (self->files, text);
}

static int load (const reader_t *self, json_t **out, const char *name, size_t max)
{
    char *path = aut_path_join (self->folder, name, NULL);
    int rc = aut_file_exists (path) ? aut_json_load (out, path, max) : 0;
    free (path);
    if (rc == 0 && *out && !json_is_object (*out))
        rc = aut_fail (AUT_ERR_INVALID, "not a JSON object");
    return rc ? aut_fail_in (rc, "%s/%s", self->label, name) : 0;
}

static int in (const reader_t *self, int rc, const char *name)
{
    return rc ? aut_fail_in (rc, "%s/%s", self->label, name) : 0;
}

static int assemble (reader_t *self)
{
    tokenizer_files_t *files = self->files;
    int rc = 0;
    if (self->tokenizer)
        rc = in (self, read_tokenizer (files, self->tokenizer), "tokenizer.json");
    else
        rc = in (self, add_defaults (files, self->config, self->map), "tokenizer_config.json");
    json_t *decoder = json_object_get (self->config, "added_tokens_decoder");
    if (rc == 0 && !decoder)
        rc = in (self, add_special (files, self->map), "special_tokens_map.json");
    if (rc == 0 && !decoder)
        rc = in (self, add_special (files, self->config), "tokenizer_config.json");
    if (rc == 0 && !decoder)
        rc = in (self, add_legacy (files, self->added), "added_tokens.json");
    if (rc == 0)
        rc = in (self, add_decoder (files, decoder), "tokenizer_config.json");
    const json_t *added = json_object_get (self->tokenizer, "added_tokens");
    if (rc == 0)
        rc = in (self, add_tokenizer (files, added), "tokenizer.json");
    if (rc)
        return rc;
    files->eos = special_id (self, "eos_token", "</s>");
    files->pad = special_id (self, "pad_token", "<pad>");
    files->pad = files->pad < 0 ? 0 : files->pad;
    return files->eos < 0 ? aut_fail (AUT_ERR_CORRUPT, "%s: the end token is no piece", self->label)
                          : 0;
}

int tokenizer_files_read (tokenizer_files_t *out, const char *folder, const char *label)
{
    *out = (tokenizer_files_t){.strip = true, .collapse = true};
    reader_t reader = {.files = out, .folder = folder, .label = label};
    int rc = read_spiece (out, folder, label);
    if (rc == 0)
        rc = load (&reader, &reader.tokenizer, "tokenizer.json", TOKENIZER_JSON_MAX);
    if (rc == 0)
        rc = load (&reader, &reader.config, "tokenizer_config.json", SMALL_JSON_MAX);
    if (rc == 0)
        rc = load (&reader, &reader.added, "added_tokens.json", SMALL_JSON_MAX);
    if (rc == 0)
        rc = load (&reader, &reader.map, "special_tokens_map.json", SMALL_JSON_MAX);
    if (rc == 0)
        rc = assemble (&reader);
    json_decref (reader.tokenizer);
    json_decref (reader.config);
    json_decref (reader.added);
    json_decref (reader.map);
    return rc;
}

void tokenizer_files_clear (tokenizer_files_t *self)
{
    for (size_t i = 0; i < self->piece_count; i++)
        free (self->pieces[i]);
    for (size_t i = 0; i < self->added_count; i++)
        free (self->added[i].text);
    free (self->pieces);
    free (self->scores);
    free (self->charsmap);
    free (self->added);
    *self = (tokenizer_files_t){0};
}
