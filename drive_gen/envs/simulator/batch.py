"""Resets, policy steps and observations of one world, and of all: compiled loops over worlds."""

from __future__ import annotations

import numpy as np

from drive_gen.envs.observe import NEIGHBOURS
from drive_gen.envs.simulator.control import nearest_index
from drive_gen.envs.simulator.frame import simulate_frame
from drive_gen.envs.simulator.held import Held, held_at
from drive_gen.envs.simulator.intersection import after_step
from drive_gen.envs.simulator.jit import compiled
from drive_gen.envs.simulator.lean import lean
from drive_gen.envs.simulator.logs import Logs, begin_logged, simulate_logged_frame
from drive_gen.envs.simulator.nearest import Near
from drive_gen.envs.simulator.observe_own import observe_own
from drive_gen.envs.simulator.order import Scratch, scratch_of
from drive_gen.envs.simulator.outcome import agent_outcome, outcome, truncated
from drive_gen.envs.simulator.place import BEGIN, WAIT, Place, Results
from drive_gen.envs.simulator.reset import reset_world
from drive_gen.envs.simulator.rewards import on_road
from drive_gen.envs.simulator.spawn import INTERSECTION
from drive_gen.envs.simulator.step import decide
from drive_gen.envs.simulator.tape import Tape, keep_commands, keep_states, rewind, wipe
from drive_gen.envs.simulator.types import EGO, IDM, LOGGED, MDP, NOBODY, TRAFFIC, VEHICLE, Car, Cars, Clock, Rules

IDM_EGO_TARGET_MPS, IDM_EGO_DELTA = 30.0, 4.0  # as reference.replace_ego makes it
HANDS = ("policy", "idm", "log")  # that a car can be in
TO_POLICY, TO_TRAFFIC, TO_LOG = range(3)


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
    car.controlled = car.checks = True
    if rules.continuous:
        car.kind = VEHICLE
        return
    car.kind, car.speed_index = MDP, nearest_index(car.speed, rules)
    car.target_speed = rules.target_speeds[car.speed_index]


@lean
def hand_to_traffic(car: Car, rules: Rules, logs: Logs) -> None:
    """Let IDM and MOBIL drive a car: one of a log as one of the traffic, at the speed that it once went."""
    car.controlled, car.checks = False, True
    hand_to_idm(car)
    if logs.valid.shape[0] > 0:
        car.driver, car.target_speed = TRAFFIC, logs.about[car.row, 2]


@compiled
def hand_over(cars: np.ndarray, worlds: np.ndarray, place: Place, mask: np.ndarray, hands: int) -> None:
    """Hand the cars of a mask (W, V) to a policy, to the traffic, or back to the log: places in HANDS."""
    for number in range(worlds.size):
        for place_of_car in range(worlds[number].count):
            car: Car = cars[number, place_of_car]
            if not mask[number, place_of_car]:
                continue
            if hands == TO_POLICY:
                hand_to_policy(car, place.rules)
            elif hands == TO_TRAFFIC:
                hand_to_traffic(car, place.rules, place.logs)
            else:
                car.controlled, car.checks, car.kind = False, False, LOGGED


@compiled
def begin_world(cars: Cars, world: Clock, place: Place, tape: Tape, number: int) -> bool:
    """Reset one world: from its generator, or at a log's frame. False where there was no room for a car."""
    if place.logs.valid.shape[0] > 0:
        room = begin_logged(cars, world, place.network, place.logs)
        for car in range(world.count):
            if cars[car].number == world.ego:
                hand_to_policy(cars[car], place.rules)
    else:
        reset_world(cars, world, place.network, place.rules, place.spawn)
        number_cars(cars, world)
        room, world.ego = True, 0
    if place.idm_ego:
        hand_to_idm(cars[first_controlled(cars, world)])
    if tape.valid.shape[0] > 0:
        rewind(tape, number)
        keep_states(cars, world, tape, number)
    return room


