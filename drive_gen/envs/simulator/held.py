"""Held: a simulator's arrays by their addresses, so that a call of compiled code takes one argument.

numba looks at every array that it is given, which for a simulator's fifty takes longer than a step of a small
world. Here they are written down once, as rows of (address, shape), and made arrays again inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numba import carray, types
from numba.core.typing.templates import Signature
from numba.extending import intrinsic

from drive_gen.envs.simulator.goals import GOALS
from drive_gen.envs.simulator.lean import merged
from drive_gen.envs.simulator.lines import LINE, PIECE, Lines
from drive_gen.envs.simulator.logs import Logs
from drive_gen.envs.simulator.place import Place, Results, Wanted
from drive_gen.envs.simulator.spawn import PLACEMENT, PLAN, Spawn
from drive_gen.envs.simulator.tape import Tape
from drive_gen.envs.simulator.types import CAR, LANE, RULES, WAY, WORLD, Network

AXES = 4  # the most that an array has
FLOAT, SINGLE, INTEGER, SMALL, SHORT, BOOL = (np.dtype(kind) for kind in ("f8", "f4", "i8", "i1", "i2", "?"))


class Held(NamedTuple):
    """All of a simulator."""

    cars: np.ndarray  # (W, V) of CAR
    worlds: np.ndarray  # (W,) of WORLD
    place: Place
    wanted: Wanted
    tape: Tape
    results: Results
    observation: np.ndarray  # (W, A, 17, 9) float32


def addresses(held: Held) -> np.ndarray:
    """(N, 1 + AXES) int64: where each array is and its shape, in the order of the fields; a flag's value.

    The arrays must outlive it, and stay where they are.
    """
    return np.array(list(_rows(held)), np.int64)


def _rows(value: Any) -> Iterator[list[int]]:
    if isinstance(value, tuple):
        for part in value:
            yield from _rows(part)
    elif isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise ValueError(f"an array of shape {value.shape} is not contiguous")
        yield [value.ctypes.data, *value.shape, *[1] * (AXES - value.ndim)]
    elif isinstance(value, np.void):  # a record, whose own memory it is, not a copy
        yield [np.frombuffer(value, np.uint8).ctypes.data, *[1] * AXES]
    else:
        yield [int(value), *[1] * AXES]


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(context: Any, address: Any) -> tuple[Signature, Any]:
    """An address as a pointer."""
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.intp), generate


@merged
def _row(block: np.ndarray, place: int, dtype: Any) -> Any:
    return carray(_pointer(block[place, 0]), (block[place, 1],), dtype)


@merged
def _table(block: np.ndarray, place: int, dtype: Any) -> Any:
    return carray(_pointer(block[place, 0]), (block[place, 1], block[place, 2]), dtype)


@merged
def _cube(block: np.ndarray, place: int, dtype: Any) -> Any:
    return carray(_pointer(block[place, 0]), (block[place, 1], block[place, 2], block[place, 3]), dtype)


@merged
def _deep(block: np.ndarray, place: int, dtype: Any) -> Any:
    shape = (block[place, 1], block[place, 2], block[place, 3], block[place, 4])
    return carray(_pointer(block[place, 0]), shape, dtype)


@merged
def _place_of(b: np.ndarray) -> Place:
    """Rows 2 to 25."""
    network = Network(_row(b, 2, LANE), _row(b, 3, WAY), _table(b, 4, INTEGER), _table(b, 5, INTEGER),
                      b[6, 0] != 0)
    spawn = Spawn(_row(b, 9, PLAN)[0], _row(b, 10, CAR), _row(b, 11, CAR), _row(b, 12, CAR), _row(b, 13, CAR),
                  _row(b, 14, PLACEMENT), _table(b, 15, FLOAT), _cube(b, 16, SHORT), _row(b, 17, FLOAT),
                  _row(b, 18, FLOAT), _row(b, 19, BOOL))
    logs = Logs(_cube(b, 23, FLOAT), _table(b, 24, BOOL), _table(b, 25, FLOAT))
    return Place(network, _row(b, 7, RULES)[0], _row(b, 8, GOALS)[0], spawn,
                 Lines(_row(b, 20, LINE), _row(b, 21, PIECE)), b[22, 0] != 0, logs)


@merged
def held_at(b: np.ndarray) -> Held:
    """The arrays again, from `addresses`."""
    wanted = Wanted(_row(b, 26, SMALL), _table(b, 27, INTEGER), _row(b, 28, INTEGER), _table(b, 29, INTEGER),
                    _table(b, 30, FLOAT), _cube(b, 31, FLOAT), _row(b, 32, FLOAT), _table(b, 33, SMALL))
    tape = Tape(_deep(b, 34, SINGLE), _cube(b, 35, SINGLE), _cube(b, 36, SINGLE), _cube(b, 37, BOOL),
                _cube(b, 38, BOOL), _deep(b, 39, SINGLE), _cube(b, 40, BOOL), _cube(b, 41, SINGLE),
                _table(b, 42, BOOL))
    results = Results(_row(b, 43, FLOAT), _row(b, 44, BOOL), _row(b, 45, BOOL), _row(b, 46, BOOL),
                      _row(b, 47, FLOAT), _row(b, 48, BOOL), _row(b, 49, BOOL))
    return Held(_table(b, 0, CAR), _row(b, 1, WORLD), _place_of(b), wanted, tape, results, _deep(b, 50, SINGLE))
