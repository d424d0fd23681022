"""The compiler's settings for what runs a million times a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

from drive_gen.envs.simulator.jit import DIGEST

Function = TypeVar("Function", bound=Callable[..., object])


def lean(function: Function, *, inline: bool = True) -> Function:
    """As `jit.compiled`, but inlined into its callers and without counting references to arrays.

    numba counts, by an atomic instruction, whenever a function takes an array out of a tuple of arrays. That
    was two thirds of a frame's time, and threads that share a network would fight for the counter. A function
    compiled so must neither make an array nor return one. inline=False is for what takes long beside a call:
    each of its callers would be compiled with a copy.
    """
    function.__qualname__ += f"-{DIGEST}"  # part of the name of the cache's file
    compile_ = numba.njit(cache=True, error_model="numpy", nogil=True, forceinline=inline, _nrt=False)
    return cast(Function, compile_(function))


def merged(function: Function) -> Function:
    """Merge a function into its compiled callers before they are compiled.

    A call could not give records back, nor arrays without counting references to them.
    """
    return cast(Function, numba.njit(inline="always")(function))
