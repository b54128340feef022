/*  What a broker says of a job, from one that lies: an array of the answer to {"get":"job"} and of
 *  events after it. The view takes or refuses each; its figures stay figures. */
#include "client/jobview.h"
#include "lib/core/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void look (const aut_jobview_t *view)
{
    double all = aut_jobview_fraction (view);
    if (!(all >= 0 && all <= 1) || aut_jobview_shots_done (view) > aut_jobview_shots (view))
        abort ();
    for (size_t i = 0; i < aut_jobview_shots (view); i++) {
        const aut_view_shot_t *shot = aut_jobview_shot (view, i);
        double part = aut_jobview_shot_fraction (shot);
        if (!(part >= 0 && part <= 1) || shot->done_count > shot->chunk_count)
            abort ();
    }
    (void)aut_jobview_ended (view);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    json_t *all = NULL, *item;
    size_t i;
    if (aut_json_parse (&all, (const char *)data, size, "fuzz") != 0)
        return 0;
    aut_jobview_t *view = aut_jobview_new ("j1");
    aut_jobview_weigh (view, "s1", 0, 12);
    json_array_foreach (all, i, item)
    {
        if (i == 0)
            aut_jobview_snapshot (view, item, 1000);
        else
            aut_jobview_event (view, item, 1000 + (int64_t)i, NULL);
        look (view);
    }
    aut_jobview_destroy (&view);
    json_decref (all);
    return 0;
}
