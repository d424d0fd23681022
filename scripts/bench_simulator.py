"""Speed of the batched simulator beside highway-env and EnvPool: python scripts/bench_simulator.py

Policy steps a CPU second, observations included, under random meta-actions, with ended episodes begun anew
(highway-env's own resets are not counted: they would flatter us). EnvPool is another simulator of the
same worlds, in C++ (scripts/envpool_fidelity.py tells how equal); `pip install -e '.[bench]'` brings it.
Ratios travel, seconds do not.

--quick takes about a minute; --json FILE writes the rows; --curves FILE.png draws cost by vehicles and by
worlds.
"""

from __future__ import annotations

import importlib.util
import itertools
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from gymnasium.vector import AutoresetMode
from rich.console import Console
from rich.table import Table

from drive_gen.envs.files import replacing, write_json
from drive_gen.envs.reference import make_stock
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.simulator.vector_env import SimulatorVectorEnv
from drive_gen.envs.world import EnvConfig

ENVS = ("highway-v0", "highway-fast-v0", "exit-v0", "merge-v0", "merge-v1", "roundabout-v0", "roundabout-v1",
        "two-way-v0", "u-turn-v0", "intersection-v0", "intersection-v2", "racetrack-v0", "racetrack-v1")
IN_ENVPOOL = {"highway-v0", "highway-fast-v0", "exit-v0", "merge-v0", "roundabout-v0", "two-way-v0",
              "u-turn-v0", "intersection-v0", "racetrack-v0"}


@dataclass(frozen=True)
class Bench:
    """Measure the simulator."""

    worlds: int = 256
    seconds: float = 4.0  # of CPU time for each figure
    envs: tuple[str, ...] = ENVS
    quick: bool = False
    json: Path | None = None
    curves: Path | None = None


@dataclass(frozen=True)
class Row:
    """One environment: policy steps a CPU second."""

    family: str
    simulator: float
    reference: float
    envpool: float | None
    vs_reference: float
    vs_envpool: float | None
    one_world: float  # the simulator with W = 1
    one_world_vs_reference: float
    cores_speedup: float  # wall time with all threads against one
    reset_ms: float  # a world
    world_kb: float


def main(wanted: Bench) -> int:
    """Print the table, and write what was asked for."""
    if wanted.quick:
        wanted = replace(wanted, seconds=1.0, worlds=128, envs=("highway-v0", "highway-fast-v0", "merge-v0",
                                                               "roundabout-v0", "intersection-v0"))
    console = Console(width=max(Console().width, 110))  # of the table, in a pipe too
    rows = []
    for env in wanted.envs:
        rows.append(measured(env, wanted))
        console.print(f"{env}: {rows[-1].simulator:,.0f} policy steps a CPU second, "
                      f"{rows[-1].vs_reference:,.0f}x highway-env", highlight=False)
    table = Table("environment", "steps/CPU s", "highway-env", "ratio", "EnvPool", "ratio", "W = 1", "ratio",
                  "all cores", "reset, ms", "kB")
    for row in rows:
        table.add_row(row.family, f"{row.simulator:,.0f}", f"{row.reference:.1f}",
                      f"{row.vs_reference:,.0f}x",
                      *((f"{row.envpool:,.0f}", f"{row.vs_envpool:.1f}x") if row.envpool else ("-", "-")),
                      f"{row.one_world:,.0f}", f"{row.one_world_vs_reference:,.0f}x",
                      f"{row.cores_speedup:.2f}x", f"{row.reset_ms:.3f}", f"{row.world_kb:.1f}")
    console.print(table)
    print(f"import with a warm cache: {import_s():.2f} s")
    if wanted.json:
        write_json(wanted.json, [asdict(row) for row in rows])
        print(f"wrote {wanted.json}")
    if wanted.curves:
        draw(wanted)
        print(f"wrote {wanted.curves}")
    return 0


def measured(env: str, wanted: Bench) -> Row:
    """All figures of one environment, in one go: the machine's noise is the same for all."""
    config = EnvConfig(env=env)
    ours = rate(vector_steps(config, wanted.worlds, 1), wanted.seconds)
    theirs = reference(config, wanted.seconds)
    one = rate(vector_steps(config, 1, 1), wanted.seconds)
    rival = env in IN_ENVPOOL and has_envpool()
    pool = rate(envpool_steps(env, wanted.worlds), wanted.seconds) if rival else None
    wall = best_of_turns([vector_steps(config, wanted.worlds, threads) for threads in (1, None)],
                         wanted.seconds)
    simulator = Simulator(config, wanted.worlds, threads=1)
    simulator.reset(0)
    start_s = time.process_time()
    for seed in range(5):
        simulator.reset(seed * wanted.worlds)
    reset_ms = (time.process_time() - start_s) / 5 / wanted.worlds * 1e3
    held = (simulator.cars, simulator.clocks, simulator.observation)
    world_kb = sum(array.nbytes for array in held) / wanted.worlds / 1e3
    return Row(env, ours, theirs, pool, ours / theirs, ours / pool if pool else None, one, one / theirs,
               wall[1] / wall[0], reset_ms, world_kb)


