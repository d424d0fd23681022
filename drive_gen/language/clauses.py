"""Tokens -> clauses: cut at marks and joining words, before a new subject, around what is denied."""

from __future__ import annotations

from typing import NamedTuple

from drive_gen.language.lexicon import AND, COMMA, JOIN, STRONG, Token
from drive_gen.language.tokens_ko import adnominal

MODIFIERS = ("style", "speed", "distance", "abreast")
PREDICATES = (*MODIFIERS, "event", "task", "toward", "does")
SUBJECTS = ("role", "ego", "someone", "that", "oneof")
NAMES = ("lead", "follower", "leader", "left", "right", "left one", "right one")  # roles' names, not places
NOMINAL = {"event", "kind", "style", "role", "count", "other"}  # what "or" may go on denying
AND_MARKS = ("와", "과", "랑", "이랑", "하고", "도", "이나", "나", "및", "는물론", "은물론")
JOINED = ("와", "과", "랑", "하고", "도", "나")  # a Korean noun that goes on with the next
OBJECT = ("을", "를", "한테", "에게", "앞으로", "쪽으로", "보다")  # a Korean object's marks


class Clause(NamedTuple):
    """Tokens that are said of one subject, and what ended them: STRONG, COMMA or JOIN."""

    tokens: list[Token]
    end: str


def clauses(found: list[Token], language: str) -> list[Clause]:
    """The clauses of a text, in order."""
    cut: list[Clause] = []
    now: list[Token] = []
    denied: list[Token] = []
    for token in found:
        if (
            token.type == "sep"
            and token.value == COMMA
            and language == "en"
            and now
            and now[0].mark
            and all(each.type in ("style", "speed") for each in now)
        ):
            continue  # a fast, pushy one
        if token.type not in ("sep", "or"):
            now.append(token._replace(type="not") if token.type == "neither" else token)
            continue
        if now or token.type == "or":
            cut.append(Clause([*denied, *now], AND if token.type == "or" else token.value))
        elif cut and token.value != COMMA and cut[-1].end != STRONG:
            cut[-1] = cut[-1]._replace(end=token.value)
        denied, now = _still_denied(cut) if token.type == "or" else [], []
    cut.append(Clause([*denied, *now], STRONG))
    split = _split_english if language == "en" else _split_korean
    return [each for clause in cut if clause.tokens for each in split(clause)]


def _still_denied(cut: list[Clause]) -> list[Token]:
    """What the part before an "or" denied; of "no X, Y or Z" the Y is denied, too."""
    for back in range(len(cut) - 1, -1, -1):
        denials = [
            Token("no", text="no") if token.type == "without" else token
            for token in cut[back].tokens
            if token.type in ("no", "nobody", "not", "without")
        ]
        if denials:
            for place in range(back + 1, len(cut)):
                cut[place] = cut[place]._replace(tokens=[denials[0], *cut[place].tokens])
            return denials[:1]
        if (cut[back].end == STRONG and back < len(cut) - 1) or not {
            token.type for token in cut[back].tokens
        } <= NOMINAL:
            return []
    return []


def _split_english(clause: Clause) -> list[Clause]:
    parts: list[list[Token]] = [[]]
    for place, token in enumerate(clause.tokens):
        now = parts[-1]
        types = {each.type for each in now}
        if _next_group(clause.tokens, place, now):
            parts.append([token])
            continue
        if token.type == "none" and not types - {"label"}:
            token = token._replace(type="no")  # nothing behind us
        if token.type == "no" and token.text == "no" and token is clause.tokens[-1] and "event" in types:
            token = token._replace(type="none")  # crash: no
        if token.type == "label" and "kind" in types and _counts(clause.tokens, token):
            parts.append([])  # trucks: five of them
            continue
        if token.type == "label" and (types & {"not"} or (types & set(PREDICATES) and types & set(SUBJECTS))):
            parts.append([])
            continue
        if token.type == "scrap" or (
            token.type in ("rel", "no", "nobody", "except")
            and types & {*PREDICATES, "road", "weather", "time", "density", "lanes", "kind", "none", "vacant"}
        ):
            parts.append([token])
        elif _begins_english(token, now):
            parts.append([*_taken_along(now), token])
        else:
            now.append(token)
        if token.type == "none":
            parts.append([])
    return _clauses_of(parts, clause.end)


def _next_group(tokens: list[Token], place: int, now: list[Token]) -> bool:
    """In notes, whether a number begins another group: 5 cars slow | 1 truck fast."""
    after = tokens[place + 1].type if place + 1 < len(tokens) else ""
    return (
        tokens[place].type == "count"
        and after in ("kind", "style", "speed")
        and [each.type for each in now[-2:]] in (["kind", "speed"], ["kind", "style"])
        and any(each.type == "kind" for each in tokens[place + 1 :])
    )


def _counts(tokens: list[Token], label: Token) -> bool:
    """Whether a number of "them" follows a colon."""
    after = tokens[tokens.index(label) + 1 :]
    return [each.type for each in after[:2]] == ["count", "them"]


