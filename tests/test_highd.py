"""highD's format: files written from known motion give that motion back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drive_gen.cli import main
from drive_gen.data.highd import import_highd
from drive_gen.data.store import read_episodes
from drive_gen.envs.episode import KINDS, Episode

RATE = 25
META = "id,width,height,initialFrame,finalFrame,numFrames,class,drivingDirection"
UPPER, LOWER = (8.5, 12.5, 16.1), (21.0, 24.8, 28.6, 32.4)  # y of the markings in the image
FRAMES = 50


def motion(direction: int, vehicle: int, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and velocity in the image of one that accelerates and drifts; (F, 2) each."""
    time = (frame - 1) / RATE
    sign = -1.0 if direction == 1 else 1.0
    speed = 20.0 + vehicle
    lane = (UPPER if direction == 1 else LOWER)[0] + 2.0
    center = np.stack((200 + sign * (speed * time + time**2 / 2), lane + 0.3 * time), axis=-1)
    return center, np.stack((sign * (speed + time), np.full(len(time), 0.3)), axis=-1)


def write(folder: Path, prefix: str = "01_", **changes: str) -> Path:
    """A recording with two vehicles each way; `changes` replace texts in the files."""
    frame = np.arange(1, FRAMES + 1)
    tracks, meta = ["frame,id,x,y,width,height,xVelocity,yVelocity,xAcceleration,yAcceleration,laneId"], []
    for vehicle, direction in ((1, 1), (2, 1), (3, 2), (4, 2)):
        length, breadth = (12.0, 2.5) if vehicle == 4 else (4.5, 1.9)
        center, velocity = motion(direction, vehicle, frame)
        for number, (x, y), (u, v) in zip(frame, center, velocity, strict=True):
            tracks.append(f"{number},{vehicle},{x - length / 2!r},{y - breadth / 2!r},{length},{breadth},"
                          f"{u!r},{v!r},0,0,2".replace("np.float64(", "").replace(")", ""))
        kind = "Truck" if vehicle == 4 else "Car"
        meta.append(f"{vehicle},{length},{breadth},1,{FRAMES},{FRAMES},{kind},{direction}")
    texts = {"tracks": "\n".join(tracks),
             "tracksMeta": "\n".join([META, *meta]),
             "recordingMeta": "id,frameRate,locationId,speedLimit,upperLaneMarkings,lowerLaneMarkings\n"
                              f"1,{RATE},2,{changes.pop('limit', '-1')},{';'.join(map(str, UPPER))},"
                              f"{';'.join(map(str, LOWER))}"}
    for name, text in texts.items():
        old, new = changes.get(name, "|").split("|")
        (folder / f"{prefix}{name}.csv").write_text(text.replace(old, new, 1) + "\n" if old else text + "\n")
    return folder


def both(folder: Path, out: Path, **more: float) -> tuple[Episode, Episode]:
    import_highd(folder, out, **more)  # type: ignore[arg-type]
    first, second = read_episodes(out)
    return first, second


def test_the_motion_comes_back_both_ways(tmp_path: Path) -> None:
    up, down = both(write(tmp_path), tmp_path / "out")
    frame = np.arange(1, FRAMES + 1)
    for episode, direction, sign in ((up, 1, -1.0), (down, 2, 1.0)):
        origin = np.array(episode.source.notes["image_origin_m"])
        assert episode.source.notes["turned_180_degrees"] == (direction == 1)
        for agent, vehicle in enumerate(episode.agent_id):
            center, velocity = motion(direction, int(vehicle), frame)
            np.testing.assert_allclose(episode.position_m[agent], sign * (center - origin), atol=1e-4)
            np.testing.assert_allclose(episode.velocity_mps[agent], sign * velocity, atol=1e-5)
        assert (episode.velocity_mps[..., 0] > 19).all()  # traffic drives along +x
        assert episode.position_m[..., 0].min() == pytest.approx(0, abs=1e-4)
    # Down the image is to the right of those who drive right, and to the left of those who drive left.
    assert (down.velocity_mps[..., 1] > 0).all()
    assert (up.velocity_mps[..., 1] < 0).all()
    assert down.kind.tolist() == [KINDS.index("car"), KINDS.index("truck")]
    assert down.dt_s == pytest.approx(0.04)


def test_lanes_lie_between_the_markings_leftmost_first(tmp_path: Path) -> None:
    up, down = both(write(tmp_path, limit="36.11"), tmp_path / "out")
    assert [lane.width_m for lane in up.road.lanes] == pytest.approx([3.6, 4.0])
    assert [lane.width_m for lane in down.road.lanes] == pytest.approx([3.8, 3.8, 3.8])
    assert [lane.center_m[0, 1] for lane in up.road.lanes] == pytest.approx([0, 3.8])
    assert [lane.center_m[0, 1] for lane in down.road.lanes] == pytest.approx([0, 3.8, 7.6])
    assert down.road.lanes[0].speed_limit_mps == 36.11
    assert [(lane.left, lane.right) for lane in down.road.lanes] == [(None, 1), (0, 2), (1, None)]
    # Direction 1 drives 2 m below the topmost marking: in its rightmost lane, the upper one of the image.
    assert up.road.nearest_lane(up.position_m[:, 0]).tolist() == [1, 1]
    assert down.road.nearest_lane(down.position_m[:, 0]).tolist() == [0, 0]


def test_no_limit_is_infinite_and_pieces_share_a_group(tmp_path: Path) -> None:
    report = import_highd(write(tmp_path, prefix=""), tmp_path / "out", duration_s=1.0)
    episodes = read_episodes(tmp_path / "out")
    assert len(episodes) == report.episodes == 4
    assert report.cut_tracks == report.tracks == 4
    assert {episode.source.group for episode in episodes} == {f"highd/{tmp_path.name}"}
    assert all(np.isinf(episode.road.lanes[0].speed_limit_mps) for episode in episodes)


@pytest.mark.parametrize(("change", "said"), [
    ({"tracks": "xVelocity|speed"}, "column xVelocity is missing"),
    ({"tracksMeta": "4,12.0|9,12.0"}, "vehicle 4 is not in 01_tracksMeta.csv"),
    ({"tracksMeta": "Truck,2|Truck,3"}, "drivingDirection, row 4: 3"),
    ({"recordingMeta": "21.0;24.8;28.6;32.4|21.0"}, "lowerLaneMarkings is '21.0'"),
    ({"recordingMeta": f"1,{RATE}|1,0"}, "frameRate is 0"),
    ({"recordingMeta": f"1,{RATE}|1,10"}, "other units")])
def test_bad_files_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                           change: dict[str, str], said: str) -> None:
    write(tmp_path, **change)
    assert main(["import", "highd", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_folder_without_recordings_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "highd", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "holds no NN_tracks.csv" in capsys.readouterr().err
    write(tmp_path)
    (tmp_path / "01_tracksMeta.csv").unlink()
    assert main(["import", "highd", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "01_tracksMeta.csv" in capsys.readouterr().err
