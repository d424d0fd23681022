"""All worlds' resets, policy steps and observations: compiled loops over worlds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from drive_gen.envs.observe import NEIGHBOURS
from drive_gen.envs.simulator.control import nearest_index
from drive_gen.envs.simulator.frame import simulate_frame
from drive_gen.envs.simulator.goals import Goals
from drive_gen.envs.simulator.intersection import after_step
from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.lines import Lines
from drive_gen.envs.simulator.nearest import Near
from drive_gen.envs.simulator.observe_own import observe_own
from drive_gen.envs.simulator.order import Scratch, scratch_of
from drive_gen.envs.simulator.outcome import agent_outcome, outcome, truncated
from drive_gen.envs.simulator.reset import reset_world
from drive_gen.envs.simulator.rewards import on_road
from drive_gen.envs.simulator.spawn import Spawn
from drive_gen.envs.simulator.step import decide
from drive_gen.envs.simulator.tape import Tape, keep_commands, keep_states, rewind, wipe
from drive_gen.envs.simulator.types import (
    EGO,
    IDM,
    MDP,
    NOBODY,
    VEHICLE,
    Car,
    Cars,
    Clock,
    Network,
    Rules,
)

IDM_EGO_TARGET_MPS, IDM_EGO_DELTA = 30.0, 4.0  # as reference.replace_ego makes it


class Place(NamedTuple):
    """What all worlds of a simulator share."""

    network: Network
    rules: Rules
    goals: Goals
    spawn: Spawn
    lines: Lines  # the road as drive_gen's own observation sees it
    idm_ego: bool  # IDM and MOBIL drive the ego


class Results(NamedTuple):
    """What a policy step came to, an entry a world (W,)."""

    reward: np.ndarray  # float64
    terminated: np.ndarray  # bool
    truncated: np.ndarray  # bool
    full: np.ndarray  # bool: a car came for which there was no room


@lean
def first_controlled(cars: Cars, world: Clock) -> int:
    """The car that highway-env calls env.vehicle; NOBODY where none is controlled."""
    for place in range(world.count):
        if cars[place].controlled:
            return place
    return NOBODY


@lean
def number_cars(cars: Cars, world: Clock) -> None:
    """Number the cars of a world that has just begun: the ego 0, the others in list order after it."""
    ego, number = first_controlled(cars, world), 1
    for place in range(world.things):
        cars[place].number = 0 if place == ego else number
        number += 0 if place == ego else 1
    world.born = number


@lean
def number_newcomers(cars: Cars, world: Clock) -> None:
    """Number the cars that have come since; a template's number is NOBODY."""
    for place in range(world.count):
        if cars[place].number == NOBODY:
            cars[place].number = world.born
            world.born += 1


@lean
def hand_to_idm(car: Car) -> None:
    """Let IDM and MOBIL drive a car from now on, as the ego that highway-env's create_from would make."""
    car.kind, car.driver, car.changes_lanes = IDM, EGO, True
    car.delta, car.target_speed = IDM_EGO_DELTA, IDM_EGO_TARGET_MPS
    timer = (car.x + car.y) * np.pi % 1.0
    car.timer = timer


@lean
def hand_to_policy(car: Car, rules: Rules) -> None:
    """Let actions from outside drive a car from now on."""
    car.controlled = True
    if rules.continuous:
        car.kind = VEHICLE
        return
    car.kind, car.speed_index = MDP, nearest_index(car.speed, rules)
    car.target_speed = rules.target_speeds[car.speed_index]


@compiled
def hand_over(cars: np.ndarray, worlds: np.ndarray, place: Place, mask: np.ndarray, to_policy: bool) -> None:
    """Hand the cars of a mask (W, V) to actions from outside, or to IDM and MOBIL."""
    for number in range(worlds.size):
        for car in range(worlds[number].count):
            if mask[number, car] and to_policy:
                hand_to_policy(cars[number, car], place.rules)
            elif mask[number, car]:
                cars[number, car].controlled = False
                hand_to_idm(cars[number, car])


@compiled
def begin_world(cars: Cars, world: Clock, place: Place, tape: Tape, number: int) -> None:
    """Reset one world from its generator."""
    reset_world(cars, world, place.network, place.rules, place.spawn)
    number_cars(cars, world)
    if place.idm_ego:
        hand_to_idm(cars[first_controlled(cars, world)])
    if tape.valid.shape[0] > 0:
        rewind(tape, number)
        keep_states(cars, world, tape, number)


