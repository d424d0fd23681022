"""Is the simulator equal to highway-env, bit for bit? python scripts/verify_parity.py --episodes 1000

Draws configurations, seeds and actions of every family, drives both, and compares every car after every
frame, rewards and ends. The last line says how many frames were compared and how many differences there were;
the exit status is 1 where there was any. On a processor where numpy rounds otherwise than the C library
(AVX-512), Python is started again with numpy's plain code, in which the comparison is bitwise; --as-is
compares within 1e-9, with equal discrete values, under the numpy that everybody uses there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import tyro

from drive_gen.data.processes import results_of
from drive_gen.data.progress import progress_bar
from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.parity import FAMILIES, Comparison, compare_episode, draw_config
from drive_gen.envs.simulator.rounding import PLAIN_ROUNDING, same_rounding


@dataclass(frozen=True)
class Verification:
    """Compare the simulator with highway-env."""

    episodes: int = 200
    seed: int = 0
    family: str | None = None  # one of them alone
    decisions: int = 12  # of an episode, at most
    workers: int = 0  # processes; 0 means one a core
    as_is: bool = False  # numpy as it is, within a tolerance


def main(wanted: Verification) -> int:
    """Compare, and say what came out."""
    families = FAMILIES if wanted.family is None else (check_choice(wanted.family, FAMILIES, "family"),)
    if wanted.episodes < 1:
        raise InputError(f"--episodes is {wanted.episodes}, expected 1 or more")
    exact = same_rounding()
    if not exact and not wanted.as_is:
        os.execve(sys.executable, [sys.executable, *sys.argv, "--as-is"], {**os.environ, **PLAIN_ROUNDING})
    total = Comparison()
    units = [(families[number % len(families)], wanted.seed + number) for number in range(wanted.episodes)]
    with results_of(units, partial(compared, wanted.decisions, exact), wanted.workers) as results, \
            progress_bar() as progress:
        for one in progress.track(results, total=len(units), description="comparing"):
            total.add(one)
    return say(total, exact, families)


def compared(decisions: int, exact: bool, unit: tuple[str, int]) -> Comparison:
    """One episode of a family, all else drawn by the seed."""
    family, seed = unit
    config = draw_config(family, np.random.default_rng([seed, 0]))
    return compare_episode(config, seed, decisions, exact)


def say(total: Comparison, exact: bool, families: Sequence[str]) -> int:
    """What was seen, the first differences, and the counts on the last line."""
    print(f"{total.episodes} episodes of {', '.join(families)}")
    seen = "; ".join(f"{count} {name}" for name, count in sorted(total.seen.items()))
    print(f"{seen} (counted each frame)")
    for difference in total.differences[:20]:
        print(difference)
    how = "bitwise" if exact else "within 1e-9, discrete values equal"
    print(f"{total.frames} frames compared {how}: {len(total.differences)} differences")
    return 1 if total.differences else 0


if __name__ == "__main__":  # workers are spawned, and import this file
    try:
        raise SystemExit(main(tyro.cli(Verification)))
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
