"""Small charts as inline SVG: one figure of every driver, as a dot with its interval."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np

from drive_gen.report.sections import CHARTS, Column, columns_of, ends

WIDTH, LEFT, RIGHT = 360, 128, 302
ROW_PX, TOP_PX = 26, 6
NAME_LETTERS = 17

Json = dict[str, Any]
Triple = tuple[float | None, float | None, float | None]  # low end, figure, high end


def charts(summary: Json) -> str:
    """The three charts of an evaluation's kind, of those figures that it has."""
    columns = {column.name: column for column in columns_of(summary)}
    wanted = CHARTS.get(str(summary.get("kind")), ())
    drawn = "".join(chart(summary["drivers"], columns[name]) for name in wanted if name in columns)
    return f'<div class="charts">{drawn}</div>' if drawn else ""


def chart(drivers: list[Json], column: Column) -> str:
    """One figure of every driver; the axis spans all dots and intervals."""
    triples = [_triple(driver["metrics"], column.name) for driver in drivers]
    place = _axis([value for triple in triples for value in triple if value is not None])
    height = 2 * TOP_PX + ROW_PX * len(drivers)
    rows = "".join(_row(str(driver["name"]), triple, column, TOP_PX + (number + 0.5) * ROW_PX, place)
                   for number, (driver, triple) in enumerate(zip(drivers, triples, strict=True)))
    title = f"{column.heading}, {column.unit}"
    said = "; ".join(f"{driver['name']} {column.write(triple[1])}"
                     for driver, triple in zip(drivers, triples, strict=True))
    return (f"<figure><figcaption>{escape(title)}</figcaption>"
            f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" '
            f'aria-label="{escape(f"{title}: {said}")}">'
            f'<path class="axis" d="M{LEFT} 0V{height}M{RIGHT} 0V{height}"/>{rows}</svg></figure>')


def _triple(metrics: Json, name: str) -> Triple:
    low, high = ends(metrics, name)
    return low, metrics.get(name), high


def _axis(known: list[float]) -> Callable[[float], float]:
    """Values to pixels, with a little room at both ends."""
    low, high = min(known), max(known)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return lambda value: float(np.interp(value, (low - margin, high + margin), (LEFT, RIGHT)))


def _row(name: str, triple: Triple, column: Column, y: float, place: Callable[[float], float]) -> str:
    low, value, high = triple
    shown = name if len(name) <= NAME_LETTERS else f"{name[: NAME_LETTERS - 1]}…"
    mark = 'class="main"' if y < TOP_PX + ROW_PX else ""  # the evaluated driver comes first
    parts = [f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(shown)}</text>']
    if low is not None and high is not None:
        parts.append(f'<path class="range" d="M{place(low):.1f} {y:.1f}H{place(high):.1f}"/>')
    if value is not None:
        parts.append(f'<circle class="dot" cx="{place(value):.1f}" cy="{y:.1f}" r="4.5"/>')
    parts.append(f'<text class="soft" x="{RIGHT + 8}" y="{y + 4:.1f}">{escape(column.write(value))}</text>')
    return f"<g {mark}>{''.join(parts)}</g>"
