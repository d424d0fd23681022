"""Episodes by request: by seed, from the command line, and things do happen in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drive_gen.cli import main
from drive_gen.data.store import read_episodes, read_index
from drive_gen.envs.files import InputError
from drive_gen.language.played import Staged, played
from drive_gen.language.read import facts


def test_a_seed_gives_its_episode() -> None:
    staged = Staged(("highway", "merge"))
    one, again, other = played(staged, 3), played(staged, 3), played(staged, 4)
    assert np.array_equal(one.position_m, again.position_m)
    assert one.source == again.source
    assert one.position_m.shape != other.position_m.shape or (one.position_m != other.position_m).any()


def test_roads_are_those_asked_for_and_things_happen() -> None:
    read = [facts(played(Staged(("highway",)), seed)) for seed in range(6)]
    assert {each.road for each in read} == {"highway"}
    assert any(event.happens for each in read for event in each.events)


def test_a_road_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="road"):
        Staged(("moon",))


def test_the_command_adds_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["collect", "requests", "--out", str(tmp_path / "sim"), "--roads", "highway", "--workers", "1"]
    assert main([*base, "--episodes", "2"]) == 0
    assert main([*base, "--episodes", "3"]) == 0
    assert "1 episodes (2 were there already)" in capsys.readouterr().out
    assert [row.seed for row in read_index(tmp_path / "sim")] == [0, 1, 2]
    assert all(episode.ego is not None for episode in read_episodes(tmp_path / "sim"))
    assert main([*base, "--episodes", "0"]) == 2
