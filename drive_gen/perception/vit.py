"""What others' ViTs give to ours, and where ours looks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from drive_gen.envs.files import InputError
from drive_gen.perception.risk import Risk
from drive_gen.perception.risk_config import CELL_PX, RiskConfig
from drive_gen.policies.eyes import NEEDS, pixels

PATCH, PLACE = "embeddings.patch_embeddings.projection.weight", "embeddings.position_embeddings"


def shape_of(reference: str, config: RiskConfig) -> RiskConfig:
    """The config with the shape of a Hugging Face ViT, in a folder or on the Hub."""
    found = _opened(reference, "config")
    if found.model_type != "vit":
        raise InputError(f"{reference} holds a {found.model_type!r} network; --init needs a 'vit'")
    if found.hidden_act != "gelu" or not found.qkv_bias:
        raise InputError(f"{reference}: only ViTs with GELU and biases of queries fit")
    return replace(config, model="vit", width=found.hidden_size, layers=found.num_hidden_layers,
                   heads=found.num_attention_heads, inner=found.intermediate_size, patch_px=found.patch_size,
                   cells=config.cells and found.patch_size == CELL_PX)


def begin_with(model: Risk, reference: str) -> None:
    """Give the model the weights of a Hugging Face ViT of its shape.

    Its colours' filters are shared among the frames (as I3D inflates pictures' filters to films', Carreira
    and Zisserman, 2017), and its places are interpolated to our size of picture.
    """
    weights: dict[str, Tensor] = {name: value.float() for name, value in
                                  _opened(reference, "weights").state_dict().items()}
    own = model.encoder.state_dict()
    copies = own[PATCH].shape[1] // weights[PATCH].shape[1]
    weights[PATCH] = weights[PATCH].repeat(1, copies, 1, 1) / copies
    weights[PLACE] = _resized(weights[PLACE], own[PLACE].shape[1])
    for name, value in own.items():
        if name not in weights or weights[name].shape != value.shape:
            raise InputError(f"{reference}: tensor {name!r} is missing or does not fit {tuple(value.shape)}")
    model.encoder.load_state_dict({name: weights[name] for name in own})


def _resized(places: Tensor, tokens: int) -> Tensor:
    """Embeddings (1, 1 + n^2, D) of the class token and a square of patches, for 1 + m^2 = `tokens`."""
    before, after = round((places.shape[1] - 1) ** 0.5), round((tokens - 1) ** 0.5)
    square = places[:, 1:].transpose(1, 2).reshape(1, -1, before, before)
    square = F.interpolate(square, size=(after, after), mode="bicubic", align_corners=False)
    return torch.cat((places[:, :1], square.flatten(2).transpose(1, 2)), dim=1)


def _opened(reference: str, what: str) -> Any:
    """A checkpoint's config, or its ViTModel; what transformers says of a bad one, in one line."""
    try:
        from transformers import AutoConfig, ViTModel
    except ImportError:
        raise InputError(NEEDS) from None
    try:
        if what == "config":
            return AutoConfig.from_pretrained(reference)
        return ViTModel.from_pretrained(reference, add_pooling_layer=False)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"--init {reference}: transformers cannot read it: {reason}") from None


@torch.no_grad()
def attention_rollout(model: Risk, frames: Tensor) -> Tensor:
    """Where the class token looks through all layers, (B, S / patch, S / patch); each sums to at most 1.

    Layers' attentions, averaged over heads, with half of each token kept where it is, are multiplied.
    Source: Abnar and Zuidema, 2020.
    """
    if model.config.model != "vit":
        raise InputError(f"attention is drawn of a vit; this is a {model.config.model}")
    vit: Any = model.encoder
    former = vit.config._attn_implementation
    vit.set_attn_implementation("eager")  # the fused kernels do not give their weights out
    try:
        layers = vit(pixel_values=pixels(frames).flatten(1, 2), output_attentions=True).attentions
    finally:
        vit.set_attn_implementation(former)
    side = model.config.size_px // model.config.patch_px
    total = rolled_out(torch.stack([layer.mean(1) for layer in layers], 1))
    return total[:, 0, 1:].reshape(-1, side, side)


def rolled_out(attention: Tensor) -> Tensor:
    """Product of layers' attentions (B, L, n, n), first layer first, half of each token kept; (B, n, n)."""
    mixed = attention / 2 + torch.eye(attention.shape[-1], device=attention.device) / 2
    total: Tensor = mixed[:, 0]
    for layer in range(1, mixed.shape[1]):
        total = mixed[:, layer] @ total
    return total
