"""An evaluation as one HTML file that asks for nothing else: tables, charts and a replay player."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from drive_gen.envs.files import InputError, read_json, write_text
from drive_gen.evaluate.folder import ROWS, SCHEMA, SUMMARY, read_rows
from drive_gen.evaluate.summary import compare
from drive_gen.report import sections
from drive_gen.report.figures import charts
from drive_gen.report.selection import ReportConfig, replay_json

Json = dict[str, Any]


def write_report(evaluation: Path, out: Path | None = None, config: ReportConfig | None = None) -> Path:
    """Write the report of an evaluation folder, to `out` or to report.html in it; returns its path."""
    summary, rows = _read(evaluation)
    path = out or evaluation / "report.html"
    if path.is_dir():
        path = path / "report.html"
    try:
        replay = replay_json(evaluation, summary, rows, config or ReportConfig())
        text = page(summary, rows, replay)
    except KeyError as error:
        raise InputError(f"{evaluation}: its summary or rows lack {error}; evaluate again") from None
    write_text(path, text)
    return path


def page(summary: Json, rows: Sequence[Json], replay: Json) -> str:
    """The whole page."""
    paired = _paired(summary, rows)
    name = str(summary["drivers"][0]["name"])
    where = str((summary.get("config") or {}).get("env", "")) or "logged traffic"
    held = len(replay["episodes"])
    folder = files("drive_gen.report")
    parts = {
        "title": escape(f"{name} in {where}: drive_gen evaluation"),
        "heading": f"{escape(name)} in {escape(where)}",
        "verdict": sections.verdict(summary, paired), "facts": sections.facts(summary),
        "charts": charts(summary), "table": sections.results_table(summary),
        "table_note": "Small print: 95 % intervals. TTC is the time to collision with the car ahead at "
                      "constant speeds; - where there was none.",
        "paired": sections.paired_list(summary, paired), "details": sections.details(summary),
        "paired_hidden": "" if paired else "hidden",
        "player_hidden": "" if held else "hidden",
        "player_note": f"{held} of {len(rows)} recorded episodes, the worst of each driver: crashes first, "
                       "then the least time to collision, then the lowest return.",
        "data": in_script(replay), "css": _asset(folder, "report.css"), "js": _asset(folder, "player.js")}
    # One pass, so that nothing inserted is taken for a place to insert at.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _asset(folder, "template.html"))


def in_script(value: Any) -> str:
    """JSON that cannot end or open an HTML element, nor a comment."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _asset(folder: Traversable, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def _read(evaluation: Path) -> tuple[Json, list[Json]]:
    if not evaluation.is_dir():
        raise InputError(f"no evaluation at {evaluation}; `drive-gen evaluate` makes one")
    path = evaluation / SUMMARY
    summary = read_json(path, "an evaluation's summary (`drive-gen evaluate` writes it when it is done)")
    schema = summary.get("schema") if isinstance(summary, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{path}: schema is {schema!r}, this version reads {SCHEMA!r}")
    if not summary.get("drivers"):
        raise InputError(f"{path} names no drivers; evaluate again")
    rows = read_rows(evaluation)
    if not rows:
        raise InputError(f"{evaluation / ROWS} has no rows; evaluate again")
    return summary, rows


def _paired(summary: Json, rows: Sequence[Json]) -> list[Json]:
    """The evaluated driver against each other one: as the summary has it, or from the rows."""
    if "paired" in summary or summary.get("kind") == "replay":
        return list(summary.get("paired") or [])
    main, *others = (str(driver["name"]) for driver in summary["drivers"])
    return [{"other": other, **compare([row for row in rows if row["driver"] == main],
                                       [row for row in rows if row["driver"] == other])} for other in others]
