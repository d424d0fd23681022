"""CommonRoad scenarios, XML 2018b and 2020a (https://commonroad.in.tum.de): lanelets and what moves on them.

CommonRoad's y is to the left and its angles counter-clockwise; here y is to the right, so both change sign.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, fromstring
from xml.parsers import expat

import numpy as np

from drive_gen.data.import_report import ImportReport
from drive_gen.data.importing import Recording, import_recordings
from drive_gen.data.lanelets import child, number, points, road_of
from drive_gen.data.tracks import Smoothing, Tracks
from drive_gen.envs.episode import KINDS
from drive_gen.envs.files import InputError
from drive_gen.envs.geometry import corners

VERSIONS = ("2018b", "2020a")
KIND_OF = {"car": "car", "taxi": "car", "priorityVehicle": "car", "truck": "truck", "bus": "truck",
           "motorcycle": "motorcycle", "bicycle": "motorcycle"}  # every other type is an obstacle
State = tuple[int, float, float, float, float]  # time step, x, y, heading, speed, in this package's frame


def import_commonroad(path: Path, out: Path, smoothing: Smoothing | None = None) -> ImportReport:
    """Import a scenario file, or every .xml of a folder, into a store: one episode each.

    Files of a folder that cannot be used are named in the report's `refused`; a single one is an InputError.
    Nothing is smoothed by default. Splits go by map (USA_US101, DEU_A9...): scenarios of one map are often
    cut from one recording.
    """
    if not path.exists():
        raise InputError(f"no file or folder at {path}; expected CommonRoad XML")
    files = sorted(path.glob("*.xml")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} holds no .xml file; expected CommonRoad scenarios")
    refused: list[str] | None = [] if path.is_dir() else None
    sizes: Counter[str] = Counter()
    for file in files:
        sizes[_group(file)] += file.stat().st_size
    return import_recordings(_read_all(files, refused), out, sizes, smoothing or Smoothing("none"),
                             refused=refused)


def read_commonroad(path: Path) -> Recording:
    """One scenario file; an InputError where it holds no moving obstacle, or is not CommonRoad XML."""
    root = _parsed(path)
    version = root.get("commonRoadVersion")
    if root.tag != "commonRoad" or version not in VERSIONS:
        raise InputError(f"{path}: <{root.tag}> of version {version}, expected <commonRoad> of "
                         f"{' or '.join(VERSIONS)}")
    try:
        dt_s = float(root.get("timeStepSize", ""))
    except ValueError:
        raise InputError(f"{path}: timeStepSize is {root.get('timeStepSize')!r}, expected seconds") from None
    road, dropped = road_of(root, str(path))
    moving = [*root.findall("dynamicObstacle"), *_of_role(root, "dynamic")]
    still = [*root.findall("staticObstacle"), *_of_role(root, "static")]
    tracks = _tracks(path, moving, still, dt_s)
    dropped.update({"occupancy predictions without states": sum(item.find("occupancySet") is not None
                                                                for item in moving)})
    for name in ("environmentObstacle", "phantomObstacle"):
        dropped[f"{name} elements"] += len(root.findall(name))
    notes = {"format": f"CommonRoad {version}", "benchmark": root.get("benchmarkID"),
             "author": root.get("author"), "measured_by": root.get("source"),
             "planning_problems": _planning_problems(path, root)}
    return Recording(name=path.stem, group=_group(path), tracks=tracks, road=road, where=str(path),
                     notes=notes, dropped={reason: count for reason, count in dropped.items() if count})


def _read_all(files: list[Path], refused: list[str] | None) -> Iterator[Recording]:
    for file in files:
        try:
            yield read_commonroad(file)
        except InputError as error:
            if refused is None:
                raise
            refused.append(str(error))


def _group(path: Path) -> str:
    """The map that a scenario is on: its name up to the map's number, USA_US101-3_1_T-1 -> USA_US101."""
    return f"commonroad/{re.split(r'-[0-9]', path.stem)[0]}"


def _of_role(root: Element, role: str) -> list[Element]:
    """The obstacles of a 2018b file that move, or that do not."""
    return [item for item in root.findall("obstacle") if (item.findtext("role") or "").strip() == role]


