"""Column files (CSV, parquet) as named numpy columns; what is missing or no number is named with its row."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from drive_gen.envs.config import nearest
from drive_gen.envs.files import InputError


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one file, found by name whatever its case. Rows are counted from 1, header aside."""

    path: Path
    columns: dict[str, Any]  # lower-case name -> pyarrow.ChunkedArray

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.columns

    def numbers(self, name: str) -> np.ndarray:
        """A column as float64, (rows,); an InputError names the first row that holds no finite number."""
        column = self.columns[name.lower()]
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            values = self._parsed(name, column)
        else:
            values = np.asarray(column.to_numpy(), dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise InputError(f"{self.path}: column {name}, row {bad[0] + 1}: no finite number "
                             f"({len(bad)} such rows); mend or remove them")
        return values

    def integers(self, name: str) -> np.ndarray:
        """A column of whole numbers as int64, (rows,)."""
        values = self.numbers(name)
        bad = np.flatnonzero(values != np.rint(values))
        if len(bad):
            raise InputError(f"{self.path}: column {name}, row {bad[0] + 1}: {values[bad[0]]} is no whole "
                             f"number")
        return values.astype(np.int64)

    def categories(self, name: str) -> tuple[np.ndarray, list[str]]:
        """A column of few different texts: each row's place, (rows,), in the list of texts; absent is ""."""
        encoded = self.columns[name.lower()].combine_chunks().dictionary_encode(null_encoding="encode")
        texts = [str(text) if text is not None else "" for text in encoded.dictionary.to_pylist()]
        return np.asarray(encoded.indices.to_numpy(), dtype=np.int64), texts

    def _parsed(self, name: str, column: Any) -> np.ndarray:
        """Numbers written as text; the US DOT portal writes some exports with thousands separators."""
        texts = column.to_pylist()
        values = np.full(len(texts), np.nan)
        for row, text in enumerate(texts):
            try:
                values[row] = float((text or "").replace(",", ""))
            except ValueError:
                where = f"{self.path}: column {name}, row {row + 1}"
                raise InputError(f"{where}: {text!r} is no number") from None
        return values


def read_table(path: Path, needed: Sequence[str], wanted: Sequence[str] = ()) -> Table:
    """The needed columns of a .csv or .parquet file, and those of the wanted ones that it has."""
    if not path.is_file():
        raise InputError(f"no file at {path}; expected a table with the columns {', '.join(needed)}")
    names = _names(path)
    if missing := [name for name in needed if name.lower() not in names]:
        raise InputError(f"{path}: column {missing[0]} is missing{nearest(missing[0].lower(), names)}; "
                         f"it has {', '.join(names.values())}")
    chosen = [names[name.lower()] for name in (*needed, *wanted) if name.lower() in names]
    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path, columns=chosen)
        else:
            table = pacsv.read_csv(path, convert_options=pacsv.ConvertOptions(include_columns=chosen))
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not table.num_rows:
        raise InputError(f"{path} has a header but no rows")
    return Table(path, {name.lower(): _plain(table.column(name)) for name in chosen})


def _names(path: Path) -> dict[str, str]:
    """Lower-case column names -> as the file spells them."""
    try:
        if path.suffix == ".parquet":
            names = pq.read_schema(path).names
        else:
            with path.open(encoding="utf-8-sig", newline="") as file:
                names = next(csv.reader(file), [])
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is truncated or not a table: {' '.join(str(error).split())}") from None
    if not names:
        raise InputError(f"{path} is empty; expected a table with a header")
    return {name.strip().lower(): name for name in names}


def _plain(column: Any) -> Any:
    """Dictionary-encoded columns as their values."""
    return pc.cast(column, column.type.value_type) if pa.types.is_dictionary(column.type) else column
