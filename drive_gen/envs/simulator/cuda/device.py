"""The GPU as this package sees it: whether there is one, arrays on it, and kernels' decorators.

numba's CUDA simulator (NUMBA_ENABLE_CUDASIM=1) runs kernels in Python. It hands a tuple of arrays to a kernel
as it is, so under it an array on the device is numpy's own and what a kernel calls is the CPU's machine code:
the tests run everything but the GPU's compiler.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import cuda, typeof

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.jit import DIGEST

Function = TypeVar("Function", bound=Callable[..., object])
DeviceArray = Any  # numba's DeviceNDArray; numpy's ndarray in the CUDA simulator

SIMULATED = bool(numba.config.ENABLE_CUDASIM)
THREADS = 64  # a block; with a step's 214 registers a thread four blocks fit on a multiprocessor
NO_DEVICE = ("no CUDA device: install a driver and `pip install 'drive-gen[cuda]'` on a machine with an NVIDIA "
             "GPU, or use Simulator, which runs on the CPU")


# As in jit.py: numba's cache looks at a kernel's own file only, and would go on using old machine code of others.
_TEXT = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
_DIGEST = DIGEST + hashlib.sha256(_TEXT).hexdigest()[:8]


class Kernel:
    """A kernel compiled for arguments of certain types, and kept on disk; a thread a world."""

    def __init__(self, function: Callable[..., None], worlds: int, *arguments: Any) -> None:
        threads = min(THREADS, worlds) if SIMULATED else THREADS
        made = cuda.jit(function) if SIMULATED else _compiled(function, tuple(map(typeof, arguments)))
        with warnings.catch_warnings():  # that few worlds do not fill a GPU
            warnings.filterwarnings("ignore", message="Grid size")
            self._launch = made[(worlds + threads - 1) // threads, threads]

    def __call__(self, *arguments: Any) -> None:
        """Launch it; returns before it has run."""
        self._launch(*arguments)


@cache
def _compiled(function: Callable[..., None], signature: tuple[Any, ...]) -> Any:
    """A kernel for one signature: its launches then need no look at their arguments' types, which takes longer
    than many a kernel."""
    if not function.__qualname__.endswith(_DIGEST):
        function.__qualname__ += f"-{_DIGEST}"  # part of the name of the cache's file
    return cuda.jit(signature, cache=True)(function)


def on_device(function: Function) -> Function:
    """Compile a function that kernels call."""
    return cast(Function, cuda.jit(function, device=True))


def has_device() -> bool:
    """Whether kernels can run: on a GPU, or in numba's CUDA simulator."""
    return SIMULATED or bool(cuda.is_available())


def require_device() -> None:
    """An InputError where there is no GPU."""
    if not has_device():
        raise InputError(NO_DEVICE)


def device_name() -> str:
    """What the kernels run on."""
    if SIMULATED:
        return "numba's CUDA simulator"
    name = cuda.get_current_device().name
    return name.decode() if isinstance(name, bytes) else str(name)


def check_room(need: int, what: str) -> None:
    """An InputError where the device has not so many bytes free."""
    if SIMULATED:
        return
    free, _ = cuda.current_context().get_memory_info()
    if need > free:
        raise InputError(f"{what} need {need / 2**30:.1f} GiB on the GPU, {free / 2**30:.1f} are free; ask for "
                         "fewer worlds")


def zeros(shape: tuple[int, ...], dtype: Any, *, interleaved: bool = False) -> DeviceArray:
    """An array of zeros on the device.

    interleaved=True puts the same element of neighbouring worlds side by side, so that the threads of a warp,
    which are neighbouring worlds, read it in one go. In the CUDA simulator it changes nothing: the CPU's
    machine code is for arrays whose last axis is dense.
    """
    if SIMULATED:
        return np.zeros(shape, dtype)
    return cuda.to_device(np.zeros(shape, dtype, order="F" if interleaved else "C"))


def to_device(array: np.ndarray) -> DeviceArray:
    """A copy on the device."""
    return array.copy() if SIMULATED else cuda.to_device(np.ascontiguousarray(array))


def to_host(array: DeviceArray) -> np.ndarray:
    """A copy in the host's memory; waits for the kernels launched before."""
    return cast(np.ndarray, array.copy() if SIMULATED else array.copy_to_host())


def fill(array: DeviceArray, values: np.ndarray) -> None:
    """Copy an array of the same shape and type from the host into one on the device."""
    if SIMULATED:
        array[...] = values
    else:
        array.copy_to_device(np.ascontiguousarray(values))


def synchronize() -> None:
    """Wait for the kernels launched so far."""
    cuda.synchronize()


def as_device_array(values: Any, what: str) -> DeviceArray:
    """Somebody else's array on the device, such as torch's, without a copy."""
    if SIMULATED:
        return np.asarray(values)
    try:
        array = cuda.as_cuda_array(values)
    except (AttributeError, TypeError, RuntimeError) as error:  # torch refuses tensors that need gradients
        reason = str(error).splitlines()[0] if isinstance(error, RuntimeError) else ""
        raise InputError(f"{what} must lie on the GPU, as a torch CUDA tensor or another array with "
                         f"__cuda_array_interface__, got {type(values).__name__} {reason}".rstrip()) from None
    if not array.is_c_contiguous():
        raise InputError(f"{what} must be contiguous; call contiguous()")
    return array
