/*  What a program shows of its options: --help and --print-config. The latter's text is a settings
 *  file that sets the same again; secrets are not in it, as settings have paths of keys alone.
 */
#include "lib/core/options_internal.h"

#include "lib/core/buffer.h"
#include "lib/core/json.h"
#include "lib/core/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELP_COLUMN 28
#define HELP_WIDTH 96
#define ORIGIN_COLUMN 44

/*  Writes `text` wrapped at words, each line after the first indented by `indent`. */
static void print_wrapped (aut_buffer_t *out, const char *text, size_t indent)
{
    size_t column = indent;
    while (*text) {
        size_t word = strcspn (text, " ");
        if (column > indent && column + 1 + word > HELP_WIDTH) {
            aut_buffer_format (out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            aut_buffer_text (out, " ");
            column++;
        }
        aut_buffer_append (out, text, word);
        column += word;
        text += word;
        text += strspn (text, " ");
    }
    aut_buffer_text (out, "\n");
}

static void print_option (aut_buffer_t *out, char letter, const char *name, const char *arg,
                          const char *help, const char *env)
{
    size_t start = out->size;
    if (letter)
        aut_buffer_format (out, "  -%c, --%s", letter, name);
    else
        aut_buffer_format (out, "      --%s", name);
    if (arg)
        aut_buffer_format (out, " %s", arg);
    size_t used = out->size - start;
    if (used + 2 > HELP_COLUMN)
        aut_buffer_format (out, "\n%*s", HELP_COLUMN, "");
    else
        aut_buffer_format (out, "%*s", (int)(HELP_COLUMN - used), "");
    char *text = env ? aut_sprintf ("%s [%s]", help ? help : "", env) : aut_strdup (help);
    print_wrapped (out, text ? text : "", HELP_COLUMN);
    free (text);
}

void aut_options_print_help (const aut_opt_info_t *info, const aut_opt_t *table)
{
    aut_buffer_t out = {0};
    const char *usage = info->usage ? info->usage : "";
    aut_buffer_format (&out, "Usage: %s%s%s\n", info->program, *usage ? " " : "", usage);
    if (info->about)
        aut_buffer_format (&out, "\n%s\n", info->about);
    aut_buffer_text (&out, "\nOptions:\n");
    for (const aut_opt_t *opt = table; opt && opt->name; opt++) {
        char variable[AUT_VARIABLE_SIZE];
        aut_option_variable (info, opt, variable);
        print_option (&out, opt->letter, opt->name,
                      opt->kind == AUT_OPT_FLAG ? NULL : (opt->arg ? opt->arg : "VALUE"), opt->help,
                      variable[0] ? variable : NULL);
    }
    if (info->config) {
        print_option (&out, 0, "config", "FILE",
                      "settings: lines NAME = VALUE with the names of these options; variables and "
                      "options are stronger; -FILE may be absent",
                      "AUTEUR_CONFIG");
        print_option (&out, 0, "print-config", NULL,
                      "show every setting and where it is from, and exit", NULL);
    }
    print_option (&out, 'h', "help", NULL, "Show this help.", NULL);
    print_option (&out, 0, "version", NULL, "Show the version.", NULL);
    fwrite (out.data, 1, out.size, stdout);
    fflush (stdout);
    aut_buffer_clear (&out);
}

/* ---- --print-config -------------------------------------------------------------------------- */

/*  NULL for a text or list that is not set. */
static json_t *value_of (const aut_opt_t *opt)
{
    const aut_opt_list_t *list = opt->value;
    switch (opt->kind) {
    case AUT_OPT_FLAG:
        return json_boolean (*(const bool *)opt->value);
    case AUT_OPT_INT:
        return json_integer (*(const int64_t *)opt->value);
    case AUT_OPT_NUMBER:
        return json_real (*(const double *)opt->value);
    case AUT_OPT_STRING:
        return *(const char *const *)opt->value ? json_string (*(const char *const *)opt->value)
                                                : NULL;
    case AUT_OPT_LIST:
        break;
    }
    json_t *array = list->count ? json_array () : NULL;
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new (array, json_string (list->items[i]));
    return array;
}

/*  "option --bind", "variable AUTEUR_BIND", "/etc/auteur/broker.conf:7", "default". */
static void print_origin (aut_buffer_t *out, const aut_opt_info_t *info, const aut_opt_t *opt,
                          const aut_origin_t *origin)
{
    char variable[AUT_VARIABLE_SIZE];
    aut_option_variable (info, opt, variable);
    if (origin->from == AUT_FROM_FLAG)
        aut_buffer_format (out, "option --%s", opt->name);
    else if (origin->from == AUT_FROM_ENVIRONMENT)
        aut_buffer_format (out, "variable %s", variable);
    else if (origin->from == AUT_FROM_FILE)
        aut_buffer_format (out, "%s:%d", info->config->path, origin->line);
    else
        aut_buffer_text (out, "default");
}

/*  As a settings file has it: quoted where it must be. */
static void print_text (aut_buffer_t *out, const char *text)
{
    size_t size = strlen (text);
    bool plain = size && text[0] != '"' && text[0] != '#' && !strpbrk (text, " \t\\");
    if (plain) {
        aut_buffer_printable (out, text);
        return;
    }
    aut_buffer_t inner = {0};
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            aut_buffer_text (&inner, "\\");
        aut_buffer_append (&inner, p, 1);
    }
    aut_buffer_text (out, "\"");
    aut_buffer_printable (out, inner.data ? inner.data : "");
    aut_buffer_text (out, "\"");
    aut_buffer_clear (&inner);
}

