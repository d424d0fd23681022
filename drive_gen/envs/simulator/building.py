"""What all worlds of a configuration share, built from one highway-env environment of it."""

from __future__ import annotations

import sys
from functools import cache
from multiprocessing import parent_process
from typing import Any

import numpy as np

from drive_gen.envs.episode import META_ACTIONS
from drive_gen.envs.road import Road
from drive_gen.envs.simulator.goals import goals_of
from drive_gen.envs.simulator.jit import is_compiled
from drive_gen.envs.simulator.lines import lines_of
from drive_gen.envs.simulator.logs import no_logs
from drive_gen.envs.simulator.network import network_of
from drive_gen.envs.simulator.place import Place
from drive_gen.envs.simulator.rules import rules_of
from drive_gen.envs.simulator.spawning import spawning_of
from drive_gen.envs.simulator.types import FASTER, IDLE, LEFT, NOBODY, RIGHT, SLOWER
from drive_gen.envs.vector import LONGEST_S
from drive_gen.envs.world import EnvConfig, WorldState


@cache
def _say_compiling() -> None:
    """Once, and not by every worker process as well."""
    if not is_compiled() and parent_process() is None:
        print("compiling the simulator, once: a minute or two", file=sys.stderr)


def built(config: EnvConfig, ego: str) -> tuple[dict[str, Any], Road, WorldState, Place]:
    """highway-env's full config, the road, a state of the kind, and what the worlds share."""
    from drive_gen.envs.reference import export_road, export_state, make_stock, resolved

    _say_compiling()
    settings, stock = resolved(config), make_stock(config)
    stock.reset(seed=0)
    state, road, network = export_state(stock), export_road(stock), network_of(stock)
    spawn = spawning_of(stock, network)
    for templates in (spawn.ego, spawn.traffic, spawn.last, spawn.objects):
        templates["number"] = NOBODY
    goals = goals_of(config.env, settings, state.lane_keys)
    if np.isinf(goals.duration_s) and not goals.most_steps:
        goals.duration_s = LONGEST_S  # as DriveEnv: whoever stands still there would do so for ever
    stock.close()
    place = Place(network, rules_of(state, settings), goals, spawn, lines_of(road), ego == "idm",
                  no_logs())
    return settings, road, state, place


def longest(place: Place) -> int:
    """Decisions in the longest episode."""
    if place.goals.most_steps:
        return int(place.goals.most_steps)
    return int(np.ceil(place.goals.duration_s / place.rules.policy_s - 1e-9)) + 1


def known_actions(settings: dict[str, Any]) -> np.ndarray:
    """What each meta-action means here, (5,): those that an environment lacks are IDLE, as in DriveEnv."""
    action = settings["action"].get("action_config", settings["action"])
    known = np.arange(len(META_ACTIONS))
    if not action.get("longitudinal", True):
        known[FASTER : SLOWER + 1] = IDLE
    if not action.get("lateral", True):
        known[[LEFT, RIGHT]] = IDLE
    return known
