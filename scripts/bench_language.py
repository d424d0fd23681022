"""Parser and dictionary on every split and on requests by hand: python scripts/bench_language.py

"by hand, development" are in the package, for tuning and training; "by hand" are held out. --skip-held
leaves the latter alone while something is tuned.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path

import drive_gen
from drive_gen.language.dictionary import look_up
from drive_gen.language.facts import Facts
from drive_gen.language.parse import facts_of_text
from drive_gen.language.score import Score, score_reader
from drive_gen.language.splits import SPLITS, Request, read_requests, requests

BY_HAND = Path(__file__).parents[1] / "tests" / "data"
DEVELOPMENT = Path(drive_gen.__file__).parent / "assets" / "requests"
READERS: dict[str, Callable[[str, str], Facts]] = {
    "parser": facts_of_text, "parser, training words": functools.partial(facts_of_text, share="train"),
    "dictionary": look_up, "dictionary, training words": functools.partial(look_up, share="train")}


def row(split: str, language: str, found: list[Request]) -> None:
    """One line a reader."""
    for name, reader in READERS.items():
        score: Score = score_reader(found, reader)
        print(f"| {language} | {split} | {name} | {score.count} | {score.exact:.3f} | "
              f"{score.precision:.3f} | {score.recall:.3f} | {score.f1:.3f} |", flush=True)


def main() -> None:
    """A table."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--count", type=int, default=1000)
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--skip-held", action="store_true", help="without the requests that are held out")
    chosen = flags.parse_args()
    print("| language | split | reader | requests | all slots exact | precision | recall | slot F1 |")
    print("|---|---|---|---|---|---|---|---|")
    missing = []
    for language in ("en", "ko"):
        for split in SPLITS[2:]:
            row(split, language, requests(split, language, chosen.count, chosen.seed))
        row("by hand, development", language, read_requests(DEVELOPMENT / f"{language}.jsonl", language))
        path = BY_HAND / f"requests_{language}.jsonl"
        if path.exists() and not chosen.skip_held:
            row("by hand", language, read_requests(path, language))
        elif not path.exists():
            missing.append(path.name)
    for name in missing:
        print(f"left out: tests/data/{name} is not there")


if __name__ == "__main__":
    main()
