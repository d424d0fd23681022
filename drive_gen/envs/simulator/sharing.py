"""Compiled loops over worlds, shared among threads: they let go of Python's lock."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

THREAD_US = 200.0  # of work a thread: with less, waking it costs more than it saves
PIECES = 4  # a thread, on average: one that is done early helps with the rest


def share(loop: Callable[[int, int], None], worlds: int, threads: int, world_us: float) -> None:
    """Run a loop over worlds, from a first to before a last, in as many threads as pay.

    `world_us`: about how many microseconds one world takes.
    """
    parts = min(threads, worlds, int(worlds * world_us / THREAD_US))
    if parts < 2:
        loop(0, worlds)
        return
    size = math.ceil(worlds / (parts * PIECES))
    pieces = iter(range(0, worlds, size))  # threads take turns at it under Python's lock

    def work() -> None:
        for first in pieces:
            loop(first, min(first + size, worlds))

    others = [_pool().submit(work) for _ in range(parts - 1)]
    try:
        work()
    finally:
        for other in others:
            other.result()


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    """Threads for all simulators of this process."""
    return ThreadPoolExecutor(cores(), "simulator")
