/*  The run of one clip, from request to frames. */
#include "node/engine/pipeline/pipeline.h"

#include "lib/core/error.h"

#include <stdlib.h>

const pipeline_t *pipeline_of (const folder_t *folder)
{
    if (folder->expand_timesteps)
        return &pipeline_wan_ti2v;
    return folder->pipeline == FOLDER_WAN_IMAGE ? &pipeline_wan_i2v : &pipeline_wan_t2v;
}

void pipeline_cleanup (run_t *run)
{
    aten_t *c = run->c;
    scheduler_close (&run->scheduler);
    aten_drop (c, &run->prompt);
    aten_drop (c, &run->negative);
    aten_drop (c, &run->image);
    aten_drop (c, &run->condition);
    free (run->timesteps);
    run->timesteps = NULL;
}

/*  Does a stage, again and again one rung down while memory is what it lacks. */
int pipeline_stage (run_t *run, int (*stage) (run_t *run))
{
    int rc;
    do
        rc = stage (run);
    while (rc && pipeline_step_down (run));
    return rc ? aten_status (run->c) : 0;
}
