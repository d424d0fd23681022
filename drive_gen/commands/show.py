"""Tables on the terminal: whole names and whole numbers, however wide they are."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.table import Table

WIDEST = 10_000  # characters; to measure a table that nothing limits


def show(table: Table) -> None:
    """Print a table without breaking a cell.

    Where it is wider than the terminal (or COLUMNS), the cells of a table of words wrap; the rows of one of
    figures are numbered, and their names stand below. In a pipe it is as wide as it needs to be.
    """
    limit = Console().width if "COLUMNS" in os.environ or sys.stdout.isatty() else WIDEST
    wide = Console(width=WIDEST)
    legend: list[str] = []
    if wide.measure(table).maximum > limit:
        if all(column.justify == "left" for column in table.columns):
            Console(width=limit).print(table)
            return
        legend = [f"{number}: {name}" for number, name in enumerate(table.columns[0].cells, start=1)]
        table = _numbered(table)
    if table.title:
        print(table.title)
        table.title = None
    Console(width=max(wide.measure(table).maximum, 1)).print(table)
    for line in legend:
        print(line)


def _numbered(table: Table) -> Table:
    """The same table with 1, 2, ... for the cells of its first column."""
    short = Table(title=table.title, box=table.box, pad_edge=table.pad_edge,
                  collapse_padding=table.collapse_padding)
    for column in table.columns:
        short.add_column(column.header, justify=column.justify)
    rows = zip(*(column.cells for column in table.columns), strict=True)
    for number, (_, *cells) in enumerate(rows, start=1):
        short.add_row(str(number), *cells)
    return short
