"""What of a request a picture can show, as words: one a slot, "lead.distance=near". All texts become these.

A text in any language is parsed into Facts first, so the network that draws has to know neither English nor
Korean, and no more words than there are values of slots.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from drive_gen.envs.episode import Scene
from drive_gen.envs.files import InputError
from drive_gen.imagine.raster import ACROSS_M, ALONG_M, HEIGHT_PX, WIDTH_PX, camera_of
from drive_gen.imagine.roads import KINDS as ROADS
from drive_gen.language.facts import (
    DENSITIES,
    DISTANCES,
    KINDS,
    MOST_COUNT,
    MOST_LANES,
    SPEEDS,
    Agent,
    Facts,
    Role,
    Without,
    speed_band,
)
from drive_gen.language.read_scene import (
    REACH_M,
    abreast,
    beside_ego,
    facts_of_scene,
    kind_of,
    others_of,
    roles,
)

MOST_WORDS = 24  # of a text, its start and end among them
PLACES = ("lead", "follower", "left", "right")
SHOWN_WITHOUT = ("trucks", *PLACES)
PAD, START, END, UNKNOWN = "<pad>", "<start>", "<end>", "<unknown>"


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word, in a fixed order."""
    words = [PAD, START, END, UNKNOWN]
    words += [f"road={kind}" for kind in ROADS] + [f"lanes={count}" for count in range(1, MOST_LANES + 1)]
    words += [f"density={name}" for name in DENSITIES]
    for role in ("ego", *PLACES):
        words += [f"{role}.kind={kind}" for kind in KINDS] + [f"{role}.speed={speed}" for speed in SPEEDS]
        if role != "ego":
            words += [f"{role}.count={count}" for count in range(2, MOST_COUNT + 1)]
            words += [f"{role}.distance={name}" for name in DISTANCES]
    for role in ("cars", "trucks"):
        words += [f"{role}.count={count}" for count in range(1, MOST_COUNT + 1)]
        words += [f"{role}.speed={speed}" for speed in SPEEDS] + [f"{role}.abreast=True"]
    return (*words, *(f"without.{name}=True" for name in SHOWN_WITHOUT))


def words_of(facts: Facts) -> str:
    """The words of all that a picture can show of a request."""
    slots = staged(facts).slots()
    known = set(vocabulary())
    return " ".join(word for word in (f"{slot}={value}" for slot, value in slots.items()) if word in known)


def facts_of_words(words: str) -> Facts:
    """The inverse: the facts that words say."""
    single: dict[str, Any] = {}
    agents: dict[str, dict[str, Any]] = {}
    for word in words.split():
        slot, value = word.split("=")
        name, _, what = slot.partition(".")
        if not what:
            single[name] = int(value) if name == "lanes" else value
        elif name == "without":
            single.setdefault("without", []).append(what)
        else:
            agents.setdefault(name, {"role": name})[what] = (
                int(value) if what == "count" else True if what == "abreast" else value
            )
    return Facts.from_mapping({**single, "agents": list(agents.values())})


def staged(facts: Facts) -> Facts:
    """A request with whoever cuts in put beside the ego, where a picture has its place for them."""
    if facts.road is not None and facts.road not in ROADS:
        raise InputError(f"pictures of a {facts.road} were not learnt; ask for one of: {', '.join(ROADS)}")
    agent = facts.agent("cut-in")
    comes = agent is not None or any(
        event.who == "someone" and event.what == "cut-in" and event.happens for event in facts.events
    )
    taken = {each.role for each in facts.agents} | set(facts.without)
    side: Any = next((name for name in ("left", "right") if name not in taken), None)
    rest = tuple(each for each in facts.agents if each.role != "cut-in")
    if comes and side is not None and (agent is not None or not {"left", "right"} & taken):
        rest += (replace(agent or Agent("left"), role=side, distance=(agent and agent.distance) or "near"),)
    return Facts(facts.road, facts.lanes, facts.density, agents=rest, without=facts.without)


