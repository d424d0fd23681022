"""Speed of the simulator on a GPU beside all cores of its host: python scripts/bench_cuda.py --json rows.json

A vehicle-step is one vehicle through one policy step, observations and the resets of ended worlds included;
frames a second are as many times more as a policy step has frames (15 on highway-v0). The actions, random,
lie on the GPU. The target on one H200 is 1e8 vehicle-steps a second on highway-v0. Without a GPU the exit
status is 2; NUMBA_ENABLE_CUDASIM=1 ... --worlds 2 --host-worlds 2 --seconds 0.1 runs the same lines in
numba's CUDA simulator, where speed means nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro

from drive_gen.envs.files import InputError, write_json
from drive_gen.envs.simulator.cuda.compare import draw_actions
from drive_gen.envs.simulator.cuda.device import device_name, require_device, synchronize, to_device
from drive_gen.envs.simulator.cuda.simulator import CudaSimulator
from drive_gen.envs.simulator.sharing import cores
from drive_gen.envs.simulator.vector_env import SimulatorVectorEnv
from drive_gen.envs.world import EnvConfig

TARGET = 1e8  # vehicle-steps a second on highway-v0, on one H200


@dataclass(frozen=True)
class Bench:
    """Measure the simulator on a GPU."""

    env: str = "highway-v0"
    worlds: tuple[int, ...] = (1024, 4096, 16384, 32768, 65536)
    seconds: float = 5.0  # for each figure
    host_worlds: int = 256
    json: Path | None = None


@dataclass(frozen=True)
class Row:
    """One number of worlds."""

    env: str
    device: str
    worlds: int
    vehicles: float  # a world, on average at the reset
    policy_steps_per_s: float  # of one world
    vehicle_steps_per_s: float
    vehicle_frames_per_s: float
    launch_ms: float  # the host's time to launch a policy step and an observation of all worlds
    step_ms: float  # their time on the device
    host_vehicle_steps_per_s: float  # the CPU's Simulator on all cores
    host_cores: int
    vs_host: float


def main(wanted: Bench) -> int:
    """Print the table, and write what was asked for."""
    require_device()
    if not wanted.worlds or min(wanted.worlds) < 1 or not wanted.seconds > 0:
        raise InputError("--worlds are numbers of 1 or more, --seconds is above 0")
    host = host_rate(wanted)
    print(f"{wanted.env} on {device_name()}, beside {cores()} cores: {host:,.0f} policy steps a second there")
    rows = []
    for worlds in wanted.worlds:
        rows.append(measured(wanted, worlds, host))
        row = rows[-1]
        print(f"{worlds:6d} worlds: {row.vehicle_steps_per_s:.3g} vehicle-steps a second, "
              f"{row.vehicle_frames_per_s:.3g} vehicle-frames, {row.step_ms:.2f} ms a step (launching "
              f"{row.launch_ms:.2f}), {row.vs_host:,.1f}x the host", flush=True)
    if wanted.json:
        write_json(wanted.json, [asdict(row) for row in rows])
        print(f"wrote {wanted.json}")
    best = max(row.vehicle_steps_per_s for row in rows)
    print(f"best: {best:.3g} vehicle-steps a second, {best / TARGET:.2f} of the target of 1e8")
    return 0


def measured(wanted: Bench, worlds: int, host: float) -> Row:
    """One number of worlds, which begin at different times of their episodes after a while."""
    simulator = CudaSimulator(EnvConfig(env=wanted.env), worlds)
    simulator.reset(0)
    vehicles = float(simulator.snapshot().clocks["count"].mean())
    draws = np.random.default_rng(0)
    actions = [to_device(draw_actions(draws, simulator.rules, worlds, simulator.agents)) for _ in range(8)]

    def step(number: int) -> None:
        simulator.step(actions[number % len(actions)])
        simulator.observe()

    rate, launch_s = timed(step, wanted.seconds)
    simulator.check()
    steps, frames = rate * worlds, int(simulator.rules.frames)
    return Row(wanted.env, device_name(), worlds, vehicles, steps, steps * vehicles,
               steps * vehicles * frames, launch_s * 1e3, 1e3 / rate, host * vehicles, cores(), steps / host)


def timed(step: Callable[[int], None], seconds: float) -> tuple[float, float]:
    """Steps a second on the device, and the seconds that the host takes to launch one."""
    for number in range(3):  # compile, warm up
        step(number)
    synchronize()
    begin_s = time.perf_counter()
    step(0)
    synchronize()
    count = max(1, int(seconds / (time.perf_counter() - begin_s)))
    begin_s = time.perf_counter()
    for number in range(count):
        step(number)
    launched_s = time.perf_counter() - begin_s
    synchronize()
    return count / (time.perf_counter() - begin_s), launched_s / count


def host_rate(wanted: Bench) -> float:
    """Policy steps a second of the CPU's Simulator on all cores, observations and resets included."""
    env = SimulatorVectorEnv(wanted.host_worlds, EnvConfig(env=wanted.env))
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(64)]
    env.step(actions[0])
    count, begin_s = 0, time.perf_counter()
    while time.perf_counter() - begin_s < wanted.seconds:
        env.step(actions[count % len(actions)])
        count += 1
    return count * wanted.host_worlds / (time.perf_counter() - begin_s)


if __name__ == "__main__":
    try:
        raise SystemExit(main(tyro.cli(Bench)))
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
