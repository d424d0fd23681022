"""Text -> tokens: the longest known phrase at each place, numbers with their units, slips put right."""

from __future__ import annotations

from drive_gen.language import tokens_en, tokens_ko
from drive_gen.language.lexicon import Token
from drive_gen.language.plan import Share


def tokens(text: str, language: str, share: Share = "any") -> list[Token]:
    """What the known phrases of a text mean, in order."""
    return read(text, language, share)[0]


def read(text: str, language: str, share: Share = "any") -> tuple[list[Token], list[str]]:
    """The tokens of a text, and the words that are in none of them."""
    found, left = tokens_en.read(text, share) if language == "en" else tokens_ko.read(text, share)
    return [each for token in found for each in _apart(token)], left


def _apart(token: Token) -> list[Token]:
    """On either side: two roles."""
    if token.type != "role" or "+" not in token.value:
        return [token]
    return [token._replace(value=role) for role in token.value.split("+")]
