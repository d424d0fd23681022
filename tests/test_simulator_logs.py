"""Logged cars in the simulator: they do what the log says, until other hands take them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drive_gen.envs.episode import Episode, Source, make_episode
from drive_gen.envs.files import InputError
from drive_gen.envs.replay import Replay
from drive_gen.envs.road import Lane, Road
from drive_gen.envs.simulator.lanes import closest_lane
from drive_gen.envs.simulator.log_simulator import LogSimulator, cases_of
from drive_gen.envs.simulator.road_network import network_of_road
from drive_gen.envs.simulator.simulated_replay import SimulatedReplay
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.simulator.types import IDM, LOGGED, MDP

LANES = tuple(Lane(np.array([[-100.0, 4.0 * place], [900.0, 4.0 * place]]), 4.0,
                   left=place - 1 if place else None, right=place + 1 if place < 2 else None)
              for place in range(3))


def log_of(tracks: Sequence[tuple[float, int, float, int, int]], frames: int = 81) -> Episode:
    """Cars at steady speeds: (x at frame 0, lane, m/s, first frame, frame after the last) each."""
    x, lane, speed, first, after = (np.array(column) for column in zip(*tracks, strict=True))
    times = np.arange(frames)
    along = x[:, None] + speed[:, None] * times * 0.1
    position = np.stack(np.broadcast_arrays(along, 4.0 * lane[:, None]), -1)
    valid = (times >= first[:, None]) & (times < after[:, None])
    return make_episode(position * valid[..., None], np.zeros(valid.shape), speed[:, None] * valid,
                        np.tile([5.0, 2.0], (len(x), 1)), valid, dt_s=0.1, road=Road(LANES),
                        source=Source("logged", "steady", "steady"))


@cache
def busy() -> Episode:
    """Cars that stay, one that comes, one that goes, one far ahead that is slow."""
    return log_of([(0, 1, 20, 0, 81), (40, 0, 21, 0, 81), (-30, 2, 25, 20, 81), (15, 0, 18, 0, 35),
                   (160, 1, 8, 0, 81)])


def logged_of(simulator: LogSimulator, world: int) -> dict[int, tuple[float, float, float, float]]:
    """Row -> state of the cars that are there."""
    cars = simulator.cars[world, : simulator.clocks["count"][world]]
    return {int(car["number"]): tuple(float(car[name]) for name in ("x", "y", "heading", "speed"))
            for car in cars}


def test_cars_do_what_they_did_come_and_go() -> None:
    log = busy()
    simulator = LogSimulator(log, 2, horizon_s=7.0, tape=True)
    simulator.begin(np.array([[0, 3], [-1, 10]]))
    while not simulator.results.truncated.all():
        simulator.step(np.ones(2, np.int64), np.flatnonzero(~simulator.results.truncated))
        for world, start in enumerate((3, 10)):
            frame = start + int(simulator.clocks["steps"][world])
            there = logged_of(simulator, world)
            assert set(there) == set(np.flatnonzero(log.valid[:, frame]))
            for row in set(there) - {0}:
                assert there[row][:2] == tuple(log.position_m[row, frame].astype(float))
    assert simulator.clocks["steps"].tolist() == [70, 70]  # the horizon; frame 80 is the log's last
    made = simulator.episode(1, "nobody")
    assert made.ego is None
    np.testing.assert_array_equal(made.valid, log.valid[:, 10:])
    np.testing.assert_array_equal(made.position_m, log.position_m[:, 10:])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=6), st.integers(0, 15))
def test_the_controlled_car_moves_as_in_a_replay(actions: list[int], start: int) -> None:
    simulator, replay = LogSimulator(busy(), horizon_s=6.0), Replay(busy(), 1, start, start + 61, 1.0)
    np.testing.assert_array_equal(simulator.begin(np.array([[1, start]]))[0, 0], replay.reset())
    for action in actions:
        result, (seen, over) = simulator.step([action]), replay.step(action)
        assert bool(result.crashed[0]) == (replay.collision is not None)
        if over:
            break
        np.testing.assert_allclose(result.observation[0, 0], seen, atol=1e-5)
        assert simulator.egos()["speed"][0] == pytest.approx(replay.scene().speed_mps[replay.scene().ego])
    assert bool(result.truncated[0]) or replay.collision is not None


def test_brakes_end_at_a_standstill_as_in_a_replay() -> None:
    simulator = LogSimulator(busy(), horizon_s=7.0, decision_s=0.5, actions="continuous")
    replay = Replay(busy(), 4, 0, 71, 0.5)
    simulator.begin(np.array([[4, 0]]))
    for control in ([-0.7, 0.05], [-1.0, 0.0], [-1.0, 0.1], [-1.0, 0.1], [-0.3, 0.1], [0.2, -0.1]):
        result, (seen, _) = simulator.step(np.array([control])), replay.step(np.array(control))
        np.testing.assert_allclose(result.observation[0, 0], seen, atol=1e-5)
        assert result.speed[0] >= 0
    assert 0 < result.speed[0] < 1


def test_those_behind_react_and_those_in_a_log_do_not() -> None:
    """The ego stops; the car 30 m behind it, at 20 m/s, would run into it."""
    log = log_of([(100, 1, 20, 0, 81), (70, 1, 20, 0, 81), (0, 0, 20, 0, 81)])
    plain = Replay(log, 0, 0, 81, 1.0)
    reactive = SimulatedReplay(log, 0, 0, 81, 1.0, meta=False, others="idm")
    np.testing.assert_array_equal(reactive.reset(), plain.reset())
    for replay in (plain, reactive):
        while not replay.done:
            replay.step(np.array([-0.6, 0.0]))
    assert plain.collision is not None
    assert (plain.collision.agent_id, plain.collision.from_behind) == (1, True)
    assert reactive.collision is None
    driven = reactive.episode("braking")
    np.testing.assert_allclose(driven.speed_mps[0, :41:10], [20, 17, 14, 11, 8], atol=1e-4)
    assert abs(driven.position_m[1, -1, 1] - 4.0) > 2  # MOBIL takes it out of the lane
    assert driven.valid.all()
    np.testing.assert_allclose(driven.position_m[2, :20], log.position_m[2, :20], atol=0.2)  # nothing to do
    reactive.reset()
    assert reactive.step(np.array([0.0, 0.0]))[1] is False


@pytest.mark.parametrize("meta", [True, False])
def test_a_replay_in_the_simulator_is_the_plain_one(meta: bool) -> None:
    """Until a crash, in which highway-env's cars are pushed apart; the crash itself is the same."""
    draws = np.random.default_rng(3)
    for case in range(6):
        place = (busy(), case % 2, 5 * case, 5 * case + 41, 1.0)
        plain, simulated = Replay(*place), SimulatedReplay(*place, meta=meta)
        np.testing.assert_array_equal(simulated.reset(), plain.reset())
        while not plain.done:
            action = draws.integers(5) if meta else draws.uniform(-0.5, 0.5, 2) * (1.0, 0.02)
            seen, over = plain.step(action)
            seen_too, over_too = simulated.step(action)
            assert over_too == over
            if plain.collision is None:
                np.testing.assert_allclose(seen_too, seen, atol=1e-4)
        driven, driven_too = plain.episode("me"), simulated.episode("me")
        last = driven.steps - 1 if plain.collision else driven.steps
        assert np.abs(driven.position_m[:, :last] - driven_too.position_m[:, :last]).max() < 1e-4
        assert (simulated.collision is None) == (plain.collision is None)
        if plain.collision and simulated.collision:
            assert (simulated.collision.frame, simulated.collision.agent_id, simulated.collision.side) == (
                plain.collision.frame, plain.collision.agent_id, plain.collision.side)


