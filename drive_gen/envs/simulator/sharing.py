"""Compiled loops over worlds, shared among threads: they let go of Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

FEW_WORLDS = 8  # a thread: below, threads cost more than they save


def share(loop: Callable[[np.ndarray], None], worlds: np.ndarray, threads: int) -> None:
    """Run a loop over the worlds numbered, in as many threads as pay."""
    parts = min(threads, len(worlds) // FEW_WORLDS)
    if parts < 2:
        loop(worlds)
        return
    for part in [_pool().submit(loop, part) for part in np.array_split(worlds, parts)]:
        part.result()


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads for all simulators of this process."""
    return ThreadPoolExecutor(cores(), "simulator")
