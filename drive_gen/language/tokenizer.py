"""Subwords of our texts, as transformers' own fast tokenizer: byte-level BPE, so that any text comes back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from drive_gen.envs.files import InputError

NEEDS = "language needs transformers: pip install 'drive-gen[language]'"
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
           "mask_token": "[MASK]", "bos_token": "[BOS]", "eos_token": "[EOS]"}
LEAST_VOCABULARY = 256 + len(SPECIAL)
FILES = ("tokenizer.json", "tokenizer_config.json")


def train_tokenizer(texts: Iterable[str], vocabulary: int = 2000, whole: Iterable[str] = ()) -> Any:
    """A PreTrainedTokenizerFast of at most `vocabulary` subwords, the most frequent pairs merged first.

    `whole` are words that are never cut (of a program's language). Special tokens come first, [PAD] is 0.
    Source: Sennrich, Haddow and Birch, 2016; bytes as in GPT-2 (Radford et al., 2019, section 2.2).
    """
    if vocabulary < LEAST_VOCABULARY:
        raise InputError(f"a vocabulary has at least {LEAST_VOCABULARY} subwords, got {vocabulary}")
    try:
        from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
        from transformers import PreTrainedTokenizerFast
    except ImportError:
        raise InputError(NEEDS) from None
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=list(SPECIAL.values()), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in whole])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **SPECIAL)


def read_tokenizer(folder: Path) -> Any:
    """The tokenizer saved in a checkpoint's folder."""
    try:
        from transformers import PreTrainedTokenizerFast
    except ImportError:
        raise InputError(NEEDS) from None
    if not (folder / FILES[0]).is_file():
        raise InputError(f"{folder / FILES[0]} is missing; copy the whole checkpoint again")
    return PreTrainedTokenizerFast.from_pretrained(folder)