def test_hands_change_and_change_back() -> None:
    simulator = LogSimulator(busy(), 2, horizon_s=7.0)
    simulator.begin(np.array([[1, 0], [1, 0]]))
    mask = simulator.cars["number"] == 0
    mask[1] = False
    simulator.hand_over(mask, "idm")
    for _ in range(6):
        simulator.step([1, 1])
    one, other = logged_of(simulator, 0), logged_of(simulator, 1)
    # On its own it would be at 120 m by now, 88 m behind the slow car; IDM brakes for that one.
    assert (other[0][0], other[0][3]) == (pytest.approx(120), 20)
    assert max(one[0][3] - 19, one[0][0] - 120) < 0
    car = simulator.cars[0][simulator.cars["number"][0] == 0][0]
    assert (car["kind"], car["checks"]) == (IDM, True)
    simulator.hand_over(mask, "log")
    simulator.step([1, 1])
    assert logged_of(simulator, 0)[0] == logged_of(simulator, 1)[0]
    policy = np.zeros_like(mask)
    policy[0] = simulator.cars["number"][0] == 0
    simulator.hand_over(policy, "policy")
    here = simulator.cars["number"][0] == 0
    assert simulator.cars["kind"][0][here][0] == MDP
    there = np.arange(mask.shape[1]) < simulator.clocks["count"][:, None]
    logged = (simulator.cars["kind"] == LOGGED) & there
    assert logged.sum(1).tolist() == [2, 3]  # of 0, 1, 2 and 4


