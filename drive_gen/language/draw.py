"""Facts by chance: requests that somebody might make, none of them contradictory."""

from __future__ import annotations

from typing import Any

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.language.facts import (
    DENSITIES,
    KINDS,
    LAST_S,
    PHASES,
    ROADS,
    SPEEDS,
    STYLES,
    TIMES,
    WEATHERS,
    WITHOUTS,
    Agent,
    Event,
    Facts,
)

TASKS_ON = {"highway": ("keep-lane", "follow", "overtake"), "merge": ("merge", "keep-lane"),
            "roundabout": ("go-straight", "follow"), "exit": ("exit", "keep-lane"),
            "intersection": ("turn-left", "turn-right", "go-straight"), "two-way": ("overtake", "follow"),
            "u-turn": ("follow",), "racetrack": ("overtake", "keep-lane")}
LANES_ON = ("highway", "exit", None)
DOES = {"ego": ("brake", "lane-left", "lane-right", "stop", "accelerate"),
        "lead": ("brake", "lane-left", "lane-right", "lane-change", "stop", "accelerate", "crash"),
        "follower": ("brake", "lane-left", "lane-right", "lane-change", "stop", "accelerate", "crash"),
        "left": ("brake", "cut-in", "stop", "accelerate", "crash"),
        "right": ("brake", "cut-in", "stop", "accelerate", "crash"),
        "cars": ("brake", "lane-change", "stop", "accelerate", "merge", "crash"),
        "trucks": ("brake", "lane-change", "stop", "accelerate", "merge", "crash"),
        "someone": ("brake", "lane-change", "stop", "accelerate", "crash", "cut-in")}
BANS = ("brake", "cut-in", "lane-left", "lane-right", "lane-change", "stop", "accelerate", "crash", "merge")


def draw(rng: np.random.Generator) -> Facts:
    """Facts with something in them; draws that contradict themselves are thrown away."""
    while True:
        try:
            facts = _drawn(rng)
        except InputError:
            continue
        if facts.slots():
            return facts


def _drawn(rng: np.random.Generator) -> Facts:
    def maybe(options: Any, share: float) -> Any:
        return options[int(rng.integers(len(options)))] if rng.random() < share else None

    road = maybe(ROADS, 0.7)
    lanes = maybe((1, 2, 3, 4, 5, 6), 0.4) if road in LANES_ON else None
    agents = _agents(rng, maybe)
    density = maybe(DENSITIES if not agents else DENSITIES[1:], 0.3)
    events = _events(rng, maybe, agents, road)
    without = tuple(name for name in WITHOUTS if density != "empty" and rng.random() < 0.06)
    task = maybe(TASKS_ON.get(road, ("keep-lane", "overtake", "follow")), 0.3)
    return Facts(road, lanes, density, maybe(WEATHERS, 0.25), maybe(TIMES, 0.25), task, tuple(agents),
                 without, tuple(events))


def _agents(rng: np.random.Generator, maybe: Any) -> list[Agent]:
    agents = []
    if rng.random() < 0.2:
        agents.append(Agent("ego", maybe(KINDS, 0.3) or "car", 1, maybe(STYLES[:2], 0.4),
                            maybe(SPEEDS[1:], 0.5)))
    for role in ("lead", "follower", "left", "right"):
        if rng.random() < 0.3:
            aside = role in ("left", "right")
            distances = ("beside", "near", "far") if aside else ("near", "middle", "far")
            count = 2 if rng.random() < 0.08 else 1
            agents.append(Agent(role, maybe(("truck",), 0.4) or "car", count,
                                maybe(STYLES, 0.25), maybe(SPEEDS, 0.2), maybe(distances, 0.25)))
    if rng.random() < 0.12:
        agents.append(Agent("cut-in", maybe(("truck",), 0.4) or "car", 1, maybe(STYLES, 0.3)))
    for role in ("cars", "trucks"):
        if rng.random() < 0.25:
            count = int(rng.integers(1, 7))
            agents.append(Agent(role, count=count, style=maybe(STYLES, 0.5),  # type: ignore[arg-type]
                                speed=maybe(SPEEDS[1:], 0.2),
                                abreast=bool(count == 2 and rng.random() < 0.5)))
    return agents


def _events(rng: np.random.Generator, maybe: Any, agents: list[Agent], road: str | None) -> list[Event]:
    """Nobody who stands still does anything but set off, and nobody merges but on a ramp."""
    still = [agent.role for agent in agents if agent.speed == "stopped"]
    actors = [agent.role for agent in agents if agent.role in DOES and agent.role != "ego"]
    events: list[Event] = []
    if any(agent.role == "cut-in" for agent in agents):
        events.append(Event("cut-in", "cut-in", maybe(PHASES, 0.4)))
    for _ in range(int(rng.choice(4, p=(0.3, 0.35, 0.25, 0.1)))):
        who = maybe(actors, 0.7) if actors else None
        who = who or maybe(tuple(DOES), 1.0)
        never = who not in ("cars", "trucks", "someone") and rng.random() < 0.15
        when, at_s = maybe(PHASES, 0.3), None
        if when is None and rng.random() < 0.25:
            at_s = int(rng.integers(1, LAST_S + 1))
        what = maybe(DOES[who], 1.0)
        if events and rng.random() < 0.25:
            what, never = events[-1].what, who not in ("cars", "trucks", "someone", events[-1].who)
        if what not in DOES[who] or (what == "merge" and road != "merge") or (
                who in still and what != "accelerate" and not never):
            continue
        events.append(Event(who, what, happens=False) if never else Event(who, what, when, at_s))
    bans = [what for what in BANS if rng.random() < 0.03]
    return events + [Event("someone", what, happens=False) for what in bans]  # type: ignore[arg-type]
