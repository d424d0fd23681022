"""Speed of the kernel and the planner beside highway-env: python scripts/bench_planner.py [--episodes 30]

Prints policy steps and decisions a CPU second, and what the planner reaches. Ratios travel, seconds do not.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import tyro

from drive_gen.envs.kernel_env import KernelEnv
from drive_gen.envs.kernel_state import rules_of, same_rounding, world_of
from drive_gen.envs.kernel_types import SLOWER
from drive_gen.envs.policy_step import simulate, terminated
from drive_gen.envs.reference import export_state, import_state, make_stock
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.planner import Planner, roll_out_world


def per_second(work: Callable[[], int], least_s: float = 1.0) -> float:
    """Units a second: `work` does some and returns how many; it is repeated for at least `least_s`."""
    work()  # compile, warm up
    done, start_s = 0, time.process_time()
    while time.process_time() - start_s < least_s:
        done += work()
    return done / (time.process_time() - start_s)


def steps_per_second(name: str) -> tuple[float, float]:
    """Policy steps a CPU second of highway-env and of the kernel, from the same world."""
    stock = make_stock(EnvConfig(env=name))
    stock.reset(seed=0)
    state = export_state(stock)
    world, rules = world_of(state), rules_of(state, stock.unwrapped.config)
    actions = np.full(20, SLOWER)

    def theirs() -> int:
        if stock.unwrapped.time >= len(actions):
            import_state(stock, state)
        stock.step(SLOWER)
        return 1

    def ours() -> int:
        return len(simulate(world.copy(), rules, actions))

    return per_second(theirs), per_second(ours)


def planned(planner: Planner, episodes: int) -> str:
    """One row: what the planner reaches from seeds 0, 1, ... of highway-fast-v0, and its time a decision."""
    env = KernelEnv(EnvConfig())
    returns, speeds, crashes, decisions, spent_s = [], [], 0, 0, 0.0
    for seed in range(episodes):
        env.reset(seed=seed)
        world, rules = env.world()
        begin = world[0].x
        planner.plan(world, rules)  # compiled before the clock starts
        start_s = time.process_time()
        actions, rewards = roll_out_world(world, rules, lambda w, r: planner.plan(w, r)[0], 30)
        spent_s += time.process_time() - start_s
        decisions += len(actions)
        crashes += bool(terminated(world, rules))
        returns.append(rewards.sum())
        speeds.append((world[0].x - begin) / len(actions))
    success, ms = 1 - crashes / episodes, spent_s / decisions * 1e3
    return (f"{planner.depth:5d} {planner.caution:7.1f} {success:8.1%} {np.mean(speeds):10.1f} "
            f"{np.mean(returns):7.2f} {ms:12.1f}")


def main(episodes: int = 30) -> None:
    """Print both tables."""
    print(f"equality with highway-env: {'bitwise' if same_rounding() else 'to the last places'}")
    print(f"{'policy steps/s':18s} {'highway-env':>12s} {'kernel':>10s} {'ratio':>7s}")
    for name in ("highway-fast-v0", "highway-v0"):
        theirs, ours = steps_per_second(name)
        print(f"{name:18s} {theirs:12.1f} {ours:10.0f} {ours / theirs:7.0f}")
    names = ("depth", "caution", " success", "speed, m/s", " return", " ms/decision")
    print(f"\n{' '.join(names)}")
    for depth in (3, 4, 5):
        for caution in (1.0, 0.0):
            print(planned(Planner(depth=depth, caution=caution), episodes), flush=True)


if __name__ == "__main__":
    tyro.cli(main)
