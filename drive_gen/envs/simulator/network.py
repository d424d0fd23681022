"""A road network of highway-env as a Network of records."""

from __future__ import annotations

from typing import Any

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.types import CIRCULAR, LANE, NOBODY, SINE, STRAIGHT, WAY, Network

KINDS = {"StraightLane": STRAIGHT, "SineLane": SINE, "CircularLane": CIRCULAR}


def network_of(stock: Any) -> Network:
    """The network of a highway-env environment that has been reset."""
    graph = stock.unwrapped.road.network.graph
    names = list(dict.fromkeys([*graph, *(end for ends in graph.values() for end in ends)]))
    node = {name: place for place, name in enumerate(names)}
    roads = [(start, end, lanes) for start, ends in graph.items() for end, lanes in ends.items()]
    ways = np.zeros(len(roads), WAY)
    rows: list[np.ndarray] = []
    for number, (start, end, lanes) in enumerate(roads):
        ways[number] = (len(rows), len(lanes), node[start], node[end])
        rows += [_lane_of(lane, number, place) for place, lane in enumerate(lanes)]
    out_of = [[number for number, way in enumerate(ways) if way["start"] == place]
              for place in range(len(names))]
    into = [[number for number, way in enumerate(ways) if way["end"] == place] for place in range(len(names))]
    lanes = np.concatenate(rows)
    return Network(lanes, ways, table(out_of), table(into), _is_parallel(lanes, ways))


def _lane_of(lane: Any, road: int, place: int) -> np.ndarray:
    """One lane's record, (1,)."""
    name = type(lane).__name__
    if name not in KINDS:
        raise InputError(f"the simulator knows {', '.join(KINDS)}, this road has a {name}; "
                         "step it with highway-env itself (--engine reference)")
    record = np.zeros(1, LANE)
    values = {"kind": KINDS[name], "road": road, "place": place, "length": lane.length, "width": lane.width,
              "forbidden": lane.forbidden, "priority": lane.priority,
              "speed_limit": np.inf if lane.speed_limit is None else lane.speed_limit}
    if name == "CircularLane":
        values |= {"radius": lane.radius, "start_phase": lane.start_phase, "turn": lane.direction}
        values["centre_x"], values["centre_y"] = lane.center
    else:
        values["start_x"], values["start_y"] = lane.start
        values["along_x"], values["along_y"] = lane.direction
        values["aside_x"], values["aside_y"] = lane.direction_lateral
        values["heading"] = lane.heading
    if name == "SineLane":
        values |= {"amplitude": lane.amplitude, "pulsation": lane.pulsation, "phase": lane.phase}
    for field, value in values.items():
        record[field] = value
    return record


def table(rows: list[list[int]]) -> np.ndarray:
    """Rows of different lengths as one array, NOBODY at their ends."""
    table = np.full((len(rows), max(1, *map(len, rows))), NOBODY, np.int64)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table


def _is_parallel(lanes: np.ndarray, ways: np.ndarray) -> bool:
    """Whether it is a highway: one road of straight lanes side by side, alike, from x = 0 along +x."""
    first = lanes[0]
    return len(ways) == 1 and all(
        lane["kind"] == STRAIGHT and not lane["forbidden"] and lane["heading"] == 0
        and (lane["start_x"], lane["start_y"]) == (0, number * first["width"])
        and all(lane[name] == first[name] for name in ("length", "width", "speed_limit"))
        for number, lane in enumerate(lanes))