def rate(work: Callable[[], int], seconds: float, clock: Callable[[], float] = time.process_time) -> float:
    """Units a second of a clock: `work` does some and says how many."""
    work()  # compile, warm up
    done, start_s = 0, clock()
    while clock() - start_s < seconds:
        done += work()
    return done / (clock() - start_s)


def best_of_turns(works: Sequence[Callable[[], int]], seconds: float, turns: int = 8) -> list[float]:
    """Units a wall second of each work, the best of short turns: another job may take a core at any time."""
    rates = [[rate(work, seconds / turns, time.perf_counter) for work in works] for _ in range(turns)]
    return [max(column) for column in zip(*rates, strict=True)]


def vector_steps(config: EnvConfig, worlds: int, threads: int | None) -> Callable[[], int]:
    """A policy step of all worlds as whoever trains takes it."""
    env = SimulatorVectorEnv(worlds, config, threads=threads, autoreset_mode=AutoresetMode.NEXT_STEP)
    env.reset(seed=0)
    env.action_space.seed(0)
    return stepping(env, [env.action_space.sample() for _ in range(64)], worlds)


def stepping(env: Any, actions: Sequence[np.ndarray], worlds: int) -> Callable[[], int]:
    """Steps all worlds with the next of the actions, over and over, and says how many worlds there are."""
    coming = itertools.cycle(actions)

    def step() -> int:
        env.step(next(coming))
        return worlds

    return step


def reference(config: EnvConfig, seconds: float) -> float:
    """highway-env's policy steps a CPU second, resets not counted."""
    stock = make_stock(config)
    stock.reset(seed=0)
    stock.action_space.seed(0)
    done, spent_s, seed = 0, 0.0, 0
    while spent_s < seconds or done < 3:
        action = stock.action_space.sample()
        start_s = time.process_time()
        _, _, terminated, truncated, _ = stock.step(action)
        spent_s += time.process_time() - start_s
        done += 1
        if terminated or truncated:
            seed += 1
            stock.reset(seed=seed)
    return done / spent_s


def has_envpool() -> bool:
    """Whether it is installed."""
    return importlib.util.find_spec("envpool") is not None


def envpool_steps(env: str, worlds: int) -> Callable[[], int]:
    """The same with EnvPool, one thread."""
    import envpool

    pool = envpool.make(env, env_type="gymnasium", num_envs=worlds, num_threads=1, seed=0)
    pool.reset()
    draw = np.random.default_rng(0)
    space: Any = pool.action_space
    actions = [draw.integers(space.n, size=worlds) if hasattr(space, "n")
               else draw.uniform(-1, 1, (worlds, *space.shape)).astype(np.float32) for _ in range(64)]
    return stepping(pool, actions, worlds)


def import_s() -> float:
    """Seconds to import the simulator in a new process."""
    code = ("import time; t = time.perf_counter()\n"
            "from drive_gen.envs.simulator.simulator import Simulator\n"
            "print(time.perf_counter() - t)")
    return min(float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
                     .stdout) for _ in range(3))


def draw(wanted: Bench) -> None:
    """Cost of a policy step by vehicles (one world) and by worlds, on double logarithmic axes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    vehicles = (10, 20, 50, 100, 200, 500, 1000)
    worlds = (1, 4, 16, 64, 256, 1024, 4096, 16384)
    half_s = wanted.seconds / 2
    by_vehicles = [1e6 / rate(vector_steps(EnvConfig(env="highway-v0", vehicles=count), 4, 1), half_s)
                   for count in vehicles]
    by_worlds = [count * 1e6 / rate(vector_steps(EnvConfig(), count, 1), half_s) for count in worlds]
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    growth = np.array(vehicles) * np.log(vehicles)
    axes[0].loglog(vehicles, by_vehicles, "o-", label="highway-v0, one world")
    axes[0].loglog(vehicles, by_vehicles[2] * growth / growth[2], "--", color="gray", label="V log V")
    axes[0].set(xlabel="vehicles V", ylabel="CPU time a policy step, µs")
    axes[1].loglog(worlds, by_worlds, "o-", label="highway-fast-v0, all worlds")
    axes[1].loglog(worlds, by_worlds[3] * np.array(worlds) / worlds[3], "--", color="gray", label="W")
    axes[1].set(xlabel="worlds W")
    for axis in axes:
        axis.legend()
        axis.grid(alpha=0.3)
    with replacing(wanted.curves or Path("curves.png")) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


if __name__ == "__main__":
    raise SystemExit(main(tyro.cli(Bench)))
