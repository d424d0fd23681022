"""Word vectors: the same numbers as gensim's, kept without pickles, and near where meanings are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive_gen.envs.files import InputError
from drive_gen.language.parse import facts_of_text
from drive_gen.language.synonyms import Substitute, phrases, recall, tellings
from drive_gen.language.vectors import (
    VECTORS,
    VOCABULARY,
    VectorsConfig,
    WordVectors,
    read_vectors,
    subwords,
    train_vectors,
    words_of,
)

TINY = VectorsConfig(width=16, buckets=500, window=40, epochs=2)


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    pytest.importorskip("gensim", reason="needs the extra [language]")
    return train_vectors([text for language in ("en", "ko") for text in tellings(language, 150)], TINY)


def test_words() -> None:
    assert words_of("Two-lane ROAD, 3 cars; 앞차가 급정거!") == ["two-lane", "road", "3", "cars", "앞차가",
                                                                 "급정거"]


def test_words_and_subwords_are_gensims(vectors: WordVectors) -> None:
    """Known words, unseen ones and Korean ones: exactly what gensim says of them."""
    from gensim.models import FastText
    from gensim.models.fasttext import ft_ngram_hashes

    texts = [text for language in ("en", "ko") for text in tellings(language, 150)]
    model = FastText([words_of(text) for text in texts], vector_size=16, window=40, min_count=1, sg=1,
                     negative=5,
                     sample=1e-3, epochs=2, min_n=2, max_n=4, bucket=500, seed=0, workers=1)
    for word in ("highway", "앞차가", "unheardof", "고속도로변에서", "x"):
        assert subwords(word, TINY) == list(ft_ngram_hashes(word, 2, 4, 500))
        np.testing.assert_allclose(vectors.word(word), model.wv[word], rtol=0, atol=1e-6)


def test_what_is_written_is_read_again(vectors: WordVectors, tmp_path: Path) -> None:
    vectors.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {VECTORS, VOCABULARY}
    again = read_vectors(tmp_path)
    assert again.counts == vectors.counts
    np.testing.assert_allclose(again.word("roundabouts"), vectors.word("roundabouts"), rtol=2e-3, atol=1e-3)


def test_damaged_files_are_refused(vectors: WordVectors, tmp_path: Path) -> None:
    vectors.write(tmp_path)
    about = json.loads((tmp_path / VOCABULARY).read_text())
    (tmp_path / VOCABULARY).write_text(json.dumps({**about, "counts": {"one": 1}}))
    with pytest.raises(InputError, match="does not fit"):
        read_vectors(tmp_path)
    (tmp_path / VECTORS).write_bytes(b"cut short")
    with pytest.raises(InputError, match="not a safetensors file"):
        read_vectors(tmp_path)
    with pytest.raises(InputError, match="vocabulary"):
        read_vectors(tmp_path / "nowhere")
    with pytest.raises(InputError, match="longest"):
        VectorsConfig(shortest=4, longest=3)


def test_held_out_synonyms_are_in_the_raw_texts_and_not_among_the_known() -> None:
    for language in ("en", "ko"):
        known = {phrase.text for phrase in phrases(language, "train")}
        held = {phrase.text for phrase in phrases(language, "held")}
        assert len(held) > 60
        assert not known & held
    said = " ".join(tellings("en", 400)).lower()
    assert "expressway" in said
    assert "hairpin turn" in said


def by_meaning(where: dict[str, int]) -> WordVectors:
    """Vectors by hand: each word points along the axis it is given."""
    known = np.eye(8, dtype=np.float32)[[where[word] for word in where]]
    config = replace(TINY, width=8)
    return WordVectors(config, dict.fromkeys(where, 1), known, np.zeros((config.buckets, 8), np.float32))


def test_nearest_by_hand() -> None:
    vectors = by_meaning({"truck": 0, "lorry": 0, "night": 1, "dark": 1, "fog": 2})
    assert vectors.nearest("lorry", ["night", "truck", "fog"], 1) == [("truck", pytest.approx(1.0))]
    assert vectors.nearest("dark", ["fog", "night", "truck"], 2)[0][0] == "night"


class Sorted:
    """Stands for vectors: phrases of the same meaning are nearest, or farthest."""

    def __init__(self, language: str, nearest_first: bool) -> None:
        self.meaning = {phrase.text: phrase.meaning for share in ("train", "held")
                        for phrase in phrases(language, share)}  # type: ignore[arg-type]
        self.nearest_first = nearest_first

    def nearest(self, text: str, others: list[str], count: int) -> list[tuple[str, float]]:
        def far(other: str) -> bool:
            return (self.meaning[other] != self.meaning[text]) == self.nearest_first

        return [(other, 0.0) for other in sorted(others, key=far)[:count]]


def test_recall_counts_meanings(vectors: WordVectors) -> None:
    share, missed = recall(vectors, "ko")
    assert share == pytest.approx(1 - len(missed) / len(phrases("ko", "held")))
    assert 0 < share < 1
    for phrase, near in missed:
        assert phrase.text not in near
        assert len(near) == 5
    assert recall(Sorted("ko", True), "ko")[0] > 0.95  # type: ignore[arg-type]
    assert recall(Sorted("ko", False), "ko")[0] < 0.05  # type: ignore[arg-type]


def test_an_unknown_word_is_replaced_and_the_parser_understands() -> None:
    vectors = by_meaning({"roundabout": 0, "rotary": 0, "snow": 1, "truck": 2})
    substitute = Substitute(vectors, "en")
    text = "at a rotary, a truck ahead"
    assert facts_of_text(text, "en", share="train").road is None
    assert facts_of_text(substitute(text), "en", share="train").road == "roundabout"
    assert substitute("at a roundabout, a truck ahead") == "at a roundabout, a truck ahead"
    korean = Substitute(vectors, "ko")
    assert korean("앞차가 급정거한다.") == "앞차가 급정거한다."
