"""A scene read off a picture, made to do what a text asks, and driven: what the pictures are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from drive_gen.envs.episode import Episode, Scene, Source
from drive_gen.envs.files import InputError
from drive_gen.envs.scenario import Scenario
from drive_gen.generate.config import Limits
from drive_gen.generate.verify import off_road_m
from drive_gen.imagine.read import read_raster
from drive_gen.imagine.words import staged
from drive_gen.language.agree import agreement
from drive_gen.language.facts import Facts
from drive_gen.language.place import Stage
from drive_gen.language.play import play
from drive_gen.language.read_scene import kind_of, lane_of, others_of, roles
from drive_gen.language.staging import events_of

DRIVEN_S = 10.0


@dataclass(frozen=True, eq=False)
class Candidate:
    """What became of one picture: why it was rejected, or the scenario and its drive."""

    picture: np.ndarray  # (96, 32, 3) uint8
    scenario: Scenario | None = None
    episode: Episode | None = None
    holds: dict[str, bool] = field(default_factory=dict)  # slot -> whether it holds, in the drive
    reason: str | None = None  # None: it was read and drives

    @property
    def right(self) -> float:
        """Share of the slots that hold; 0 where nothing was read."""
        return float(np.mean(list(self.holds.values()))) if self.holds else float(self.episode is not None)


def enacted(picture: np.ndarray, facts: Facts, text: str = "", seed: int = 0) -> Candidate:
    """Read a picture, give its cars the events that the facts ask for, and drive it for DRIVEN_S."""
    try:
        scene = read_raster(picture).scene
    except InputError as error:
        return Candidate(picture, reason=str(error))
    scenario = scenario_of_scene(scene, facts, text, seed)
    episode = play(scenario, DRIVEN_S)
    return Candidate(picture, scenario, episode, agreement(facts, episode), undrivable(episode, facts))


def best_of(candidates: Sequence[Candidate]) -> Candidate | None:
    """The one of those not rejected of which most holds; None where all were."""
    left = [candidate for candidate in candidates if candidate.reason is None]
    return max(left, key=lambda candidate: candidate.right, default=None)


def undrivable(episode: Episode, facts: Facts | None = None) -> str | None:
    """Why a drive cannot be used: bodies touch (unless a crash was asked for), or one leaves the road."""
    asked = facts is not None and any(event.what == "crash" and event.happens for event in facts.events)
    if not asked and episode.crashed.any():
        when_s = float(np.flatnonzero(episode.crashed.any(0))[0]) * episode.dt_s
        return f"bodies touch after {when_s:.1f} s"
    if (away := off_road_m(episode)) > Limits().off_road_m:
        return f"a car is {away:.1f} m off the road"
    return None


def scenario_of_scene(scene: Scene, facts: Facts, text: str = "", seed: int = 0) -> Scenario:
    """A scene with the events and styles that the facts ask of those in it."""
    stage = stage_of(scene, facts, seed)
    notes = {"text": text, "facts": facts.to_mapping()}
    source = Source("generated", "drive_gen.imagine", f"imagine/{seed}", seed=seed, notes=notes)
    plain = Scenario.from_scene(scene)
    return Scenario(
        plain.road, tuple(stage.recipes), ego=0, events=events_of(stage, facts), seed=seed, provenance=source
    )


def stage_of(scene: Scene, facts: Facts, seed: int = 0) -> Stage:
    """A scene as it was set up, so that its cars can be given parts; its ego is agent 0."""
    assert scene.ego == 0
    lane = lane_of(scene, 0)
    along = float(scene.road.lanes[lane].frame_of(scene.position_m[0]).s_m)
    stage = Stage(
        scene.road,
        facts,
        np.random.default_rng(np.random.SeedSequence(seed)),
        lane,
        along,
        list(Scenario.from_scene(scene).agents),
        _parts(scene, facts),
    )
    for agent in facts.agents:
        for number in stage.ids.get(agent.role, [])[: agent.count]:
            stage.recipes[number] = replace(stage.recipes[number], driver=agent.style or "")
    return stage


def _parts(scene: Scene, facts: Facts) -> dict[str, list[int]]:
    """Who plays which role of the request."""
    here, wanted = roles(scene), staged(facts)
    ids = {"ego": [0]} | {role: [number] for role, number in here.items() if wanted.agent(role)}
    named = {number for numbers in ids.values() for number in numbers}
    for role in ("cars", "trucks"):
        ids[role] = [
            number
            for number in others_of(scene)
            if number not in named and kind_of(scene, number) == role[:-1]
        ]
    beside = [here[side] for side in ("left", "right") if side in here and facts.agent(side) is None]
    if beside:
        ids["cut-in" if facts.agent("cut-in") else "someone"] = beside[:1]
    return {role: numbers for role, numbers in ids.items() if numbers}
