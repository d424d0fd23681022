"""One loop in which a driver meets a world: collection, evaluation and rendering all go through it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drive_gen.data.processes import results_of
from drive_gen.data.progress import progress_bar
from drive_gen.data.store import INDEX, Row, key_of, read_index, write_episodes
from drive_gen.drivers import Driver, Engine, load_driver
from drive_gen.envs.episode import META_ACTIONS, Episode
from drive_gen.envs.files import InputError, make_folder
from drive_gen.envs.vector import DriveEnv, source_of
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.policy import Policy, State

if TYPE_CHECKING:
    from drive_gen.envs.simulator.simulator import Simulator
    from drive_gen.envs.simulator.single import SimulatorEnv
    from drive_gen.envs.vector import DriveEnv

BATCH = 32  # episodes that one process drives at once
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


def roll_out(env: DriveEnv | SimulatorEnv, policy: Policy, seed: int, driver: str, *,
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
    relief = relief_of(seed, handover)
    rewards: list[float] = []
    crashed = off_road = truncated = False
    while True:
        if teacher and relief is not None and len(rewards) >= relief:
            action = teacher.decide(observation[None])[0]
        else:
            action = chooser.decide(observation[None])[0]
            if teacher:
                env.advise(int(teacher.decide(observation[None])[0]))
            if explore and draws.random() < explore:
                action = draws.integers(len(META_ACTIONS))
        observation, reward, terminated, truncated, info = env.step(action)
        rewards.append(reward)
        crashed, off_road = bool(info["crashed"]), off_road or bool(info["off_road"])
        if terminated or truncated:
            break
    notes = notes_of(rewards, crashed, off_road, truncated, explore, relief)
    episode = env.episode(driver, notes)
    return episode, Outcome(driver, seed, notes["return"], len(rewards), crashed, off_road, truncated,
                            chooser.spent_s / chooser.decisions * 1e3, float(episode.speed_mps[0].mean()))


def roll_out_many(simulator: Simulator, policy: Policy, seeds: Sequence[int], driver: str, *,
                  advisor: Policy | None = None, explore: float = 0.0,
                  handover: int = 0) -> list[tuple[Episode, Outcome]]:
    """As `roll_out` in the worlds of all seeds at once, at most as many as the simulator has.

    The same as one by one, but for roundings of a network that depend on the size of a batch.
    """
    worlds = np.arange(len(seeds))
    simulator.reset(np.array(seeds), worlds)
    runs = [_Run(seed, handover if advisor else 0) for seed in seeds]
    chooser, teacher = _Seat(policy, simulator), _Seat(advisor, simulator) if advisor else None
    while (active := np.array([number for number, run in enumerate(runs) if not run.over])).size:
        observations = simulator.observation[: len(seeds), 0].copy()
        actions = chooser.decide(observations, active.size)
        advice = teacher.decide(observations) if teacher else None
        for number in active.tolist():
            actions[number] = runs[number].act(actions[number], explore, advice[number] if advice is not None
                                               else None, int(simulator.clocks["steps"][number]))
        result = simulator.step(_of_all(actions, simulator), active)
        for number in active.tolist():
            runs[number].note(float(result.reward[number]), bool(result.crashed[number]),
                              bool(result.off_road[number]), bool(result.terminated[number]),
                              bool(result.truncated[number]))
    decision_ms = chooser.spent_s / chooser.decisions * 1e3
    return [run.result(simulator, number, driver, explore, decision_ms) for number, run in enumerate(runs)]


def _of_all(actions: np.ndarray, simulator: Simulator) -> np.ndarray:
    """The actions of all worlds: those without a seed stand still, and take no step."""
    every = np.zeros((simulator.worlds, *actions.shape[1:]), actions.dtype)
    every[: len(actions)] = actions
    return every


class _Run:
    """One of many episodes under way."""

    def __init__(self, seed: int, handover: int) -> None:
        self.seed, self.over = seed, False
        self.draws = np.random.default_rng([seed, EXPLORATION])
        self.relief = relief_of(seed, handover)
        self.rewards: list[float] = []
        self.crashed = self.off_road = self.truncated = False
        self.advice: dict[int, int] = {}  # frame -> META_ACTIONS

    def act(self, action: Any, explore: float, advice: Any, frame: int) -> Any:
        """What is done, of what the driver would do and what the advisor says."""
        if self.relief is not None and len(self.rewards) >= self.relief:
            return advice
        if advice is not None:
            self.advice[frame] = int(advice)
        if explore and self.draws.random() < explore:
            return self.draws.integers(len(META_ACTIONS))
        return action

    def note(self, reward: float, crashed: bool, off_road: bool, terminated: bool, truncated: bool) -> None:
        """What a step came to."""
        self.rewards.append(reward)
        self.crashed, self.off_road = crashed, self.off_road or off_road
        self.truncated, self.over = truncated, terminated or truncated

    def result(self, simulator: Simulator, number: int, driver: str, explore: float,
               decision_ms: float) -> tuple[Episode, Outcome]:
        """The episode and how it went."""
        from drive_gen.envs.simulator.single import advised, copied

        notes = notes_of(self.rewards, self.crashed, self.off_road, self.truncated, explore, self.relief)
        episode = copied(simulator.episode(number, driver, notes))
        episode = advised(episode, self.advice) if self.advice else episode
        return episode, Outcome(driver, self.seed, notes["return"], len(self.rewards), self.crashed,
                                self.off_road, self.truncated, decision_ms,
                                float(episode.speed_mps[0].mean()))


def relief_of(seed: int, handover: int) -> int | None:
    """The decision at which the advisor takes over; None for never."""
    return int(np.random.default_rng([seed, HANDOVER]).integers(1, handover + 1)) if handover else None


def notes_of(rewards: Sequence[float], crashed: bool, off_road: bool, truncated: bool, explore: float,
             relief: int | None) -> dict[str, Any]:
    """What an episode's source says of how it went."""
    return {"return": float(np.sum(rewards)), "decisions": len(rewards), "crashed": crashed,
            "off_road": off_road, "truncated": truncated, "explore": explore, "handover": relief}


