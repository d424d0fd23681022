"""highway-env behind typed data: the one file that imports it.

`make_stock` builds an environment from an EnvConfig, `export_road` its lanes, and `export_state` and
`import_state` carry a world out and back in without losing a bit.
"""

from __future__ import annotations

import functools
import platform
import warnings
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

import gymnasium
import highway_env  # noqa: F401  (registers its environments)
import numpy as np
from gymnasium.envs.registration import load_env_creator
from highway_env.road.lane import StraightLane
from highway_env.vehicle.behavior import AggressiveVehicle, DefensiveVehicle, IDMVehicle, LinearVehicle
from highway_env.vehicle.controller import ControlledVehicle, MDPVehicle
from highway_env.vehicle.kinematics import Vehicle
from highway_env.vehicle.objects import Landmark, Obstacle

from drive_gen import __version__
from drive_gen.envs.files import InputError, hash_of
from drive_gen.envs.recorder import Recorder
from drive_gen.envs.road import Lane, Road
from drive_gen.envs.world import EnvConfig, IdmConstants, LaneKey, RouteStep, WorldState, differences

__all__ = ["EnvConfig", "IdmEgo", "Recorder", "WorldState", "config_hash", "differences", "export_road",
           "export_state", "import_state", "make_stock", "replace_ego", "resolved", "versions"]

CURVE_STEP_M = 1.0  # between the points of a curved lane; sagitta 14 mm on the tightest turn (9 m)
IDM_EGO_TARGET_MPS = 30.0


# intersection-v0 sets DISTANCE_WANTED, COMFORT_ACC_MAX and COMFORT_ACC_MIN on the class of its traffic, for
# the whole process. Given classes of its own, it changes those and leaves all other traffic alone.
class IntersectionIdm(IDMVehicle):  # type: ignore[misc]
    """IDMVehicle with the intersection's parameters."""


class IntersectionAggressive(AggressiveVehicle):  # type: ignore[misc]
    """AggressiveVehicle with the intersection's parameters."""


class IntersectionDefensive(DefensiveVehicle):  # type: ignore[misc]
    """DefensiveVehicle with the intersection's parameters."""


class IntersectionLinear(LinearVehicle):  # type: ignore[misc]
    """LinearVehicle with the intersection's parameters."""


class IdmEgo(IDMVehicle):  # type: ignore[misc]
    """highway-env's IDM and MOBIL as the ego, with the grid of speeds that some rewards read."""

    target_speeds = MDPVehicle.DEFAULT_TARGET_SPEEDS
    speed_to_index, index_to_speed = MDPVehicle.speed_to_index, MDPVehicle.index_to_speed

    @property
    def speed_index(self) -> int:
        """Place of the target speed that is nearest to the present one."""
        return int(self.speed_to_index(self.speed))


_TRAFFIC: dict[str, tuple[type, type]] = {"idm": (IDMVehicle, IntersectionIdm),
                                          "aggressive": (AggressiveVehicle, IntersectionAggressive),
                                          "defensive": (DefensiveVehicle, IntersectionDefensive),
                                          "linear": (LinearVehicle, IntersectionLinear)}
_CLASSES: dict[str, type] = {kind.__name__: kind for kind in
                             (Vehicle, ControlledVehicle, MDPVehicle, IdmEgo, Obstacle, Landmark,
                              *(kind for pair in _TRAFFIC.values() for kind in pair))}


