"""Work shared among processes: results in the order of the work, whatever the number of processes."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import TypeVar

from drive_gen.envs.simulator.sharing import cores

AHEAD = 16

Unit = TypeVar("Unit")
Result = TypeVar("Result")


@contextmanager
def results_of(
    units: Sequence[Unit], work: Callable[[Unit], Result], workers: int = 0
) -> Iterator[Iterator[Result]]:
    """Each unit's result, in order, worked out in `workers` processes (0: one a core).

    The processes are at most AHEAD units each ahead of whoever takes the results, so that memory holds no
    more of them than that.
    """
    count = min(workers or cores(), len(units))
    if count < 2:
        yield map(work, units)
        return
    # Spawned, not forked: a fork copies torch's and OpenMP's locks in whatever state they are in.
    pool = ProcessPoolExecutor(count, get_context("spawn"), _start_worker)
    try:
        yield _in_order(pool, work, units, count * AHEAD)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, work: Callable[[Unit], Result], units: Sequence[Unit], ahead: int
) -> Iterator[Result]:
    waiting: deque[Future[Result]] = deque()
    for unit in units:
        waiting.append(pool.submit(work, unit))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _start_worker() -> None:
    """One thread a worker; ^C is the parent's to handle, and a worker whose parent was killed ends too."""
    os.environ["OMP_NUM_THREADS"] = "1"  # torch reads it when it is imported, later
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)  # nobody is left to take a result, or to hear why