class _Seat:
    """A policy in some worlds: its state between decisions, and the time it takes."""

    def __init__(self, policy: Policy, env: DriveEnv | SimulatorEnv | Simulator) -> None:
        self.policy, self.spent_s, self.decisions = policy, 0.0, 0
        self.state: State | None = None
        self.fresh = True
        if hasattr(policy, "attach"):
            policy.attach(env)

    def decide(self, observations: np.ndarray, active: int = 1) -> np.ndarray:
        """The actions for observations (W, 17, 9), of which `active` worlds go on."""
        start_s = time.perf_counter()
        actions, self.state = self.policy.predict(observations, self.state,
                                                  np.full(len(observations), self.fresh),
                                                  deterministic=not getattr(self.policy, "sampling", False))
        self.fresh = False
        self.spent_s += time.perf_counter() - start_s
        self.decisions += active
        return actions


@dataclass(frozen=True)
class _Job:
    """Episodes of one driver to collect, at once where the engine can."""

    reference: str
    config: EnvConfig
    seeds: tuple[int, ...]
    explore: float
    advisor: str | None
    handover: int
    policy_seed: int
    driver_hash: str
    engine: Engine


def collect(config: EnvConfig, drivers: Sequence[str], episodes: int, seed: int, out: Path, workers: int = 0,
            *, explore: float = 0.0, advisor: str | None = None, handover: int = 0,
            engine: Engine = "simulator",
            on_outcome: Callable[[Outcome], None] = lambda outcome: None) -> list[Row]:
    """Record episodes of each driver in the worlds of seeds seed, seed + 1, ... into a store; the rows added.

    Episodes that the store holds are passed over, so a stopped collection goes on where it was; ^C keeps
    what is finished. The store's bytes do not depend on the number of worker processes (0: one a core).
    Exploration and advice are for drivers by meta-actions; IDM as the ego gets neither. The simulator's
    episodes are highway-env's, much sooner.
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
    for driver in loaded.values():  # what cannot be driven is told before anything is written
        with closing(driver.env_for(config, engine)) as env:
            if hasattr(driver.policy, "attach"):
                driver.policy.attach(env)
    make_folder(out)
    known = {row.key for row in read_index(out)} if (out / INDEX).exists() else set()
    jobs = []
    for reference, driver in loaded.items():
        label = _label(driver, explore, handover)
        missing = [number for number in range(seed, seed + episodes)
                   if key_of(source_of(driver.config_for(config), label, number)) not in known]
        jobs += [_Job(reference, config, part, explore, advisor, handover, seed, driver.hash, engine)
                 for part in batched(missing, BATCH if engine == "simulator" else 1)]
    return write_episodes(out, _episodes(jobs, workers, on_outcome))


def _label(driver: Driver, explore: float, handover: int) -> str:
    """Name of a driver in the store: one that explores, or hands over, is another one."""
    if driver.ego != "policy" or driver.actions != "meta":
        return driver.label
    return driver.label + (f"+explore{explore:g}" if explore else "") + ("+handover" if handover else "")


def batched(numbers: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Consecutive parts of at most so many."""
    return [tuple(numbers[start : start + size]) for start in range(0, len(numbers), size)]


