"""What is seen, in words and back: one canonical, short way to say it in English and in Korean.

A caption is a row of symbols of a closed list, the same in both languages: the road; our car; who is ahead,
behind, left and right; who else; what happened, in order, and why; what nobody did. So it is read exactly,
and a decoder can be kept to its grammar, `next_symbols`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby, pairwise

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.language.caption_words import END, SYMBOLS, WORDS, Symbol
from drive_gen.language.causes import Cause
from drive_gen.language.facts import PHASES, Agent, Event, Facts
from drive_gen.language.sight import LOOKED_FOR, Seen

PLACES = ("lead", "follower", "left", "right")
GROUPS = ("cars", "trucks")
STARTS = ("road", "place", "group", "phase", "nobody", "end")  # symbols that begin a part
OF = {kind: tuple(value for each, value in SYMBOLS if each == kind) for kind, _ in SYMBOLS}
BANS = {"lane-left": "lane-change", "lane-right": "lane-change", "cut-in": "lane-change"}
EXPLAINED = ("brake", "lane-left", "lane-right", "stop", "crash")


def say_seen(seen: Seen, language: str = "en") -> str:
    """The caption; `seen_of_caption` reads the same back."""
    check_choice(language, tuple(WORDS), "language")
    return "".join(WORDS[language][symbol] for symbol in symbols_of(seen))


def seen_of_caption(text: str, language: str | None = None) -> Seen:
    """What a caption says; an InputError where it is none."""
    if language is None:
        language = "ko" if any("\uac00" <= letter <= "\ud7a3" for letter in text) else "en"
    check_choice(language, tuple(WORDS), "language")
    return seen_of_symbols(symbols_in(text.strip(), language))


def symbols_in(text: str, language: str) -> list[Symbol]:
    """A caption cut into its symbols; of two that fit, the one that the grammar allows, then the longest."""
    symbols: list[Symbol] = []
    while text:
        fitting = [symbol for symbol in next_symbols(tuple(symbols))
                   if text.startswith(WORDS[language][symbol])]
        if not fitting:
            raise InputError(f"no caption: after {_tail(symbols, language)!r} comes {text[:30]!r}")
        symbols.append(max(fitting, key=lambda symbol: len(WORDS[language][symbol])))
        text = text[len(WORDS[language][symbols[-1]]) :]
    return symbols


def _tail(symbols: Sequence[Symbol], language: str) -> str:
    return "".join(WORDS[language][symbol] for symbol in symbols)[-20:]


def symbols_of(seen: Seen) -> list[Symbol]:
    """A caption's symbols."""
    facts = seen.facts
    said: list[Symbol] = [("road", str(facts.road)), ("lanes", str(facts.lanes)),
                          ("density", str(facts.density))]
    for role in ("ego", *PLACES):
        agent = facts.agent(role)
        said += [("place", role), ("kind", agent.kind if agent else "nobody")]
        if agent:
            said += [("speed", str(agent.speed))] + ([("distance", agent.distance)] if agent.distance else [])
    for role in ("cars", "trucks"):
        if group := facts.agent(role):
            said += [("group", role), ("count", str(group.count))] + [("abreast", "")] * group.abreast
    if "trucks" in facts.without:
        said.append(("group", "no trucks"))
    reasons = {(cause.who, cause.what): cause for cause in seen.why}
    for event in sorted((each for each in facts.events if each.happens), key=_order):
        said += [("phase", str(event.when)), ("who", event.who), ("what", event.what)]
        if cause := reasons.get((event.who, event.what)):
            said += [("by", cause.by), ("did", cause.did)]
    return [*said, *(("nobody", each.what) for each in facts.events if not each.happens), END]


def seen_of_symbols(symbols: Sequence[Symbol]) -> Seen:
    """What a caption's symbols say."""
    road, agents, without, events, why = dict[str, str](), [], [], [], []
    for part in _parts(symbols):
        values = dict(part)
        begins = part[0][0]
        if begins == "road":
            road = values
        elif begins == "place" and values["kind"] == "nobody":
            without.append(values["place"])
        elif begins == "place":
            agents.append(Agent(values["place"], values["kind"], speed=values["speed"],  # type: ignore[arg-type]
                                distance=values.get("distance")))  # type: ignore[arg-type]
        elif begins == "group" and values["group"] == "no trucks":
            without.append("trucks")
        elif begins == "group":
            agents.append(Agent(values["group"], count=int(values["count"]),  # type: ignore[arg-type]
                                abreast="abreast" in values))
        elif begins == "phase":
            events.append(Event(values["who"], values["what"], when=values["phase"]))  # type: ignore[arg-type]
            if "by" in values:
                why.append(Cause(values["who"], values["what"], values["by"], values["did"]))
        elif begins == "nobody":
            events.append(Event("someone", values["nobody"], happens=False))  # type: ignore[arg-type]
    facts = Facts(road.get("road"), int(road["lanes"]), road["density"],  # type: ignore[arg-type]
                  agents=tuple(agents), without=tuple(without), events=tuple(events))  # type: ignore[arg-type]
    return Seen(facts, tuple(sorted(why)))


