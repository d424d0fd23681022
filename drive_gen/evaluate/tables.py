"""Evaluations as tables for the terminal; what a cell cannot say is in summary.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from drive_gen.evaluate.statistics import Estimate

Figures = dict[str, Any]
TO = "\u00a0to\u00a0"  # an interval stays on one line


def verdict_table(summary: Figures) -> Table:
    """One row a driver: success, speed and return together, since none of them alone says who drives well."""
    table = _table(f"{summary['config']['env']}, {summary['episodes_per_driver']} episodes a driver",
                   "success\n95 %", "m/s", "return\n95 %", "TTC\n< 2 s", "headway\ns",
                   "hard\nbrakes\n/100 km", "off-\nroad", "ms/\ndec.")
    for driver in summary["drivers"]:
        figures = driver["metrics"]
        table.add_row(driver["name"], rate(figures, "success"), number(figures["mean_speed_mps"], 1),
                      interval(figures, "return", 2), percent(figures["ttc_below_2s"]),
                      number(figures["mean_headway_s"], 2), number(figures["hard_brakes_per_100km"], 0),
                      percent(figures["off_road_rate"]), number(figures["decision_ms"], 2))
    return table


def paired_table(summary: Figures) -> Table:
    """The main driver against each floor, on the same seeds."""
    table = _table("paired on the same seeds", "return difference\n95 %", "only it\nsucceeds",
                   "only the\nother does", "McNemar p", first="against")
    for pair in summary["paired"]:
        difference = {"return": pair["return_difference"], "return_low": pair["return_low"],
                      "return_high": pair["return_high"]}
        table.add_row(pair["other"], interval(difference, "return", 2), str(pair["success_only_driver"]),
                      str(pair["success_only_other"]), f"{pair['success_p']:.2g}")
    return table


def replay_table(summary: Figures) -> Table:
    """One row a driver that was handed logged cars."""
    whose = "egos of {} scenarios" if summary["config"].get("scenarios") else "{} logged cars"
    table = _table(f"{whose.format(summary['cases'])} handed over, {summary['horizon_s']:g} s each",
                   "ADE m\n95 %", "FDE m\n95 %", "collide\n95 %", "at\nfault", "off-\nroad", "W1\nspeed",
                   "W1\naccel.", "median\nleast TTC")
    for driver in summary["drivers"]:
        figures = driver["metrics"]
        table.add_row(driver["name"], *(interval(figures, name, 2) for name in ("ade_m", "fde_m")),
                      rate(figures, "collision"), percent(figures["at_fault_rate"]),
                      percent(figures["off_road_rate"]), number(figures["w1_speed_mps"], 2),
                      number(figures["w1_acceleration_mps2"], 2), number(figures["min_ttc_s"], 1, " s"))
    return table


def prediction_table(summary: Figures) -> Table:
    """One row a predictor: ADE and, below it, FDE of the best of six at each second; then the intervals."""
    seconds = [name[6:] for name in summary["predictors"][0] if name.startswith("ade_6_")
               and name.count("_") == 2]
    table = _table(f"{summary['windows']} windows of {summary['groups']} held-out groups; metres",
                   *(f"ADE6\nFDE6\n{second.removesuffix('s')} s" for second in seconds),
                   f"ADE6\n{seconds[-1]}, 95 %", f"ADE1\n{seconds[-1]}, 95 %", "miss\nof 6",
                   first="predictor")
    for row in summary["predictors"]:
        cells = [f"{number(row[f'ade_6_{second}'], 2)}\n{number(row[f'fde_6_{second}'], 2)}"
                 for second in seconds]
        table.add_row(row["name"], *cells, *(interval(row, f"ade_{modes}_{seconds[-1]}", 2)
                                             for modes in (6, 1)), percent(row["miss_6"]))
    return table


def risk_table(rows: Mapping[str, Mapping[str, Estimate]]) -> Table:
    """One row a risk network or floor: figures and, below them, their intervals."""
    table = _table("", "AUROC\n95 %", "average precision\n95 %", "calibration error\n95 %",
                   "macro-F1 of TTC\n95 %", first="network")
    for name, figures in rows.items():
        table.add_row(name, *(interval({"": found.value, "_low": found.low, "_high": found.high}, "", 3)
                              for found in figures.values()))
    return table


def rate(figures: Figures, name: str) -> str:
    """A share and, below it, its interval in percent: 97.0 %, 91 to 99."""
    low, high = (100 * figures[f"{name}_{end}"] for end in ("low", "high"))
    return f"{percent(figures[name])}\n{low:.0f}{TO}{high:.0f}"


def interval(figures: Figures, name: str, digits: int) -> str:
    """A figure and, below it, its interval: 21.40, 20.90 to 21.80."""
    low, high = (number(figures[f"{name}_{end}"], digits) for end in ("low", "high"))
    return f"{number(figures[name], digits)}\n{low}{TO}{high}"


def percent(share: float | None) -> str:
    """A share in percent, - where undefined."""
    return "-" if share is None else f"{100 * share:.1f} %"


def number(value: float | None, digits: int, unit: str = "") -> str:
    """A number with its unit, - where undefined."""
    return "-" if value is None else f"{value:.{digits}f}{unit}"


def _table(title: str, *columns: str, first: str = "driver") -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column(first, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right")
    return table
