/*  How long a film of 100,000 shots takes to validate and to plan: bench_plan [SHOTS]. */
#include "lib/core/error.h"
#include "lib/film/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double now (void)
{
    struct timespec time;
    clock_gettime (CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void write_film (aut_buffer_t *out, long shots)
{
    aut_buffer_text (out, "{\n\"storyboard\": \"1\", \"project\": \"bench\",\n"
                          "\"defaults\": {\"tier\": \"animatic\"},\n\"style\": {\"prompt\": "
                          "\"hand-painted animation, muted palette\", \"negative\": \"text\"},\n"
                          "\"ingredients\": [{\"id\": \"tower\", \"type\": \"location\", \"name\": "
                          "\"Tower\", \"description\": \"a white stone lighthouse on a rock\"}],\n"
                          "\"scenes\": [");
    for (long i = 0; i < shots; i++) {
        if (i % 20 == 0)
            aut_buffer_format (out, "%s{\"id\": \"scene-%ld\", \"shots\": [\n", i ? "]},\n" : "",
                               i / 20);
        aut_buffer_format (out,
                           "%s{ \"id\": \"shot-%ld\", \"prompt\": \"waves break against the rock "
                           "and throw spray over the steps\", \"camera\": { \"size\": \"wide\", "
                           "\"move\": \"static\" }, \"duration\": %ld.5, \"ingredients\": "
                           "[\"tower\"], \"transition\": { \"type\": \"%s }",
                           i % 20 ? ",\n" : "", i, 1 + i % 4,
                           i % 5 ? "cut\" }"
                           : i   ? "dissolve\", \"duration\": 0.5 }"
                                 : "cut\" }");
    }
    aut_buffer_text (out, "]}]}\n");
}

int main (int argc, char **argv)
{
    long shots = argc > 1 ? strtol (argv[1], NULL, 10) : 100000;
    aut_registry_t *registry;
    aut_storyboard_t *film;
    aut_plan_t *plan = NULL;
    aut_diags_t diags;
    aut_buffer_t text = {0}, json = {0};
    write_film (&text, shots);
    aut_registry_open (&registry, NULL);
    aut_diags_init (&diags, "bench.json");
    double start = now ();
    clock_t cpu_start = clock ();
    int err = aut_storyboard_read (&film, &diags, text.data, text.size, registry, NULL);
    double checked = now ();
    if (!err)
        err = aut_plan_new (&plan, film, registry);
    double planned = now ();
    clock_t cpu_planned = clock ();
    if (err) {
        fprintf (stderr, "bench_plan: %s\n", aut_error_detail ());
        return EXIT_FAILURE;
    }
    aut_plan_json (plan, &json);
    double printed = now ();
    struct rusage usage;
    getrusage (RUSAGE_SELF, &usage);
    printf ("shots %ld  chunks %zu  storyboard %.1f MB  validate %.3f s  plan %.3f s  "
            "together %.3f s (%.3f s of CPU)  json %.3f s (%.1f MB)  peak %ld MB\n",
            shots, plan->chunk_count, (double)text.size / 1e6, checked - start, planned - checked,
            planned - start, (double)(cpu_planned - cpu_start) / CLOCKS_PER_SEC, printed - planned,
            (double)json.size / 1e6, usage.ru_maxrss / 1024);
    aut_plan_destroy (&plan);
    aut_storyboard_destroy (&film);
    aut_diags_clear (&diags);
    aut_registry_destroy (&registry);
    aut_buffer_clear (&text);
    aut_buffer_clear (&json);
    return EXIT_SUCCESS;
}
