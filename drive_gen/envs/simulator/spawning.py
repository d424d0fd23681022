"""From a highway-env environment to the Spawn that its resets need."""

from __future__ import annotations

import importlib
from itertools import pairwise
from typing import Any

import numpy as np

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.arrivals import arrive, plan_route
from drive_gen.envs.simulator.recipes import RECIPES, Recipe
from drive_gen.envs.simulator.rules import CLASSES, MOST_SPEED_MPS
from drive_gen.envs.simulator.spawn import LINEAR_PARAMETERS, NO_ROUTE, PLACEMENT, PLAN, Spawn
from drive_gen.envs.simulator.types import (
    CAR,
    IDM,
    LINEAR,
    MDP,
    NOBODY,
    ROUTE_MOST,
    TRAFFIC,
    WORLD,
    Network,
)
from drive_gen.envs.world import LaneKey


def spawning_of(stock: Any, network: Network) -> Spawn:
    """The Spawn of a highway-env environment that has been reset, on `network_of` it."""
    world = stock.unwrapped
    name = check_choice(stock.spec.id.rsplit("-", 1)[0], RECIPES, "environment")
    recipe = RECIPES[name](world.config, world)
    traffic_class = _class_at(recipe.traffic_class or world.config["other_vehicles_type"])
    ego = _template(world.action_type.vehicle_class(world.road, (0.0, 0.0), speed=recipe.ego_speed))
    traffic = _template(traffic_class(world.road, (0.0, 0.0)))
    ego["controlled"] = True
    traffic["timer"] = traffic_class.LANE_CHANGE_DELAY
    for name, value in recipe.traffic.items():
        traffic[name] = value
    leads_out = ["il" in start and "o" in end for start, end in _roads(world)]
    spawn = Spawn(
        plan=_plan(recipe), ego=ego, traffic=traffic, last=np.zeros(0, CAR),
        objects=_objects(world), placements=_placements(recipe, world), behavior=_behavior(traffic_class),
        routes=_routes(world, network, recipe.destinations), chances=np.array(recipe.chances),
        starts=np.array(recipe.starts), exits=np.array(leads_out))
    return _with_fixed_cars(spawn, recipe, world, network)


def _class_at(path: str) -> Any:
    module, _, name = path.rpartition(".")
    if CLASSES.get(name) not in (IDM, LINEAR):
        raise InputError(f"the simulator does not know how {name} drives; set traffic to one of its own, or "
                         "step this world with highway-env itself (--engine reference)")
    return getattr(importlib.import_module(module), name)


def _template(thing: Any) -> np.ndarray:
    """A highway-env vehicle or object without its place, (1,) of CAR."""
    name = type(thing).__name__
    if name not in CLASSES:
        raise InputError(f"the simulator does not know how {name} moves; step this world with highway-env "
                         "itself (--engine reference)")
    values = {
        "kind": CLASSES[name], "driver": TRAFFIC, "length": thing.LENGTH, "width": thing.WIDTH,
        "min_speed": -MOST_SPEED_MPS, "max_speed": MOST_SPEED_MPS, "route_size": NOBODY, "yielding": NOBODY,
        "target_speed": getattr(thing, "target_speed", 0.0), "speed_index": getattr(thing, "speed_index", 0),
        "delta": getattr(thing, "DELTA", 0.0), "changes_lanes": getattr(thing, "enable_lane_change", False),
        "checks": thing.check_collisions, "solid": thing.solid, "has_impact": thing.impact is not None}
    record = np.zeros(1, CAR)
    for field, value in values.items():
        record[field] = value
    if CLASSES[name] == LINEAR:
        record["linear"] = [*thing.ACCELERATION_PARAMETERS, *thing.STEERING_PARAMETERS]
    return record


def _plan(recipe: Recipe) -> Any:
    record = np.zeros(1, PLAN)
    for field, value in recipe.plan.items():
        record[field] = value
    return record[0]


