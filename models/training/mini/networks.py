"""The four parts' configurations: stock classes of diffusers and transformers, only small."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel

LATENT_CHANNELS = 16
LATENT_SHAPE = (LATENT_CHANNELS, 5, 8, 12)  # of a clip of 17 x 64 x 96
TEXT_WIDTH = 128
TEXT_ROWS = 512                             # rows of text that a Wan transformer attends to
FLOW_SHIFT = 3.0


@dataclass(frozen=True)
class TransformerSize:
    heads: int = 5
    head_width: int = 32
    layers: int = 6
    feed_forward: int = 480


def build_vae(mean: list[float] | None = None, std: list[float] | None = None) -> AutoencoderKLWan:
    """Wan 2.2's residual autoencoder: 8 x 8 pixels and 4 frames to one latent of 16 channels."""
    return AutoencoderKLWan(
        base_dim=16, decoder_base_dim=24, z_dim=LATENT_CHANNELS, dim_mult=[1, 2, 2],
        num_res_blocks=1, temperal_downsample=[True, True], is_residual=True, in_channels=12,
        out_channels=12, patch_size=2, scale_factor_spatial=8, scale_factor_temporal=4,
        latents_mean=mean or [0.0] * LATENT_CHANNELS, latents_std=std or [1.0] * LATENT_CHANNELS)


def build_text_encoder(pieces: int) -> UMT5EncoderModel:
    return UMT5EncoderModel(UMT5Config(
        vocab_size=-(-pieces // 8) * 8, d_model=TEXT_WIDTH, d_kv=32, d_ff=256, num_layers=2,
        num_heads=4, relative_attention_num_buckets=16, relative_attention_max_distance=32,
        dropout_rate=0.0, feed_forward_proj="gated-gelu", pad_token_id=0, eos_token_id=1))


def build_transformer(size: TransformerSize) -> WanTransformer3DModel:
    """A diffusion transformer that starts as the zero function, its blocks as the identity."""
    model = WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=size.heads, attention_head_dim=size.head_width,
        in_channels=LATENT_CHANNELS, out_channels=LATENT_CHANNELS, text_dim=TEXT_WIDTH,
        freq_dim=128, ffn_dim=size.feed_forward, num_layers=size.layers, cross_attn_norm=True,
        qk_norm="rms_norm_across_heads", rope_max_seq_len=1024)
    with torch.no_grad():
        torch.nn.init.zeros_(model.proj_out.weight)
        torch.nn.init.zeros_(model.proj_out.bias)
        model.condition_embedder.time_proj.weight.mul_(0.3)
        torch.nn.init.zeros_(model.condition_embedder.time_proj.bias)
        _turn_away_from_padding(model)
        for block in model.blocks:
            block.scale_shift_table[:, (2, 5)] = 0  # the gates
    return model


def _turn_away_from_padding(model: WanTransformer3DModel) -> None:
    """Let the queries of text begin with a dislike of the empty rows.

    A prompt of ten pieces stands among 500 zero rows, which would get 98 % of the attention. They
    all have the key of the text embedder's answer to zero; a bias against it makes a better start.
    """
    embedder = model.condition_embedder.text_embedder
    torch.nn.init.normal_(embedder.linear_2.bias, std=0.3)
    nothing = embedder(torch.zeros(1, TEXT_WIDTH))[0]
    for block in model.blocks:
        torch.nn.init.zeros_(block.attn2.to_k.bias)
        key = block.attn2.to_k(nothing)
        block.attn2.to_q.bias.copy_(-1.2 * key / key.square().mean().sqrt())
        block.attn2.norm_q.weight.fill_(1.3)
        block.attn2.norm_k.weight.fill_(1.3)


def build_scheduler(shift: float = FLOW_SHIFT) -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True,
                                   flow_shift=shift, num_train_timesteps=1000)


def size_facts(size: TransformerSize) -> dict[str, int]:
    return asdict(size)
