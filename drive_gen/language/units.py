"""What numbers with their units say, and words that are one slip apart: what both languages' tokens need."""

from __future__ import annotations

import re
from typing import NamedTuple

from drive_gen.language.facts import distance_band, speed_band
from drive_gen.language.lexicon import Token

MPH, FEET_M, YARD_M, CAR_M = 1.609, 0.305, 0.914, 5.0
MPS = {"km/h": 1 / 3.6, "mph": MPH / 3.6, "m/s": 1.0}
METRES = {"m": 1.0, "ft": FEET_M, "yd": YARD_M, "cars": CAR_M}
LESS = (
    "less",
    "under",
    "below",
    "within",
    "no more",
    "not even",
    "안쪽",
    "안되",
    "안돼",
    "이내",
    "이네",
    "미만",
    "이하",
    "밑",
    "못",
)
MORE = ("more", "over", "above", "beyond", "faster", "exceed", "이상", "넘", "초과")


class Pattern(NamedTuple):
    """A regular expression with what it says: a number in a unit, or a fixed value."""

    regex: re.Pattern[str]
    type: str
    value: str | None = None  # "1": what the first group says


def numbered(rest: str, patterns: tuple[Pattern, ...], numbers: dict[str, int]) -> tuple[Token, int] | None:
    """The longest pattern at the beginning of `rest`: its token and how many letters it takes."""
    best: tuple[Token, int] | None = None
    for pattern in patterns:
        found = pattern.regex.match(rest)
        if found and found.end() > (best[1] if best else 0) and (token := _token(pattern, found, numbers)):
            best = token, found.end()
    return best


def _token(pattern: Pattern, found: re.Match[str], numbers: dict[str, int]) -> Token | None:
    if pattern.value is not None:
        return Token(
            pattern.type,
            pattern.value.replace("1", found.group(1)) if "1" in pattern.value else pattern.value,
        )
    return number_token(pattern.type, found.group(1), numbers, found.group())


def number_token(type_: str, raw: str, numbers: dict[str, int], whole: str = "") -> Token | None:
    """What a number with its unit says; speeds and gaps are put into their bands, times are whole seconds."""
    number = re.search(r"\d+(?:\.\d+)?", raw)
    value = float(number.group()) if number else numbers.get(raw.strip())
    if value is None:
        return None
    said = whole.replace(raw, " ")
    nudge = (
        -0.01 if any(word in said for word in LESS) else 0.01 if any(word in said for word in MORE) else 0.0
    )
    if type_ in MPS:
        return Token("speed", speed_band(value * MPS[type_] + nudge))
    if type_ in METRES:
        return Token("distance", distance_band(max(value * METRES[type_] + nudge, 0.0)))
    if type_ == "at_s":
        return Token(type_, max(1, int(value + 0.5)))
    return Token(type_, round(value))


def one_slip(word: str, other: str) -> bool:
    """Whether one letter was left out, put in, changed, or two neighbours were swapped."""
    if len(word) > len(other):
        word, other = other, word
    if len(other) - len(word) > 1:
        return False
    start = next((place for place, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), len(word))
    if len(word) < len(other):
        return word[start:] == other[start + 1 :]
    swapped = word[:start] + word[start : start + 2][::-1] + word[start + 2 :]
    return swapped == other or word[start + 1 :] == other[start + 1 :]


def shorter(word: str) -> list[str]:
    """The word with each of its letters left out."""
    return [word[:place] + word[place + 1 :] for place in range(len(word))]
