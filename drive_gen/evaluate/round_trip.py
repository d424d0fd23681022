"""A request, driven, filmed and described: which of its facts come back, and where the others are lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.language.agree import LATE_S, agreement
from drive_gen.language.facts import PLACED, Agent, Event, Facts
from drive_gen.language.parse import facts_of_text
from drive_gen.language.realise import TRIES, realise
from drive_gen.language.sight import Seen, Sight, seen_of

STAGES = ("understood", "holds when driven", "in an exact caption", "in the film's caption")
CHANGES = ("lane-left", "lane-right", "cut-in")
Describe = Callable[[Episode], Seen]


@dataclass(frozen=True)
class Trip:
    """One request: for each of its slots that a caption can hold, at which stages it was still right."""

    slots: dict[str, tuple[bool, ...]]  # one for each of STAGES


class Trips:
    """Requests on their way; those that ask for the same are driven once."""

    def __init__(self, describe: Describe, sight: Sight, tries: int = TRIES) -> None:
        self.describe, self.sight, self.tries = describe, sight, tries
        self.known: dict[Facts, tuple[Episode, Seen, Seen]] = {}

    def take(self, text: str, wanted: Facts, language: str, seed: int) -> Trip:
        """Text -> facts -> scenario -> episode -> caption, and what of `wanted` is left at every stage."""
        try:
            read = facts_of_text(text, language)
        except InputError:
            return Trip({slot: (False,) * len(STAGES) for slot in visible(wanted)})
        if read not in self.known:
            try:
                episode = realise(read, seed, text, self.tries).episode
            except InputError:  # no room for it on such a road
                return Trip({slot: (_same(slot, wanted, read), *(False,) * 3) for slot in visible(wanted)})
            self.known[read] = episode, seen_of(episode, self.sight), self.describe(episode)
        episode, exact, said = self.known[read]
        driven = agreement(wanted, episode)
        by_rule, by_film = in_caption(wanted, exact), in_caption(wanted, said)
        return Trip({slot: (_same(slot, wanted, read), driven[slot], by_rule[slot], by_film[slot])
                     for slot in visible(wanted)})


def visible(wanted: Facts) -> list[str]:
    """The slots of a request that a caption can hold."""
    return list(in_caption(wanted, Seen(Facts())))


def in_caption(wanted: Facts, seen: Seen) -> dict[str, bool]:
    """Slot -> whether a caption says so, by the rules of `agreement`.

    Left out is what no caption says: looks, tasks, styles, a group's speed, and how many are in one place.
    """
    said = seen.facts
    found = {name: getattr(said, name) == getattr(wanted, name) for name in ("road", "lanes", "density")
             if getattr(wanted, name) is not None}
    found |= {f"without.{name}": name in said.without for name in wanted.without if name != "aggressive"}
    for agent in wanted.agents:
        found |= _group(agent, wanted, said) if agent.role in ("cars", "trucks") else _one(agent, said)
    return found | {f"{event.who}.{event.what}": _happens(event, said) for event in wanted.events}


def _same(slot: str, wanted: Facts, read: Facts) -> bool:
    return read.slots().get(slot) == wanted.slots()[slot]


def _one(agent: Agent, said: Facts) -> dict[str, bool]:
    there = said.agent(agent.role)
    if agent.role == "cut-in":
        sides = [each for each in said.agents if each.role in ("left", "right")]
        there = next((each for each in sides if each.kind == agent.kind), None)
    found = {f"{agent.role}.kind": there is not None and there.kind == agent.kind}
    return found | {f"{agent.role}.{name}": there is not None and getattr(there, name) == getattr(agent, name)
                    for name in ("speed", "distance") if getattr(agent, name) is not None}


def _group(agent: Agent, wanted: Facts, said: Facts) -> dict[str, bool]:
    """A group is all of its kind who have no place that the request names."""
    rest = said.agent(agent.role)
    unnamed = [each for each in said.agents if each.role in PLACED and not wanted.agent(each.role)]
    count = (rest.count if rest else 0) + sum(each.kind == agent.kind for each in unnamed)
    more = wanted.density is not None or any(
        event.who in ("someone", "cut-in") or event.what == "crash" for event in wanted.events) or any(
        each.count > 1 and each.role in PLACED for each in wanted.agents)
    found = {f"{agent.role}.count": count >= agent.count if more else count == agent.count}
    return found | ({f"{agent.role}.abreast": rest is not None and rest.abreast} if agent.abreast else {})


def _happens(event: Event, said: Facts) -> bool:
    done = [each for each in said.events if each.happens and _meant(event.who, each.who, said)
            and (each.what == event.what or (event.what == "lane-change" and each.what in CHANGES))]
    if not event.happens:
        return not done
    return any(each.when in _phases(event) for each in done)


def _phases(event: Event) -> set[str | None]:
    """The parts of a clip in which it may be seen to happen."""
    if event.at_s is None:
        return {event.when} if event.when else {"early", "mid", "late"}
    return {_phase(event.at_s + late) for late in (-LATE_S, 0.0, LATE_S)}


def _phase(time_s: float) -> str:
    share = max(time_s, 0.0) / Sight().duration_s
    return ("early", "mid", "late")[min(int(share * 3), 2)]


def _meant(who: str, name: str, said: Facts) -> bool:
    if who == "someone":
        return True
    if who == "cut-in":
        return name != "ego"
    if who in ("cars", "trucks"):
        there = said.agent(name)
        return name != "ego" and there is not None and there.kind == who.rstrip("s")
    return name == who


