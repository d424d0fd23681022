"""Texts with their facts, by seed: for training, and with phrasings, synonyms or combinations held out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError, hash_of
from drive_gen.language.draw import draw
from drive_gen.language.facts import Facts
from drive_gen.language.plan import Variety
from drive_gen.language.speak import say

# What each holds out; "seen" nothing but its seeds; "typos" has slips in TYPO_SHARE of its words.
SPLITS = ("train", "validation", "seen", "phrasing", "synonym", "combination", "typos")
VARIETIES = {"phrasing": Variety("held", "train"), "synonym": Variety("train", "held")}
TYPO_SHARE = 0.1
HELD_ONE_IN = 12  # pairs of slots


@dataclass(frozen=True)
class Request:
    """A text and what it says."""

    text: str
    language: str
    facts: Facts


def is_held(facts: Facts) -> bool:
    """Whether two slots of different agents or kinds meet that never meet in training."""
    said = sorted(f"{name}={value}" for name, value in facts.slots().items() if value not in ("1", "car"))
    pairs = ((one, other) for place, one in enumerate(said) for other in said[place + 1 :]
             if one.split("=")[0].split(".")[0] != other.split("=")[0].split(".")[0])
    return any(int(hash_of(pair), 16) % HELD_ONE_IN == 0 for pair in pairs)


def requests(split: str, language: str, count: int, seed: int = 0) -> list[Request]:
    """`count` requests of a split; the same for the same seed. No split shares its draws with another."""
    check_choice(split, SPLITS, "split")
    streams = np.random.SeedSequence([seed, SPLITS.index(split)])
    rng = np.random.default_rng(streams)
    found: list[Request] = []
    while len(found) < count:
        facts = draw(rng)
        number = int(rng.integers(2**31))
        if is_held(facts) != (split == "combination"):
            continue
        text = say(facts, language, number, VARIETIES.get(split, Variety("train", "train")),
                   typos=TYPO_SHARE if split == "typos" else 0.0)
        found.append(Request(text, language, facts))
    return found


def read_requests(path: Path, language: str) -> list[Request]:
    """Requests written by hand, a JSON object a line: {"text": ..., "facts": {...}}."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"no requests at {path}: {error}") from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            values: Any = json.loads(line)
            text, facts = values["text"], values["facts"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise InputError(f'{where}: expected {{"text": ..., "facts": {{...}}}}: {error}') from None
        found.append(Request(str(text), language, Facts.from_mapping(facts, where)))
    return found
