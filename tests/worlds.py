"""Small episodes for the tests: cars at constant speed, arbitrary arrays, and a recorded simulation."""

from __future__ import annotations

from functools import cache

import numpy as np

from drive_gen.envs.episode import KINDS, META_ACTIONS, Episode, Source, make_episode
from drive_gen.envs.road import Lane, Road, straight_road

SOURCE = Source(kind="simulated", name="test", group="test/0", seed=0, driver="test")


def cruising(
    starts_m: list[tuple[float, float]],
    speeds_mps: list[float],
    frames: int = 21,
    dt_s: float = 0.2,
    road: Road | None = None,
    ego: int | None = 0,
    **more: np.ndarray,
) -> Episode:
    """Cars of 5 x 2 m at constant speed along +x; agent 0 is the ego unless told."""
    shape = (len(starts_m), frames)
    position = np.repeat(np.array(starts_m, dtype=float)[:, None], frames, axis=1)
    speed = np.repeat(np.array(speeds_mps, dtype=float)[:, None], frames, axis=1)
    position[..., 0] += speed * np.arange(frames) * dt_s
    return make_episode(
        position,
        np.zeros(shape),
        speed,
        np.tile([5.0, 2.0], (shape[0], 1)),
        np.ones(shape, bool),
        dt_s=dt_s,
        road=road or straight_road(3, 1000.0),
        source=SOURCE,
        ego=ego,
        **more,
    )


def arbitrary(seed: int, agents: int = 6, frames: int = 12) -> Episode:
    """An episode with every array filled at random, on a road with bends, links and no-limit lanes."""
    draw = np.random.default_rng(seed)
    shape = (agents, frames)
    x = (
        np.sort(draw.uniform(0, 300, (agents, 1)), axis=0)
        + draw.uniform(15, 30, (agents, 1)) * np.arange(frames) * 0.2
    )
    position = np.stack((x, draw.uniform(-1, 9, shape)), axis=-1)
    lanes = (
        Lane(np.array([[0.0, 0.0], [400.0, 0.0]]), 4.0, right=1),
        Lane(np.array([[0.0, 4.0], [200.0, 4.0], [400.0, 6.0]]), 4.0, 30.0, left=0, successors=(2,)),
        Lane(np.array([[400.0, 6.0], [600.0, 9.0]]), 3.7, 25.0),
    )
    return make_episode(
        position,
        draw.normal(0, 0.2, shape),
        draw.uniform(0, 35, shape),
        draw.uniform((4, 1.6), (15, 2.6), (agents, 2)),
        draw.random(shape) < 0.8,
        dt_s=0.2,
        road=Road(lanes),
        ego=int(draw.integers(agents)) if seed % 2 else None,
        source=Source(
            "simulated",
            "arbitrary",
            f"group/{seed}",
            seed=seed,
            driver="nobody",
            config_hash="c0ffee",
            licence="CC0",
            versions={"numpy": "2"},
            notes={"parents": [1, 2], "share": 0.25},
        ),
        crashed=draw.random(shape) < 0.1,
        control=draw.normal(size=(*shape, 2)),
        control_known=draw.random(shape) < 0.5,
        meta_action=draw.integers(len(META_ACTIONS), size=shape),
        meta_known=draw.random(shape) < 0.5,
        advice=draw.integers(len(META_ACTIONS), size=shape),
        advice_known=draw.random(shape) < 0.5,
        agent_id=draw.permutation(agents) + 100,
        kind=draw.integers(len(KINDS), size=agents),
    )


@cache
def simulated(seed: int, decisions: int = 12) -> Episode:
    """highway-fast-v0 with an ego that acts at random."""
    from drive_gen.envs.vector import DriveEnv

    world = DriveEnv(env="highway-fast-v0", record=True)
    draw = np.random.default_rng(seed)
    world.reset(seed=seed)
    for _ in range(decisions):
        if world.step(int(draw.integers(len(META_ACTIONS))))[2]:
            break
    return world.episode("random")
