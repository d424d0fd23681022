"""Loops over worlds among threads: every world once, and only where it pays."""

from threading import get_ident

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive_gen.envs.simulator.sharing import THREAD_US, share


@given(st.integers(0, 300), st.integers(1, 6), st.floats(0.1, 1000))
def test_every_world_has_its_turn_once(worlds: int, threads: int, world_us: float) -> None:
    done: list[int] = []
    share(lambda first, last: done.extend(range(first, last)), worlds, threads, world_us)
    assert sorted(done) == list(range(worlds))


def test_little_work_stays_in_one_piece_and_what_goes_wrong_comes_out() -> None:
    pieces: list[tuple[int, int, bool]] = []
    own = get_ident()
    share(lambda first, last: pieces.append((first, last, get_ident() == own)), 10, 4, THREAD_US / 10)
    assert pieces == [(0, 10, True)]

    def fails(first: int, last: int) -> None:
        raise RuntimeError("in a piece")

    for threads in (1, 2):
        with pytest.raises(RuntimeError, match="in a piece"):
            share(fails, 64, threads, THREAD_US)
