"""Configs from mappings and YAML: what fits is taken without loss, what does not is named."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.config import check_choice, from_mapping, nearest, read_yaml
from drive_gen.envs.files import (
    InputError,
    hash_of,
    make_folder,
    replacing,
    sha256_of,
    write_json,
    write_text,
)


@dataclass(frozen=True)
class Inner:
    width: int = 3
    rate: float = 0.5


@dataclass(frozen=True)
class Outer:
    lanes: int
    density: float = 1.0
    name: str = "x"
    fast: bool = False
    speeds: tuple[float, ...] = (20.0,)
    pair: tuple[int, str] = (1, "a")
    mode: Literal["meta", "continuous"] = "meta"
    limit: float | None = None
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    place: Path | None = None
    mixed: int | str = 0


full = st.builds(
    Outer,
    lanes=st.integers(),
    density=st.floats(allow_nan=False),
    fast=st.booleans(),
    name=st.text("abc: '\"#-{}é", max_size=12),
    speeds=st.lists(st.floats(-50, 50)).map(tuple),
    pair=st.tuples(st.integers(), st.text("ab")),
    mode=st.sampled_from(["meta", "continuous"]),
    limit=st.none() | st.floats(0, 9),
    mixed=st.integers() | st.text("xyz"),
    inner=st.builds(Inner, st.integers(), st.floats(0, 1)),
    many=st.lists(st.builds(Inner), max_size=2).map(tuple),
)


@settings(max_examples=40, deadline=None)
@given(full)
def test_a_config_comes_back_from_yaml(tmp_path_factory: pytest.TempPathFactory, config: Outer) -> None:
    values = {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()
    }
    path = tmp_path_factory.getbasetemp() / "config.yaml"
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    assert read_yaml(Outer, path) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lanes": 3, "densty": 2.0}, r"unknown key 'densty' \(did you mean 'density'\?\)"),
        ({"lanes": 3.5}, "lanes: expected int, found 3.5"),
        ({"lanes": True}, "lanes: expected int, found True"),
        ({"lanes": 3, "fast": 1}, "fast: expected bool, found 1"),
        ({"lanes": 3, "density": "high"}, "density: expected float, found 'high'"),
        (
            {"lanes": 3, "mode": "metta"},
            r"mode: unknown value 'metta' \(did you mean 'meta'\?\); one of: meta, continuous",
        ),
        ({"lanes": 3, "limit": "none"}, "limit: expected float, found 'none'"),
        ({"lanes": 3, "inner": {"widht": 2}}, r"inner: unknown key 'widht' \(did you mean 'width'\?\)"),
        ({"lanes": 3, "many": [{"rate": "x"}]}, "many: rate: expected float"),
        ({"lanes": 3, "pair": [1, "a", 2]}, "pair: expected tuple"),
        ({"lanes": 3, "mixed": 1.5}, "mixed: expected int or str, found 1.5"),
        ({}, "lanes"),
        ([1, 2], "expected named settings, found list"),
    ],
)
def test_mistakes_are_named_in_one_line(values: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        from_mapping(Outer, values, "run.yaml")
    assert str(refused.value).startswith("run.yaml")
    assert "\n" not in str(refused.value)


def test_whole_numbers_become_floats_and_strings_paths() -> None:
    config = from_mapping(Outer, {"lanes": 2, "density": 2, "speeds": [20, 25.5], "place": "a/b"}, "x")
    assert (config.density, config.speeds, config.place) == (2.0, (20.0, 25.5), Path("a/b"))
    assert isinstance(config.density, float)


def test_files_that_are_no_config(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no config file at"):
        read_yaml(Outer, tmp_path / "none.yaml")
    bad = tmp_path / "bad.yaml"
    bad.write_text("lanes: [3")
    with pytest.raises(InputError, match=r"bad.yaml is not readable YAML") as refused:
        read_yaml(Outer, bad)
    assert "\n" not in str(refused.value)
    bad.write_bytes(b"\xff\xfe\x00lanes")
    with pytest.raises(InputError, match="not readable YAML"):
        read_yaml(Outer, bad)


def test_choices() -> None:
    assert check_choice("train", ["train", "test"], "split") == "train"
    with pytest.raises(
        InputError, match=r"unknown split 'trian' \(did you mean 'train'\?\); one of: train, test"
    ):
        check_choice("trian", ["train", "test"], "split")
    assert nearest("zzz", ["train"]) == ""


def test_files_are_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "value.json"
    write_json(path, {"b": 1, "a": [1.5, None]})
    assert path.read_text() == '{\n "b": 1,\n "a": [\n  1.5,\n  null\n ]\n}\n'
    before = sha256_of(path)

    def broken() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert sha256_of(path) == before
    assert [file.name for file in path.parent.iterdir()] == ["value.json"]
    assert hash_of({"a": 1, "b": 2}) == hash_of({"b": 2, "a": 1}) != hash_of({"a": 1, "b": 3})


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "x")
    with pytest.raises(InputError, match=r"cannot write to the folder .*file/inside"):
        make_folder(tmp_path / "file" / "inside")
