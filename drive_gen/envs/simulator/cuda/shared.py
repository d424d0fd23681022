"""What all worlds share, on the device: a Place without bare records, which each launch would copy there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.simulator.place import Place
from drive_gen.envs.simulator.cuda.device import DeviceArray, to_device
from drive_gen.envs.simulator.lines import Lines
from drive_gen.envs.simulator.types import Network


class Templates(NamedTuple):
    """A Spawn's arrays; its fields but for the plan, in its order."""

    ego: DeviceArray  # (1,) of CAR
    traffic: DeviceArray  # (1,) of CAR
    last: DeviceArray  # (0 or 1,) of CAR
    objects: DeviceArray  # (O,) of CAR
    placements: DeviceArray  # (P,) of PLACEMENT
    behavior: DeviceArray  # (2, 6)
    routes: DeviceArray  # (D, N, ROUTE_MOST) int16
    chances: DeviceArray  # (L,)
    starts: DeviceArray  # (S,)
    exits: DeviceArray  # (R,) bool


class Shared(NamedTuple):
    """A Place on the device, records as arrays of one."""

    network: Network
    rules: DeviceArray  # (1,) of RULES
    goals: DeviceArray  # (1,) of GOALS
    plan: DeviceArray  # (1,) of PLAN
    templates: Templates
    lines: Lines
    idm_ego: bool


def shared_of(place: Place) -> Shared:
    """Put a Place on the device."""
    spawn, network = place.spawn, place.network
    roads = Network(to_device(network.lanes), to_device(network.ways), to_device(network.out_of),
                    to_device(network.into), bool(network.parallel))
    templates = Templates(*(to_device(getattr(spawn, name)) for name in Templates._fields))
    return Shared(roads, _one(place.rules), _one(place.goals), _one(spawn.plan), templates,
                  Lines(*map(to_device, place.lines)), bool(place.idm_ego))


def _one(record: object) -> DeviceArray:
    """A record as an array of one."""
    return to_device(np.array([record], np.asarray(record).dtype))
