"""The words of programs, of what is asked for and of traces: each is one token, never cut.

A word that begins a line starts with a line's end, every other with a space: joined, they are the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from drive_gen.language.facts import (
    DENSITIES,
    DISTANCES,
    KINDS,
    LAST_S,
    MOST_COUNT,
    MOST_LANES,
    PHASES,
    ROADS,
    SPEEDS,
    STYLES,
    WHATS,
    WHOS,
    WITHOUTS,
)

MOST_AGENTS, MOST_LANE, MOST_MPS, MOST_M = 24, 32, 45, 999
LAST_TENTH, MOST_HALF_MPS2 = 129, 20  # of an event: tenths of a second, halves of m/s2
GOES = {"left": "LANE_LEFT", "right": "LANE_RIGHT", "on": "IDLE", "faster": "FASTER", "slower": "SLOWER"}
TRACE, ENGLISH, KOREAN = "\ntrace", "\nen", "\nko"
SEEN = ("ego", "lead", "follower", "left", "right", "other")  # how a trace's lines begin


def place_words(place_m: int) -> list[str]:
    """334 -> " from=+300", " at=+34"; below 100 m the first is left out."""
    sign, (hundreds, rest) = "-" if place_m < 0 else "+", divmod(abs(place_m), 100)
    return [f" from={sign}{hundreds}00"] * bool(hundreds) + [f" at={sign}{rest}"]


def half(value: int) -> str:
    """Halves as a signed decimal: -7 -> "-3.5"."""
    return f"{value / 2:+.1f}"


def all_words() -> tuple[str, ...]:
    """Every word there is, in a fixed order: a tokenizer keeps it."""
    program = [*(f"\nroad={road}" for road in ROADS), *(f" lanes={n}" for n in range(1, MOST_LANES + 1)),
               "\ncar", "\ntruck", *(f" lane={n}" for n in range(MOST_LANE)),
               *(f" from={sign}{n}00" for sign in "+-" for n in range(1, 10)),
               *(f" at={sign}{n}" for sign in "+-" for n in range(100)),
               *(f" v={n}" for n in range(MOST_MPS + 1)), *(f" style={style}" for style in STYLES),
               *(f"\nt={n / 10:.1f}" for n in range(LAST_TENTH + 1)),
               *(f" who={n}" for n in range(MOST_AGENTS)), *(f" go={go}" for go in GOES),
               *(f" a={half(n)}" for n in range(-MOST_HALF_MPS2, MOST_HALF_MPS2 + 1))]
    asked = [*(f" ?road={road}" for road in ROADS), *(f" ?lanes={n}" for n in range(1, MOST_LANES + 1)),
             *(f" ?density={name}" for name in DENSITIES), *(f" ?who={who}" for who in WHOS),
             *(f" ?kind={kind}" for kind in KINDS), *(f" ?count={n}" for n in range(2, MOST_COUNT + 1)),
             *(f" ?style={style}" for style in STYLES), *(f" ?speed={speed}" for speed in SPEEDS),
             *(f" ?distance={name}" for name in DISTANCES), " ?abreast",
             *(f" ?no={name}" for name in WITHOUTS),
             *(f" ?do={what}" for what in WHATS), *(f" ?when={phase}" for phase in PHASES),
             *(f" ?at={n}" for n in range(1, LAST_S + 1)), " ?never"]
    trace = [TRACE, ENGLISH, KOREAN, *(f"\n{name}" for name in SEEN), *(f" {kind}" for kind in KINDS),
             *(f" t={n / 2:.1f}" for n in range(LAST_TENTH // 5 + 1)), " hit"]
    return tuple(program + asked + trace)


def text_of(words: Iterable[str]) -> str:
    """Words as text, without the first line's end."""
    return "".join(words).strip("\n ")


def words_of(text: str, joined: bool = False) -> list[str]:
    """The words of a text, known or not, whatever blanks it has; or (`joined`) of words put together."""
    if joined:
        return re.findall(r"[ \n][^ \n]+", text)
    lines = (line.split() for line in re.split(r"[\n;]", text))
    return [("\n" if not place else " ") + word for line in lines for place, word in enumerate(line)]
