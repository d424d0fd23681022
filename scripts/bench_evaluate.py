"""Time of a whole evaluation, beside the same on highway-env itself: python scripts/bench_evaluate.py

Runs `drive-gen evaluate` for 10,000 episodes, start-up, metrics and every episode on disk included; then with
--engine reference, which drives stock highway-env, for a few. The rival's start-up (its time for one episode
a core) is taken off its time, ours is not. Ratios travel, seconds do not. --quick: 1,000 episodes; --json
FILE writes the figures.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import tyro

from drive_gen.envs.files import write_json
from drive_gen.envs.simulator.sharing import cores


@dataclass(frozen=True)
class Bench:
    """Measure an evaluation."""

    driver: str = "baseline:gap"
    env: str = "highway-fast-v0"
    episodes: int = 10_000
    rival_episodes: int = 40
    quick: bool = False
    json: Path | None = None


@dataclass(frozen=True)
class Run:
    """One evaluation."""

    engine: str
    episodes: int
    wall_s: float
    cpu_s: float  # of all its processes
    disk_mb: float


def main(wanted: Bench) -> int:
    """Print both times and their ratio."""
    if wanted.quick:
        wanted = replace(wanted, episodes=1000, rival_episodes=12)
    ours = evaluated(wanted, "simulator", wanted.episodes)
    say(ours)
    start = evaluated(wanted, "reference", cores())
    rival = evaluated(wanted, "reference", cores() + wanted.rival_episodes)
    say(rival)
    rival_s = (rival.wall_s - start.wall_s) / wanted.rival_episodes
    ratio = rival_s * ours.episodes / ours.wall_s
    print(f"{wanted.driver} on {wanted.env}: {ours.episodes / ours.wall_s:,.0f} episodes a second with "
          f"start-up, highway-env {1 / rival_s:.2f} without: {ratio:,.0f}x")
    if wanted.json:
        write_json(wanted.json, {"runs": [asdict(run) for run in (ours, start, rival)], "ratio": ratio})
    return 0


def evaluated(wanted: Bench, engine: str, episodes: int) -> Run:
    """Run the command into a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "evaluation"
        command = [sys.executable, "-m", "drive_gen.cli", "evaluate", wanted.driver, "--env", wanted.env,
                   "--episodes", str(episodes), "--engine", engine, "--floor", "none", "--out", str(out)]
        start_s, start_cpu_s = time.perf_counter(), children_cpu_s()
        subprocess.run(command, check=True, capture_output=True)
        wall_s, cpu_s = time.perf_counter() - start_s, children_cpu_s() - start_cpu_s
        disk = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return Run(engine, episodes, wall_s, cpu_s, disk / 1e6)


def children_cpu_s() -> float:
    """CPU time of the processes that have ended, and of their own."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def say(run: Run) -> None:
    """One line."""
    print(f"{run.engine:10s} {run.episodes:6d} episodes: {run.wall_s:6.1f} s wall, {run.cpu_s:6.1f} s CPU, "
          f"{run.disk_mb:6.1f} MB", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(tyro.cli(Bench)))
