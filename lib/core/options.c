/*  The command line: one table, parsed by GNU's rules. Messages go to stderr in the form
 *  "PROGRAM: what is wrong", followed by where to look.
 */
#include "lib/core/options.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/core/options_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*  What a parse has at hand. */
typedef struct {
    const aut_opt_info_t *info;
    const aut_opt_t *table;
    aut_origin_t *origins; /* per row of the table */
    const char *file;      /* --config */
    bool print;            /* --print-config */
} parse_t;

static aut_opt_result_t usage_error (const parse_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));

static aut_opt_result_t usage_error (const parse_t *self, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    char *message = NULL;
    int n = vasprintf (&message, format, args);
    va_end (args);
    aut_buffer_t line = {0};
    aut_buffer_format (&line, "%s: ", self->info->program);
    aut_buffer_printable (&line, n < 0 ? "out of memory" : message);
    fprintf (stderr, "%s\nTry '%s --help'.\n", line.data, self->info->program);
    aut_buffer_clear (&line);
    free (message);
    return AUT_OPT_EXIT_USAGE;
}

static size_t table_count (const aut_opt_t *table)
{
    size_t n = 0;
    while (table && table[n].name)
        n++;
    return n;
}

/*  The names of the table and those that programs have anyway; the caller frees the array. */
static const char **table_names (const aut_opt_info_t *info, const aut_opt_t *table)
{
    size_t count = table_count (table);
    const char **names = aut_calloc (count + 5, sizeof (*names));
    for (size_t i = 0; table && i < count; i++)
        names[i] = table[i].name;
    names[count] = "help";
    names[count + 1] = "version";
    if (info->config) {
        names[count + 2] = "config";
        names[count + 3] = "print-config";
    }
    return names;
}

