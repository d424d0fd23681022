"""How quickly the command line answers, beside importing torch: python scripts/bench_cli.py"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def seconds(command: list[str]) -> float:
    """Wall time of one run of a command."""
    start_s = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start_s


def main() -> None:
    """Print the median of nine runs of each, taken in turn, and their ratio."""
    commands = {
        "drive-gen --help": [sys.executable, "-m", "drive_gen.cli", "--help"],
        "drive-gen evaluate --help": [sys.executable, "-m", "drive_gen.cli", "evaluate", "--help"],
        "python -c 'import torch'": [sys.executable, "-c", "import torch"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(9):
        for name, command in commands.items():
            times[name].append(seconds(command))
    rival = statistics.median(times["python -c 'import torch'"])
    for name, runs in times.items():
        median = statistics.median(runs)
        print(f"{name:28s} {median:6.3f} s   {median / rival:5.2f} of importing torch")


if __name__ == "__main__":
    main()
