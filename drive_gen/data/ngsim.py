"""NGSIM freeway recordings: the prepared parquet table, and the CSV that the US DOT portal publishes.

Prepared table: one row a vehicle and .1 s, metres; s along the left edge of the leftmost lane, d to the right
of it, lane 0 leftmost. CSV (https://data.transportation.gov/d/8ect-6jqj): feet and feet/s at 10 Hz; Local_Y
along the road and Local_X from its left edge are those of the front centre; Lane_ID 1 is leftmost.
Both become straight lanes 3.66 m (12 feet) wide, lane k centred on y = 3.66 k.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from drive_gen.data.import_report import ImportReport
from drive_gen.data.importing import Recording, import_recordings
from drive_gen.data.tables import Table, read_table
from drive_gen.data.tracks import Smoothing, Tracks
from drive_gen.envs.episode import KINDS
from drive_gen.envs.files import InputError, read_json
from drive_gen.envs.road import Road, straight_road

DT_S = 0.1
LANE_WIDTH_M = 3.66
EDGE_M = 1.83  # from the left edge of the leftmost lane to its centre
MARGIN_M = 100.0  # road before and after what was recorded: a car handed to a policy may outrun the log
FOOT_M = 0.3048
TRUCK_M = 8.0  # the prepared table calls trucks cars; longer bodies than this are trucks
FREEWAY_LANES = 6  # of US-101 and I-80; higher Lane_IDs are ramps, which run beside them
FREEWAYS = ("us-101", "i-80")  # Lankershim and Peachtree are city streets with junctions

PARQUET_COLUMNS = ("recording", "scene_group", "t", "id", "length", "width", "v", "s", "d", "dyaw", "lane")
CSV_COLUMNS = ("Vehicle_ID", "Frame_ID", "Local_X", "Local_Y", "v_Length", "v_Width", "v_Vel", "Lane_ID")
CSV_WANTED = ("Global_Time", "v_Class", "Location")


def import_ngsim(path: Path, out: Path, smoothing: Smoothing | None = None,
                 duration_s: float = 20.0) -> ImportReport:
    """Import a folder with tracks.parquet (and lanes.json), a .parquet file or a portal .csv into a store.

    The prepared table's recordings become one episode each; a CSV's periods, minutes long, are cut into
    pieces of about `duration_s`. Splits never divide a scene group, or a period.
    """
    chosen = smoothing or Smoothing()
    table = path / "tracks.parquet" if path.is_dir() else path
    if table.suffix == ".parquet":
        read = _read_prepared(table)
        return import_recordings(_prepared(read, table.parent / "lanes.json"), out, _sizes(read), chosen)
    if table.suffix.lower() == ".csv":
        read = read_table(table, CSV_COLUMNS, CSV_WANTED)
        periods, dropped = _periods(read)
        sizes = {f"ngsim/{name}": len(rows) for name, rows in periods.items()}
        return import_recordings(_portal(read, periods, dropped), out, sizes, chosen, duration_s)
    raise InputError(f"{path} is no NGSIM recording: expected a folder with tracks.parquet, or a .parquet or "
                     f".csv file")


def _read_prepared(path: Path) -> Table:
    return read_table(path, PARQUET_COLUMNS, ("bsd3_copy_exists",))


def _sizes(table: Table) -> dict[str, int]:
    return {f"us101/{group}": count for group, count in
            sorted(Counter(table.integers("scene_group").tolist()).items())}


def _prepared(table: Table, lanes_file: Path) -> Iterator[Recording]:
    """The recordings of a prepared table, by group."""
    groups = table.integers("scene_group")
    code, names = table.categories("recording")
    columns = {name: table.numbers(name) for name in ("s", "d", "dyaw", "v", "length", "width", "lane")}
    vehicle, frame = table.integers("id"), table.integers("t")
    lanes = read_json(lanes_file, "the recordings' lanes") if lanes_file.exists() else {}
    free = table.columns.get("bsd3_copy_exists")
    for group in np.unique(groups):
        for name in sorted(names[number] for number in np.unique(code[groups == group])):
            rows = np.flatnonzero((code == names.index(name)) & (groups == group))
            part = {key: values[rows] for key, values in columns.items()}
            tracks = Tracks(
                vehicle=vehicle[rows], frame=frame[rows],
                position_m=np.stack((part["s"], part["d"] - EDGE_M), axis=-1), heading_rad=-part["dyaw"],
                speed_mps=part["v"], size_m=np.stack((part["length"], part["width"]), axis=-1),
                kind=_kinds(part["length"] > TRUCK_M), dt_s=DT_S)
            yield Recording(
                name=name, group=f"us101/{group}", tracks=tracks,
                road=_road(_lane_count(lanes.get(name), columns["lane"]), part["s"]),
                where=f"{table.path}: recording {name}",
                licence=_licence(None if free is None else bool(free[int(rows[0])].as_py())))


def _licence(bsd_copy: bool | None) -> str:
    """Who measured; and whose scenario file the table was made from, where the table says."""
    source = {None: "", True: "; scenario file BSD-3-Clause", False: "; scenario file GPL-3.0"}[bsd_copy]
    return f"NGSIM, US DOT FHWA{source}"


def _lane_count(entry: Any, lane: np.ndarray) -> int:
    """Lanes of a recording by lanes.json where it has an entry, else by the lanes driven in any recording."""
    if entry is None:
        return int(lane.max()) + 1
    return 1 + max(int(lanelet["lane"]) for lanelet in entry["lanelets"].values())


def _road(lanes: int, along_m: np.ndarray) -> Road:
    start = float(along_m.min()) - MARGIN_M
    return straight_road(lanes, float(np.ptp(along_m)) + 2 * MARGIN_M, LANE_WIDTH_M, float("inf"), start)


def _kinds(truck: np.ndarray, motorcycle: np.ndarray | bool = False) -> np.ndarray:
    car, lorry, bike = (KINDS.index(name) for name in ("car", "truck", "motorcycle"))
    return np.where(motorcycle, bike, np.where(truck, lorry, car)).astype(np.uint8)


def _periods(table: Table) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """The rows of each freeway period of a portal CSV by name, and how many rows of other places it has.

    Vehicle_ID and Frame_ID begin again with every period. A frame's time less its number is the period's
    start, which tells the periods apart.
    """
    code, places = (table.categories("Location") if "Location" in table
                    else (np.zeros(table.rows, dtype=np.int64), ["freeway"]))
    known = ("freeway",) if "Location" not in table else FREEWAYS
    start = (table.integers("Global_Time") - 100 * table.integers("Frame_ID") if "Global_Time" in table
             else np.zeros(table.rows, dtype=np.int64))
    periods, dropped = {}, {}
    for number, place in enumerate(places):
        here = np.flatnonzero(code == number)
        if place.lower() not in known:
            dropped[f"rows of {place or 'no location'} (not {' or '.join(FREEWAYS)})"] = len(here)
            continue
        for begun in np.unique(start[here]):
            periods[f"{place.lower()}/{begun}"] = here[start[here] == begun]
    if not periods:
        raise InputError(f"{table.path}: no freeway in it: Location is {', '.join(places)}; "
                         f"this reads {' and '.join(FREEWAYS)}")
    return periods, dropped


def _portal(table: Table, periods: dict[str, np.ndarray], dropped: dict[str, int]) -> Iterator[Recording]:
    """The periods of a portal CSV; what is left out of the file is counted with the first."""
    tracks, lane = _portal_tracks(table), table.integers("Lane_ID")
    for number, (name, rows) in enumerate(periods.items()):
        part = tracks.take(rows)
        yield Recording(
            name=name, group=f"ngsim/{name}", tracks=part,
            road=_road(int(np.clip(lane[rows].max(), 1, FREEWAY_LANES)), part.position_m[:, 0]),
            where=f"{table.path}: {name}", licence=_licence(None),
            notes={"rows_on_ramps": int((lane[rows] > FREEWAY_LANES).sum())},
            dropped={} if number else dropped)


def _portal_tracks(table: Table) -> Tracks:
    """All rows of a portal CSV in metres. It gives no heading: the road's, until smoothing finds one."""
    length = table.numbers("v_Length") * FOOT_M
    position = np.stack((table.numbers("Local_Y") * FOOT_M - length / 2,
                         table.numbers("Local_X") * FOOT_M - EDGE_M), axis=-1)
    kind = table.integers("v_Class") if "v_Class" in table else np.full(table.rows, 2)
    return Tracks(vehicle=table.integers("Vehicle_ID"), frame=table.integers("Frame_ID"), position_m=position,
                  heading_rad=np.zeros(table.rows), speed_mps=table.numbers("v_Vel") * FOOT_M,
                  size_m=np.stack((length, table.numbers("v_Width") * FOOT_M), axis=-1),
                  kind=_kinds(kind == 3, kind == 1), dt_s=DT_S)
