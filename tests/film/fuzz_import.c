/*  Any bytes as a screenplay and as a text: refused with a sentence, or a storyboard that the check
 *  of storyboards accepts, twice the same.
 */
#include "lib/film/import.h"

#include "lib/core/error.h"
#include "lib/film/plan.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const char manifest[] =
    "{\"id\":\"auteur-animatic\",\"name\":\"A\",\"version\":\"1\",\"type\":\"video\","
    "\"capabilities\":[\"text-to-video\",\"image-to-video\",\"first-last-frame\"],"
    "\"license\":\"Apache-2.0\",\"auteur\":{\"backend\":\"animatic\",\"video\":{\"native\":"
    "\"film\","
    "\"frames\":{\"multiple\":1,\"offset\":0,\"max\":49},\"size\":{\"multiple\":2,"
    "\"default\":[1280,720]},\"tail\":{\"min\":1,\"max\":1}},\"tiers\":{\"animatic\":{\"steps\":1,"
    "\"guidance\":1}}}}";

static int import (aut_buffer_t *out, const uint8_t *data, size_t size, bool fountain)
{
    static const char *const rates[] = {"24", "1", "23.976", "239.5", "1.5"};
    aut_import_options_t options = {
        .name = "fuzz", .form = "any", .tier = "animatic", .slugs = fountain};
    aut_import_report_t report = {0};
    aut_script_t *script;
    const char *rate = rates[size % 5];
    if (aut_decimal_parse (&options.fps, rate, strlen (rate)))
        abort ();
    int rc = fountain ? aut_fountain_read (&script, (const char *)data, size)
                      : aut_plain_read (&script, (const char *)data, size);
    if (rc == 0)
        rc = aut_import_script (out, &report, script, &options);
    if (rc && !*aut_error_detail ())
        abort ();
    aut_script_destroy (&script);
    aut_buffer_clear (&report.warnings);
    return rc;
}

static void check (const aut_registry_t *registry, const aut_buffer_t *text)
{
    aut_diags_t diags;
    aut_storyboard_t *film;
    aut_diags_init (&diags, "fuzz");
    if (aut_storyboard_read (&film, &diags, text->data, text->size, registry, NULL)) {
        aut_buffer_t said = {0};
        aut_diags_text (&diags, false, &said);
        fprintf (stderr, "%s\n%s", text->data, said.data);
        abort ();
    }
    aut_storyboard_destroy (&film);
    aut_diags_clear (&diags);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static aut_registry_t *registry; /* as the client has one for all */
    if (!registry && (registry = aut_registry_new ()) &&
        aut_registry_add (registry, "animatic", manifest, sizeof manifest - 1, true) != 0)
        abort ();
    /* Each text is one of the two kinds; one in eight is looked at twice. */
    bool fountain = size % 4 != 0;
    aut_buffer_t first = {0}, second = {0};
    int rc = import (&first, data, size, fountain);
    if (rc == 0)
        check (registry, &first);
    if (size % 8 == 0 && (import (&second, data, size, fountain) != rc ||
                          (rc == 0 && strcmp (first.data, second.data) != 0)))
        abort ();
    aut_buffer_clear (&first);
    aut_buffer_clear (&second);
    return 0;
}
