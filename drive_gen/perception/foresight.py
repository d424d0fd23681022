"""Risk read off a film and foreseen: an Episode is read, and the simulator goes on from its end, many times.

No network learns the answer: what was read is uncertain by some decimetres, so worlds that differ by as much
are driven on, the ego doing nothing and IDM and MOBIL driving all others. The share that crashes is the risk.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from drive_gen.envs.actions import IDLE
from drive_gen.envs.episode import Episode, Scene, Source, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.log_simulator import LogSimulator
from drive_gen.envs.simulator.types import LOGGED
from drive_gen.perception.risk_config import HORIZON_S
from drive_gen.perception.risk_data import exact_ttc_s

WORLDS, LATE_S = 24, 2.0  # driven on; a crash so much later than asked for still says something
PLACE_M, SPEED_MPS = 0.2, 0.7  # standard deviations of what is read
DT_S, NEAR_M, LEAST_MPS = 0.1, 80.0, 0.1
LATE = 0.2  # of a share that crashes later, in the score


class Foreseen(NamedTuple):
    """What comes, if the ego goes on doing nothing."""

    crash: float  # score from 0 to 1 that rises with the risk of a crash within HORIZON_S
    ttc_s: float  # to the lead at constant speeds; inf or NaN: no conflict


def foresee(episode: Episode, seed: int = 0) -> Foreseen:
    """The risk after an episode's last frame, as far as its states tell."""
    if episode.ego is None or not episode.valid[episode.ego, -1]:
        raise InputError("risk is about an ego, and this episode has none at its end")
    scene, ttc_s = episode.scene(episode.steps - 1), float(exact_ttc_s(episode)[-1])
    if scene.crashed[scene.ego or 0]:
        return Foreseen(1.0, ttc_s)
    soon, later = crashes(scene, np.random.default_rng(seed))
    return Foreseen((soon + LATE * later) / (1 + LATE), ttc_s)


def crashes(scene: Scene, draws: np.random.Generator, worlds: int = WORLDS) -> tuple[float, float]:
    """The shares of worlds like a scene in which its ego crashes within HORIZON_S, and LATE_S later."""
    log = _standing(_near(scene))
    speed = max(float(scene.speed_mps[scene.ego or 0]), LEAST_MPS)
    simulator = LogSimulator(log, worlds, horizon_s=HORIZON_S + LATE_S, threads=1,
                             target_speeds_mps=(speed, speed + 10))  # doing nothing keeps the speed
    simulator.begin(np.tile([log.ego or 0, 0], (worlds, 1)))
    cars = simulator.cars
    for name, spread in (("x", PLACE_M), ("y", PLACE_M), ("speed", SPEED_MPS)):
        cars[name][1:] += draws.normal(0, spread, cars[name][1:].shape)  # the first world is what was read
    cars["speed"] = np.abs(cars["speed"])
    simulator.hand_over(cars["kind"] == LOGGED, "idm")
    action = np.full(worlds, IDLE)
    shares = []
    for _ in range(round((HORIZON_S + LATE_S) / simulator.decision_s)):
        simulator.step(action, observe=False)
        shares.append(float(simulator.egos()["crashed"].mean()))
    return shares[round(HORIZON_S / simulator.decision_s) - 1], shares[-1]


def _near(scene: Scene) -> Scene:
    """Those who can come near the ego in time."""
    away = scene.position_m - scene.position_m[scene.ego or 0]
    here = np.flatnonzero(np.hypot(*away.T) < NEAR_M)
    columns = ("position_m", "heading_rad", "speed_mps", "size_m", "crashed", "agent_id", "kind")
    return replace(scene, **{name: getattr(scene, name)[here] for name in columns},
                   ego=int(np.flatnonzero(here == scene.ego)[0]))


def _standing(scene: Scene) -> Episode:
    """A scene as a log: nobody of it is the log's from its first frame on, so only that one counts."""
    frames = round((HORIZON_S + LATE_S) / DT_S) + 2

    def held(values: np.ndarray) -> np.ndarray:
        return np.repeat(values[:, None].astype(np.float64), frames, axis=1)

    return make_episode(held(scene.position_m), held(scene.heading_rad), held(scene.speed_mps), scene.size_m,
                        np.ones((len(scene.agent_id), frames), bool), dt_s=DT_S, road=scene.road,
                        source=Source("logged", "drive_gen.foresight", "scene"), ego=scene.ego,
                        agent_id=scene.agent_id, kind=scene.kind)
