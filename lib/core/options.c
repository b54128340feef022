/*  The command line: one table, parsed by GNU's rules. Messages go to stderr in the form
 *  "PROGRAM: what is wrong", followed by where to look.
 */
#include "lib/core/options.h"

#include "lib/core/buffer.h"
#include "lib/core/error.h"
#include "lib/core/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELP_COLUMN 28
#define HELP_WIDTH 96

/*  What a parse has at hand. */
typedef struct {
    const aut_opt_info_t *info;
    const aut_opt_t *table;
    bool *given; /* per row of the table */
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

/*  The names of the table and the two that every program has; the caller frees the array. */
static const char **table_names (const aut_opt_t *table)
{
    size_t count = table_count (table);
    const char **names = aut_calloc (count + 3, sizeof (*names));
    for (size_t i = 0; table && i < count; i++)
        names[i] = table[i].name;
    names[count] = "help";
    names[count + 1] = "version";
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

static aut_opt_result_t set_value (const parse_t *self, const aut_opt_t *opt, const char *source,
                                   const char *value)
{
    switch (opt->kind) {
    case AUT_OPT_FLAG:
        *(bool *)opt->value = true;
        break;
    case AUT_OPT_STRING:
        *(const char **)opt->value = value;
        break;
    case AUT_OPT_INT:
        if (!parse_int (opt, value, opt->value))
            return bad_value (self, opt, source, value);
        break;
    case AUT_OPT_NUMBER:
        if (!parse_number (opt, value, opt->value))
            return bad_value (self, opt, source, value);
        break;
    case AUT_OPT_LIST: {
        aut_opt_list_t *list = opt->value;
        list->items = aut_realloc (list->items, list->count + 1, sizeof (*list->items));
        list->items[list->count++] = value;
        break;
    }
    }
    self->given[opt - self->table] = true;
    return AUT_OPT_GO;
}

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

static aut_opt_result_t print_help (const parse_t *self)
{
    aut_buffer_t out = {0};
    const char *usage = self->info->usage ? self->info->usage : "";
    aut_buffer_format (&out, "Usage: %s%s%s\n", self->info->program, *usage ? " " : "", usage);
    if (self->info->about)
        aut_buffer_format (&out, "\n%s\n", self->info->about);
    aut_buffer_text (&out, "\nOptions:\n");
    for (const aut_opt_t *opt = self->table; opt && opt->name; opt++)
        print_option (&out, opt->letter, opt->name,
                      opt->kind == AUT_OPT_FLAG ? NULL : (opt->arg ? opt->arg : "VALUE"), opt->help,
                      opt->env);
    print_option (&out, 'h', "help", NULL, "Show this help.", NULL);
    print_option (&out, 0, "version", NULL, "Show the version.", NULL);
    fwrite (out.data, 1, out.size, stdout);
    fflush (stdout);
    aut_buffer_clear (&out);
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
    const char **names = table_names (self->table);
    const char *near = aut_nearest (name, names);
    for (size_t i = 0; !near && names[i] && strlen (name) >= 2; i++)
        if (strncmp (names[i], name, strlen (name)) == 0) /* a beginning of a name */
            near = names[i];
    free (names);
    if (near)
        return usage_error (self, "unknown option --%s: did you mean --%s?", name, near);
    return usage_error (self, "unknown option --%s", name);
}

/*  --name, --name=VALUE or --name VALUE at argv[*at]. */
static aut_opt_result_t parse_long (const parse_t *self, int argc, char **argv, int *at)
{
    const char *text = argv[*at] + 2;
    const char *equals = strchr (text, '=');
    char *name = equals ? aut_strndup (text, (size_t)(equals - text)) : aut_strdup (text);
    const aut_opt_t *opt = self->table;
    while (opt && opt->name && strcmp (opt->name, name) != 0)
        opt++;

    aut_opt_result_t result;
    char *source = aut_sprintf ("--%s", name);
    if (!opt || !opt->name) {
        if (strcmp (name, "help") == 0)
            result = print_help (self);
        else if (strcmp (name, "version") == 0)
            result = print_version (self);
        else
            result = unknown_option (self, name);
    } else if (opt->kind == AUT_OPT_FLAG) {
        result = equals ? usage_error (self, "--%s takes no value", name)
                        : set_value (self, opt, source, NULL);
    } else if (equals) {
        result = set_value (self, opt, source, equals + 1);
    } else if (*at + 1 < argc) {
        result = set_value (self, opt, source, argv[++*at]);
    } else {
        result = usage_error (self, "--%s needs a value: %s", name, opt->arg ? opt->arg : "VALUE");
    }
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
            set_value (self, opt, source, NULL);
            continue;
        }
        if (p[1])
            return set_value (self, opt, source, p + 1);
        if (*at + 1 < argc)
            return set_value (self, opt, source, argv[++*at]);
        return usage_error (self, "-%c needs a value: %s", *p, opt->arg ? opt->arg : "VALUE");
    }
    return AUT_OPT_GO;
}

/*  Options that were not given take their environment variable, if that is set and not empty. */
static aut_opt_result_t read_environment (const parse_t *self)
{
    for (const aut_opt_t *opt = self->table; opt && opt->name; opt++) {
        if (!opt->env || self->given[opt - self->table])
            continue;
        const char *value = getenv (opt->env);
        if (!value || !*value)
            continue;
        aut_opt_result_t result = set_value (self, opt, opt->env, value);
        if (result != AUT_OPT_GO)
            return result;
    }
    return AUT_OPT_GO;
}

static aut_opt_result_t parse_arguments (const parse_t *self, int argc, char **argv,
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
    return read_environment (self);
}

aut_opt_result_t aut_options_parse (const aut_opt_info_t *info, const aut_opt_t *table, int argc,
                                    char **argv, const char **operands, size_t *operand_count)
{
    size_t none = 0;
    if (!operand_count)
        operand_count = &none;
    *operand_count = 0;
    parse_t parse = {.info = info, .table = table};
    parse.given = aut_calloc (table_count (table), sizeof (*parse.given));
    aut_opt_result_t result = parse_arguments (&parse, argc, argv, operands, operand_count);
    if (result == AUT_OPT_GO && *operand_count < info->min_operands)
        result = usage_error (&parse, "an argument is missing: %s %s", info->program,
                              info->usage ? info->usage : "");
    free (parse.given);
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
