"""The episode store: appended once and whole, split by group, and damage named by file, episode and field."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import SOURCE, arbitrary, cruising

from drive_gen.data.store import (
    INDEX,
    Writer,
    iterate_episodes,
    key_of,
    read_episodes,
    read_index,
    read_shard,
    split_of,
    write_episodes,
)
from drive_gen.envs.episode import ARRAYS, Episode, same
from drive_gen.envs.files import InputError, sha256_of


def numbered(*seeds: int, **source: Any) -> list[Episode]:
    return [
        replace(
            cruising([(0, 0), (30, 4)], [20.0 + seed, 25.0], frames=4),
            source=replace(SOURCE, **{"seed": seed, "group": f"world/{seed}", **source}),
        )
        for seed in seeds
    ]


def seeds_in(folder: Path, split: str | None = None) -> list[int | None]:
    return [episode.source.seed for episode in read_episodes(folder, split)]


def test_a_key_is_held_once_and_order_is_kept(tmp_path: Path) -> None:
    assert len(write_episodes(tmp_path, numbered(0, 1, 2))) == 3
    assert [row.seed for row in write_episodes(tmp_path, numbered(1, 2, 3, 3))] == [3]
    assert seeds_in(tmp_path) == [0, 1, 2, 3]
    assert len({row.key for row in read_index(tmp_path)}) == 4
    assert key_of(numbered(5)[0].source) == "simulated/test/world/5/test/5/"
    assert len(write_episodes(tmp_path, numbered(1, driver="other"))) == 1


def test_equal_episodes_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_episodes(tmp_path / name, numbered(0, 1, 2, 3), shard_episodes=3)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["episodes-00000.npz", "episodes-00001.npz", INDEX]
    assert all(sha256_of(tmp_path / "a" / name) == sha256_of(tmp_path / "b" / name) for name in names)


def test_members_are_numpys_own_files(tmp_path: Path) -> None:
    write_episodes(tmp_path, [arbitrary(3)])
    [episode] = read_episodes(tmp_path)
    with zipfile.ZipFile(tmp_path / "episodes-00000.npz") as archive:
        for name in ARRAYS:
            assert archive.read(f"00000/{name}.npy") == array_bytes(getattr(episode, name))


def test_a_writer_reads_the_index_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_episodes(tmp_path, numbered(0))
    writer = Writer(tmp_path)
    monkeypatch.setattr("drive_gen.data.store.read_index", lambda folder: pytest.fail("read again"))
    for seed in (0, 1, 2):
        writer.add(numbered(seed)[0])
        writer.flush()
    assert [row.seed for row in writer.added] == [1, 2]
    monkeypatch.undo()
    assert seeds_in(tmp_path) == [0, 1, 2]
    assert [row.shard for row in read_index(tmp_path)] == [f"episodes-0000{n}.npz" for n in range(3)]


def test_an_interrupted_writer_keeps_what_was_finished(tmp_path: Path) -> None:
    def stopped() -> Iterator[Episode]:
        yield from numbered(0, 1, 2, 3, 4)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_episodes(tmp_path, stopped(), shard_episodes=2)
    assert seeds_in(tmp_path) == [0, 1, 2, 3, 4]
    assert [row.seed for row in write_episodes(tmp_path, numbered(*range(7)), shard_episodes=2)] == [5, 6]
    assert seeds_in(tmp_path) == list(range(7))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_writer_killed_before_its_index_can_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_episodes(tmp_path, numbered(0))
    with monkeypatch.context() as patch:
        patch.setattr(
            "drive_gen.data.store._write_index", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            write_episodes(tmp_path, numbered(1))
    assert seeds_in(tmp_path) == [0]
    write_episodes(tmp_path, numbered(1, 2))
    assert seeds_in(tmp_path) == [0, 1, 2]


def test_nothing_to_write_still_makes_a_store(tmp_path: Path) -> None:
    assert write_episodes(tmp_path / "new", []) == []
    assert read_episodes(tmp_path / "new") == []


def test_groups_are_split_80_10_10_and_never_apart(tmp_path: Path) -> None:
    shares = Counter(split_of(f"world/{number}") for number in range(4000))
    assert 0.78 < shares["train"] / 4000 < 0.82
    assert 0.085 < shares["test"] / 4000 < 0.115
    assert split_of("highway-fast-v0/0") == split_of("highway-fast-v0/0")
    for driver in ("idm", "gap"):
        write_episodes(tmp_path, numbered(*range(40), driver=driver))
    by_group: dict[str, set[str]] = {}
    for row in read_index(tmp_path):
        by_group.setdefault(row.group, set()).add(row.split)
    assert all(len(splits) == 1 for splits in by_group.values())
    splits = [seeds_in(tmp_path, split) for split in ("train", "validation", "test")]
    assert Counter(seed for seeds in splits for seed in seeds) == Counter([*range(40), *range(40)])
    with pytest.raises(InputError, match=r"unknown split 'tset' \(did you mean 'test'"):
        read_episodes(tmp_path, "tset")
    with pytest.raises(InputError, match="unknown split"):
        write_episodes(tmp_path, [], split="dev")


def test_generated_episodes_only_train(tmp_path: Path) -> None:
    group = next(f"g/{number}" for number in range(99) if split_of(f"g/{number}") == "test")
    [episode] = numbered(0, kind="generated", group=group)
    for split in ("test", "validation"):
        with pytest.raises(InputError, match=f"generated episodes cannot go to the {split} split"):
            write_episodes(tmp_path / "refused", [episode], split=split)
    assert write_episodes(tmp_path, [episode])[0].split == "train"


def test_iterating_takes_several_folders_in_order(tmp_path: Path) -> None:
    write_episodes(tmp_path / "a", numbered(0, 1), shard_episodes=1)
    write_episodes(tmp_path / "b", numbered(2))
    found = list(iterate_episodes([tmp_path / "b", tmp_path / "a"]))
    assert [episode.source.seed for episode in found] == [2, 0, 1]
    assert all(same(one, other) for one, other in zip(found, numbered(2, 0, 1), strict=True))
    assert [episode.source.seed for episode in read_shard(tmp_path / "b" / "episodes-00000.npz")] == [2]


def test_folders_that_are_no_store(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no episode store at"):
        read_index(tmp_path / "none")
    with pytest.raises(InputError, match=r"index\.json is missing"):
        read_index(tmp_path)
    (tmp_path / INDEX).write_text('{"schema": "drive_gen.episodes/0", "episodes": []}')
    with pytest.raises(InputError, match=r"schema is 'drive_gen\.episodes/0', this version reads"):
        read_index(tmp_path)
    (tmp_path / INDEX).write_text("[1]")
    with pytest.raises(InputError, match="schema is 'list'"):
        read_index(tmp_path)
    (tmp_path / INDEX).write_text('{"schema": "drive_gen.episodes/1", "episodes": [{"key": 3}]}')
    with pytest.raises(InputError, match="episode 0: key: expected str"):
        read_index(tmp_path)


def rewritten(path: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Write a shard again, each member changed, or left out where the change is None."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if (changed := change(name, data)) is not None:
                archive.writestr(name, changed)


def array_bytes(array: np.ndarray, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def meta_with(**change: Any) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps({**json.loads(data), **change}).encode()


DAMAGE: dict[str, tuple[str, Callable[[bytes], bytes | None], str]] = {
    "lost": ("speed_mps.npy", lambda _: None, "field speed_mps is missing"),
    "cut": ("speed_mps.npy", lambda data: data[:-3], "field speed_mps is not an array"),
    "shape": (
        "speed_mps.npy",
        lambda _: array_bytes(np.zeros((2, 3), np.float32)),
        r"Episode.speed_mps has shape",
    ),
    "type": ("valid.npy", lambda _: array_bytes(np.ones((2, 4))), "Episode.valid is float64, expected bool"),
    "nan": (
        "position_m.npy",
        lambda _: array_bytes(np.full((2, 4, 2), np.nan, np.float32)),
        "Episode.position_m holds NaN or infinity",
    ),
    "pickle": (
        "heading_rad.npy",
        lambda _: array_bytes(np.array([[{}]], dtype=object), allow_pickle=True),
        "field heading_rad is not an array",
    ),
    "schema": ("meta.json", meta_with(schema="drive_gen.episodes/9"), "schema is 'drive_gen.episodes/9'"),
    "lanes": ("meta.json", meta_with(lanes=[{"points": 2}]), "meta.json lacks or mistypes 'speed_limit_mps'"),
    "source": ("meta.json", meta_with(source={"kind": "simulated", "nmae": "x"}), "unknown key 'nmae'"),
    "meta": ("meta.json", lambda data: data[:-5], "field meta.json is not JSON"),
    "points": ("lane_points_m.npy", lambda _: array_bytes(np.zeros((1, 2))), "Lane.center_m has shape"),
    "value": (
        "control.npy",
        lambda _: array_bytes(np.ones((2, 4, 2), np.float32)),
        "hash is not the index's",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_by_file_episode_and_field(tmp_path: Path, damage: str) -> None:
    write_episodes(tmp_path, numbered(0, 1, 2))
    member, change, message = DAMAGE[damage]
    shard = tmp_path / "episodes-00000.npz"
    rewritten(shard, lambda name, data: change(data) if name == f"00001/{member}" else data)
    with pytest.raises(InputError, match=message) as refused:
        read_episodes(tmp_path)
    text = str(refused.value)
    assert text.startswith(f"{shard}: episode 1")
    assert "\n" not in text
    assert text.count(str(shard)) == 1


def test_shards_that_are_none(tmp_path: Path) -> None:
    write_episodes(tmp_path, numbered(0, 1))
    shard = tmp_path / "episodes-00000.npz"
    whole = shard.read_bytes()
    for cut in (0, 100, len(whole) - 30):
        shard.write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"episodes-00000.npz is truncated or not an episode shard"):
            read_episodes(tmp_path)
    np.savez(shard, speeds=np.zeros(3))
    with pytest.raises(InputError, match=r"not an episode shard: it has no count\.json"):
        read_episodes(tmp_path)
    shard.unlink()
    with pytest.raises(InputError, match="is missing, though the index names it"):
        read_episodes(tmp_path)


@pytest.mark.parametrize("place", range(40, 6000, 397))
def test_a_flipped_byte_is_noticed(tmp_path: Path, place: int) -> None:
    episodes = numbered(0, 1)
    write_episodes(tmp_path, episodes)
    shard = tmp_path / "episodes-00000.npz"
    data = bytearray(shard.read_bytes())
    data[place % len(data)] ^= 0x55
    shard.write_bytes(bytes(data))
    message, found = "", []
    try:
        found = read_episodes(tmp_path)
    except InputError as refused:
        message = str(refused)
    if message:
        assert str(shard) in message
        assert "\n" not in message
    else:  # a byte that carries nothing, such as a date's
        assert all(same(one, other) for one, other in zip(found, episodes, strict=True))
