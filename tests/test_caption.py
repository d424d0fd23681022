"""What is seen of an episode, captions that are read back, and how they are scored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_causes import driven, speeds

from drive_gen.envs.files import InputError
from drive_gen.evaluate.captions import interval, score_captions
from drive_gen.evaluate.round_trip import STAGES, Trips, in_caption, visible
from drive_gen.language.agree import LATE_S
from drive_gen.language.caption import next_symbols, say_seen, seen_of_caption, seen_of_symbols, symbols_of
from drive_gen.language.caption_words import END, SYMBOLS, WORDS, Symbol
from drive_gen.language.causes import Cause
from drive_gen.language.counterfactual import cue_of, happens_anyway, without_cue
from drive_gen.language.facts import Agent, Event, Facts
from drive_gen.language.played import Staged, drawn
from drive_gen.language.read_episode import happenings
from drive_gen.language.realise import realise
from drive_gen.language.sight import Seen, Sight, mirrored, seen_of

LANGUAGES = ("en", "ko")
BRAKES = "The car ahead, 30 m away, brakes at 5 s; we brake after it."


def drawn_symbols(rng: np.random.Generator) -> list[Symbol]:
    """A caption by chance out of the grammar."""
    said: list[Symbol] = []
    while not said or said[-1] != END:
        options = next_symbols(tuple(said))
        ending = END in options and len(said) > 40
        said.append(END if ending else options[int(rng.integers(len(options)))])
    return said


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_the_grammar_says_is_read_back(language: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        symbols = drawn_symbols(rng)
        seen = seen_of_symbols(symbols)
        assert symbols_of(seen) == symbols
        assert seen_of_caption(say_seen(seen, language), language) == seen


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_symbols_have_one_text(language: str) -> None:
    assert len(set(WORDS[language].values())) == len(SYMBOLS)
    assert set(WORDS[language]) == set(SYMBOLS)


def test_what_is_seen_by_hand() -> None:
    """A lead 30 m ahead brakes at 5 s, we at 6 s because of it; a car 80 m behind; one out of the picture."""
    ego, lead = speeds(20, (6, 8, -6)), speeds(20, (5, 7, -6))
    episode = driven([(300, 4, ego), (335, 4, lead), (215, 4, speeds(18)), (450, 4, speeds(20))])
    seen = seen_of(episode)
    assert seen.slots() == {
        "road": "highway", "lanes": "3", "density": "light", "ego.kind": "car", "ego.speed": "normal",
        "lead.kind": "car", "lead.speed": "normal", "lead.distance": "middle", "follower.kind": "car",
        "follower.speed": "normal", "follower.distance": "far", "without.left": "True",
        "without.right": "True", "without.trucks": "True", "ego.brake": "mid", "lead.brake": "mid",
        "ego.brake.why": "lead brake", "someone.cut-in": "never", "someone.lane-change": "never",
        "someone.crash": "never"}
    assert say_seen(seen) == (
        "A highway, 3 lanes, light traffic. Ours: a car, at normal speed. Ahead: a car, at normal speed, at "
        "a middling distance. Behind: a car, at normal speed, far away. Left: nobody. Right: nobody. No "
        "trucks. Halfway, our car brakes hard because the one ahead braked hard. Halfway, the one ahead "
        "brakes hard. Nobody cuts in. Nobody changes lanes. Nobody crashes.")
    assert "앞차가 급제동했기 때문" in say_seen(seen, "ko")
    assert seen_of_caption(say_seen(seen, "ko")) == seen


def test_what_is_done_out_of_the_picture_is_not_said() -> None:
    """A slow car behind is left 100 m back after about 4 s; that it stops at 9 s is not to be seen."""
    late = driven([(300, 4, speeds(25)), (280, 0, speeds(10, (8, 12, -5)))])
    assert not any(event.happens for event in seen_of(late).facts.events)
    early = driven([(300, 4, speeds(25)), (280, 0, speeds(10, (1, 4, -5)))])
    assert ("left.stop", "early") in seen_of(early).slots().items()


def test_a_mirror_swaps_sides_and_nothing_else() -> None:
    facts = Facts("merge", 3, "light", agents=(Agent("left", "truck", speed="slow", distance="near"),),
                  without=("right",), events=(Event("left", "lane-right", "early"),
                                              Event("left", "cut-in", "early")))
    seen = Seen(facts, (Cause("ego", "brake", "left", "cut-in"),))
    other = mirrored(seen)
    assert other.slots()["right.lane-left"] == "early"
    assert other.facts.without == ("left",)
    assert other.why == (Cause("ego", "brake", "right", "cut-in"),)
    assert mirrored(other) == seen


@pytest.mark.parametrize(("change", "message"), [
    ({"ego": None}, "no.*ego|has none"), ({"dt_s": 0.5}, "every 0.5 s"), ({}, "lasts")])
def test_what_cannot_be_seen(change: dict[str, object], message: str) -> None:
    episode = driven([(0, 4, speeds(20))])
    given = replace(episode, **change) if change else episode.window(0, 60)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        seen_of(given)


@pytest.mark.parametrize("text", ["", "A highway", "A highway, 3 lanes, light traffic.",
                                  "A cat sat on the road.",
                                  "A highway, 3 lanes, empty. Ours: a car, fast. Ahead: a car, fast, near."])
def test_what_is_no_caption(text: str) -> None:
    with pytest.raises(InputError, match="caption"):
        seen_of_caption(text, "en")


def test_pictures_times() -> None:
    sight = Sight()
    assert sight.times_s[:4] == (0.0, 0.2, 1.0, 2.0)
    assert sight.shape == (19, 100, 44)
    for wrong in ({"aside_px": 201}, {"along_px": 3}, {"pair_s": 2.0}):
        with pytest.raises(InputError):
            Sight(**wrong)  # type: ignore[arg-type]


def test_scores_by_hand() -> None:
    """Of 5 facts 4 are said, one of them wrongly: precision 3/4, recall 3/5."""
    agents = (Agent("ego", speed="fast"),)
    true = Seen(Facts("highway", 3, "light", agents=agents))
    said = Seen(Facts("highway", 2, agents=agents))
    assert set(true.slots()) == {"road", "lanes", "density", "ego.kind", "ego.speed"}
    found = score_captions([true], [said])
    assert (found.precision, found.recall, found.exact) == (0.75, 0.6, 0.0)
    assert found.hallucinated == 0.25
    assert found.by_slot["lanes"] == (0.0, 1)
    assert score_captions([true], [true]).f1 == 1.0
    assert score_captions([true], [said], without=("lanes", "density")).exact == 1.0
    around = interval([true] * 4, [true, said, said, said], lambda score: score.exact)
    assert around.value == 0.25
    assert around.low <= around.value <= around.high


def test_a_request_in_a_caption() -> None:
    wanted = Facts("highway", agents=(Agent("lead", "truck", distance="near"), Agent("cars", count=2)),
                   events=(Event("lead", "brake", at_s=4), Event("someone", "crash", happens=False)))
    assert visible(wanted) == ["road", "lead.kind", "lead.distance", "cars.count", "lead.brake",
                               "someone.crash"]
    seen = Facts("highway", 3, "light", agents=(
        Agent("lead", "truck", speed="normal", distance="far"), Agent("left", distance="near"),
        Agent("cars")),
        events=(Event("lead", "brake", "early"),))
    held = in_caption(wanted, Seen(seen))
    assert held == {"road": True, "lead.kind": True, "lead.distance": False, "cars.count": True,
                    "lead.brake": True, "someone.crash": True}
    late = replace(seen, events=(Event("lead", "brake", "late"), Event("left", "crash", "late")))
    assert not in_caption(wanted, Seen(late))["lead.brake"]
    assert not in_caption(wanted, Seen(late))["someone.crash"]


@pytest.mark.parametrize(("text", "language"), [("a highway with three lanes, a truck close ahead", "en"),
                                                ("고속도로에서 앞차는 트럭이다", "ko")])
def test_a_round_trip_by_the_exact_captioner(text: str, language: str) -> None:
    wanted = Facts("highway", agents=(Agent("lead", "truck"),))
    trips = Trips(lambda episode: seen_of(episode), Sight())
    trip = trips.take(text, wanted, language, 0)
    assert trip.slots["lead.kind"] == (True,) * len(STAGES)
    assert trips.take("qwerty", wanted, "en", 0).slots["road"] == (False,) * len(STAGES)


def test_without_the_reason_it_does_not_happen() -> None:
    """The lead comes to a stop: the gap rule makes its follower brake hard, but not without it."""
    wanted = Facts("highway", 1, agents=(Agent("lead", distance="middle"),),
                   events=(Event("lead", "stop", at_s=5),))
    scenario, episode, _ = realise(wanted, 0)
    found = happenings(episode)
    cause = next(one for one in found if one.what == "stop" and one.agent == 1)
    effect = next(one for one in found if one.what == "brake" and one.agent == 0)
    cue = cue_of(scenario, 1, cause)
    assert cue is not None
    assert cue_of(scenario, 0, effect) is None
    assert len(without_cue(scenario, cue).events) == len(scenario.events) - 2
    assert not happens_anyway(scenario, cue, episode, effect)
    assert seen_of(episode).slots()["ego.brake.why"] == "lead stop"


def test_a_recipe_is_what_is_played() -> None:
    facts, scenario = drawn(Staged(("highway",)), 3)
    assert facts.road in ("highway", None)
    assert scenario == drawn(Staged(("highway",)), 3)[1]


@pytest.mark.parametrize(("when", "at_s", "held"), [
    ("early", 3, True), ("mid", 3, True), ("late", 3, False),  # a third of 12 s is 4 s, and 1 s is allowed
    ("early", 2, True), ("mid", 2, False), ("early", 8, False), ("mid", 8, True), ("late", 8, True),
    ("late", 10, True), ("mid", 10, False), ("late", None, True)])
def test_a_time_is_held_by_the_parts_of_the_clip_that_it_may_be_in(when: str, at_s: int | None,
                                                                   held: bool) -> None:
    assert Sight().duration_s == 12
    assert LATE_S == 1
    seen = Facts("highway", agents=(Agent("lead"),), events=(Event("lead", "brake", when),))  # type: ignore[arg-type]
    wanted = Facts(events=(Event("lead", "brake", at_s=at_s),))
    assert in_caption(wanted, Seen(seen))["lead.brake"] == held


def test_a_change_of_lanes_is_any_of_them_and_of_whom_it_is_said() -> None:
    seen = Seen(Facts("highway", agents=(Agent("left"), Agent("trucks", count=2)), events=(
        Event("left", "lane-right", "early"), Event("trucks", "brake", "mid"), Event("ego", "stop", "late"))))

    def held(who: str, what: str) -> bool:
        (found,) = (value for slot, value in in_caption(
            Facts(events=(Event(who, what),)), seen).items() if slot == f"{who}.{what}")  # type: ignore[arg-type]
        return found

    assert held("left", "lane-change")
    assert held("left", "lane-right")
    assert not held("left", "lane-left")
    assert held("someone", "lane-change")
    assert not held("right", "lane-change")
    assert held("trucks", "brake")
    assert not held("cars", "brake")
    assert held("ego", "stop")


def test_groups_count_those_whose_places_the_request_does_not_name() -> None:
    seen = Seen(Facts("highway", agents=(Agent("lead", "truck"), Agent("right", "car"), Agent("left", "car"),
                                         Agent("cars", count=2, abreast=True))))

    def held(*agents: Agent, **more: str) -> dict[str, bool]:
        return in_caption(Facts(agents=agents, **more), seen)  # type: ignore[arg-type]

    assert held(Agent("cars", count=4))["cars.count"]
    assert not held(Agent("cars", count=3))["cars.count"]  # as many, and no more
    assert held(Agent("cars", count=3), density="light")["cars.count"]  # other traffic is asked for too
    assert not held(Agent("cars", count=5), density="light")["cars.count"]
    assert held(Agent("cars", count=3), Agent("right"))["cars.count"]
    assert held(Agent("trucks"))["trucks.count"]
    assert held(Agent("cars", count=2, abreast=True))["cars.abreast"]
    assert not held(Agent("trucks", count=2, abreast=True))["trucks.abreast"]


def test_scores_of_many_captions_are_pooled() -> None:
    """Facts of captions together: 3 of 4 said are so, 3 of 6 that are so are said; lanes half right."""
    one, other = Facts("highway", 3, "light"), Facts("merge", 2, "heavy")
    said = Seen(Facts("highway", 3)), Seen(Facts("merge", 4))
    found = score_captions([Seen(one), Seen(other)], said)
    assert (found.precision, found.recall, found.exact) == (3 / 4, 3 / 6, 0)
    assert found.f1 == pytest.approx(2 * 0.75 * 0.5 / 1.25)
    assert found.by_slot == {"road": (1.0, 2), "lanes": (0.5, 2), "density": (0.0, 2)}
    assert score_captions([], []).f1 == 0
    sure = interval([Seen(one)] * 5, [said[0]] * 5, lambda score: score.recall)
    assert sure == pytest.approx((2 / 3, 2 / 3, 2 / 3))
