"""`drive-gen import`: logged driving as episodes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from drive_gen.data.import_report import ImportReport


def ngsim(path: Path, /, *, out: Path, smoothing: Literal["savgol", "none"] = "savgol",
          duration_s: float = 20.0, json: bool = False) -> int:
    """Import NGSIM freeway recordings: a prepared table, or the CSV of the US DOT portal.

    Args:
        path: Folder with tracks.parquet (and lanes.json), a .parquet file, or a portal .csv file.
        out: Episode store to write, or to go on with.
        smoothing: Savitzky-Golay on the positions (speed and heading are its derivative), or none.
        duration_s: Length of the pieces that a CSV's periods are cut into, in seconds.
        json: Print only the report, as JSON.
    """
    from drive_gen.data.ngsim import import_ngsim
    from drive_gen.data.tracks import Smoothing

    return _say(import_ngsim(path, out, Smoothing(smoothing), duration_s), json)


def highd(path: Path, /, *, out: Path, smoothing: Literal["savgol", "none"] = "none",
          duration_s: float = 20.0, json: bool = False) -> int:
    """Import recordings in highD's format: NN_tracks.csv, NN_tracksMeta.csv, NN_recordingMeta.csv.

    Args:
        path: Folder with the recordings.
        out: Episode store to write, or to go on with.
        smoothing: Savitzky-Golay on the positions, or none: highD's are smooth already.
        duration_s: Length of the pieces that recordings are cut into, in seconds.
        json: Print only the report, as JSON.
    """
    from drive_gen.data.highd import import_highd
    from drive_gen.data.tracks import Smoothing

    return _say(import_highd(path, out, Smoothing(smoothing), duration_s), json)


def commonroad(path: Path, /, *, out: Path, smoothing: Literal["savgol", "none"] = "none",
               json: bool = False) -> int:
    """Import CommonRoad scenarios, XML 2018b or 2020a.

    The USA_US101 scenarios are cut from NGSIM's US-101 recordings: what was trained on one of these must not
    be tested on the other.

    Args:
        path: Scenario file, or a folder of them.
        out: Episode store to write, or to go on with.
        smoothing: Savitzky-Golay on the positions, or none.
        json: Print only the report, as JSON.
    """
    from drive_gen.data.commonroad import import_commonroad
    from drive_gen.data.tracks import Smoothing

    return _say(import_commonroad(path, out, Smoothing(smoothing)), json)


def _say(report: ImportReport, as_json: bool) -> int:
    import json

    if as_json:
        print(json.dumps(report.as_json(), indent=1))
        return 0
    from rich.table import Table

    from drive_gen.commands.show import show

    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in _lines(report):
        table.add_row(name, value)
    show(table)
    for line in report.refused:
        print(f"refused: {line}")
    if report.already_there:
        print(f"{report.already_there} episodes were in the store and stay as they are; other settings need "
              f"another --out")
    print(f"wrote {report.out}: {report.episodes} episodes; next: drive-gen inspect {report.out}")
    return 0


def _lines(report: ImportReport) -> list[tuple[str, str]]:
    """The table's rows: what, and how much of it."""
    splits = {split: [group for group, its in report.splits.items() if its == split]
              for split in ("train", "validation", "test")}
    named = [f"{pair.recording} {pair.first_id}/{pair.second_id} ({pair.frames} frames)"
             for pair in report.overlaps]
    more = f", and {len(named) - 5} more (--json lists them)" if len(named) > 5 else ""
    return [
        ("recordings", f"{report.recordings}, {report.tracks:,} tracks, {report.rows:,} rows"),
        ("smoothing", report.smoothing),
        ("mean speed", f"{report.mean_speed_mps:.2f} m/s"),
        ("lead in lane", f"{report.lead_share:.1%} of the rows; mean gap {report.mean_gap_m:.1f} m, "
                         f"time headway {report.mean_headway_s:.2f} s"),
        ("above 3 m/s2", f"{report.hard_share_before:.1%} of the steps in the log, "
                         f"{report.hard_share_after:.1%} as imported"),
        ("missing frames", f"{report.missing_frames} in {report.interrupted_tracks} tracks (invalid there)"),
        ("duplicate rows", f"{report.duplicate_rows} (left out)"),
        ("cut tracks", f"{report.cut_tracks} (they go on in the next piece)"),
        ("negative gaps", f"{report.negative_gaps} rows"),
        ("overlaps", ", ".join(named[:5]) + more or "none"),
        ("dropped", ", ".join(f"{count} {reason}" for reason, count in report.dropped.items()) or "nothing"),
        ("splits", "; ".join(f"{split}: {', '.join(groups)}" for split, groups in splits.items() if groups)
                   + f" ({report.split_rule})")]
