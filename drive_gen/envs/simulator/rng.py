"""numpy's Generator over PCG64, compiled, on a world's own state: the same draws, bit for bit.

The algorithms are those of numpy/random/src/pcg64 and numpy/random/src/distributions. NEP 19 lets numpy
change a Generator's streams; tests/test_simulator_rng.py compares these with the installed numpy's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba.np.random._constants import (
    fi_double,
    ki_double,
    wi_double,
    ziggurat_nor_inv_r,
    ziggurat_nor_r,
)

from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.types import Clock

# numba makes a float of an unsigned and a signed integer: every number of bits here is an unsigned one, and
# what is returned to count with a signed one.
_signed: Any = np.int64
_0, _1, _8, _9, _11, _32, _58, _63, _64 = (np.uint64(number) for number in (0, 1, 8, 9, 11, 32, 58, 63, 64))
_LOW_HALF = np.uint64(0xFFFFFFFF)
_MULTIPLIER_HIGH, _MULTIPLIER_LOW = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
_STRIP, _DISTANCE = np.uint64(0xFF), np.uint64(0x000FFFFFFFFFFFFF)  # bits of a draw that a normal uses
_DOUBLE = 1.0 / 9007199254740992.0  # 2 ** -53
_WIDTHS, _INSIDE, _HEIGHTS = wi_double, ki_double, fi_double  # of the ziggurat's 256 strips
_TAIL, _TAIL_INVERSE = float(ziggurat_nor_r), float(ziggurat_nor_inv_r)


@compiled
def _product(a: Any, b: Any) -> Any:
    """The 128 bits of a product of two 64-bit numbers: high half, low half."""
    a_high, a_low, b_high, b_low = a >> _32, a & _LOW_HALF, b >> _32, b & _LOW_HALF
    low = a_low * b_low
    middle = a_high * b_low + (low >> _32)
    other = a_low * b_high + (middle & _LOW_HALF)
    return a_high * b_high + (middle >> _32) + (other >> _32), a * b


@compiled
def _sum(a_high: Any, a_low: Any, b_high: Any, b_low: Any) -> Any:
    """The sum of two 128-bit numbers, in halves as they are."""
    low = a_low + b_low
    return a_high + b_high + (_1 if low < a_low else _0), low


@compiled
def next_64(world: Clock) -> Any:
    """64 random bits; pcg64_next64."""
    high, low = _product(world.rng_low, _MULTIPLIER_LOW)
    high += world.rng_high * _MULTIPLIER_LOW + world.rng_low * _MULTIPLIER_HIGH
    world.rng_high, world.rng_low = _sum(high, low, world.rng_inc_high, world.rng_inc_low)
    mixed, turn = world.rng_high ^ world.rng_low, world.rng_high >> _58
    return (mixed >> turn) | (mixed << ((_64 - turn) & _63))


@compiled
def next_32(world: Clock) -> Any:
    """32 random bits, of which every second are the half kept from the draw before; pcg64_next32."""
    if world.rng_has_left:
        world.rng_has_left = False
        return world.rng_left
    bits = next_64(world)
    world.rng_has_left, world.rng_left = True, bits >> _32
    return bits & _LOW_HALF


@compiled
def random(world: Clock) -> float:
    """Uniform in [0, 1); Generator.random()."""
    return float((next_64(world) >> _11) * _DOUBLE)


@compiled
def uniform(world: Clock, low: float, high: float) -> float:
    """Uniform in [low, high); Generator.uniform(low, high)."""
    return low + (high - low) * random(world)


@compiled
def integers(world: Clock, count: int) -> int:
    """One of 0 to count - 1, count at most 2 ** 32 - 1; Generator.integers(count), Generator.choice(count).

    Lemire, 2019. A choice of one draws nothing.
    """
    if count == 1:
        return 0
    wide = np.uint64(count)
    scaled = next_32(world) * wide
    if scaled & _LOW_HALF < wide:
        threshold = (_LOW_HALF - wide + _1) % wide
        while scaled & _LOW_HALF < threshold:
            scaled = next_32(world) * wide
    drawn: int = _signed(scaled >> _32)
    return drawn


@compiled
def _beyond_the_strips(world: Clock, negative: bool) -> float:
    """A normal from the tail."""
    while True:
        aside = -_TAIL_INVERSE * math.log1p(-random(world))
        height = -math.log1p(-random(world))
        if height + height > aside * aside:
            return -(_TAIL + aside) if negative else _TAIL + aside


@compiled
def normal(world: Clock) -> float:
    """Standard normal, by the ziggurat; Generator.standard_normal(), Generator.normal()."""
    while True:
        bits = next_64(world)
        strip, distance = bits & _STRIP, (bits >> _9) & _DISTANCE
        value = float(distance * _WIDTHS[strip])
        if (bits >> _8) & _1:
            value = -value
        if distance < _INSIDE[strip]:
            return value
        if strip == 0:
            return _beyond_the_strips(world, ((distance >> _8) & _1) == _1)
        height = (_HEIGHTS[strip - _1] - _HEIGHTS[strip]) * random(world) + _HEIGHTS[strip]
        if height < math.exp(-0.5 * value * value):
            return value


@compiled
def two_of_four(world: Clock) -> tuple[int, int]:
    """Two different ones of 0 to 3; Generator.choice(range(4), size=2, replace=False).

    Floyd's sample, then shuffled.
    """
    first, second = integers(world, 3), integers(world, 4)
    if second == first:
        second = 3
    return (second, first) if integers(world, 2) == 0 else (first, second)


@compiled
def weighted(world: Clock, cumulated: np.ndarray) -> int:
    """A place by its chance; Generator.choice(places, p=p), with `cumulated` p.cumsum() / p.sum()."""
    place: int = _signed(np.searchsorted(cumulated, random(world), side="right"))
    return place


@compiled
def _start(worlds: np.ndarray, words: np.ndarray) -> None:
    """Start each world's generator from a SeedSequence's four words; pcg64_set_seed."""
    for number in range(len(worlds)):
        world: Clock = worlds[number]
        state_high, state_low, inc_high, inc_low = words[number]
        world.rng_inc_high, world.rng_inc_low = (inc_high << _1) | (inc_low >> _63), (inc_low << _1) | _1
        world.rng_high, world.rng_low = _sum(state_high, state_low, world.rng_inc_high, world.rng_inc_low)
        world.rng_has_left, world.rng_left = False, 0
        next_64(world)


def seed_worlds(worlds: np.ndarray, seeds: Sequence[int]) -> None:
    """Give each world (W of WORLD) the generator that gymnasium's np_random(seed) makes."""
    words = [np.random.SeedSequence(int(seed)).generate_state(4, np.uint64) for seed in seeds]
    _start(worlds, np.array(words).reshape(len(worlds), 4))


def restore_generators(worlds: np.ndarray, states: Sequence[Any]) -> None:
    """Put states of numpy's PCG64, WorldState.rng, into worlds (W of WORLD)."""
    numbers = np.array([_numbers(state) for state in states], np.uint64).reshape(len(worlds), 6)
    for name, column in zip(_FIELDS, numbers.T, strict=True):
        worlds[name] = column


def generator_state(world: Clock) -> dict[str, Any]:
    """A world's generator as the state of numpy's PCG64, WorldState.rng."""
    high, low, inc_high, inc_low, left, has_left = (int(getattr(world, name)) for name in _FIELDS)
    return {"bit_generator": "PCG64", "state": {"state": high << 64 | low, "inc": inc_high << 64 | inc_low},
            "has_uint32": has_left, "uinteger": left}


_FIELDS = ("rng_high", "rng_low", "rng_inc_high", "rng_inc_low", "rng_left", "rng_has_left")


def _numbers(state: Any) -> tuple[int, ...]:
    whole, added = state["state"]["state"], state["state"]["inc"]
    return *divmod(whole, 1 << 64), *divmod(added, 1 << 64), state["uinteger"], state["has_uint32"]
