"""Text -> facts: clause by clause, who is spoken of, what is said of them, and what is denied."""

from __future__ import annotations

import re
from typing import Any

from drive_gen.envs.files import InputError
from drive_gen.language.facts import LAST_S, MOST_COUNT, MOST_LANES, PLACED, Agent, Event, Facts
from drive_gen.language.lexicon import Token
from drive_gen.language.plan import Share
from drive_gen.language.tokens import tokens

GROUPS = {"car": "cars", "truck": "trucks"}
SIDES = ("left", "right")
MODIFIERS = ("style", "speed", "distance", "abreast")
GENERAL_ROADS = ("highway", "two-way")  # yield to a more special one
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
    reader = Reader()
    for clause in _clauses(tokens(text, language, share)):
        reader.take(clause)
    facts = reader.facts()
    if not facts.slots():
        hint = ("for example 'three aggressive cars on a highway at night, the car ahead brakes hard'"
                if language == "en" else "예: '밤 고속도로, 공격적인 차 세 대, 앞차 급정거'")
        raise InputError(f"nothing understood in {_shown(text)}; {hint}")
    return facts


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= SHOWN else line[: SHOWN - 3] + "...")


def _clauses(found: list[Token]) -> list[list[Token]]:
    """Cut at marks and joining words; what follows "or" is denied as what stands before it."""
    clauses: list[list[Token]] = [[]]
    for token in found:
        if token.type in ("sep", "or"):
            denied = [each for each in clauses[-1] if each.type in ("no", "nobody")]
            clauses.append(denied[:1] if token.type == "or" else [])
        else:
            clauses[-1].append(token)
    return [clause for clause in clauses if clause]