def shown(scene: Scene) -> Scene:
    """A scene without those whom its picture does not show."""
    place = camera_of(scene).seen(scene.position_m)
    reach = scene.size_m[:, :1] / 2 - 1
    here = np.abs(place[:, 0]) + reach[:, 0] < HEIGHT_PX * ALONG_M / 2
    here &= np.abs(place[:, 1]) < WIDTH_PX * ACROSS_M / 2 - 1
    keep = np.flatnonzero(here)
    names = ("position_m", "heading_rad", "speed_mps", "size_m", "crashed", "agent_id", "kind")
    return replace(
        scene,
        **{name: getattr(scene, name)[keep] for name in names},
        ego=int(np.flatnonzero(keep == scene.ego)[0]),
    )


class Caption:
    """What can be said of a scene; `draw` says some of it, as somebody might ask for it."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.held = scene, facts_of_scene(scene)
        self.roles, self.others = roles(scene), others_of(scene)
        self.kinds = {number: kind_of(scene, number) for number in self.others}
        self.ahead, self.aside, self.same = beside_ego(scene)

    def draw(self, rng: np.random.Generator, fullness: float = 0.0) -> Facts:
        """Facts that all hold, by chance; sometimes none. With a fullness of 1, all that there are."""

        def maybe(value: Any, share: float) -> Any:
            return value if rng.random() < share + (1 - share) * fullness else None

        density = maybe(self.held.density, 0.35)
        agents = [self._placed(role, maybe) for role in PLACES if role in self.roles and maybe(True, 0.5)]
        if maybe(True, 0.3):
            own = self.held.agent("ego")
            assert own is not None
            agents.append(replace(own, speed=maybe(own.speed, 0.7)))
        rows = any(agent.count > 1 for agent in agents)
        named = {self.roles[agent.role] for agent in agents if agent.role != "ego"}
        for role, kind, share in (("cars", "car", 0.5), ("trucks", "truck", 0.5)):
            if maybe(True, share):
                agents += self._group(role, kind, named, density is not None or rows, maybe)  # type: ignore[arg-type]
        missing: tuple[Without, ...] = tuple(
            name for name in self.held.without if name in SHOWN_WITHOUT and maybe(True, 0.2)
        )
        return Facts(
            maybe(self.held.road, 0.75),
            maybe(self.held.lanes, 0.45),
            density,
            agents=tuple(agents),
            without=missing,
        )

    def _placed(self, role: Any, maybe: Any) -> Agent:
        """Lead, follower, left or right, and some of what is true of it."""
        held = self.held.agent(role)
        assert held is not None
        row = (
            (self.aside == {"left": -1, "right": 1}.get(role, 0))
            & self.same
            & (np.abs(self.ahead) <= REACH_M)
        )
        row &= self.ahead * {"lead": 1, "follower": -1}.get(role, 0) >= 0
        count = sum(bool(row[number]) and self.kinds[number] == held.kind for number in self.others)
        return replace(
            held,
            count=maybe(2, 0.1) or 1 if count > 1 else 1,
            speed=maybe(held.speed, 0.3),
            distance=maybe(held.distance, 0.45),
        )

    def _group(self, role: Role, kind: str, named: set[int], more: bool, maybe: Any) -> list[Agent]:
        """All of a kind who have no place that was named; fewer, where more may be there."""
        group = [number for number in self.others if number not in named and self.kinds[number] == kind]
        count = min(len(group), MOST_COUNT)
        if not group or (len(group) > MOST_COUNT and not more):
            return []
        while more and count > 1 and not maybe(True, 0.6):
            count -= 1
        aligned = count > 1 and abreast(self.scene, group)
        bands = [speed_band(self.scene.speed_mps[number]) for number in group]
        speed = next((band for band in set(bands) if bands.count(band) >= count), None)
        return [Agent(role, count=count, speed=maybe(speed, 0.2), abreast=bool(maybe(aligned, 0.5)))]
