"""Texts as CLIP's text encoder reads them: the claims that the parser finds, a word each; what it cannot
read, as it is written. So phrasings are the parser's task, and the network's is what claims look like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.language.facts import Facts
from drive_gen.language.parse import facts_of_text
from drive_gen.perception.claims import CLAIMS, claims_of, row_of

WORDS = tuple(f"<{claim}>" for claim in CLAIMS)


def words_of(row: np.ndarray) -> str:
    """Claims (C,) as words, in their own order: equal facts are equal texts."""
    return "".join(WORDS[place] for place in np.flatnonzero(row))


def told(text: str) -> str:
    """The words of what can be seen of a text, or the text itself where the parser understands none of it."""
    try:
        claims = claims_of(plain(facts_of_text(text)))
    except InputError:
        return text
    return words_of(row_of(claims)) if claims else text


def told_of(texts: Iterable[str]) -> list[str]:
    """`told` of each."""
    return [told(text) for text in texts]


def seen(facts: Facts) -> Facts:
    """What of a text can be seen in motion: not weather, time of day, task and style."""
    agents = tuple(replace(agent, style=None) for agent in facts.agents)
    without = tuple(name for name in facts.without if name != "aggressive")
    left = replace(facts, agents=agents, without=without, weather=None, time=None, task=None)
    if not left.slots():
        raise InputError(f"nothing of it can be seen in motion: {', '.join(facts.slots())}; name roads, cars "
                         "or what they do")
    return left


def plain(facts: Facts) -> Facts:
    """What can be seen, without seconds: claims know thirds of a clip."""
    left = seen(facts)
    return replace(left, events=tuple(replace(event, at_s=None) for event in left.events))
