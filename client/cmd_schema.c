/*  auteur schema: the storyboard's JSON Schema, for editors. */
#include "client/command.h"
#include "client/common.h"
#include "lib/core/buffer.h"
#include "lib/core/mem.h"
#include "lib/film/schema.h"
#include "lib/film/storyboard.h"

#include <stdio.h>
#include <stdlib.h>

int aut_cmd_schema (int argc, char **argv)
{
    aut_common_t common = AUT_COMMON_DEFAULTS;
    const aut_opt_info_t info = {
        .program = "auteur schema",
        .usage = "",
        .about =
            "Prints the JSON Schema (draft-07) of the storyboard, made from the tables that\n"
            "'auteur validate' checks by. Name it in a storyboard for an editor that completes\n"
            "and checks while you type:\n\n"
            "  auteur schema > storyboard.schema.json\n"
            "  {\"$schema\": \"storyboard.schema.json\", \"storyboard\": \"1\", ...}"};
    const aut_opt_t table[] = {AUT_OPTIONS_OUTPUT (common), AUT_OPTIONS_END};
    int code = aut_common_parse (&info, table, &common, argc, argv, NULL, NULL);
    if (code >= 0)
        return code;
    json_t *schema = aut_schema_new (aut_storyboard_table (), "auteur storyboard, format 1");
    char *text = json_dumps (schema, JSON_INDENT (2));
    json_decref (schema);
    if (!text)
        return AUT_EXIT_FAILED;
    puts (text);
    free (text);
    return AUT_EXIT_DONE;
}
