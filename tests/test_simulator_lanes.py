"""Lane geometry against highway-env's own lanes."""

from typing import Any

import numpy as np
import pytest

from drive_gen.envs.reference import EnvConfig, make_stock
from drive_gen.envs.simulator import lanes
from drive_gen.envs.simulator.network import network_of
from drive_gen.envs.simulator.types import NOBODY, Network

ENVS = ["highway-v0", "merge-v0", "roundabout-v0", "exit-v0", "two-way-v0", "u-turn-v0", "intersection-v0"]
TOLERANCE_M = 1e-9  # numpy's arctan2 and sin may round otherwise than the C library's


def world(env: str) -> tuple[Any, Network]:
    stock = make_stock(EnvConfig(env=env))
    stock.reset(seed=0)
    return stock.unwrapped.road.network, network_of(stock)


@pytest.mark.parametrize("env", ENVS)
def test_lanes_are_highway_envs(env: str) -> None:
    theirs, network = world(env)
    draw = np.random.default_rng(1)
    keys = list(theirs.lanes_dict())
    for number, lane in enumerate(theirs.lanes_list()):
        ours = network.lanes[number]
        for along, aside in draw.uniform((-20, -8), (lane.length + 20, 8), (20, 2)):
            x, y = lanes.position(ours, along, aside)
            assert np.allclose((x, y), lane.position(along, aside), rtol=0, atol=TOLERANCE_M)
            where = np.array([x, y])
            assert np.allclose(lanes.coordinates(ours, x, y), lane.local_coordinates(where), rtol=0,
                               atol=TOLERANCE_M)
            assert lanes.heading_at(ours, along) == pytest.approx(lane.heading_at(along), abs=TOLERANCE_M)
            s, d = lane.local_coordinates(where)
            assert lanes.on_lane(ours, s, d, 1.0) == lane.on_lane(where, margin=1)
            assert lanes.reachable(ours, x, y) == lane.is_reachable_from(where)
            assert lanes.after_end(ours, x, y) == lane.after_end(where)
            heading = draw.uniform(-4, 4)
            assert keys[lanes.closest_lane(network, x, y, heading)] == theirs.get_closest_lane_index(
                where, heading)


@pytest.mark.parametrize("env", ENVS)
def test_roads_join_as_in_the_graph(env: str) -> None:
    theirs, network = world(env)
    roads = [(start, end) for start, ends in theirs.graph.items() for end in ends]
    for number, (start, end) in enumerate(roads):
        way = network.ways[number]
        assert way["lanes"] == len(theirs.graph[start][end])
        leaving = [road for road in network.out_of[way["end"]] if road != NOBODY]
        assert [roads[road] for road in leaving] == [(end, after) for after in theirs.graph.get(end, {})]
        arriving = [road for road in network.into[way["start"]] if road != NOBODY]
        assert [roads[road] for road in arriving] == [
            (before, start) for before, ends in theirs.graph.items() if start in ends]
    assert network.parallel == (env == "highway-v0")