static size_t min3 (size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/*  Edits that turn `a` into `b`: a letter inserted, deleted or changed, or two neighbours swapped.
 *  Names are short; longer ones count as far from everything. */
static size_t edit_distance (const char *a, const char *b)
{
    enum { LONGEST = 63 };
    size_t rows[3][LONGEST + 1]; /* the last three rows of the table, in turn */
    size_t a_len = strlen (a), b_len = strlen (b);
    if (a_len > LONGEST || b_len > LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            row[j] = min3 (above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
    }
    return rows[a_len % 3][b_len];
}

const char *aut_nearest (const char *text, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (size_t i = 0; names[i]; i++) {
        size_t distance = edit_distance (text, names[i]);
        if (distance < best_distance) {
            best = names[i];
            best_distance = distance;
        }
    }
    if (!best || best_distance == SIZE_MAX)
        return NULL;
    size_t text_len = strlen (text), best_len = strlen (best);
    size_t letters = text_len > best_len ? text_len : best_len;
    return best_distance * 3 <= letters ? best : NULL;
}

/*  "--name" or "VARIABLE", whatever the value came from. */
static aut_opt_result_t bad_value (const parse_t *self, const aut_opt_t *opt, const char *source,
                                   const char *value)
{
    if (opt->kind == AUT_OPT_NUMBER && opt->min == 0 && opt->max == 0)
        return usage_error (self, "%s wants a number, not \"%s\"", source, value);
    if (opt->kind == AUT_OPT_NUMBER)
        return usage_error (self, "%s wants a number from %" PRId64 " to %" PRId64 ", not \"%s\"",
                            source, opt->min, opt->max, value);
    if (opt->min == 0 && opt->max == 0)
        return usage_error (self, "%s wants a whole number, not \"%s\"", source, value);
    if (opt->max == INT64_MAX)
        return usage_error (self, "%s wants a whole number of at least %" PRId64 ", not \"%s\"",
                            source, opt->min, value);
    return usage_error (self, "%s wants a whole number from %" PRId64 " to %" PRId64 ", not \"%s\"",
                        source, opt->min, opt->max, value);
}

static bool parse_int (const aut_opt_t *opt, const char *value, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll (value, &end, 10);
    if (errno || end == value || *end || strspn (value, "+-0123456789") != strlen (value))
        return false;
    if ((opt->min != 0 || opt->max != 0) && (number < opt->min || number > opt->max))
        return false;
    *out = number;
    return true;
}

/*  A decimal number in the C locale's writing, whatever locale the program runs in. */
static bool parse_number (const aut_opt_t *opt, const char *value, double *out)
{
    if (!*value || strspn (value, "+-.0123456789eE") != strlen (value))
        return false;
    int used = 0;
    double number = 0;
    locale_t c_locale = newlocale (LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = uselocale (c_locale);
    bool good = sscanf (value, "%lf%n", &number, &used) == 1 && !value[used];
    uselocale (before);
    freelocale (c_locale);
    if (!good || number - number != 0) /* infinity */
        return false;
    if ((opt->min != 0 || opt->max != 0) &&
        (number < (double)opt->min || number > (double)opt->max))
        return false;
    *out = number;
    return true;
}

/*  A value before it is stored, so that one can be checked and left. */
typedef union {
    bool flag;
    const char *text;
    int64_t whole;
    double number;
} value_t;

static bool parse_flag (const char *value, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (strcasecmp (value, yes[i]) == 0 || strcasecmp (value, no[i]) == 0) {
            *out = strcasecmp (value, yes[i]) == 0;
            return true;
        }
    return false;
}

static aut_opt_result_t read_value (const parse_t *self, const aut_opt_t *opt, const char *source,
                                    const char *value, value_t *out)
{
    switch (opt->kind) {
    case AUT_OPT_FLAG:
        out->flag = true;
        if (value && !parse_flag (value, &out->flag))
            return usage_error (self, "%s wants true or false, not \"%s\"", source, value);
        return AUT_OPT_GO;
    case AUT_OPT_INT:
        return parse_int (opt, value, &out->whole) ? AUT_OPT_GO
                                                   : bad_value (self, opt, source, value);
    case AUT_OPT_NUMBER:
        return parse_number (opt, value, &out->number) ? AUT_OPT_GO
                                                       : bad_value (self, opt, source, value);
    case AUT_OPT_STRING:
    case AUT_OPT_LIST:
        break;
    }
    out->text = value;
    return AUT_OPT_GO;
}

static void store_value (const aut_opt_t *opt, const value_t *value)
{
    aut_opt_list_t *list = opt->value;
    switch (opt->kind) {
    case AUT_OPT_FLAG:
        *(bool *)opt->value = value->flag;
        break;
    case AUT_OPT_STRING:
        *(const char **)opt->value = value->text;
        break;
    case AUT_OPT_INT:
        *(int64_t *)opt->value = value->whole;
        break;
    case AUT_OPT_NUMBER:
        *(double *)opt->value = value->number;
        break;
    case AUT_OPT_LIST:
        list->items = aut_realloc (list->items, list->count + 1, sizeof (*list->items));
        list->items[list->count++] = value->text;
        break;
    }
}

/*  Checks the value and takes it, unless a stronger source has set the option. */
static aut_opt_result_t set_value (const parse_t *self, const aut_opt_t *opt, const char *source,
                                   const char *value, aut_origin_t origin)
{
    aut_origin_t *had = &self->origins[opt - self->table];
    value_t parsed;
    aut_opt_result_t result = read_value (self, opt, source, value, &parsed);
    if (result != AUT_OPT_GO || had->from > origin.from)
        return result;
    store_value (opt, &parsed);
    *had = origin;
    return AUT_OPT_GO;
}

static const aut_origin_t from_flag = {AUT_FROM_FLAG, 0};

static aut_opt_result_t print_help (const parse_t *self)
{
    aut_options_print_help (self->info, self->table);
    return AUT_OPT_EXIT_OK;
}

static aut_opt_result_t print_version (const parse_t *self)
{
    int first_word = (int)strcspn (self->info->program, " ");
    printf ("%.*s %s\n", first_word, self->info->program, AUTEUR_VERSION);
    fflush (stdout);
    return AUT_OPT_EXIT_OK;
}

static aut_opt_result_t unknown_option (const parse_t *self, const char *name)
{
    const char **names = table_names (self->info, self->table);
    const char *near = aut_nearest (name, names);
    for (size_t i = 0; !near && names[i] && strlen (name) >= 2; i++)
        if (strncmp (names[i], name, strlen (name)) == 0) /* a beginning of a name */
            near = names[i];
    free (names);
    if (near)
        return usage_error (self, "unknown option --%s: did you mean --%s?", name, near);
    return usage_error (self, "unknown option --%s", name);
}

/*  Names that are in no table. */
static aut_opt_result_t parse_builtin (parse_t *self, const char *name, const char *value)
{
    bool settings = self->info->config;
    if (strcmp (name, "help") == 0)
        return print_help (self);
    if (strcmp (name, "version") == 0)
        return print_version (self);
    if (settings && strcmp (name, "print-config") == 0) {
        self->print = true;
        return value ? usage_error (self, "--print-config takes no value") : AUT_OPT_GO;
    }
    if (settings && strcmp (name, "config") == 0) {
        self->file = value;
        return value ? AUT_OPT_GO : usage_error (self, "--config needs a value: FILE");
    }
    return unknown_option (self, name);
}

/*  --name, --name=VALUE or --name VALUE at argv[*at]. */
static aut_opt_result_t parse_long (parse_t *self, int argc, char **argv, int *at)
{
    const char *text = argv[*at] + 2;
    const char *equals = strchr (text, '=');
    char *name = equals ? aut_strndup (text, (size_t)(equals - text)) : aut_strdup (text);
    const aut_opt_t *opt = self->table;
    while (opt && opt->name && strcmp (opt->name, name) != 0)
        opt++;

    bool known = opt && opt->name;
    bool wants =
        known ? opt->kind != AUT_OPT_FLAG : self->info->config && strcmp (name, "config") == 0;
    const char *value = equals ? equals + 1 : NULL;
    if (!value && wants && *at + 1 < argc)
        value = argv[++*at];

    aut_opt_result_t result;
    char *source = aut_sprintf ("--%s", name);
    if (!known)
        result = parse_builtin (self, name, value);
    else if (!wants && value)
        result = usage_error (self, "--%s takes no value", name);
    else if (wants && !value)
        result = usage_error (self, "--%s needs a value: %s", name, opt->arg ? opt->arg : "VALUE");
    else
        result = set_value (self, opt, source, value, from_flag);
    free (source);
    free (name);
    return result;
}

/*  -f, -fg (flags together), -oVALUE or -o VALUE at argv[*at]. */
static aut_opt_result_t parse_short (const parse_t *self, int argc, char **argv, int *at)
{
    for (const char *p = argv[*at] + 1; *p; p++) {
        const aut_opt_t *opt = self->table;
        while (opt && opt->name && opt->letter != *p)
            opt++;
        if (!opt || !opt->name) {
            if (*p == 'h')
                return print_help (self);
            return usage_error (self, "unknown option -%c in \"%s\"", *p, argv[*at]);
        }
        char source[] = {'-', *p, 0};
        if (opt->kind == AUT_OPT_FLAG) {
            set_value (self, opt, source, NULL, from_flag);
            continue;
        }
        if (p[1])
            return set_value (self, opt, source, p + 1, from_flag);
        if (*at + 1 < argc)
            return set_value (self, opt, source, argv[++*at], from_flag);
        return usage_error (self, "-%c needs a value: %s", *p, opt->arg ? opt->arg : "VALUE");
    }
    return AUT_OPT_GO;
}

/* ---- variables and the settings file --------------------------------------------------------- */

void aut_option_variable (const aut_opt_info_t *info, const aut_opt_t *opt,
                          char out[AUT_VARIABLE_SIZE])
{
    out[0] = 0;
    if (opt->env)
        snprintf (out, AUT_VARIABLE_SIZE, "%s", opt->env);
    else if (info->config && !aut_option_only_here (info, opt->name))
        snprintf (out, AUT_VARIABLE_SIZE, "AUTEUR_%s", opt->name);
    for (char *p = out; !opt->env && *p; p++)
        *p = (char)(*p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
}

bool aut_option_only_here (const aut_opt_info_t *info, const char *name)
{
    for (size_t i = 0; info->only_here && info->only_here[i]; i++)
        if (strcmp (info->only_here[i], name) == 0)
            return true;
    return false;
}

/*  A variable has the items of a list side by side, with commas or blanks between. */
static aut_opt_result_t read_list (const parse_t *self, const aut_opt_t *opt, const char *source,
                                   const char *value)
{
    static const char between[] = ", \t";
    for (value += strspn (value, between); *value; value += strspn (value, between)) {
        size_t size = strcspn (value, between);
        const char *item = aut_config_keep (self->info->config, source, value, size, 0);
        set_value (self, opt, source, item, (aut_origin_t){AUT_FROM_ENVIRONMENT, 0});
        value += size;
    }
    return AUT_OPT_GO;
}

/*  Options that were not given take their environment variable, if that is set and not empty. */
static aut_opt_result_t read_environment (const parse_t *self)
{
    aut_opt_result_t result = AUT_OPT_GO;
    for (const aut_opt_t *opt = self->table; opt && opt->name && result == AUT_OPT_GO; opt++) {
        char name[AUT_VARIABLE_SIZE];
        aut_option_variable (self->info, opt, name);
        const char *value = name[0] ? getenv (name) : NULL;
        if (!value || !*value || self->origins[opt - self->table].from == AUT_FROM_FLAG)
            continue;
        /* Of a variable that other programs know, being set is what counts. */
        if (opt->kind == AUT_OPT_FLAG && opt->env)
            value = NULL;
        if (opt->kind == AUT_OPT_LIST && self->info->config)
            result = read_list (self, opt, name, value);
        else
            result = set_value (self, opt, name, value, (aut_origin_t){AUT_FROM_ENVIRONMENT, 0});
    }
    return result;
}

static aut_opt_result_t unknown_setting (const parse_t *self, const char *where, const char *name)
{
    const char **names = aut_calloc (table_count (self->table) + 1, sizeof *names);
    size_t count = 0;
    for (const aut_opt_t *opt = self->table; opt && opt->name; opt++)
        if (!aut_option_only_here (self->info, opt->name))
            names[count++] = opt->name;
    const char *near = aut_nearest (name, names);
    free (names);
    if (near)
        return usage_error (self, "%s: \"%s\" is no setting: did you mean \"%s\"?", where, name,
                            near);
    return usage_error (self, "%s: \"%s\" is no setting", where, name);
}

static aut_opt_result_t read_entry (const parse_t *self, const aut_config_entry_t *entry)
{
    const aut_opt_t *opt = self->table;
    while (opt && opt->name && strcmp (opt->name, entry->name) != 0)
        opt++;
    char *where = aut_sprintf ("%s:%d", self->info->config->path, entry->line);
    char *source = aut_sprintf ("%s: %s", where, entry->name);
    aut_opt_result_t result;
    if (!opt || !opt->name || aut_option_only_here (self->info, opt->name)) {
        result = unknown_setting (self, where, entry->name);
    } else {
        const aut_origin_t *had = &self->origins[opt - self->table];
        if (had->from == AUT_FROM_FILE && opt->kind != AUT_OPT_LIST)
            result = usage_error (self, "%s was set in line %d already", source, had->line);
        else
            result = set_value (self, opt, source, entry->value,
                                (aut_origin_t){AUT_FROM_FILE, entry->line});
    }
    free (source);
    free (where);
    return result;
}

/*  The file that --config or AUTEUR_CONFIG names. */
static aut_opt_result_t read_file (const parse_t *self)
{
    aut_config_t *config = self->info->config;
    const char *variable = getenv ("AUTEUR_CONFIG");
    const char *path = self->file ? self->file : variable;
    if (!path || !*path || (path[0] == '-' && !aut_file_exists (path + 1)))
        return AUT_OPT_GO;
    path += path[0] == '-';
    aut_config_t file;
    if (aut_config_load (&file, path)) {
        aut_config_clear (&file);
        return usage_error (self, "%s: %s", self->file ? "--config" : "AUTEUR_CONFIG",
                            aut_error_detail ());
    }
    config->path = file.path;
    file.path = NULL;
    size_t first = config->count; /* after those of lists in variables */
    for (size_t i = 0; i < file.count; i++)
        aut_config_keep (config, file.entries[i].name, file.entries[i].value,
                         strlen (file.entries[i].value), file.entries[i].line);
    aut_config_clear (&file);
    aut_opt_result_t result = AUT_OPT_GO;
    for (size_t i = first; i < config->count && result == AUT_OPT_GO; i++)
        result = read_entry (self, &config->entries[i]);
    return result;
}

static aut_opt_result_t print_config (const parse_t *self)
{
    bool json = false;
    for (const aut_opt_t *opt = self->table; opt && opt->name; opt++)
        if (opt->kind == AUT_OPT_FLAG && strcmp (opt->name, "json") == 0)
            json = *(const bool *)opt->value;
    if (self->info->resolve)
        self->info->resolve (self->info->ctx);
    aut_options_print_config (self->info, self->table, self->origins, json);
    return AUT_OPT_EXIT_OK;
}

static aut_opt_result_t parse_arguments (parse_t *self, int argc, char **argv,
                                         const char **operands, size_t *operand_count)
{
    bool options_end = false;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (!options_end && strcmp (arg, "--") == 0) {
            options_end = true;
            continue;
        }
        aut_opt_result_t result = AUT_OPT_GO;
        if (!options_end && arg[0] == '-' && arg[1] == '-')
            result = parse_long (self, argc, argv, &i);
        else if (!options_end && arg[0] == '-' && arg[1])
            result = parse_short (self, argc, argv, &i);
        else if (*operand_count == self->info->max_operands)
            result = usage_error (self, "unexpected argument \"%s\"", arg);
        else
            operands[(*operand_count)++] = arg;
        if (result != AUT_OPT_GO)
            return result;
    }
    aut_opt_result_t result = read_environment (self);
    if (result == AUT_OPT_GO && self->info->config)
        result = read_file (self);
    if (result == AUT_OPT_GO && self->print)
        result = print_config (self);
    return result;
}

aut_opt_result_t aut_options_parse (const aut_opt_info_t *info, const aut_opt_t *table, int argc,
                                    char **argv, const char **operands, size_t *operand_count)
{
    size_t none = 0;
    if (!operand_count)
        operand_count = &none;
    *operand_count = 0;
    parse_t parse = {.info = info, .table = table};
    parse.origins = aut_calloc (table_count (table) + 1, sizeof (*parse.origins));
    aut_opt_result_t result = parse_arguments (&parse, argc, argv, operands, operand_count);
    if (result == AUT_OPT_GO && *operand_count < info->min_operands)
        result = usage_error (&parse, "an argument is missing: %s %s", info->program,
                              info->usage ? info->usage : "");
    free (parse.origins);
    return result;
}

void aut_options_clear (const aut_opt_t *table)
{
    for (const aut_opt_t *opt = table; opt && opt->name; opt++) {
        if (opt->kind != AUT_OPT_LIST)
            continue;
        aut_opt_list_t *list = opt->value;
        free (list->items);
        *list = (aut_opt_list_t){0};
    }
}

int aut_options_bytes (uint64_t *out, const char *option, const char *text)
{
    static const char units[] = "KMGT";
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull (text, &end, 10);
    unsigned shift = 0;
    const char *unit = *end ? strchr (units, *end & ~0x20) : NULL;
    if (unit && *unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        end++;
        if (*end == 'B' || *end == 'b')
            end++;
    }
    if (text[0] < '0' || text[0] > '9' || errno || *end || value > UINT64_MAX >> shift)
        return aut_fail (AUT_ERR_INVALID,
                         "%s: '%s' is no size; write a number of bytes, or one with K, M, G or T "
                         "after it",
                         option, text);
    *out = (uint64_t)value << shift;
    return 0;
}
