"""Word vectors: do they find synonyms held out, and what do readers gain? python scripts/bench_vectors.py
--out runs/vectors

Trains them on raw texts (a minute on one core) and writes them to --out; --reader is a checkpoint to be tried
too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from drive_gen.language.facts import Facts
from drive_gen.language.parse import facts_of_text
from drive_gen.language.score import score_reader
from drive_gen.language.speak import LANGUAGES
from drive_gen.language.splits import requests
from drive_gen.language.synonyms import Substitute, phrases, recall, tellings
from drive_gen.language.vectors import VectorsConfig, WordVectors, read_vectors, train_vectors

SPLITS = ("synonym", "seen", "typos")


def main() -> None:
    """Two tables."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--out", type=Path, required=True)
    flags.add_argument("--scenes", type=int, default=4000, help="told three times in each language")
    flags.add_argument("--count", type=int, default=300, help="requests a row")
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--reader", default=None)
    chosen = flags.parse_args()
    config = VectorsConfig(window=40, epochs=4, seed=chosen.seed)
    texts = [text for language in LANGUAGES for text in tellings(language, chosen.scenes, chosen.seed)]
    train_vectors(texts, config).write(chosen.out)
    vectors = read_vectors(chosen.out)  # as anybody will have them
    print("| language | synonyms held out | known phrases | recall@5 | letters alone | chance |\n"
          "|---|---|---|---|---|---|")
    for language in LANGUAGES:
        counts = " | ".join(str(len(phrases(language, share))) for share in ("held", "train"))
        shares = [recall(each, language)[0] for each in (vectors, letters_alone(vectors), by_chance(vectors))]
        print(f"| {language} | {counts} | " + " | ".join(f"{share:.3f}" for share in shares) + " |",
              flush=True)
    print("\n| language | split | reader | as written | nearest known words |\n|---|---|---|---|---|")
    for language in LANGUAGES:
        for split in SPLITS:
            ablation(vectors, language, split, chosen)


def letters_alone(vectors: WordVectors) -> WordVectors:
    """Subwords that mean nothing: words are near that share letters."""
    rng = np.random.default_rng(0)
    return replace(vectors, counts={}, known=vectors.known[:0],
                   pieces=rng.standard_normal(vectors.pieces.shape).astype(np.float32))


def by_chance(vectors: WordVectors) -> WordVectors:
    """Every word somewhere."""
    rng = np.random.default_rng(0)
    return replace(vectors, known=rng.standard_normal(vectors.known.shape).astype(np.float32),
                   pieces=rng.standard_normal(vectors.pieces.shape).astype(np.float32))


def ablation(vectors: WordVectors, language: str, split: str, chosen: argparse.Namespace) -> None:
    """Readers of the training words, with unknown words as they are and replaced by the nearest known
    ones."""
    found, substitute = requests(split, language, chosen.count, chosen.seed), Substitute(vectors, language)
    readers: dict[str, Callable[[str, str], Facts]] = {
        "parser, training words": lambda text, spoken: facts_of_text(text, spoken, share="train")}
    if chosen.reader:
        from drive_gen.language.reader import Reader

        model = Reader.from_pretrained(chosen.reader)
        readers["BERT"] = lambda text, spoken: model.read([text], "none")[0].facts
    for name, reader in readers.items():
        scores = [score_reader(found, reader), score_reader(
            found, lambda text, spoken, reader=reader: reader(substitute(text), spoken))]  # type: ignore[misc]
        cells = " | ".join(f"{each.exact:.3f} ({each.f1:.3f})" for each in scores)
        print(f"| {language} | {split} | {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
