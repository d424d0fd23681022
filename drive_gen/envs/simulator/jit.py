"""numba's compiler behind a typed decorator, with a cache that notices changes in any file here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])

# numba's cache looks at a function's own file only, and would go on using machine code in which an older
# callee of another file is inlined. So the digest is of all files here.
_TEXT = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
DIGEST = hashlib.sha256(_TEXT).hexdigest()[:8]


def is_compiled() -> bool:
    """Whether the machine code of these files has been kept here by some process before."""
    return any((Path(__file__).parent / "__pycache__").glob(f"batch.step-{DIGEST}*.nbi"))


def compiled(function: Function) -> Function:
    """Compile with numba on first call and keep the machine code on disk.

    No fast math: sums keep their order, so that results stay bitwise equal to highway-env's. Division follows
    numpy (inf, no exception); the simulator divides by nothing that can be zero.
    """
    function.__qualname__ += f"-{DIGEST}"  # part of the name of the cache's file
    compile_ = numba.njit(cache=True, error_model="numpy", nogil=True)
    return cast(Function, compile_(function))