def test_idm_never_ends_with_the_row_and_a_crash_with_a_logged_car_ends_the_world() -> None:
    simulator = LogSimulator(busy(), horizon_s=7.0)
    simulator.begin(np.array([[1, 0]]))
    simulator.hand_over(simulator.cars["number"] == 3, "idm")  # its row ends at frame 35
    assert simulator.cars["target_speed"][simulator.cars["number"] == 3].tolist() == [18]  # the most it had
    for _ in range(5):
        simulator.step([1])
    assert 3 in logged_of(simulator, 0)
    blind = LogSimulator(log_of([(0, 0, 30, 0, 81), (60, 0, 5, 0, 81)]), horizon_s=7.0)
    blind.begin(np.array([[0, 0]]))
    ended = [bool(blind.step([1]).terminated[0]) for _ in range(4)]
    assert ended == [False, False, True, True]  # 25 m/s nearer, 55 m between the bodies


def test_seeds_draw_cases_and_ended_worlds_begin_anew() -> None:
    one, other = LogSimulator(busy(), 3, horizon_s=5.0), LogSimulator(busy(), 3, horizon_s=5.0)
    np.testing.assert_array_equal(one.reset(5), other.reset(5))
    cases = {tuple(case) for case in one.cases.tolist()}
    assert {(int(clock["ego"]), int(clock["log_frame"])) for clock in one.clocks} <= cases
    one.step([1, 1, 1], again=np.array([True, False, False]))
    assert one.clocks["steps"].tolist() == [0, 10, 10]


@given(st.integers(0, 2**12 - 1), st.integers(1, 6))
def test_cases_are_those_without_a_gap(bits: int, frames: int) -> None:
    valid = np.array([[bits >> place & 1 for place in range(12)]], bool)
    brute = [[0, start] for start in range(12 - frames) if valid[0, start : start + frames + 1].all()]
    assert cases_of(valid, frames).tolist() == brute


def test_wrong_cases_and_hands_are_told() -> None:
    simulator = LogSimulator(busy(), 1, horizon_s=6.0)
    for case in ([9, 0], [2, 0], [0, 80], [-2, 3]):
        with pytest.raises(InputError, match="rows 0 to 4 and frames 0 to 80"):
            simulator.begin(np.array([case]))
    with pytest.raises(InputError, match="1 pairs"):
        simulator.begin(np.array([0, 1]))
    with pytest.raises(InputError, match="no car for 60 s"):
        LogSimulator(busy(), horizon_s=60.0)
    with pytest.raises(InputError, match="a whole number of times"):
        LogSimulator(busy(), decision_s=0.75)
    with pytest.raises(InputError, match="no logged cars"):
        simulator.to_env(0)
    plain = Simulator(vehicles=2)
    with pytest.raises(InputError, match="cannot be handed to 'log'"):
        plain.hand_over(np.zeros(plain.cars.shape, bool), "log")


# --- any road as a network --------------------------------------------------------------------------------


def winding(points: int, lanes: int) -> Road:
    """Lanes side by side along an arc, and one that goes on from the first."""
    angles = np.linspace(0, 0.6, points)
    arcs = [np.stack(((200 - 4 * lane) * np.sin(angles), 200 - (200 - 4 * lane) * np.cos(angles)), -1)
            for lane in range(lanes)]
    made = [Lane(arc, 4.0, 25.0, left=lane - 1 if lane else None,
                 right=lane + 1 if lane + 1 < lanes else None, successors=(lanes,) if lane == 0 else ())
            for lane, arc in enumerate(arcs)]
    onward = np.array([arcs[0][-1], arcs[0][-1] + 50 * np.array([np.cos(0.6), np.sin(0.6)])])
    return Road((*made, Lane(onward, 4.0)))


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(1, 3), st.floats(0.02, 0.58), st.floats(-1.0, 9.0))
def test_a_networks_nearest_lane_is_the_roads(points: int, lanes: int, angle: float, inward: float) -> None:
    road = winding(points, lanes)
    network = network_of_road(road)
    assert len(network.lanes) == (points - 1) * lanes + 1
    where = np.array([(200 - inward) * np.sin(angle), 200 - (200 - inward) * np.cos(angle)])
    nearest = closest_lane(network, *where, angle)
    found = network.lanes[nearest]
    place = lanes if found["road"] == len(network.ways) - 1 else int(found["place"])
    frame = road.frames_of(where)
    lengths = np.array([lane.length_m for lane in road.lanes])
    beyond = np.maximum(frame.s_m - lengths, 0) + np.maximum(-frame.s_m, 0)
    distance = np.abs(frame.d_m) + beyond
    # A polyline's pieces meet at corners, where the two differ by less than the corner's depth.
    assert distance[place] <= distance.min() + 1.0 + 0.6


def test_roads_join_where_lanes_succeed() -> None:
    network = network_of_road(winding(4, 2))
    assert network.ways["lanes"].tolist() == [2, 2, 2, 1]
    assert network.ways["end"][:3].tolist() == network.ways["start"][1:].tolist()
    assert network.out_of[network.ways["end"][2]].tolist()[0] == 3
    assert network.into[network.ways["start"][3]].tolist()[0] == 2
