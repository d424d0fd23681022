"""Driving by what a picture shows: bird's eye mask -> cars -> what a driver sees -> any policy.

The ego knows its own motion and the map; of all others it knows what a mask of classes shows. Their speeds
are what they moved by since the frame before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from drive_gen.envs.episode import KINDS, Scene
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.frame import CAR, TRUCK
from drive_gen.envs.frames.looks import NATIVE, Look
from drive_gen.envs.frames.views import BirdView
from drive_gen.envs.observe import observe_scene
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.policy import Policy

LEAST_PX = 6  # smaller blobs are errors, or cars of which no more is seen
MOST_JUMP_M = 6.0  # between where a car was expected and where it is
CAR_M, TRUCK_M = (5.0, 2.0), (11.0, 2.5)  # a blob's size says less than its class
Reader = Callable[[np.ndarray, np.ndarray], np.ndarray]  # pictures and true masks (W, S, S) -> masks


@dataclass(frozen=True, eq=False)
class Cars:
    """What a mask shows, in the world."""

    position_m: np.ndarray  # (n, 2)
    truck: np.ndarray  # (n,) bool


def cars_in(mask: np.ndarray, view: BirdView, position_m: np.ndarray, heading_rad: float) -> Cars:
    """Blobs of car and truck pixels, one a body, seen from an ego at a place of the world."""
    blobs, count = ndimage.label(mask >= CAR)
    size = np.bincount(blobs.ravel(), minlength=count + 1)
    kept = np.flatnonzero(size >= LEAST_PX)[1:] if size[0] >= LEAST_PX else np.flatnonzero(size >= LEAST_PX)
    if not len(kept):
        return Cars(np.zeros((0, 2)), np.zeros(0, bool))
    trucks = np.asarray(ndimage.sum_labels(mask == TRUCK, blobs, kept) > size[kept] / 2)
    middle = np.array(ndimage.center_of_mass(np.ones_like(mask), blobs, kept)) + 0.5  # rows, columns
    half_px = np.where(trucks, TRUCK_M[0], CAR_M[0]) / 2 / view.m_per_px
    spans = [part[0] for number, part in enumerate(ndimage.find_objects(blobs), 1) if number in set(kept)]
    for place, span in enumerate(spans):  # of a body that the picture cuts, the end that shows is sure
        if span.start == 0:
            middle[place, 0] = span.stop - half_px[place]
        elif span.stop == len(mask):
            middle[place, 0] = span.start + half_px[place]
    column, row = view.center_px
    ahead, right = (row - middle[:, 0]) * view.m_per_px, (middle[:, 1] - column) * view.m_per_px
    cosine, sine = np.cos(heading_rad), np.sin(heading_rad)
    moved = np.stack((cosine * ahead - sine * right, sine * ahead + cosine * right), -1)
    return Cars(moved + position_m, trucks)


def speeds_between(before: Cars, now: Cars, dt_s: float, guess_mps: np.ndarray) -> np.ndarray:
    """Velocities (n, 2) of the cars by the nearest former place each may come from, else the guess (2,)."""
    found = np.tile(guess_mps, (len(now.position_m), 1))
    if len(before.position_m) and len(now.position_m):
        expected = before.position_m + guess_mps * dt_s
        away = np.hypot(*(now.position_m[:, None] - expected[None]).transpose(2, 0, 1))
        nearest = away.argmin(1)
        known = away.min(1) < MOST_JUMP_M
        found[known] = ((now.position_m - before.position_m[nearest]) / dt_s)[known]
    return found


def scene_read(scene: Scene, before: Cars, now: Cars, dt_s: float) -> Scene:
    """A scene of the ego as it is and of the others as read."""
    ego, count = scene.ego or 0, len(now.position_m)
    heading = float(scene.heading_rad[ego])
    own = scene.speed_mps[ego] * np.array([np.cos(heading), np.sin(heading)])
    velocity = speeds_between(before, now, dt_s, own)
    # Cars keep to the road: the lane's heading is a better guess than that of a velocity read off pixels.
    lane = scene.road.nearest_lane(now.position_m)
    along = scene.road.lane_frame(now.position_m, lane).heading_rad
    speed = velocity[:, 0] * np.cos(along) + velocity[:, 1] * np.sin(along)
    size = np.where(now.truck[:, None], TRUCK_M, CAR_M)

    def joined(own: np.ndarray, others: np.ndarray) -> np.ndarray:
        return np.concatenate((own[ego : ego + 1], others)).astype(own.dtype)

    return replace(scene, position_m=joined(scene.position_m, now.position_m), ego=0,
                   heading_rad=joined(scene.heading_rad, along), speed_mps=joined(scene.speed_mps, speed),
                   size_m=joined(scene.size_m, size), crashed=np.zeros(count + 1, bool),
                   agent_id=np.arange(count + 1), kind=np.full(count + 1, KINDS.index("car"), np.uint8))


def drive_by_sight(config: EnvConfig, policy: Policy, read: Reader, seeds: np.ndarray, view: BirdView,
                   look_of: Callable[[int], Look] = lambda seed: NATIVE) -> np.ndarray:
    """Return of each seed's episode, driven from masks that `read` gives; (W,).

    At each decision a world is looked at twice: one frame of physics ago, and now.
    """
    worlds = len(seeds)
    simulator = Simulator(config, worlds, tape=True, threads=1)
    simulator.reset(seeds)
    looks = [look_of(int(seed)) for seed in seeds]
    returns, running, state = np.zeros(worlds), np.ones(worlds, bool), None
    start = np.ones(worlds, bool)
    while running.any():
        seen = _looked(simulator, read, view, looks)
        observations = np.stack([observe_scene(scene, 0) for scene in seen])
        actions, state = policy.predict(observations, state, start, deterministic=True)
        result = simulator.step(actions, np.flatnonzero(running), observe=False)
        returns[running] += result.reward[running]
        running &= ~(result.terminated | result.truncated)
        start = np.zeros(worlds, bool)
    return returns


def _looked(simulator: Simulator, read: Reader, view: BirdView, looks: list[Look]) -> list[Scene]:
    """Each world's scene as read off two looks: at the recorded frame before, and at now."""
    now = [simulator.scene(world) for world in range(simulator.worlds)]
    before, dt_s = [], 0.0
    for world in range(simulator.worlds):
        episode = simulator.episode(world, "sight")
        before.append(episode.scene(max(episode.steps - 2, 0)))
        dt_s = episode.dt_s
    read_now, read_before = (_read(scenes, read, view, looks) for scenes in (now, before))
    return [scene_read(scene, former if scene.position_m[0, 0] != old.position_m[0, 0] else Cars(
        np.zeros((0, 2)), np.zeros(0, bool)), cars, dt_s)
        for scene, old, former, cars in zip(now, before, read_before, read_now, strict=True)]


def _read(scenes: list[Scene], read: Reader, view: BirdView, looks: list[Look]) -> list[Cars]:
    frames = [draw_frame(scene, view, look) for scene, look in zip(scenes, looks, strict=True)]
    masks = read(np.stack([frame.rgb for frame in frames]), np.stack([frame.mask for frame in frames]))
    return [cars_in(mask, view, scene.position_m[scene.ego or 0], float(scene.heading_rad[scene.ego or 0]))
            for mask, scene in zip(masks, scenes, strict=True)]
