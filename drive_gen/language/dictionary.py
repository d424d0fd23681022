"""The floor: a dictionary. Each known word sets its slot; it knows no clauses, no negation, nobody's name."""

from __future__ import annotations

from typing import Any

from drive_gen.envs.files import InputError
from drive_gen.language.facts import LAST_S, MOST_COUNT, MOST_LANES, SINGLE, Agent, Event, Facts
from drive_gen.language.plan import Share
from drive_gen.language.tokens import tokens

MODIFIERS = ("style", "speed", "distance")


def look_up(text: str, language: str, share: Share = "any") -> Facts:
    """The facts that single words say: events and styles go to the first who is named."""
    found = tokens(text, language, share)
    single = {token.type: token.value for token in reversed(found) if token.type in SINGLE
              and (token.type != "lanes" or 1 <= token.value <= MOST_LANES)}
    roles = [str(token.value) for token in found if token.type == "role"]
    groups = ["trucks" if token.value == "truck" else "cars" for token in found if token.type == "kind"]
    who = (roles or groups or ["ego" if any(token.type == "ego" for token in found) else "someone"])[0]
    said: dict[str, Any] = {token.type: token.value for token in found if token.type in MODIFIERS}
    if any(token.kind == "truck" for token in found):
        said["kind"] = "truck"
    counts = [token.value for token in found if token.type == "count" and 1 < token.value <= MOST_COUNT]
    if counts:
        said["count"] = counts[0]
    when: dict[str, Any] = next(({token.type: token.value} for token in found if token.type == "when"
                                 or (token.type == "at_s" and 1 <= token.value <= LAST_S)), {})
    events = tuple(Event(who, what, **when) for what in dict.fromkeys(  # type: ignore[arg-type]
        token.value for token in found if token.type == "event"))
    others = [Agent(role) for role in dict.fromkeys(roles) if role != who]  # type: ignore[arg-type]
    for values in (said, {}):  # what cannot be said of the first is left out
        try:
            first = [] if who == "someone" else [Agent(who, **values)]  # type: ignore[arg-type]
            return Facts(**single, agents=(*first, *others), events=events)
        except InputError:
            continue
    return Facts(**single)
