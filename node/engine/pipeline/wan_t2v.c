/*  Text to video: Wan 2.1 T2V (1.3B, 14B) and Wan 2.2 T2V A14B (arXiv 2503.20314).
 *
 *      x ~ N(0, 1);  for each σ:  v = transformer (x, t, text);  x = step (x, v);  frames = decode
 * (x)
 */
#include "node/engine/pipeline/pipeline.h"

static void t2v_facts (const stages_t *stages, engine_facts_t *facts)
{
    (void)stages;
    facts->text_only = true;
}

static int t2v_prepare (run_t *run)
{
    return aten_status (run->c);
}

/*  The noisy latents as they are: (1, 16, T, h, w). */
static tensor_t *t2v_input (run_t *run, tensor_t *latents, double t)
{
    pipeline_timestep (run, t);
    return latents;
}

const pipeline_t pipeline_wan_t2v = {
    .name = "text to video",
    .facts = t2v_facts,
    .prepare = t2v_prepare,
    .input = t2v_input,
};
