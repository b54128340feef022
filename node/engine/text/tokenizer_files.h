/*  What the files of a tokenizer's folder say, brought into one form.
 *
 *      spiece.model             the pieces with their scores, the normaliser's table
 *      tokenizer.json           optional; what `tokenizers` runs, so it has the last word on pieces
 *                               and added tokens; says how text is prepared
 *      tokenizer_config.json    optional: added tokens, their flags, how many <extra_id_N> there
 * are added_tokens.json        optional, older: added tokens with their ids special_tokens_map.json
 * optional: names of special tokens
 */
#ifndef AUT_ENGINE_TEXT_TOKENIZER_FILES_H
#define AUT_ENGINE_TEXT_TOKENIZER_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOKENIZER_ID_MAX (1 << 24)

/*  A token that is found in the text as it stands. */
typedef struct {
    char *text;
    int32_t id;
    bool left, right; /* takes the white space on that side with it */
    bool normalized;  /* is looked for in the text after normalisation */
} tokenizer_added_t;

typedef struct {
    char **pieces; /* a piece's id is its index */
    double *scores;
    size_t piece_count, piece_cap, score_cap;
    int32_t unknown, eos, pad;
    bool bytes; /* unknown characters are spelled in bytes */
    char *charsmap;
    size_t charsmap_size;
    bool strip, collapse; /* white space at the end goes; two spaces or more become one */
    bool split_white;     /* words end at any white space */
    bool prefix_first;    /* only the text's beginning gets a space in front, not each segment */
    tokenizer_added_t *added; /* of equal ones the last counts */
    size_t added_count, added_cap;
} tokenizer_files_t;

/*  Reads a folder. Errors name the file below `label`: AUT_ERR_NOT_FOUND without spiece.model,
 *  AUT_ERR_CORRUPT, AUT_ERR_INVALID, AUT_ERR_UNSUPPORTED for another kind of tokenizer. Cleared in
 *  any case with tokenizer_files_clear. */
int tokenizer_files_read (tokenizer_files_t *out, const char *folder, const char *label);
void tokenizer_files_clear (tokenizer_files_t *self);

#endif
