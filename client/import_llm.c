/*  The model is given the schema of what it may decide: no files, no models, no seeds. What an
 *  answer has beside that is taken out before the check.
 */
#include "client/import_llm.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"
#include "lib/film/schema.h"
#include "lib/film/storyboard.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 3
#define KEY_MAX 4096
#define FAULTS_MAX 4000 /* bytes of what is shown of an answer's faults */

static const char *const film_keys[] = {"$schema", "defaults", "audio", "output", "x", NULL};
static const char *const shot_keys[] = {"negative", "seed", "model", "tier", "steps",
                                        "guidance", "init", "last",  "x",    NULL};
static const char *const other_keys[] = {"image", "x", NULL};

static const char task[] =
    "You break a screenplay or a text down into a storyboard for a video model. Answer with one "
    "JSON "
    "object, format 1 (\"storyboard\": \"1\"), that fits the given schema, and nothing else. "
    "project "
    "is [a-z0-9-]. Each scene has an id (s1, s2, ...), its heading as slugline, and shots in "
    "order. "
    "Each shot has a unique id (s1-01, ...), a prompt of one or two sentences that says what is "
    "seen, "
    "concretely, a duration in seconds (2 to 15; dialogue takes 0.4 s a word), a camera, and the "
    "ids "
    "of those ingredients that are seen in it. ingredients are the characters and locations; a "
    "description says what a viewer sees. dialogue is the spoken words alone. A transition is how "
    "the "
    "shot comes in; a cut has no duration, others 0.5 to 1 s, never more than half of either shot; "
    "the "
    "first shot has only a cut or a fade. Leave nothing of the story out.";

/* ---- the question -----------------------------------------------------------------------------
 */

static void remove_keys (json_t *object, const char *const *keys)
{
    for (; *keys; keys++)
        json_object_del (object, *keys);
}

/*  The storyboard's schema less what a model has no say in. */
static json_t *make_schema (void)
{
    static const char *const unused[] = {"defaults", "track", "output", "init", "last", NULL};
    json_t *schema = aut_schema_new (aut_storyboard_table (), "storyboard"), *definition;
    const char *name;
    json_t *definitions = json_object_get (schema, "definitions");
    remove_keys (definitions, unused);
    json_object_foreach (definitions, name, definition)
    {
        bool shot = strcmp (name, "shot") == 0;
        json_object_del (definition, "allOf"); /* rules that grammars cannot follow */
        remove_keys (json_object_get (definition, "properties"), shot ? shot_keys : other_keys);
    }
    json_object_del (schema, "allOf");
    remove_keys (json_object_get (schema, "properties"), film_keys);
    return schema;
}

static void say (json_t *messages, const char *role, const char *content)
{
    json_array_append_new (messages, json_pack ("{s:s, s:s}", "role", role, "content", content));
}

/* ---- the answer -------------------------------------------------------------------------------
 */

/*  The object within an answer that may have a fence or words around it. */
static int parse_answer (json_t **root, const char *answer)
{
    const char *open = strchr (answer, '{'), *close = strrchr (answer, '}');
    if (!open || !close || close < open)
        return aut_fail (AUT_ERR_INVALID, "there is no JSON object in it");
    return aut_json_parse (root, open, (size_t)(close - open) + 1, "the answer");
}

static void clean_answer (json_t *root, const aut_import_options_t *options)
{
    json_t *scene, *shot, *ingredient;
    size_t i, j;
    char fps[AUT_DECIMAL_TEXT];
    remove_keys (root, film_keys);
    json_array_foreach (json_object_get (root, "ingredients"), i, ingredient)
        remove_keys (ingredient, other_keys);
    json_array_foreach (json_object_get (root, "scenes"), i, scene)
    {
        json_object_del (scene, "x");
        json_array_foreach (json_object_get (scene, "shots"), j, shot)
            remove_keys (shot, shot_keys);
    }
    json_t *rate = json_loads (aut_decimal_text (options->fps, fps), JSON_DECODE_ANY, NULL);
    json_object_set_new (root, "defaults",
                         json_pack ("{s:s, s:i, s:i, s:o*}", "tier", options->tier, "width", 1280,
                                    "height", 720, "fps", rate));
    json_object_set_new (root, "x", json_pack ("{s:{s:s}}", "import", "from", "llm"));
}

