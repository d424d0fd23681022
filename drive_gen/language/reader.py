"""Clauses -> facts: who is spoken of, what is said of them, what they do and when, and what is denied."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from drive_gen.envs.files import InputError
from drive_gen.language.clauses import MODIFIERS, OBJECT, PREDICATES, Clause
from drive_gen.language.facts import LAST_S, MOST_LANES, PLACED, Agent, Event, Facts
from drive_gen.language.lexicon import AND, COMMA, JOIN, STRONG, Token
from drive_gen.language.people import GROUPS, Mention, People
from drive_gen.language.tokens_ko import adnominal

SIDES = ("left", "right")
SETTINGS = ("road", "density", "weather", "time", "lanes")
GENERAL_ROADS = ("highway", "two-way")  # yield to a more special one
CHANGES = ("lane-left", "lane-right", "lane-change")
DENIALS = ("no", "nobody", "none")


class Reader:
    """What has been understood so far."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.people = People(language)
        self.single: dict[str, Any] = {}
        self.events: dict[tuple[str, str], Event] = {}
        self.without: list[str] = []
        self.done: list[str] = []  # what happened last, of one subject
        self.last_event: tuple[str, str] | None = None
        self.time: dict[str, Any] = {}  # said before its event
        self.loose: dict[str, Any] = {}  # modifiers said before whom they are of
        self.waiting: list[str] = []  # subjects whose predicate comes with the next: "the left car and ..."
        self.measured: set[tuple[str, str]] = set()  # what was said by a number
        self.joined = False  # whether the clause before goes on with this one
        self.fixing, self.fixed = False, True  # whether what is said corrects what was said, and has done so

    def facts(self) -> Facts:
        """All of it; contradictions raise InputError."""
        agents = tuple(Agent(role, **values)  # type: ignore[arg-type]
                       for role, values in self.people.agents.items())
        return Facts(**self.single, agents=agents, without=tuple(self.without),  # type: ignore[arg-type]
                     events=tuple(self.events.values()))

    def take(self, clause: Clause) -> None:
        """Understand one clause."""
        tokens = self._then_to(self._still(clause.tokens))
        clause = clause._replace(tokens=tokens)
        types = {token.type for token in tokens}
        self.fixing = "scrap" in types or (self.fixing and not self.fixed)
        self.fixed = not types <= {"scrap"}
        if ("except" in types or any((token.text + token.mark).endswith("만") for token in tokens)) and (
                self.single.get("density") == "empty" and types & {"role", "kind", "count"}):
            del self.single["density"]  # empty but for a truck
        denied, negated = bool(types & set(DENIALS)), "not" in types
        mentions = self.people.mentions(clause, denied)
        self._rename_events()
        if "vacant" in types and not any(token.type in ("role", "kind") for token in tokens):
            self._set("density", "empty")
            types -= {"vacant"}
        self._settings(tokens)
        tokens = self._turns(tokens)
        whats = self._whats(tokens, mentions, denied)
        tasks = [] if negated else self._tasks(tokens, mentions)
        subjects = self._subjects(clause, mentions, bool(whats))
        when = self._when(tokens)
        if any(token.type == "ego" and token.mark.startswith(OBJECT) for token in tokens):
            tasks = []  # the one behind overtakes us
        if tasks and whats and not subjects:
            subjects = ["ego"]
        if tasks:
            self._task(tasks[0], subjects, " ".join(token.text for token in tokens if token.type == "task"))
        if whats:
            self._happen(whats, subjects, tokens, when, denied, negated)
        elif subjects == ["cut-in"] and not denied and not negated:  # whoever is called so does so
            self._put_event("cut-in", "cut-in", when or self.time, True)
            self.done, self.time = ["cut-in"], {}
        elif denied or "vacant" in types:
            self._deny(tokens, [each.role for each in mentions])
        elif subjects and self.done and "task" not in types and self._repeats(tokens, subjects, types):
            self._repeat(subjects, tokens, when, negated)
        else:
            self._keep_time(clause, when)
        if not denied and "vacant" not in types:
            only = adnominal if negated and not whats and not tasks else None  # what is denied is not so
            self._describe(tokens, mentions, subjects, only)
        if clause.end == STRONG:
            self._spend_time()
        self.joined = clause.end == JOIN
        self._wait(clause, mentions, types)

    # --- the whole scene ----------------------------------------------------------------------------------

    def _settings(self, tokens: list[Token]) -> None:
        for place, token in enumerate(tokens):
            if token.type == "without":
                self.without.append(token.value)
            if token.type not in SETTINGS:
                continue
            if token.type == "road" and token.text == "exit" and place and tokens[place - 1].type == "ego":
                continue  # we exit
            near = tokens[place - 1 : place] if self.language == "en" else [
                each for each in tokens[place + 1 :] if each.type != token.type][:1]
            if token.type in ("weather", "road", "time") and near and near[0].type in ("no", "not"):
                continue
            self._set(token.type, token.value)
        bare = [token for token in tokens if token.type == "bare"]
        if bare and {token.type for token in tokens} <= {"bare", *SETTINGS, "that", "label", "noise"} and not any(
                token.type == "weather" and token.start == bare[0].end for token in tokens):
            self._set("density", bare[0].value)

    def _set(self, name: str, value: Any) -> None:
        if name == "lanes" and not 1 <= value <= MOST_LANES:
            raise InputError(f"{value} lanes are asked for; there can be 1 to {MOST_LANES}")
        known = value if self.fixing else self.single.get(name, value)
        if name == "road" and known != value:
            special = [each for each in (known, value) if each not in GENERAL_ROADS]
            if len(special) == 1:
                known = value = special[0]
        if known != value:
            raise InputError(f"contradiction: {name} is {known} and {value}; say one of them")
        self.single[name] = value

    def _still(self, tokens: list[Token]) -> list[Token]:
        """"앞차 정지", without a time, is how it stands, not what it does."""
        types = {token.type for token in tokens}
        if types & {"when", "at_s", *DENIALS, "not"} or not types & {"role", "ego", "kind", "both"}:
            return tokens
        return [token._replace(type="speed", value="stopped") if token.type == "event" and token.text == "정지"
                and not token.mark else token for token in tokens]

    def _then_to(self, tokens: list[Token]) -> list[Token]:
        """"then to the right after 8 s" goes on with a lane change."""
        types = {token.type for token in tokens}
        if self.language != "en" or not (types & {"at_s", "when"}) or types & {"kind", "event", "ego"} or not (
                self.last_event and self.last_event[1] in CHANGES):
            return tokens
        return [token._replace(type="toward", value=f"lane-{token.value}")
                if token.type == "role" and token.text in ("to left", "to right") else token for token in tokens]

    def _turns(self, tokens: list[Token]) -> list[Token]:
        """At a junction, going left is turning."""
        if self.single.get("road") not in ("intersection", "roundabout"):
            return tokens
        return [token._replace(type="task", value=token.value.replace("lane", "turn")) if token.type == "event"
                and re.fullmatch(r"(?:go|goes|going|head|heading|heads) (?:left|right)", token.text) else token
                for token in tokens]

    def _tasks(self, tokens: list[Token], mentions: list[Mention]) -> list[str]:
        leaves = [place for place, token in enumerate(tokens) if token.type == "road" and token.text == "exit"
                  and place and tokens[place - 1].type == "ego"]
        return [token.value for token in tokens if token.type == "task"] + (["exit"] if leaves else [])

    def _task(self, task: str, subjects: list[str], text: str) -> None:
        who = subjects[0] if subjects else None
        if who in (None, "ego", "lead", "cars", "trucks"):
            self.single["task"] = task
            self.people.subject, self.done = "ego", []
            if task in ("follow", "overtake") and re.search(r"ahead|in front|lead\b|앞차|앞트럭|선행차", text):
                values = self.people.values("lead")
                values |= {"kind": "truck"} if re.search(r"truck|lorry|트럭", text) else {}
                self.people.latest = "lead"

    # --- who ----------------------------------------------------------------------------------------------

    def _subjects(self, clause: Clause, mentions: list[Mention], acts: bool) -> list[str]:
        """Of whom a clause says something: the first who is named, or all of those who are joined."""
        types = {token.type for token in clause.tokens}
        able = [each for each in mentions if not each.object]
        pointing = [each for each in able if clause.tokens[each.place].value in ("former", "latter")]
        able = pointing or able
        if self.language == "en" and mentions and mentions[0].role == "someone" and len(mentions) > 1 and (
                mentions[1].role in PLACED):
            able = mentions[1:]  # some driver to the left
        if types & {"both", "group"} and len(able) < 2 and all(each.role in GROUPS.values() for each in able):
            pair = [role for role in self.people.named if role != "ego"][-2:]
            if "both" in types and not able and len(pair) == 2 and pair[-1] not in GROUPS.values():
                return pair
        if len(able) > 1 and clause.tokens[able[0].place].type == "that" and self.language == "en" and not any(
                token.type in PREDICATES for token in clause.tokens[able[0].place : able[1].place]):
            able = able[1:]  # when it says 5 s we stop
        joined = [each.role for each in able[:1]]
        if len(able) > 1 and clause.tokens[able[0].place].start == clause.tokens[able[1].place].start:
            return [each.role for each in able[:2]]  # on either side
        if not able and "there" in types and acts:
            return ["someone"]  # there is an accident
        for one, other in zip(able, able[1:], strict=False):
            apart = any(token.type in PREDICATES for token in clause.tokens[one.place + 1 : other.place])
            if self.language != "ko" or apart or not (one.joined or types & {"both", "group"}):
                break
            joined.append(other.role)
        return list(dict.fromkeys([*self.waiting, *joined])) if joined else []

    def _wait(self, clause: Clause, mentions: list[Mention], types: set[str]) -> None:
        """Subjects that are only named before an "and" share what comes next."""
        neither = any(token.type == "not" and token.text.startswith("neither") for token in clause.tokens)
        bare = len(mentions) == 1 and types <= {"role", "kind", "ego", "the", "both", "count"} | (
            {"not"} if neither else set())
        own = mentions[0].role if mentions else None
        if bare and own in (*PLACED, "ego") and clause.end == AND and self.language == "en":
            self.waiting = [*self.waiting, str(own)]
        else:
            self.waiting = []

    # --- what ---------------------------------------------------------------------------------------------

    def _whats(self, tokens: list[Token], mentions: list[Mention], denied: bool) -> list[str]:
        """The events of a clause; "to the left lane" is one where lanes are changed."""
        whats = [str(token.value) for token in tokens if token.type == "event"]
        toward = [str(token.value) for token in tokens if token.type == "toward"]
        if toward and (set(whats) <= {"lane-change"}) and (
                whats or mentions or (self.last_event and self.last_event[1] in CHANGES)):
            whats = toward
        if whats == ["lane-change", "lane-change"]:
            whats = ["lane-change"]
        merge = next((token for token in tokens if token.type == "event" and token.value == "merge"), None)
        if merge and whats == ["merge"] and not denied and merge.text in ("merge", "merging", "합류") and (
                merge.mark in ("a", "the") or {token.type for token in tokens} <= {"event", "label", "noise"}
                and "road" not in self.single and merge.text != "merging"):
            self._set("road", "merge")
            return []
        return list(dict.fromkeys(whats))

    def _when(self, tokens: list[Token]) -> dict[str, Any]:
        exact = [token.value for token in tokens if token.type == "at_s" and 1 <= token.value <= LAST_S]
        vague = [token.value for token in tokens if token.type == "when"]
        return {"at_s": exact[0]} if exact else {"when": vague[0]} if vague else {}

    def _happen(self, whats: list[str], subjects: list[str], tokens: list[Token], when: dict[str, Any],
                denied: bool, negated: bool) -> None:
        if self.fixing and self.last_event:
            self.events.pop(self.last_event, None)
        who = [each for each in subjects if each not in ("someone", "cut-in")] if denied else subjects
        explicit = bool(subjects)
        gerund = any(token.type == "no" and token.text.startswith("without") for token in tokens) and any(
            token.type == "event" and token.text.split(" ")[0].endswith("ing") for token in tokens)
        if not who and not denied and whats == ["cut-in"] and "cut-in" in self.people.agents:
            who = ["cut-in"]
        if not who and not denied and set(whats) <= {"lane-left", "lane-right"} and self.people.subject in (None, "someone"):
            who = ["ego"]
        if not who and gerund and self.joined and self.people.subject:  # we go on without crashing
            who = [self.people.subject]
        if not who:
            nobodys = denied or (negated and whats == ["crash"] and self.language == "ko")  # 사고는 나지 않는다
            who = ["someone"] if nobodys or self.people.subject is None else [self.people.subject]
        happens = not denied and not negated
        for role in who:
            for what in whats:
                if what == "merge" and role in ("ego", "someone") and happens and not (explicit and role == "someone"):
                    self.single["task"] = "merge"
                    continue
                self._put_event(role, what, (when or self.time) if happens else {}, happens)
        if not denied:
            self.people.subject, self.time = who[-1], {}
        self._others(who, whats, tokens, happens)
        self.done = [*self.done, *whats] if who == [self.last_event and self.last_event[0]] and not explicit else whats

    def _others(self, who: list[str], whats: list[str], tokens: list[Token], happens: bool) -> None:
        """후자만: the other of the two does not."""
        for token in tokens:
            if token.type == "that" and token.value in ("former", "latter") and token.mark.startswith("만") and happens:
                for role in self.people.named[-2:]:
                    if role not in who:
                        self._put_event(role, whats[0], {}, False)

    def _rename_events(self) -> None:
        for old, new in self.people.renamed:
            for (who, what), event in list(self.events.items()):
                if who == old:
                    del self.events[who, what]
                    self.events[new, what] = dataclasses.replace(event, who=new)  # type: ignore[arg-type]
            if self.last_event and self.last_event[0] == old:
                self.last_event = (new, self.last_event[1])
        self.people.renamed = []

    def _put_event(self, who: str, what: str, when: dict[str, Any], happens: bool) -> None:
        before = self.events.get((who, what))
        if before and before.happens != happens:
            raise InputError(f"contradiction: {who} {what} happens and does not")
        if before and happens and not when:
            return
        self.events[who, what] = Event(who, what, **when, happens=happens)  # type: ignore[arg-type]
        if happens:
            self.last_event = (who, what)

    def _repeats(self, tokens: list[Token], subjects: list[str], types: set[str]) -> bool:
        """Whether somebody else does, or does not do, what was done: "the car behind does not", "뒤차도"."""
        if types & {*MODIFIERS, "road", "weather", "density", "lanes"} and not types & {"does", "also", "not"}:
            return False
        if "both" in types and "kind" in types:
            return False
        if any(token.type in ("style", "speed", "abreast") and not (self.language == "ko" and adnominal(token))
               for token in tokens):
            return False
        timed = types & {"at_s"} and self.last_event is not None and self.events[self.last_event].at_s is not None
        return bool(types & {"not", "does", "also", "both"} or timed)

    def _repeat(self, subjects: list[str], tokens: list[Token], when: dict[str, Any], negated: bool) -> None:
        both = any(token.type == "both" for token in tokens)
        for who in subjects:
            for what in (self.done if both else self.done[-1:]):
                self._put_event(who, what, {} if negated else when, not negated)

    def _keep_time(self, clause: Clause, when: dict[str, Any]) -> None:
        """A time without an event is of the last one if a sentence ends with it, else of the next."""
        if not when:
            return
        last = self.events.get(self.last_event) if self.last_event else None
        dated = last is not None and (last.at_s is not None or last.when is not None)
        alone = all(token.type in ("at_s", "when") for token in clause.tokens)
        if last and not dated and (clause.end != COMMA or not alone):
            self._put_event(last.who, last.what, when, True)
        else:
            self.time = when

    def _spend_time(self) -> None:
        """At a sentence's end, a time that no event has taken is of the last one."""
        last = self.events.get(self.last_event) if self.last_event else None
        if self.time and last and last.at_s is None and last.when is None and self.language == "en":
            self._put_event(last.who, last.what, self.time, True)
            self.time = {}

    def _deny(self, tokens: list[Token], roles: list[str]) -> None:
        """Who is said not to be there."""
        types = {token.type for token in tokens}
        if "without" in types or types & {"road", "task"} and not roles:
            return
        kinds = {token.value for token in tokens if token.type == "kind"} | {
            token.kind for token in tokens if token.type == "role" and token.kind == "truck"}
        placed = [role for role in roles if role in ("lead", "follower", *SIDES)]
        if "cut-in" in roles:
            self._put_event("someone", "cut-in", {}, False)
        elif placed:
            self.without += placed
            self.people.agents = {role: values for role, values in self.people.agents.items()
                                  if role not in placed or values}
        elif any(token.type == "style" and token.value == "aggressive" for token in tokens):
            self.without.append("aggressive")
        elif "truck" in kinds:
            self.without.append("trucks")
        elif "other" in types or "vacant" in types or (self.language == "ko" and "no" in types and (
                kinds or "nobody" in types)):
            self._set("density", "empty")

    # --- how ----------------------------------------------------------------------------------------------

    def _describe(self, tokens: list[Token], mentions: list[Mention], subjects: list[str],
                  only: Callable[[Token], bool] | None = None) -> None:
        """Style, speed and distance, each of the one that it stands by."""
        stops = any(token.type == "event" and token.value == "stop" for token in tokens)
        for place, token in enumerate(tokens):
            if token.type not in MODIFIERS or (token.text.startswith(("gent", "soft")) and (
                    stops or (not mentions and self.done[-1:] == ["stop"]))):
                continue
            if only and not (self.language == "ko" and only(token)):
                continue
            value = True if token.type == "abreast" else token.value
            for target in self._targets(place, token, tokens, mentions, subjects):
                if target in (None, "someone"):
                    self.loose[token.type] = value
                else:
                    self._modify(str(target), {token.type: value}, any(letter.isdigit() for letter in token.text))
        if subjects and subjects[-1] != "someone":
            self.people.subject = subjects[-1]
            if self.loose and subjects[0] != "ego":
                self._modify(subjects[0], self.loose)
                self.loose = {}

    def _targets(self, place: int, token: Token, tokens: list[Token], mentions: list[Mention],
                 subjects: list[str]) -> list[str | None]:
        """Of whom a modifier is said: the noun that it stands before, else who was named before it."""
        people = self.people
        after = place + 1
        while after < len(tokens) and (tokens[after].type in (*MODIFIERS, "count", "the", "oneof") or (
                tokens[after].type == "kind" and tokens[after].mark == "의")):
            after += 1
        following = next((each for each in mentions if each.place == after), None)
        before = [each for each in mentions if each.place < place]
        if following and following.role in subjects and len(subjects) > 1:
            return list(subjects)
        if following and following.role != "ego" and (adnominal(token) if self.language == "ko" else not (
                before and not any(each.type in PREDICATES for each in tokens[before[-1].place + 1 : place])
                and before[-1].role in (*PLACED, "ego") and following.role in PLACED)):
            return [following.role]
        if mentions and place < mentions[0].place and self.language == "ko" and (
                token.type != "distance" or mentions[0].role in PLACED):
            return [mentions[0].role]
        if len(subjects) > 1:
            return list(subjects)
        if before:
            nearest = before[-1]
            return [nearest.role if not nearest.object or self.language == "en" else before[0].role]
        if mentions and token.type != "distance" or mentions and mentions[0].role in PLACED:
            return [mentions[0].role]
        if subjects:
            return list(subjects)
        return [people.named[-1] if people.named and people.subject != "ego" else people.subject]

    def _modify(self, role: str, said: dict[str, Any], measured: bool = False) -> None:
        """Say more of an agent; a measure beats a word, and a gap that is said of us is to the last named."""
        if role == "ego" and "distance" in said:
            role = next((each for each in reversed(self.people.named) if each in PLACED), role)
        values = self.people.values(role)
        for name, value in said.items():
            if name == "distance" and (role not in PLACED or (value == "beside" and role not in SIDES)):
                continue
            if name == "abreast" and (role not in ("cars", "trucks") or values.get("count", 1) < 2):
                if role in SIDES:
                    values["distance"] = "beside"
                continue
            if name == "distance" and {value, values.get(name)} == {"near", "beside"}:
                value = "beside"
                values.pop(name)
            if (role, name) in self.measured and not measured:
                continue
            if measured:
                values.pop(name, None) if (role, name) not in self.measured else None
                self.measured.add((role, name))
            if not self.fixing and values.get(name, value) != value:
                raise InputError(f"contradiction: {name} of {role} is {values[name]} and {value}; say one")
            values[name] = value


__all__ = ["STRONG", "Reader"]