def _begins_english(token: Token, now: list[Token]) -> bool:
    """Whether a subject that has its predicate is followed by another subject."""
    subject = next((place for place, each in enumerate(now) if each.type in SUBJECTS), None)
    if subject is None or token.type not in (*SUBJECTS, "count", "someone"):
        return False
    said = [each for each in now[subject + 1 :] if each.type in (*PREDICATES, "none")]
    before = now[-1]
    if not said or (before.type == "task" and before.value in ("follow", "overtake")):
        return False
    if token.type == "count" or (token.type == "role" and token.kind is None and token.text not in NAMES):
        return False  # a place: 60 m behind us
    return not (
        before.type == "event"
        and before.value in ("crash", "cut-in")
        and now[subject].type != "that"
        and before.end == token.start
    )


def _taken_along(now: list[Token]) -> list[Token]:
    """The adjectives before a new subject, if the old one has another predicate."""
    place = len(now)
    while place and now[place - 1].type in (*MODIFIERS, "count") and now[place - 1].type != "distance":
        place -= 1
    kept = now[:place]
    if place == len(now) or not any(each.type in PREDICATES for each in kept):
        return []
    taken = now[place:]
    del now[place:]
    return taken


def _split_korean(clause: Clause) -> list[Clause]:
    parts: list[list[Token]] = [[]]
    for token in clause.tokens:
        now = parts[-1]
        if token.type == "scrap" or _begins_korean(token, now):
            parts.append([token])
        else:
            now.append(token)
        if (
            token.type == "no"
            and len(now) > 2
            and now[-2].type == "event"
            and any(each.type in PREDICATES for each in now[:-2])
            and not all(each.mark.startswith(AND_MARKS) for each in now[:-2] if each.type in PREDICATES)
        ):
            parts[-1:] = [now[:-2], now[-2:]]  # 우리 추월 | 사고 없이
        roles = [place for place, each in enumerate(parts[-1]) if each.type == "role"]
        if (
            token.type == "no"
            and len(roles) > 1
            and not any(
                (parts[-1][place].text + parts[-1][place].mark).endswith(JOINED)
                or parts[-1][place].start == parts[-1][roles[-1]].start
                for place in roles[:-1]
            )
        ):
            parts[-1:] = [parts[-1][: roles[-1]], parts[-1][roles[-1] :]]  # 앞차 트럭 | 뒤차 없음
        if token.type == "no" or (
            token.type == "not" and (token.text.endswith("고") or token.mark.startswith(("게", "도록")))
        ):
            parts.append([])
    return _clauses_of(parts, clause.end)


def _begins_korean(token: Token, now: list[Token]) -> bool:
    """As in English; words that describe what follows them (느린, 급정거하는) are no predicates yet."""
    if token.type not in ("role", "ego", "someone", "nobody") or token.mark.startswith(OBJECT):
        return False
    if token.type == "role" and token.kind is None:
        return False
    subject = next((place for place, each in enumerate(now) if each.type in (*SUBJECTS, "kind")), None)
    if subject is None:
        return False
    said = [each for each in now[subject + 1 :] if each.type in (*PREDICATES, "not")]
    return bool(said) and not adnominal(said[-1])


def _clauses_of(parts: list[list[Token]], end: str) -> list[Clause]:
    kept = [part for part in parts if part]
    return [Clause(part, JOIN if place < len(kept) - 1 else end) for place, part in enumerate(kept)]


class Mention:
    """A token of a clause that stands for somebody."""

    def __init__(self, place: int, role: str, token: Token) -> None:
        self.place, self.role = place, role
        self.object = token.mark.startswith(OBJECT)
        also = token.type == "ego" and token.text.endswith("도")  # 우리도 앞차도
        self.joined = also or token.mark.startswith(AND_MARKS)
        self.between = token.mark == "를" and not token.text.endswith("를")


def kind_follows(clause: Clause, place: int) -> bool:
    """Whether a Korean place has its noun right behind it: 고속도로 전방 트럭."""
    after = clause.tokens[place + 1] if place + 1 < len(clause.tokens) else None
    return after is not None and after.type == "kind" and clause.tokens[place].text.startswith(("전방", "앞"))


def void(clause: Clause, place: int) -> bool:
    """Whether a place is nobody's: a U-turn ahead; squeezes in ahead of us; 우리 앞으로."""
    token, before = clause.tokens[place], clause.tokens[place - 1] if place else None
    if token.kind is not None:
        return False
    if (
        token.value == "follower"
        and token.text.startswith("뒤")
        and any(each.type == "task" and each.value == "follow" for each in clause.tokens)
    ):
        return True  # 30미터 뒤에서 따라간다
    near = before is not None and before.end == token.start
    return token.mark.startswith("으로") or (
        near
        and before is not None
        and (
            (before.type == "road" and not kind_follows(clause, place))
            or (before.type == "event" and before.value == "cut-in" and token.value == "lead")
        )
    )
