"""Which episodes the replay player holds, and their data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drive_gen.data.store import INDEX, read_index, read_shard
from drive_gen.envs.episode import META_ACTIONS, Episode
from drive_gen.envs.files import InputError
from drive_gen.evaluate.folder import EPISODES
from drive_gen.report.replay_data import Roads, episode_data, frames_shown, track

MOST_BYTES = 9_000_000  # of replay data; a page of 10 MB still opens at once
Json = dict[str, Any]


@dataclass(frozen=True)
class ReportConfig:
    """How many episodes the player holds, the worst ones first."""

    episodes: int = 12  # of the evaluated driver
    others: int = 3  # of each other driver

    def __post_init__(self) -> None:
        if self.episodes < 0 or self.others < 0:
            raise InputError("--episodes and --others must be at least 0, got "
                             f"{self.episodes} and {self.others}")


def replay_json(evaluation: Path, summary: Json, rows: Sequence[Json], config: ReportConfig) -> Json:
    """The player's data: the worst episodes of each driver, as many as fit."""
    names = [str(driver["name"]) for driver in summary["drivers"]]
    chosen = []
    for place, name in enumerate(names):
        worst = sorted((row for row in rows if row["driver"] == name), key=badness)
        chosen += worst[: config.episodes if place == 0 else config.others]
    shelf = _Shelf(evaluation / EPISODES)
    companions = {(str(row["driver"]), row.get("seed")): row for row in rows}
    roads, entries, size = Roads(), [], 0
    for row in chosen:
        ghosts = [companions[name, row.get("seed")] for name in names
                  if name != row["driver"] and (name, row.get("seed")) in companions]
        entry = _entry(row, ghosts, shelf, roads)
        if entry is None:
            continue
        size += len(json.dumps(entry, separators=(",", ":")))
        if size > MOST_BYTES:
            break
        entries.append(entry)
    shown = {entry["driver"] for entry in entries}
    return {"actions": list(META_ACTIONS), "drivers": [name for name in names if name in shown],
            "roads": roads.data, "episodes": entries}




def badness(row: Json) -> tuple[float, ...]:
    """Sort key of the worst first: crash, off the road, least time to collision, return."""

    def least(name: str) -> float:
        value = row.get(name)
        return float("inf") if value is None else float(value)

    return (-float(_crashed(row)), -float(bool(row.get("off_road"))), least("min_ttc_s"), least("return"),
            least("seed"))


def _crashed(row: Json) -> bool:
    return bool(row.get("crashed", row.get("collision", False)))


class _Shelf:
    """Episodes of a store by key, each read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows = {row.key: row for row in read_index(folder)} if (folder / INDEX).exists() else {}

    def get(self, key: str | None) -> Episode | None:
        """The episode, or None where the store does not hold it."""
        row = self._rows.get(key or "")
        return read_shard(self.folder / row.shard, [row])[0] if row else None


def _entry(row: Json, companions: Sequence[Json], shelf: _Shelf, roads: Roads) -> Json | None:
    """One episode of the player, with the other drivers on the same seed as ghosts; None where it is lost."""
    episode = shelf.get(row.get("store_key"))
    if episode is None or episode.ego is None or not episode.valid[episode.ego].any():
        return None
    tags = [word for word, flag in (("CRASH", _crashed(row)), ("OFF-ROAD", row.get("off_road"))) if flag]
    figures = (("return", row.get("return"), ""), ("ADE", row.get("ade_m"), " m"),
               ("TTC", row.get("min_ttc_s"), " s"), ("", row.get("mean_speed_mps"), " m/s"))
    return {"driver": str(row["driver"]), "title": _title(row, episode), "tag": " ".join(tags),
            "facts": " · ".join(f"{name} {value:.1f}{unit}".strip() for name, value, unit in figures
                               if value is not None),
            "road": roads.add(episode.road), "data": episode_data(episode, episode.ego),
            "ghosts": {str(other["driver"]): ghost for other in companions
                       if (ghost := _ghost(shelf.get(other.get("store_key")))) is not None}}


def _title(row: Json, episode: Episode) -> str:
    if row.get("seed") is None:
        return episode.source.group
    return f"{'case' if 'agent_id' in row else 'seed'} {row['seed']}"


def _ghost(episode: Episode | None) -> Json | None:
    """The path of another driver's car alone."""
    if episode is None or episode.ego is None or not episode.valid[episode.ego].any():
        return None
    frames = frames_shown(episode, episode.ego)
    return {"t": [round(float(frame - frames[0]) * episode.dt_s * 1000) for frame in frames],
            "ego": track(episode, episode.ego, frames)}
