/*  Bounded reads of a config: see config.h.
 *
 *  The first error is kept as code and sentence. A reader goes on with defaults, which are all in
 *  range, and asks once at its end, so that a model's config reads as a list of what it needs.
 */
#include "node/engine/config.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)4 << 20)
#define SHOWN_MAX 60 /* bytes of a wrong value that an error repeats */

struct config {
    char *label;
    json_t *root;
    int status;
    char *detail; /* of the first error */
};

/* ---- opening --------------------------------------------------------------------------------- */

int config_parse (config_t **out, const char *data, size_t size, const char *label)
{
    *out = NULL;
    json_t *root = NULL;
    int rc = aut_json_parse (&root, data, size, label);
    if (rc != AUT_OK)
        return rc;
    if (!json_is_object (root)) {
        json_decref (root);
        return aut_fail (AUT_ERR_INVALID, "%s: is not a JSON object", label);
    }
    config_t *self = aut_calloc (1, sizeof *self);
    self->label = aut_strdup (label);
    self->root = root;
    *out = self;
    return AUT_OK;
}

int config_open (config_t **out, const char *path, const char *label)
{
    *out = NULL;
    char *data = NULL;
    size_t size = 0;
    int rc = aut_file_read (path, FILE_MAX, &data, &size);
    if (rc == AUT_ERR_NOT_FOUND)
        return aut_fail (rc, "%s is missing (looked for %s)", label, path);
    if (rc != AUT_OK)
        return aut_fail_in (rc, "%s", label);
    rc = config_parse (out, data, size, label);
    free (data);
    return rc;
}

int config_open_in (config_t **out, const char *folder, const char *label, const char *file)
{
    char *path = aut_path_join (folder, file, NULL);
    char *name = aut_path_join (label, file, NULL);
    int rc = config_open (out, path, name);
    free (path);
    free (name);
    return rc;
}

void config_close (config_t **self_p)
{
    config_t *self = *self_p;
    if (!self)
        return;
    json_decref (self->root);
    free (self->detail);
    free (self->label);
    free (self);
    *self_p = NULL;
}

/* ---- errors ---------------------------------------------------------------------------------- */

int config_status (const config_t *self)
{
    return self->status == AUT_OK ? AUT_OK : aut_fail (self->status, "%s", self->detail);
}

int config_fail (config_t *self, const char *key, const char *format, ...)
{
    if (self->status != AUT_OK)
        return config_status (self);
    aut_buffer_t text = {0};
    char buffer[512];
    va_list args;
    va_start (args, format);
    vsnprintf (buffer, sizeof buffer, format, args);
    va_end (args);
    aut_buffer_format (&text, "%s: %s: ", self->label, key);
    aut_buffer_printable (&text, buffer);
    self->detail = aut_buffer_take (&text, NULL);
    self->status = AUT_ERR_INVALID;
    return config_status (self);
}

/*  Records that a value is not what it must be; the value is shown, cut short. */
static void wrong (config_t *self, const char *key, const json_t *value, const char *must)
{
    char *text = json_dumps (value, JSON_ENCODE_ANY | JSON_COMPACT);
    size_t length = text ? strlen (text) : 0, shown = 0;
    for (size_t step = 1; step > 0 && shown < length && shown + step <= SHOWN_MAX; shown += step)
        step = aut_utf8_next (text + shown, length - shown, NULL);
    config_fail (self, key, "%.*s%s is not %s", (int)shown, text ? text : "",
                 shown < length ? "…" : "", must);
    free (text);
}

const char *config_label (const config_t *self)
{
    return self->label;
}

/* ---- values ---------------------------------------------------------------------------------- */

/*  The value at a key ("size.shortest_edge"), or NULL if it is absent or null. */
static const json_t *find (const config_t *self, const char *key)
{
    const json_t *at = self->root;
    while (at) {
        size_t length = strcspn (key, ".");
        char part[128];
        snprintf (part, sizeof part, "%.*s", (int)length, key);
        at = json_object_get (at, part);
        if (!key[length])
            break;
        key += length + 1;
    }
    return json_is_null (at) ? NULL : at;
}

bool config_has (const config_t *self, const char *key)
{
    return find (self, key) != NULL;
}

