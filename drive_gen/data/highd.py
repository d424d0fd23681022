"""highD-style drone recordings (Krajewski et al., 2018): NN_tracks, NN_tracksMeta and NN_recordingMeta.csv.

x and y are the upper left corner of a body's box in the image (y down), width its length along the road and
height its breadth; velocities are along the image's axes. Lane markings are the y of the lines between lanes.
Each driving direction becomes its own recording: direction 2 (lower lanes) drives along +x as it is, with y
to the right; direction 1 (upper lanes) is turned by 180 degrees. The origin moves to the start of the
recorded stretch and to the centre of the leftmost lane.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drive_gen.data.import_report import ImportReport
from drive_gen.data.importing import Recording, import_recordings
from drive_gen.data.tables import Table, read_table
from drive_gen.data.tracks import Smoothing, Tracks, course
from drive_gen.envs.episode import KINDS
from drive_gen.envs.files import InputError
from drive_gen.envs.road import Lane, Road

TRACKS = ("frame", "id", "x", "y", "width", "height", "xVelocity", "yVelocity")
TRACKS_META = ("id", "class", "drivingDirection")
RECORDING_META = ("id", "frameRate", "upperLaneMarkings", "lowerLaneMarkings")
MARGIN_M = 100.0  # road before and after what was recorded
MOVING_MPS = 1.0  # slower, the direction of motion is noise
LICENCE = "highD (levelXdata), licensed by its publisher; not to be passed on"
CLASSES = {"car": "car", "truck": "truck"}


def import_highd(path: Path, out: Path, smoothing: Smoothing | None = None,
                 duration_s: float = 20.0) -> ImportReport:
    """Import every recording of a folder, cut into episodes of about `duration_s`, into a store.

    highD's positions are smooth already, so that nothing is smoothed by default. Splits go by recording: both
    directions of one are in the same.
    """
    files = find_recordings(path)
    # The size of the file stands for the number of rows, which is known only when it is read.
    sizes = {_group(tracks): tracks.stat().st_size for tracks in files}
    recordings = (recording for tracks in files for recording in _read(tracks))
    return import_recordings(recordings, out, sizes, smoothing or Smoothing("none"), duration_s)


def find_recordings(path: Path) -> list[Path]:
    """The tracks files of a folder, with or without a number before the name."""
    if not path.is_dir():
        raise InputError(f"no folder at {path}; expected one with tracks, tracksMeta and recordingMeta.csv")
    files = sorted(file for file in path.iterdir() if re.fullmatch(r"(\d+_)?tracks\.csv", file.name))
    if not files:
        raise InputError(f"{path} holds no NN_tracks.csv; expected a recording in highD's format")
    return files


def _group(tracks_file: Path) -> str:
    prefix = tracks_file.name.removesuffix("tracks.csv").rstrip("_")
    return f"highd/{prefix or tracks_file.parent.name}"


def _read(tracks_file: Path) -> Iterator[Recording]:
    """Both driving directions of one recording, as far as anyone drives there."""
    prefix = tracks_file.name.removesuffix("tracks.csv")
    table = read_table(tracks_file, TRACKS)
    meta = read_table(tracks_file.with_name(f"{prefix}tracksMeta.csv"), TRACKS_META)
    about = read_table(tracks_file.with_name(f"{prefix}recordingMeta.csv"), RECORDING_META,
                       ("speedLimit", "locationId"))
    rate = about.numbers("frameRate")[0]
    if not rate > 0:
        raise InputError(f"{about.path}: frameRate is {rate}, expected a positive number of frames a second")
    direction, kind = _of_vehicles(table, meta)
    limit = about.numbers("speedLimit")[0] if "speedLimit" in about else -1.0
    place = {"location": int(about.integers("locationId")[0])} if "locationId" in about else {}
    for number, markings in ((1, "upperLaneMarkings"), (2, "lowerLaneMarkings")):
        rows = np.flatnonzero(direction == number)
        if not len(rows):
            continue
        edges = _markings(about, markings)
        tracks = _image_tracks(table, kind, 1 / rate).take(rows)
        placed, road, origin = _placed(tracks, edges, number == 1, limit if limit > 0 else float("inf"))
        yield Recording(name=f"{_group(tracks_file)}/direction-{number}", group=_group(tracks_file),
                        tracks=placed, road=road, where=f"{tracks_file}: direction {number}", licence=LICENCE,
                        notes={"image_origin_m": origin, "turned_180_degrees": number == 1, **place})


def _of_vehicles(table: Table, meta: Table) -> tuple[np.ndarray, np.ndarray]:
    """Driving direction and kind of each row's vehicle, (rows,) each."""
    vehicle, listed = table.integers("id"), meta.integers("id")
    order = np.argsort(listed)
    place = np.clip(np.searchsorted(listed[order], vehicle), 0, len(listed) - 1)
    unknown = np.flatnonzero(listed[order][place] != vehicle)
    if len(unknown):
        raise InputError(f"{table.path}: column id, row {unknown[0] + 1}: vehicle {vehicle[unknown[0]]} "
                         f"is not in {meta.path.name}")
    direction = meta.integers("drivingDirection")
    if len(bad := np.flatnonzero((direction != 1) & (direction != 2))):
        raise InputError(f"{meta.path}: column drivingDirection, row {bad[0] + 1}: {direction[bad[0]]}, "
                         f"expected 1 or 2")
    code, names = meta.categories("class")
    kinds = np.array([KINDS.index(CLASSES.get(name.lower(), "car")) for name in names], dtype=np.uint8)
    return direction[order][place], kinds[code][order][place]


