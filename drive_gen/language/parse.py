"""Text -> facts: tokens, cut into clauses, read one after another."""

from __future__ import annotations

import re
from collections.abc import Sequence

from drive_gen.envs.files import InputError
from drive_gen.language.clauses import clauses
from drive_gen.language.facts import Facts
from drive_gen.language.lexicon import Token
from drive_gen.language.plan import Share
from drive_gen.language.tokens import read, tokens
from drive_gen.language.understanding import Understanding

SHOWN = 40  # letters of a text in an error


def language_of(text: str) -> str:
    """"ko" or "en" by the letters; an InputError for another script."""
    hangul, latin = len(re.findall("[가-힣ㄱ-ㆎ]", text)), len(re.findall("[A-Za-z]", text))
    others = sum(letter.isalpha() for letter in text) - hangul - latin
    if others > hangul + latin or not text.strip():
        raise InputError(f"{_shown(text)} is neither English nor Korean; write the request in one of them")
    return "ko" if hangul * 2 > latin else "en"


def facts_of_text(text: str, language: str | None = None, share: Share = "any") -> Facts:
    """What a request says. InputError where nothing is understood or it contradicts itself.

    share="train" parses without the synonyms held out.
    """
    language = language or language_of(text)
    facts = facts_of_tokens(tokens(text, language, share), language)
    if not facts.slots():
        hint = ("for example 'three aggressive cars on a highway at night, the car ahead brakes hard'"
                if language == "en" else "예: '밤 고속도로, 공격적인 차 세 대, 앞차 급정거'")
        raise InputError(f"nothing understood in {_shown(text)}; {hint}")
    return facts


def facts_of_tokens(found: Sequence[Token], language: str) -> Facts:
    """What tokens say; InputError where they contradict each other."""
    understanding = Understanding(language)
    for clause in clauses(list(found), language):
        understanding.take(clause)
    return understanding.facts()


def unexplained(text: str, language: str | None = None, share: Share = "any") -> list[str]:
    """The words of a text that no rule of the parser took, in order; words without a meaning are left out."""
    return read(text, language or language_of(text), share)[1]


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= SHOWN else line[: SHOWN - 3] + "...")
