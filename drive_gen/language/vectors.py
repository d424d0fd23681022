"""Word vectors with subwords: trained by gensim's FastText, kept as safetensors and JSON, asked without
gensim.

A word's vector is the mean of its own and of its letter n-grams', so that an unseen or mistyped word has one
too. Source: Bojanowski, Grave, Joulin and Mikolov, 2017; phrases as in Arora, Liang and Ma, 2017, section 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from drive_gen.envs.config import from_mapping
from drive_gen.envs.files import InputError, make_folder, read_json, replacing, write_json

NEEDS = "training word vectors needs gensim: pip install 'drive-gen[language]'"
VOCABULARY, VECTORS = "vocabulary.json", "vectors.safetensors"
WORD = re.compile(r"[a-z0-9/'-]+|[가-힣ㄱ-ㆎ0-9]+")
RARE = 1e-3  # a word of this frequency counts half in its phrase
FNV_START, FNV_PRIME = 2166136261, 16777619  # 32-bit FNV-1a, as fastText's


@dataclass(frozen=True)
class VectorsConfig:
    """How vectors are trained, and which subwords they are made of."""

    width: int = 64
    shortest: int = 2  # letters of a subword, "<" and ">" at a word's ends among them
    longest: int = 4
    buckets: int = 12_000  # subwords share these by their hash
    window: int = 30  # words to either side: as far as the other telling of a scene
    epochs: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("width", "shortest", "buckets", "window", "epochs"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.longest < self.shortest or self.seed < 0:
            raise InputError(f"longest must not be below shortest, nor seed below 0; got {self.longest}, "
                             f"{self.shortest}, {self.seed}")


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return WORD.findall(text.lower())


def subwords(word: str, config: VectorsConfig) -> list[int]:
    """The buckets of a word's letter n-grams."""
    marked = f"<{word}>"
    return [_hash(marked[start : start + size].encode()) % config.buckets
            for start in range(len(marked))
            for size in range(config.shortest, config.longest + 1) if start + size <= len(marked)]


def _hash(data: bytes) -> int:
    found = FNV_START
    for byte in data:
        signed = byte if byte < 128 else byte | 0xFFFFFF00
        found = ((found ^ signed) * FNV_PRIME) & 0xFFFFFFFF
    return found


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Vectors of known words, and of the subwords of all others."""

    config: VectorsConfig
    counts: dict[str, int]  # of the training texts, in the order of `known`
    known: np.ndarray  # (V, D) float32
    pieces: np.ndarray  # (buckets, D) float32

    @cached_property
    def places(self) -> dict[str, int]:
        """Row of each known word."""
        return {word: row for row, word in enumerate(self.counts)}

    @cached_property
    def total(self) -> int:
        """Words of the training texts."""
        return max(sum(self.counts.values()), 1)

    def word(self, word: str) -> np.ndarray:
        """(D,); zeros where a word is too short to have a subword."""
        row = self.places.get(word)
        if row is not None:
            return np.asarray(self.known[row])
        found = subwords(word, self.config)
        return self.pieces[found].mean(0) if found else np.zeros(self.config.width, np.float32)

    def phrase(self, text: str) -> np.ndarray:
        """(D,) of length 1: rare words count most."""
        total = np.zeros(self.config.width, np.float32)
        for word in words_of(text):
            vector, share = self.word(word), self.counts.get(word, 0) / self.total
            total += RARE / (RARE + share) * vector / max(float(np.linalg.norm(vector)), 1e-9)
        return total / max(float(np.linalg.norm(total)), 1e-9)

    def nearest(self, text: str, others: Sequence[str], count: int = 5) -> list[tuple[str, float]]:
        """Those of some phrases that lie nearest, with their cosines."""
        cosines = np.array([self.phrase(other) for other in others]) @ self.phrase(text)
        return [(others[place], float(cosines[place])) for place in np.argsort(-cosines,
                                                                               kind="stable")[:count]]

    def write(self, folder: Path) -> None:
        """vectors.safetensors (float16) and vocabulary.json."""
        from safetensors.numpy import save_file

        make_folder(folder)
        with replacing(folder / VECTORS) as temporary:
            save_file({"known": self.known.astype(np.float16), "pieces": self.pieces.astype(np.float16)},
                      temporary)
        write_json(folder / VOCABULARY, {"config": asdict(self.config), "counts": self.counts})


def read_vectors(folder: Path) -> WordVectors:
    """What `WordVectors.write` wrote."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    about = read_json(folder / VOCABULARY, "word vectors' vocabulary (scripts/bench_vectors.py writes some)")
    if not isinstance(about, dict) or not isinstance(about.get("counts"), dict):
        raise InputError(f"{folder / VOCABULARY} is not a vocabulary of word vectors")
    try:
        found = load_file(folder / VECTORS)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{folder / VECTORS} is missing or not a safetensors file: {error}") from None
    config = from_mapping(VectorsConfig, about.get("config", {}), str(folder / VOCABULARY))
    shapes = {"known": (len(about["counts"]), config.width), "pieces": (config.buckets, config.width)}
    if {name: array.shape for name, array in found.items()} != shapes:
        raise InputError(f"{folder / VECTORS} does not fit its {VOCABULARY}; copy both again")
    return WordVectors(config, about["counts"], found["known"].astype(np.float32),
                       found["pieces"].astype(np.float32))


def train_vectors(texts: Iterable[str], config: VectorsConfig) -> WordVectors:
    """Skip-gram vectors of raw texts; the same for the same texts and seed."""
    try:
        from gensim.models import FastText
    except ImportError:
        raise InputError(NEEDS) from None
    sentences = [words_of(text) for text in texts]
    model = FastText(sentences, vector_size=config.width, window=config.window, min_count=1, sg=1, negative=5,
                     sample=1e-3, epochs=config.epochs, min_n=config.shortest, max_n=config.longest,
                     bucket=config.buckets, seed=config.seed, workers=1)
    found = model.wv
    counts = {word: int(found.get_vecattr(word, "count")) for word in found.index_to_key}
    return WordVectors(config, counts, found.vectors.astype(np.float32),
                       found.vectors_ngrams.astype(np.float32))
