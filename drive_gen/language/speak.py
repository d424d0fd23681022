"""Facts -> text, in English or Korean, phrased by seed."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np

from drive_gen.envs.config import check_choice
from drive_gen.language.english import English
from drive_gen.language.facts import Facts
from drive_gen.language.korean import Korean
from drive_gen.language.plan import Variety, plan

Language = Literal["en", "ko"]
LANGUAGES = ("en", "ko")
PARTICLES = {"은": "는", "는": "은", "이": "가", "가": "이", "을": "를", "를": "을"}


def say(facts: Facts, language: str = "en", seed: int = 0, variety: Variety | None = None,
        typos: float = 0.0) -> str:
    """The facts in words; `typos` is the share of words in which something is mistyped."""
    check_choice(language, LANGUAGES, "language")
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    speaker = (English if language == "en" else Korean)(rng, variety or Variety())
    text = speaker.join([speaker.clause(unit) for unit in plan(facts, rng)])
    return mistyped(text, language, rng, typos) if typos else text


def mistyped(text: str, language: str, rng: np.random.Generator, share: float) -> str:
    """Words with a slip: letters left out, doubled or swapped; Korean particles, spaces, ㅐ for ㅔ."""
    words = text.split(" ")
    for number, word in enumerate(words):
        if rng.random() < share:
            words[number] = (_slip if language == "en" else _slip_korean)(word, rng)
    return " ".join(words).replace(" \b", "")


def _slip(word: str, rng: np.random.Generator) -> str:
    if not re.fullmatch(r"[A-Za-z]{5,}[.,;]?", word):
        return word
    place = int(rng.integers(1, len(word.rstrip(".,;")) - 1))
    kind = int(rng.integers(3))
    if kind == 0:
        return word[:place] + word[place + 1 :]
    if kind == 1:
        return word[:place] + word[place] + word[place:]
    return word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :]


def _slip_korean(word: str, rng: np.random.Generator) -> str:
    kind = int(rng.integers(3))
    if kind == 0 and len(word) > 2 and word[-1] in PARTICLES:
        return word[:-1] + PARTICLES[word[-1]]
    if kind == 1:
        return "\b" + word  # joined to the word before
    return "".join(_confused(letter) for letter in word)


def _confused(letter: str) -> str:
    """ㅐ and ㅔ in each other's place."""
    code = ord(letter) - 0xAC00
    if not 0 <= code < 11172:
        return letter
    vowel = code // 28 % 21
    return chr(ord(letter) + 28 * ({1: 4, 5: -4}.get(vowel, 0)))
