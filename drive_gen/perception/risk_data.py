"""Moments before a crash, or before none, by seed: frames, and what the episode says came of them.

The driver acts at random up to a moment drawn by the seed and does nothing from there on, so that a crash
follows from what can be seen and not from a coin that is still to be thrown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from drive_gen.envs.actions import IDLE
from drive_gen.envs.episode import META_ACTIONS, Episode
from drive_gen.envs.files import InputError
from drive_gen.envs.frames.cells import cells_of
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.looks import Look, draw_look
from drive_gen.envs.frames.views import BirdView
from drive_gen.evaluate.rows import following
from drive_gen.evaluate.safety import time_to_collision
from drive_gen.perception.risk_config import BUCKETS_S, CELL_PX, HORIZON_S, RiskConfig, RiskTraffic

HZ, WORLDS = 10, 32  # frames a second; worlds simulated together
RANDOM_DECISIONS, IDLE_DECISIONS = (2, 7), 5  # one a second
MOMENT_S, MOMENTS = 0.5, 6  # between an episode's moments, and how many


@dataclass(frozen=True, eq=False)
class Moments:
    """N moments of episodes: what was seen and what came of it."""

    frames: np.ndarray  # (N, F, S, S, 3) uint8
    crash: np.ndarray  # (N,) bool, the ego crashes within HORIZON_S
    ttc_s: np.ndarray  # (N,) float64 to the ego's lead at constant speeds; inf or NaN: no conflict
    seed: np.ndarray  # (N,) int64, of the episode
    cells: np.ndarray  # (N, S / CELL_PX, S / CELL_PX, FACTS) float16, of the last frame

    def __len__(self) -> int:
        return len(self.crash)

    @property
    def bucket(self) -> np.ndarray:
        """Time-to-collision bucket, (N,) int64: a place in BUCKETS_S, or its length."""
        return bucket_of(self.ttc_s)


def bucket_of(ttc_s: np.ndarray) -> np.ndarray:
    """Bucket of each time, (...) int64; no lead is as no conflict."""
    return np.asarray(np.searchsorted(BUCKETS_S, np.nan_to_num(ttc_s, nan=np.inf)))


@lru_cache(maxsize=2)  # several networks are trained on the same moments
def moments_of(traffic: RiskTraffic, config: RiskConfig) -> Moments:
    """All moments of the traffic's episodes, the same bytes for the same arguments."""
    view = BirdView(config.size_px, config.m_per_px, config.behind)
    gap, parts = round(config.gap_s * HZ), []
    for seed, episode, start in driven(traffic):
        ttc_s = exact_ttc_s(episode)
        look = draw_look(seed, traffic.look, traffic.effects)
        for now, crash in known_moments(episode, max(start, gap * (config.frames - 1))):
            seen = range(now - gap * (config.frames - 1), now + 1, gap)
            parts.append((_clip(episode, seen, view, look), crash, ttc_s[now], seed,
                          cells_of(episode.scene(now), view, (CELL_PX, CELL_PX))))
    if not parts:
        raise InputError(f"no moment in {traffic.episodes} episodes has a known future; ask for more")
    frames, crashes, times, seeds, cells = zip(*parts, strict=True)
    return Moments(np.stack(frames), np.array(crashes), np.array(times), np.array(seeds), np.stack(cells))


def known_moments(episode: Episode, start: int) -> list[tuple[int, bool]]:
    """Frames from `start` on whose future is known, and whether a crash is in it; none after a crash."""
    crashed = episode.crashed[_ego(episode)]
    ahead, found = round(HORIZON_S * HZ), []
    for now in range(start, start + MOMENTS * round(MOMENT_S * HZ), round(MOMENT_S * HZ)):
        future = crashed[now + 1 : now + 1 + ahead]
        if now >= episode.steps or crashed[now] or not (len(future) == ahead or future.any()):
            break
        found.append((now, bool(future.any())))
    return found


def exact_ttc_s(episode: Episode) -> np.ndarray:
    """Time to collision of the ego with its lead, (T,)."""
    gap, closing, _ = following(episode, _ego(episode))
    return time_to_collision(gap, closing)


def _clip(episode: Episode, seen: range, view: BirdView, look: Look) -> np.ndarray:
    """Frames (F, S, S, 3), numbers `seen` of an episode."""
    return np.stack([draw_frame(episode.scene(frame), view, look).rgb for frame in seen])


def _ego(episode: Episode) -> int:
    if episode.ego is None:
        raise InputError("risk is about an ego, and this episode has none")
    return episode.ego


def driven(traffic: RiskTraffic) -> Iterator[tuple[int, Episode, int]]:
    """Seed, episode and the frame from which the driver does nothing."""
    seeds = np.arange(traffic.first, traffic.first + traffic.episodes)
    for number, env in enumerate(traffic.envs):
        mine = seeds[seeds % len(traffic.envs) == number]
        for start in range(0, len(mine), WORLDS):
            yield from _driven(env, mine[start : start + WORLDS])


def _driven(env: str, seeds: np.ndarray) -> Iterator[tuple[int, Episode, int]]:
    """Worlds side by side, each until its end or until the driver has done nothing for long."""
    from drive_gen.envs.simulator.simulator import Simulator
    from drive_gen.envs.world import EnvConfig

    draws = [np.random.default_rng(np.random.SeedSequence([int(seed), *b"risk"])) for seed in seeds]
    stops = np.array([draw.integers(*RANDOM_DECISIONS) for draw in draws])
    simulator = Simulator(EnvConfig(env, simulation_hz=HZ, policy_hz=1, actions="meta"), len(seeds),
                          tape=True, threads=1)
    simulator.reset(seeds)
    over = np.zeros(len(seeds), bool)
    for decision in range(int(stops.max()) + IDLE_DECISIONS):
        over |= decision >= stops + IDLE_DECISIONS
        drawn = np.array([draw.integers(len(META_ACTIONS)) for draw in draws])
        step = simulator.step(np.where(decision < stops, drawn, IDLE), np.flatnonzero(~over), observe=False)
        over |= step.terminated | step.truncated
        if over.all():
            break
    for world, seed in enumerate(seeds.tolist()):
        yield seed, simulator.episode(world, "random, then idle"), int(stops[world]) * HZ
