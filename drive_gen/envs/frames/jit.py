"""numba's compiler for the pictures' kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile at the first call and keep the machine code on disk.

    numba's cache looks at a function's own file only: what a kernel calls has to stand beside it. No fast
    math: +, -, *, / and square roots are rounded alike on every machine, so pictures are the same there.
    """
    return cast(Function, numba.njit(cache=True, error_model="numpy", nogil=True)(function))
