"""numba's compiler behind a typed decorator, with a cache that notices changes in any file of the kernel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])

# The files whose compiled functions others call. numba's cache looks at a function's own file only, and would
# go on using machine code in which an older callee is inlined.
SOURCES = ("kernel_types.py", "kernel.py", "collide.py", "policy_step.py")
_TEXT = b"".join(Path(__file__).with_name(name).read_bytes() for name in SOURCES)
DIGEST = hashlib.sha256(_TEXT).hexdigest()[:8]


def compiled(function: Function) -> Function:
    """Compile with numba on first call and keep the machine code on disk.

    No fast math: sums keep their order, so that results stay bitwise equal to highway-env's. Division follows
    numpy (inf, no exception); the kernel divides by nothing that can be zero.
    """
    function.__qualname__ += f"-{DIGEST}"  # part of the name of the cache's file
    return cast(Function, numba.njit(cache=True, error_model="numpy")(function))
