"""How somebody drives: style, speed, distance and being abreast, each of the one that it is said of."""

from __future__ import annotations

from typing import Any

from drive_gen.envs.files import InputError
from drive_gen.language.clauses import MODIFIERS, PREDICATES, Mention
from drive_gen.language.facts import PLACED
from drive_gen.language.lexicon import Token
from drive_gen.language.people import People
from drive_gen.language.tokens_ko import adnominal

SIDES = ("left", "right")
OUR_CAR = ("우리차뒤", "우리차앞", "내차뒤", "내차앞", "자차뒤", "자차앞")


class Manners:
    """What is said of the people, beyond who they are."""

    def __init__(self, language: str, people: People) -> None:
        self.language, self.people = language, people
        self.loose: dict[str, Any] = {}  # said before whom it is of
        self.measured: set[tuple[str, str]] = set()  # what was said by a number
        self.fixing = False  # whether what is said corrects what was said

    def describe(
        self, tokens: list[Token], mentions: list[Mention], subjects: list[str], denied: bool, stopped: bool
    ) -> None:
        """Each word of the one that it stands by; of what is denied only what describes a noun.

        stopped: whether the last event was a stop, of which "gently" is said, not of the driver.
        """
        for place, token in enumerate(tokens):
            gently = stopped and token.text.startswith(("gent", "soft"))
            if token.type not in MODIFIERS or gently:
                continue
            if denied and not (self.language == "ko" and adnominal(token)):
                continue
            value = True if token.type == "abreast" else token.value
            measured = any(letter.isdigit() for letter in token.text)
            for target in self._targets(place, token, tokens, mentions, subjects):
                if target in (None, "someone"):
                    self.loose[token.type] = value
                else:
                    self._modify(str(target), {token.type: value}, measured)
        if subjects and subjects[-1] != "someone":
            self.people.subject = subjects[-1]
            if self.loose and subjects[0] != "ego":
                self._modify(subjects[0], self.loose)
                self.loose = {}

    def _targets(
        self, place: int, token: Token, tokens: list[Token], mentions: list[Mention], subjects: list[str]
    ) -> list[str | None]:
        """Of whom a modifier is said: the noun that it stands before, else who was named before it."""
        people = self.people
        after = place + 1
        while after < len(tokens) and (
            tokens[after].type in (*MODIFIERS, "count", "the", "oneof")
            or (tokens[after].type == "kind" and tokens[after].mark == "의")
        ):
            after += 1
        following = next((each for each in mentions if each.place == after), None)
        before = [each for each in mentions if each.place < place]
        if following and tokens[after].text.startswith(OUR_CAR) and adnominal(token):
            return ["ego"]  # 조심스러운 우리 차 뒤에
        if following and following.role in subjects and len(subjects) > 1:
            return list(subjects)
        if (
            following
            and following.role != "ego"
            and (
                adnominal(token)
                if self.language == "ko"
                else bool(token.mark and token.end == tokens[after].start)
                or not (
                    before
                    and not any(each.type in PREDICATES for each in tokens[before[-1].place + 1 : place])
                    and before[-1].role in (*PLACED, "ego")
                    and following.role in PLACED
                )
            )
        ):
            return [following.role]
        if (
            mentions
            and place < mentions[0].place
            and self.language == "ko"
            and (token.type != "distance" or mentions[0].role in PLACED)
        ):
            return [mentions[0].role]
        if len(subjects) > 1:
            return list(subjects)
        if before:
            nearest = before[-1]
            return [nearest.role if not nearest.object or self.language == "en" else before[0].role]
        if (mentions and token.type != "distance") or (mentions and mentions[0].role in PLACED):
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
