"""What the lexicon knows of a text, letter by letter, and what the rule parser reads: help for a network.

Known in named-entity recognition as gazetteers (Liu, Yao and Lin, 2019, "Towards Improving Neural Named
Entity Recognition with Gazetteers").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.language import tokens_en, tokens_ko
from drive_gen.language.facts import (
    DENSITIES,
    DISTANCES,
    KINDS,
    LAST_S,
    PHASES,
    PLACED,
    ROADS,
    SPEEDS,
    STYLES,
    TASKS,
    TIMES,
    WEATHERS,
    WHATS,
    WITHOUTS,
)
from drive_gen.language.labels import labels_of
from drive_gen.language.lexicon import ARTICLES, Token, folded
from drive_gen.language.parse import facts_of_tokens, language_of
from drive_gen.language.plan import Share
from drive_gen.language.tokens import tokens

MOST = 12  # numbers above are all the same
VALUES: dict[str, Sequence[object]] = {
    "sep": (".", ",", "and", "join"), "road": ROADS, "density": DENSITIES, "weather": WEATHERS, "time": TIMES,
    "style": STYLES, "speed": SPEEDS, "distance": DISTANCES, "when": PHASES, "kind": KINDS,
    "without": WITHOUTS, "event": WHATS, "toward": WHATS, "task": TASKS,
    "role": (*PLACED, "left+right", "lead+follower"), "that": ("it", "last", "former", "latter"),
    "bare": DENSITIES, "lanes": range(MOST + 1), "count": range(MOST + 1), "at_s": range(LAST_S + 1)}
PLAIN = ("ego", "abreast", "someone", "nobody", "or", "not", "no", "none", "neither", "oneof", "other",
         "vacant", "does", "also", "both", "rel", "label", "only", "them", "there", "group", "except", "the",
         "noise", "scrap")
CONCEPTS = ("", "unknown",  # the first is no concept; the second a type that is not among these
            *(f"{type_}={value}" for type_, values in VALUES.items() for value in values), *PLAIN,
            *(f"role={role}/{kind}" for role in PLACED for kind in KINDS))
NUMBER = {name: number for number, name in enumerate(CONCEPTS)}
ROWS = 2 * len(CONCEPTS)  # of a table of concepts: each begins somewhere, or goes on
WORD = re.compile(r"\d+(?:\.\d+)?|[a-z'/]+|[.,;:!?|=]")


class Marked(NamedTuple):
    """Of each of a text's letters (C,): the concept that covers it, and the number of the stretch; 0 for
    none."""

    concept: np.ndarray
    stretch: np.ndarray


class Aid(NamedTuple):
    """The letters' concepts, and the class of every slot as the parser reads it; None where it refuses."""

    marked: Marked
    parsed: np.ndarray | None


def name_of(token: Token) -> str:
    """A token's concept."""
    if token.type not in VALUES:
        return token.type if token.type in PLAIN else "unknown"
    value = min(int(token.value), VALUES[token.type][-1]) if token.type in (  # type: ignore[call-overload]
        "lanes", "count", "at_s") else token.value
    name = f"{token.type}={value}"
    if token.type == "role" and token.kind:
        name += f"/{token.kind}"
    return name if name in NUMBER else "unknown"


def aid(text: str, share: Share = "any") -> Aid:
    """What lexicon and parser know of a text; nothing of one in another script."""
    try:
        language = language_of(text)
    except InputError:
        return Aid(_unmarked(text), None)
    found = tokens(text, language, share)
    return Aid(marked(text, language, found, share), parsed(found, language))


def weak_aid(text: str, language: str, rng: np.random.Generator, hidden: tuple[float, float]) -> Aid:
    """As from a lexicon and from a parser that do not know some of the text's words: these shares of them."""
    known, kept = without_words(text, rng, hidden[0])
    marks, few = _unmarked(text), marked(known, language, tokens(known, language))
    marks.concept[kept], marks.stretch[kept] = few
    less = without_words(text, rng, hidden[1])[0]
    return Aid(marks, parsed(tokens(less, language), language))


def without_words(text: str, rng: np.random.Generator, share: float) -> tuple[str, np.ndarray]:
    """The text without a share of its words and marks by chance, and the places of the letters that are
    left."""
    kept = np.ones(len(text), bool)
    for word in re.finditer(r"\w+|[^\w\s]", text):
        kept[word.start() : word.end()] = rng.random() >= share
    return "".join(letter for letter, stays in zip(text, kept, strict=True) if stays), np.flatnonzero(kept)


def parsed(found: Sequence[Token], language: str) -> np.ndarray | None:
    """The parser's classes of slots, (S,) int8."""
    try:
        facts = facts_of_tokens(found, language)
    except InputError:
        return None
    return labels_of(facts) if facts.slots() else None


def marked(text: str, language: str, found: Sequence[Token], share: Share = "any") -> Marked:
    """The letters' concepts by the tokens of a text."""
    lower = "".join(each.lower() if len(each.lower()) == 1 else each for each in text)
    if language == "en":
        read = tokens_en.words_of(text, share)[0]
        given = [(each.start(), each.end(), each.group()) for each in WORD.finditer(lower)
                 if each.group() not in ARTICLES]
    else:
        read = list(tokens_ko.letters_of(text))
        given = [(place, place + 1, folded(letter)) for place, letter in enumerate(lower) if letter != " "]
    spots = aligned(read, [word for _, _, word in given])
    marks = _unmarked(text)
    for number, (span, name) in enumerate(_joined(found), 1):
        places = [spot for spot in spots[span[0] : span[1]] if spot >= 0]
        if places:
            letters = slice(given[min(places)][0], given[max(places)][1])
            marks.concept[letters], marks.stretch[letters] = NUMBER[name], number
    return marks


def _joined(found: Sequence[Token]) -> list[tuple[tuple[int, int], str]]:
    """Places and concepts of tokens; two roles at one place ("on either side") are one concept."""
    names: dict[tuple[int, int], str] = {}
    for token in found:
        span, name = (token.start, token.end), name_of(token)
        if span[1] > span[0]:
            both = f"{names.get(span)}+{token.value}"
            names[span] = both if token.type == "role" and both in NUMBER else name
    return list(names.items())


def aligned(read: Sequence[str], given: Sequence[str]) -> list[int]:
    """Of each word as it was read its place among the words as they were given, -1 where it has none: slips
    were cured and contractions undone between the two."""
    if list(read) == list(given):
        return list(range(len(read)))
    spots = [-1] * len(read)
    matcher = SequenceMatcher(None, given, read, autojunk=False)
    for _, start, end, first, last in matcher.get_opcodes():
        for place in range(first, last) if end > start else ():
            spots[place] = start + (place - first) * (end - start) // (last - first)
    return spots


def rows_at(marked_: Marked, letters: Sequence[int]) -> list[int]:
    """The table's rows of subwords whose last letters are at these places (-1: of none): twice the concept,
    and one more where its stretch goes on."""
    rows, before = [], 0
    for letter in letters:
        concept, stretch = ((0, 0) if letter < 0 else
                            (int(marked_.concept[letter]), int(marked_.stretch[letter])))
        rows.append(2 * concept + int(bool(concept) and stretch == before))
        before = stretch
    return rows


def plain(text: str) -> str:
    """With single spaces: what the letters of concepts are counted in."""
    return " ".join(text.split())


def _unmarked(text: str) -> Marked:
    return Marked(np.zeros(len(text), np.int16), np.zeros(len(text), np.int16))
