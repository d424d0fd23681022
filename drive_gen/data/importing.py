"""The way every log takes into an episode store.

Nothing is left out in silence: what is dropped, cut, missing or odd is counted in the ImportReport, and for
each recording in its episodes' Source.notes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from drive_gen.data.import_report import ImportReport, Overlap, Tally, box_overlaps
from drive_gen.data.progress import progress_bar
from drive_gen.data.store import INDEX, key_of, read_index, split_of, write_episodes
from drive_gen.data.tracks import Smoothing, Tracks, check_units, clean, pieces, smooth, to_episode
from drive_gen.envs.episode import Episode, Source
from drive_gen.envs.files import InputError
from drive_gen.envs.road import Road

DRIVER = "human"


@dataclass(frozen=True, eq=False)
class Recording:
    """What a reader gives: the tracks of one recording and its road."""

    name: str
    group: str  # recordings of one group are never split
    tracks: Tracks
    road: Road
    where: str  # file and part, for errors
    licence: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)  # what the reader left out: reason -> how many


def import_recordings(recordings: Iterable[Recording], out: Path, sizes: Mapping[str, int],
                      smoothing: Smoothing, duration_s: float | None = None,
                      refused: list[str] | None = None) -> ImportReport:
    """Write recordings to the store `out` as episodes of about `duration_s`, or one each (None).

    `sizes` gives every group's size, by which it is split (`assign_splits`). With a list `refused`, which the
    reader may share, recordings that make no sense are named there and passed over. An interrupted import
    goes on where it was: keys that the store holds are skipped.
    """
    if duration_s is not None and not duration_s > 0:
        raise InputError(f"an episode's duration must be above 0 s, got {duration_s}")
    splits, rule = assign_splits(sizes, out)
    known = {row.key for row in read_index(out)} if (out / INDEX).exists() else set()
    tally = Tally(refused)
    for split, some in groupby(_shown(recordings, sizes), lambda recording: splits[recording.group]):
        episodes = (episode for recording in some
                    for episode in _episodes(recording, smoothing, duration_s, known, tally))
        tally.count["episodes"] += len(write_episodes(out, episodes, split))
    if not tally.count["recordings"]:
        raise InputError(f"nothing to import to {out}" + (f": {refused[0]}" if refused else ""))
    return tally.report(out, smoothing, splits, rule)


def _shown(recordings: Iterable[Recording], sizes: Mapping[str, int]) -> Iterator[Recording]:
    """The recordings, with a progress bar on stderr that moves on with every group."""
    with progress_bar() as progress:
        task = progress.add_task("importing", total=sum(sizes.values()))
        group = None
        for recording in recordings:
            if group is not None and recording.group != group:
                progress.advance(task, sizes[group])
            group = recording.group
            progress.update(task, description=f"importing {recording.name}")
            yield recording


def assign_splits(sizes: Mapping[str, int], out: Path) -> tuple[dict[str, str], str]:
    """Each group's split, and by which rule.

    A group that the store holds keeps its split. Else the hash of its name decides (`split_of`), unless that
    leaves nothing to train on or nothing held out: then the largest group trains, and the others, by size,
    are test and validation in turn.
    """
    splits = {group: split_of(group) for group in sizes}
    rule = "by hash of the group"
    if len({split == "train" for split in splits.values()}) == 1:
        largest, *others = sorted(sizes, key=lambda group: (-sizes[group], group))
        splits = {largest: "train"} | {group: ("test", "validation")[place % 2]
                                       for place, group in enumerate(others)}
        rule = "largest group trains, the others are test and validation in turn (their hashes agree)"
    kept = {row.group: row.split for row in read_index(out)} if (out / INDEX).exists() else {}
    return {group: kept.get(group, split) for group, split in splits.items()}, rule


def _episodes(recording: Recording, smoothing: Smoothing, duration_s: float | None, known: set[str],
              tally: Tally) -> Iterator[Episode]:
    """The new episodes of one recording; all that there is to say of it is added to the tally."""
    try:
        tracks, duplicates = clean(recording.tracks, recording.where)
        check_units(tracks, recording.where)
    except InputError as error:
        if tally.refused is None:
            raise
        tally.refused.append(str(error))
        return
    done, short = smooth(tracks, smoothing)
    parts = pieces(done, duration_s)
    found = {"duplicate_rows": duplicates, "too_short_to_smooth": short, **_interruptions(tracks),
             "cut_tracks": _cut_tracks(done, [first for first, _ in parts[1:]])}
    tally.add_recording(tracks, done, found, recording.dropped)
    notes = {**recording.notes, "recording": recording.name, "smoothing": smoothing.label,
             "found": {name: count for name, count in found.items() if count},
             "dropped": dict(recording.dropped)}
    for number, (first, steps) in enumerate(parts):
        name = recording.name if len(parts) == 1 else f"{recording.name}/{number:04d}"
        source = Source(kind="logged", name=name, group=recording.group, driver=DRIVER,
                        licence=recording.licence, notes={**notes, "first_frame": first})
        episode = to_episode(done, first, steps, recording.road, source)
        pairs = _pairs(episode, recording.name)
        tally.add_episode(episode, pairs)
        if key_of(source) in known:
            tally.count["already_there"] += 1
        else:
            yield _noted(episode, pairs)


def _noted(episode: Episode, pairs: list[Overlap]) -> Episode:
    """The episode with its overlapping pairs in the notes: two ids and the frames each."""
    named = [[pair.first_id, pair.second_id, pair.frames] for pair in pairs]
    notes = {**episode.source.notes, "overlaps": named}
    return dataclasses.replace(episode, source=dataclasses.replace(episode.source, notes=notes))


def _pairs(episode: Episode, recording: str) -> list[Overlap]:
    return [Overlap(recording, int(episode.agent_id[one]), int(episode.agent_id[other]), frames)
            for (one, other), frames in box_overlaps(episode).items()]


def _interruptions(tracks: Tracks) -> dict[str, int]:
    """Tracks with frames missing inside, and how many frames those are."""
    later = np.diff(tracks.vehicle) == 0
    jump = (np.diff(tracks.frame) - 1)[later]
    vehicles = tracks.vehicle[:-1][later][jump > 0]
    return {"interrupted_tracks": len(np.unique(vehicles)), "missing_frames": int(jump.sum())}


def _cut_tracks(tracks: Tracks, starts: list[int]) -> int:
    """Tracks that have frames on both sides of some piece's first frame."""
    piece = np.searchsorted(np.asarray(starts, dtype=np.int64), tracks.frame, side="right")
    later = np.diff(tracks.vehicle) == 0
    return len(np.unique(tracks.vehicle[:-1][later & (np.diff(piece) > 0)]))
