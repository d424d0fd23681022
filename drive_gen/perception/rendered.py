"""Frames to learn from and to be scored on, drawn when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from PIL import Image

from drive_gen.envs.episode import Scene
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.frame import CAR, labels_of
from drive_gen.envs.frames.looks import NATIVE, Look, draw_look
from drive_gen.envs.frames.scenes import HIGHWAYS, UNSEEN_ROADS, Traffic, scenes_of
from drive_gen.envs.frames.views import BirdView, Dashcam, View
from drive_gen.envs.road import Road
from drive_gen.perception.config import FramesConfig
from drive_gen.perception.crowd import crowded

# Seeds of scenes and looks: training below the first, its own scores from there on, tests from the second.
FIRST_HELD_OUT, FIRST_TEST = 9_000, 10_000
JPEG_QUALITY = 30
Pictures = tuple[np.ndarray, np.ndarray]  # (B, H, W, 3) uint8 and classes (B, H, W) uint8
Moment = tuple[Scene, int]  # and the agent that the camera is above


@dataclass(frozen=True, eq=False)
class Pool:
    """Scenes that frames are drawn of, each through one of the cameras."""

    scenes: Sequence[Scene]
    views: tuple[View, ...]

    def draw(self, draws: np.random.Generator, looks: Sequence[Look], harder: FramesConfig | None = None,
             curved: Sequence[Moment] = ()) -> Pictures:
        """One frame a look, each of a scene and seen from a car of it that are drawn.

        Shares of them are made harder as configured: with crowds, and of the given moments on bent roads.
        """
        frames = []
        for look in looks:
            scene, view, followed = self.seen(draws)
            if harder and curved and draws.random() < harder.bent:
                scene, followed = curved[int(draws.integers(len(curved)))]
            if harder and harder.crowd and draws.random() < harder.crowd:
                scene = crowded(scene, followed, draws, harder.piled)
            frames.append(draw_frame(scene, view, look, followed))
        return np.stack([frame.rgb for frame in frames]), np.stack([frame.mask for frame in frames])

    def seen(self, draws: np.random.Generator) -> tuple[Scene, View, int]:
        """A scene, a camera and the number of the car that it is above or in."""
        scene = self.scenes[int(draws.integers(len(self.scenes)))]
        cars = np.flatnonzero((labels_of(scene, 0) == CAR) & (scene.size_m[:, 0] > 3))
        agents = np.union1d(cars, [scene.ego if scene.ego is not None else 0])
        view = self.views[int(draws.integers(len(self.views)))]
        return scene, view, int(draws.choice(agents))


def views_of(config: FramesConfig) -> tuple[View, ...]:
    """The cameras."""
    if config.view == "bird":
        return tuple(BirdView(config.size_px, config.m_per_px, behind) for behind in config.behind)
    return (Dashcam(config.size_px, focal_px=0.86 * config.size_px),)


def pool(config: FramesConfig, first_seed: int, count: int, envs: tuple[str, ...] = HIGHWAYS) -> Pool:
    """Scenes of seeds first_seed, ...; the same whatever else is drawn."""
    scenes = scenes_of(Traffic(envs), range(first_seed, first_seed + count))
    return Pool(_one_road_each(scenes), views_of(config))


def _one_road_each(scenes: list[Scene]) -> list[Scene]:
    """The scenes, equal roads being one: what is built of a road for drawing is then built once."""
    roads: dict[bytes, Road] = {}
    for scene in scenes:
        roads.setdefault(_bytes_of(scene.road), scene.road)
    return [replace(scene, road=roads[_bytes_of(scene.road)]) for scene in scenes]


def _bytes_of(road: Road) -> bytes:
    return b"".join(np.asarray(lane.center_m).tobytes() + repr((lane.width_m, lane.left, lane.right,
                                                               lane.successors)).encode()
                    for lane in road.lanes)


def looks_of(config: FramesConfig, draws: np.random.Generator, count: int) -> list[Look]:
    """Looks to learn from: native ones, and others of every strength up to the config's."""
    native, strength = draws.random(count) < config.native, draws.uniform(0, config.strength, count)
    strength = np.minimum(strength / (1 - config.loud), config.strength)
    seeds = draws.integers(FIRST_HELD_OUT, size=count)
    return [NATIVE if plain else draw_look(int(seed), float(much))
            for plain, seed, much in zip(native, seeds, strength, strict=True)]


def unseen_sets(config: FramesConfig, count: int, first_seed: int = FIRST_TEST) -> dict[str, Pictures]:
    """What a segmenter is scored on: the native look, roads and looks that it has not learnt from.

    Looks are of other seeds, at full strength; "unseen effect" is a JPEG's blocks, which no look has.
    """
    draws = np.random.default_rng(np.random.SeedSequence([first_seed, *b"test"]))
    known = pool(config, first_seed, count)
    strange = pool(config, first_seed, count, UNSEEN_ROADS)
    looks = [draw_look(first_seed + number, 1.0) for number in range(count)]
    native = [NATIVE] * count
    sets = {"native": known.draw(draws, native), "unseen roads": strange.draw(draws, native),
            "unseen looks": known.draw(draws, looks), "unseen roads and looks": strange.draw(draws, looks)}
    rgb, mask = sets["native"]
    return {**sets, "unseen effect": (np.stack([_squeezed(picture) for picture in rgb]), mask)}


def _squeezed(picture: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) as a poor JPEG gives it back."""
    held = BytesIO()
    Image.fromarray(picture).save(held, "JPEG", quality=JPEG_QUALITY)
    return np.asarray(Image.open(held).convert("RGB"))