static void report_film (const aut_storyboard_t *film, aut_import_report_t *report)
{
    const aut_ingredient_t *ingredients = film->ingredients.items;
    *report = (aut_import_report_t){.scenes = film->scenes.count, .shots = film->shot_count};
    for (size_t i = 0; i < film->ingredients.count; i++) {
        report->characters += ingredients[i].type == AUT_INGREDIENT_CHARACTER;
        report->locations += ingredients[i].type == AUT_INGREDIENT_LOCATION;
    }
    for (size_t i = 0; i < film->shot_count; i++) {
        aut_decimal_t seconds = aut_storyboard_duration (film, i);
        report->seconds += (double)seconds.units * pow (10, -(double)seconds.scale);
    }
}

/*  Whether an answer is a storyboard: 0, or AUT_ERR_INVALID with what is wrong appended to
 *  `faults`. */
static int read_answer (aut_buffer_t *out, aut_import_report_t *report, aut_buffer_t *faults,
                        const char *answer, const aut_import_options_t *options,
                        const aut_registry_t *registry)
{
    json_t *root = NULL;
    if (parse_answer (&root, answer)) {
        aut_buffer_text (faults, aut_error_detail ());
        return AUT_ERR_INVALID;
    }
    clean_answer (root, options);
    char *text = json_dumps (root, JSON_INDENT (2) | JSON_PRESERVE_ORDER);
    json_decref (root);
    aut_storyboard_t *film = NULL;
    aut_diags_t diags;
    aut_diags_init (&diags, "storyboard");
    int rc = aut_storyboard_read (&film, &diags, text ? text : "", text ? strlen (text) : 0,
                                  registry, NULL);
    if (rc == 0) {
        report_film (film, report);
        aut_buffer_text (out, text);
        aut_buffer_text (out, "\n");
    } else {
        aut_diags_text (&diags, false, faults);
    }
    aut_storyboard_destroy (&film);
    aut_diags_clear (&diags);
    free (text);
    return rc;
}

/*  Adds the answer and what is wrong with it to the talk. */
static void complain (json_t *messages, const char *answer, aut_buffer_t *faults)
{
    if (faults->size > FAULTS_MAX) {
        faults->size = FAULTS_MAX;
        while (faults->size && ((unsigned char)faults->data[faults->size] & 0xC0) == 0x80)
            faults->size--;
        faults->data[faults->size] = 0;
    }
    char *words = aut_sprintf ("That is not a valid storyboard:\n%s\nAnswer with the whole of it, "
                               "mended.",
                               faults->data);
    say (messages, "assistant", answer);
    say (messages, "user", words);
    free (words);
}

int aut_import_ask (aut_buffer_t *out, aut_import_report_t *report, const aut_chat_t *chat,
                    const char *text, const aut_import_options_t *options,
                    const aut_registry_t *registry)
{
    json_t *schema = make_schema (), *messages = json_array ();
    int rc = AUT_ERR_INVALID;
    say (messages, "system", task);
    say (messages, "user", text);
    if (json_array_size (messages) != 2)
        rc = aut_fail (AUT_ERR_CORRUPT, "the text is not UTF-8");
    for (int i = 0; i < TRIES && rc == AUT_ERR_INVALID; i++) {
        char *answer = NULL;
        aut_buffer_t faults = {0};
        int failed = aut_chat_ask (&answer, chat, messages, schema);
        if (failed) {
            rc = failed;
            aut_buffer_clear (&faults);
            break;
        }
        rc = read_answer (out, report, &faults, answer, options, registry);
        if (rc && i + 1 < TRIES)
            complain (messages, answer, &faults);
        else if (rc)
            rc = aut_fail (AUT_ERR_CORRUPT,
                           "%d answers were no valid storyboard; of the last: %.300s", TRIES,
                           faults.data);
        aut_buffer_clear (&faults);
        free (answer);
    }
    json_decref (schema);
    json_decref (messages);
    return rc;
}

int aut_import_key (char **key, const char *file)
{
    const char *variable = getenv ("AUTEUR_LLM_KEY");
    size_t size = 0;
    *key = NULL;
    if (file) {
        if (aut_file_read (file, KEY_MAX, key, &size))
            return AUT_ERR_INVALID;
    } else if (variable && *variable) {
        *key = aut_strdup (variable);
        size = strlen (variable);
    } else {
        return 0;
    }
    while (size && strchr (" \t\r\n", (*key)[size - 1]))
        (*key)[--size] = 0;
    for (size_t i = 0; i < size || size == 0; i++)
        if (size == 0 || (*key)[i] <= ' ' || (*key)[i] > '~') {
            free (*key);
            *key = NULL;
            return aut_fail (AUT_ERR_INVALID, "%s holds no key: it is one line of ASCII",
                             file ? file : "AUTEUR_LLM_KEY");
        }
    return 0;
}