@lean
def frames_of_world(cars: Cars, world: Clock, place: Place, scratch: Scratch, actions: np.ndarray,
                    controls: np.ndarray, tape: Tape, number: int) -> bool:
    """A policy step's frames: (A,) actions and (A, 2) controls of the controlled cars, in list order.

    False where a logged car came for which there was no room.
    """
    decide(cars, world, place.network, place.rules, scratch, actions, controls)
    room = True
    for _ in range(place.rules.frames):
        if place.logs.valid.shape[0] > 0:
            room = simulate_logged_frame(cars, world, place.network, place.rules, place.logs, scratch) and room
        else:
            simulate_frame(cars, world, place.network, place.rules, scratch)
        if tape.valid.shape[0] > 0:
            keep_commands(cars, world, tape, number)
            keep_states(cars, world, tape, number)
    return room


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
def finish_world(cars: Cars, world: Clock, place: Place, tape: Tape, number: int) -> bool:
    """Let cars come and go after a policy step, where they do; False where there was no room for one."""
    room = after_step(cars, world, place.network, place.rules, place.spawn)
    number_newcomers(cars, world)
    if tape.valid.shape[0] > 0:
        wipe(tape, number, world.steps)  # some have gone
        keep_states(cars, world, tape, number)
    return room


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


@lean
def look(held: Held, number: int, near: Near) -> None:
    """Note how a world's first controlled car is, and what all see, unless they see in another way."""
    cars, world, place, results = held.cars[number], held.worlds[number], held.place, held.results
    if held.observation.shape[0] > 0:
        observe_world(cars, world, place, near, held.observation[number])
    ego = first_controlled(cars, world)
    there = ego != NOBODY
    results.speed[number] = cars[ego].speed if there else 0.0
    results.crashed[number] = there and cars[ego].crashed
    results.off_road[number] = there and not on_road(cars, place.network, ego)


@lean
def note_decision(held: Held, number: int) -> None:
    """Keep the first controlled car's meta-action for the world's episode."""
    decision = held.worlds[number].steps // held.place.rules.frames
    if decision < held.wanted.taken.shape[1]:
        held.wanted.taken[number, decision] = held.wanted.meta[number, 0]


@lean
def log_is_over(world: Clock, place: Place) -> bool:
    """Whether a log has no frames left for another policy step."""
    frames: int = place.logs.valid.shape[1]
    return frames > 0 and world.log_frame + world.steps + place.rules.frames >= frames


# --- loops over worlds ------------------------------------------------------------------------------------
# From a first world to before a last. They hold no lock of Python's, so that threads can share the worlds.


@compiled
def advance(block: np.ndarray, first: int, last: int, seen: bool) -> None:
    """What each world is due for: nothing, a policy step, or a new episode; then what is seen of it."""
    held = held_at(block)
    place, wanted, results = held.place, held.wanted, held.results
    scratch = scratch_of(held.cars[0], place.rules)
    near = Near(np.zeros(NEIGHBOURS, np.int64), np.zeros(NEIGHBOURS))
    for number in range(first, last):
        if wanted.due[number] == WAIT:
            continue
        cars, world = held.cars[number], held.worlds[number]
        if wanted.due[number] == BEGIN:
            results.full[number] = not begin_world(cars, world, place, held.tape, number)
            results.reward[number], results.terminated[number] = 0.0, False
            results.truncated[number] = False
        else:
            note_decision(held, number)
            room = frames_of_world(cars, world, place, scratch, wanted.meta[number], wanted.controls[number],
                                   held.tape, number)
            judge_world(cars, world, place, wanted.read[number], results, number)
            if log_is_over(world, place):
                results.truncated[number] = True
            if place.spawn.plan.family == INTERSECTION:
                room = finish_world(cars, world, place, held.tape, number)
            results.full[number] = not room
        if seen:
            look(held, number, near)


@compiled
def observe(block: np.ndarray, first: int, last: int) -> None:
    """What is seen of each world now."""
    held = held_at(block)
    near = Near(np.zeros(NEIGHBOURS, np.int64), np.zeros(NEIGHBOURS))
    for number in range(first, last):
        look(held, number, near)
