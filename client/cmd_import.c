/*  auteur import: a screenplay or a text becomes a storyboard. */
#include "client/command.h"
#include "client/film.h"
#include "client/import_llm.h"
#include "client/interrupt.h"
#include "lib/core/error.h"
#include "lib/core/file.h"
#include "lib/core/mem.h"
#include "lib/film/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct {
    aut_common_t common;
    const char *file, *output, *from, *tier, *fps;
    const char *llm, *llm_model, *llm_key_file;
    double llm_timeout;
    bool fountain;
    char *name; /* the file's, without folder and ending */
    aut_import_options_t options;
    aut_import_report_t report;
    aut_buffer_t storyboard;
} import_t;

static bool has_ending (const char *file, const char *const *endings)
{
    const char *dot = strrchr (file, '.');
    for (; dot && *endings; endings++)
        if (strcasecmp (dot + 1, *endings) == 0)
            return true;
    return false;
}

/*  Which of the two readers: as --from says, by the ending, or by what is in it. */
static int choose_form (import_t *self, const char *text, size_t size)
{
    static const char *const fountain[] = {"fountain", "spmd", NULL};
    static const char *const markdown[] = {"md", "markdown", NULL};
    static const char *const names[] = {"fountain", "text", NULL};
    if (!self->from) {
        self->fountain =
            has_ending (self->file, fountain) ||
            (!has_ending (self->file, markdown) && aut_fountain_looks_like (text, size));
    } else if (strcmp (self->from, "fountain") == 0) {
        self->fountain = true;
    } else if (strcmp (self->from, "text") != 0) {
        const char *near = aut_nearest (self->from, names);
        return aut_fail (AUT_ERR_INVALID, "--from is fountain or text, not %s%s%s", self->from,
                         near ? "; did you mean " : "", near ? near : "");
    }
    self->options.form = self->fountain ? "fountain" : "text";
    self->options.slugs = self->fountain;
    return 0;
}

static int check_options (import_t *self)
{
    aut_rational_t rate;
    bool known = false;
    for (size_t i = 0; aut_tiers[i]; i++)
        known = known || strcmp (aut_tiers[i], self->tier) == 0;
    if (!known) {
        const char *near = aut_nearest (self->tier, aut_tiers);
        return aut_fail (AUT_ERR_INVALID, "--tier %s is not known%s%s", self->tier,
                         near ? "; did you mean " : "", near ? near : "");
    }
    if (aut_decimal_parse (&self->options.fps, self->fps, strlen (self->fps)) ||
        aut_rate_of (&rate, self->options.fps))
        return aut_fail (AUT_ERR_INVALID,
                         "--fps %s: a rate is a number from 1 to 240 with at most "
                         "three decimals",
                         self->fps);
    self->options.tier = self->tier;
    return 0;
}

/*  "films/signal.fountain" → "signal". */
static char *base_name (const char *file)
{
    const char *slash = strrchr (file, '/'), *start = slash ? slash + 1 : file;
    const char *dot = strrchr (start, '.');
    return aut_strndup (start, dot && dot > start ? (size_t)(dot - start) : strlen (start));
}

static int import_by_rules (import_t *self, const char *text, size_t size)
{
    aut_script_t *script = NULL;
    int rc = self->fountain ? aut_fountain_read (&script, text, size)
                            : aut_plain_read (&script, text, size);
    if (rc == 0)
        rc = aut_import_script (&self->storyboard, &self->report, script, &self->options);
    aut_script_destroy (&script);
    return rc;
}

/*  What is written must be valid for the models here. */
static int check_result (import_t *self, const aut_registry_t *registry)
{
    aut_storyboard_t *film = NULL;
    aut_diags_t diags;
    aut_diags_init (&diags, "the storyboard");
    int rc = aut_storyboard_read (&film, &diags, self->storyboard.data, self->storyboard.size,
                                  registry, NULL);
    if (rc) {
        aut_buffer_t said = {0};
        aut_diags_text (&diags, false, &said);
        rc = aut_fail (AUT_ERR_INVALID, "what came of it is no valid storyboard: %s",
                       said.data ? said.data : "");
        aut_buffer_clear (&said);
    }
    aut_storyboard_destroy (&film);
    aut_diags_clear (&diags);
    return rc;
}

/*  Whether a language model made the storyboard: 1; 0 with a warning when it could not; or an error
 *  that ends the command. */
static int import_by_model (import_t *self, const char *text, const aut_registry_t *registry)
{
    char *key = NULL;
    aut_buffer_t shown = {0};
    int rc = aut_import_key (&key, self->llm_key_file);
    if (rc)
        return rc;
    const aut_chat_t chat = {self->llm, self->llm_model, key, self->llm_timeout};
    aut_interrupt_install ();
    rc = aut_import_ask (&self->storyboard, &self->report, &chat, text, &self->options, registry);
    free (key);
    if (rc == AUT_ERR_INVALID || rc == AUT_ERR_CANCELLED)
        return rc;
    if (rc == 0) {
        self->options.form = "llm";
        return 1;
    }
    aut_buffer_printable (&shown, aut_error_detail ());
    fprintf (stderr, "%s: warning: the language model is not used, the rules are: %s\n", self->file,
             shown.data);
    aut_buffer_clear (&shown);
    return 0;
}

