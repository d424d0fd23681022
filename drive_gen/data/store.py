"""The episode store: a folder of npz shards and an index. Appends are atomic; no pickle is ever loaded."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from drive_gen.envs.config import check_choice, from_mapping
from drive_gen.envs.episode import ARRAYS, Episode, Source
from drive_gen.envs.files import InputError, make_folder, read_json, replacing, write_text
from drive_gen.envs.road import Lane, Road

SCHEMA = "drive_gen.episodes/1"
SPLITS = ("train", "validation", "test")
INDEX = "index.json"
SHARD_EPISODES = 64
COMPRESSION = 1  # zlib's quickest: a third of the default's time, and 4 % more bytes
# What reading a damaged archive may raise; RuntimeError where a flipped bit says that it is encrypted.
DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError)


@dataclasses.dataclass(frozen=True)
class Row:
    """What the index says of one episode."""

    key: str  # who and what it is: kind/name/group/driver/seed/config; a store holds a key once
    shard: str
    place: int  # number within the shard
    split: str
    agents: int
    steps: int
    dt_s: float
    kind: str
    name: str
    group: str
    driver: str
    seed: int | None
    licence: str
    sha256: str  # of the episode's arrays and meta


def key_of(source: Source) -> str:
    """The unit of work that an episode is the result of."""
    return "/".join(
        str(part)
        for part in (source.kind, source.name, source.group, source.driver, source.seed, source.config_hash)
    )


def split_of(group: str) -> str:
    """train, validation or test (80, 10, 10 %) by a hash of the group: the same everywhere and for ever."""
    tenth = int(hashlib.sha256(group.encode()).hexdigest(), 16) % 10
    return {0: "validation", 1: "test"}.get(tenth, "train")


class Writer:
    """Appends episodes to a store, made where there is none; keys it holds already are passed over.

    Each goes to `split`, or to the one that its source's group hashes to; generated episodes always train
    (a split named test or validation refuses them). What is added waits in memory for `flush`, which writes
    it as one shard; the index is read once, when the writer is made, so that no shard costs more than the
    one before. A store has one writer at a time.
    """

    def __init__(self, folder: Path, split: str | None = None) -> None:
        if split is not None:
            check_choice(split, SPLITS, "split")
        self.folder, self.split = make_folder(folder), split
        self.added: list[Row] = []
        self.waiting: list[tuple[Episode, str]] = []
        rows = read_index(folder) if (folder / INDEX).exists() else []
        self._known = {row.key for row in rows}
        self._lines = [_line_of(row) for row in rows]
        self._number = 0  # of the last shard

    def add(self, episode: Episode) -> None:
        """Take an episode, unless the store holds its key."""
        key = key_of(episode.source)
        if key not in self._known:
            self.waiting.append((episode, _split_for(episode, self.split)))
            self._known.add(key)

    def flush(self) -> None:
        """Write what waits as one shard, then the index; an empty store gets an index too."""
        if self.waiting:
            while (shard := self.folder / f"episodes-{self._number:05d}.npz").exists():
                self._number += 1
            rows = _write_shard(shard, self.waiting)
            lines = [_line_of(row) for row in rows]
            _write_index(self.folder, self._lines + lines)
            self._lines += lines
            self.added += rows
            self.waiting.clear()
        elif not (self.folder / INDEX).exists():
            _write_index(self.folder, [])


def write_episodes(
    folder: Path, episodes: Iterable[Episode], split: str | None = None, shard_episodes: int = SHARD_EPISODES
) -> list[Row]:
    """Append episodes to a store as `Writer` does; the rows added.

    A full shard is on disk and in the index before the next begins; a writer stopped by ^C still writes what
    it has.
    """
    writer = Writer(folder, split)
    try:
        for episode in episodes:
            writer.add(episode)
            if len(writer.waiting) == shard_episodes:
                writer.flush()
    finally:  # ^C in the middle of a long collection keeps what was finished
        writer.flush()
    return writer.added


def read_index(folder: Path) -> list[Row]:
    """The rows of a store's index."""
    path = folder / INDEX
    if not folder.is_dir():
        raise InputError(f"no episode store at {folder}; `drive-gen collect --out {folder}` writes one")
    index = read_json(path, "an episode store's index (`drive-gen collect` writes one)")
    if not isinstance(index, dict) or index.get("schema") != SCHEMA:
        found = index.get("schema") if isinstance(index, dict) else type(index).__name__
        raise InputError(f"{path}: schema is {found!r}, this version reads {SCHEMA!r}")
    return [
        from_mapping(Row, row, f"{path}: episode {number}")
        for number, row in enumerate(index.get("episodes", []))
    ]