def _behavior(traffic_class: Any) -> np.ndarray:
    """Least values and spans of what randomize_behavior draws, (2, 6)."""
    ranges = np.zeros((2, LINEAR_PARAMETERS + 1))
    if CLASSES[traffic_class.__name__] == LINEAR:
        ranges[:, :3], ranges[:, 3:5] = traffic_class.ACCELERATION_RANGE, traffic_class.STEERING_RANGE
    ranges[:, LINEAR_PARAMETERS] = traffic_class.DELTA_RANGE
    return np.stack((ranges[0], ranges[1] - ranges[0]))


def _roads(world: Any) -> list[tuple[str, str]]:
    return [(start, end) for start, ends in world.road.network.graph.items() for end in ends]


def _routes(world: Any, network: Network, destinations: tuple[str, ...]) -> np.ndarray:
    """Roads from each node to each destination as highway-env plans them, (D, N, ROUTE_MOST) int16."""
    number = {road: place for place, road in enumerate(_roads(world))}
    node = {name: way[end] for road, way in zip(number, network.ways, strict=True)
            for name, end in zip(road, ("start", "end"), strict=True)}
    table = np.full((len(destinations), len(node), ROUTE_MOST), NOBODY, np.int16)
    for place, destination in enumerate(destinations):
        for name, row in node.items():
            try:
                path = world.road.network.shortest_path(name, destination)
            except KeyError:
                path = []
            if len(path) > ROUTE_MOST:
                raise InputError(f"the simulator's routes have up to {ROUTE_MOST} roads, the one from {name} "
                                 f"to {destination} has {len(path)}")
            table[place, row, : max(len(path) - 1, 0)] = [number[road] for road in pairwise(path)]
    return table


def _placements(recipe: Recipe, world: Any) -> np.ndarray:
    """(P,) of PLACEMENT."""
    lanes = {key: number for number, key in enumerate(world.road.network.lanes_dict())}
    rows = np.zeros(len(recipe.placements), PLACEMENT)
    for row, placement in zip(rows, recipe.placements, strict=True):
        values = {"destination": NO_ROUTE, "target_lane": NOBODY, **placement}
        for field, value in values.items():
            row[field] = lanes[value] if isinstance(value, tuple) else value
    return rows


def _objects(world: Any) -> np.ndarray:
    """The road's obstacles as they are after a reset, (O,) of CAR."""
    records = [_template(thing) for thing in world.road.objects]
    lanes = list(world.road.network.lanes_dict())
    for record, thing in zip(records, world.road.objects, strict=True):
        record["x"], record["y"] = thing.position
        record["heading"], record["cosine"], record["sine"] = 0.0, 1.0, 0.0
        record["lane"] = record["target_lane"] = lanes.index(thing.lane_index)
    return np.concatenate([np.zeros(0, CAR), *records])


def _with_fixed_cars(spawn: Spawn, recipe: Recipe, world: Any, network: Network) -> Spawn:
    """The Spawn with the ego and the last car where every world has them."""
    lanes = list(world.road.network.lanes_dict())

    def fixed(template: np.ndarray, key: LaneKey, along: float, speed: float) -> np.ndarray:
        cars = np.zeros(1, CAR)
        arrive(cars, np.zeros(1, WORLD)[0], network, template, lanes.index(key), along, speed)
        return cars

    last, ego = spawn.last, spawn.ego
    if recipe.last is not None:
        last = fixed(spawn.traffic, *recipe.last)
        last["target_speed"] = recipe.last_target_speed
    if recipe.ego is not None:
        ego = fixed(spawn.ego, *recipe.ego, recipe.ego_speed)
        if recipe.ego_destination is not None and ego["kind"] == MDP:
            plan_route(ego[0], network, spawn, recipe.destinations.index(recipe.ego_destination))
    return spawn._replace(ego=ego, last=last)
