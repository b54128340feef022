/*  Reads model_index.json: see folder_index.h.
 *
 *  A component is an entry [library, class]; [null, null] is one that is not there. A component or
 *  class that is not known is refused, as it would decide what comes out.
 */
#include "node/engine/folder_index.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <stdlib.h>
#include <string.h>

static const char *const s_pipelines[] = {
    [FOLDER_WAN] = "WanPipeline",
    [FOLDER_WAN_IMAGE] = "WanImageToVideoPipeline",
    NULL,
};

#define CLIP_PROCESSORS "CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil"
#define SCHEDULERS "UniPCMultistepScheduler", "FlowMatchEulerDiscreteScheduler"

static const folder_rule_t s_rules[FOLDER_COMPONENT_COUNT] = {
    [FOLDER_TRANSFORMER] = {"transformer",
                            true,
                            "config.json",
                            "_class_name",
                            {"WanTransformer3DModel"},
                            {"WanTransformer3DModel"}},
    [FOLDER_TRANSFORMER_2] = {"transformer_2",
                              false,
                              "config.json",
                              "_class_name",
                              {"WanTransformer3DModel"},
                              {"WanTransformer3DModel"}},
    [FOLDER_VAE] =
        {"vae", true, "config.json", "_class_name", {"AutoencoderKLWan"}, {"AutoencoderKLWan"}},
    [FOLDER_TEXT_ENCODER] =
        {"text_encoder", true, "config.json", "model_type", {"UMT5EncoderModel"}, {"umt5"}},
    [FOLDER_TOKENIZER] =
        {"tokenizer", true, "spiece.model", NULL, {"T5Tokenizer", "T5TokenizerFast"}, {NULL}},
    [FOLDER_SCHEDULER] =
        {"scheduler", true, "scheduler_config.json", "_class_name", {SCHEDULERS}, {SCHEDULERS}},
    [FOLDER_IMAGE_ENCODER] = {"image_encoder",
                              false,
                              "config.json",
                              "model_type",
                              {"CLIPVisionModel", "CLIPVisionModelWithProjection"},
                              {"clip_vision_model"}},
    [FOLDER_IMAGE_PROCESSOR] = {"image_processor",
                                false,
                                "preprocessor_config.json",
                                "image_processor_type",
                                {CLIP_PROCESSORS},
                                {CLIP_PROCESSORS}},
};

const folder_rule_t *folder_rule (folder_component_t component)
{
    return &s_rules[component];
}

bool folder_listed (const char *const *list, const char *text)
{
    while (*list && strcmp (*list, text) != 0)
        list++;
    return *list != NULL;
}

int folder_unsupported (const char *where, const char *name, const char *const *list)
{
    aut_buffer_t text = {0};
    char *cut = aut_strndup (name, 100);
    aut_buffer_format (&text, "%s: ", where);
    aut_buffer_printable (&text, cut);
    free (cut);
    aut_buffer_text (&text, " is not supported; supported: ");
    for (size_t i = 0; list[i]; i++)
        aut_buffer_format (&text, "%s%s", i > 0 ? ", " : "", list[i]);
    char *sentence = aut_buffer_take (&text, NULL);
    int rc = aut_fail (AUT_ERR_UNSUPPORTED, "%s", sentence);
    free (sentence);
    return rc;
}

/*  An entry of the index about which a rule is broken; the key may hold anything. */
static int bad_entry (const char *key, const char *rule)
{
    aut_buffer_t shown = {0};
    char *cut = aut_strndup (key, 100);
    aut_buffer_printable (&shown, cut);
    free (cut);
    char *text = aut_buffer_take (&shown, NULL);
    int rc = aut_fail (AUT_ERR_INVALID, FOLDER_INDEX ": %s: %s", text, rule);
    free (text);
    return rc;
}

static int read_pipeline (folder_t *self, const json_t *root)
{
    const char *name = json_string_value (json_object_get (root, "_class_name"));
    if (!name)
        return bad_entry ("_class_name", "is missing: it names the pipeline");
    for (size_t i = 0; s_pipelines[i]; i++) {
        if (strcmp (s_pipelines[i], name) == 0) {
            self->pipeline = (folder_pipeline_t)i;
            return AUT_OK;
        }
    }
    return folder_unsupported (FOLDER_INDEX ": _class_name", name, s_pipelines);
}

