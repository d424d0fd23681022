"""Speed of labelled frames beside highway-env's renderer, and the floor of segmentation:
python scripts/bench_frames.py [--scenes 60] [--seconds 3]

Frames of 128 x 128 a CPU second on one core: ours are RGB with masks, instances and boxes; highway-env's
are RGB alone, of the same worlds. The floor is a colour look-up: for each colour of highway-env's pictures
the class it most often is, learnt on half of the seeds and scored on the others.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium
import highway_env  # noqa: F401  registers the environments
import numpy as np
import tyro

from drive_gen.envs.frames import ground
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.frame import CLASSES, EGO, MARKING, ROAD, TRUCK
from drive_gen.envs.frames.looks import NATIVE, Look, draw_look
from drive_gen.envs.frames.scenes import HIGHWAYS, Traffic, scenes_of
from drive_gen.envs.frames.views import BirdView, Dashcam, View
from drive_gen.envs.reference import export_state, make_stock
from drive_gen.envs.road import Road
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.world import EnvConfig

SIZE, M_PER_PX = 128, 0.4
HEAVY = Look(night=0.5, rain=0.5, blur=1.0, texture=0.5, noise=0.5)


def rate(draw: Callable[[int], Any], seconds: float) -> float:
    """Calls a CPU second, the first left out."""
    draw(0)
    start_s = time.process_time()
    for number in itertools.count(1):
        draw(number)
        if (spent_s := time.process_time() - start_s) > seconds:
            return number / spent_s
    raise AssertionError


def stock_pictures(env: str) -> Any:
    """highway-env with pictures of our size and scale."""
    settings = {"screen_width": SIZE, "screen_height": SIZE, "scaling": 1 / M_PER_PX,
                "centering_position": [0.5, 0.5], "offscreen_rendering": True, "real_time_rendering": False}
    world = gymnasium.make(env, render_mode="rgb_array", config=settings)
    world.reset(seed=0)
    return world


def floor(seeds: int) -> None:
    """Print the colour look-up's IoU on straight roads, where highway-env's picture is ours turned by 90."""
    for env in ("highway-fast-v0", "two-way-v0"):
        world, pictures, masks = stock_pictures(env), [], []
        simulator = Simulator(EnvConfig(env))
        for seed in range(seeds):
            world.reset(seed=seed)
            picture = world.render()[:, :, :3]
            pictures.append(picture >> 2)
            stock = make_stock(EnvConfig(env))
            stock.reset(seed=seed)
            simulator.from_env(0, export_state(stock))
            mask = np.rot90(draw_frame(simulator.scene(0), BirdView(SIZE, M_PER_PX)).mask, -1).copy()
            white = (picture > 200).all(-1)  # its dashes are not ours: its own paint is the truth
            mask[(mask == MARKING) & ~white] = ROAD
            mask[(mask < EGO) & white] = MARKING
            masks.append(mask)
        codes = (np.array(pictures).astype(np.int64) * (1, 64, 4096)).sum(-1)
        truth, half = np.array(masks), seeds // 2
        counts = np.zeros((64**3, len(CLASSES)), np.int64)
        np.add.at(counts, (codes[:half].ravel(), truth[:half].ravel()), 1)
        guess, held = counts.argmax(1)[codes[half:]], truth[half:]
        ious = [((guess == label) & (held == label)).sum() / ((guess == label) | (held == label)).sum()
                for label in range(TRUCK)]
        each = ", ".join(f"{name} {iou:.2f}" for name, iou in zip(CLASSES, ious, strict=False))
        print(f"floor, colour look-up on highway-env's {env}: mean IoU {np.mean(ious):.3f} ({each})")


def stored(scenes: list[Any], seconds: float) -> None:
    """Print how soon a road's copy, as each stored episode brings one, is drawn, beside a grid of its own."""
    def fresh(number: int) -> Any:
        scene = scenes[number % len(scenes)]
        return replace(scene, road=Road(tuple(replace(lane) for lane in scene.road.lanes)))

    view = BirdView(SIZE, M_PER_PX)

    def anew(number: int) -> None:
        ground._built.cache_clear()
        draw_frame(fresh(number), view)

    shared, rival = rate(lambda number: draw_frame(fresh(number), view), seconds), rate(anew, seconds)
    print(f"first frame of a stored episode {shared:7.0f} a CPU second, "
          f"{shared / rival:.1f} times as many as with a grid built anew")


def main(scenes: int = 60, seconds: float = 3.0) -> None:
    """Print frames a second, the ratio, and the floor."""
    found = scenes_of(Traffic(HIGHWAYS), range(scenes))
    views: tuple[View, ...] = (BirdView(SIZE, M_PER_PX), Dashcam(SIZE))
    looks: dict[str, Callable[[int], Look]] = {"native": lambda _: NATIVE, "all effects": lambda _: HEAVY,
                                               "drawn by seed": lambda number: draw_look(number, 1.0)}
    world = stock_pictures("highway-v0")
    rival = rate(lambda _: world.render(), seconds)
    print(f"highway-env's renderer, highway-v0 {rival:7.0f} RGB a CPU second")
    for view, (name, look_of) in itertools.product(views, looks.items()):
        def draw(number: int, view: View = view, look_of: Callable[[int], Look] = look_of) -> None:
            draw_frame(found[number % scenes], view, look_of(number))

        ours = rate(draw, seconds)
        print(f"{type(view).__name__:9} {name:14} {ours:7.0f} RGB + labels a CPU second, "
              f"{ours / rival:.1f} times highway-env's")
    stored(found, seconds)
    floor(40)


if __name__ == "__main__":
    tyro.cli(main)
