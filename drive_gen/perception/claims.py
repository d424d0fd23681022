"""Claims: what can be said of a clip, one by one, each true or false of it; facts of a text as claims.

A text holds for a clip exactly where all of its claims do, as `language.agree` finds it (a test compares
them), but thousands of texts are compared with thousands of clips by one product of matrices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from drive_gen.envs.episode import Episode, Scene
from drive_gen.language.facts import (
    CHANGES,
    DENSITIES,
    DISTANCES,
    KINDS,
    MOST_COUNT,
    MOST_LANES,
    PHASES,
    PLACED,
    ROADS,
    SPEEDS,
    WHATS,
    WHOS,
    Agent,
    Event,
    Facts,
    speed_band,
)
from drive_gen.language.read_episode import happenings, names_of, phase_of
from drive_gen.language.read_scene import (
    REACH_M,
    abreast,
    beside_ego,
    facts_of_scene,
    kind_of,
    others_of,
    roles,
)

NEXT = ("lead", "follower", "left", "right")
MISSING = ("trucks", *NEXT)
MOST, MOST_ROW = 12, 3  # counts: of a group with those of it who are named apart, and of one lane


def _all_claims() -> Iterator[tuple[str, str]]:
    """(what kind of fact it tells, claim); of kind "" are those that are only checked."""
    yield from (("road", f"road={road}") for road in ROADS)
    yield from (("lanes", f"lanes={count}") for count in range(1, MOST_LANES + 1))
    yield from (("density", f"density={density}") for density in DENSITIES)
    yield from (("without", f"without.{role}") for role in MISSING)
    for role in ("ego", *NEXT):
        yield from (("" if (role, kind) == ("ego", "car") else "agent", f"{role}.kind={kind}")
                    for kind in KINDS)
        yield from (("agent", f"{role}.speed={speed}") for speed in SPEEDS)
        if role != "ego":
            yield from (("agent", f"{role}.distance={distance}") for distance in DISTANCES)
            for kind in KINDS:
                yield "agent", f"{role}.{kind}>=2"
                yield from (("", f"{role}.{kind}>={count}") for count in range(3, MOST_ROW + 1))
    yield from (("", f"cut-in.kind={kind}") for kind in KINDS)
    for kind in KINDS:
        yield from (("group", f"{kind}s={count}") for count in range(1, MOST_COUNT + 1))
        yield from (("", f"{kind}s={count}") for count in range(MOST_COUNT + 1, MOST + 1))
        yield from (("", f"{kind}s>={count}") for count in range(1, MOST + 1))
        yield from (("", f"{kind}s.{speed}>={count}")
                    for speed in SPEEDS for count in range(1, MOST_COUNT + 1))
        yield "group", f"{kind}s.abreast"
    for who in WHOS:
        told = who != "cut-in"  # of one who cuts in, only that
        for what in WHATS:
            yield from (("event" if told or what == who else "", f"{who}.{what}{how}")
                        for how in ("", *(f"={phase}" for phase in PHASES)))
            yield ("never" if who in ("someone", *NEXT) else ""), f"{who}.{what}=never"


KIND_OF = {claim: kind for kind, claim in _all_claims()}
CLAIMS = tuple(KIND_OF)
PLACE = {claim: place for place, claim in enumerate(CLAIMS)}


def _mirrored(claim: str) -> str:
    return claim.replace("left", "\0").replace("right", "left").replace("\0", "right")


MIRROR = np.array([PLACE[_mirrored(claim)] for claim in CLAIMS])  # holds[MIRROR] is of the mirrored clip


def row_of(claims: Iterable[str]) -> np.ndarray:
    """(C,) bool."""
    row = np.zeros(len(CLAIMS), bool)
    row[[PLACE[claim] for claim in claims]] = True
    return row


def holding(texts: np.ndarray, clips: np.ndarray) -> np.ndarray:
    """Which texts hold for which clips: claims (T, C) and (N, C) bool -> (T, N) bool."""
    failed = texts.astype(np.float32) @ (~clips).astype(np.float32).T
    return np.asarray(failed < 0.5)


def claims_of(facts: Facts) -> list[str] | None:
    """What a text claims; None where that cannot be said in these claims (seconds, styles, weather...)."""
    if facts.weather or facts.time or facts.task or "aggressive" in facts.without:
        return None
    found = [f"{name}={getattr(facts, name)}" for name in ("road", "lanes", "density")
             if getattr(facts, name) is not None]
    found += [f"without.{name}" for name in facts.without]
    for agent in facts.agents:
        said = _group(agent, facts) if agent.role in ("cars", "trucks") else _placed(agent)
        if said is None or agent.style:
            return None
        found += said
    for event in facts.events:
        if event.at_s is not None:
            return None
        how = "=never" if not event.happens else f"={event.when}" if event.when else ""
        found.append(f"{event.who}.{event.what}{how}")
    return found if all(claim in PLACE for claim in found) else None


def _placed(agent: Agent) -> list[str] | None:
    found = [f"{agent.role}.kind={agent.kind}"]
    if agent.count > 1:
        found.append(f"{agent.role}.{agent.kind}>={agent.count}")
    return found + [f"{agent.role}.{name}={getattr(agent, name)}" for name in ("speed", "distance")
                    if getattr(agent, name) is not None]


def _group(agent: Agent, facts: Facts) -> list[str] | None:
    """A group is all of its kind but those who have a place that the text names; more, with others about."""
    named = [other for other in facts.agents if other.role in NEXT and other.kind == agent.kind]
    if named and (agent.speed or agent.abreast):
        return None
    rows = any(other.count > 1 and other.role in PLACED for other in facts.agents)
    more = (facts.density is not None or rows
            or any(event.who in ("someone", "cut-in") or event.what == "crash" for event in facts.events))
    found = [f"{agent.role}{'>=' if more else '='}{agent.count + len(named)}"]
    if agent.speed:
        found.append(f"{agent.role}.{agent.speed}>={agent.count}")
    return [*found, f"{agent.role}.abreast"] if agent.abreast else found


def claims_in(clip: Episode) -> np.ndarray:
    """What is true of an episode with an ego, (C,) bool."""
    scene = clip.scene(0)
    return row_of({*_of_scene(scene), *_of_events(clip, scene)} & PLACE.keys())


def _of_scene(scene: Scene) -> Iterator[str]:
    held, here = facts_of_scene(scene), roles(scene)
    yield from (f"{name}={getattr(held, name)}" for name in ("road", "lanes", "density"))
    yield from (f"without.{name}" for name in held.without)
    for agent in held.agents:
        if agent.role in ("ego", *NEXT):
            yield from (f"{agent.role}.{name}={getattr(agent, name)}"
                        for name in ("kind", "speed", "distance"))
    yield from (f"cut-in.kind={kind_of(scene, here[side])}" for side in ("left", "right") if side in here)
    yield from _rows(scene)
    for kind in KINDS:
        group = [number for number in others_of(scene) if kind_of(scene, number) == kind]
        yield f"{kind}s={len(group)}"
        yield from (f"{kind}s>={count}" for count in range(1, len(group) + 1))
        bands = [speed_band(scene.speed_mps[number]) for number in group]
        yield from (f"{kind}s.{band}>={count}"
                    for band in SPEEDS for count in range(1, bands.count(band) + 1))
        if len(group) > 1 and abreast(scene, group):
            yield f"{kind}s.abreast"


def _rows(scene: Scene) -> Iterator[str]:
    """How many of a kind are ahead, behind, and in the lanes beside."""
    ahead, aside, same = beside_ego(scene)
    for role, lane, sign in (("lead", 0, 1), ("follower", 0, -1), ("left", -1, 0), ("right", 1, 0)):
        row = [number for number in others_of(scene) if same[number] and aside[number] == lane
               and abs(ahead[number]) <= REACH_M and ahead[number] * sign >= 0]
        for kind in KINDS:
            many = sum(kind_of(scene, number) == kind for number in row)
            yield from (f"{role}.{kind}>={count}" for count in range(2, many + 1))


def _of_events(clip: Episode, scene: Scene) -> Iterator[str]:
    """Who does what, and when; what nobody of a role does."""
    names, done = names_of(scene), set()
    kinds = {int(name): kind_of(scene, number) for number, name in enumerate(scene.agent_id)}
    for one in happenings(clip):
        agent = int(clip.agent_id[one.agent])
        name = names.get(agent, "")
        whos = ["someone", name] if name in WHOS else ["someone"]
        if name != "ego":
            whos += ["cut-in", *([f"{kinds[agent]}s"] if agent in kinds else [])]
        for what in {one.what, "lane-change"} if one.what in CHANGES else {one.what}:
            for who in whos:
                done.add(f"{who}.{what}")
                yield f"{who}.{what}={phase_of(one.time_s, clip)}"
    yield from done
    yield from (f"{who}.{what}=never" for who in WHOS for what in WHATS if f"{who}.{what}" not in done)


def facts_of_event(claim: str) -> Event:
    """The event that a claim of one is."""
    who, rest = claim.split(".", 1)
    what, _, how = rest.partition("=")
    if how == "never":
        return Event(who, what, happens=False)  # type: ignore[arg-type]
    return Event(who, what, how or None)  # type: ignore[arg-type]