class Reader:
    """What has been understood so far, and whom the next clause may point back to."""

    def __init__(self) -> None:
        self.single: dict[str, Any] = {}
        self.agents: dict[str, dict[str, Any]] = {}
        self.events: dict[tuple[str, str], Event] = {}
        self.without: list[str] = []
        self.named: list[str] = []  # roles in order of mention
        self.subject: str | None = None
        self.done: str | None = None  # what happened last
        self.last_event: tuple[str, str] | None = None
        self.time: dict[str, Any] = {}  # said before its event
        self.loose: dict[str, Any] = {}  # modifiers said before whom they are of

    def facts(self) -> Facts:
        """All of it; contradictions raise InputError."""
        agents = tuple(Agent(role, **values) for role, values in self.agents.items())  # type: ignore[arg-type]
        return Facts(**self.single, agents=agents, without=tuple(self.without),  # type: ignore[arg-type]
                     events=tuple(self.events.values()))

    def take(self, clause: list[Token]) -> None:
        """Understand one clause."""
        types = {token.type for token in clause}
        for token in clause:
            if token.type in ("road", "density", "weather", "time", "lanes"):
                self._set(token.type, token.value)
            elif token.type == "without":
                self.without.append(token.value)
        when = {("when" if token.type == "when" else "at_s"): token.value for token in clause
                if token.type == "when" or (token.type == "at_s" and 1 <= token.value <= LAST_S)}
        whats = [token.value for token in clause if token.type == "event"]
        tasks = [token.value for token in clause if token.type == "task"]
        denied, negated = bool(types & {"no", "nobody"}), "not" in types
        who = self._who(clause, bool(whats), denied)
        if tasks and not negated:
            self._task(tasks[0], who)
        if whats:
            self._happen(whats, who, clause, when, denied, negated)
        elif who == "cut-in" and not denied and not negated:  # whoever is called so does so
            self._put_event(who, "cut-in", when or self.time, True)
            self.done, self.time = "cut-in", {}
        elif denied and not types & {"road", "task"}:
            self._deny(clause, who)
        elif who and negated and self.done and not types & set(MODIFIERS):
            self._put_event(who, self.done, {}, False)
        elif when and self.last_event and not self._waits(clause):
            self._date(when)
        else:
            self.time = when or self.time
        if not denied and not (negated and not whats):
            self._describe(clause, who)

    def _waits(self, clause: list[Token]) -> bool:
        """Whether a time without an event is said before it, as a clause of its own."""
        return len(clause) == 1 or self.events[self.last_event].at_s is not None or bool(  # type: ignore[index]
            self.events[self.last_event].when)  # type: ignore[index]

    def _date(self, when: dict[str, Any]) -> None:
        assert self.last_event
        self._put_event(*self.last_event, when, True)

    def _set(self, name: str, value: Any) -> None:
        if name == "lanes" and not 1 <= value <= MOST_LANES:
            raise InputError(f"{value} lanes are asked for; there can be 1 to {MOST_LANES}")
        known = self.single.get(name, value)
        if name == "road" and known != value:
            special = [each for each in (known, value) if each not in GENERAL_ROADS]
            if len(special) == 1:
                known = value = special[0]
        if known != value:
            raise InputError(f"contradiction: {name} is {known} and {value}; say one of them")
        self.single[name] = value

    def _task(self, task: str, who: str | None) -> None:
        if who in (None, "ego", "lead", "cars", "trucks"):
            self.single["task"] = task
            self.subject = "ego"

    # --- who ----------------------------------------------------------------------------------------------

    def _who(self, clause: list[Token], acts: bool, denied: bool) -> str | None:
        """The role that a clause is about; agents come into being by being named, unless denied."""
        for token in clause:
            if token.type == "role":
                return self._name_role(clause, token, denied)
            if token.type == "that":
                return self._back(token.value)
            if token.type == "ego":
                roles = [each for each in clause if each.type == "role"]
                if not roles:
                    if not acts and any(each.type == "kind" and each.value == "truck" for each in clause):
                        self._agent("ego")["kind"] = "truck"
                    return "ego"
                self._name_role(clause, roles[0], denied)
                return "ego" if acts or any(each.type == "task" for each in clause) else roles[0].value
            if token.type == "someone":
                return "someone"
        kinds = [token for token in clause if token.type == "kind"]
        if denied:
            pointed = kinds and any(token.type == "the" for token in clause)
            return self._known(kinds[0].value) if pointed else None
        if not kinds:
            return None
        return self._name_group(clause, kinds, acts)

    def _name_role(self, clause: list[Token], token: Token, denied: bool) -> str:
        role = str(token.value)
        kinds = [each.kind or (each.value if each.type == "kind" else None) for each in clause]
        if denied:
            return role
        values = self._agent(role)
        if "truck" in kinds and not (role == "cut-in" and "car" in kinds):
            values["kind"] = "truck"
        self._count(clause, values, role)
        return role

    def _name_group(self, clause: list[Token], kinds: list[Token], acts: bool) -> str:
        """A car or cars without a place: those known already, a group, or one that cuts in."""
        types = {token.type for token in clause}
        kind = next((token.value for token in kinds if token.value == "truck"), "car")
        counts = [token.value for token in clause if token.type == "count"]
        cuts = any(token.type == "event" and token.value == "cut-in" for token in clause)
        if "the" in types and not counts and (known := self._known(kind)):
            return known
        if cuts and "oneof" not in types and max(counts, default=1) == 1:
            self._agent("cut-in")
            if kind == "truck":
                self._agent("cut-in")["kind"] = "truck"
            return "cut-in"
        role = GROUPS[kind]
        said = types & {"count", "style", "speed", "abreast", "oneof", "other"} or acts or role == "trucks"
        if said or types == {"kind"} or types <= {"kind", "the", "when", "at_s", "distance"}:
            self._count(clause, self._agent(role), role)
            return role
        return role if role in self.agents else self._count_of(role, clause)

    def _count_of(self, role: str, clause: list[Token]) -> str:
        self._count(clause, self._agent(role), role)
        return role

    def _known(self, kind: str) -> str | None:
        """The one placed agent of a kind that was named."""
        roles = [role for role, values in self.agents.items()
                 if role in PLACED and values.get("kind", "car") == kind]
        return roles[0] if len(roles) == 1 and GROUPS[kind] not in self.agents else None

    def _back(self, which: str) -> str | None:
        if which == "last" or len(self.named) < 2:
            return self.subject
        return self.named[-2] if which == "former" else self.named[-1]

    def _agent(self, role: str) -> dict[str, Any]:
        if role not in self.agents:
            self.agents[role] = {}
        if role in self.named:
            self.named.remove(role)
        self.named.append(role)
        return self.agents[role]

    def _count(self, clause: list[Token], values: dict[str, Any], role: str) -> None:
        counts = [token.value for token in clause if token.type == "count" and token.value > 1]
        if not counts or role in ("ego", "cut-in") or any(token.type == "oneof" for token in clause):
            return
        if counts[0] > MOST_COUNT:
            raise InputError(f"{counts[0]} {role} are asked for; there can be 1 to {MOST_COUNT}")
        values["count"] = counts[0]

    # --- what ---------------------------------------------------------------------------------------------

    def _happen(self, whats: list[str], who: str | None, clause: list[Token], when: dict[str, Any],
                denied: bool, negated: bool) -> None:
        nobody = denied or any(token.type == "nobody" for token in clause)
        for what in whats:
            subject = who
            if nobody:
                subject = who if who and who not in ("someone", "cut-in") else "someone"
                self._put_event(subject, what, {}, False)
                continue
            if subject is None and negated and what == "crash":  # 사고는 나지 않는다: nobody's
                subject = "someone"
            if subject is None:
                subject = self.subject or "someone"
            if what == "merge" and subject in ("ego", "someone") and not negated:
                self.single["task"] = "merge"
                continue
            self._put_event(subject, what, {} if negated else when or self.time, not negated)
            self.subject, self.done = subject, what
            self.time = {}

    def _put_event(self, who: str, what: str, when: dict[str, Any], happens: bool) -> None:
        before = self.events.get((who, what))
        if before and before.happens != happens:
            raise InputError(f"contradiction: {who} {what} happens and does not")
        if "at_s" in when:
            when = {"at_s": when["at_s"]}
        if before and happens and not when:
            return
        self.events[who, what] = Event(who, what, **when, happens=happens)  # type: ignore[arg-type]
        if happens:
            self.last_event = (who, what)

    def _deny(self, clause: list[Token], who: str | None) -> None:
        """Who is said not to be there."""
        if any(token.type == "without" for token in clause):
            return
        kinds = {token.value for token in clause if token.type == "kind"} | {
            token.kind for token in clause if token.type == "role" and token.kind == "truck"}
        if who == "cut-in":
            self._put_event("someone", "cut-in", {}, False)
        elif who in ("lead", "follower", *SIDES):
            self.without.append(who)
        elif any(token.type == "style" and token.value == "aggressive" for token in clause):
            self.without.append("aggressive")
        elif "truck" in kinds:
            self.without.append("trucks")
        elif any(token.type == "other" for token in clause):
            self._set("density", "empty")

    def _describe(self, clause: list[Token], who: str | None) -> None:
        """Style, speed and distance of whom the clause is about, or of whom the one before was."""
        said: dict[str, Any] = {token.type: True if token.type == "abreast" else token.value
                                for token in clause if token.type in MODIFIERS}
        roles = [str(token.value) for token in clause if token.type == "role"]
        target = roles[0] if roles and who == "ego" else who
        if not said and not (self.loose and target):
            if target and target != "someone":
                self.subject = target
            return
        if target is None:
            target = self.named[-1] if self.named and self.subject != "ego" else self.subject
        if target is None or target == "someone":
            self.loose |= said
            return
        self.subject = target if who is not None else self.subject
        self._modify(target, {**self.loose, **said})
        self.loose = {}

    def _modify(self, role: str, said: dict[str, Any]) -> None:
        values = self._agent(role) if role not in self.agents else self.agents[role]
        for name, value in said.items():
            if name == "distance" and (role not in PLACED or (value == "beside" and role not in SIDES)):
                continue
            if name == "abreast" and (role not in ("cars", "trucks") or values.get("count", 1) < 2):
                if role in SIDES:
                    values["distance"] = "beside"
                continue
            if values.get(name, value) != value:
                raise InputError(f"contradiction: {name} of {role} is {values[name]} and {value}; say one")
            values[name] = value
