/*  Tensors' names: see names.h. */
#include "node/engine/upscale/names.h"

#include <stdio.h>

void upscale_srvgg_name (char name[UPSCALE_NAME_MAX], size_t index)
{
    snprintf (name, UPSCALE_NAME_MAX, "body.%zu", index);
}

void upscale_rrdb_name (char name[UPSCALE_NAME_MAX], size_t index, size_t blocks)
{
    static const char *const tail[UPSCALE_RRDB_TAIL] = {"conv_body", "conv_up1", "conv_up2",
                                                        "conv_hr", "conv_last"};
    size_t in_blocks = blocks * UPSCALE_RRDB_BLOCK, at = index - 1;
    if (index == 0)
        snprintf (name, UPSCALE_NAME_MAX, "conv_first");
    else if (at < in_blocks)
        snprintf (name, UPSCALE_NAME_MAX, "body.%zu.rdb%zu.conv%zu", at / UPSCALE_RRDB_BLOCK,
                  at % UPSCALE_RRDB_BLOCK / UPSCALE_RRDB_DENSE + 1, at % UPSCALE_RRDB_DENSE + 1);
    else
        snprintf (name, UPSCALE_NAME_MAX, "%s", tail[(at - in_blocks) % UPSCALE_RRDB_TAIL]);
}
