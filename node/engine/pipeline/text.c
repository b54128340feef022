/*  Text for the transformer: cleaned, tokenised, encoded, padded with zero rows to 512. */
#include "node/engine/pipeline/pipeline.h"
#include "node/engine/text/clean.h"

#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <stdlib.h>

/*  ids and mask as (1, 512), for whoever listens. */
static void show_ids (run_t *run, const int32_t *ids, size_t count, int32_t pad)
{
    if (!tap_wants (run->tap, "ids") && !tap_wants (run->tap, "mask"))
        return;
    int64_t padded[PIPELINE_TEXT_LENGTH], mask[PIPELINE_TEXT_LENGTH];
    for (size_t i = 0; i < PIPELINE_TEXT_LENGTH; i++) {
        padded[i] = i < count ? ids[i] : pad;
        mask[i] = i < count;
    }
    aten_t *c = run->c;
    aten_scope_t s = aten_open (c);
    tap (run->tap, c, aten_from_host (c, padded, AUT_DTYPE_I64, DIMS (1, PIPELINE_TEXT_LENGTH)),
         "ids");
    tap (run->tap, c, aten_from_host (c, mask, AUT_DTYPE_I64, DIMS (1, PIPELINE_TEXT_LENGTH)),
         "mask");
    aten_close (c, s, NULL);
}

/*  Text → (1, 512, text_dim), kept; NULL after an error in the context. */
static tensor_t *encode (run_t *run, const char *text)
{
    aten_t *c = run->c;
    char *cleaned = NULL;
    int32_t *ids = NULL;
    size_t count = 0;
    tensor_t *embeds = NULL;
    tokenizer_t *tokenizer = stages_tokenizer (run->stages);
    if (!tokenizer)
        return NULL;
    int rc = aut_clean_prompt (text, &cleaned);
    if (rc == 0)
        rc = tokenizer_encode (tokenizer, cleaned, PIPELINE_TEXT_LENGTH, &ids, &count);
    aten_fail_code (c, rc);
    if (rc == 0) {
        show_ids (run, ids, count, tokenizer_pad_id (tokenizer));
        umt5_t *encoder = stages_text (run->stages);
        aten_scope_t s = aten_open (c);
        embeds = encoder ? umt5_encode (encoder, ids, count, PIPELINE_TEXT_LENGTH) : NULL;
        tap (run->tap, c, embeds, "embeds");
        embeds = aten_keep (c, embeds);
        aten_close (c, s, NULL);
    }
    free (cleaned);
    free (ids);
    return embeds;
}

int pipeline_encode_text (run_t *run)
{
    const engine_request_t *request = run->request;
    size_t at = tap_enter (run->tap, "text.prompt");
    if (!run->prompt)
        run->prompt = encode (run, request->prompt);
    tap_leave (run->tap, at);
    if (run->guided && !run->negative) {
        at = tap_enter (run->tap, "text.negative");
        run->negative = encode (run, request->negative ? request->negative : "");
        tap_leave (run->tap, at);
    }
    return aten_status (run->c);
}
