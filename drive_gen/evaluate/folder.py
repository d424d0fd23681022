"""The evaluation folder: rows.jsonl and an episode store, filled so that a killed run goes on."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from drive_gen.data.processes import results_of
from drive_gen.data.progress import progress_bar
from drive_gen.data.store import SHARD_EPISODES, Writer
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError, make_folder, write_text

SCHEMA = "drive_gen.evaluation/1"
SUMMARY, ROWS, EPISODES = "summary.json", "rows.jsonl", "episodes"
FLUSH_EPISODES = 16  # at most so many finished episodes are lost to a kill, where they come one by one

Row = dict[str, Any]
Unit = TypeVar("Unit")
Work = Callable[[Unit], list[tuple[Row, Episode]]]


def read_rows(folder: Path) -> list[Row]:
    """The rows of an evaluation folder, none where there is no file yet.

    The last line may be cut short by a kill: it is left out, and its unit of work is done again.
    """
    path = folder / ROWS
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            if number == len(lines) and not line.endswith("\n"):
                break
            raise InputError(f"{path}: line {number} is not JSON; choose another --out") from None
    return rows


def open_folder(out: Path, hashes: dict[str, tuple[str, str]], seeds: Iterable[int]) -> list[Row]:
    """The rows that a run into `out` may keep, made by the same drivers in the same worlds.

    `hashes` gives each driver's own hash and its config's. An InputError says what differs where a row is
    another run's, so that no table mixes two.
    """
    make_folder(out)
    rows, wanted = read_rows(out), set(seeds)
    for row in rows:
        expected = hashes.get(row["driver"])
        if expected is None:
            raise InputError(f"{out} holds an evaluation of {row['driver']!r} too; choose another --out")
        for name, now in zip(("driver_hash", "config_hash"), expected, strict=True):
            if row[name] != now:
                raise InputError(f"{out} holds rows of {row['driver']!r} with {name} {row[name]}, now {now}; "
                                 "choose another --out")
        if row["seed"] not in wanted:
            raise InputError(f"{out} holds seed {row['seed']}, which this run does not ask for; choose "
                             "another --out, or ask for those seeds too")
    # Without a cut line, what is appended begins a line of its own.
    write_text(out / ROWS, "".join(json.dumps(row) + "\n" for row in rows))
    return rows


def run_units(out: Path, units: Sequence[Unit], work: Work[Unit], workers: int, what: str) -> None:
    """Do every unit, in `workers` processes (0: one a core), and keep its rows and its episodes.

    Results are taken in the units' order, so that the files do not depend on the number of workers. An
    episode is stored before its row: a row's episode is always there.
    """
    if not units:
        return
    store, waiting = Writer(out / EPISODES, split="test"), list[Row]()

    def flush() -> None:
        store.flush()
        with (out / ROWS).open("a", encoding="utf-8") as file:
            file.write("".join(json.dumps(row, allow_nan=False) + "\n" for row in waiting))
            file.flush()
            os.fsync(file.fileno())
        waiting.clear()

    done = 0
    try:
        with results_of(units, work, workers) as results, progress_bar() as progress:
            for found in progress.track(results, total=len(units), description=what):
                # Episodes that come many at a time come fast: full shards are fewer files to sync.
                most = FLUSH_EPISODES if len(found) == 1 else SHARD_EPISODES
                for row, episode in found:
                    store.add(episode)
                    waiting.append(row)
                    done += 1
                    if len(waiting) >= most:
                        flush()
    except KeyboardInterrupt:
        print(f"{done} more episodes are kept in {out}; the same command goes on", file=sys.stderr)
        raise
    finally:
        flush()
