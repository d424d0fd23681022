"""Any Road as a Network: polyline lanes as rows of straight ones, lanes side by side as one road."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.road import Lane, Road
from drive_gen.envs.simulator.network import table
from drive_gen.envs.simulator.types import LANE, STRAIGHT, WAY, Network


def network_of_road(road: Road) -> Network:
    """The network of a road of centre lines.

    Lanes that name each other as left and right make one road; where their centre lines have several pieces,
    one road a piece, cut at equal shares of each lane's length unless all have equally many points. Successors
    join a road's end to the beginning of the next.
    """
    bundles = _bundles(road)
    owner = {lane: number for number, bundle in enumerate(bundles) for lane in bundle}
    nodes = _Nodes()
    ways: list[tuple[int, int, int, int]] = []
    rows: list[np.ndarray] = []
    for number, bundle in enumerate(bundles):
        for lane in bundle:
            for successor in road.lanes[lane].successors:
                nodes.join((number, "end"), (owner[successor], "start"))
    for number, bundle in enumerate(bundles):
        lines = _cut([road.lanes[lane] for lane in bundle])
        pieces = lines.shape[1] - 1
        for piece in range(pieces):
            start = (number, "start") if piece == 0 else (number, str(piece))
            end = (number, "end") if piece == pieces - 1 else (number, str(piece + 1))
            ways.append((len(rows), len(bundle), nodes.number(start), nodes.number(end)))
            rows += [_record(road.lanes[lane], lines[place, piece : piece + 2], len(ways) - 1, place)
                     for place, lane in enumerate(bundle)]
    joined = np.array(ways, WAY)
    out_of, into = ([[way for way, joint in enumerate(ways) if joint[column] == node]
                     for node in range(nodes.count)] for column in (2, 3))
    return Network(np.concatenate(rows), joined, table(out_of), table(into), False)


def _bundles(road: Road) -> list[list[int]]:
    """Lanes side by side, each bundle from left to right, in the order of their first lanes."""
    bundles, seen = [], set()
    for lane in range(len(road.lanes)):
        if lane in seen:
            continue
        bundle = [lane]
        for side in ("left", "right"):
            while True:
                edge = bundle[0] if side == "left" else bundle[-1]
                beside = getattr(road.lanes[edge], side)
                if beside is None or beside in bundle or beside in seen:
                    break
                bundle.insert(0 if side == "left" else len(bundle), beside)
        seen.update(bundle)
        bundles.append(bundle)
    return bundles


def _cut(lanes: list[Lane]) -> np.ndarray:
    """The lanes' centre lines with as many points each, (L, P, 2)."""
    points = max(len(lane.center_m) for lane in lanes)
    return np.stack([lane.center_m if len(lane.center_m) == points
                     else lane.position_at(np.linspace(0, lane.length_m, points)) for lane in lanes])


def _record(lane: Lane, ends: np.ndarray, road: int, place: int) -> np.ndarray:
    """One straight piece, (1,) of LANE."""
    record = np.zeros(1, LANE)
    length = float(np.hypot(*(ends[1] - ends[0])))
    along_x, along_y = (ends[1] - ends[0]) / length
    values = {"kind": STRAIGHT, "road": road, "place": place, "length": length, "width": lane.width_m,
              "speed_limit": lane.speed_limit_mps, "heading": np.arctan2(along_y, along_x),
              "start_x": ends[0, 0], "start_y": ends[0, 1], "along_x": along_x, "along_y": along_y,
              "aside_x": -along_y, "aside_y": along_x}
    for name, value in values.items():
        record[name] = value
    return record


class _Nodes:
    """Numbers of places where roads begin and end, some of which are the same place."""

    def __init__(self) -> None:
        self._same: dict[tuple[int, str], tuple[int, str]] = {}
        self._numbers: dict[tuple[int, str], int] = {}

    @property
    def count(self) -> int:
        return len(self._numbers)

    def join(self, one: tuple[int, str], other: tuple[int, str]) -> None:
        self._same[self._root(one)] = self._root(other)

    def number(self, place: tuple[int, str]) -> int:
        return self._numbers.setdefault(self._root(place), len(self._numbers))

    def _root(self, place: tuple[int, str]) -> tuple[int, str]:
        while self._same.get(place, place) != place:
            place = self._same[place]
        return place
