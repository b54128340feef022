/*  The encoder: conv_in, stages that halve the side (and some the rate), the middle, conv_out.
 *
 *  2.1 stores its layers in one flat list (down_blocks.0, .1, …), 2.2 by stage.
 */
#include "node/engine/wan/vae_coder.h"

#include <inttypes.h>
#include <stdio.h>

#define NAME_MAX_LEN 160

/*  Where the next layer of the flat list is. */
static const char *next_flat (char name[NAME_MAX_LEN], size_t *flat)
{
    snprintf (name, NAME_MAX_LEN, "encoder.down_blocks.%zu", (*flat)++);
    return name;
}

static void load_flat_stage (vae_stage_t *out, vae_loader_t *from, size_t *flat)
{
    char name[NAME_MAX_LEN];
    const vae_stage_shape_t *shape = &out->shape;
    for (size_t j = 0; j < out->blocks; j++) {
        vae_res_load (&out->block[j], from, j > 0 ? shape->out : shape->in, shape->out,
                      next_flat (name, flat));
        if (out->attends)
            vae_attention_load (&out->attention[j], from, shape->out, next_flat (name, flat));
    }
    if (shape->sized)
        vae_down_load (&out->down, from, shape->out, shape->timed, next_flat (name, flat));
}

static void load_stage (vae_stage_t *out, vae_loader_t *from, size_t i)
{
    char name[NAME_MAX_LEN];
    const vae_stage_shape_t *shape = &out->shape;
    for (size_t j = 0; j < out->blocks; j++) {
        snprintf (name, sizeof name, "encoder.down_blocks.%zu.resnets.%zu", i, j);
        vae_res_load (&out->block[j], from, j > 0 ? shape->out : shape->in, shape->out, name);
    }
    vae_loader_refuse (from, "num_res_blocks", "encoder.down_blocks.%zu.resnets.%zu.conv1.weight",
                       i, out->blocks);
    snprintf (name, sizeof name, "encoder.down_blocks.%zu.downsampler", i);
    if (shape->sized)
        vae_down_load (&out->down, from, shape->out, shape->timed, name);
}

/*  The posterior's mean is the first half of what the encoder says; its variance is not computed.
 */
static void load_mean (vae_point_t *out, vae_loader_t *from, int64_t z)
{
    aten_t *c = from->c;
    vae_point_load (out, from, 2 * z, 2 * z, 3, "quant_conv");
    aten_assign (c, &out->weight, aten_narrow (c, out->weight, 0, 0, z));
    aten_assign (c, &out->bias, aten_narrow (c, out->bias, 0, 0, z));
}

void vae_encoder_load (vae_coder_t *out, const vae_config_t *config, vae_loader_t *from)
{
    int64_t z = config->face.z_dim;
    size_t flat = 0;
    from->slots = 0;
    vae_conv_load (&out->conv_in, from, config->pixel_channels, config->encoder_dim, 3,
                   "encoder.conv_in");
    for (out->stages = 0; out->stages < config->stages; out->stages++) {
        vae_stage_t *stage = &out->stage[out->stages];
        stage->shape = vae_encoder_stage (config, out->stages);
        stage->blocks = (size_t)config->res_blocks;
        stage->attends = config->attention[out->stages];
        stage->shortcut = config->residual;
        if (out->split == out->stages && !stage->shape.timed)
            out->split++;
        if (config->residual)
            load_stage (stage, from, out->stages);
        else
            load_flat_stage (stage, from, &flat);
    }
    size_t beyond = config->residual ? out->stages : flat;
    vae_loader_refuse (from, "dim_mult, num_res_blocks, is_residual",
                       "encoder.down_blocks.%zu.conv1.weight", beyond);
    vae_loader_refuse (from, "dim_mult, is_residual",
                       "encoder.down_blocks.%zu.resnets.0.conv1.weight", beyond);
    int64_t last = out->stage[out->stages - 1].shape.out;
    vae_middle_load (&out->middle, from, last, "encoder.mid_block");
    vae_norm_load (&out->norm_out, from, last, 3, "encoder.norm_out");
    vae_conv_load (&out->conv_out, from, last, 2 * z, 3, "encoder.conv_out");
    load_mean (&out->quant, from, z);
    out->slots = from->slots;
    out->loaded = true;
}

static tensor_t *encode_stage (vae_run_t *run, const vae_stage_t *stage, tensor_t *x)
{
    aten_t *c = run->c;
    aten_scope_t s = aten_open (c);
    tensor_t *start = stage->shortcut ? aten_squeeze (c, aten_unsqueeze (c, x, 0), 0) : NULL;
    for (size_t j = 0; j < stage->blocks; j++) {
        x = vae_res (run, &stage->block[j], x);
        if (stage->attends)
            x = vae_attention (run, &stage->attention[j], x);
    }
    if (stage->shape.sized)
        x = vae_down (run, &stage->down, x);
    if (stage->shortcut)
        vae_shortcut_down (c, &stage->shape, x, start);
    return aten_close (c, s, x);
}

/*  What comes before the first halving of the rate, frame by frame, as the decoder's end. */
static tensor_t *encode_begin (vae_run_t *run, const vae_coder_t *encoder, tensor_t *x)
{
    aten_t *c = run->c;
    tensor_t *parts[VAE_CHUNK_MAX];
    size_t count = 0;
    aten_scope_t s = aten_open (c);
    for (; count < VAE_CHUNK_MAX && (int64_t)count < aten_dim (x, 2); count++) {
        tensor_t *frame = aten_narrow (c, x, 2, (int64_t)count, 1);
        frame = vae_conv (run, &encoder->conv_in, NULL, frame);
        for (size_t i = 0; i < encoder->split; i++)
            frame = encode_stage (run, &encoder->stage[i], frame);
        parts[count] = frame;
    }
    aten_drop (c, &x);
    return aten_close (c, s, aten_cat (c, 2, count, parts));
}

tensor_t *vae_encode_chunk (vae_run_t *run, const vae_coder_t *encoder, tensor_t *x)
{
    x = encode_begin (run, encoder, x);
    for (size_t i = encoder->split; i < encoder->stages; i++)
        x = encode_stage (run, &encoder->stage[i], x);
    x = vae_middle (run, &encoder->middle, x);
    x = vae_conv (run, &encoder->conv_out, &encoder->norm_out, x);
    run->state->chunk++;
    return vae_point (run->c, &encoder->quant, x);
}
