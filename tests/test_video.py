"""Films hold what happened, play everywhere, and are refused where nothing happens in them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from drive_gen.cli import main
from drive_gen.data.rollout import roll_out
from drive_gen.data.store import write_episodes
from drive_gen.drivers import load_driver
from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.observe import AHEAD_SCALE_M, ASIDE_SCALE_M, observe_scene
from drive_gen.envs.render import View
from drive_gen.envs.road import straight_road
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.behavior import BehaviorTransformer
from drive_gen.policies.config import BehaviorConfig
from drive_gen.policies.driver import BehaviorPolicy
from drive_gen.report.film import Film, film_times, neighbour_rows, scene_at, view_for
from drive_gen.report.sources import decisions_of, drive, played, scenario_at, store_at, stored
from drive_gen.report.thoughts import Decisions, Listener, predicted_paths
from drive_gen.report.video import STRIP_FRAMES, render_episode, write_video

CONFIG = EnvConfig(vehicles=8, duration_s=6)
SMALL = Film(View(320, 160, px_per_m=3))


def two_cars(**more: np.ndarray) -> Episode:
    """Frames a second apart: one car at 10 m/s, and one that is there at the first two frames alone."""
    position = np.array([[[0, 0], [10, 0], [20, 0]], [[30, 4], [30, 4], [0, 0]]], float)
    valid = np.array([[True, True, True], [True, True, False]])
    return make_episode(position, more.get("heading_rad", np.zeros((2, 3))), np.full((2, 3), 10.0),
                        np.tile([5.0, 2.0], (2, 1)), valid, dt_s=1.0, road=straight_road(2, 200), ego=0,
                        source=Source("simulated", "test", "g", seed=1, driver="d"))


def moving(count: int, size: tuple[int, int] = (34, 51)) -> list[np.ndarray]:
    """Frames with a white bar that moves."""
    frames = [np.zeros((*size, 3), np.uint8) for _ in range(count)]
    for number, frame in enumerate(frames):
        frame[:, 2 * number : 2 * number + 4] = 255
    return frames


@pytest.fixture(scope="module")
def driven() -> Episode:
    """An episode that a gap rule drove."""
    driver = load_driver("gap", CONFIG)
    return roll_out(driver.env_for(CONFIG), driver.policy, 3, "gap")[0]


@pytest.fixture(scope="module")
def store(driven: Episode, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films") / "episodes"
    write_episodes(folder, [driven])
    return folder


def test_mp4_has_every_frame_in_the_form_that_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    assert write_video(iter(moving(12)), path, fps=10) == 12
    reader = imageio_ffmpeg.read_frames(str(path))
    about = next(reader)
    frames = [np.frombuffer(frame, np.uint8).reshape(34, 52, 3) for frame in reader]
    assert about["codec"] == "h264"
    assert about["pix_fmt"].startswith("yuv420p")
    assert about["size"] == (52, 34)  # made even
    assert about["fps"] == 10
    assert len(frames) == 12
    bar = [int(frame.mean((0, 2)).argmax()) for frame in frames]
    assert bar == sorted(bar)
    assert bar[-1] > bar[0] + 15


def test_gif_has_every_frame(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    write_video(moving(5), path, fps=20)
    with Image.open(path) as film:
        assert film.n_frames == 5
        assert film.info["duration"] == 50


@pytest.mark.parametrize(("size", "shape"), [((40, 60), (40, 380)), ((20, 60), (140, 60))])
def test_a_strip_stands_side_by_side_or_one_below_another(size: tuple[int, int], shape: tuple[int, int],
                                                          tmp_path: Path) -> None:
    """Six pictures and five gaps of 4 pixels."""
    assert STRIP_FRAMES == 6
    write_video(moving(11, size), tmp_path / "strip.png", fps=1)
    with Image.open(tmp_path / "strip.png") as strip:
        assert (strip.height, strip.width) == shape


@pytest.mark.parametrize("suffix", ["mp4", "gif", "png"])
@pytest.mark.parametrize(("frames", "word"), [
    ([np.zeros((20, 20, 3), np.uint8)] * 4, "black"), ([np.full((20, 20, 3), 90, np.uint8)] * 4, "the same"),
    ([], "black")])
def test_a_film_in_which_nothing_changes_is_refused(suffix: str, frames: list[np.ndarray], word: str,
                                                    tmp_path: Path) -> None:
    path = tmp_path / f"film.{suffix}"
    path.write_text("an older film")
    with pytest.raises(InputError, match=word):
        write_video(frames, path, fps=5)
    assert path.read_text() == "an older film"
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_frames_of_two_sizes_and_unknown_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="frame 1 has shape"):
        write_video([*moving(1), *moving(1, (10, 10))], tmp_path / "film.mp4", fps=5)
    with pytest.raises(InputError, match=r"\.avi.*one of: \.mp4"):
        write_video(moving(2), tmp_path / "film.avi", fps=5)
    assert not list(tmp_path.iterdir())


def test_between_frames_cars_move_evenly() -> None:
    episode = two_cars(heading_rad=np.array([[3.1, -3.1, -3.1], [0, 0, 0]]))
    scene = scene_at(episode, 0.25)
    assert np.allclose(scene.position_m, [[2.5, 0], [30, 4]])
    assert scene.heading_rad[0] == pytest.approx(3.1 + 0.25 * (2 * np.pi - 6.2), abs=1e-5)  # the short way
    assert np.allclose(scene_at(episode, 1.5).position_m, [[15, 0], [30, 4]])  # who leaves, stands still
    assert len(scene_at(episode, 2.0).agent_id) == 1
    assert np.allclose(scene_at(episode, 99).position_m, [[20, 0]])


def test_film_times_by_hand() -> None:
    times = film_times(two_cars(), 0, Film(fps=4))
    assert times.tolist() == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2, 2, 2]
    assert film_times(two_cars(), 1, Film(fps=2, speed=0.5)).tolist() == [0, 0.25, 0.5, 0.75, 1, 1]
    assert film_times(two_cars(), 0, Film(fps=2, start_s=1, length_s=0.5)).tolist() == [1, 1.5, 1.5]
    with pytest.raises(InputError, match=r"there for 1\.0 s"):
        film_times(two_cars(), 1, Film(start_s=3))


def test_neighbour_rows_are_the_observations_own(driven: Episode) -> None:
    scene = driven.scene(7)
    assert scene.ego is not None
    seen, rows = observe_scene(scene, scene.ego), neighbour_rows(scene)
    assert len(rows) == int(seen[1:, 0].sum()) > 3
    delta = scene.position_m[rows] - scene.position_m[scene.ego]
    assert np.allclose(seen[1 : len(rows) + 1, 1:3] * (AHEAD_SCALE_M, ASIDE_SCALE_M), delta, atol=1e-3)


def test_predicted_paths_are_what_highway_env_did_next(driven: Episode) -> None:
    agent = int(driven.ego or 0)
    frames = np.flatnonzero(driven.meta_known[agent])
    paths = predicted_paths(driven, agent, frames, decisions_of(driven))
    assert paths is not None
    until_next = int(frames[1] - frames[0])
    for frame, path in zip(frames, paths, strict=True):
        done = driven.position_m[agent, frame : frame + until_next + 1]
        assert np.abs(path[: len(done)] - done).max() < 1e-3


def test_a_controlled_path_holds_its_control() -> None:
    position, known = np.stack((np.arange(4.0), np.zeros(4)), axis=-1)[None], np.ones((1, 4), bool)
    episode = make_episode(position, np.zeros((1, 4)), np.ones((1, 4)), np.array([[5.0, 2]]), known, dt_s=0.5,
                           road=straight_road(1, 99), ego=0, source=Source("simulated", "test", "g"),
                           control=np.tile([2.0, 0.0], (1, 4, 1)), control_known=known)
    paths = predicted_paths(episode, 0, np.array([1]), Decisions())
    assert paths is not None
    # x + v dt at 1, 2, 3, 4 m/s and 0.5 s a step
    assert np.allclose(paths[0, :, 0], [1, 1.5, 2.5, 4, 6])


def test_listening_changes_no_action_and_keeps_every_thought() -> None:
    model = BehaviorTransformer(BehaviorConfig(width=32, heads=2, layers=1), seed=3)
    policy = BehaviorPolicy(model)
    driver = load_driver("idle", CONFIG)
    plain, _ = roll_out(driver.env_for(CONFIG), policy, 5, "b")
    listener = Listener(policy)
    heard, outcome = roll_out(driver.env_for(CONFIG), listener, 5, "b")
    assert np.array_equal(plain.meta_action, heard.meta_action)
    assert len(listener.attention) == len(listener.asked) == outcome.decisions


def test_a_behaviour_model_is_filmed_with_its_attention(tmp_path: Path) -> None:
    model = BehaviorTransformer(BehaviorConfig(width=32, heads=2, layers=1), seed=3)
    model.save_pretrained(tmp_path / "model")
    take = drive(str(tmp_path / "model"), CONFIG, seed=5)
    assert take.details is not None
    assert take.details.attention is not None
    assert take.details.attention.shape == (len(take.details.frames), 16)
    assert take.details.asked is not None
    pictures = [next(render_episode(take.episode, take.agent, details, SMALL))
                for details in (None, take.details)]
    assert not np.array_equal(*pictures)


def test_an_episode_is_found_by_number_or_by_a_part_of_its_key(store: Path, driven: Episode) -> None:
    assert store_at(store) == store_at(store.parent) == store
    assert store_at(store / "nowhere") is None
    assert stored(store, "0").episode.source == stored(store, "gap/3").episode.source == driven.source
    for which, message in (("7", "0 to 0"), ("nobody", "no episodes")):
        with pytest.raises(InputError, match=message):
            stored(store, which)
    with pytest.raises(InputError, match="no agent 99"):
        stored(store, "0", agent=99)
    assert stored(store, "0", agent=int(driven.agent_id[2])).agent == 2


def test_the_worst_episode_of_an_evaluation_is_the_evaluated_drivers(tmp_path: Path,
                                                                     driven: Episode) -> None:
    episodes = [replace(driven, source=replace(driven.source, driver=driver, seed=seed))
                for driver, seed in (("mine", 1), ("mine", 2), ("idle", 1))]
    keys = [row.key for row in write_episodes(tmp_path / "episodes", episodes, "test")]
    rows = [{"driver": driver, "seed": seed, "crashed": crashed, "store_key": key}
            for driver, seed, crashed, key in (("mine", 1, False, keys[0]), ("mine", 2, True, keys[1]),
                                               ("idle", 1, True, keys[2]))]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert stored(tmp_path / "episodes", "worst").episode.source.seed == 2
    assert stored(tmp_path / "episodes", "worst").episode.source.driver == "mine"


def test_a_scenario_is_driven_and_filmed(tmp_path: Path) -> None:
    assert main(["generate", "--text", "a truck ahead on a highway", "--out", str(tmp_path)]) == 0
    assert scenario_at(tmp_path) == scenario_at(tmp_path / "scenario.yaml") == tmp_path / "scenario.yaml"
    assert main(["render", str(tmp_path), "--out", str(tmp_path / "drive.png")]) == 0
    assert Image.open(tmp_path / "drive.png").height > 100
    assert played(tmp_path / "scenario.yaml").episode.duration_s > 10


def test_a_store_alone_has_no_worst_episode(store: Path) -> None:
    with pytest.raises(InputError, match="no evaluation"):
        stored(store, "worst")


def test_the_view_suits_the_road() -> None:
    from drive_gen.envs.road import Lane, Road

    assert view_for(straight_road(3, 100)).height_px == 400
    corner = Road((Lane(np.array([[0.0, 0], [50, 0], [50, 50]]), 4.0),))
    assert view_for(corner).height_px == 720
    assert (view_for(corner, (640, 480)).width_px, view_for(corner, (640, 480)).height_px) == (640, 480)


def test_render_writes_a_film_and_prints_only_json(store: Path, tmp_path: Path,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "cut.gif"
    command = ["render", str(store), "--out", str(out), "--size", "320x160", "--fps", "5", "--json"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["driver"] == "gap"
    with Image.open(out) as film:
        assert film.n_frames >= 30  # Pillow joins equal ones, such as those of the last second
    assert os.environ.get("SDL_VIDEODRIVER") != "dummy"


@pytest.mark.parametrize("wrong", [["--size", "big"], ["--fps", "0"], ["--episode", "12"], ["--start", "99"],
                                   ["--out", "film.avi"], ["--agent", "1234"]])
def test_wrong_input_to_render_is_one_line(wrong: list[str], store: Path, tmp_path: Path,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(store), "--out", str(tmp_path / "cut.gif"), *wrong]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("drive-gen: ")
    assert said.err.count("\n") == 1
    assert not list(tmp_path.iterdir())