def _episodes(jobs: list[_Job], workers: int, on_outcome: Callable[[Outcome], None]) -> Iterator[Episode]:
    """The jobs' episodes, in order."""
    total = sum(len(job.seeds) for job in jobs)
    with results_of(jobs, _run, workers) as results, progress_bar() as progress:
        task = progress.add_task("collecting", total=total)
        for batch in results:
            for episode, outcome in batch:
                on_outcome(outcome)
                yield episode
                progress.advance(task)


@cache
def seat_of(reference: str, config: EnvConfig, policy_seed: int, mode: str | None, digest: str,
            engine: Engine) -> tuple[Driver, DriveEnv | Simulator]:
    """A driver and its worlds, made once a process; by its hash, as a checkpoint may be trained anew."""
    driver = load_driver(reference, config, policy_seed, mode)
    if driver.trained:
        import torch

        torch.set_num_threads(1)  # the processes share the cores
    if engine == "simulator":
        return driver, driver.simulator_for(config, BATCH)
    env = driver.env_for(config, engine)
    assert isinstance(env, DriveEnv)
    return driver, env


@cache
def _advisor_of(reference: str, config: EnvConfig, policy_seed: int) -> Policy:
    return load_driver(reference, config, policy_seed).policy


def _run(job: _Job) -> list[tuple[Episode, Outcome]]:
    driver, worlds = seat_of(job.reference, job.config, job.policy_seed, None, job.driver_hash, job.engine)
    free = driver.ego == "policy" and driver.actions == "meta"
    advisor = _advisor_of(job.advisor, job.config, job.policy_seed) if job.advisor and free else None
    return drive(worlds, driver.policy, job.seeds, _label(driver, job.explore, job.handover), advisor=advisor,
                 explore=job.explore if free else 0.0, handover=job.handover if advisor else 0)


def drive(worlds: DriveEnv | Simulator, policy: Policy, seeds: Sequence[int], label: str,
          **more: Any) -> list[tuple[Episode, Outcome]]:
    """Episodes of all seeds, at once in a simulator, else one by one."""
    from drive_gen.envs.simulator.simulator import Simulator

    if isinstance(worlds, Simulator):
        return roll_out_many(worlds, policy, seeds, label, **more)
    return [roll_out(worlds, policy, seed, label, **more) for seed in seeds]
