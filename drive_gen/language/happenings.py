"""What is said to happen: events as they are read, what a time is of, and what somebody else does too."""

from __future__ import annotations

import dataclasses
from typing import Any

from drive_gen.envs.files import InputError
from drive_gen.language.clauses import MODIFIERS, Clause
from drive_gen.language.facts import Event
from drive_gen.language.lexicon import COMMA, Token
from drive_gen.language.tokens_ko import adnominal

CHANGES = ("lane-left", "lane-right", "lane-change")


class Happenings:
    """The events so far, and what the next clause may repeat or date."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.events: dict[tuple[str, str], Event] = {}
        self.done: list[str] = []  # what happened last, of one subject
        self.last: tuple[str, str] | None = None  # the last event that happens
        self.time: dict[str, Any] = {}  # said before its event

    def put(self, who: str, what: str, when: dict[str, Any], happens: bool) -> None:
        """One event; a contradiction raises InputError."""
        before = self.events.get((who, what))
        if before and before.happens != happens:
            raise InputError(f"contradiction: {who} {what} happens and does not")
        if before and happens and not when:
            return
        self.events[who, what] = Event(who, what, **when, happens=happens)  # type: ignore[arg-type]
        if happens:
            self.last = (who, what)

    def take_back(self) -> None:
        """What was said last is corrected."""
        if self.last:
            self.events.pop(self.last, None)

    def rename(self, old: str, new: str) -> None:
        """Somebody turns out to have another role."""
        for (who, what), event in list(self.events.items()):
            if who == old:
                del self.events[who, what]
                self.events[new, what] = dataclasses.replace(event, who=new)  # type: ignore[arg-type]
        if self.last and self.last[0] == old:
            self.last = (new, self.last[1])

    def changed_lanes(self) -> bool:
        """Whether the last event was a change of lanes."""
        return self.last is not None and self.last[1] in CHANGES

    def repeats(self, tokens: list[Token]) -> bool:
        """Whether somebody else does, or does not do, what was done: "the car behind does not", "뒤차도"."""
        types = {token.type for token in tokens}
        if not self.done or "task" in types or {"both", "kind"} <= types:
            return False
        if types & {*MODIFIERS, "road", "weather", "density", "lanes"} and not types & {
            "does",
            "also",
            "not",
        }:
            return False
        if any(
            token.type in ("style", "speed", "abreast") and not (self.language == "ko" and adnominal(token))
            for token in tokens
        ):
            return False
        timed = "at_s" in types and self.last is not None and self.events[self.last].at_s is not None
        return timed or bool(types & {"not", "does", "also", "both"})

    def repeat(self, subjects: list[str], tokens: list[Token], when: dict[str, Any]) -> None:
        """They do it, or do not."""
        types = {token.type for token in tokens}
        for who in subjects:
            for what in self.done if "both" in types else self.done[-1:]:
                self.put(who, what, {} if "not" in types else when, "not" not in types)

    def keep_time(self, clause: Clause, when: dict[str, Any]) -> None:
        """A time without an event is of the last one if a sentence ends with it, else of the next."""
        alone = all(token.type in ("at_s", "when") for token in clause.tokens)
        if when and self._undated() and (clause.end != COMMA or not alone):
            self._date(when)
        elif when:
            self.time = when

    def spend_time(self) -> None:
        """At a sentence's end, a time that no event has taken is of the last one."""
        if self.time and self._undated() and self.language == "en":
            self._date(self.time)
            self.time = {}

    def _undated(self) -> bool:
        last = self.events.get(self.last) if self.last else None
        return last is not None and last.at_s is None and last.when is None

    def _date(self, when: dict[str, Any]) -> None:
        assert self.last is not None
        self.put(*self.last, when, True)