/*  One [library, class]. */
static int read_component (folder_t *self, const char *key, const json_t *value)
{
    const json_t *library = json_array_get (value, 0), *class = json_array_get (value, 1);
    static const char *names[] = {
#define FOLDER_NAME(name, text) text,
        FOLDER_COMPONENTS (FOLDER_NAME)
#undef FOLDER_NAME
            NULL};
    if (json_array_size (value) != 2 || !(json_is_string (library) || json_is_null (library)) ||
        !(json_is_string (class) || json_is_null (class)))
        return bad_entry (key, "is not [library, class]");
    if (json_is_null (class))
        return AUT_OK;
    for (int i = 0; i < FOLDER_COMPONENT_COUNT; i++) {
        if (strcmp (s_rules[i].name, key) != 0)
            continue;
        if (!folder_listed (s_rules[i].classes, json_string_value (class))) {
            char *where = aut_sprintf (FOLDER_INDEX ": %s", key);
            int rc = folder_unsupported (where, json_string_value (class), s_rules[i].classes);
            free (where);
            return rc;
        }
        self->present[i] = true;
        self->class_name[i] = json_string_value (class);
        return AUT_OK;
    }
    return folder_unsupported (FOLDER_INDEX ": the component", key, names);
}

static int read_settings (folder_t *self, const json_t *root)
{
    const json_t *ratio = json_object_get (root, "boundary_ratio");
    const json_t *expand = json_object_get (root, "expand_timesteps");
    if (ratio && !json_is_null (ratio)) {
        self->boundary_ratio = json_is_number (ratio) ? json_number_value (ratio) : -1.0;
        if (!(self->boundary_ratio >= 0.0 && self->boundary_ratio <= 1.0))
            return bad_entry ("boundary_ratio", "is not a number in 0 … 1");
    }
    if (expand && !json_is_null (expand) && !json_is_boolean (expand))
        return bad_entry ("expand_timesteps", "is not true or false");
    self->expand_timesteps = json_is_true (expand);
    return AUT_OK;
}

/*  What must be there together. A second expert without a boundary is never used, as in the
 *  reference. */
static int check_parts (folder_t *self)
{
    for (int i = 0; i < FOLDER_COMPONENT_COUNT; i++)
        if (s_rules[i].required && !self->present[i])
            return bad_entry (s_rules[i].name, "is missing, and the pipeline needs it");
    if (self->boundary_ratio > 0.0 && !self->present[FOLDER_TRANSFORMER_2])
        return bad_entry ("transformer_2", "is missing, and boundary_ratio needs it");
    if (!(self->boundary_ratio > 0.0))
        self->present[FOLDER_TRANSFORMER_2] = false;
    if (self->present[FOLDER_IMAGE_ENCODER] && !self->present[FOLDER_IMAGE_PROCESSOR])
        return bad_entry ("image_processor", "is missing, and image_encoder needs it");
    for (int i = 0; i < FOLDER_COMPONENT_COUNT; i++)
        if (!self->present[i])
            self->class_name[i] = NULL;
    return AUT_OK;
}

int folder_read_index (folder_t *self, const char *data, size_t size)
{
    json_t *root = NULL, *value;
    const char *key;
    int rc = aut_json_parse (&root, data, size, FOLDER_INDEX);
    if (rc != AUT_OK)
        return rc;
    self->owner = root;
    if (!json_is_object (root))
        return aut_fail (AUT_ERR_INVALID, FOLDER_INDEX ": is not a JSON object");
    rc = read_pipeline (self, root);
    json_object_foreach (root, key, value)
    {
        if (rc == AUT_OK && key[0] != '_' && json_is_array (value))
            rc = read_component (self, key, value);
    }
    if (rc == AUT_OK)
        rc = read_settings (self, root);
    return rc == AUT_OK ? check_parts (self) : rc;
}
