#include "lib/core/json.h"

#include "lib/core/error.h"
#include "lib/core/file.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

/*  jansson recurses up to 2048 levels deep; this bounds it before it runs. */
static int check_depth (const char *data, size_t size, const char *what)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        char c = data[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > DEPTH_MAX)
                return aut_fail (AUT_ERR_INVALID, "%s: nested more than %d deep", what, DEPTH_MAX);
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return AUT_OK;
}

int aut_json_parse (json_t **out, const char *data, size_t size, const char *what)
{
    *out = NULL;
    int rc = check_depth (data, size, what);
    if (rc != AUT_OK)
        return rc;
    json_error_t error;
    *out = json_loadb (data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!*out)
        return aut_fail (AUT_ERR_INVALID, "%s:%d:%d: %s", what, error.line, error.column,
                         error.text);
    return AUT_OK;
}

int aut_json_load (json_t **out, const char *path, size_t max)
{
    *out = NULL;
    char *data = NULL;
    size_t size = 0;
    int rc = aut_file_read (path, max, &data, &size);
    if (rc == AUT_OK)
        rc = aut_json_parse (out, data, size, path);
    free (data);
    return rc;
}

/*  The value, or NULL with `rc` set. */
static const json_t *get (const json_t *object, const char *key, int *rc)
{
    const json_t *value = json_object_get (object, key);
    *rc = AUT_OK;
    if (!value || json_is_null (value)) {
        *rc = aut_fail (AUT_ERR_NOT_FOUND, "\"%s\" is missing", key);
        return NULL;
    }
    return value;
}

static int wrong_type (const char *key, const char *wanted)
{
    return aut_fail (AUT_ERR_INVALID, "\"%s\" must be %s", key, wanted);
}

int aut_json_string (const json_t *object, const char *key, const char **out)
{
    int rc;
    const json_t *value = get (object, key, &rc);
    if (value && !json_is_string (value))
        return wrong_type (key, "a string");
    if (value)
        *out = json_string_value (value);
    return rc;
}

int aut_json_int (const json_t *object, const char *key, int64_t *out)
{
    int rc;
    const json_t *value = get (object, key, &rc);
    if (value && !json_is_integer (value))
        return wrong_type (key, "a whole number");
    if (value)
        *out = json_integer_value (value);
    return rc;
}

int aut_json_number (const json_t *object, const char *key, double *out)
{
    int rc;
    const json_t *value = get (object, key, &rc);
    if (value && !json_is_number (value))
        return wrong_type (key, "a number");
    if (value)
        *out = json_number_value (value);
    return rc;
}

int aut_json_bool (const json_t *object, const char *key, bool *out)
{
    int rc;
    const json_t *value = get (object, key, &rc);
    if (value && !json_is_boolean (value))
        return wrong_type (key, "true or false");
    if (value)
        *out = json_is_true (value);
    return rc;
}

char *aut_json_canonical (const json_t *value, size_t *size)
{
    char *text = json_dumps (value, JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        abort (); /* only for want of memory: a json_t cannot hold what JSON cannot say */
    if (size)
        *size = strlen (text);
    return text;
}
