"""Facts of scenes and episodes: worked out by hand, in simulated worlds, in what requests become."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drive_gen import cli
from drive_gen.envs.episode import KINDS, Episode, Scene, Source, make_episode
from drive_gen.envs.road import Road, straight_road
from drive_gen.envs.scenario import Scenario
from drive_gen.envs.world import SUPPORTED, EnvConfig
from drive_gen.language.agree import agreement
from drive_gen.language.draw import draw
from drive_gen.language.facts import Agent, Event, Facts
from drive_gen.language.parse import facts_of_text
from drive_gen.language.place import scenario_of
from drive_gen.language.play import play
from drive_gen.language.read import facts
from drive_gen.language.read_episode import (
    BRAKE_MPS2,
    BRAKE_S,
    CUT_IN_M,
    GAIN_MPS,
    happenings,
    phase_of,
)
from drive_gen.language.read_scene import facts_of_scene, road_kind
from drive_gen.language.realise import realise
from drive_gen.language.runnable import overlapping

ROAD = straight_road(3, 1000.0)
DT_S = 0.1


def scene(*cars: tuple[float, int, float], kinds: tuple[str, ...] = (), road: Road = ROAD) -> Scene:
    """Cars of (x, lane, speed), the ego first."""
    kind = [KINDS.index(name) for name in (*kinds, *["car"] * (len(cars) - len(kinds)))]
    size = [(12.0, 2.5) if name == KINDS.index("truck") else (5.0, 2.0) for name in kind]
    return Scene(position_m=np.array([(x, 4.0 * lane) for x, lane, _ in cars], np.float32),
                 heading_rad=np.zeros(len(cars), np.float32),
                 speed_mps=np.array([v for *_, v in cars], np.float32), size_m=np.array(size, np.float32),
                 crashed=np.zeros(len(cars), bool), agent_id=np.arange(len(cars)),
                 kind=np.array(kind, np.uint8), road=road, ego=0)


def episode(x: np.ndarray, y: np.ndarray, crashed: np.ndarray | None = None) -> Episode:
    """Agents at (A, T) places; speeds follow from them."""
    speed = np.gradient(x, DT_S, axis=1)
    more = {} if crashed is None else {"crashed": crashed}
    return make_episode(np.stack((x, y), -1), np.zeros(x.shape), speed, np.full((len(x), 2), (5.0, 2.0)),
                        np.ones(x.shape, bool), dt_s=DT_S, road=ROAD, ego=0,
                        source=Source("simulated", "by hand", "by hand"), **more)


def driven(*speeds: Callable[[np.ndarray], np.ndarray], seconds: float = 9.0) -> np.ndarray:
    """Places (A, T) of cars with speeds over time, from 0."""
    time = np.arange(0, seconds + DT_S / 2, DT_S)
    speed = np.stack([np.broadcast_to(each(time), time.shape) for each in speeds])
    return np.cumsum(speed * DT_S, axis=1)


def done(made: Episode) -> dict[tuple[int, str], float]:
    return {(one.agent, one.what): one.time_s for one in happenings(made)}


def test_a_scene_by_hand() -> None:
    found = facts_of_scene(scene((100, 1, 20), (137, 1, 10), (70, 1, 30), (101, 0, 20), (101, 2, 20),
                                 kinds=("car", "truck")))
    slots = found.slots()
    expected = {"road": "highway", "lanes": "3", "ego.speed": "normal", "left.distance": "beside",
                "lead.kind": "truck", "lead.speed": "slow",
                "lead.distance": "middle",  # 37 m between centres, 28.5 m of gap
                "follower.speed": "fast", "follower.distance": "middle"}
    assert {name: slots[name] for name in expected} == expected
    assert found.without == ()


@pytest.mark.parametrize(("ahead_m", "distance"), [(24.9, "near"), (25.1, "middle"), (54.9, "middle"),
                                                   (55.1, "far")])
def test_gaps_are_bumper_to_bumper(ahead_m: float, distance: str) -> None:
    lead = facts_of_scene(scene((100, 1, 20), (100 + ahead_m, 1, 20))).agent("lead")
    assert lead is not None
    assert lead.distance == distance


def test_who_is_not_there() -> None:
    assert facts_of_scene(scene((100, 0, 20))).density == "empty"
    found = facts_of_scene(scene((100, 1, 20), (130, 0, 20), (205, 1, 20)))  # the third is out of reach
    assert found.without == ("trucks", "lead", "follower", "right")
    assert found.slots()["cars.count"] == "1"


def test_two_trucks_side_by_side() -> None:
    far = ((100, 0, 20), (260, 1, 20), (266, 2, 20))
    kinds = ("car", "truck", "truck")
    trucks = facts_of_scene(scene(*far, kinds=kinds)).agent("trucks")
    assert trucks is not None
    assert trucks.abreast
    assert trucks.count == 2
    apart = facts_of_scene(scene(far[0], far[1], (275, 2, 20), kinds=kinds)).agent("trucks")
    assert apart is not None
    assert not apart.abreast


def test_braking_stopping_and_accelerating_by_hand() -> None:
    x = driven(lambda t: np.where(t < 3, 20, np.maximum(20 - 6 * (t - 3), 8)),
               lambda t: np.maximum(20 - 3 * t, 0),
               lambda t: 10 + np.clip(2 * (t - 5), 0, 6), lambda t: 20 - 0 * t)
    y = np.array([0.0, 4.0, 8.0, 8.0])[:, None] + 0 * x
    found = done(episode(x + np.array([[0], [0], [0], [100]]), y))
    assert set(found) == {(0, "brake"), (1, "stop"), (2, "accelerate")}
    assert found[0, "brake"] == pytest.approx(3.0, abs=0.2)
    assert found[1, "stop"] == pytest.approx(6.6, abs=0.3)  # 20 / 3 s
    assert found[2, "accelerate"] == pytest.approx(5.0, abs=0.4)


@pytest.mark.parametrize(("ahead_m", "cuts"), [(15.0, True), (60.0, False), (-15.0, False)])
def test_a_lane_change_is_a_cut_in_only_close_ahead(ahead_m: float, cuts: bool) -> None:
    x = driven(lambda t: 20 + 0 * t, lambda t: 20 + 0 * t) + np.array([[100], [100 + ahead_m]])
    time = np.arange(x.shape[1]) * DT_S
    y = np.stack((np.full_like(time, 4.0), np.clip(4.0 * (time - 4) / 2, 0, 4)))  # from lane 0 into the ego's
    found = done(episode(x, y))
    assert ((1, "cut-in") in found) == cuts
    assert found[1, "lane-right"] == pytest.approx(5.0, abs=0.2)  # half-way across
    assert facts(episode(x, y)).slots().get("someone.cut-in") == (None if cuts else "never")


def test_a_crash_ends_what_its_cars_do() -> None:
    x = driven(lambda t: np.where(t < 4, 20, 0), lambda t: 10 + 0 * t) + np.array([[0], [45]])
    crashed = np.broadcast_to(np.arange(x.shape[1]) >= 40, x.shape)
    found = done(episode(x, np.zeros_like(x), crashed))
    assert found == {(0, "crash"): 4.0, (1, "crash"): 4.0}
    never = facts(episode(x, np.zeros_like(x))).events
    assert Event("someone", "crash", happens=False) in never


def test_phases_are_thirds() -> None:
    made = episode(driven(lambda t: 20 + 0 * t), np.zeros((1, 91)))
    assert [phase_of(time, made) for time in (0, 2.9, 3.1, 5.9, 6.1, 9.0)] == ["early"] * 2 + ["mid"] * 2 + [
        "late"] * 2


@pytest.mark.parametrize("env", SUPPORTED)
def test_every_simulated_road_is_known(env: str) -> None:
    from drive_gen.envs.simulator.simulator import Simulator

    simulator = Simulator(EnvConfig(env=env), 1)
    simulator.reset(0)
    family = env.rsplit("-", 1)[0]
    assert road_kind(simulator.road) == {"highway-fast": "highway", "merge-generic": "merge",
                                         "roundabout-generic": "roundabout", "racetrack-large": "racetrack",
                                         "racetrack-oval": "racetrack"}.get(family, family)
    assert facts(simulator.scene(0)).road == road_kind(simulator.road)


def test_leads_are_geometry_s_in_simulated_worlds() -> None:
    """envs.geometry finds the same car ahead, where it is within reach."""
    from drive_gen.envs.geometry import leads
    from drive_gen.envs.simulator.simulator import Simulator
    from drive_gen.language.read_scene import REACH_M, gap_m, roles

    simulator = Simulator(EnvConfig(env="highway-v0"), 6, tape=True, ego="idm")
    simulator.reset(0)
    for _ in range(5):
        simulator.step(np.ones(6, int))
    seen = 0
    for world in range(6):
        made = simulator.episode(world, "idm")
        for frame in range(0, made.steps, 10):
            now, other = made.scene(frame), leads(made, 0, np.array([frame]))
            lead = roles(now).get("lead")
            number = None if lead is None else int(now.agent_id[lead])
            straight = abs(float(now.position_m[0, 1]) % 4 - 2) > 1.5  # no car is between lanes
            if straight and lead is not None and other.gap_m[0] < REACH_M - 10:
                assert number == other.lead[0] or gap_m(now, lead) > other.gap_m[0]
                seen += number == other.lead[0]
    assert seen > 10


WORLDS = ("two trucks side by side on a highway at night; a truck cuts in from the left after 3 seconds",
          "합류 구간, 공격적인 차 세 대, 앞차 급정거",
          "a four-lane highway in heavy traffic, the lead truck is slow",
          "the car ahead brakes hard early, but the truck behind does not. Nobody crashes.",
          "뒤차가 막판에 사고를 낸다", "an empty road with 5 lanes",
          "앞차는 멀리 있고 왼쪽 차가 오른쪽으로 차로를 바꾼다")


@pytest.mark.parametrize("text", WORLDS)
def test_what_is_asked_for_happens(text: str) -> None:
    made = realise(facts_of_text(text), 0, text)
    assert all(made.holds.values()), made.holds
    assert Scenario.from_yaml(made.scenario.to_yaml()) == made.scenario
    assert play(made.scenario).position_m == pytest.approx(made.episode.position_m)


def test_most_slots_of_requests_hold() -> None:
    rng = np.random.default_rng(11)
    held = [value for number in range(12) for value in realise(draw(rng), number, tries=2).holds.values()]
    assert np.mean(held) > 0.85


def test_agreement_can_fail() -> None:
    wanted = facts_of_text("on a highway the car ahead brakes hard, there are two trucks")
    made = realise(wanted, 1)
    assert all(made.holds.values())
    still = replace(made.scenario, events=())
    assert not agreement(wanted, play(still))["lead.brake"]
    assert not agreement(facts_of_text("nobody ahead, three trucks"), made.episode)["without.lead"]
    assert not agreement(facts_of_text("three trucks"), made.episode)["trucks.count"]
    assert not agreement(facts_of_text("nobody brakes hard"), made.episode)["someone.brake"]


def test_a_scenario_is_its_seed_s() -> None:
    wanted = Facts(density="moderate")
    assert scenario_of(wanted, 3) == scenario_of(wanted, 3)
    assert scenario_of(wanted, 3) != scenario_of(wanted, 4)


def test_generate_says_what_it_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["generate", "--text", "앞차 급정거", "--out", str(tmp_path)]) == 0
    assert "lead.brake" in capsys.readouterr().out
    scenario = Scenario.read(tmp_path / "scenario.yaml")
    assert scenario.provenance is not None
    assert scenario.provenance.notes["facts"] == facts("앞차 급정거").to_mapping()
    assert (tmp_path / "scene.png").read_bytes()[:4] == b"\x89PNG"


def test_the_grammar_needs_no_torch_and_no_simulator() -> None:
    program = """
