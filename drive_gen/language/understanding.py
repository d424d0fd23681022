"""Clauses -> facts: who is spoken of, what is said of them, what they do and when, and what is denied."""

from __future__ import annotations

import itertools
import re
from typing import Any

from drive_gen.envs.files import InputError
from drive_gen.language.clauses import OBJECT, PREDICATES, Clause, Mention
from drive_gen.language.facts import LAST_S, MOST_LANES, PLACED, ROLES, Agent, Facts
from drive_gen.language.happenings import Happenings
from drive_gen.language.lexicon import AND, JOIN, STRONG, Token
from drive_gen.language.manners import SIDES, Manners
from drive_gen.language.people import GROUPS, People
from drive_gen.language.rewrite import english, goes_on, korean, neither_of, stands, turns

SETTINGS = ("road", "density", "weather", "time", "lanes")
GENERAL_ROADS = ("highway", "two-way")  # yield to a more special one
REAR_ENDS = re.compile(r"rear end\w* us|into back of us|뒤에서(?:박|받)")
DENIALS = ("no", "nobody", "none")


class Understanding:
    """What has been understood so far."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.people = People(language)
        self.manners = Manners(language, self.people)
        self.single: dict[str, Any] = {}
        self.happenings = Happenings(language)
        self.without: list[str] = []
        self.waiting: list[str] = []  # subjects whose predicate comes with the next: "the left car and ..."
        self.joined = False  # whether the clause before goes on with this one
        self.fixing, self.fixed = False, True  # whether what is said corrects what was said, and has done so

    def facts(self) -> Facts:
        """All of it; contradictions raise InputError."""
        agents = tuple(
            Agent(role, **values)  # type: ignore[arg-type]
            for role, values in self.people.agents.items()
            if role in ROLES  # nobody in particular has no kind and no style
        )
        return Facts(
            **self.single,
            agents=agents,
            without=tuple(self.without),  # type: ignore[arg-type]
            events=tuple(self.happenings.events.values()),
        )

    def take(self, clause: Clause) -> None:
        """Understand one clause."""
        tokens = (english if self.language == "en" else korean)(clause.tokens)
        if self.language == "en" and self.happenings.changed_lanes():
            tokens = goes_on(tokens)
        if self.language == "en" and self._pair():
            tokens = neither_of(tokens)
        if self.language == "ko" and len(tokens) == 1 and not self.happenings.time:
            tokens = stands(tokens)
        clause = clause._replace(tokens=tokens)
        types = {token.type for token in tokens}
        self.fixing = "scrap" in types or (self.fixing and not self.fixed)
        self.fixed = not types <= {"scrap"}
        if (
            "except" in types
            or any(token.text.endswith("만") or token.mark.startswith("만") for token in tokens)
        ) and (self.single.get("density") == "empty" and types & {"role", "kind", "count"}):
            del self.single["density"]  # empty but for a truck
        denied, negated = bool(types & set(DENIALS)), "not" in types
        mentions = self.people.mentions(clause, denied)
        for old, new in self.people.renamed:
            self.happenings.rename(old, new)
        self.people.renamed = []
        if "vacant" in types and not any(token.type in ("role", "kind") for token in tokens):
            self._set("density", "empty")
            types -= {"vacant"}
        self._settings(tokens)
        if self.single.get("road") in ("intersection", "roundabout"):
            tokens = turns(tokens)
        whats = self._whats(tokens, mentions, denied)
        tasks = [] if negated else self._tasks(tokens, mentions)
        subjects = self._subjects(clause, mentions, bool(whats))
        when = self._when(tokens)
        acted_on = [token for token in tokens if token.type == "ego" and token.mark.startswith(OBJECT)]
        if any(token.mark != "보다" for token in acted_on):
            tasks = []  # the one behind overtakes us
        if tasks and whats and not subjects:
            subjects = ["ego"]
        if tasks:
            self._task(tasks[0], subjects, " ".join(token.text for token in tokens if token.type == "task"))
        if whats:
            self._happen(whats, subjects, tokens, when, denied, negated)
        elif subjects == ["cut-in"] and not denied and not negated:  # whoever is called so does so
            self.happenings.put("cut-in", "cut-in", when or self.happenings.time, True)
            self.happenings.done, self.happenings.time = ["cut-in"], {}
        elif denied or "vacant" in types:
            self._deny(tokens, [each.role for each in mentions])
        elif subjects and self.happenings.repeats(tokens):
            self.happenings.repeat(subjects, tokens, when)
        else:
            self.happenings.keep_time(clause, when)
        if not denied and "vacant" not in types:
            stopped = "stop" in whats or (not mentions and self.happenings.done[-1:] == ["stop"])
            self.manners.fixing = self.fixing
            self.manners.describe(tokens, mentions, subjects, negated and not whats and not tasks, stopped)
        if clause.end == STRONG:
            self.happenings.spend_time()
        self.joined = clause.end == JOIN
        self._wait(clause, mentions, types)

    # --- the whole scene ----------------------------------------------------------------------------------

    def _settings(self, tokens: list[Token]) -> None:
        for place, token in enumerate(tokens):
            if token.type == "without":
                self.without.append(token.value)
            if token.type == "group" and token.text.startswith("oncoming"):
                self._set("road", "two-way")
            if token.type not in SETTINGS:
                continue
            if token.type == "road" and token.text == "exit" and place and tokens[place - 1].type == "ego":
                continue  # we exit
            near = (
                tokens[place - 1 : place]
                if self.language == "en"
                else [each for each in tokens[place + 1 :] if each.type != token.type][:1]
            )
            if token.type in ("weather", "road", "time") and near and near[0].type in ("no", "not"):
                continue
            self._set(token.type, token.value)
        bare = [token for token in tokens if token.type == "bare"]
        if (
            bare
            and {token.type for token in tokens} <= {"bare", *SETTINGS, "that", "label", "noise"}
            and not any(token.type == "weather" and token.start == bare[0].end for token in tokens)
        ):
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

    def _tasks(self, tokens: list[Token], mentions: list[Mention]) -> list[str]:
        leaves = [
            place
            for place, token in enumerate(tokens)
            if token.type == "road" and token.text == "exit" and place and tokens[place - 1].type == "ego"
        ]
        return [token.value for token in tokens if token.type == "task"] + (["exit"] if leaves else [])

    def _task(self, task: str, subjects: list[str], text: str) -> None:
        who = subjects[0] if subjects else None
        if who in (None, "ego", "lead", "cars", "trucks"):
            self.single["task"] = task
            self.people.subject, self.happenings.done = "ego", []
            if task in ("follow", "overtake") and re.search(
                r"ahead|in front|lead\b|앞차|앞트럭|선행차", text
            ):
                values = self.people.values("lead")
                values |= {"kind": "truck"} if re.search(r"truck|lorry|트럭", text) else {}
                self.people.latest = "lead"

    def _pair(self) -> bool:
        """Whether the two who were named last are placed, so that "them" are these two."""
        return self.people.group() is None and len(set(self.people.named[-2:]) & set(PLACED)) == 2

    # --- who ----------------------------------------------------------------------------------------------

    def _subjects(self, clause: Clause, mentions: list[Mention], acts: bool) -> list[str]:
        """Of whom a clause says something: the first who is named, or all of those who are joined."""
        types = {token.type for token in clause.tokens}
        made = any(token.type == "event" and token.mark.startswith("게") for token in clause.tokens)
        able = [each for each in mentions if made or not each.object]  # 뒤차를 멈추게 해 줘
        pointing = [each for each in able if clause.tokens[each.place].value in ("former", "latter")]
        able = pointing or able
        if (
            self.language == "en"
            and mentions
            and mentions[0].role == "someone"
            and len(mentions) > 1
            and (mentions[1].role in PLACED)
        ):
            able = mentions[1:]  # some driver to the left
        if types & {"both", "group"} and len(able) < 2 and all(each.role in GROUPS.values() for each in able):
            pair = [role for role in self.people.named if role != "ego"][-2:]
            if "both" in types and not able and len(pair) == 2 and pair[-1] not in GROUPS.values():
                return pair
        if (
            len(able) > 1
            and clause.tokens[able[0].place].type == "that"
            and self.language == "en"
            and not any(token.type in PREDICATES for token in clause.tokens[able[0].place : able[1].place])
        ):
            able = able[1:]  # when it says 5 s we stop
        joined = [each.role for each in able[:1]]
        if len(able) > 1 and clause.tokens[able[0].place].start == clause.tokens[able[1].place].start:
            return [each.role for each in able[:2]]  # on either side
        if not able and "there" in types and acts:
            return ["someone"]  # there is an accident
        for one, other in itertools.pairwise(able):
            apart = any(token.type in PREDICATES for token in clause.tokens[one.place + 1 : other.place])
            if self.language != "ko" or apart or not (one.joined or types & {"both", "group"}):
                break
            joined.append(other.role)
        return list(dict.fromkeys([*self.waiting, *joined])) if joined else []

    def _wait(self, clause: Clause, mentions: list[Mention], types: set[str]) -> None:
        """Subjects that are only named before an "and" share what comes next."""
        neither = any(token.type == "not" and token.text.startswith("neither") for token in clause.tokens)
        bare = len(mentions) == 1 and types <= {"role", "kind", "ego", "the", "both", "count"} | (
            {"not"} if neither else set()
        )
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
        if (
            toward
            and (set(whats) <= {"lane-change"})
            and (whats or mentions or self.happenings.changed_lanes())
        ):
            whats = toward
            if not mentions and self.happenings.last and self.happenings.last[1] == "lane-change":
                self.happenings.take_back()  # changes its lane, to the left
        if whats == ["lane-change", "lane-change"]:
            whats = ["lane-change"]
        merge = next((token for token in tokens if token.type == "event" and token.value == "merge"), None)
        if (
            merge
            and whats == ["merge"]
            and not denied
            and merge.text in ("merge", "merging", "합류")
            and (
                merge.mark in ("a", "the")
                or (
                    {token.type for token in tokens} <= {"event", "label", "noise"}
                    and "road" not in self.single
                    and merge.text != "merging"
                )
            )
        ):
            self._set("road", "merge")
            return []
        return list(dict.fromkeys(whats))

    def _when(self, tokens: list[Token]) -> dict[str, Any]:
        exact = [token.value for token in tokens if token.type == "at_s" and 1 <= token.value <= LAST_S]
        vague = [token.value for token in tokens if token.type == "when"]
        return {"at_s": exact[0]} if exact else {"when": vague[0]} if vague else {}

    def _happen(
        self,
        whats: list[str],
        subjects: list[str],
        tokens: list[Token],
        when: dict[str, Any],
        denied: bool,
        negated: bool,
    ) -> None:
        if self.fixing:
            self.happenings.take_back()
        who = [each for each in subjects if each not in ("someone", "cut-in")] if denied else subjects
        explicit, happens = bool(subjects), not denied and not negated
        gerund = any(token.type == "no" and token.text.startswith("without") for token in tokens) and any(
            token.type == "event" and token.text.split(" ")[0].endswith("ing") for token in tokens
        )
        if not who and not denied and whats == ["cut-in"] and "cut-in" in self.people.agents:
            who = ["cut-in"]
        if (
            not who
            and not denied
            and set(whats) <= {"lane-left", "lane-right"}
            and self.people.subject in (None, "someone")
        ):
            who = ["ego"]
        if not who and happens and whats == ["cut-in"] and self.people.subject is None:
            who = ["cut-in"]
        if happens and any(REAR_ENDS.search(token.text) for token in tokens):
            who = self._behind(who)
        if not who and gerund and self.joined and self.people.subject:  # we go on without crashing
            who = [self.people.subject]
        if not who:
            nobodys = denied or (
                negated and whats == ["crash"] and self.language == "ko"
            )  # 사고는 나지 않는다
            who = ["someone"] if nobodys or self.people.subject is None else [self.people.subject]
        for role in who:
            for what in whats:
                if (
                    what == "merge"
                    and role in ("ego", "someone")
                    and happens
                    and not (explicit and role == "someone")
                ):
                    self.single["task"] = "merge"
                    continue
                self.happenings.put(role, what, (when or self.happenings.time) if happens else {}, happens)
        if not denied:
            self.people.subject, self.happenings.time = who[-1], {}
        self._others(who, whats, tokens, happens)
        last = self.happenings.last
        goes_on_doing = last is not None and who == [last[0]] and not explicit
        self.happenings.done = [*self.happenings.done, *whats] if goes_on_doing else whats

    def _behind(self, who: list[str]) -> list[str]:
        """Whoever runs into us from behind is the follower."""
        if who in (["cars"], ["trucks"]) and "count" not in self.people.agents.get(who[0], {"count": 1}):
            self.people.rename(who[0], "follower")
            return ["follower"]
        return who if who not in ([], ["someone"]) else ["follower"]

    def _others(self, who: list[str], whats: list[str], tokens: list[Token], happens: bool) -> None:
        """후자만: the other of the two does not."""
        for token in tokens:
            if (
                token.type == "that"
                and token.value in ("former", "latter")
                and token.mark.startswith("만")
                and happens
            ):
                for role in self.people.named[-2:]:
                    if role not in who:
                        self.happenings.put(role, whats[0], {}, False)

    def _deny(self, tokens: list[Token], roles: list[str]) -> None:
        """Who is said not to be there."""
        types = {token.type for token in tokens}
        if "without" in types or (types & {"road", "task"} and not roles and "kind" not in types):
            return
        kinds = {token.value for token in tokens if token.type == "kind"} | {
            token.kind for token in tokens if token.type == "role" and token.kind == "truck"
        }
        placed = [role for role in roles if role in ("lead", "follower", *SIDES)]
        if "cut-in" in roles:
            self.happenings.put("someone", "cut-in", {}, False)
        elif placed:
            self.without += placed
            self.people.agents = {
                role: values for role, values in self.people.agents.items() if role not in placed or values
            }
        elif any(token.type == "style" and token.value == "aggressive" for token in tokens):
            several = sum(token.type == "kind" for token in tokens) > 1  # 트럭도 난폭한 차도 없다
            self.without += ["aggressive", "trucks"] if several and "truck" in kinds else ["aggressive"]
        elif "truck" in kinds:
            self.without.append("trucks")
        elif (
            "other" in types
            or "vacant" in types
            or (self.language == "ko" and "no" in types and (kinds or "nobody" in types))
        ):
            self._set("density", "empty")