static void print_setting (aut_buffer_t *out, const aut_opt_t *opt, const json_t *value,
                           const char *origin)
{
    size_t start = out->size;
    aut_buffer_format (out, "%s%s = ", value ? "" : "# ", opt->name);
    if (json_is_string (value)) {
        print_text (out, json_string_value (value));
    } else if (json_is_real (value)) {
        char text[40];
        snprintf (text, sizeof text, "%.15g", json_real_value (value));
        aut_buffer_text (out, text);
    } else if (value) {
        char *text = json_dumps (value, JSON_ENCODE_ANY);
        aut_buffer_text (out, text);
        free (text);
    }
    size_t used = out->size - start;
    aut_buffer_format (out, "%*s  # %s\n", used < ORIGIN_COLUMN ? (int)(ORIGIN_COLUMN - used) : 0,
                       "", value ? origin : "not set");
}

static void print_lines (aut_buffer_t *out, const aut_opt_t *opt, const json_t *value,
                         const char *origin)
{
    if (!json_is_array (value))
        print_setting (out, opt, value, origin);
    for (size_t i = 0; i < json_array_size (value); i++)
        print_setting (out, opt, json_array_get (value, i), origin);
}

void aut_options_print_config (const aut_opt_info_t *info, const aut_opt_t *table,
                               const aut_origin_t *origins, bool json)
{
    const char *path = info->config->path;
    json_t *settings = json_object ();
    aut_buffer_t out = {0};
    aut_buffer_format (&out, "# %s %s; %s%s\n", info->program, AUTEUR_VERSION,
                       path ? "settings file " : "no settings file", path ? path : "");
    for (const aut_opt_t *opt = table; opt && opt->name; opt++) {
        if (aut_option_only_here (info, opt->name))
            continue;
        json_t *value = value_of (opt);
        aut_buffer_t origin = {0};
        print_origin (&origin, info, opt, &origins[opt - table]);
        print_lines (&out, opt, value, origin.data);
        json_t *item = json_pack ("{s:o?, s:s}", "value", value, "from", origin.data);
        json_object_set_new (settings, opt->name, item);
        aut_buffer_clear (&origin);
    }
    if (json) {
        json_t *all = json_pack ("{s:s, s:s, s:s?, s:o}", "program", info->program, "version",
                                 AUTEUR_VERSION, "file", path, "settings", settings);
        char *text = json_dumps (all, JSON_COMPACT);
        puts (text ? text : "{}");
        free (text);
        json_decref (all);
    } else {
        fwrite (out.data, 1, out.size, stdout);
        json_decref (settings);
    }
    fflush (stdout);
    aut_buffer_clear (&out);
}
