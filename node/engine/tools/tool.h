/*  What the engine's tools share: options and exit codes. */
#ifndef AUT_ENGINE_TOOLS_TOOL_H
#define AUT_ENGINE_TOOLS_TOOL_H

#include "node/engine/engine.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/*  "fp32" or "bf16" → an element type. */
int tool_dtype (aut_dtype_t *out, const char *text);

/*  Prints "program: detail" for the error that was just recorded, and gives the exit code for it:
 *  EXIT_USAGE for input that breaks a rule, EXIT_FAILED for the rest. */
int tool_report (const char *program, int rc);

#endif
