"""What others' BERTs give to ours: their shape, their subwords and their weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from drive_gen.envs.files import InputError
from drive_gen.language.reader import Reader
from drive_gen.language.reader_config import ReaderConfig
from drive_gen.language.tokenizer import NEEDS


def shape_of(reference: str, config: ReaderConfig) -> ReaderConfig:
    """The config with the shape of a BERT of transformers', in a folder or on the Hub."""
    found = _opened(reference, "AutoConfig")
    if found.model_type != "bert":
        raise InputError(f"{reference} holds a {found.model_type!r} network; --init needs a 'bert'")
    if found.hidden_act != "gelu" or found.type_vocab_size != 2:
        raise InputError(f"{reference}: only BERTs with GELU and two segments fit")
    return replace(config, vocabulary=found.vocab_size, width=found.hidden_size,
                   layers=found.num_hidden_layers, heads=found.num_attention_heads,
                   inner=found.intermediate_size, longest=min(config.longest, found.max_position_embeddings))


def tokenizer_of(reference: str) -> Any:
    """The subwords that go with such a BERT; [PAD] must be 0."""
    found = _opened(reference, "AutoTokenizer")
    if found.pad_token_id != 0 or None in (found.cls_token_id, found.sep_token_id, found.mask_token_id):
        raise InputError(f"{reference}: its tokenizer needs [CLS], [SEP], [MASK], and [PAD] at 0")
    return found


def begin_with(model: Reader, reference: str) -> None:
    """Give the model the weights of a BERT of its shape; of its places as many as we read tokens."""
    theirs = _opened(reference, "BertModel").state_dict()
    own = model.bert.state_dict()
    for name, value in own.items():
        if name not in theirs or theirs[name].shape[1:] != value.shape[1:]:
            raise InputError(f"{reference}: tensor {name!r} is missing or does not fit {tuple(value.shape)}")
    with torch.no_grad():
        model.bert.load_state_dict({name: theirs[name][: len(value)].float() if value.dim() else theirs[name]
                                    for name, value in own.items()})


def _opened(reference: str, what: str) -> Any:
    """A config, a tokenizer or a BertModel; what transformers says of a bad one, in one line."""
    try:
        import transformers
    except ImportError:
        raise InputError(NEEDS) from None
    try:
        more = {"add_pooling_layer": False} if what == "BertModel" else {}
        return getattr(transformers, what).from_pretrained(reference, **more)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"--init {reference}: transformers cannot read it: {reason}") from None