@lean
def frames_of_world(cars: Cars, world: Clock, place: Place, scratch: Scratch, actions: np.ndarray,
                    controls: np.ndarray, tape: Tape, number: int) -> None:
    """A policy step's frames: (A,) actions and (A, 2) controls of the controlled cars, in list order."""
    decide(cars, world, place.network, place.rules, scratch, actions, controls)
    for _ in range(place.rules.frames):
        simulate_frame(cars, world, place.network, place.rules, scratch)
        if tape.valid.shape[0] > 0:
            keep_commands(cars, world, tape, number)
            keep_states(cars, world, tape, number)


@compiled
def judge_world(cars: Cars, world: Clock, place: Place, asked: float, results: Results, number: int) -> None:
    """Reward, terminated and truncated after the frames; `asked` as in outcome.outcome."""
    ego = first_controlled(cars, world)
    if ego == NOBODY:
        results.reward[number], results.terminated[number] = 0.0, False
        results.truncated[number] = truncated(world, place.rules, place.goals)
        return
    reward, terminated, late = outcome(cars, world, place.network, place.rules, place.goals, ego, asked)
    results.reward[number], results.terminated[number], results.truncated[number] = reward, terminated, late


@compiled
def finish_world(cars: Cars, world: Clock, place: Place, tape: Tape, results: Results, number: int) -> None:
    """Let cars come and go after a policy step, where they do."""
    results.full[number] = not after_step(cars, world, place.network, place.rules, place.spawn)
    number_newcomers(cars, world)
    if tape.valid.shape[0] > 0:
        wipe(tape, number, world.steps)  # some have gone
        keep_states(cars, world, tape, number)


@compiled
def observe_world(cars: Cars, world: Clock, place: Place, near: Near, out: np.ndarray) -> None:
    """What each controlled car sees, in list order, into (A, 17, 9); zeros where there is none."""
    row = 0
    for car in range(world.count):
        if cars[car].controlled and row < out.shape[0]:
            observe_own(cars, world, place.lines, car, near, out[row])
            row += 1
    out[row:] = 0.0


@compiled
def judge_agents(cars: Cars, world: Clock, place: Place, asked: np.ndarray, reward: np.ndarray,
                 terminated: np.ndarray) -> None:
    """Each controlled car's own reward, and whether it is through, into (A,); `asked` (A,) as in outcome."""
    row = 0
    for car in range(world.count):
        if cars[car].controlled and row < reward.size:
            reward[row], terminated[row] = agent_outcome(
                cars, world, place.network, place.rules, place.goals, car, asked[row])
            row += 1


@compiled
def off_road_of(cars: Cars, world: Clock, place: Place) -> bool:
    """Whether the ego has left the road."""
    ego = first_controlled(cars, world)
    return ego != NOBODY and not on_road(cars, place.network, ego)


# --- loops over worlds ------------------------------------------------------------------------------------
# Of the worlds whose numbers are given. They hold no lock of Python's, so that threads can share the worlds.


@compiled
def begin(cars: np.ndarray, worlds: np.ndarray, place: Place, tape: Tape, chosen: np.ndarray) -> None:
    """Reset them."""
    for number in chosen:
        begin_world(cars[number], worlds[number], place, tape, number)


@compiled
def step(cars: np.ndarray, worlds: np.ndarray, place: Place, actions: np.ndarray, controls: np.ndarray,
         asked: np.ndarray, tape: Tape, results: Results, chosen: np.ndarray) -> None:
    """A policy step: actions (W, A), controls (W, A, 2), asked (W,)."""
    scratch = scratch_of(cars[0], place.rules)
    for number in chosen:
        frames_of_world(cars[number], worlds[number], place, scratch, actions[number], controls[number], tape,
                        number)
        judge_world(cars[number], worlds[number], place, asked[number], results, number)


@compiled
def finish(cars: np.ndarray, worlds: np.ndarray, place: Place, tape: Tape, results: Results,
           chosen: np.ndarray) -> None:
    """What an environment changes after a policy step."""
    for number in chosen:
        finish_world(cars[number], worlds[number], place, tape, results, number)


@compiled
def observe(cars: np.ndarray, worlds: np.ndarray, place: Place, out: np.ndarray, off_road: np.ndarray,
            chosen: np.ndarray) -> None:
    """Observations (W, A, 17, 9), and whether each ego is off the road (W,)."""
    near = Near(np.zeros(NEIGHBOURS, np.int64), np.zeros(NEIGHBOURS))
    for number in chosen:
        observe_world(cars[number], worlds[number], place, near, out[number])
        off_road[number] = off_road_of(cars[number], worlds[number], place)
