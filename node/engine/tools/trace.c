/*  auteur-trace: what the engine computes on the way from a prompt to the frames, for comparing
 * with reference tensors. It listens at the taps of the functions that auteur-generate and the node
 *  call; there is no second implementation. */
#include "node/engine/tools/trace.h"
#include "node/engine/tools/tool.h"

#include "lib/core/error.h"
#include "lib/core/options.h"

#include <stdio.h>

static const char about[] =
    "Runs a case and writes every tensor that its \"tensors\" names, under the same name and "
    "shape. Pictures and videos that the case is given (names that end in u8) are read from the "
    "safetensors file with the case's stem.\n"
    "\n"
    "With --tokens it writes what becomes of strings instead: cleaned text and ids.\n"
    "\n"
    "Example: auteur-trace --model goldens/wan21-t2v/model --case goldens/wan21-t2v/golden.json "
    "-o trace.safetensors";

int main (int argc, char **argv)
{
    const char *model = NULL, *case_path = NULL, *tokens = NULL, *out = NULL;
    const char *device = "cpu", *dtype = "fp32";
    int64_t threads = 0, limit = 0;
    const aut_opt_t table[] = {
        {"model", 'm', AUT_OPT_STRING, &model, "DIR",
         "The model: a diffusers folder, or ORG/NAME in the Hugging Face cache.", NULL, 0, 0},
        {"case", 'c', AUT_OPT_STRING, &case_path, "CASE.json", "The case to run.", NULL, 0, 0},
        {"tokens", 't', AUT_OPT_STRING, &tokens, "STRINGS.json",
         "Clean and tokenise these strings instead.", NULL, 0, 0},
        {"device", 'd', AUT_OPT_STRING, &device, "DEVICE", "cpu (default) or cuda:N.", NULL, 0, 0},
        {"dtype", 0, AUT_OPT_STRING, &dtype, "TYPE", "fp32 (default) or bf16.", NULL, 0, 0},
        {"threads", 0, AUT_OPT_INT, &threads, "N", "CPU threads; 0 (default): one per core.", NULL,
         0, 1024},
        {"memory-limit", 0, AUT_OPT_INT, &limit, "MIB",
         "Device memory to stay within; 0 (default): what there is.", NULL, 0, 1 << 24},
        {"output", 'o', AUT_OPT_STRING, &out, "FILE", "Where to write.", NULL, 0, 0},
        {NULL, 0, AUT_OPT_FLAG, NULL, NULL, NULL, NULL, 0, 0},
    };
    const aut_opt_info_t info = {
        .program = "auteur-trace",
        .usage = "--model DIR (--case CASE.json | --tokens STRINGS.json) -o FILE",
        .about = about};
    size_t operands = 0;
    aut_opt_result_t parsed = aut_options_parse (&info, table, argc, argv, NULL, &operands);
    if (parsed != AUT_OPT_GO)
        return parsed == AUT_OPT_EXIT_OK ? EXIT_DONE : EXIT_USAGE;

    engine_options_t options = {.model = model, .device = device, .threads = (int)threads};
    options.memory_limit = (uint64_t)limit << 20;
    int rc = tool_dtype (&options.dtype, dtype);
    if (rc == 0 && (!model || !out || !case_path == !tokens))
        rc = aut_fail (AUT_ERR_INVALID, "say --model, one of --case and --tokens, and -o; --help "
                                        "shows an example");
    if (rc == 0 && tokens)
        rc = trace_tokens (model, tokens, out);
    else if (rc == 0)
        rc = trace_case (&options, case_path, out);
    return tool_report ("auteur-trace", rc);
}
