"""Scenes on roads that no simulator has: bent at random, and crossed by a second road that is bent otherwise.

Traffic of highways runs straight ahead in nearly every picture; a network that has seen nothing else takes a
tight bend's asphalt for grass. Labels stay exact, as frames are drawn after the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from drive_gen.envs.episode import Scene
from drive_gen.envs.kinematics import wrap
from drive_gen.envs.road import Lane, Road

REACH_M, STEP_M = 112.0, 3.0  # of a road kept about the camera, and between its points
ASIDE_M = 30.0  # a road wider than this about the camera is left as it is
TIGHTEST_M, FOLD = 14.0, 0.7  # least radius; share of a bend's radius that a lane may be on its inner side
CROSSED, APART_M = 0.5, 40.0  # share of the scenes with a second road; how far from the camera it passes


class Bend:
    """A line whose curvature is a constant and a wave: places beside the x axis go beside it."""

    def __init__(self, draws: np.random.Generator, aside_m: float) -> None:
        tightest = max(TIGHTEST_M, aside_m / FOLD)
        most = 1 / (tightest * draws.uniform(1, 8))
        constant, wave = draws.uniform(-1, 1, 2) * most / 2
        self.at_m = np.arange(-REACH_M, REACH_M + 1)
        turn = constant + wave * np.sin(2 * np.pi * self.at_m / draws.uniform(50, 200) + draws.uniform(0, 7))
        heading = np.cumsum(turn)
        step = np.stack((np.cos(heading), np.sin(heading)), -1)
        middle = len(heading) // 2
        self.heading_rad = heading - heading[middle]
        way = np.cumsum(step, 0)
        self.way_m = (way - way[middle]) @ _turn(-heading[middle]).T

    def places(self, point_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where points (N, 2), ahead and aside of the camera, go, and how far headings turn there (N,)."""
        way = np.stack([np.interp(point_m[:, 0], self.at_m, column) for column in self.way_m.T], -1)
        turn = np.interp(point_m[:, 0], self.at_m, self.heading_rad)
        return way + point_m[:, 1:] * np.stack((-np.sin(turn), np.cos(turn)), -1), turn


def bent(scene: Scene, followed: int, draws: np.random.Generator) -> tuple[Scene, int]:
    """The scene about the agent followed, its road bent, and that agent's number in it.

    One whose road does not run along x stays as it is.
    """
    middle = scene.position_m[followed].astype(np.float64)
    lanes = _cut(scene.road.lanes, middle)
    aside_m = max((float(np.abs(lane.center_m[:, 1]).max()) for lane in lanes), default=np.inf) + 2.0
    if aside_m > ASIDE_M:
        return scene, followed
    bend = Bend(draws, aside_m)
    roads = [_moved(lane, bend.places(lane.center_m)[0], 0) for lane in lanes]
    if draws.random() < CROSSED:
        other, turn = Bend(draws, aside_m), _turn(draws.uniform(-np.pi, np.pi))
        away = turn @ (0.0, draws.uniform(-APART_M, APART_M))
        roads += [_moved(lane, other.places(lane.center_m)[0] @ turn.T + away, len(lanes)) for lane in lanes]
    here = np.flatnonzero(np.abs(scene.position_m[:, 0] - middle[0]) < REACH_M)
    place, turn_rad = bend.places(scene.position_m[here] - middle)
    kept = {name: getattr(scene, name)[here]
            for name in ("speed_mps", "size_m", "crashed", "agent_id", "kind")}
    number = int(np.flatnonzero(here == followed)[0])
    heading = np.asarray(wrap(scene.heading_rad[here] + turn_rad), np.float32)
    return replace(scene, position_m=place.astype(np.float32), heading_rad=heading, road=Road(tuple(roads)),
                   ego=number, **kept), number


def _cut(lanes: Sequence[Lane], middle_m: np.ndarray) -> list[Lane]:
    """Lanes within reach, about the middle, in short steps; their neighbours are those that are kept."""
    found: dict[int, Lane] = {}
    for number, lane in enumerate(lanes):
        along = np.linspace(0, lane.length_m, 2 + int(lane.length_m / STEP_M))
        center = lane.position_at(along) - middle_m
        center = center[np.abs(center[:, 0]) < REACH_M]
        if len(center) > 1:
            found[number] = replace(lane, center_m=center)
    place = {number: at for at, number in enumerate(found)}
    return [replace(lane, left=place.get(lane.left), right=place.get(lane.right),  # type: ignore[arg-type]
                    successors=tuple(place[one] for one in lane.successors if one in place))
            for lane in found.values()]


def _moved(lane: Lane, center_m: np.ndarray, first: int) -> Lane:
    """The lane elsewhere, among lanes that come after so many others."""
    left, right = (None if one is None else one + first for one in (lane.left, lane.right))
    return replace(lane, center_m=center_m, left=left, right=right,
                   successors=tuple(one + first for one in lane.successors))


def _turn(angle_rad: float) -> np.ndarray:
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[cosine, -sine], [sine, cosine]])
