/*  auteur-trace --tokens: strings to cleaned text and ids. */
#include "node/engine/tools/trace.h"

#include "node/engine/folder.h"
#include "node/engine/text/clean.h"
#include "node/engine/text/tokenizer.h"

#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"

#include <stdlib.h>
#include <string.h>

#define STRINGS_FILE_MAX (64u << 20)
#define IDS_MAX 512

/*  {"text"}, or the text itself, → {"text", "cleaned", "ids"} */
static int trace_string (const tokenizer_t *tokenizer, const json_t *entry, json_t *out)
{
    const char *text = json_string_value (entry);
    char *cleaned = NULL;
    int32_t *ids = NULL;
    size_t count = 0;
    int rc = text ? 0 : aut_json_string (entry, "text", &text);
    if (rc == 0)
        rc = aut_clean_prompt (text, &cleaned);
    if (rc == 0)
        rc = tokenizer_encode (tokenizer, cleaned, IDS_MAX, &ids, &count);
    if (rc == 0) {
        json_t *list = json_array ();
        for (size_t i = 0; i < count; i++)
            json_array_append_new (list, json_integer (ids[i]));
        json_array_append_new (
            out, json_pack ("{s:s, s:s, s:o}", "text", text, "cleaned", cleaned, "ids", list));
    }
    free (cleaned);
    free (ids);
    return rc;
}

static int trace_strings (const tokenizer_t *tokenizer, const json_t *root, const char *path,
                          json_t *out)
{
    const json_t *strings = json_is_array (root) ? root : json_object_get (root, "strings");
    if (!json_is_array (strings))
        return aut_fail (AUT_ERR_INVALID, "%s: strings: expected an array", path);
    size_t i;
    json_t *entry;
    json_array_foreach (strings, i, entry)
    {
        int rc = trace_string (tokenizer, entry, out);
        if (rc)
            return aut_fail_in (rc, "%s: strings[%zu]", path, i);
    }
    return 0;
}

static int write_result (json_t *list, const char *path)
{
    json_t *root = json_pack ("{s:O}", "strings", list);
    char *text = json_dumps (root, JSON_INDENT (1));
    json_decref (root);
    int rc = text ? aut_file_write (path, text, strlen (text))
                  : aut_fail (AUT_ERR_NOMEM, "no memory for the result");
    free (text);
    return rc;
}

int trace_tokens (const char *model, const char *strings_path, const char *out_path)
{
    folder_t *folder = NULL;
    tokenizer_t *tokenizer = NULL;
    json_t *root = NULL, *list = json_array ();
    int rc = folder_open (&folder, model);
    if (rc == 0) {
        char *path = folder_path (folder, FOLDER_TOKENIZER);
        rc = tokenizer_open (&tokenizer, path, folder_label (FOLDER_TOKENIZER));
        free (path);
    }
    if (rc == 0)
        rc = aut_json_load (&root, strings_path, STRINGS_FILE_MAX);
    if (rc == 0)
        rc = trace_strings (tokenizer, root, strings_path, list);
    if (rc == 0)
        rc = write_result (list, out_path);
    json_decref (list);
    json_decref (root);
    tokenizer_close (&tokenizer);
    folder_close (&folder);
    return rc;
}