def _markings(about: Table, name: str) -> np.ndarray:
    """The y of a direction's lane markings in the image, top first; (lanes + 1,)."""
    code, texts = about.categories(name)
    try:
        edges = np.sort(np.array([float(part) for part in texts[code[0]].split(";") if part.strip()]))
    except ValueError:
        edges = np.zeros(0)
    if len(edges) < 2 or not (np.diff(edges) > 0.5).all():
        raise InputError(f"{about.path}: {name} is {texts[code[0]]!r}, expected two or more lines a lane "
                         f"apart, as 8.51;12.59;16.43")
    return edges


def _image_tracks(table: Table, kind: np.ndarray, dt_s: float) -> Tracks:
    """All rows in the image's frame: x right, y down; headings from the velocities."""
    size = np.stack((table.numbers("width"), table.numbers("height")), axis=-1)
    corner = np.stack((table.numbers("x"), table.numbers("y")), axis=-1)
    velocity = np.stack((table.numbers("xVelocity"), table.numbers("yVelocity")), axis=-1)
    return Tracks(vehicle=table.integers("id"), frame=table.integers("frame"), position_m=corner + size / 2,
                  heading_rad=np.arctan2(velocity[:, 1], velocity[:, 0]), speed_mps=np.hypot(*velocity.T),
                  size_m=size, kind=kind, dt_s=dt_s)


def _placed(tracks: Tracks, edges_m: np.ndarray, turn: bool,
            limit_mps: float) -> tuple[Tracks, Road, list[float]]:
    """A direction's tracks and road in the world frame, and the image point that is its origin."""
    sign = -1.0 if turn else 1.0
    edges = np.sort(sign * edges_m)  # left to right
    centers, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    start = float((sign * tracks.position_m[:, 0]).min())
    origin = np.array([start, centers[0]])
    position = sign * tracks.position_m - origin
    velocity = sign * tracks.speed_mps[:, None] * np.stack((np.cos(tracks.heading_rad),
                                                            np.sin(tracks.heading_rad)), axis=-1)
    heading = _held_course(tracks, velocity)
    speed = (velocity * np.stack((np.cos(heading), np.sin(heading)), axis=-1)).sum(-1)
    ends = np.array([-MARGIN_M, float(position[:, 0].max()) + MARGIN_M])
    road = Road(tuple(
        Lane(center_m=np.stack((ends, np.full(2, center - centers[0])), axis=-1), width_m=float(width),
             speed_limit_mps=limit_mps, left=number - 1 if number else None,
             right=number + 1 if number + 1 < len(widths) else None)
        for number, (center, width) in enumerate(zip(centers, widths, strict=True))))
    placed = Tracks(vehicle=tracks.vehicle, frame=tracks.frame, position_m=position, heading_rad=heading,
                    speed_mps=speed, size_m=tracks.size_m, kind=tracks.kind, dt_s=tracks.dt_s)
    return placed, road, [float(value) for value in sign * origin]


def _held_course(tracks: Tracks, velocity_mps: np.ndarray) -> np.ndarray:
    """Directions (N,) of velocities (N, 2), held where a vehicle is slow; the road's where it always is."""
    heading = np.zeros(len(tracks))
    order = np.lexsort((tracks.frame, tracks.vehicle))
    for rows in np.split(order, np.flatnonzero(np.diff(tracks.vehicle[order])) + 1):
        heading[rows] = course(velocity_mps[rows], np.zeros(len(rows)), MOVING_MPS)
    return heading
