/*  An ncnn pair of any bytes (the .param, a zero, the .bin): what is read lies in the .bin, and has
 *  the names and sizes that it says.
 */
#include "lib/core/error.h"
#include "node/engine/upscale/ncnn.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void must (bool holds)
{
    if (!holds)
        abort ();
}

static void check (const aut_tensor_t *tensor, const uint8_t *bin, size_t size)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < tensor->rank; i++)
        count *= tensor->shape[i];
    must (tensor->rank == 1 || tensor->rank == 4);
    must (count > 0 && count == tensor->count);
    must (tensor->size == count * aut_dtype_size (tensor->dtype));
    const uint8_t *at = tensor->data;
    must (at >= bin && at + tensor->size <= bin + size && (at - bin) % 4 == 0);
    must (strlen (tensor->name) < 64);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr (data, 0, size) : NULL;
    size_t text_size = zero ? (size_t)(zero - data) : size;
    size_t bin_size = zero ? size - text_size - 1 : 0;
    /* Copies of exactly these sizes, so that a read beyond them is seen. */
    char *text = calloc (text_size + 1, 1);
    uint8_t *bin = calloc (bin_size + 1, 1);
    if (text && bin) {
        memcpy (text, data, text_size);
        if (bin_size)
            memcpy (bin, zero + 1, bin_size);
        ncnn_t *ncnn = NULL;
        int rc = ncnn_parse (&ncnn, text, text_size, bin, bin_size, "x.param");
        must ((rc == 0) == (ncnn != NULL));
        must (rc == 0 || aut_error_detail ()[0] != 0);
        for (size_t i = 0; ncnn && i < ncnn_count (ncnn); i++) {
            check (&ncnn_tensors (ncnn)[i], bin, bin_size);
            must (i == 0 ||
                  strcmp (ncnn_tensors (ncnn)[i - 1].name, ncnn_tensors (ncnn)[i].name) < 0);
        }
        ncnn_close (&ncnn);
        must (ncnn == NULL);
    }
    free (bin);
    free (text);
    return 0;
}
