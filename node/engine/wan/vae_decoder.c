/*  The decoder: conv_in, the middle, stages that double the side (and some the rate), conv_out. It
 *  is the encoder's mirror, with one residual block more in each stage.
 */
#include "node/engine/wan/vae_coder.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME_MAX_LEN 160

static void load_stage (vae_stage_t *out, vae_loader_t *from, size_t i, bool residual)
{
    char name[NAME_MAX_LEN];
    const vae_stage_shape_t *shape = &out->shape;
    for (size_t j = 0; j < out->blocks; j++) {
        snprintf (name, sizeof name, "decoder.up_blocks.%zu.resnets.%zu", i, j);
        vae_res_load (&out->block[j], from, j > 0 ? shape->out : shape->in, shape->out, name);
    }
    vae_loader_refuse (from, "num_res_blocks", "decoder.up_blocks.%zu.resnets.%zu.conv1.weight", i,
                       out->blocks);
    snprintf (name, sizeof name, "decoder.up_blocks.%zu.%s", i,
              residual ? "upsampler" : "upsamplers.0");
    if (shape->sized)
        vae_up_load (&out->up, from, shape->out, shape->result, shape->timed, name);
}

void vae_decoder_load (vae_coder_t *out, const vae_config_t *config, vae_loader_t *from)
{
    int64_t z = config->face.z_dim;
    int64_t first = vae_decoder_stage (config, 0).in;
    from->slots = 0;
    vae_point_load (&out->quant, from, z, z, 3, "post_quant_conv");
    vae_conv_load (&out->conv_in, from, z, first, 3, "decoder.conv_in");
    vae_middle_load (&out->middle, from, first, "decoder.mid_block");
    for (out->stages = 0; out->stages < config->stages; out->stages++) {
        vae_stage_t *stage = &out->stage[out->stages];
        stage->shape = vae_decoder_stage (config, out->stages);
        stage->blocks = (size_t)config->res_blocks + 1;
        stage->shortcut = config->residual && stage->shape.sized;
        if (stage->shape.timed)
            out->split = out->stages + 1;
        load_stage (stage, from, out->stages, config->residual);
    }
    vae_loader_refuse (from, "dim_mult", "decoder.up_blocks.%zu.resnets.0.conv1.weight",
                       out->stages);
    int64_t last = out->stage[out->stages - 1].shape.out;
    vae_norm_load (&out->norm_out, from, last, 3, "decoder.norm_out");
    vae_conv_load (&out->conv_out, from, last, config->pixel_channels, 3, "decoder.conv_out");
    out->slots = from->slots;
    out->loaded = true;
}

static tensor_t *decode_stage (vae_run_t *run, const vae_stage_t *stage, tensor_t *x)
{
    aten_t *c = run->c;
    aten_scope_t s = aten_open (c);
    tensor_t *start = stage->shortcut ? aten_squeeze (c, aten_unsqueeze (c, x, 0), 0) : NULL;
    for (size_t j = 0; j < stage->blocks; j++)
        x = vae_res (run, &stage->block[j], x);
    if (stage->shape.sized)
        x = vae_up (run, &stage->up, x);
    if (stage->shortcut)
        vae_shortcut_up (c, &stage->shape, x, start);
    return aten_close (c, s, x);
}

/*  What comes after the last doubling of the rate, frame by frame: to a causal layer a chunk is no
 *  different from its frames one after the other, and at full size each takes much memory. */
static tensor_t *decode_end (vae_run_t *run, const vae_coder_t *decoder, size_t begin, tensor_t *x)
{
    aten_t *c = run->c;
    tensor_t *parts[VAE_CHUNK_MAX];
    size_t count = 0;
    aten_scope_t s = aten_open (c);
    for (; count < VAE_CHUNK_MAX && (int64_t)count < aten_dim (x, 2); count++) {
        tensor_t *frame = aten_narrow (c, x, 2, (int64_t)count, 1);
        for (size_t i = begin; i < decoder->stages; i++)
            frame = decode_stage (run, &decoder->stage[i], frame);
        parts[count] = vae_conv (run, &decoder->conv_out, &decoder->norm_out, frame);
    }
    aten_drop (c, &x);
    return aten_close (c, s, aten_cat (c, 2, count, parts));
}

tensor_t *vae_decode_chunk (vae_run_t *run, const vae_coder_t *decoder, tensor_t *x)
{
    aten_t *c = run->c;
    size_t prefix = tap_enter (run->tap, "decoder.chunk.%" PRId64, run->state->chunk);
    x = vae_point (c, &decoder->quant, x);
    x = vae_conv (run, &decoder->conv_in, NULL, x);
    tap (run->tap, c, x, "conv_in");
    x = vae_middle (run, &decoder->middle, x);
    tap (run->tap, c, x, "mid_block");
    size_t i = 0;
    for (; i < decoder->stages && (i < decoder->split || tap_wants (run->tap, "up_blocks.%zu", i));
         i++) {
        x = decode_stage (run, &decoder->stage[i], x);
        tap (run->tap, c, x, "up_blocks.%zu", i);
    }
    x = decode_end (run, decoder, i, x);
    tap (run->tap, c, x, "conv_out");
    tap_leave (run->tap, prefix);
    run->state->chunk++;
    return x;
}