def read_episodes(folders: Path | Sequence[Path], split: str | None = None) -> list[Episode]:
    """All episodes of the stores, of one split where it is named, in the order they were written."""
    return list(iterate_episodes(folders, split))


def iterate_episodes(folders: Path | Sequence[Path], split: str | None = None) -> Iterator[Episode]:
    """The episodes of `read_episodes`, one shard in memory at a time."""
    if split is not None:
        check_choice(split, SPLITS, "split")
    for folder in [folders] if isinstance(folders, Path) else folders:
        rows = [row for row in read_index(folder) if split in (None, row.split)]
        for shard in dict.fromkeys(row.shard for row in rows):
            wanted = [row for row in rows if row.shard == shard]
            yield from read_shard(folder / shard, wanted)


def read_shard(path: Path, rows: Sequence[Row] | None = None) -> list[Episode]:
    """Episodes of one shard: those of `rows`, hashes checked, or all; errors name file, episode and field."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            count = json.loads(archive.read("count.json")) if "count.json" in names else None
            if not isinstance(count, int):
                raise InputError(f"{path} is not an episode shard: it has no count.json")
            places = [row.place for row in rows] if rows is not None else list(range(count))
            episodes = []
            for number, place in enumerate(places):
                expected = rows[number].sha256 if rows is not None else None
                episodes.append(_read_one(archive, path, place, expected))
            return episodes
    except FileNotFoundError:
        raise InputError(f"{path} is missing, though the index names it; make the store again") from None
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{path} is truncated or not an episode shard: {error}") from None


def _split_for(episode: Episode, split: str | None) -> str:
    if episode.source.kind == "generated":
        if split in ("validation", "test"):
            raise InputError(
                f"generated episodes cannot go to the {split} split: it holds real ones only "
                f"({key_of(episode.source)})"
            )
        return "train"
    return split or split_of(episode.source.group)


def _write_index(folder: Path, lines: Sequence[str]) -> None:
    """The index, a line a row: encoding all rows again for each shard would cost their number squared."""
    rows = ",\n".join(lines)
    write_text(folder / INDEX, f'{{"schema": {json.dumps(SCHEMA)}, "episodes": [\n{rows}\n]}}\n')


def _line_of(row: Row) -> str:
    return json.dumps(vars(row))


def _write_shard(shard: Path, waiting: Sequence[tuple[Episode, str]]) -> list[Row]:
    rows = []
    with replacing(shard) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        _put(archive, "count.json", json.dumps(len(waiting)).encode())
        for place, (episode, split) in enumerate(waiting):
            members = _members(episode)
            for name, data in members.items():
                _put(archive, f"{place:05d}/{name}", data)
            rows.append(_row_of(episode, shard.name, place, split, _digest(members)))
    return rows


def _row_of(episode: Episode, shard: str, place: int, split: str, sha256: str) -> Row:
    source = episode.source
    return Row(
        key=key_of(source),
        shard=shard,
        place=place,
        split=split,
        agents=episode.agents,
        steps=episode.steps,
        dt_s=episode.dt_s,
        kind=source.kind,
        name=source.name,
        group=source.group,
        driver=source.driver,
        seed=source.seed,
        licence=source.licence,
        sha256=sha256,
    )


def _put(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """A member with a fixed date: the same episodes give the same bytes."""
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data, compresslevel=COMPRESSION)


def _members(episode: Episode) -> dict[str, bytes]:
    """An episode as files: one .npy an array, the lanes' points, and meta.json for the rest."""
    arrays = {name: getattr(episode, name) for name in ARRAYS}
    lanes = episode.road.lanes
    arrays["lane_points_m"] = np.concatenate([np.asarray(lane.center_m, np.float64) for lane in lanes])
    meta = {
        "schema": SCHEMA,
        "dt_s": episode.dt_s,
        "ego": episode.ego,
        "source": dataclasses.asdict(episode.source),
        "lanes": [
            {
                "points": len(lane.center_m),
                "width_m": lane.width_m,
                "speed_limit_mps": None if np.isinf(lane.speed_limit_mps) else lane.speed_limit_mps,
                "left": lane.left,
                "right": lane.right,
                "successors": list(lane.successors),
            }
            for lane in lanes
        ],
    }
    members = {"meta.json": json.dumps(meta, sort_keys=True).encode()}
    for name, array in arrays.items():
        members[f"{name}.npy"] = _npy_header(array.dtype, array.shape) + array.tobytes()
    return members


