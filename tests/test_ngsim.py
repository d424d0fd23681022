"""NGSIM: the prepared table against its own columns, the portal's CSV, and smoothing of known motion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import cruising

from drive_gen.cli import main
from drive_gen.data.import_report import ImportReport, Overlap, Tally, box_overlaps
from drive_gen.data.importing import Recording, assign_splits, import_recordings
from drive_gen.data.ngsim import import_ngsim
from drive_gen.data.store import read_episodes, read_index
from drive_gen.data.tracks import Smoothing, Tracks, accelerations, clean, course, pieces, smooth, to_episode
from drive_gen.envs.episode import Episode, Source
from drive_gen.envs.files import InputError
from drive_gen.envs.road import straight_road

LOGS = Path(__file__).parents[2] / "shared" / "data" / "ngsim_us101"
needs_logs = pytest.mark.skipif(not LOGS.exists(), reason="the NGSIM recordings are not on this machine")
NONE = Smoothing("none")


def one_track(position_m: np.ndarray, frame: np.ndarray | None = None, dt_s: float = 0.1) -> Tracks:
    """One car 5 m long with given positions (T, 2), its recorded speed their exact difference."""
    steps = len(position_m)
    speed = np.hypot(*np.gradient(position_m, dt_s, axis=0).T)
    return Tracks(vehicle=np.full(steps, 7), frame=np.arange(steps) if frame is None else frame,
                  position_m=position_m, heading_rad=np.zeros(steps), speed_mps=speed,
                  size_m=np.tile([5.0, 2.0], (steps, 1)), kind=np.zeros(steps, np.uint8), dt_s=dt_s)


def csv_file(folder: Path, rows: list[dict[str, object]], name: str = "portal.csv") -> Path:
    path = folder / name
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def portal_row(vehicle: int, frame: int, front_ft: float, *, start: int = 1_118_846_978_900, lane: int = 2,
               place: str = "us-101", speed_ft: float = 50.0) -> dict[str, object]:
    return {"Vehicle_ID": vehicle, "Frame_ID": frame, "Total_Frames": 100, "Global_Time": start + 100 * frame,
            "Local_X": 12 * lane - 6, "Local_Y": front_ft, "Global_X": 0, "Global_Y": 0, "v_length": 15,
            "v_Width": 6, "v_Class": 2, "v_Vel": speed_ft, "v_Acc": 0, "Lane_ID": lane, "Preceding": 0,
            "Following": 0, "Space_Headway": 0, "Time_Headway": 0, "Location": place}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ImportReport]:
    """All recordings, unsmoothed, and the report."""
    out = tmp_path_factory.mktemp("ngsim")
    return out, import_ngsim(LOGS, out, NONE)


@needs_logs
def test_the_real_recordings_come_in_whole(store: tuple[Path, ImportReport]) -> None:
    out, report = store
    assert (report.rows, report.recordings, report.tracks) == (51518, 21, 766)
    assert report.mean_speed_mps == pytest.approx(12.768, abs=1e-3)
    assert report.hard_share_before == pytest.approx(0.0689, abs=1e-4)
    pairs = [(pair.recording, pair.first_id, pair.second_id) for pair in report.overlaps]
    assert ("us101-10", 504, 513) in pairs
    assert len(pairs) == 2
    assert not report.dropped
    assert not report.missing_frames
    assert {row.split for row in read_index(out)} == {"train", "validation", "test"}
    splits = {(row.group, row.split) for row in read_index(out)}
    assert len(splits) == len({group for group, _ in splits}) == 4


@needs_logs
def test_gaps_computed_from_the_episodes_are_the_tables(store: tuple[Path, ImportReport]) -> None:
    episodes = {episode.source.name: episode for episode in read_episodes(store[0])}
    table = pq.read_table(LOGS / "tracks.parquet").to_pydict()
    gaps, speeds, rows = [], [], []
    for row, name in enumerate(table["recording"]):
        if table["leader"][row] >= 0 and np.isfinite(table["gap"][row]):
            episode = episodes[name]
            follower, lead = np.searchsorted(episode.agent_id, [table["id"][row], table["leader"][row]])
            step = table["t"][row]
            apart = episode.position_m[lead, step, 0] - episode.position_m[follower, step, 0]
            gaps.append(apart - episode.size_m[[lead, follower], 0].mean())
            speeds.append(episode.speed_mps[follower, step])
            rows.append(row)
    gap, speed = np.array(gaps), np.array(speeds)
    given_gap, given_thw = (np.array(table[name])[rows].astype(float) for name in ("gap", "thw"))
    np.testing.assert_allclose(gap, given_gap, atol=1e-3)
    timed = np.isfinite(given_thw)
    np.testing.assert_allclose((gap[timed] / speed[timed]), given_thw[timed], rtol=1e-3, atol=1e-3)
    assert gap.mean() == pytest.approx(21.2, abs=0.05)
    assert (gap[timed] / speed[timed]).mean() == pytest.approx(1.81, abs=0.005)


@needs_logs
def test_our_own_leads_are_mostly_the_tables(store: tuple[Path, ImportReport]) -> None:
    from drive_gen.envs.geometry import all_leads

    episode = next(item for item in read_episodes(store[0]) if item.source.name == "us101-04")
    leads = all_leads(episode)
    table = pq.read_table(LOGS / "tracks.parquet", filters=[("recording", "=", "us101-04")]).to_pydict()
    agent = np.searchsorted(episode.agent_id, table["id"])
    mine = leads.lead[agent, table["t"]]
    mine_id = np.where(mine >= 0, episode.agent_id[mine], -1)
    # A car that reaches into the lane leads here, and does not in the table.
    assert (mine_id == np.array(table["leader"])).mean() > 0.85


@needs_logs
def test_smoothing_calms_the_real_recordings(tmp_path: Path) -> None:
    report = import_ngsim(LOGS, tmp_path, Smoothing())
    assert report.hard_share_after < 0.02 < report.hard_share_before
    assert report.mean_speed_mps == pytest.approx(12.77, abs=0.02)
    assert all(episode.speed_mps.min() >= 0 for episode in read_episodes(tmp_path))


@given(start_mps=st.floats(5, 30), acceleration=st.floats(-0.5, 2), turn=st.floats(-3, 3),
       steps=st.integers(12, 40))
@settings(max_examples=30, deadline=None)
def test_smoothing_leaves_a_constant_acceleration_as_it_is(start_mps: float, acceleration: float, turn: float,
                                                           steps: int) -> None:
    time = np.arange(steps) * 0.1
    along = start_mps * time + acceleration * time**2 / 2
    position = along[:, None] * np.array([np.cos(turn), np.sin(turn)])
    done, short = smooth(clean(one_track(position), "a test")[0], Smoothing())
    assert short == 0
    np.testing.assert_allclose(done.position_m, position, atol=1e-8)
    np.testing.assert_allclose(done.speed_mps, start_mps + acceleration * time, atol=1e-6)
    np.testing.assert_allclose(np.cos(done.heading_rad - turn), 1, atol=1e-9)


def test_smoothing_stops_at_gaps_and_damps_noise() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, (80, 2))
    clear = np.stack((20.0 * np.arange(80) * 0.1, np.zeros(80)), axis=-1)
    noisy = one_track(clear + noise)
    tracks = clean(noisy.take(np.r_[0:38, 40:80, 38:40][:78]), "a test")[0]  # 38 and 39 come last and are cut
    done, short = smooth(tracks, Smoothing())
    assert short == 0
    assert np.abs(accelerations(done)).mean() < np.abs(accelerations(tracks)).mean() / 5
    alone = smooth(tracks.take(np.flatnonzero(tracks.frame < 38)), Smoothing())[0]
    np.testing.assert_array_equal(done.position_m[:38], alone.position_m)


def test_a_heading_is_held_at_standstill() -> None:
    velocity = np.array([[0.1, 0.1], [0.0, 3.0], [0.0, -0.2], [2.0, 0.0], [0.0, 0.0]])
    expected = [np.pi / 2, np.pi / 2, np.pi / 2, 0, 0]
    np.testing.assert_allclose(course(velocity, np.full(5, 9.0), 1.0), expected)
    np.testing.assert_allclose(course(velocity / 100, np.full(5, 0.3), 1.0), 0.3)


def test_a_missing_frame_is_invalid_and_cuts_leave_nothing_over() -> None:
    frame = np.array([0, 1, 2, 4, 5, 6])
    tracks = one_track(np.stack((frame * 2.0, np.zeros(6)), axis=-1), frame)
    source = Source(kind="logged", name="a", group="a")
    episode = to_episode(tracks, 0, 7, straight_road(1, 100.0), source)
    assert episode.valid[0].tolist() == [True, True, True, False, True, True, True]
    assert episode.position_m[0, 4, 0] == 8
    assert pieces(tracks, 0.3) == [(0, 4), (4, 3)]
    assert pieces(tracks, None) == [(0, 7)]


@given(st.dictionaries(st.text("abc", min_size=1, max_size=6), st.integers(1, 999), min_size=2, max_size=9))
@settings(max_examples=30, deadline=None)
def test_every_set_of_groups_trains_and_is_held_out(sizes: dict[str, int]) -> None:
    splits, _ = assign_splits(sizes, Path("nowhere"))
    assert splits.keys() == sizes.keys()
    assert "train" in splits.values()
    assert {"test", "validation"} & set(splits.values())


def test_the_portals_csv_by_hand(tmp_path: Path) -> None:
    rows = [portal_row(vehicle, frame, 100 + 40 * vehicle + 5 * frame, lane=vehicle)
            for frame in range(30, 0, -1) for vehicle in (1, 2)]
    rows += [portal_row(1, frame, 100 + 5 * frame, start=1_118_847_999_000) for frame in range(1, 21)]
    rows += [rows[0], portal_row(5, 1, 50.0, place="lankershim")]
    report = import_ngsim(csv_file(tmp_path, rows), tmp_path / "out", NONE, duration_s=1.5)
    assert (report.rows, report.tracks, report.duplicate_rows, report.cut_tracks) == (80, 3, 1, 2)
    assert report.dropped == {"rows of lankershim (not us-101 or i-80)": 1}
    assert report.episodes == 3
    assert len(report.splits) == 2
    first, second = (item for item in read_episodes(tmp_path / "out")
                     if item.source.group.endswith("1118846978900"))
    assert (first.steps, second.steps) == (15, 15)
    # Vehicle 1 at frame 1: its front at 145 ft, 15 ft long, 6 ft from the left edge, 50 ft/s.
    np.testing.assert_allclose(first.position_m[0, 0], [(145 - 7.5) * 0.3048, 6 * 0.3048 - 1.83], atol=1e-5)
    assert first.speed_mps[0, 0] == pytest.approx(15.24)
    assert len(first.road.lanes) == 2
    assert first.road.nearest_lane(first.position_m[:, 0]).tolist() == [0, 1]


def test_thousands_separators_and_any_case_of_the_header(tmp_path: Path) -> None:
    rows = [{name.upper(): value for name, value in portal_row(1, frame, 1000.0 + 5 * frame).items()}
            for frame in range(1, 31)]
    for row in rows:
        row["LOCAL_Y"] = f'"{row["LOCAL_Y"]:,}"'
    report = import_ngsim(csv_file(tmp_path, rows), tmp_path / "out", NONE)
    assert report.rows == 30
    assert read_episodes(tmp_path / "out")[0].position_m[0, 0, 0] == pytest.approx((1005 - 7.5) * 0.3048)


def test_an_import_goes_on_where_it_was_and_keeps_its_splits(tmp_path: Path) -> None:
    rows = [portal_row(1, frame, 5.0 * frame) for frame in range(1, 31)]
    path = csv_file(tmp_path, rows)
    first, second = (import_ngsim(path, tmp_path / "out", NONE) for _ in range(2))
    assert (first.episodes, first.already_there, second.episodes, second.already_there) == (1, 0, 0, 1)
    other = {"z": 10**6, **dict.fromkeys(first.splits, 1)}
    assert assign_splits(other, tmp_path / "out")[0][next(iter(first.splits))] == "train"


def test_an_interrupted_import_keeps_what_was_done(tmp_path: Path) -> None:
    track = one_track(np.stack((2.0 * np.arange(30), np.zeros(30)), axis=-1))
    recordings = [Recording(name, name, track, straight_road(1, 100.0), name) for name in ("a", "b")]

    def stopped() -> Iterator[Recording]:
        yield recordings[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_recordings(stopped(), tmp_path, {"a": 2, "b": 1}, NONE)
    report = import_recordings(recordings, tmp_path, {"a": 2, "b": 1}, NONE)
    assert (report.episodes, report.already_there) == (1, 1)
    assert {row.name for row in read_index(tmp_path)} == {"a", "b"}


def broken(folder: Path, name: str) -> Path:
    rows = [portal_row(1, frame, 5.0 * frame) for frame in range(1, 31)]
    if name == "empty":
        (folder / "portal.csv").write_text("")
        return folder / "portal.csv"
    if name == "header only":
        (folder / "portal.csv").write_text(",".join(rows[0]) + "\n")
        return folder / "portal.csv"
    if name == "truncated":
        pq.write_table(pa.table({"recording": ["a"] * 999}), folder / "tracks.parquet")
        data = (folder / "tracks.parquet").read_bytes()
        (folder / "tracks.parquet").write_bytes(data[: len(data) // 2])
        return folder / "tracks.parquet"
    for row in rows:
        if name == "missing column":
            del row["Local_Y"]
        elif name == "metres":
            row.update(v_length=4.5, v_Width=1.8)
        elif name == "half metres":
            row.update(v_Vel=15.24)
        elif name == "street":
            row.update(Location="peachtree")
    if name == "nan":
        rows[16]["Local_X"] = "NaN"
    if name == "word":
        rows[3]["v_Vel"] = "fast"
    return csv_file(folder, rows)


@pytest.mark.parametrize(("name", "said"), [
    ("empty", "is empty"), ("header only", "no rows"), ("truncated", "truncated"),
    ("missing column", "column Local_Y is missing"), ("metres", "other units"),
    ("half metres", "other units"),
    ("nan", "column Local_X, row 17"), ("word", "column v_Vel, row 4"), ("street", "no freeway")])
def test_bad_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str,
                               said: str) -> None:
    path = broken(tmp_path, name)
    assert main(["import", "ngsim", str(path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert path.name in error
    assert error.count("\n") == 1


def test_the_command_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = csv_file(tmp_path, [portal_row(1, frame, 5.0 * frame) for frame in range(1, 31)])
    assert main(["import", "ngsim", str(path), "--out", str(tmp_path / "out"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["mean_gap_m"] is None
    assert report["hard_share_after"] == 0
    assert main(["import", "ngsim", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "1 episodes were in the store" in capsys.readouterr().out


def test_no_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no NGSIM recording"):
        import_ngsim(tmp_path / "x.txt", tmp_path / "out")
    with pytest.raises(InputError, match=r"no file at .*tracks\.parquet"):
        import_ngsim(tmp_path, tmp_path / "out")


def test_episodes_are_episodes(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [portal_row(1, frame, 5.0 * frame) for frame in range(1, 31)])
    import_ngsim(path, tmp_path / "out")
    episode = read_episodes(tmp_path / "out")[0]
    assert isinstance(episode, Episode)
    assert episode.ego is None
    assert not episode.control_known.any()
    assert episode.source.notes["smoothing"] == "savgol 1.5 s order 2"


def test_a_report_by_hand(tmp_path: Path) -> None:
    """Three cars in one lane at 10, 10 and .5 m/s, 15 m and 35 m bumper to bumper, and one alongside."""
    episode = cruising([(0, 0), (20, 0), (60, 0), (20.5, 0.5)], [10, 10, 0.5, 10], frames=2, ego=None)
    assert box_overlaps(episode) == {(1, 3): 2}
    apart = cruising([(0, 0), (20, 0), (60, 0)], [10, 10, 0.5], frames=2, ego=None)
    tally = Tally()
    tally.count["rows"] = 6
    tally.add_episode(apart, [Overlap("rec", 1, 2, 3)])
    tally.add_episode(cruising([(0, 8)], [10], frames=2, ego=None), [Overlap("rec", 1, 2, 4)])
    report = tally.report(tmp_path, Smoothing(), {}, "rule")
    gaps = np.array([15, 35, 15, 35 - 9.5 * 0.2])
    assert report.mean_gap_m == pytest.approx(gaps.mean(), abs=1e-4)
    assert report.mean_headway_s == pytest.approx(gaps.mean() / 10, abs=1e-4)
    assert report.lead_share == pytest.approx(4 / 6)
    assert report.overlaps == (Overlap("rec", 1, 2, 7),)
    assert report.negative_gaps == 0
    slow = Tally()
    slow.add_episode(cruising([(0, 0), (20, 0)], [0.9, 0.9], frames=2, ego=None), [])
    assert np.isnan(slow.report(tmp_path, Smoothing(), {}, "rule").mean_headway_s)  # as good as standing