static int import_text (import_t *self, const char *text, size_t size)
{
    aut_registry_t *registry = NULL;
    int rc = aut_film_registry (&registry, self->common.models);
    int made = rc == 0 && self->llm ? import_by_model (self, text, registry) : rc;
    rc = made < 0 ? made : 0;
    if (made == 0)
        rc = import_by_rules (self, text, size);
    if (made == 0 && rc == 0)
        rc = check_result (self, registry);
    aut_registry_destroy (&registry);
    return rc;
}

static int run (import_t *self)
{
    char *text = NULL;
    size_t size = 0;
    int rc = check_options (self);
    if (rc == 0 && self->output && aut_file_exists (self->output))
        rc = aut_fail (AUT_ERR_INVALID, "%s exists and is left as it is; choose another name",
                       self->output);
    if (rc)
        return rc;
    rc = aut_file_read (self->file, AUT_SCRIPT_MAX_BYTES, &text, &size);
    if (rc == 0)
        rc = choose_form (self, text, size);
    if (rc == 0)
        rc = import_text (self, text, size);
    free (text);
    if (rc == 0 && self->output)
        rc = aut_common_write_new (self->output, self->storyboard.data, self->storyboard.size);
    return rc;
}

static void print_report (const import_t *self)
{
    const aut_import_report_t *report = &self->report;
    for (char *line = report->warnings.data, *end; line && *line; line = end + 1) {
        end = strchr (line, '\n');
        aut_buffer_t shown = {0};
        *end = 0;
        aut_buffer_printable (&shown, line);
        *end = '\n';
        fprintf (stderr, "%s: warning: %s\n", self->file, shown.data);
        aut_buffer_clear (&shown);
    }
    if (!self->output)
        fwrite (self->storyboard.data, 1, self->storyboard.size, stdout);
    else if (self->common.json)
        aut_common_print_json (
            json_pack ("{s:s, s:s, s:I, s:I, s:I, s:I, s:f}", "file", self->output, "from",
                       self->options.form, "scenes", (json_int_t)report->scenes, "shots",
                       (json_int_t)report->shots, "characters", (json_int_t)report->characters,
                       "locations", (json_int_t)report->locations, "seconds", report->seconds));
    else
        printf ("Wrote %s: %zu scene%s, %zu shot%s, %zu character%s, %zu location%s, %.0f s. "
                "Next: auteur plan %s\n",
                self->output, report->scenes, report->scenes == 1 ? "" : "s", report->shots,
                report->shots == 1 ? "" : "s", report->characters,
                report->characters == 1 ? "" : "s", report->locations,
                report->locations == 1 ? "" : "s", report->seconds, self->output);
}

int aut_cmd_import (int argc, char **argv)
{
    import_t self = {.common = AUT_COMMON_DEFAULTS,
                     .tier = "animatic",
                     .fps = "24",
                     .llm_model = "default",
                     .llm_timeout = 300};
    const aut_opt_info_t info = {
        .program = "auteur import",
        .usage = "FILE [-o STORYBOARD]",
        .about =
            "Makes a storyboard of a screenplay in Fountain, or of plain text: headings become\n"
            "scenes, paragraphs and speeches shots, characters and places ingredients. How, and\n"
            "how long each shot is, stands in docs/import.md. STORYBOARD must not exist yet;\n"
            "without -o it goes to standard output. With --llm a language model breaks it down;\n"
            "where its answers are not valid, the rules do.\n\n"
            "  auteur import signal.fountain -o signal.json && auteur render signal.json",
        .min_operands = 1,
        .max_operands = 1};
    const aut_opt_t table[] = {
        {"output", 'o', AUT_OPT_STRING, &self.output, "FILE", "the storyboard to write", NULL, 0,
         0},
        {"from", 0, AUT_OPT_STRING, &self.from, "FORM",
         "fountain or text (default: by the file's ending and content)", NULL, 0, 0},
        {"tier", 0, AUT_OPT_STRING, &self.tier, "TIER",
         "animatic, draft, standard or final (default animatic)", NULL, 0, 0},
        {"fps", 0, AUT_OPT_STRING, &self.fps, "N", "the film's frames a second (default 24)", NULL,
         0, 0},
        {"llm", 0, AUT_OPT_STRING, &self.llm, "URL",
         "let a language model do it: an OpenAI-compatible server, or Ollama (port 11434)", NULL, 0,
         0},
        {"llm-model", 0, AUT_OPT_STRING, &self.llm_model, "NAME", "the model's name on that server",
         NULL, 0, 0},
        {"llm-key-file", 0, AUT_OPT_STRING, &self.llm_key_file, "FILE",
         "the server's key, one line (default: the variable AUTEUR_LLM_KEY)", NULL, 0, 0},
        {"llm-timeout", 0, AUT_OPT_NUMBER, &self.llm_timeout, "SECONDS",
         "how long an answer may take (default 300)", NULL, 1, 86400},
        AUT_OPTIONS_MODELS (self.common),
        AUT_OPTIONS_OUTPUT (self.common),
        AUT_OPTIONS_END};
    int code = aut_common_parse (&info, table, &self.common, argc, argv, &self.file, NULL);
    if (code >= 0)
        return code;
    self.name = base_name (self.file);
    self.options.name = self.name;
    int rc = run (&self);
    code = rc ? aut_common_fail (rc, "%s", self.file) : AUT_EXIT_DONE;
    if (rc == 0)
        print_report (&self);
    aut_buffer_clear (&self.storyboard);
    aut_buffer_clear (&self.report.warnings);
    free (self.name);
    return code;
}