@functools.lru_cache(maxsize=1024)  # numpy takes longer over a header than zlib over a small array
def _npy_header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """How a .npy file of a C-ordered array begins."""
    buffer = io.BytesIO()
    what = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, what)
    return buffer.getvalue()


def _digest(members: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(members):
        digest.update(name.encode() + b"\0" + members[name])
    return digest.hexdigest()


def _read_one(archive: zipfile.ZipFile, path: Path, place: int, expected: str | None) -> Episode:
    where = f"{path}: episode {place}"
    names = [f"{name}.npy" for name in (*ARRAYS, "lane_points_m")]
    members: dict[str, bytes] = {}
    for name in ("meta.json", *names):
        try:
            members[name] = archive.read(f"{place:05d}/{name}")
        except KeyError:
            raise InputError(f"{where}: field {name.removesuffix('.npy')} is missing") from None
        except DAMAGE as error:
            raise InputError(f"{where}: field {name.removesuffix('.npy')} is damaged: {error}") from None
    try:
        episode = _build(members, where)
    except InputError as error:
        raise error if str(error).startswith(where) else InputError(f"{where}: {error}") from None
    if expected is not None and _digest(members) != expected:
        raise InputError(f"{where}: its hash is not the index's; the shard was changed after it was written")
    return episode


def _read_meta(data: bytes, where: str) -> dict[str, Any]:
    try:
        meta = json.loads(data)
    except ValueError as error:
        raise InputError(f"{where}: field meta.json is not JSON: {error}") from None
    schema = meta.get("schema") if isinstance(meta, dict) else type(meta).__name__
    if schema != SCHEMA:
        raise InputError(f"{where}: schema is {schema!r}, this version reads {SCHEMA!r}")
    return dict(meta)


def _build(members: dict[str, bytes], where: str) -> Episode:
    meta = _read_meta(members["meta.json"], where)
    arrays = {}
    for name in (*ARRAYS, "lane_points_m"):
        try:
            arrays[name] = np.lib.format.read_array(io.BytesIO(members[f"{name}.npy"]), allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise InputError(f"{where}: field {name} is not an array: {error}") from None
    points, lanes, start = arrays.pop("lane_points_m"), [], 0
    try:
        for lane in meta["lanes"]:
            stop = start + lane["points"]
            limit = np.inf if lane["speed_limit_mps"] is None else lane["speed_limit_mps"]
            lanes.append(
                Lane(
                    center_m=points[start:stop],
                    width_m=lane["width_m"],
                    speed_limit_mps=limit,
                    left=lane["left"],
                    right=lane["right"],
                    successors=tuple(lane["successors"]),
                )
            )
            start = stop
        return Episode(
            **arrays,
            dt_s=meta["dt_s"],
            ego=meta["ego"],
            road=Road(tuple(lanes)),
            source=from_mapping(Source, meta["source"], f"{where}: source"),
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{where}: meta.json lacks or mistypes {error}") from None
