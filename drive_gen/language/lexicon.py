"""Words -> what they mean: every phrase that the parser knows, as a token of a type and a value."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from drive_gen.language import words_en, words_ko
from drive_gen.language.inflect import english, korean, plural
from drive_gen.language.more_words import MORE_EN, MORE_KO, ROLES_ALONE_EN, ROLES_ALONE_KO
from drive_gen.language.plan import Share, share_of

SMALL = ("sep", "or", "not", "no", "oneof", "the", "that", "noise", "other")  # not synonyms of values
FOLDED = {1: 5, 3: 7, 10: 11, 15: 11}  # vowels that sound alike: ㅐ as ㅔ, ㅒ as ㅖ, ㅙ and ㅞ as ㅚ


class Token(NamedTuple):
    """A phrase's meaning. `sep` ends a clause; `no`, `not`, `nobody` negate; `that` points back."""

    type: str
    value: Any = None
    kind: str | None = None  # of a role's: what kind of car its noun is


Lexicon = dict[str, Token]  # phrases normalised


def normal_en(text: str) -> str:
    """Lower case, contractions undone, words and marks apart by one space."""
    text = text.lower().replace("’", "'").replace("won't", "will not").replace("can't", "can not")
    text = re.sub(r"n't\b", " not", text).replace("-", " ")
    text = re.sub(r"(\d)([a-z])", r"\1 \2", text)
    return " ".join(re.findall(r"[a-z0-9/']+|[.,;:!?]", text))


def normal_ko(text: str) -> str:
    """Vowels that sound alike made one, lower case; spaces stay."""
    return "".join(_folded(letter) for letter in text.lower().replace("-", ""))


def _folded(letter: str) -> str:
    code = ord(letter) - 0xAC00
    if not 0 <= code < 11172:
        return letter
    vowel = code // 28 % 21
    return chr(ord(letter) + 28 * (FOLDED.get(vowel, vowel) - vowel))


@lru_cache(maxsize=8)
def lexicon(language: str, share: Share = "any") -> Lexicon:
    """Phrases of a language -> tokens; with share="train" without the synonyms held out."""
    found: Lexicon = {}
    words = words_en if language == "en" else words_ko
    normal = normal_en if language == "en" else lambda phrase: normal_ko(phrase).replace(" ", "")

    def add(phrase: str, token: Token) -> None:
        found.setdefault(normal(phrase), token)

    for phrase, token in (MORE_EN if language == "en" else MORE_KO):
        if share != "train" or token[0] in SMALL:
            add(phrase, Token(*token))
    for phrase, role in (ROLES_ALONE_EN if language == "en" else ROLES_ALONE_KO):
        add(phrase, Token("role", role))
    _add_plain(add, words, share)
    _add_verbs(add, words, share, language)
    _add_roles(add, words, share, language)
    if language == "en":
        for phrase, value in _each(words.WITHOUT, share):
            add(phrase, Token("without", value))
    return found


def _each(table: dict[str, tuple[str, ...]], share: Share) -> list[tuple[str, str]]:
    return [(phrase, value) for value, phrases in table.items() for phrase in share_of(phrases, share)]


def _add_plain(add: Any, words: Any, share: Share) -> None:
    for type_, tables in (("road", ("ROAD",)), ("density", ("DENSITY",)), ("weather", ("WEATHER",)),
                          ("time", ("TIME",)), ("style", ("STYLE", "STYLE_ADVERB")),
                          ("speed", ("SPEED", "SPEED_ADVERB")), ("distance", ("DISTANCE",)),
                          ("when", ("WHEN",))):
        for table in tables:
            for phrase, value in _each(getattr(words, table), share):
                add(phrase, Token(type_, value))
    for type_, phrases in (("ego", words.EGO), ("abreast", words.ABREAST), ("someone", words.SOMEONE),
                           ("nobody", words.NOBODY)):
        for phrase in share_of(phrases, share):
            add(phrase, Token(type_))
    for phrase, value in _each(words.KIND, share):
        add(phrase, Token("kind", value))


def _add_verbs(add: Any, words: Any, share: Share, language: str) -> None:
    for type_, table in (("event", words.EVENT), ("task", words.TASK)):
        for verb, value in _each(table, share):
            forms = english(verb) if language == "en" else korean(verb)
            for form in forms.values():
                add(form, Token(type_, value))
            if language == "ko" and verb.endswith("하*"):
                add(verb[:-2], Token(type_, value))  # the noun in it: 급제동
                add(verb[:-2] + "할", Token(type_, value))
    for phrase, value in _each(words.EVENT_NOUN, share):
        add(phrase, Token("event", value))
        if language == "en":
            add(phrase.split(" ")[0] + "s" if " " not in phrase else plural(phrase), Token("event", value))


def _add_roles(add: Any, words: Any, share: Share, language: str) -> None:
    nouns = [(noun, value) for noun, value in _each(words.KIND, share)]
    if language == "en":
        nouns += [(plural(noun), value) for noun, value in nouns] + [("one", "car"), ("driver", "car")]
        for noun, value in nouns:
            add(noun, Token("kind", value))
    for pattern, role in _each(words.ROLE, share):
        for noun, value in nouns:
            add(pattern.format(kind=noun), Token("role", role, value))
