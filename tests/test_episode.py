"""Episodes: there and back to the last bit, views of them, and what is refused."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import SOURCE, arbitrary, cruising, simulated

from drive_gen.data.store import read_episodes, write_episodes
from drive_gen.envs.episode import ARRAYS, Source, make_episode, same
from drive_gen.envs.files import InputError
from drive_gen.envs.road import straight_road

seeds = st.integers(0, 10_000)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 9), st.integers(1, 20), st.floats(0.01, 1))
def test_a_store_gives_back_every_bit(seed: int, agents: int, frames: int, dt_s: float) -> None:
    episode = replace(arbitrary(seed, agents, frames), dt_s=dt_s)
    with tempfile.TemporaryDirectory() as folder:
        write_episodes(Path(folder), [episode])
        [back] = read_episodes(Path(folder))
    assert same(back, episode)
    assert all(getattr(back, name).dtype == dtype for name, (dtype, _) in ARRAYS.items())


def test_a_simulated_episode_comes_back(tmp_path: Path) -> None:
    episode = simulated(0)
    write_episodes(tmp_path, [episode])
    assert same(read_episodes(tmp_path)[0], episode)


@pytest.mark.parametrize("name", [*ARRAYS, "dt_s", "ego", "source", "road"])
def test_same_sees_every_field(name: str) -> None:
    one, other = arbitrary(1), arbitrary(1)
    assert same(one, other)
    if name in ARRAYS:
        values = getattr(other, name).copy()
        flat = values.reshape(-1)
        flat[-1] = 200 if name == "agent_id" else (flat[-1] + 1) % 2 if name != "size_m" else 9
        changed: Any = values
    else:
        changed = {"dt_s": 0.5, "ego": None, "source": SOURCE, "road": straight_road(3, 9.0)}[name]
    assert not same(one, replace(other, **{name: changed}))


@settings(max_examples=20, deadline=None)
@given(seeds, st.data())
def test_windows_of_windows_are_windows(seed: int, data: st.DataObject) -> None:
    episode = arbitrary(seed)
    start = data.draw(st.integers(0, episode.steps - 1))
    stop = data.draw(st.integers(start + 1, episode.steps))
    cut = episode.window(start, stop)
    assert (cut.steps, cut.agents, cut.ego) == (stop - start, episode.agents, episode.ego)
    for name, (_, axes) in ARRAYS.items():
        whole = getattr(episode, name)
        np.testing.assert_array_equal(getattr(cut, name), whole[:, start:stop] if "T" in axes else whole)
    assert same(episode.window(0, episode.steps), episode)
    assert same(cut.window(0, 1), episode.window(start, start + 1))


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_only_keeps_the_agents_in_the_order_given(seed: int) -> None:
    episode = arbitrary(seed)
    order = np.random.default_rng(seed).permutation(6)[:4]
    some = episode.only(order)
    assert some.agent_id.tolist() == episode.agent_id[order].tolist()
    np.testing.assert_array_equal(some.control, episode.control[order])
    kept = episode.ego is not None and episode.ego in order
    assert (some.ego is not None) == kept
    if some.ego is not None:
        assert some.agent_id[some.ego] == episode.agent_id[episode.ego]
    back = np.argsort(np.random.default_rng(seed).permutation(6))
    assert same(episode.only(np.random.default_rng(seed).permutation(6)).only(back), episode)


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(0, 11))
def test_a_scene_is_the_agents_present(seed: int, step: int) -> None:
    episode = arbitrary(seed)
    scene, here = episode.scene(step), np.flatnonzero(episode.valid[:, step])
    np.testing.assert_array_equal(scene.agent_id, episode.agent_id[here])
    np.testing.assert_array_equal(scene.position_m, episode.position_m[here, step])
    assert len(scene.size_m) == len(scene.kind) == len(scene.crashed) == len(here)
    if episode.ego is not None and episode.valid[episode.ego, step]:
        assert scene.ego is not None
        assert scene.agent_id[scene.ego] == episode.agent_id[episode.ego]
    else:
        assert scene.ego is None


def test_velocity_and_duration_by_hand() -> None:
    episode = cruising([(0, 0)], [20.0], frames=11)
    episode.heading_rad[:] = np.pi / 2
    np.testing.assert_allclose(episode.velocity_mps[0, 0], [0, 20], atol=1e-5)
    assert episode.duration_s == pytest.approx(2.0)


def test_make_episode_fills_in_and_clears_the_absent() -> None:
    valid = np.array([[True, False]])
    episode = make_episode(
        [[[1, 2], [3, 4]]],
        [[0.1, 0.2]],
        [[5, 6]],
        [[5, 2]],
        valid,
        dt_s=0.2,  # type: ignore[arg-type]
        road=straight_road(1, 9.0),
        source=SOURCE,
    )
    assert episode.position_m.tolist() == [[[1, 2], [0, 0]]]
    assert episode.speed_mps.tolist() == [[5, 0]]
    assert not episode.control_known.any()
    assert episode.agent_id.tolist() == [0]
    with pytest.raises(TypeError, match=r"no arrays \['speeed'\]"):
        make_episode(
            *[np.zeros((1, 1))] * 4,
            np.ones((1, 1)),
            dt_s=1.0,
            road=straight_road(1, 9.0),
            source=SOURCE,
            speeed=valid,
        )


def spoiled(name: str, place: tuple[int, ...], value: float) -> dict[str, Any]:
    array = getattr(arbitrary(1), name).copy()
    array[place] = value
    return {name: array}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoiled("position_m", (2, 3, 1), np.nan), r"position_m holds NaN or infinity, first at \(2, 3, 1\)"),
        (spoiled("speed_mps", (0, 0), np.inf), "speed_mps holds NaN or infinity"),
        (spoiled("size_m", (1, 0), 0), "size_m has a length or width that is not positive"),
        (spoiled("kind", (1,), 9), "kind has a code outside 0 to 3"),
        (spoiled("agent_id", (1,), int(arbitrary(1).agent_id[0])), "agent_id names one agent twice"),
        ({"meta_action": np.full((6, 12), 5, np.int8)}, "meta_action has a code outside 0 to 4"),
        ({"advice": np.full((6, 12), -1, np.int8)}, "advice has a code outside 0 to 4"),
        (
            {"heading_rad": np.zeros((6, 11), np.float32)},
            r"heading_rad has shape \(6, 11\), expected \(6, 12\)",
        ),
        ({"valid": np.ones(6, bool)}, r"valid has shape \(6,\), expected \(agents, frames\)"),
        ({"speed_mps": np.zeros((6, 12))}, "speed_mps is float64, expected float32"),
        ({"dt_s": 0.0}, "dt_s is 0.0"),
        ({"dt_s": float("nan")}, "dt_s is nan"),
        ({"ego": 6}, "ego is 6, expected an agent from 0 to 5"),
    ],
)
def test_impossible_episodes_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"Episode.{message}") as refused:
        replace(arbitrary(1), **change)
    assert "\n" not in str(refused.value)


def test_an_unknown_kind_of_source_is_refused() -> None:
    with pytest.raises(InputError, match="expected simulated, logged or generated"):
        Source("dreamt", "x", "y")  # type: ignore[arg-type]


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 3), (0, 13)])
def test_windows_outside_are_refused(start: int, stop: int) -> None:
    with pytest.raises(IndexError, match="of an episode of 12 frames"):
        arbitrary(0).window(start, stop)
