"""The clips that training sees: of a store, or of episodes by seed; kept in a file, so that a run goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from drive_gen.data.processes import results_of
from drive_gen.data.progress import progress_bar
from drive_gen.data.store import Row, read_index, read_shard
from drive_gen.envs.files import InputError, hash_of
from drive_gen.envs.frames.looks import NATIVE, Look, draw_look
from drive_gen.language.played import Staged, played
from drive_gen.perception.claims import CLAIMS
from drive_gen.perception.clip_config import ClipConfig, ClipData
from drive_gen.perception.clip_data import clips_of
from drive_gen.perception.clips import MOTION, START, Clips, read_clips, write_clips

AT_ONCE = 16  # episodes of a unit of work
VALIDATE = 10  # every so manyth episode


@dataclass(frozen=True)
class _Job:
    """Some episodes: of a shard, or by seed."""

    data: ClipData
    config: ClipConfig
    first: int  # number of the first episode
    seeds: tuple[int, ...] = ()
    rows: tuple[Row, ...] = ()


def prepared(data: ClipData, config: ClipConfig, cache: Path, workers: int = 0) -> Clips:
    """The clips of the settings, made once and kept in the folder `cache`."""
    names = ("clip_s", "frames", "size_px", "stretch", "agents", "lanes")
    looked_at = [getattr(config, name) for name in names]
    path = cache / f"clips-{hash_of([asdict(data), looked_at, CLAIMS, MOTION, START, _version_of(data)])}.npz"
    if path.exists():
        return read_clips(path)
    clips = _made(data, config, workers)
    write_clips(path, clips)
    return clips


def split(clips: Clips) -> tuple[Clips, Clips]:
    """Those to learn from, and those of every tenth episode."""
    held = clips.episode % VALIDATE == VALIDATE - 1
    if not held.any() or held.all():
        raise InputError("too few episodes to learn from some and to validate on others; give 10 or more")
    return clips.take(np.flatnonzero(~held)), clips.take(np.flatnonzero(held))


def joined(parts: Sequence[Clips]) -> Clips:
    """Clips of several sets, in order."""
    return Clips(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Clips)))


def look_of(data: ClipData, number: int) -> Look:
    """A third of the episodes look as they are, unless all are to look as strange as can be."""
    plain = not data.look or (number % 3 == 0 and data.look < 1)
    return NATIVE if plain else draw_look(number, data.look, data.effects)


def _version_of(data: ClipData) -> str:
    return "" if data.store is None else hash_of([row.sha256 for row in read_index(Path(data.store))])


def _made(data: ClipData, config: ClipConfig, workers: int) -> Clips:
    jobs = _jobs(data, config)
    parts: list[Clips] = []
    with progress_bar() as bar, results_of(jobs, _work, workers) as results:
        task = bar.add_task("clips", total=sum(len(job.seeds) + len(job.rows) for job in jobs))
        for job, part in zip(jobs, results, strict=True):
            parts += [part] if part is not None else []
            bar.update(task, advance=len(job.seeds) + len(job.rows))
    if not parts:
        raise InputError(f"{data.store or 'the traffic'} has no episode with an ego throughout a clip")
    return joined(parts)


def _jobs(data: ClipData, config: ClipConfig) -> list[_Job]:
    if data.store is None:
        seeds = range(data.seed, data.seed + data.episodes)
        return [_Job(data, config, first, seeds=tuple(seeds[first : first + AT_ONCE]))
                for first in range(0, len(seeds), AT_ONCE)]
    rows = read_index(Path(data.store))[: data.episodes]
    if not rows:
        raise InputError(f"the store {data.store} is empty; `drive-gen collect requests` fills one")
    jobs = []
    for shard in dict.fromkeys(row.shard for row in rows):
        mine = [number for number, row in enumerate(rows) if row.shard == shard]
        for place in range(0, len(mine), AT_ONCE):
            few = tuple(rows[number] for number in mine[place : place + AT_ONCE])
            jobs.append(_Job(data, config, mine[place], rows=few))
    return jobs


def _work(job: _Job) -> Clips | None:
    if job.rows:
        episodes = read_shard(Path(str(job.data.store)) / job.rows[0].shard, job.rows)
    else:
        episodes = [played(Staged(job.data.roads), seed) for seed in job.seeds]
    try:
        clips = clips_of(episodes, job.config, job.data.stride_s,
                         lambda number: look_of(job.data, job.first + number))
    except InputError:
        return None
    return replace(clips, episode=clips.episode + job.first)
