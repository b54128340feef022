/*  Any bytes as a storyboard: refused with diagnostics, or read, planned and specified, twice the
 *  same.
 */
#include "lib/film/plan.h"

#include <stdint.h>
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

static void check_specs (const aut_plan_t *plan)
{
    for (size_t i = 0; i < plan->chunk_count && i < 16; i++) {
        aut_buffer_t spec = {0};
        aut_task_spec_t parsed;
        aut_plan_spec (plan, i, &spec);
        aut_hash_t key = aut_task_key (spec.data, spec.size);
        if (!aut_hash_equal (&key, &plan->chunks[i].key) ||
            aut_task_spec_parse (&parsed, spec.data, spec.size) != 0)
            abort ();
        aut_task_spec_clear (&parsed);
        aut_buffer_clear (&spec);
    }
}

static char *plan (const aut_registry_t *registry, const uint8_t *data, size_t size)
{
    aut_diags_t diags;
    aut_storyboard_t *film;
    aut_plan_t *made = NULL;
    aut_buffer_t out = {0};
    aut_diags_init (&diags, "fuzz");
    int err = aut_storyboard_read (&film, &diags, (const char *)data, size, registry, NULL);
    if (!err != !diags.errors || !err != !!film)
        abort ();
    if (film && aut_plan_new (&made, film, registry) != 0)
        abort (); /* what is valid can be planned */
    if (made) {
        check_specs (made);
        aut_plan_json (made, &out);
    }
    aut_diags_text (&diags, false, &out);
    aut_diags_json (&diags, &out);
    aut_plan_destroy (&made);
    aut_storyboard_destroy (&film);
    aut_diags_clear (&diags);
    return aut_buffer_take (&out, NULL);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static aut_registry_t *registry; /* as a broker has one for all */
    if (!registry && (registry = aut_registry_new ()) &&
        aut_registry_add (registry, "animatic", manifest, sizeof manifest - 1, true) != 0)
        abort ();
    char *one = plan (registry, data, size);
    /* That it comes out the same is looked at for one in eight. */
    if (size % 8 == 0) {
        char *two = plan (registry, data, size);
        if (strcmp (one, two) != 0)
            abort ();
        free (two);
    }
    free (one);
    return 0;
}
