"""Who is spoken of: the mentions of a clause as roles; who was named before, and whom words point back to."""

from __future__ import annotations

from typing import Any

from drive_gen.envs.files import InputError
from drive_gen.language.clauses import NAMES, OBJECT, Clause, Mention, void
from drive_gen.language.facts import MOST_COUNT, PLACED
from drive_gen.language.lexicon import STRONG, Token

GROUPS = {"car": "cars", "truck": "trucks"}
COPULAS = (  # what makes a noun a predicate: 트럭이다, 트럭인데, 트럭임
    *("이다", "이고", "이야", "인데", "이며", "입니다", "이에요", "예요", "임", "이었", "이지"),
    *("인", "다", "야", "고", "이라", "이네"),
)
TOPIC = ("은", "는")


class People:
    """The agents so far, and whom the next clause may mean."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.agents: dict[str, dict[str, Any]] = {}
        self.named: list[str] = []  # roles in order of mention
        self.subject: str | None = None
        self.open: str | None = None  # a place that was named without who is there: "ahead of us, a truck"
        self.latest: str | None = None  # whom the last clause named last
        self.fresh: str | None = None  # a group that was only named: "a truck, far ahead"
        self.renamed: list[tuple[str, str]] = []  # roles before and after, for their events

    def add(self, role: str) -> dict[str, Any]:
        """The values of an agent, which is there from now on and was named last."""
        values = self.agents.setdefault(role, {})
        if role in self.named:
            self.named.remove(role)
        self.named.append(role)
        return values

    def values(self, role: str) -> dict[str, Any]:
        """The values of an agent, who need not have been named."""
        return self.agents[role] if role in self.agents else self.add(role)

    def mentions(self, clause: Clause, denied: bool) -> list[Mention]:
        """Whom a clause names, in order; agents come into being by being named, unless denied."""
        found: list[Mention] = []
        for place, token in enumerate(clause.tokens):
            role = self._role_of(clause, place, token, found, denied)
            if role:
                found.append(Mention(place, role, token))
        if not found and not denied:
            self._counted_after(clause)
        self._remember(clause, found, denied)
        return found

    def _counted_after(self, clause: Clause) -> None:
        """A number alone is of the group before it: cars (say five)."""
        numbers = [each for each in clause.tokens if each.type == "count"]
        alone = {each.type for each in clause.tokens} <= {"count", "noise", "label", "rel"}
        if numbers and alone and self.fresh in self.agents and "count" not in self.agents[str(self.fresh)]:
            self._count(clause, len(clause.tokens), self.agents[str(self.fresh)], str(self.fresh))

    def _role_of(
        self, clause: Clause, place: int, token: Token, found: list[Mention], denied: bool
    ) -> str | None:
        if token.type == "role":
            return self._placed(clause, place, token, found, denied)
        if token.type == "ego":
            after = clause.tokens[place + 1].type if place + 1 < len(clause.tokens) else ""
            aside = token.mark.startswith(("와", "랑")) and after in ("distance", "abreast")  # 우리와 나란히
            return None if aside or token.mark.startswith(OBJECT) or token.text.endswith("릴") else "ego"
        if token.type == "someone":
            return "someone"
        if token.type == "that":
            return self.back(token.value)
        if token.type == "rel":
            return None if found else self.latest or self.subject
        if (
            token.type in ("oneof", "them")
            and (group := self.group())
            and not any(each.type == "kind" for each in clause.tokens)
        ):
            if token.type == "them":
                self._count(clause, place, self.agents[group], group)
            return group
        if token.type == "group" and token.text.startswith("oncoming") and len(clause.tokens) == 1:
            return None  # a two-way road
        if token.type == "group" and not found:
            group = self.group()
            if group is None:
                self.add("cars")
            return group or "cars"
        if token.type == "kind" and not denied:
            return self._kind(clause, place, token, found)
        if (
            token.type == "kind"
            and place
            and clause.tokens[place - 1].type == "the"
            and any(each.type == "event" for each in clause.tokens)
        ):
            return self.known(token.value)  # 그 트럭이 급제동하는 일은 없다
        return None

    def _placed(
        self, clause: Clause, place: int, token: Token, found: list[Mention], denied: bool
    ) -> str | None:
        """A role: with its noun, or only a place, which may say how far away somebody is: "60 m behind"."""
        role = str(token.value)
        before = clause.tokens[place - 1] if place else None
        kinds = [each for each in clause.tokens if each.type == "kind"]
        fresh = (
            self.fresh
            and token.kind is None
            and not kinds
            and token.text not in NAMES
            and role not in self.agents
        )
        if (
            token.kind is None
            and before
            and before.type == "distance"
            and before.value != "beside"
            and not denied
            and not kinds
            and before.end == token.start
            and not (fresh and not found)
            and (found or self.subject not in (None, "ego", "someone"))
        ):
            return None
        if void(clause, place):
            return None
        if denied:
            return role
        if fresh and all(each.role == self.fresh for each in found):
            self.rename(str(self.fresh), role)
        values = self.add(role)
        if token.kind == "truck" or (token.kind is None and self._noun_of(clause, place) == "truck"):
            values["kind"] = "truck"
        nouns = [
            number for number, each in enumerate(clause.tokens) if each.type == "kind" and number < place
        ]
        self._count(clause, nouns[-1] if nouns and token.kind is None else place, values, role)
        return role

    def _noun_of(self, clause: Clause, place: int) -> str | None:
        """The kind that belongs to a place: the next one behind it, or the one before."""
        roles = [
            number for number, each in enumerate(clause.tokens) if each.type == "role" and each.kind is None
        ]
        kinds = [number for number, each in enumerate(clause.tokens) if each.type == "kind"]
        own = [
            number
            for number in kinds
            if clause.tokens[min(roles, key=lambda role: (abs(role - number), role > number))].start
            == clause.tokens[place].start
        ]
        values = [clause.tokens[number].value for number in own]
        return "truck" if "truck" in values else values[0] if values else None

    def rename(self, old: str, new: str) -> None:
        """A group of one turns out to have a place."""
        values = self.agents.pop(old, {})
        self.named = [role for role in self.named if role != old]
        if old == "trucks":
            values["kind"] = "truck"
        self.agents[new] = values
        self.renamed.append((old, new))

    def _kind(self, clause: Clause, place: int, token: Token, found: list[Mention]) -> str | None:
        """A car or truck without a place of its own: whose noun it is, or who is meant, or a group."""
        tokens = clause.tokens
        types = {each.type for each in tokens}
        count = self._number(clause, place)
        if self.language == "ko" and place and tokens[place - 1].value == "two-way":
            return None  # 맞은편에서 차가 온다
        pair = [role for role in self.named if role != "ego"][-2:]
        own = {each.role for each in found}
        grouped = set(pair) & set(GROUPS.values())
        if "both" in types and own <= set(pair[1:]) and len(pair) == 2 and not grouped:
            for role in pair:
                self.agents[role] |= {"kind": "truck"} if token.value == "truck" else {}
            return None
        if any(
            each.type == "role" and each.kind is None and not void(clause, number)
            for number, each in enumerate(tokens)
        ):
            return None  # its noun
        if token.text == "one" and not found and not count:
            group, last = self.group(), next((role for role in reversed(self.named) if role in PLACED), None)
            if token.mark != "a" and group:
                return group  # of four trucks, one stops
            if last and "event" not in types and token.mark != "the":
                return last  # a car cuts in, a slow one
        if (
            self.language == "ko"
            and token.mark == "의"
            and place + 1 < len(tokens)
            and tokens[place + 1].type == "role"
        ):
            return None  # 평범한 운전자의 앞차
        target = self._whose(clause, place, token, found, count)
        if target is not None:
            if token.value == "truck" and target not in ("cars", "trucks", "someone"):
                for role in [each.role for each in found] if "both" in types and found else [target]:
                    self.values(role)["kind"] = "truck"
            return None if any(each.role == target for each in found) else target
        cuts = any(each.type == "event" and each.value == "cut-in" for each in tokens)
        if cuts and "oneof" not in types and count <= 1 and all(each.between for each in found):
            values = self.add("cut-in")
            values |= {"kind": "truck"} if token.value == "truck" else {}
            return "cut-in"
        role = GROUPS[token.value]
        loose = (
            not types & {"count", "style", "speed", "abreast", "oneof", "other", "event"} and not token.mark
        )
        if (
            role == "cars"
            and loose
            and types & {"road", "density", "weather", "time", "lanes", "task", "ego"}
        ):
            return None
        self._count(clause, place, self.add(role), role)
        return role

    def _whose(
        self, clause: Clause, place: int, token: Token, found: list[Mention], count: int
    ) -> str | None:
        """Whom a bare noun means who is known: whom we follow, the last named, the one pointed at."""
        if count > 1:
            return None
        return (
            self._followed(clause, place, token)
            or self._last(clause, place, token, found)
            or self._awaited(token, found)
            or self._pointed(clause, place, token, count)
        )

    def _followed(self, clause: Clause, place: int, token: Token) -> str | None:
        """Whom we follow or overtake."""
        tasks = [
            number
            for number, each in enumerate(clause.tokens)
            if each.type == "task" and each.value in ("follow", "overtake")
        ]
        after = clause.tokens[place + 1].text if place + 1 < len(clause.tokens) else ""
        behind = tasks[:1] == [place + 1] and after.startswith(("뒤", "꽁무니"))
        followed = token.mark.startswith(OBJECT) or behind  # 트럭 뒤를 따라간다
        if not tasks or not (tasks[0] < place if self.language == "en" else followed):
            return None
        known = self.known(token.value) if token.mark in ("the", *TOPIC) else None
        if known is None:
            self.add("lead")
        return known or "lead"

    def _last(self, clause: Clause, place: int, token: Token, found: list[Mention]) -> str | None:
        """Who was named just before: the car ahead is a truck."""
        if not found or found[-1].role == "someone" or found[-1].between:
            return None
        if any(each.type == "oneof" for each in clause.tokens):
            return None
        role = found[-1].role
        between = {each.type for each in clause.tokens[found[-1].place + 1 : place]}
        if role in GROUPS.values():
            return role if token.value == "car" and not between & {"event", "task"} else None
        return None if between & {"event", "task", "toward", "count"} else role

    def _awaited(self, token: Token, found: list[Mention]) -> str | None:
        """Whose place was named first, "ahead of us, a truck", or of whom this is said: 트럭이고 빠르다."""
        if found:
            return None
        if self.open:
            role, self.open = self.open, None
            self.add(role)
            return role
        said = token.mark.startswith(COPULAS) and token.mark not in TOPIC
        return self.subject if self.language == "ko" and said and self.subject in (*PLACED, "ego") else None

    def _pointed(self, clause: Clause, place: int, token: Token, count: int) -> str | None:
        """The one of a kind that was named: the truck, 그 트럭; in notes a truck without an article, too."""
        tokens = clause.tokens
        types = {each.type for each in tokens}
        before = place - 1
        while before > 0 and tokens[before].type in ("style", "speed", "distance"):
            before -= 1
        driver = token.text.startswith(("운전자", "기사")) and token.mark and not types & {"event", "no"}
        if driver and self.subject in (*PLACED, "ego"):
            return self.subject  # 운전자도 평범하다
        said = token.mark in ("the", "으로") or (before >= 0 and tokens[before].type == "the")
        note = not token.mark and not token.text.endswith("s") and types & {"event", "speed", "style"}
        topic = token.mark.startswith((*TOPIC, "으로")) and "event" not in types
        if count or not (said or (note if self.language == "en" else topic)):
            return None
        last = next((role for role in reversed(self.named) if role in PLACED), None)
        unsaid = (
            last
            and token.value == "truck"
            and not {"trucks"} & set(self.agents)
            and ("kind" not in self.agents.get(last, {}))
        )
        return self.known(token.value) or (last if said and unsaid else None)

    def known(self, kind: str) -> str | None:
        """The one placed agent of a kind that was named."""
        roles = [
            role
            for role, values in self.agents.items()
            if role in PLACED and values.get("kind", "car") == kind
        ]
        return roles[0] if len(roles) == 1 and GROUPS[kind] not in self.agents else None

    def group(self) -> str | None:
        """The group that was named last."""
        return next((role for role in reversed(self.named) if role in GROUPS.values()), None)

    def back(self, which: str) -> str | None:
        """Whom "it", "the former" or "the latter" means."""
        if which in ("former", "latter") and len(self.named) > 1:
            return self.named[-2] if which == "former" else self.named[-1]
        if self.subject in (None, "ego", "someone") and which == "it":
            return next((role for role in reversed(self.named) if role != "ego"), self.subject)
        return self.subject

    def _number(self, clause: Clause, place: int) -> int:
        """How many a noun is said to be: the number before it, in Korean also behind it; 0 for none."""
        tokens = clause.tokens
        if self.language == "ko":
            for each in tokens[place + 1 :]:
                if each.type == "count":
                    return int(each.value)
                if each.type in ("kind", "role", "ego"):
                    break
        for number in range(place - 1, -1, -1):
            each = tokens[number]
            if each.type == "count" and not (
                self.language == "ko" and number and tokens[number - 1].type == "kind"
            ):
                return int(each.value)
            if each.type in ("kind", "role", "ego", "event"):
                break
        return 0

    def _count(self, clause: Clause, place: int, values: dict[str, Any], role: str) -> None:
        number = self._number(clause, place)
        if number < 2 or role in ("ego", "cut-in"):
            return
        if number > MOST_COUNT:
            raise InputError(f"{number} {role} are asked for; there can be 1 to {MOST_COUNT}")
        values["count"] = number

    def _remember(self, clause: Clause, found: list[Mention], denied: bool) -> None:
        """What the next clauses of the sentence may complete."""
        types = {each.type for each in clause.tokens}
        self.fresh = None
        if found:
            self.latest = found[-1].role
        placed = [each for each in clause.tokens if each.type == "role" and each.kind is None]
        if denied or clause.end == STRONG:
            self.open = None
        elif types == {"ego"}:
            self.open = "ego"  # we, a careful driver, ...
        elif placed and found and "kind" not in types and "event" not in types:
            self.open = found[-1].role if found[-1].role in PLACED else None
        lone = not types & {"task", "oneof", "abreast"} and all(
            each.value == 1 for each in clause.tokens if each.type == "count"
        )
        if found and found[-1].role in GROUPS.values() and lone and not denied and len(found) == 1:
            self.fresh = found[-1].role if "count" not in self.agents.get(found[-1].role, {}) else None
