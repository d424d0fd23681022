"""Settings as C records: compiled functions pass one pointer, where a NamedTuple is many arguments."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

CODES: dict[Any, str] = {float: "f8", int: "i8", bool: "?"}


def record_type(kind: type, arrays: Mapping[str, tuple[str, int]]) -> np.dtype[Any]:
    """The aligned record type with the fields of an annotated class; `arrays` gives types and sizes."""
    fields: list[Any] = []
    for name, hint in typing.get_type_hints(kind).items():
        if hint is np.ndarray:
            code, size = arrays[name]
            fields.append((name, code, (size,)))
        else:
            fields.append((name, CODES[hint]))
    return np.dtype((np.record, np.dtype(fields, align=True)))


def filled(dtype: np.dtype[Any], fill: Mapping[str, Any]) -> Any:
    """One record; an array's values come first in its field, which keeps zeros at its end."""
    record = np.zeros(1, dtype)
    for name, value in fill.items():
        if record[name].ndim == 1:
            record[name] = value
        else:
            record[name][0, : len(value)] = value
    return record[0]
