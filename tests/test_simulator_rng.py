"""Compiled draws against numpy's Generator."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gymnasium.utils.seeding import np_random
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.simulator import rng
from drive_gen.envs.simulator.types import WORLD, Clock

SEEDS = st.integers(0, 2**64 - 1) | st.integers(0, 2**200)
CHANCES = np.array([0.0, 0.125, 0.5, 0.375])
DRAWS: list[tuple[Callable[[Clock], Any], Callable[[np.random.Generator], Any]]] = [
    (rng.random, lambda draw: draw.random()),
    (lambda world: rng.uniform(world, 0.9, 1.1), lambda draw: draw.uniform(0.9, 1.1)),
    (lambda world: rng.integers(world, 1), lambda draw: draw.integers(1)),
    (lambda world: rng.integers(world, 3), lambda draw: draw.integers(3)),
    (lambda world: rng.integers(world, 4), lambda draw: draw.choice(4)),
    (lambda world: rng.integers(world, 3_000_000_000), lambda draw: draw.integers(3_000_000_000)),
    (rng.normal, lambda draw: draw.normal()),
    (rng.two_of_four, lambda draw: tuple(draw.choice(range(4), size=2, replace=False))),
    (lambda world: rng.weighted(world, CHANCES.cumsum()), lambda draw: draw.choice(4, p=CHANCES)),
]


def seeded(seed: int) -> tuple[Clock, np.random.Generator]:
    worlds = np.zeros(1, WORLD)
    rng.seed_worlds(worlds, [seed])
    return worlds[0], np_random(seed)[0]


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.lists(st.integers(0, len(DRAWS) - 1), max_size=40))
def test_any_order_of_draws_is_numpys(seed: int, order: list[int]) -> None:
    world, draw = seeded(seed)
    for place in order:
        ours, theirs = DRAWS[place]
        assert ours(world) == theirs(draw)
    assert rng.generator_state(world) == draw.bit_generator.state


def test_bits_are_numpys() -> None:
    world, draw = seeded(5)
    assert [rng.next_64(world) for _ in range(9)] == draw.bit_generator.random_raw(9).tolist()
    halves = draw.integers(2**32, size=9, dtype=np.uint32)
    assert [rng.next_32(world) for _ in range(9)] == halves.tolist()


def test_many_normals_are_numpys() -> None:
    """Enough for every strip, its edges and the tail beyond 3.65."""
    world, draw = seeded(7)
    ours = np.array([rng.normal(world) for _ in range(50_000)])
    assert np.array_equal(ours, draw.normal(size=50_000))
    assert abs(ours).max() > rng._TAIL


def test_a_rejected_integer_is_drawn_again_as_in_numpy() -> None:
    world, draw = seeded(1)
    count = 2**31 + 1  # half of all draws are rejected
    assert [rng.integers(world, count) for _ in range(200)] == draw.integers(count, size=200).tolist()


@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_a_generators_state_goes_in_and_out(before: int) -> None:
    draw = np.random.default_rng(3)
    for _ in range(before):
        draw.integers(5)
    worlds = np.zeros(2, WORLD)
    rng.restore_generators(worlds, [draw.bit_generator.state] * 2)
    assert rng.generator_state(worlds[1]) == draw.bit_generator.state
    assert [rng.integers(worlds[1], 9) for _ in range(5)] == draw.integers(9, size=5).tolist()


def test_another_seed_is_another_generator() -> None:
    world, draw = seeded(4)
    other, _ = seeded(5)
    assert rng.generator_state(other) != draw.bit_generator.state == rng.generator_state(world)