def _parts(symbols: Sequence[Symbol]) -> list[list[Symbol]]:
    """Cut before every symbol that begins a part; all must be there up to the end."""
    if not symbols or symbols[-1] != END:
        raise InputError("no whole caption: its end is missing")
    starts = iter(range(len(symbols)))
    number = [next(starts) if symbol[0] in STARTS else -1 for symbol in symbols]
    last, places = 0, []
    for place in number:
        last = place if place >= 0 else last
        places.append(last)
    return [[symbol for _, symbol in group]
            for _, group in groupby(zip(places, symbols, strict=True), key=lambda each: each[0])]


def _order(event: Event) -> tuple[int, int, int]:
    return PHASES.index(str(event.when)), OF["who"].index(event.who), OF["what"].index(event.what)


@lru_cache(maxsize=100_000)
def next_symbols(said: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """Which symbols may follow: those of a caption that says everything in its order and nothing twice.

    Whether there are no trucks, and what nobody does, follows from the rest.
    """
    if not said:
        return _all("road")
    kind, value = said[-1]
    values = dict(said)  # the last of each kind
    if kind in ("road", "lanes"):
        return _all({"road": "lanes", "lanes": "density"}[kind])
    if kind == "place":
        return _kinds(said, value)
    if kind == "kind" and value != "nobody":
        return _all("speed")
    if kind == "speed" and values["place"] != "ego":
        return tuple(symbol for symbol in _all("distance")
                     if symbol[1] != "beside" or values["place"] in ("left", "right"))
    if kind == "group" and value != "no trucks":
        return _all("count")
    if kind == "phase":
        return _choices(said, 1, phase=value)
    if kind == "who":
        return _choices(said, 2, phase=values["phase"], who=value)
    if kind == "by":
        return _all("did")
    more: tuple[Symbol, ...] = ()
    if kind == "count" and value != "1":
        more = _all("abreast")
    if kind == "what" and value in EXPLAINED:
        more = tuple(("by", who) for who in _here(said))
    return () if kind == "end" else more + _next_parts(said)


def _all(kind: str) -> tuple[Symbol, ...]:
    return tuple((kind, value) for value in OF[kind])


def _kinds(said: tuple[Symbol, ...], place: str) -> tuple[Symbol, ...]:
    """Our car is there; on an empty road nobody else is."""
    if place == "ego":
        return ("kind", "car"), ("kind", "truck")
    return (("kind", "nobody"),) if ("density", "empty") in said else _all("kind")


def _next_parts(said: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """How the next part may begin."""
    places = [value for kind, value in said if kind == "place"]
    if len(places) < len(OF["place"]):
        return (("place", OF["place"][len(places)]),)
    found: list[Symbol] = []
    begun = next(kind for kind, _ in reversed(said) if kind in STARTS)
    known = {value for kind, value in said if kind == "group"}
    if begun in ("place", "group"):
        found += [("group", name) for name in GROUPS
                  if ("density", "empty") not in said and not known & {name, "trucks", "no trucks"}]
        if ("kind", "truck") not in _others(said) and not known & {"trucks", "no trucks"}:
            return (*found, ("group", "no trucks"))
    if begun != "nobody":
        found += _choices(said, 0)
    done = {value for kind, value in said if kind == "what"}
    done |= {BANS[what] for what in done if what in BANS}
    done |= {value for kind, value in said if kind == "nobody"}
    left: list[Symbol] = [("nobody", what) for what in LOOKED_FOR if what not in done]
    return (*found, *(left[:1] or [END]))


def _others(said: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """What is said of those who are not us: our own car's part is the second."""
    return said[said.index(("place", "ego")) + 2 :]


def _here(said: tuple[Symbol, ...]) -> list[str]:
    """Who is there and may do something."""
    here = ["ego"] + [place for (_, place), (_, kind) in pairwise(said)
                      if place in PLACES and kind != "nobody"]
    return here + [value for kind, value in said if kind == "group" and value != "no trucks"]


def _choices(said: tuple[Symbol, ...], place: int, **chosen: str) -> tuple[Symbol, ...]:
    """Phases, doers or deeds of events that may still be said: in order of time, who and what, each once."""
    left = [event for event in events_left(said) if chosen.get("phase", event[0]) == event[0]
            and chosen.get("who", event[1]) == event[1]]
    kind = ("phase", "who", "what")[place]
    return tuple((kind, value) for value in dict.fromkeys(event[place] for event in left))


@lru_cache(maxsize=100_000)
def events_left(said: tuple[Symbol, ...]) -> tuple[tuple[str, str, str], ...]:
    """Phase, doer and deed of each event that may still be said, in the order in which they would be."""
    events = _events(said)
    last = max((_rank(event) for event in events), default=(-1, -1, -1))
    known = {event[1:] for event in events}
    return tuple((phase, who, what) for phase in OF["phase"] for who in _here(said) for what in OF["what"]
                 if (who, what) not in known and _rank((phase, who, what)) > last
                 and (who, what) != ("ego", "cut-in"))


def _events(said: tuple[Symbol, ...]) -> list[tuple[str, str, str]]:
    found = []
    for number, (kind, value) in enumerate(said):
        if kind == "what":
            found.append((said[number - 2][1], said[number - 1][1], value))
    return found


def _rank(event: tuple[str, str, str]) -> tuple[int, int, int]:
    phase, who, what = event
    return OF["phase"].index(phase), OF["who"].index(who), OF["what"].index(what)
