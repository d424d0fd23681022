"""Windows: what is in them, what is not, and that a mirrored one is a mirrored world's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from worlds import cruising, simulated

from drive_gen.data.store import write_episodes
from drive_gen.data.windows import (
    WindowConfig,
    Windows,
    decision_runs,
    mirror_action,
    mirror_observation,
    mirrored,
    trajectories,
)
from drive_gen.envs.actions import FASTER, IDLE, LEFT, RIGHT, SLOWER, decision_frames, infer_meta
from drive_gen.envs.episode import Episode, Source
from drive_gen.envs.files import InputError
from drive_gen.envs.observe import observe
from drive_gen.envs.reward import returns_to_go, rewards
from drive_gen.envs.road import Road

SHORT = WindowConfig(steps=4, min_steps=1)


def noted(frames: int = 51, **known: dict[int, int]) -> Episode:
    """A cruising ego and a lead; `meta_action` or `advice` as {frame: value}."""
    arrays: dict[str, np.ndarray] = {}
    for name, values in known.items():
        array, flag = np.zeros((2, frames), int), np.zeros((2, frames), bool)
        for frame, value in values.items():
            array[0, frame], flag[0, frame] = value, True
        arrays |= {name: array, f"{name.removesuffix('_action')}_known": flag}
    return cruising([(0, 4), (60, 4)], [25.0, 25.0], frames=frames, **arrays)


def test_every_start_gives_a_window_and_windows_hold_what_happened() -> None:
    episode = noted(meta_action=dict(zip(range(0, 50, 5), [0, 1, 2, 3, 4, 1, 1, 2, 3, 0], strict=True)))
    windows = Windows([[episode]], SHORT)
    assert len(windows) == 7  # ten decisions, windows of four
    frames = decision_frames(episode, 1.0)
    seen, paid = observe(episode, 0, frames), returns_to_go(rewards(episode, 0, frames), False)
    for start in range(7):
        item = windows[start]
        assert item["action"].tolist() == [0, 1, 2, 3, 4, 1, 1, 2, 3, 0][start : start + 4]
        np.testing.assert_array_equal(item["observation"], seen[start : start + 4])
        np.testing.assert_array_equal(item["return_"], paid[start : start + 4])
        assert item["valid"].all() and item["label_known"].all() and item["return_known"].all()  # noqa: PT018


def test_short_trajectories_are_padded_on_the_right() -> None:
    windows = Windows([[noted(frames=11)]], SHORT)
    assert len(windows) == 1
    item = windows[0]
    assert item["valid"].tolist() == [True, True, False, False]
    assert not item["observation"][2:].any()
    assert not item["label_known"][2:].any()
    with pytest.raises(InputError, match="is there for 4 decisions"):
        Windows([[noted(frames=11)]], WindowConfig(steps=4, min_steps=4))


def test_advice_is_the_label_and_hides_the_returns_up_to_it() -> None:
    episode = noted(
        frames=21, meta_action={0: FASTER, 5: IDLE, 10: SLOWER, 15: LEFT}, advice={5: IDLE, 10: FASTER}
    )
    item = Windows([[episode]], SHORT)[0]
    assert item["action"].tolist() == [FASTER, IDLE, SLOWER, LEFT]
    assert item["label"].tolist() == [FASTER, IDLE, FASTER, LEFT]
    # Decision 0 too, or a hidden return would mean that the teacher disagrees; after 10 it drove itself.
    assert item["return_known"].tolist() == [False, False, False, True]
    assert item["label_known"].all()
    steered = Windows([[episode]], replace(SHORT, actions="continuous"))[0]
    assert steered["label_known"].tolist() == [True, True, False, True]
    assert steered["action"].shape == (4, 2)


def test_unknown_actions_are_inferred() -> None:
    episode = replace(simulated(3), meta_known=np.zeros_like(simulated(3).meta_known))
    [found] = trajectories(episode, WindowConfig(min_steps=1))
    frames = decision_runs(episode, 0, 1.0)[0]
    np.testing.assert_array_equal(found.action, infer_meta(episode, 0, frames, (20.0, 25.0, 30.0)))


def test_decisions_end_with_the_crash() -> None:
    crashed = np.zeros((2, 31), bool)
    crashed[0, 12:] = True
    episode = cruising([(0, 4), (60, 4)], [25.0, 25.0], frames=31, crashed=crashed)
    assert [frames.tolist() for frames in decision_runs(episode, 0, 1.0)] == [[0, 5, 10]]
    [found] = trajectories(episode, SHORT)
    np.testing.assert_allclose(found.return_[-1, 1], 0)
    free = replace(episode, crashed=np.zeros_like(crashed))
    assert (found.return_ <= next(trajectories(free, SHORT)).return_[:3]).all()


def test_absent_agents_give_runs_between_the_gaps() -> None:
    episode = cruising([(0, 4), (60, 4)], [25.0, 25.0], frames=41, ego=None)
    valid = episode.valid.copy()
    valid[0, [0, 1, 2, 20]] = False
    gaps = replace(episode, valid=valid)
    assert [frames.tolist() for frames in decision_runs(gaps, 0, 1.0)] == [[3, 8, 13], [21, 26, 31]]


@pytest.mark.parametrize(
    ("agents", "ego", "expected"), [("auto", 0, 1), ("auto", None, 2), ("all", 0, 2), ("ego", 0, 1)]
)
def test_agents_taken(agents: str, ego: int | None, expected: int) -> None:
    episode = cruising([(0, 4), (60, 4), (90, 0)], [25.0, 25.0, 0.0], ego=ego, kind=np.array([0, 1, 3]))
    assert len(list(trajectories(episode, replace(SHORT, agents=agents)))) == expected  # type: ignore[arg-type]


def flipped(episode: Episode) -> Episode:
    """The same world seen in a mirror along x."""
    lanes = tuple(
        replace(lane, center_m=lane.center_m * [1, -1], left=lane.right, right=lane.left)
        for lane in episode.road.lanes
    )
    return replace(
        episode,
        position_m=episode.position_m * np.array([1, -1], np.float32),
        heading_rad=-episode.heading_rad,
        control=episode.control * np.array([1, -1], np.float32),
        road=Road(lanes),
    )


def test_mirrored_windows_are_those_of_the_mirrored_world() -> None:
    episode = simulated(1)
    frames = decision_frames(episode, 1.0)
    plain, turned = (torch.from_numpy(observe(each, 0, frames)) for each in (episode, flipped(episode)))
    torch.testing.assert_close(mirror_observation(plain), turned, atol=1e-5, rtol=0)
    assert torch.equal(mirror_observation(mirror_observation(plain)), plain)
    assert mirror_action(torch.tensor([LEFT, IDLE, RIGHT, FASTER, SLOWER])).tolist() == [2, 1, 0, 3, 4]
    one, other = (
        Windows([[each]], WindowConfig(actions="continuous", min_steps=1))[0]
        for each in (episode, flipped(episode))
    )
    torch.testing.assert_close(mirror_action(one["action"]), other["action"], atol=1e-5, rtol=0)
    torch.testing.assert_close(one["return_"], other["return_"], atol=1e-4, rtol=0)


def test_batches_mirror_only_where_asked() -> None:
    windows = Windows([[noted()]], SHORT)
    batch = windows.gather(np.array([0, 1]))
    turned = mirrored(batch, torch.tensor([False, True]))
    assert torch.equal(turned["observation"][0], batch["observation"][0])
    assert torch.equal(turned["observation"][1], mirror_observation(batch["observation"][1]))
    assert torch.equal(batch["observation"], windows.gather(np.array([0, 1]))["observation"])


def test_batches_repeat_with_the_generator_and_mix_the_sources() -> None:
    windows = Windows([[noted()], [cruising([(0, 0)], [30.0], frames=51)]], SHORT)
    first, again = (windows.batch(64, np.random.default_rng(5)) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    fast = windows.batch(400, np.random.default_rng(0), shares=(0.1, 0.9))["observation"][:, 0, 0, 1] > 1.4
    assert 0.85 < fast.float().mean() < 0.95
    stream = windows.batches(8, np.random.default_rng(1), shares=(1.0, 0.0))
    assert all((next(stream)["observation"][:, 0, 0, 1] < 1.4).all() for _ in range(5))
    with pytest.raises(InputError, match="do not fit sources"):
        windows.batch(4, np.random.default_rng(0), shares=(1.0,))


def test_read_takes_one_split_only(tmp_path: Path) -> None:
    def named(name: str) -> Episode:
        return replace(noted(), source=Source("simulated", name, name))

    write_episodes(tmp_path / "a", [named("a")], split="train")
    write_episodes(tmp_path / "a", [named("b"), named("c")], split="validation")
    assert len(Windows.read(tmp_path / "a", SHORT, progress=False)) == 7
    assert len(Windows.read([tmp_path / "a"], SHORT, "validation", progress=False)) == 14
    with pytest.raises(InputError, match="no test episodes in"):
        Windows.read(tmp_path / "a", SHORT, "test", progress=False)


@pytest.mark.parametrize("steps", [0, -1])
def test_bad_settings_are_refused(steps: int) -> None:
    with pytest.raises(InputError, match="min_steps must be from 1 to steps"):
        WindowConfig(steps=steps)


def test_who_is_there_for_a_while_is_seen_for_a_while() -> None:
    """The car ahead comes at 2 s and the one beside goes at 2 s: at each decision what `observe` sees."""
    episode = cruising([(0, 4), (60, 4), (10, 0)], [25.0, 25.0, 25.0], frames=21)
    valid = episode.valid.copy()
    valid[1, :10], valid[2, 10:] = False, False
    episode = replace(episode, valid=valid)
    seen = Windows([[episode]], SHORT)[0]["observation"].numpy()
    np.testing.assert_array_equal(seen, observe(episode, 0, decision_frames(episode, 1.0)))
    assert (seen[0] != seen[3]).any()


@pytest.mark.parametrize(("frame", "known"), [(20, True), (16, True), (None, False)])
def test_a_crash_up_to_the_next_decision_is_in_the_returns(frame: int | None, known: bool) -> None:
    episode = cruising([(0, 4), (60, 4)], [25.0, 25.0], frames=21)
    crashed = np.zeros((2, 21), bool)
    if frame is not None:
        crashed[0, frame:] = True
    item = Windows([[replace(episode, crashed=crashed)]], SHORT)[0]
    free = Windows([[episode]], SHORT)[0]
    assert (item["return_"] < free["return_"]).all() == known
