"""Subwords: every text comes back, and transformers reads what we save."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive_gen.envs.files import InputError
from drive_gen.language.splits import requests
from drive_gen.language.tokenizer import SPECIAL, read_tokenizer, train_tokenizer

TEXTS = [request.text for language in ("en", "ko") for request in requests("train", language, 60)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer(TEXTS, 700, whole=["<lead>"])


@given(text=st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=60))
def test_any_text_comes_back(tokenizer: Any, text: str) -> None:
    import unicodedata

    known = unicodedata.normalize("NFC", text)
    assert tokenizer.decode(tokenizer(known).input_ids) == known


def test_frequent_words_are_whole_and_rare_ones_are_cut(tokenizer: Any) -> None:
    assert len(tokenizer) == 701
    assert len(tokenizer("<lead>").input_ids) == 1
    assert len(tokenizer(" road").input_ids) == 1 < len(tokenizer(" zyzzyva").input_ids)


def test_special_tokens_are_first_and_padding_is_0(tokenizer: Any) -> None:
    assert [tokenizer.convert_tokens_to_ids(word) for word in SPECIAL.values()] == list(range(len(SPECIAL)))
    assert tokenizer.pad_token_id == 0


def test_transformers_reads_it(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer.save_pretrained(tmp_path)
    for again in (read_tokenizer(tmp_path), AutoTokenizer.from_pretrained(tmp_path)):
        assert again(TEXTS).input_ids == tokenizer(TEXTS).input_ids


def test_a_missing_tokenizer_and_a_tiny_vocabulary_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"tokenizer\.json is missing"):
        read_tokenizer(tmp_path)
    with pytest.raises(InputError, match="at least 263 subwords"):
        train_tokenizer(["a"], 100)
