"""The simulator on a GPU, where there is none: its kernels in numba's CUDA simulator, in other processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.cuda.device import NO_DEVICE, has_device
from drive_gen.envs.simulator.cuda.simulator import CudaSimulator

ROOT = Path(__file__).parents[1]


def run(*words: str, simulated: bool = True) -> subprocess.CompletedProcess[str]:
    """A Python with these arguments, in numba's CUDA simulator."""
    env = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1" if simulated else "0"}
    command = [sys.executable, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, env=env)


def test_all_of_it_in_numbas_cuda_simulator() -> None:
    done = run("-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/cuda_worlds.py")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert " passed" in done.stdout


def test_the_comparison_runs_in_the_cuda_simulator() -> None:
    done = run("scripts/verify_cuda.py", "--worlds", "2", "--steps", "2", "--envs", "merge-v0", "two-way-v0")
    assert done.returncode == 0, done.stderr
    last = "4 of 4 worlds equal in all decisions over 8 policy steps; different within the first: none"
    assert done.stdout.splitlines()[-1] == last


def test_the_benchmark_runs_in_the_cuda_simulator(tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    few = "--worlds", "2", "--host-worlds", "2", "--seconds", "0.05"
    done = run("scripts/bench_cuda.py", "--env", "merge-v0", *few, "--json", str(rows))
    assert done.returncode == 0, done.stderr
    assert '"vehicle_steps_per_s"' in rows.read_text()


@pytest.mark.skipif(has_device(), reason="there is a GPU")
@pytest.mark.parametrize("script", ["verify_cuda", "bench_cuda"])
def test_without_a_gpu_the_scripts_say_so_in_one_line(script: str) -> None:
    done = run(f"scripts/{script}.py", simulated=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{NO_DEVICE}\n")


@pytest.mark.skipif(has_device(), reason="there is a GPU")
def test_without_a_gpu_the_simulator_says_so_in_one_line() -> None:
    with pytest.raises(InputError, match="no CUDA device"):
        CudaSimulator(env="highway-fast-v0")
