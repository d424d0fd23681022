"""What others' CLIPs give to ours: the shape of both towers, their weights, and the tokenizer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from drive_gen.envs.files import InputError
from drive_gen.perception.clip import NEEDS, Clip
from drive_gen.perception.clip_config import ClipConfig
from drive_gen.perception.clip_words import WORDS
from drive_gen.policies.pretrained import CONFIG, MANIFEST, checkpoint_folder, load_untied, untied

PATCH = "vision_model.embeddings.patch_embedding.weight"
TOKENS = "text_model.embeddings.token_embedding.weight"
PLACE = "vision_model.embeddings.position_embedding.weight"


def is_ours(reference: str) -> bool:
    """Whether it is a checkpoint or run of drive_gen's."""
    path = Path(reference)
    if not path.is_dir() or ((path / CONFIG).is_file() and not (path / MANIFEST).is_file()):
        return False
    return checkpoint_folder(path).is_dir()


def shape_of(reference: str, config: ClipConfig) -> ClipConfig:
    """The config with the shape of a CLIP, in a folder or on the Hub; our trajectories keep theirs."""
    if is_ours(reference):
        ours: ClipConfig = Clip.from_pretrained(reference).config
        return ours
    found = _opened(reference, "config")
    if found.model_type != "clip":
        raise InputError(f"{reference} holds a {found.model_type!r} network; --init needs a 'clip'")
    text, vision = found.text_config, found.vision_config
    words = {"vocab_size": text.vocab_size + len(WORDS)}
    if text.eos_token_id == 2:  # in old files of OpenAI's, where the greatest number of a text was its end
        words["eos_token_id"] = text.vocab_size - 1
    theirs = {"text_config": {**_plain(text), **words}, "projection_dim": found.projection_dim,
              "vision_config": {**_plain(vision), "image_size": config.size_px,
                                "num_channels": 3 * config.frames}}
    return replace(config, theirs=theirs, embedding=found.projection_dim, vocabulary=text.vocab_size,
                   positions=text.max_position_embeddings, patch_px=vision.patch_size)


def _plain(config: Any) -> dict[str, Any]:
    """The part of a tower's config that says its shape."""
    names = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act",
             "layer_norm_eps", "vocab_size", "max_position_embeddings", "pad_token_id", "bos_token_id",
             "eos_token_id", "patch_size")
    return {name: getattr(config, name) for name in names if hasattr(config, name)}


def tokenizer_from(reference: str) -> Any:
    """The tokenizer that a CLIP reads with."""
    if is_ours(reference):
        return Clip.from_pretrained(reference).tokenizer
    tokenizer = _opened(reference, "tokenizer")
    tokenizer.add_tokens(list(WORDS))
    return tokenizer


def begin_with(model: Clip, reference: str) -> None:
    """Give the model the weights of a CLIP of its shape.

    Its colours' filters are shared among the frames (as I3D inflates pictures' filters to films', Carreira
    and Zisserman, 2017), and its places are interpolated to our size of picture.
    """
    if is_ours(reference):
        load_untied(model, untied(Clip.from_pretrained(reference).state_dict()))
        return
    weights: dict[str, Tensor] = {name: value.float() for name, value in
                                  _opened(reference, "weights").state_dict().items()}
    own = model.clip.state_dict()
    weights[PATCH] = weights[PATCH].repeat(1, model.config.frames, 1, 1) / model.config.frames
    weights[PLACE] = _resized(weights[PLACE], len(own[PLACE]))
    weights[TOKENS] = torch.cat((weights[TOKENS], own[TOKENS][len(weights[TOKENS]) :]))  # claims are new
    for name, value in own.items():
        if name not in weights or weights[name].shape != value.shape:
            raise InputError(f"{reference}: tensor {name!r} is missing or does not fit {tuple(value.shape)}")
    model.clip.load_state_dict({name: weights[name] for name in own})


def _resized(places: Tensor, tokens: int) -> Tensor:
    """Embeddings (1 + n^2, D) of the class token and a square of patches, for 1 + m^2 = `tokens`."""
    before, after = round((len(places) - 1) ** 0.5), round((tokens - 1) ** 0.5)
    square = places[1:].T.reshape(1, -1, before, before)
    square = F.interpolate(square, size=(after, after), mode="bicubic", align_corners=False)
    return F.pad(square.flatten(2)[0].T, (0, 0, 1, 0)).index_copy(0, places.new_zeros(1).long(), places[:1])


def _opened(reference: str, what: str) -> Any:
    """A checkpoint's config, weights or tokenizer; what transformers says of a bad one, in one line."""
    try:
        from transformers import AutoConfig, AutoTokenizer, CLIPModel
    except ImportError:
        raise InputError(NEEDS) from None
    try:
        opener = {"config": AutoConfig, "weights": CLIPModel, "tokenizer": AutoTokenizer}[what]
        return opener.from_pretrained(reference)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"--init {reference}: transformers cannot read it: {reason}") from None