def _parsed(path: Path) -> Element:
    """The file's root. A document type is refused before it is read: its entities can grow to gigabytes."""
    def refuse(*_: object) -> None:
        raise InputError(f"{path} declares a DOCTYPE, which CommonRoad files do not have; it is not read")

    try:
        data = path.read_bytes()
        scan = expat.ParserCreate()
        scan.StartDoctypeDeclHandler = refuse
        scan.Parse(data, True)
        return fromstring(data)
    except (OSError, ParseError, expat.ExpatError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is truncated or not XML: {error}") from None


def _tracks(path: Path, moving: list[Element], still: list[Element], dt_s: float) -> Tracks:
    """All obstacles' states, those that never move at every time step of the others."""
    histories = [_history(item, f"{path}: obstacle {item.get('id')}") for item in moving]
    if max((len(history) for history in histories), default=0) < 2:
        raise InputError(f"{path} has no dynamic obstacle with a trajectory, so nobody to learn from")
    first = min(history[0][0] for history in histories)
    last = max(history[-1][0] for history in histories)
    for item in still:
        where = f"{path}: obstacle {item.get('id')}"
        pose = _state(child(item, "initialState", where), where, speed_mps=0.0)[1:]
        histories.append([(step, *pose) for step in range(first, last + 1)])
    items = [*moving, *still]
    rows = np.array([state for history in histories for state in history])
    owner = np.repeat(np.arange(len(items)), [len(history) for history in histories])
    size, offset = _shapes(path, items)
    heading = rows[:, 3]
    ahead = np.stack((np.cos(heading), np.sin(heading)), axis=-1)
    aside = np.stack((-np.sin(heading), np.cos(heading)), axis=-1)
    position = rows[:, 1:3] + offset[owner, :1] * ahead + offset[owner, 1:] * aside
    kinds = [_kind(item) for item in moving] + [KINDS.index("obstacle")] * len(still)
    return Tracks(vehicle=np.array([_id(path, item) for item in items])[owner],
                  frame=rows[:, 0].astype(np.int64), position_m=position, heading_rad=heading,
                  speed_mps=rows[:, 4], size_m=size[owner], kind=np.array(kinds, dtype=np.uint8)[owner],
                  dt_s=dt_s)


def _kind(item: Element) -> int:
    return KINDS.index(KIND_OF.get((item.findtext("type") or "").strip(), "obstacle"))


def _id(path: Path, item: Element) -> int:
    try:
        return int(item.get("id", ""))
    except ValueError:
        raise InputError(f"{path}: obstacle id {item.get('id')!r} is not a whole number") from None


def _history(item: Element, where: str) -> list[State]:
    """The states of a dynamic obstacle by time; one that has no trajectory has its initial state alone."""
    states = [child(item, "initialState", where), *item.findall("trajectory/state")]
    return sorted(_state(state, where) for state in states)


def _state(state: Element, where: str, speed_mps: float | None = None) -> State:
    """One state; `speed_mps` stands for a speed that the file need not give."""
    step = round(number(child(state, "time", where), where))
    here = f"{where}, time step {step}"
    position = child(state, "position", here)
    center = points(position, here)
    for shape in ("rectangle", "circle"):
        center = center if len(center) else points(position, here, f"{shape}/center")
    if not len(center):
        raise InputError(f"{here}: <position> has no point")
    speed = number(child(state, "velocity", here), here) if speed_mps is None else speed_mps
    x, y = center.mean(0)
    return step, float(x), float(y), -number(child(state, "orientation", here), here), speed


def _shapes(path: Path, items: list[Element]) -> tuple[np.ndarray, np.ndarray]:
    """Bounding boxes of the obstacles' shapes in their own frame: sizes (A, 2) and centres (A, 2), metres."""
    boxes = []
    for item in items:
        where = f"{path}: obstacle {item.get('id')}"
        shape = child(item, "shape", where)
        outline = np.concatenate([_outline(part, where) for part in shape] or [np.zeros((0, 2))])
        if not len(outline):
            raise InputError(f"{where}: <shape> has no rectangle, circle or polygon")
        boxes.append((np.ptp(outline, axis=0), (outline.max(0) + outline.min(0)) / 2))
    size, center = (np.array(values) for values in zip(*boxes, strict=True))
    return size, center


def _outline(part: Element, where: str) -> np.ndarray:
    """Points whose bounding box is that of one part of a shape; (P, 2)."""
    if part.tag == "polygon":
        return points(part, where)
    found = points(part, where, "center")
    center = found[0] if len(found) else np.zeros(2)
    if part.tag == "circle":
        radius = number(child(part, "radius", where), where)
        return center + radius * np.array([[1.0, 1.0], [-1.0, -1.0]])
    if part.tag == "rectangle":
        size = np.array([number(child(part, name, where), where) for name in ("length", "width")])
        turn = part.find("orientation")
        return corners(center, np.array(-number(turn, where) if turn is not None else 0.0), size)
    return np.zeros((0, 2))


def _planning_problems(path: Path, root: Element) -> list[dict[str, Any]]:
    """Where each planning problem starts, in this package's frame."""
    found = []
    for problem in root.findall("planningProblem"):
        where = f"{path}: planning problem {problem.get('id')}"
        _, x, y, heading, speed = _state(child(problem, "initialState", where), where)
        found.append({"id": problem.get("id"), "position_m": [x, y], "heading_rad": heading,
                      "speed_mps": speed})
    return found