def make_stock(config: EnvConfig, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    """highway-env's own environment with the config applied; IDMVehicle's class stays as it is."""
    resolved(config)  # refuses what highway-env would take in silence
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is out of date")  # -v0 ids are asked for on purpose
        return gymnasium.make(config.env, config=_overrides(config), render_mode=render_mode,
                              disable_env_checker=True)


def resolved(config: EnvConfig) -> dict[str, Any]:
    """highway-env's full config dict for an EnvConfig, defaults included."""
    values = {**_defaults(config), **_overrides(config)}
    hertz, policy_hz = values["simulation_frequency"], values["policy_frequency"]
    if hertz < policy_hz or hertz % policy_hz:
        raise InputError(f"{config.env}: simulation_hz {hertz} is not a multiple of policy_hz {policy_hz}")
    return values


def config_hash(config: EnvConfig) -> str:
    """Hash of the environment's id and its full config: equal worlds, equal hashes."""
    return hash_of({"env": config.env, **resolved(config)})


@functools.cache
def versions() -> dict[str, str]:
    """What a simulated episode depends on."""
    return {"drive_gen": __version__, "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("highway-env", "gymnasium", "numpy")}}


def _overrides(config: EnvConfig) -> dict[str, Any]:
    values = config.to_highway_env()
    plain, guarded = _TRAFFIC[config.traffic or "idm"]
    if config.family == "intersection":
        values["other_vehicles_type"] = f"{__name__}.{guarded.__name__}"
    elif config.traffic is not None:
        values["other_vehicles_type"] = f"{plain.__module__}.{plain.__name__}"
    if (config.controlled or 1) > 1:  # else actions would reach the first car only
        own = {**_defaults(config), **values}
        values["action"] = {"type": "MultiAgentAction", "action_config": own["action"]}
        values["observation"] = {"type": "MultiAgentObservation", "observation_config": own["observation"]}
    return values


def _defaults(config: EnvConfig) -> dict[str, Any]:
    """highway-env's config dict where nothing is overridden."""
    entry_point = gymnasium.spec(config.env).entry_point
    kind: Any = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    return dict(kind.default_config())


def replace_ego(stock: gymnasium.Env[Any, Any]) -> None:
    """Hand the ego of a freshly reset world to IDM and MOBIL, with a target speed of 30 m/s."""
    world: Any = stock.unwrapped
    old, traffic = world.vehicle, _traffic_class(world)
    ego = IdmEgo.create_from(old)
    ego.target_speed = IDM_EGO_TARGET_MPS
    ego.target_speeds = getattr(old, "target_speeds", IdmEgo.target_speeds)
    for name in ("DISTANCE_WANTED", "COMFORT_ACC_MAX", "COMFORT_ACC_MIN"):  # as the traffic there has them
        setattr(ego, name, getattr(traffic, name))
    world.road.vehicles[world.road.vehicles.index(old)] = ego
    world.controlled_vehicles[0] = ego


def export_road(stock: gymnasium.Env[Any, Any]) -> Road:
    """The road as polyline lanes, in highway-env's own order.

    Straight lanes have exactly two points. Neighbours are the lanes that LANE_LEFT and LANE_RIGHT lead to,
    so a forbidden lane is nobody's neighbour; successors are what `next_lane` may choose.
    """
    network: Any = stock.unwrapped.road.network  # type: ignore[attr-defined]
    keys = _lane_keys(network)
    number = {key: place for place, key in enumerate(keys)}

    def beside(key: LaneKey, step: int) -> int | None:
        other = number.get((key[0], key[1], key[2] + step))
        return None if other is None or network.get_lane(keys[other]).forbidden else other

    lanes = []
    for key in keys:
        lane = network.get_lane(key)
        limit = np.inf if lane.speed_limit is None else float(lane.speed_limit)
        lanes.append(Lane(center_m=_center_line(lane), width_m=float(lane.width_at(0)), speed_limit_mps=limit,
                          left=beside(key, -1), right=beside(key, 1),
                          successors=tuple(number[after] for after in _successors(network, key))))
    return Road(tuple(lanes))


def _lane_keys(network: Any) -> tuple[LaneKey, ...]:
    return tuple(network.lanes_dict())


def _center_line(lane: Any) -> np.ndarray:
    """Points of a lane's centre, (P, 2): the two ends of a straight one, a point a metre of a curved one."""
    if type(lane) is StraightLane:
        return np.array([lane.start, lane.end], dtype=np.float64)
    pieces = max(int(np.ceil(lane.length / CURVE_STEP_M)), 1)
    return np.array([lane.position(along, 0) for along in np.linspace(0, lane.length, pieces + 1)])


def _successors(network: Any, key: LaneKey) -> list[LaneKey]:
    lane = network.get_lane(key)
    end, heading = lane.position(lane.length, 0), lane.heading_at(lane.length)
    found = []
    for node in network.graph.get(key[1], {}):
        after = (key[1], node, int(network.next_lane_given_next_road(*key, node, None, end)[0]))
        following = network.get_lane(after)
        # A two-way road's network is a loop; nobody turns round on the spot at its end.
        near = np.hypot(*(following.position(0, 0) - end)) < 2 * lane.width_at(0)
        if near and np.cos(following.heading_at(0) - heading) > 0:
            found.append(after)
    return found


def export_state(stock: gymnasium.Env[Any, Any]) -> WorldState:
    """Everything the world holds now, as arrays; `import_state` puts it back."""
    world: Any = stock.unwrapped
    road, network = world.road, world.road.network
    things, keys = [*road.vehicles, *road.objects], _lane_keys(network)
    number = {key: place for place, key in enumerate(keys)}
    columns: dict[str, Any] = {name: np.array([read(thing) for thing in things], dtype=dtype)
                               .reshape(len(things), *shape)
                               for name, (read, dtype, shape) in _COLUMNS.items()}
    targets = [getattr(thing, "target_lane_index", thing.lane_index) for thing in things]
    lanes, lane_width, road_length, speed_limit = _straight_highway(network)
    return WorldState(
        **columns, classes=tuple(type(thing).__name__ for thing in things), vehicles=len(road.vehicles),
        lane=np.array([number[tuple(thing.lane_index)] for thing in things], dtype=np.int64),
        target_lane=np.array([number[tuple(target)] for target in targets], dtype=np.int64),
        controlled=np.array([thing in world.controlled_vehicles for thing in things], dtype=bool),
        routes=tuple(_route_of(thing) for thing in things), lane_keys=keys,
        target_speeds=np.array(getattr(world.vehicle, "target_speeds", ()), dtype=float),
        time=float(world.time), steps=int(world.steps), done=bool(world.done),
        road_steps=int(getattr(road, "steps", 0)), rng=world.np_random.bit_generator.state,
        idm=_idm_constants(_traffic_class(world)), lanes=lanes, lane_width=lane_width,
        road_length=road_length, speed_limit=speed_limit)


def import_state(stock: gymnasium.Env[Any, Any], state: WorldState) -> None:
    """Put a world into an environment of the same config; it goes on as the one it was taken from."""
    world: Any = stock.unwrapped
    keys = _lane_keys(world.road.network)
    if keys != state.lane_keys:
        raise InputError(f"the state's road has lanes {state.lane_keys}, the environment's {keys}; "
                         "import it into an environment of the same config")
    world.np_random.bit_generator.state = state.rng
    things = [_build(world, state, place) for place in range(len(state.classes))]
    world.road.vehicles, world.road.objects = things[: state.vehicles], things[state.vehicles :]
    world.controlled_vehicles = [thing for thing, own in zip(things, state.controlled, strict=True) if own]
    # Several agents' actions and observations each hold on to a vehicle.
    for kind, vehicle in zip(getattr(world.action_type, "agents_action_types", ()), world.controlled_vehicles,
                             strict=False):
        kind.controlled_vehicle = vehicle
    for seen, vehicle in zip(getattr(world.observation_type, "agents_observation_types", ()),
                             world.controlled_vehicles, strict=False):
        seen.observer_vehicle = vehicle
    world.time, world.steps, world.done = state.time, state.steps, state.done
    if hasattr(world.road, "steps"):
        world.road.steps = state.road_steps
    decisions = state.steps // int(world.config["simulation_frequency"] // world.config["policy_frequency"])
    layer: Any = stock
    while layer is not world:
        if hasattr(layer, "_elapsed_steps"):  # TimeLimit, by which two-way-v0 ends
            layer._elapsed_steps = decisions
        layer = layer.env


def _build(world: Any, state: WorldState, place: int) -> Any:
    """One vehicle or object of a state, on the world's road."""
    kind: Any = _CLASSES[state.classes[place]]
    thing: Any = kind(world.road, state.position[place], float(state.heading[place]),
                      float(state.speed[place]))
    thing.lane_index = state.lane_keys[state.lane[place]]
    thing.lane = world.road.network.get_lane(thing.lane_index)
    for name in ("crashed", "hit", "check_collisions", "solid"):
        setattr(thing, name, bool(getattr(state, name)[place]))
    thing.impact = state.impact[place].copy() if state.has_impact[place] else None
    size = float(state.length[place]), float(state.width[place])
    if size != (thing.LENGTH, thing.WIDTH):
        thing.LENGTH, thing.WIDTH = size
        thing.diagonal = np.sqrt(thing.LENGTH**2 + thing.WIDTH**2)
    if isinstance(thing, Vehicle):
        acceleration, steering = state.action[place].tolist()
        thing.action = {"acceleration": acceleration, "steering": steering}
    if isinstance(thing, ControlledVehicle):
        thing.target_lane_index = state.lane_keys[state.target_lane[place]]
        thing.target_speed = float(state.target_speed[place])
        route = state.routes[place]
        thing.route = None if route is None else list(route)
        _restore_driver(world, thing, state, place)
    return thing


def _restore_driver(world: Any, thing: Any, state: WorldState, place: int) -> None:
    """What MDPVehicle, IDMVehicle and LinearVehicle hold beyond a controlled vehicle."""
    if isinstance(thing, MDPVehicle | IdmEgo):
        thing.target_speeds = state.target_speeds.copy()
    if isinstance(thing, MDPVehicle):
        thing.speed_index = int(state.speed_index[place])
    if isinstance(thing, IDMVehicle):
        thing.timer, thing.DELTA = float(state.timer[place]), float(state.delta[place])
        thing.enable_lane_change = bool(state.enable_lane_change[place])
    if isinstance(thing, IdmEgo):
        thing.DISTANCE_WANTED = state.idm.distance_wanted
        thing.COMFORT_ACC_MAX, thing.COMFORT_ACC_MIN = state.idm.comfort_acc_max, state.idm.comfort_acc_min
    if isinstance(thing, LinearVehicle):
        thing.ACCELERATION_PARAMETERS = state.linear[place, :3].copy()
        thing.STEERING_PARAMETERS = state.linear[place, 3:].copy()
    if state.yielding[place] >= 0:
        thing.is_yielding, thing.yield_timer = True, int(state.yielding[place])
        thing.color = world.road.YIELDING_COLOR  # the road deletes it when the vehicle may go on


def _route_of(thing: Any) -> tuple[RouteStep, ...] | None:
    route = getattr(thing, "route", None)
    if route is None:
        return None
    return tuple((str(start), str(end), None if lane is None else int(lane)) for start, end, lane in route)


def _action_of(thing: Any) -> Sequence[float]:
    action = getattr(thing, "action", None) or {"acceleration": 0.0, "steering": 0.0}
    return action["acceleration"], action["steering"]


def _linear_of(thing: Any) -> Sequence[float]:
    if not isinstance(thing, LinearVehicle):
        return (np.nan,) * 5
    return (*thing.ACCELERATION_PARAMETERS, *thing.STEERING_PARAMETERS)


def _yielding_of(thing: Any) -> int:
    return thing.yield_timer if getattr(thing, "is_yielding", False) else -1


# WorldState's columns: how one thing's entry is read, the column's type, and the shape of an entry.
_COLUMNS: dict[str, tuple[Callable[[Any], Any], type, tuple[int, ...]]] = {
    "position": (lambda thing: thing.position, float, (2,)),
    "heading": (lambda thing: thing.heading, float, ()),
    "speed": (lambda thing: thing.speed, float, ()),
    "target_speed": (lambda thing: getattr(thing, "target_speed", np.nan), float, ()),
    "speed_index": (lambda thing: getattr(thing, "speed_index", -1), np.int64, ()),
    "timer": (lambda thing: getattr(thing, "timer", np.nan), float, ()),
    "delta": (lambda thing: getattr(thing, "DELTA", np.nan), float, ()),
    "crashed": (lambda thing: thing.crashed, bool, ()),
    "hit": (lambda thing: thing.hit, bool, ()),
    "impact": (lambda thing: np.zeros(2) if thing.impact is None else thing.impact, float, (2,)),
    "has_impact": (lambda thing: thing.impact is not None, bool, ()),
    "action": (_action_of, float, (2,)),
    "length": (lambda thing: thing.LENGTH, float, ()),
    "width": (lambda thing: thing.WIDTH, float, ()),
    "check_collisions": (lambda thing: thing.check_collisions, bool, ()),
    "solid": (lambda thing: thing.solid, bool, ()),
    "enable_lane_change": (lambda thing: getattr(thing, "enable_lane_change", False), bool, ()),
    "yielding": (_yielding_of, np.int64, ()),
    "linear": (_linear_of, float, (5,)),
}


def _traffic_class(world: Any) -> Any:
    path = world.config["other_vehicles_type"]
    return _CLASSES[path.rsplit(".", 1)[1]]


def _idm_constants(kind: Any) -> IdmConstants:
    return IdmConstants(
        acc_max=kind.ACC_MAX, comfort_acc_max=kind.COMFORT_ACC_MAX, comfort_acc_min=kind.COMFORT_ACC_MIN,
        distance_wanted=kind.DISTANCE_WANTED, time_wanted=kind.TIME_WANTED, politeness=kind.POLITENESS,
        lane_change_min_acc_gain=kind.LANE_CHANGE_MIN_ACC_GAIN,
        lane_change_max_braking_imposed=kind.LANE_CHANGE_MAX_BRAKING_IMPOSED,
        lane_change_delay=kind.LANE_CHANGE_DELAY)


def _straight_highway(network: Any) -> tuple[int, float, float, float]:
    """Lanes, lane width, length and limit of a highway along +x from the origin; zeros for any other road."""
    lanes = network.lanes_list()
    width = lanes[0].width_at(0)
    same = (len({(a, b) for a, b, _ in network.lanes_dict()}) == 1
            and all(type(lane) is StraightLane and not lane.forbidden and lane.heading == 0
                    and (lane.start == (0, number * width)).all()
                    and (lane.length, lane.speed_limit) == (lanes[0].length, lanes[0].speed_limit)
                    for number, lane in enumerate(lanes)))
    if not same:
        return 0, 0.0, 0.0, 0.0
    return len(lanes), float(width), float(lanes[0].length), float(lanes[0].speed_limit)
