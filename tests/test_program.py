"""Programs: scenarios in words and back, what words are allowed, and what a program cannot say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drive_gen.envs.episode import same
from drive_gen.envs.files import InputError
from drive_gen.envs.scenario import Condition, Event, Scenario
from drive_gen.language.asked import asked_words
from drive_gen.language.facts import Agent, Facts
from drive_gen.language.facts import Event as Said
from drive_gen.language.grammar import END, Grammar
from drive_gen.language.play import play
from drive_gen.language.played import Staged, drawn
from drive_gen.language.program import Program, known_roads, program_of, read_program, road_named
from drive_gen.language.program_words import all_words, place_words, words_of
from drive_gen.language.runnable import overlapping, why_not

BY_HAND = """road=highway lanes=3
car lane=1 from=+200 at=+0 v=20
truck lane=0 at=-25 v=19
car lane=1 at=+38 v=20 style=aggressive
t=4.0 who=2 a=-6.0
t=5.2 who=2 a=+0.0
t=6.4 who=1 go=right"""


@pytest.fixture(scope="module")
def worlds() -> list[tuple[Facts, Scenario]]:
    """Scenarios by request that a program can say."""
    found = (drawn(Staged(), seed) for seed in range(24))
    return [(facts, scenario) for facts, scenario in found if len(scenario.agents) <= 24]


def test_a_program_by_hand() -> None:
    program = read_program(BY_HAND)
    scenario = program.scenario(seed=7)
    ego, truck, lead = scenario.agents
    assert (ego.position_m, ego.speed_mps, scenario.ego) == ((200.0, 4.0), 20.0, 0)
    assert (truck.kind, truck.length_m, truck.position_m) == ("truck", 12.0, (175.0, 0.0))
    assert (lead.driver, lead.position_m) == ("aggressive", (238.0, 4.0))
    assert scenario.events[0] == Event(2, Condition("time_s", low=4.0), acceleration_mps2=-6.0)
    assert scenario.events[2] == Event(1, Condition("time_s", low=6.4), action="LANE_RIGHT")
    assert program.text() == BY_HAND
    assert read_program(BY_HAND.replace("\n", " ; ")) == program


@pytest.mark.parametrize(("metres", "said"), [
    (0, " at=+0"), (-7, " at=-7"), (99, " at=+99"), (100, " from=+100 at=+0"), (334, " from=+300 at=+34"),
    (-200, " from=-200 at=-0")])
def test_places_by_hand(metres: int, said: str) -> None:
    assert "".join(place_words(metres)) == said
    line = f"road=highway lanes=1\ncar lane=0 from=+500 at=+0 v=9\ncar lane=0{said} v=9"
    assert read_program(line).cars[1].place_m == metres


def test_programs_come_back(worlds: list[tuple[Facts, Scenario]]) -> None:
    """Scenario -> program -> Scenario: near at first, and from then on the very same."""
    known = set(all_words())
    assert len(worlds) > 15
    for _, scenario in worlds:
        program = program_of(scenario)
        again = program.scenario()
        assert program_of(again) == program
        assert read_program(program.text()) == program
        assert set(program.words()) <= known
        assert "".join(words_of("".join(program.words()), joined=True)) == "".join(program.words())
        assert again.road == scenario.road
        start, grid = (sorted((agent.kind, agent.driver, *agent.position_m, agent.speed_mps)
                              for agent in each.agents) for each in (scenario, again))
        for one, other in zip(start, grid, strict=True):
            assert one[:2] == other[:2]
            assert np.hypot(one[2] - other[2], one[3] - other[3]) < 0.51
            assert abs(one[4] - other[4]) <= 0.5


def test_a_scenario_on_the_grid_drives_the_same_episode() -> None:
    """Shuffled and renamed, it is the same program, and drives as before to the last bit."""
    scenario = read_program(BY_HAND).scenario()
    assert same(play(program_of(scenario).scenario()), play(scenario))
    names = {0: 5, 1: 3, 2: 9}
    shuffled = replace(scenario, ego=5, agents=tuple(
        replace(agent, id=names[agent.id]) for agent in (scenario.agents[2], *scenario.agents[:2])),
        events=tuple(replace(event, agent=names[event.agent]) for event in scenario.events))
    assert program_of(shuffled) == program_of(scenario)


def test_every_road_is_known_by_its_lanes() -> None:
    assert sorted(set(known_roads().values()), key=str) == sorted(known_roads().values(), key=str)
    assert ("highway", 1) in known_roads().values()
    assert ("roundabout", None) in known_roads().values()
    for kind, lanes in known_roads().values():
        head = [f"\nroad={kind}", *([f" lanes={lanes}"] if lanes else [])]
        words = [*head, "\ncar", " lane=0", " at=+5", " v=3"]
        assert program_of(read_program("".join(words)).scenario()).words() == words


@pytest.mark.parametrize(("line", "what"), [
    ("", "begins with road"), ("road=highway", "number of lanes"), ("road=u-turn lanes=2", "no number"),
    ("road=motorway lanes=2", "motorway"), ("road=highway lanes=2", "1 to 24 agents"),
    ("road=highway lanes=2\ncar lane=0 at=+9", "needs lane, at, v"),
    ("road=highway lanes=2\ncar lane=0 at=+9 v=9 v=9", "once"),
    ("road=highway lanes=2\ncar lane=0 at=9 v=9", "'9'"),
    ("road=highway lanes=2\ncar lane=0 from=+100 at=-3 v=9", "same sign"),
    ("road=highway lanes=2\ncar lane=0 at=+9 v=x", "v=x"),
    ("road=highway lanes=2\ncar lane=0 at=+9 v=9\nt=3.0 who=1 go=left", "who=1"),
    ("road=highway lanes=2\ncar lane=0 at=+9 v=9\nt=3.05 who=0 go=left", "3.05"),
    ("road=highway lanes=2\ncar lane=0 at=+9 v=9\nt=3.0 who=0", "needs go or a"),
    ("road=highway lanes=2\ncar lane=0 at=+9 v=9\nt=3.0 who=0 go=up", "'up'"),
    ("road=highway lanes=2\ncar lane=0 at=+9 v=9\nbus lane=1 at=+9 v=9", "needs t, who")])
def test_what_is_no_program(line: str, what: str) -> None:
    with pytest.raises(InputError, match=what.replace("?", r"\?")):
        read_program(line)


def test_what_is_no_world() -> None:
    head = "road=highway lanes=2\ncar lane=0 at=+50 v=9\n"
    assert "lane 2" in why_not(head + "car lane=2 at=+9 v=9")
    assert "-10 m" in why_not(head + "car lane=0 at=-60 v=9")
    assert "overlap" in why_not(head + "car lane=0 at=+4 v=9")
    assert why_not(head + "car lane=0 at=+6 v=9") == ""


def test_what_a_program_cannot_say() -> None:
    scenario = read_program(BY_HAND).scenario()
    far = replace(scenario.agents[1], position_m=(175.0, -9.0))
    cases = [(replace(scenario, ego=None), "no ego"),
             (replace(scenario, road=(*scenario.road[:2], replace(scenario.road[2], width_m=3.0))),
              "another"),
             (replace(scenario, agents=(scenario.agents[0], far, scenario.agents[2])), "beside the road"),
             (replace(scenario, agents=(replace(scenario.agents[0], length_m=4.0), *scenario.agents[1:])),
              "whole cars"),
             (replace(scenario, events=(Event(0, Condition("speed_mps", 0, low=3.0), action="IDLE"),)),
              "speed_mps")]
    for case, what in cases:
        with pytest.raises(InputError, match=what):
            program_of(case)


def test_what_is_asked_for_in_words(worlds: list[tuple[Facts, Scenario]]) -> None:
    agents = (Agent("lead", "truck", speed="slow"), Agent("cars", count=2, abreast=True))
    wanted = Facts("highway", 3, agents=agents, weather="rain", without=("follower",),
                   events=(Said("lead", "brake", at_s=3), Said("ego", "crash", happens=False)))
    assert asked_words(wanted) == [
        " ?road=highway", " ?lanes=3", " ?who=lead", " ?kind=truck", " ?speed=slow", " ?who=cars",
        " ?count=2", " ?abreast", " ?no=follower", " ?who=ego", " ?do=crash", " ?never", " ?who=lead",
        " ?do=brake", " ?at=3"]
    known = set(all_words())
    assert all(set(asked_words(facts)) <= known for facts, _ in worlds)


def test_real_programs_are_allowed_word_by_word(worlds: list[tuple[Facts, Scenario]]) -> None:
    """The grammar bars nothing that a scenario without overlaps holds."""
    told = 0
    for _, scenario in worlds:
        program = program_of(scenario)
        words = program.words()
        if overlapping(program.scenario().to_scene()) or not _changes_are_possible(program):
            continue
        grammar = Grammar(room=500)
        for word in words:
            assert word in grammar.allowed(), (word, program.text())
            grammar.take(word)
        assert END in grammar.allowed()
        told += 1
    assert told > 10


def _changes_are_possible(program: Program) -> bool:
    lanes = [car.lane for car in program.cars]
    road = road_named(program.road, program.lanes)
    for act in program.acts:
        if act.go in ("left", "right"):
            aside = getattr(road.lanes[lanes[act.who]], act.go)
            if aside is None:
                return False
            lanes[act.who] = aside
    return True


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_grammar_allows_runs(seed: int) -> None:
    """Words by chance, even those that crowd a road."""
    rng = np.random.default_rng(seed)
    grammar, words = Grammar(room=80), list[str]()
    while True:
        allowed = grammar.allowed()
        assert allowed
        more = [word for word in allowed if word.startswith(("\ncar", "\ntruck"))]
        word = str(rng.choice(more if more and len(words) < 60 else allowed))
        if word == END:
            break
        words.append(word)
        grammar.take(word)
    assert len(words) <= 80
    assert why_not("".join(words)) == ""
