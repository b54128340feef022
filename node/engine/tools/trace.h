/*  auteur-trace: its two ways to run. */
#ifndef AUT_ENGINE_TOOLS_TRACE_H
#define AUT_ENGINE_TOOLS_TRACE_H

#include "node/engine/engine.h"

/*  Runs the case of `case_path` and writes the tensors that it lists to `out_path`. */
int trace_case (const engine_options_t *options, const char *case_path, const char *out_path);

/*  Cleans and tokenises the strings of `strings_path`, {"strings": [{"text"}]}, and writes
 *  {"strings": [{"text", "cleaned", "ids"}]} to `out_path`. */
int trace_tokens (const char *model, const char *strings_path, const char *out_path);

#endif
