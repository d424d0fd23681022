"""One loop in which a driver meets a world: collection, evaluation and rendering all go through it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drive_gen.data.processes import progress_bar, results_of
from drive_gen.data.store import INDEX, Row, key_of, read_index, write_episodes
from drive_gen.drivers import Driver, Engine, load_driver
from drive_gen.envs.episode import META_ACTIONS, Episode
from drive_gen.envs.files import InputError, make_folder
from drive_gen.envs.vector import source_of
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.policy import Policy, State

if TYPE_CHECKING:
    from drive_gen.envs.kernel_env import KernelEnv
    from drive_gen.envs.vector import DriveEnv

EXPLORATION = 1  # names of the streams of random numbers that exploration and
HANDOVER = 2  # the handover to the advisor draw from


@dataclass(frozen=True)
class Outcome:
    """How one episode went."""

    driver: str
    seed: int
    return_: float  # sum of highway-env's rewards
    decisions: int
    crashed: bool
    off_road: bool  # at the end of any decision
    truncated: bool  # by the time limit
    decision_ms: float  # mean time that the driver took to decide
    mean_speed_mps: float

    @property
    def success(self) -> bool:
        """Neither crashed nor off the road, to the end."""
        return not (self.crashed or self.off_road)


def roll_out(env: DriveEnv | KernelEnv, policy: Policy, seed: int, driver: str, *,
             advisor: Policy | None = None, explore: float = 0.0,
            handover: int = 0) -> tuple[Episode, Outcome]:
    """One recorded episode of a driver in the world of a seed.

    A share `explore` of the decisions is replaced by random meta-actions. An advisor's meta-action is
    recorded as advice at every decision, whatever was done, until the advisor takes over for good: at a
    random decision from 1 to `handover` (never where it is 0). From there on the returns are the advisor's,
    in a place where the driver brought it (the roll-ins and roll-outs of AggreVaTe, Ross and Bagnell, 2014).
    """
    observation, _ = env.reset(seed=seed)
    chooser, teacher = _Seat(policy, env), _Seat(advisor, env) if advisor else None
    draws = np.random.default_rng([seed, EXPLORATION])
    relief = int(np.random.default_rng([seed, HANDOVER]).integers(1, handover + 1)) if handover else None
    rewards: list[float] = []
    crashed = off_road = truncated = False
    while True:
        if teacher and relief is not None and len(rewards) >= relief:
            action = teacher.decide(observation)
        else:
            action = chooser.decide(observation)
            if teacher:
                env.advise(int(teacher.decide(observation)))
            if explore and draws.random() < explore:
                action = draws.integers(len(META_ACTIONS))
        observation, reward, terminated, truncated, info = env.step(action)
        rewards.append(reward)
        crashed, off_road = bool(info["crashed"]), off_road or bool(info["off_road"])
        if terminated or truncated:
            break
    notes: dict[str, Any] = {"return": float(np.sum(rewards)), "decisions": len(rewards), "crashed": crashed,
             "off_road": off_road, "truncated": truncated, "explore": explore, "handover": relief}
    episode = env.episode(driver, notes)
    return episode, Outcome(driver, seed, notes["return"], len(rewards), crashed, off_road, truncated,
                            chooser.spent_s / chooser.decisions * 1e3, float(episode.speed_mps[0].mean()))


class _Seat:
    """A policy in one world: its state between decisions, and the time it takes."""

    def __init__(self, policy: Policy, env: DriveEnv | KernelEnv) -> None:
        self.policy, self.spent_s, self.decisions = policy, 0.0, 0
        self.state: State | None = None
        self.fresh = True
        if hasattr(policy, "attach"):
            policy.attach(env)

    def decide(self, observation: np.ndarray) -> Any:
        """The action for one observation (17, 9)."""
        start_s = time.perf_counter()
        actions, self.state = self.policy.predict(observation[None], self.state, np.array([self.fresh]),
                                                  deterministic=not getattr(self.policy, "sampling", False))
        self.fresh = False
        self.spent_s += time.perf_counter() - start_s
        self.decisions += 1
        return actions[0]


@dataclass(frozen=True)
class _Job:
    """One episode to collect."""

    reference: str
    config: EnvConfig
    seed: int
    explore: float
    advisor: str | None
    handover: int
    policy_seed: int
    driver_hash: str
    engine: Engine


def collect(config: EnvConfig, drivers: Sequence[str], episodes: int, seed: int, out: Path, workers: int = 0,
            *, explore: float = 0.0, advisor: str | None = None, handover: int = 0,
            engine: Engine = "reference",
            on_outcome: Callable[[Outcome], None] = lambda outcome: None) -> list[Row]:
    """Record episodes of each driver in the worlds of seeds seed, seed + 1, ... into a store; the rows added.

    Episodes that the store holds are passed over, so a stopped collection goes on where it was; ^C keeps
    what is finished. The store's bytes do not depend on the number of worker processes (0: one a core).
    Exploration and advice are for drivers by meta-actions; IDM as the ego gets neither. The kernel engine's
    episodes are highway-env's, much sooner (envs/kernel_env.py).
    """
    if episodes < 1:
        raise InputError(f"--episodes is {episodes}, expected 1 or more")
    if not 0 <= explore <= 1:
        raise InputError(f"--explore is {explore}, expected a share from 0 to 1")
    loaded = {reference: load_driver(reference, config, seed) for reference in drivers}
    if handover < 0 or (handover and advisor is None):
        raise InputError(f"--handover is {handover}, expected 0 or the last decision at which --advisor, "
                         f"which must be given, takes over")
    if advisor is not None and load_driver(advisor, config, seed).actions != "meta":
        raise InputError(f"--advisor {advisor} does not take meta-actions; use planner")
    for driver in loaded.values():
        driver.env_for(config, engine).close()  # what cannot be driven is told before anything is written
    make_folder(out)
    known = {row.key for row in read_index(out)} if (out / INDEX).exists() else set()
    jobs = []
    for reference, driver in loaded.items():
        for number in range(seed, seed + episodes):
            label = _label(driver, explore, handover)
            source = source_of(driver.config_for(config), label, number)
            if key_of(source) not in known:
                jobs.append(_Job(reference, config, number, explore, advisor, handover, seed, driver.hash,
                                 engine))
    return write_episodes(out, _episodes(jobs, workers, on_outcome))


def _label(driver: Driver, explore: float, handover: int) -> str:
    """Name of a driver in the store: one that explores, or hands over, is another one."""
    if driver.ego != "policy" or driver.actions != "meta":
        return driver.label
    return driver.label + (f"+explore{explore:g}" if explore else "") + ("+handover" if handover else "")


def _episodes(jobs: list[_Job], workers: int, on_outcome: Callable[[Outcome], None]) -> Iterator[Episode]:
    """The jobs' episodes, in order."""
    with results_of(jobs, _run, workers) as results, progress_bar() as progress:
        for episode, outcome in progress.track(results, total=len(jobs), description="collecting"):
            on_outcome(outcome)
            yield episode


@cache
def _seat_of(reference: str, config: EnvConfig, policy_seed: int, digest: str,
             engine: Engine) -> tuple[Driver, DriveEnv | KernelEnv]:
    """A driver and its environment, made once a process; by its hash, as a checkpoint may be trained anew."""
    driver = load_driver(reference, config, policy_seed)
    if driver.trained:
        import torch

        torch.set_num_threads(1)  # the processes share the cores
    return driver, driver.env_for(config, engine)


@cache
def _advisor_of(reference: str, config: EnvConfig, policy_seed: int) -> Policy:
    return load_driver(reference, config, policy_seed).policy


def _run(job: _Job) -> tuple[Episode, Outcome]:
    driver, env = _seat_of(job.reference, job.config, job.policy_seed, job.driver_hash, job.engine)
    free = driver.ego == "policy" and driver.actions == "meta"
    advisor = _advisor_of(job.advisor, job.config, job.policy_seed) if job.advisor and free else None
    return roll_out(env, driver.policy, job.seed, _label(driver, job.explore, job.handover),
                    advisor=advisor, explore=job.explore if free else 0.0,
                    handover=job.handover if advisor else 0)
