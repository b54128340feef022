/*  What the engine's tools share: see tool.h. */
#include "node/engine/tools/tool.h"

#include "lib/core/error.h"

#include <stdio.h>
#include <string.h>

int tool_dtype (aut_dtype_t *out, const char *text)
{
    if (strcmp (text, "fp32") == 0)
        *out = AUT_DTYPE_F32;
    else if (strcmp (text, "bf16") == 0)
        *out = AUT_DTYPE_BF16;
    else
        return aut_fail (AUT_ERR_INVALID, "--dtype: '%s' is neither fp32 nor bf16", text);
    return 0;
}

int tool_report (const char *program, int rc)
{
    if (rc == 0)
        return EXIT_DONE;
    fprintf (stderr, "%s: %s\n", program, aut_error_detail ());
    if (rc == AUT_ERR_CANCELLED)
        return EXIT_INTERRUPTED;
    return rc == AUT_ERR_INVALID || rc == AUT_ERR_NOT_FOUND || rc == AUT_ERR_UNSUPPORTED
               ? EXIT_USAGE
               : EXIT_FAILED;
}
