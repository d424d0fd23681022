"""Questions of yes or no, answered by geometry: whether what is asked holds in the episode."""

from __future__ import annotations

import re

from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.language.agree import agreement
from drive_gen.language.parse import facts_of_text

OPEN = {"en": r"\b(?:who|whom|which|what|when|where|how|why|name)\b",
        "ko": r"누가|누구|누굴|언제|어디|어느|무슨|어떤|몇|얼마|무엇|뭐|왜"}
PLAIN = {"car", "1"}  # said of anybody who is named


def holds(question: str, language: str, episode: Episode) -> dict[str, bool]:
    """Slot asked about -> whether it holds; empty for an open question, or where the parser is at a loss."""
    if re.search(OPEN[language], question.lower()):
        return {}
    try:
        asked = facts_of_text(question, language)
    except InputError:
        return {}
    found, slots = agreement(asked, episode), asked.slots()
    telling = {slot: true for slot, true in found.items() if slots.get(slot) not in PLAIN}
    return telling or found