/*  Whether `value` is a whole number in low … high, which then is in `out`. */
static bool whole (const json_t *value, int64_t low, int64_t high, int64_t *out)
{
    if (json_is_real (value)) {
        double real = json_real_value (value);
        if (!(fabs (real) <= 9007199254740992.0) || real != floor (real)) /* 2^53 */
            return false;
        *out = (int64_t)real;
    } else if (json_is_integer (value)) {
        *out = json_integer_value (value);
    } else {
        return false;
    }
    return *out >= low && *out <= high;
}

static int64_t read_int (config_t *self, const char *key, const json_t *value, int64_t otherwise,
                         int64_t low, int64_t high)
{
    int64_t result;
    if (whole (value, low, high, &result))
        return result;
    char must[96];
    snprintf (must, sizeof must, "%sin %" PRId64 " … %" PRId64,
              json_is_number (value) ? "" : "a whole number ", low, high);
    wrong (self, key, value, must);
    return otherwise;
}

int64_t config_int (config_t *self, const char *key, int64_t otherwise, int64_t low, int64_t high)
{
    const json_t *value = find (self, key);
    return value ? read_int (self, key, value, otherwise, low, high) : otherwise;
}

int64_t config_need_int (config_t *self, const char *key, int64_t low, int64_t high)
{
    const json_t *value = find (self, key);
    if (value)
        return read_int (self, key, value, low, low, high);
    config_fail (self, key, "is missing; it must be in %" PRId64 " … %" PRId64, low, high);
    return low;
}

double config_number (config_t *self, const char *key, double otherwise, double low, double high)
{
    const json_t *value = find (self, key);
    if (!value)
        return otherwise;
    double result = json_is_number (value) ? json_number_value (value) : NAN;
    if (result >= low && result <= high)
        return result;
    char must[96];
    snprintf (must, sizeof must, "%sin %g … %g", json_is_number (value) ? "" : "a number ", low,
              high);
    wrong (self, key, value, must);
    return otherwise;
}

bool config_bool (config_t *self, const char *key, bool otherwise)
{
    const json_t *value = find (self, key);
    if (value && !json_is_boolean (value))
        wrong (self, key, value, "true or false");
    return json_is_boolean (value) ? json_is_true (value) : otherwise;
}

const char *config_string (config_t *self, const char *key, const char *otherwise)
{
    const json_t *value = find (self, key);
    if (value && !json_is_string (value))
        wrong (self, key, value, "a string");
    return json_is_string (value) ? json_string_value (value) : otherwise;
}

/* ---- arrays ---------------------------------------------------------------------------------- */

/*  The array at a key and its length; NULL if it is absent, or wrong (an error then). */
static const json_t *find_array (config_t *self, const char *key, size_t max, size_t *count)
{
    const json_t *array = find (self, key);
    *count = 0;
    if (!array)
        return NULL;
    if (!json_is_array (array)) {
        wrong (self, key, array, "an array");
        return NULL;
    }
    if (json_array_size (array) > max) {
        config_fail (self, key, "has %zu entries, more than %zu", json_array_size (array), max);
        return NULL;
    }
    *count = json_array_size (array);
    return array;
}

/*  Records a wrong entry of an array; it is named "key[index]". */
static size_t wrong_entry (config_t *self, const char *key, size_t index, const json_t *value,
                           const char *must)
{
    char name[128];
    snprintf (name, sizeof name, "%s[%zu]", key, index);
    wrong (self, name, value, must);
    return 0;
}

size_t config_ints (config_t *self, const char *key, int64_t *out, size_t max, int64_t low,
                    int64_t high)
{
    size_t count;
    const json_t *array = find_array (self, key, max, &count);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get (array, i);
        if (whole (value, low, high, &out[i]))
            continue;
        char must[96];
        snprintf (must, sizeof must, "a whole number in %" PRId64 " … %" PRId64, low, high);
        return wrong_entry (self, key, i, value, must);
    }
    return count;
}

size_t config_numbers (config_t *self, const char *key, double *out, size_t max)
{
    size_t count;
    const json_t *array = find_array (self, key, max, &count);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get (array, i);
        if (!json_is_number (value))
            return wrong_entry (self, key, i, value, "a number");
        out[i] = json_number_value (value);
    }
    return count;
}

size_t config_bools (config_t *self, const char *key, bool *out, size_t max)
{
    size_t count;
    const json_t *array = find_array (self, key, max, &count);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get (array, i);
        if (!json_is_boolean (value))
            return wrong_entry (self, key, i, value, "true or false");
        out[i] = json_is_true (value);
    }
    return count;
}
