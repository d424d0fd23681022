"""The report's words and tables, as HTML; every text from a file goes through `escape`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from typing import Any, NamedTuple

from drive_gen.evaluate.tables import number, percent

Json = dict[str, Any]


class Column(NamedTuple):
    """One figure of the results: its name in `metrics`, its heading, and how its values are written."""

    name: str
    heading: str
    unit: str
    write: Callable[[float | None], str]


def _digits(digits: int) -> Callable[[float | None], str]:
    return lambda value: number(value, digits)


CLOSED_LOOP = (
    Column("success", "success", "no crash, on the road", percent),
    Column("mean_speed_mps", "mean speed", "m/s", _digits(1)),
    Column("return", "return", "of the environment", _digits(2)),
    Column("planner_score", "planner score", "0 to 1, nuPlan's terms", _digits(3)),
    Column("crash_rate", "crashes", "of episodes", percent),
    Column("at_fault_rate", "at fault", "of episodes", percent),
    Column("off_road_rate", "off-road", "of episodes", percent),
    Column("min_ttc_s", "least TTC", "s, median", _digits(2)),
    Column("ttc_below_2s", "TTC < 2 s", "of the time", percent),
    Column("mean_headway_s", "headway", "s, mean", _digits(2)),
    Column("headway_below_1s", "headway < 1 s", "of following", percent),
    Column("hard_brakes_per_100km", "hard brakes", "per 100 km", _digits(0)),
    Column("lane_changes_per_km", "lane changes", "per km", _digits(2)),
    Column("comfortable_share", "comfortable", "of the time", percent),
    Column("km", "driven", "km", _digits(1)),
    Column("decision_ms", "decision", "ms", _digits(2)),
)
REPLAY = (
    Column("ade_m", "ADE", "m, mean", _digits(2)),
    Column("fde_m", "FDE", "m, at the end", _digits(2)),
    Column("collision", "collisions", "of cases", percent),
    Column("longitudinal_m", "ahead or behind", "m, mean", _digits(2)),
    Column("lateral_m", "aside", "m, mean", _digits(2)),
    Column("at_fault_rate", "at fault", "of cases", percent),
    Column("off_road_rate", "off-road", "of cases", percent),
    Column("w1_speed_mps", "W1 speed", "m/s", _digits(2)),
    Column("w1_acceleration_mps2", "W1 acceleration", "m/s²", _digits(2)),
    Column("min_ttc_s", "least TTC", "s, median", _digits(2)),
)
CHARTS = {"closed_loop": ("success", "return", "mean_speed_mps"), "replay": ("ade_m", "collision", "fde_m")}


def columns_of(summary: Json) -> list[Column]:
    """The figures that some driver of the evaluation has."""
    known = REPLAY if summary.get("kind") == "replay" else CLOSED_LOOP
    return [column for column in known
            if any(driver["metrics"].get(column.name) is not None for driver in summary["drivers"])]


def results_table(summary: Json) -> str:
    """Drivers by figures, the evaluated one first, intervals below the figures."""
    columns = columns_of(summary)
    head = "".join(f'<th scope="col">{escape(column.heading)}<span>{escape(column.unit)}</span></th>'
                   for column in columns)
    body = "".join(_table_row(driver, columns, place == 0) for place, driver in enumerate(summary["drivers"]))
    return (f'<table><thead><tr><th scope="col">driver</th>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table>")


def _table_row(driver: Json, columns: Sequence[Column], is_main: bool) -> str:
    cells = "".join(f"<td>{cell(driver['metrics'], column)}</td>" for column in columns)
    mark = ' class="main"' if is_main else ""
    return f'<tr{mark}><th scope="row">{escape(str(driver["name"]))}</th>{cells}</tr>'


def cell(metrics: Json, column: Column) -> str:
    """A figure, and its interval where there is one."""
    text = escape(column.write(metrics.get(column.name)))
    low, high = ends(metrics, column.name)
    if low is None or high is None:
        return text
    return f"{text}<small>{escape(column.write(low))} to {escape(column.write(high))}</small>"


def ends(metrics: Json, name: str) -> tuple[float | None, float | None]:
    """The interval of a figure: success_low, and for crash_rate crash_low."""
    stem = name.removesuffix("_rate")
    low, high = (metrics.get(f"{name}_{end}", metrics.get(f"{stem}_{end}")) for end in ("low", "high"))
    return low, high


def verdict(summary: Json, paired: Sequence[Json]) -> str:
    """A few sentences that say how the evaluated driver did, and how far that can be trusted."""
    main, *others = summary["drivers"]
    if summary.get("kind") == "replay":
        return _replay_verdict(main, others, summary["config"].get("scenarios", False))
    figures = main["metrics"]
    episodes = int(figures["episodes"])
    done, speed = round(figures["success"] * episodes), number(figures["mean_speed_mps"], 1)
    return (f"{_strong(main)} finished {done} of {episodes} episodes without a crash or leaving the road: "
            f"{_said(figures, CLOSED_LOOP[0])} at {speed} m/s on average.{_comparison(paired)}")


def _replay_verdict(main: Json, others: Sequence[Json], scripted: bool) -> str:
    """How far from the log, and how often into someone; the same of the others, who are the scale."""
    figures, away, hit = main["metrics"], REPLAY[0], REPLAY[2]
    compared = "; ".join(f"{other['name']} {away.write(other['metrics'].get(away.name))} m and "
                         f"{hit.write(other['metrics'].get(hit.name))}" for other in others)
    whose, where = (("scenarios' egos", "their scripts led") if scripted else ("logged cars", "people drove"))
    return (f"In place of {int(figures['episodes'])} {whose}, {_strong(main)} was on average "
            f"{_said(figures, away, ' m')} from where {where}, and collided in "
            f"{_said(figures, hit)} of the cases.{escape(f' Beside it: {compared}.') if compared else ''}")


def _strong(driver: Json) -> str:
    return f"<strong>{escape(str(driver['name']))}</strong>"


def _comparison(paired: Sequence[Json]) -> str:
    """Over whom its return is higher or lower on the same seeds; nothing where nobody else drove them."""
    sentences = []
    for judged, word in (("better", "higher than that of"), ("worse", "lower than that of")):
        names = [escape(str(pair["other"])) for pair in paired if _against(pair) == judged]
        if names:
            sentences.append(f" Its return is {word} {_listed(names)} on the same seeds.")
    if paired and not sentences:
        sentences.append(" Its return differs from no other driver's by more than chance explains.")
    return "".join(sentences)


def _said(figures: Json, column: Column, unit: str = "") -> str:
    low, high = ends(figures, column.name)
    text = f"{column.write(figures.get(column.name))}{unit}"
    if low is None or high is None:
        return escape(text)
    return escape(f"{text} (95 % interval {column.write(low)} to {column.write(high)}{unit})")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _against(pair: Json) -> str:
    """Whether the interval of the difference in return lies wholly on one side of zero."""
    return "better" if pair["return_low"] > 0 else "worse" if pair["return_high"] < 0 else "unclear"


def paired_list(summary: Json, paired: Sequence[Json]) -> str:
    """One line for each other driver: the difference in return, and who alone succeeds."""
    if not paired:
        return '<p class="note">No other driver drove the same seeds.</p>'
    main, items = escape(str(summary["drivers"][0]["name"])), []
    for pair in paired:
        word, other = _against(pair), escape(str(pair["other"]))
        judged = {"better": "higher", "worse": "lower", "unclear": "no clear difference"}[word]
        items.append(
            f'<li class="{word}">against <strong>{other}</strong>: return {pair["return_difference"]:+.2f} '
            f'(95 % interval {pair["return_low"]:+.2f} to {pair["return_high"]:+.2f}: {judged}) over '
            f'{int(pair["seeds"])} seeds; only {main} succeeds on {int(pair["success_only_driver"])}, '
            f'only {other} on {int(pair["success_only_other"])} (McNemar p = {pair["success_p"]:.2g})</li>')
    return f'<ul class="pairs">{"".join(items)}</ul>'


def facts(summary: Json) -> str:
    """Where and how often: one line below the verdict."""
    config, seeds = summary.get("config") or {}, summary.get("seeds")
    parts = [str(config.get("env", "")), f"{summary.get('episodes_per_driver', summary.get('cases', ''))} "
             f"{'cases' if summary.get('kind') == 'replay' else 'episodes'} a driver"]
    if isinstance(seeds, dict) and {"first", "count"} <= seeds.keys():
        unit = "cases" if summary.get("kind") == "replay" else "seeds"
        parts.append(f"{unit} {seeds['first']} to {seeds['first'] + seeds['count'] - 1}")
    elif isinstance(seeds, list) and seeds:
        parts.append(f"seeds {min(seeds)} to {max(seeds)}")
    parts.append(f"config {summary.get('config_hash', '')}")
    return " · ".join(escape(part) for part in parts if part.strip())


def details(summary: Json) -> str:
    """Command, drivers with their hashes, settings and versions: what it takes to do it again."""
    drivers = [f"{driver['name']}  {driver.get('reference', '')}  {driver.get('hash', '')}"
               for driver in summary["drivers"]]
    rest = {name: value for name, value in summary.items()
            if name not in ("drivers", "paired", "versions", "command", "config")}
    blocks = (("Command", str(summary.get("command", "")), True),
              ("Drivers and hashes", "\n".join(drivers), True),
              ("Environment settings", json.dumps(summary.get("config"), indent=1), False),
              ("Versions", json.dumps(summary.get("versions"), indent=1), False),
              ("Everything else in summary.json", json.dumps(rest, indent=1), False))
    return "".join(f"<details{' open' if is_open else ''}><summary>{title}</summary>"
                   f'<pre tabindex="0">{escape(text)}</pre></details>'
                   for title, text, is_open in blocks if text)
