"""Tokens that mean something else in their company: a stop that is a state, a turn that is a lane change."""

from __future__ import annotations

import re

from drive_gen.language.clauses import NAMES
from drive_gen.language.lexicon import Token

GOES = re.compile(r"(?:go|goes|going|head|heading|heads) (?:left|right)")


def english(tokens: list[Token]) -> list[Token]:
    """What English words mean together."""
    places = [token.text for token in tokens if token.type == "role" and token.kind is None]
    if [token.text for token in tokens] == ["neither", *places] and not set(places) & set(NAMES):
        return [token._replace(type="no") if token.type == "not" else token for token in tokens]
    return rounds(no_truck(followed(none_of(stops(still(tokens))))))


def korean(tokens: list[Token]) -> list[Token]:
    """What Korean words mean together."""
    return nobody_there(trailing(truck_that_is(between(one_car(not_so(stood(still(tokens))))))))


def one_car(tokens: list[Token]) -> list[Token]:
    """ "차 한 대가" is a car, not one of those that were named."""
    return [
        token._replace(type="count", value=1)
        if token.type == "oneof"
        and token.text.startswith(("한데", "하나"))
        and place
        and tokens[place - 1].type == "kind"
        and not tokens[place - 1].mark
        and tokens[place - 1].end == token.start
        else token
        for place, token in enumerate(tokens)
    ]


def not_so(tokens: list[Token]) -> list[Token]:
    """ "난폭한 건 아니다" says nothing of how somebody drives."""
    out: list[Token] = []
    for token in tokens:
        last = out[-1] if out else token
        manner = last.type in ("style", "speed") and last.mark.endswith(("건", "것은", "거는", "게"))
        if manner and token.type == "not" and token.text.startswith(("아니", "아님", "아닌", "아닙")):
            out.pop()
        else:
            out.append(token)
    return out


def between(tokens: list[Token]) -> list[Token]:
    """앞차와 우리 사이로: neither does anything."""
    ends = [place for place, token in enumerate(tokens) if token.mark.startswith("사이")]
    if not ends:
        return tokens
    apart = range(max(ends[0] - 1, 0), ends[0] + 1)
    return [token._replace(mark="를") if place in apart else token for place, token in enumerate(tokens)]


def truck_that_is(tokens: list[Token]) -> list[Token]:
    """트럭인 자차: the noun is said of the one behind it."""
    out = list(tokens)
    for place, token in enumerate(tokens[:-1]):
        after = tokens[place + 1]
        if token.type == "kind" and token.mark == "인" and after.type in ("ego", "role"):
            out[place], out[place + 1] = after, token._replace(mark="")
    return out


def trailing(tokens: list[Token]) -> list[Token]:
    """앞 트럭을 뒤따르는: we follow it."""
    return [
        token._replace(type="task", value="follow")
        if token.value == "follower"
        and token.kind is None
        and token.text.startswith(("뒤따", "뒤쫓", "쫓아", "따라"))
        and place
        and tokens[place - 1].type in ("role", "kind", "that")
        and tokens[place - 1].mark.startswith(("을", "를"))
        else token
        for place, token in enumerate(tokens)
    ]


def nobody_there(tokens: list[Token]) -> list[Token]:
    """앞에 아무도 없는 is said of that place; 나갈 차는 우리뿐 of who leaves."""
    types = {token.type for token in tokens}
    aside = [token for token in tokens if token.type == "role"]
    out = []
    for token in tokens:
        empty = token.type == "density" and token.value == "empty"
        if empty and token.text.startswith("아무도없") and any(each.end <= token.start for each in aside):
            token = token._replace(type="no")
        elif empty and token.text.endswith("뿐") and "task" in types:
            continue
        out.append(token)
    return out


def followed(tokens: list[Token]) -> list[Token]:
    """The truck (that) we follow is the lead; a car that we are "followed by" is the follower."""
    out: list[Token] = []
    for place, token in enumerate(tokens):
        behind = [each for each in tokens[place + 1 : place + 4] if each.type != "rel"][:2]
        if (
            token.type == "kind"
            and [each.type for each in behind] == ["ego", "task"]
            and behind[1].value in ("follow", "overtake")
            and behind[0].start - token.end < 2
        ):
            token = token._replace(type="role", value="lead", kind=token.value)
        if token.type == "passive":
            if not any(each.type in ("kind", "that", "someone") for each in tokens[place + 1 :]):
                continue  # a crash, followed by another
            token = token._replace(type="role", value="follower")
        out.append(token)
    return out


def no_truck(tokens: list[Token]) -> list[Token]:
    """Who "is not a truck" is a car."""
    if "there" in {token.type for token in tokens}:
        return tokens
    drop: set[int] = set()
    for place, token in enumerate(tokens[:-1]):
        noun = tokens[place + 1]
        if token.type == "not" and token.text.endswith("not") and noun.type == "kind" and noun.mark == "a":
            drop |= {place, place + 1}
    return [token for place, token in enumerate(tokens) if place not in drop]


def stood(tokens: list[Token]) -> list[Token]:
    """멈춘 차, without a time: how it stands. 트럭이 아닌: a car."""
    types = {token.type for token in tokens}
    out: list[Token] = []
    for place, token in enumerate(tokens):
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        whose = after is not None and after.type in ("kind", "role") and not types & {"at_s", "when"}
        if whose and token.type == "event" and token.text in ("멈춘", "정지한", "선", "정차한", "멈춰선"):
            token = token._replace(type="speed", value="stopped")
        if out and token.type == "not" and token.text.startswith("아니") and out[-1].type == "kind":
            out.pop()
            continue
        out.append(token)
    return out


def rounds(tokens: list[Token]) -> list[Token]:
    """Who goes round a roundabout overtakes nobody."""
    somebody = ("kind", "role", "that", "them", "group")
    return [token for place, token in enumerate(tokens)
            if not (token.type == "task" and token.text.endswith("round")
                    and not any(each.type in somebody for each in tokens[place + 1 : place + 4]))]


def none_of(tokens: list[Token]) -> list[Token]:
    """None of the trucks brakes: the trucks do not."""
    for place, token in enumerate(tokens[:-1]):
        after = tokens[place + 1]
        if (
            token.type in ("none", "nobody", "neither", "not", "no")
            and token.text.split(" ")[-1] in ("none", "neither", "one")
            and after.type == "kind"
            and after.start == token.end + 1
            and any(each.type == "event" for each in tokens)
        ):
            return [*tokens[:place], after, Token("not", text="not"), *tokens[place + 2 :]]
    return tokens


def neither_of(tokens: list[Token]) -> list[Token]:
    """Neither of them does: both do not."""
    out: list[Token] = []
    for token in tokens:
        pair = token.type == "nobody" and token.text in ("neither of them", "none of them")
        out += [token._replace(type="both"), token._replace(type="not", text="not")] if pair else [token]
    return out


def still(tokens: list[Token]) -> list[Token]:
    """ "앞차 정지", without a time, is how it stands, not what it does."""
    types = {token.type for token in tokens}
    if any(token.mark == "도" for token in tokens):
        return tokens  # 뒤차도 정지
    if types & {"when", "at_s", "no", "nobody", "none", "not"} or not types & {"role", "ego", "kind", "both"}:
        return tokens
    return stands(tokens)


def stands(tokens: list[Token]) -> list[Token]:
    """정지, in notes, as a state."""
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
    again = types <= {"role", "also", "noise", "rel"}  # ..., then back to the right
    if not (again or types & {"at_s", "when"}) or types & {"kind", "event", "ego"}:
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