import sys
for name in ("torch", "gymnasium", "highway_env", "stable_baselines3", "pygame", "numba"):
    sys.modules[name] = None
from drive_gen.language.read import facts
from drive_gen.language.realise import realise
from drive_gen.language.runnable import overlapping
realise(facts("앞차 급정거"))
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("road", ["roundabout", "intersection", "u-turn"])
def test_nobody_is_placed_upon_another(road: str) -> None:
    """On roads along y, and where lanes cross or join, too; a partner of a crash may stand close."""
    told = Facts(road=road, density="heavy", agents=(Agent("lead", "truck"), Agent("cars", count=3)))  # type: ignore[arg-type]
    for seed in range(6):
        assert not overlapping(scenario_of(told, seed).to_scene())


def going(speed: np.ndarray, y_m: np.ndarray | float, ego_x_m: float = 0.0, start_m: float = 30.0) -> Episode:
    """An ego at 20 m/s in the middle lane and one other car with a speed and a place across; 10 Hz."""
    frames, dt_s = len(speed), 0.1
    speeds = np.stack((np.full(frames, 20.0), speed))
    along = np.array([[ego_x_m], [start_m]]) + np.concatenate(
        (np.zeros((2, 1)), np.cumsum(speeds[:, :-1] * dt_s, axis=1)), axis=1)
    across = np.stack((np.full(frames, 4.0), np.broadcast_to(y_m, frames)))
    return make_episode(np.stack((along, across), axis=-1), np.zeros((2, frames)), speeds,
                        np.tile([5.0, 2.0], (2, 1)), np.ones((2, frames), bool), dt_s=dt_s,
                        road=straight_road(3, 1000.0), ego=0, source=Source("simulated", "test", "test"))


