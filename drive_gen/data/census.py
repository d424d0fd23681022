"""Counts over a store's episodes, and what is wrong among them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from drive_gen.data.import_report import box_overlaps
from drive_gen.data.store import Row
from drive_gen.envs.episode import Episode


class Census:
    """What there is in a store's episodes, counted one at a time."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in ("kinds", "names", "drivers")}
        self.licences: Counter[str] = Counter()
        self.groups: set[str] = set()
        self.frame_periods: set[float] = set()
        self.lengths: list[tuple[int, int]] = []  # agents and frames of each
        self.speeds: list[tuple[float, float, float, int]] = []  # least, sum, greatest and number of each
        self.seconds = 0.0
        self.crashed = self.decisions = self.noted = self.unseen = 0
        self.overlapping: list[str] = []

    def add(self, episode: Episode, row: Row | None = None) -> None:
        """Count one; its row names it where there is an index."""
        source = episode.source
        for name, value in (("kinds", source.kind), ("names", source.name), ("drivers", source.driver)):
            self.counts[name][value] += 1
        self.licences[source.licence] += 1
        self.groups.add(source.group)
        self.frame_periods.add(episode.dt_s)
        self.lengths.append((episode.agents, episode.steps))
        speeds = episode.speed_mps[episode.valid].astype(np.float64)
        if len(speeds):
            self.speeds.append((speeds.min(), speeds.sum(), speeds.max(), len(speeds)))
        self.seconds += float(episode.valid.sum()) * episode.dt_s
        self.decisions += int(episode.meta_known.sum())
        self.crashed += int(episode.crashed.any(1).sum())
        self._add_overlaps(episode, row.key if row else source.name)

    def _add_overlaps(self, episode: Episode, name: str) -> None:
        """Overlaps that no crash explains and the importer has not noted are problems.

        Not among the traffic of a simulation: highway-env looks for collisions of controlled cars alone.
        """
        noted = {tuple(pair[:2]) for pair in episode.source.notes.get("overlaps", [])}
        self.noted += len(noted)
        for one, other in box_overlaps(episode):
            ids = (int(episode.agent_id[one]), int(episode.agent_id[other]))
            if episode.source.kind == "simulated" and episode.ego not in (one, other):
                self.unseen += 1
            elif ids not in noted and not episode.crashed[[one, other]].any():
                self.overlapping.append(f"{name}: agents {ids[0]} and {ids[1]} overlap, none crashed")

    def facts(self) -> dict[str, Any]:
        """JSON: shapes, speeds, sources."""
        agents, steps = zip(*self.lengths, strict=True) if self.lengths else ((0,), (0,))
        known = sum(number for *_, number in self.speeds)
        least, total, most, _ = zip(*self.speeds, strict=True) if known else ((0.0,),) * 4
        speeds = {"least": min(least), "mean": sum(total) / max(known, 1), "most": max(most)}
        names = self.counts["names"]
        return {"agents": {"total": sum(agents), "least": min(agents), "most": max(agents)},
                "frames": {"total": sum(steps), "least": min(steps), "most": max(steps)},
                "dt_s": sorted(self.frame_periods), "agent_hours": round(self.seconds / 3600, 4),
                "speed_mps": speeds, "decisions": self.decisions, "crashed_agents": self.crashed,
                "kinds": dict(self.counts["kinds"]), "names": len(names), "groups": len(self.groups),
                "examples": list(names)[:3], "drivers": dict(self.counts["drivers"]),
                "licences": dict(self.licences)}


def split_problems(rows: list[Row]) -> list[str]:
    """Groups that are in two splits, and generated episodes among those held out."""
    splits: dict[str, set[str]] = {}
    for row in rows:
        if row.kind != "generated":
            splits.setdefault(row.group, set()).add(row.split)
    problems = [f"group {group} is in the splits {' and '.join(sorted(names))}: held out and trained on"
             for group, names in splits.items() if len(names) > 1]
    generated = sum(row.kind == "generated" and row.split != "train" for row in rows)
    if generated:
        problems.append(f"{generated} generated episodes are held out; only real ones may be")
    return problems
