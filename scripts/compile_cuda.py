"""Do the kernels compile for a GPU, and what do they need? python scripts/compile_cuda.py --arch 90

Needs no GPU, but `pip install 'drive-gen[cuda]' nvidia-cuda-nvcc`: numba-cuda compiles each kernel to PTX,
and ptxas to machine code, of which it tells registers, stack and spills a thread. All environments share the
kernels, except that a regulated road's scratch space is of another type. The exit status is 1 where a kernel
does not compile. It takes minutes.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import tyro
from numba import cuda, typeof

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.cuda import kernels, shared, space
from drive_gen.envs.simulator.cuda.actions import Given, take_controls, take_meta
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.simulator.types import WORLD

WORLDS = 4  # any number gives the same types, but 1


@dataclass(frozen=True)
class Compilation:
    """Compile the kernels."""

    arch: int = 90  # sm_90 is an H100's and an H200's
    envs: tuple[str, ...] = ("highway-v0", "intersection-v0")
    keep: Path | None = None  # a folder for the PTX


def main(wanted: Compilation) -> int:
    """Compile, and say what came out."""
    failed = 0
    for env in wanted.envs:
        for name, function, arguments in launches(env):
            try:
                print(f"{env}, {name}: {compiled(function, arguments, wanted, f'{env}-{name}')}", flush=True)
            except Exception as error:  # of any part of a compiler; the next kernel may do
                failed += 1
                print(f"{env}, {name}: {type(error).__name__}: {str(error)[:400]}")
    print(f"{failed} kernels do not compile" if failed else "all kernels compile")
    return 1 if failed else 0


def launches(env: str) -> Iterator[tuple[str, Callable[..., None], tuple[Any, ...]]]:
    """Every kernel, with arguments of the types that CudaSimulator launches it with, in the host's memory."""

    def zeros(shape: tuple[int, ...], dtype: Any, *, interleaved: bool = False) -> np.ndarray:
        return np.zeros(shape, dtype, order="F" if interleaved else "C")

    simulator = Simulator(env=env)
    place, room = simulator.place, simulator.cars.shape[1]
    with patch.object(shared, "to_device", np.ascontiguousarray), patch.object(space, "zeros", zeros):
        common = shared.shared_of(place)
        worlds = space.worlds_of(WORLDS, room, simulator.agents)
        scratch = space.space_of(WORLDS, room, bool(place.rules.regulation))
    known, rules = np.zeros(5, np.int64), common.rules
    yield "take_meta", take_meta, (worlds, Given(np.zeros((WORLDS, 1), np.int64), known, rules, False))
    for dtype in (np.float32, np.float64):
        controls = Given(np.zeros((WORLDS, 1, 2), dtype), known, rules, dtype is np.float32)
        yield f"take_controls {np.dtype(dtype)}", take_controls, (worlds, controls)
    yield "seed_worlds", kernels.seed_worlds, (worlds, (np.zeros(1, WORLD),))
    yield "observe_worlds", kernels.observe_worlds, (worlds, common, scratch)
    yield "begin_worlds", kernels.begin_worlds, (worlds, common, scratch)
    yield "step_worlds", kernels.step_worlds, (worlds, common, scratch, True)


def compiled(function: Callable[..., None], arguments: tuple[Any, ...], wanted: Compilation,
             name: str) -> str:
    """Compile one kernel; gives what it needs."""
    capability, begin_s = divmod(wanted.arch, 10), time.perf_counter()
    there = SimpleNamespace(compute_capability=capability)
    with patch("numba.cuda.dispatcher.get_current_device", lambda: there):  # what device functions ask
        ptx, _ = cuda.compile_ptx(function, tuple(map(typeof, arguments)), cc=capability)
    spent_s = time.perf_counter() - begin_s
    with tempfile.TemporaryDirectory() as folder:
        path = (wanted.keep or Path(folder)) / f"{name.replace(' ', '-')}.ptx"
        path.write_text(ptx)
        needs = assembled(path, wanted.arch, Path(folder) / "kernel.cubin")
    return f"PTX in {spent_s:.1f} s, {needs}"


def assembled(ptx: Path, arch: int, cubin: Path) -> str:
    """What ptxas says of the kernel itself, which it names last."""
    begin_s = time.perf_counter()
    command = [ptxas(), "-v", f"-arch=sm_{arch}", str(ptx), "-o", str(cubin)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ptxas: {done.stdout[-300:]}{done.stderr[-300:]}")
    said = done.stdout + done.stderr
    registers = max(map(int, re.findall(r"Used (\d+) registers", said)))
    stack = max(map(int, re.findall(r"(\d+) bytes stack frame", said)))
    spills = sum(map(int, re.findall(r"(\d+) bytes spill stores", said)))
    return (f"sm_{arch} in {time.perf_counter() - begin_s:.1f} s: {registers} registers, {stack} bytes of "
            f"stack, {spills} bytes of spills")


def ptxas() -> str:
    """The assembler beside numba-cuda's libraries, or the machine's."""
    beside = sorted(Path(sys.prefix).glob("lib/python*/site-packages/nvidia/cu*/bin/ptxas"))
    found = str(beside[-1]) if beside else shutil.which("ptxas")
    if found is None:
        raise RuntimeError("no ptxas; pip install nvidia-cuda-nvcc")
    return found


if __name__ == "__main__":
    try:
        raise SystemExit(main(tyro.cli(Compilation)))
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