@pytest.mark.parametrize(("seconds", "brakes"), [(BRAKE_S - 0.1, False), (BRAKE_S, True)])
def test_a_brake_is_hard_and_long_enough(seconds: float, brakes: bool) -> None:
    steps = round(seconds / 0.1)
    speed = 20 + 0.1 * (BRAKE_MPS2 - 0.1) * np.clip(np.arange(60) - 20, 0, steps)
    found = [one for one in happenings(going(speed, 8.0)) if one.what == "brake"]
    assert [one.time_s for one in found] == ([pytest.approx(2.0)] if brakes else [])
    soft = 20 + 0.1 * (BRAKE_MPS2 + 0.1) * np.clip(np.arange(60) - 20, 0, 20)
    assert not any(one.what == "brake" for one in happenings(going(soft, 8.0)))


@pytest.mark.parametrize(("gain_mps", "accelerates"), [(GAIN_MPS - 0.1, False), (GAIN_MPS + 0.1, True)])
def test_to_accelerate_is_to_gain_speed_from_the_least_on(gain_mps: float, accelerates: bool) -> None:
    """It slows from 25 to 20 m/s first, and speeds up from 3 s on, at 2 m/s^2."""
    speed = np.concatenate((np.linspace(25, 20, 25), np.full(5, 20.0),
                            20 + np.minimum(0.2 * np.arange(60), gain_mps)))
    found = [one for one in happenings(going(speed, 8.0)) if one.what == "accelerate"]
    assert [one.time_s for one in found] == ([pytest.approx(3.0, abs=0.2)] if accelerates else [])


@pytest.mark.parametrize(("start_m", "y_m", "expected"), [
    (15.0, 4.0, {"lane-left", "cut-in"}), (CUT_IN_M + 1, 4.0, {"lane-left"}), (-15.0, 4.0, {"lane-left"}),
    (15.0, 12.0, set())])
def test_to_cut_in_is_to_enter_our_lane_close_ahead(start_m: float, y_m: float, expected: set[str]) -> None:
    """From the right lane to the middle one at 3 s; or it leaves the road there."""
    across = np.where(np.arange(80) < 30, 8.0, y_m)
    found = happenings(going(np.full(80, 20.0), across, start_m=start_m))
    assert {one.what for one in found if one.agent == 1} == expected
    assert all(one.time_s == pytest.approx(3.0) for one in found)


def test_a_lane_touched_for_a_moment_is_no_change() -> None:
    across = np.full(80, 8.0)
    across[30:33] = 4.0
    assert happenings(going(np.full(80, 20.0), across)) == []
