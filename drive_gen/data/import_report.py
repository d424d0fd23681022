"""What an import found, as sums over its recordings; and the overlaps of logged bodies."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drive_gen.data.tracks import Smoothing, Tracks, accelerations
from drive_gen.envs.episode import Episode
from drive_gen.envs.geometry import all_leads, overlaps

HARD_MPS2 = 3.0  # harder accelerations are mostly noise in camera logs
HEADWAY_MIN_MPS = 1.0  # slower, a time headway means little


@dataclass(frozen=True)
class Overlap:
    """Two logged bodies in one place."""

    recording: str
    first_id: int
    second_id: int
    frames: int


@dataclass(frozen=True)
class ImportReport:
    """What an import found and wrote. Means are NaN where there is nothing to take them of."""

    out: str
    smoothing: str
    recordings: int
    episodes: int  # written now
    already_there: int  # passed over: the store holds them
    tracks: int
    rows: int  # vehicles times frames
    mean_speed_mps: float
    mean_gap_m: float  # bumper to bumper to the lead, who may be in the lane with a part of the body only
    mean_headway_s: float  # gap by speed, of those at 1 m/s or more
    lead_share: float  # of the rows
    hard_share_before: float  # of the steps with more than 3 m/s^2, by the speeds in the log
    hard_share_after: float  # the same, smoothed
    interrupted_tracks: int
    missing_frames: int  # inside tracks; kept as invalid
    duplicate_rows: int  # left out
    cut_tracks: int  # tracks that a cut into pieces divides
    too_short_to_smooth: int  # rows, kept as they are
    negative_gaps: int  # rows
    overlaps: tuple[Overlap, ...]
    dropped: dict[str, int]  # reason -> how many
    refused: tuple[str, ...]  # a line each
    splits: dict[str, str]  # group -> train, validation or test
    split_rule: str

    def as_json(self) -> dict[str, Any]:
        """The report as JSON can hold it: undefined means are None."""
        return {name: None if isinstance(value, float) and np.isnan(value) else value
                for name, value in dataclasses.asdict(self).items()}


COUNTS = ("recordings", "episodes", "already_there", "tracks", "rows", "interrupted_tracks", "missing_frames",
          "duplicate_rows", "cut_tracks", "too_short_to_smooth", "negative_gaps")


class Tally:
    """Sums over recordings, from which the report's counts and means come."""

    def __init__(self, refused: list[str] | None = None) -> None:
        self.refused = refused  # where one bad recording is named and passed over; None stops at it
        self.count: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.groups: set[str] = set()
        self.pairs: Counter[tuple[str, int, int]] = Counter()
        self.speed_mps = self.gap_m = self.headway_s = 0.0  # sums

    def add_recording(self, before: Tracks, after: Tracks, found: Mapping[str, int],
                      dropped: Mapping[str, int]) -> None:
        """Count a recording's clean tracks, before and after smoothing, and what its reader dropped."""
        self.count["recordings"] += 1
        self.count["tracks"] += len(np.unique(after.vehicle))
        self.count["rows"] += len(after)
        self.count.update(found)
        self.dropped.update(dropped)
        self.speed_mps += float(after.speed_mps.sum())
        for name, tracks in (("before", before), ("after", after)):
            change = np.abs(accelerations(tracks))
            self.count[f"hard_{name}"] += int((change > HARD_MPS2).sum())
        self.count["steps"] += len(change)

    def add_episode(self, episode: Episode, pairs: list[Overlap]) -> None:
        """Count an episode's group, its gaps to the leads, and its overlapping pairs."""
        self.groups.add(episode.source.group)
        for pair in pairs:
            self.pairs[(pair.recording, pair.first_id, pair.second_id)] += pair.frames
        leads = all_leads(episode)
        led = leads.lead >= 0
        timed = led & (leads.speed_mps >= HEADWAY_MIN_MPS)
        self.count["led"] += int(led.sum())
        self.count["timed"] += int(timed.sum())
        self.count["negative_gaps"] += int((leads.gap_m[led] < 0).sum())
        self.gap_m += float(leads.gap_m[led].sum())
        self.headway_s += float((leads.gap_m[timed] / leads.speed_mps[timed]).sum())

    def report(self, out: Path, smoothing: Smoothing, splits: dict[str, str], rule: str) -> ImportReport:
        """The sums as a report."""
        count = self.count
        return ImportReport(
            out=str(out), smoothing=smoothing.label, **{name: count[name] for name in COUNTS},
            mean_speed_mps=_share(self.speed_mps, count["rows"]), mean_gap_m=_share(self.gap_m, count["led"]),
            mean_headway_s=_share(self.headway_s, count["timed"]),
            lead_share=_share(count["led"], count["rows"]),
            hard_share_before=_share(count["hard_before"], count["steps"]),
            hard_share_after=_share(count["hard_after"], count["steps"]),
            overlaps=tuple(Overlap(*pair, frames) for pair, frames in sorted(self.pairs.items())),
            dropped=dict(self.dropped), refused=tuple(self.refused or ()), split_rule=rule,
            splits={group: split for group, split in splits.items() if group in self.groups})


def box_overlaps(episode: Episode) -> dict[tuple[int, int], int]:
    """Pairs of agents (numbers, the lower first) whose boxes overlap -> in how many frames."""
    found: dict[tuple[int, int], int] = {}
    position, heading, size, valid = episode.position_m, episode.heading_rad, episode.size_m, episode.valid
    radius = np.hypot(*size.T) / 2
    for agent in range(episode.agents - 1):
        apart = np.hypot(*np.moveaxis(position[agent + 1 :] - position[agent], -1, 0))
        near = apart <= (radius[agent + 1 :] + radius[agent])[:, None]
        row, frame = np.nonzero(near & valid[agent + 1 :] & valid[agent])
        other = row + agent + 1
        hit = overlaps(position[agent, frame], heading[agent, frame], size[agent],
                       position[other, frame], heading[other, frame], size[other])
        found |= {(agent, number): count for number, count in Counter(other[hit].tolist()).items()}
    return found


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
