"""Whether a scene or an episode is what a request asked for, slot by slot."""

from __future__ import annotations

from collections.abc import Sequence

from drive_gen.envs.episode import Episode, Scene
from drive_gen.language.facts import PLACED, Agent, Event, Facts, speed_band
from drive_gen.language.read_episode import Happening, happenings, names_of, phase_of
from drive_gen.language.read_scene import (
    REACH_M,
    abreast,
    beside_ego,
    facts_of_scene,
    kind_of,
    others_of,
    roles,
)

UNSEEN = ("weather", "time", "task")  # no part of a scene's geometry
LATE_S = 1.0  # an event asked for at a second may come so much earlier or later


def agreement(wanted: Facts, world: Scene | Episode) -> dict[str, bool]:
    """Slot -> whether it holds. Styles, looks and tasks cannot be seen; events only in an episode."""
    scene = world.scene(0) if isinstance(world, Episode) else world
    held = facts_of_scene(scene)
    found = {name: getattr(held, name) == getattr(wanted, name) for name in ("road", "lanes", "density")
             if getattr(wanted, name) is not None}
    found |= {f"without.{name}": name in held.without for name in wanted.without if name != "aggressive"}
    for agent in wanted.agents:
        found |= _agent(agent, wanted, held, scene)
    if isinstance(world, Episode):
        done, names = happenings(world), names_of(scene)
        for event in wanted.events:
            found[f"{event.who}.{event.what}"] = _happens(event, done, names, world)
    return found


def _agent(agent: Agent, wanted: Facts, held: Facts, scene: Scene) -> dict[str, bool]:
    if agent.role in ("cars", "trucks"):
        return _group(agent, wanted, scene)
    seen = held.agent(agent.role) or (Agent("ego") if agent.role == "ego" else None)
    if agent.role == "cut-in":
        sides = [each for each in held.agents if each.role in ("left", "right")]
        seen = next((each for each in sides if each.kind == agent.kind), None)
    found = {f"{agent.role}.kind": seen is not None and seen.kind == agent.kind,
             f"{agent.role}.count": seen is not None and _count(agent, scene) >= agent.count}
    found |= {f"{agent.role}.{name}": seen is not None and getattr(seen, name) == getattr(agent, name)
              for name in ("speed", "distance") if getattr(agent, name) is not None}
    return found


def _count(agent: Agent, scene: Scene) -> int:
    """How many of the kind are where the role has its place."""
    if agent.role not in PLACED or agent.role == "cut-in":
        return 1
    ahead, aside, same = beside_ego(scene)
    lane = {"left": -1, "right": 1}.get(agent.role, 0)
    sign = {"lead": 1, "follower": -1}.get(agent.role, 0)
    return sum(1 for number in others_of(scene) if same[number] and aside[number] == lane
               and abs(ahead[number]) <= REACH_M and ahead[number] * sign >= 0
               and kind_of(scene, number) == agent.kind)


def _group(agent: Agent, wanted: Facts, scene: Scene) -> dict[str, bool]:
    """A group is all of its kind who have no place that the request names; more, with other traffic."""
    named = {number for role, number in roles(scene).items() if wanted.agent(role)}
    group = [number for number in others_of(scene)
             if number not in named and kind_of(scene, number) == agent.kind]
    enough = len(group) >= agent.count if _more_come(wanted) else len(group) == agent.count
    found = {f"{agent.role}.kind": bool(group), f"{agent.role}.count": enough}
    if agent.abreast:
        found[f"{agent.role}.abreast"] = abreast(scene, group)
    if agent.speed:
        fitting = sum(speed_band(scene.speed_mps[number]) == agent.speed for number in group)
        found[f"{agent.role}.speed"] = fitting >= agent.count
    return found


def _more_come(wanted: Facts) -> bool:
    """Whether others may be there than those who are named."""
    partners = any(event.who in ("someone", "cut-in") or event.what == "crash" for event in wanted.events)
    rows = any(agent.count > 1 and agent.role in PLACED for agent in wanted.agents)
    return wanted.density is not None or partners or rows


def _happens(event: Event, done: Sequence[Happening], names: dict[int, str], episode: Episode) -> bool:
    """Whether somebody of the role did it, when it was said; that it never happens, of all who are meant."""
    changes = ("lane-left", "lane-right", "cut-in")
    times = [one.time_s for one in done
             if (one.what == event.what or (event.what == "lane-change" and one.what in changes))
             and _meant(event.who, names.get(int(episode.agent_id[one.agent]), ""), one.agent, episode)]
    if not event.happens:
        return not times
    if event.at_s is not None:
        return any(abs(time - event.at_s) <= LATE_S for time in times)
    return any(event.when is None or phase_of(time, episode) == event.when for time in times)


def _meant(who: str, name: str, agent: int, episode: Episode) -> bool:
    if who == "someone":
        return True
    if who == "cut-in":
        return name != "ego"
    if who in ("cars", "trucks"):
        return name != "ego" and kind_of(episode.scene(0), agent) == who.rstrip("s")
    return name == who
