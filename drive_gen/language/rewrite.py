"""Tokens that mean something else in their company: a stop that is a state, a turn that is a lane change."""

from __future__ import annotations

import re

from drive_gen.language.lexicon import Token

GOES = re.compile(r"(?:go|goes|going|head|heading|heads) (?:left|right)")


def still(tokens: list[Token]) -> list[Token]:
    """ "앞차 정지", without a time, is how it stands, not what it does."""
    types = {token.type for token in tokens}
    if types & {"when", "at_s", "no", "nobody", "none", "not"} or not types & {"role", "ego", "kind", "both"}:
        return tokens
    return [
        token._replace(type="speed", value="stopped")
        if token.type == "event" and token.text == "정지" and not token.mark
        else token
        for token in tokens
    ]


def stops(tokens: list[Token]) -> list[Token]:
    """Who "stopped at 3 s" did so then; a lane beside us that "is clear" has nobody in it."""
    types = {token.type for token in tokens}
    if "at_s" in types and "event" not in types:
        return [token._replace(type="event", value="stop")
                if token.type == "speed" and token.text in ("stopped", "halted") else token
                for token in tokens]
    aside = any(token.type == "role" and token.kind is None and token.value in ("left", "right")
                for token in tokens)
    if aside and types <= {"role", "weather"}:
        return [token._replace(type="vacant") if token.text == "clear" else token for token in tokens]
    return tokens


def goes_on(tokens: list[Token]) -> list[Token]:
    """After a lane change, "then to the right after 8 s" is another."""
    types = {token.type for token in tokens}
    if not types & {"at_s", "when"} or types & {"kind", "event", "ego"}:
        return tokens
    return [
        token._replace(type="toward", value=f"lane-{token.value}")
        if token.type == "role" and token.text in ("to left", "to right")
        else token
        for token in tokens
    ]


def turns(tokens: list[Token]) -> list[Token]:
    """At a junction, going left is turning."""
    return [
        token._replace(type="task", value=token.value.replace("lane", "turn"))
        if token.type == "event" and GOES.fullmatch(token.text)
        else token
        for token in tokens
    ]
