"""Work shared among processes: in order, and not too far ahead of who takes the results."""

from __future__ import annotations

import time

from drive_gen.data import processes
from drive_gen.data.processes import results_of


def waited(number: int) -> tuple[int, float]:
    """Its number, later for the early ones, and when it began."""
    began_s = time.monotonic()
    time.sleep(0.05 if number % 4 == 0 else 0.0)
    return number, began_s


def test_results_come_in_order_from_processes_not_far_ahead() -> None:
    units = list(range(processes.AHEAD * 2 + 20))
    with results_of(units, waited, workers=2) as results:
        first = next(results)
        time.sleep(0.5)  # the processes could do them all meanwhile
        taken_s = time.monotonic()
        found = [first, *results]
    assert [number for number, _ in found] == units
    late = [number for number, began_s in found if began_s > taken_s]
    assert late == units[processes.AHEAD * 2 + 1 :]


def test_one_worker_is_this_process() -> None:
    with results_of([1, 2], lambda number: number + 1, workers=1) as results:
        assert list(results) == [2, 3]
