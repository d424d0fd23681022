"""Requests in English and Korean: worked out, through the grammar and back, held out, and bad ones."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drive_gen.envs.files import InputError
from drive_gen.language import speak
from drive_gen.language.dictionary import look_up
from drive_gen.language.draw import draw
from drive_gen.language.facts import ROADS, Agent, Event, Facts, distance_band, speed_band
from drive_gen.language.inflect import english, korean, particles
from drive_gen.language.parse import facts_of_text, language_of
from drive_gen.language.plan import Variety, share_of
from drive_gen.language.score import score, score_reader
from drive_gen.language.speak import LANGUAGES, mistyped, say
from drive_gen.language.splits import SPLITS, is_held, read_requests, requests
from drive_gen.language.units import one_slip

DRAWS = 1500
WORKED: list[tuple[str, dict[str, Any]]] = [
    ("At night on a three-lane highway the truck ahead slams on its brakes after 3 seconds; "
     "the car behind does not. No one changes lanes.",
     {"road": "highway", "lanes": 3, "time": "night", "agents": [{"role": "lead", "kind": "truck"}],
      "events": [{"who": "lead", "what": "brake", "at_s": 3},
                 {"who": "follower", "what": "brake", "happens": False},
                 {"who": "someone", "what": "lane-change", "happens": False}]}),
    ("합류 구간, 공격적인 차 세 대, 앞차 급정거",
     {"road": "merge", "agents": [{"role": "cars", "count": 3, "style": "aggressive"}],
      "events": [{"who": "lead", "what": "brake"}]}),
    ("two trucks side by side", {"agents": [{"role": "trucks", "count": 2, "abreast": True}]}),
    ("We want to overtake a slow truck in front of us, but there's a fast car in the left lane.",
     {"task": "overtake", "agents": [{"role": "lead", "kind": "truck", "speed": "slow"},
                                     {"role": "left", "speed": "fast"}]}),
    ("Give me a roundabout with heavy traffic where nobody crashes.",
     {"road": "roundabout", "density": "heavy",
      "events": [{"who": "someone", "what": "crash", "happens": False}]}),
    ("There is a car ahead, there is a truck behind. The latter speeds up late, the former stops.",
     {"agents": [{"role": "follower", "kind": "truck"}],
      "events": [{"who": "follower", "what": "accelerate", "when": "late"}, {"who": "lead",
          "what": "stop"}]}),
    ("A truck cuts in from the left and then brakes hard", {"agents": [{"role": "left", "kind": "truck"}],
                                                            "events": [{"who": "left", "what": "cut-in"},
                                                                       {"who": "left", "what": "brake"}]}),
    ("비 오는 밤 고속도로에서 왼쪽 트럭이 갑자기 끼어들고 앞차는 급브레이크를 밟는다.",
     {"road": "highway", "weather": "rain", "time": "night", "agents": [{"role": "left", "kind": "truck"}],
      "events": [{"who": "left", "what": "cut-in"}, {"who": "lead", "what": "brake"}]}),
    ("앞차는 트럭인데 천천히 가고 있고, 뒤차는 바짝 붙어 있다. 아무도 차로를 바꾸지 않는다.",
     {"agents": [{"role": "lead", "kind": "truck", "speed": "slow"}, {"role": "follower",
         "distance": "near"}],
      "events": [{"who": "someone", "what": "lane-change", "happens": False}]}),
    ("앞차가 3초 뒤에 멈추지만 뒤차는 멈추지 않는다.",
     {"events": [{"who": "lead", "what": "stop", "at_s": 3},
                 {"who": "follower", "what": "stop", "happens": False}]}),
    ("교차로에서 우리는 좌회전한다. 사고 없이, 트럭은 없다.",
     {"road": "intersection", "task": "turn-left", "without": ["trucks"],
      "events": [{"who": "someone", "what": "crash", "happens": False}]}),
    ("눈 오는 날, 시속 110킬로미터로 달리는 왼쪽 차", {"weather": "snow", "agents": [{"role": "left",
        "speed": "fast"}]}),
]


def drawn(count: int, seed: int) -> list[Facts]:
    rng = np.random.default_rng(seed)
    return [draw(rng) for _ in range(count)]


@pytest.mark.parametrize(("text", "facts"), WORKED)
def test_worked_requests(text: str, facts: dict[str, Any]) -> None:
    assert facts_of_text(text) == Facts.from_mapping(facts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_facts_survive_the_round_trip(language: str) -> None:
    for number, facts in enumerate(drawn(DRAWS, 7)):
        text = say(facts, language, number)
        assert facts_of_text(text) == facts, text  # the language found by itself, too


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("variety", [Variety("held", "held"), Variety("train", "held"), Variety("held",
    "train")])
def test_the_parser_knows_what_is_held_out(language: str, variety: Variety) -> None:
    for number, facts in enumerate(drawn(200, 8)):
        text = say(facts, language, number, variety)
        assert facts_of_text(text, language) == facts, text


def test_facts_are_plain_and_canonical() -> None:
    for facts in drawn(300, 9):
        assert Facts.from_mapping(json.loads(json.dumps(facts.to_mapping()))) == facts
        turned = dataclasses.replace(facts, agents=facts.agents[::-1], events=facts.events[::-1])
        assert turned == facts
        assert hash(turned) == hash(facts)
    brakes = (Event("lead", "brake"),)
    assert Facts(events=brakes) == Facts(agents=(Agent("lead"),), events=brakes)
    assert Facts(agents=(Agent("cut-in"),)).events == (Event("cut-in", "cut-in"),)
    assert Facts(task="follow").agents == (Agent("lead"),)
    assert Agent("trucks").kind == "truck"


@pytest.mark.parametrize(("mps", "band"), [(0, "stopped"), (14.9, "slow"), (15, "normal"), (25, "normal"),
                                           (25.1, "fast")])
def test_speed_bands(mps: float, band: str) -> None:
    assert speed_band(mps) == band


@pytest.mark.parametrize(("gap_m", "band"), [(-1, "beside"), (0, "near"), (20, "middle"), (50, "middle"),
                                             (51, "far")])
def test_distance_bands(gap_m: float, band: str) -> None:
    assert distance_band(gap_m) == band


@pytest.mark.parametrize(("verb", "forms"), [
    ("slam* on the brakes",
        "slam on the brakes, slams on the brakes, slamming on the brakes, slammed on the brakes"),
    ("cut* in", "cut in, cuts in, cutting in, cut in"), ("overtake*",
        "overtake, overtakes, overtaking, overtook"),
    ("switch* lanes", "switch lanes, switches lanes, switching lanes, switched lanes"),
    ("have* to merge", "have to merge, has to merge, having to merge, had to merge")])
def test_english_verbs(verb: str, forms: str) -> None:
    assert ", ".join(english(verb).values()) == forms


@pytest.mark.parametrize(("verb", "forms"), [
    ("급제동하*", "급제동하, 급제동한다, 급제동합니다, 급제동하는, 급제동했"),
    ("끼어들*", "끼어들, 끼어든다, 끼어듭니다, 끼어드는, 끼어들었"),
    ("브레이크를 밟*",
        "브레이크를 밟, 브레이크를 밟는다, 브레이크를 밟습니다, 브레이크를 밟는, 브레이크를 밟았"),
    ("멈추*", "멈추, 멈춘다, 멈춥니다, 멈추는, 멈췄"), ("앞지르*",
        "앞지르, 앞지른다, 앞지릅니다, 앞지르는, 앞질렀")])
def test_korean_verbs(verb: str, forms: str) -> None:
    assert ", ".join(korean(verb).values()) == forms


@pytest.mark.parametrize(("marked", "said"), [("트럭/은", "트럭은"), ("차/은", "차는"), ("차/이", "차가"),
    ("3/을", "3을"),
                                              ("길/으로", "길로"), ("트럭/으로", "트럭으로"), ("차/이다",
                                                  "차다")])
def test_particles(marked: str, said: str) -> None:
    assert particles(marked) == said


def test_particles_follow_their_words_in_every_text() -> None:
    wrong = ("차은", "차이 ", "차을", "트럭는", "트럭가 ", "트럭를", "차량는", "차량가 ", "차량를")
    for number, facts in enumerate(drawn(400, 10)):
        text = say(facts, "ko", number)
        assert not any(pair in text for pair in wrong), text
        assert "/" not in text.replace("km/h", "")


def test_a_broken_particle_rule_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drive_gen.language.korean.particles", lambda text: text.replace("/은",
        "은").replace("/", ""))
    with pytest.raises(AssertionError):
        test_particles_follow_their_words_in_every_text()


def understood(text: str, facts: dict[str, Any]) -> bool:
    try:
        return facts_of_text(text) == Facts.from_mapping(facts)
    except InputError:
        return False


@pytest.mark.parametrize("lost", ["not", "nobody", "no", "sep"])
def test_a_parser_without_negation_or_clauses_fails(lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from drive_gen.language import parse

    whole = parse.tokens
    monkeypatch.setattr(parse, "tokens", lambda *args: [each for each in whole(*args) if each.type != lost])
    assert not all(understood(text, facts) for text, facts in WORKED)


def test_a_seed_says_the_same_again_and_another_something_else() -> None:
    facts = drawn(1, 3)[0]
    for language in LANGUAGES:
        assert say(facts, language, 5) == say(facts, language, 5)
        assert len({say(facts, language, seed) for seed in range(20)}) > 15


@pytest.mark.parametrize("language", LANGUAGES)
def test_slips_are_mostly_understood(language: str) -> None:
    found = requests("typos", language, 150)
    assert score_reader(found, facts_of_text).exact > 0.93
    text = "The vehicle ahead accelerates"
    assert mistyped(text, "en", np.random.default_rng(0), 1.0) != text


@pytest.mark.parametrize(("word", "other", "near"), [("trcuk", "truck", True), ("truk", "truck", True),
                                                     ("truckk", "truck", True), ("tuckr", "truck", False),
                                                     ("track", "truck", True), ("lane", "truck", False)])
def test_one_slip(word: str, other: str, near: bool) -> None:
    assert one_slip(word, other) == near


@pytest.mark.parametrize(("text", "said"), [
    ("no trucks, and two trucks on a highway", "trucks"), ("it is night and it is day", "time"),
    ("on a highway; nobody ahead; the car ahead stops", "lead"), ("트럭은 없다. 트럭 두 대가 있다.",
        "trucks"),
    ("앞차가 급제동한다. 앞차는 급제동하지 않는다.", "brake"), ("nobody changes lanes, the left car cuts in",
        "lane-change"),
    ("a highway with 9 lanes", "9 lanes"), ("8 aggressive trucks", "8 trucks"),
    ("xyzzy plugh", "nothing understood"), ("안녕하세요 반갑습니다", "nothing understood"),
    ("今日は雨です", "neither English nor Korean"), ("   ", "neither English nor Korean"),
    ("шел дождь", "neither English nor Korean")])
def test_bad_requests_are_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        facts_of_text(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("values", "said"), [
    ({"road": "motorway"}, "motorway"), ({"agents": [{"role": "lead", "count": 9}]}, "9"),
    ({"agents": [{"role": "lead"}, {"role": "lead", "kind": "truck"}]}, "twice"),
    ({"agents": [{"role": "cut-in", "count": 2}]}, "one cut-in"), ({"lanes": 7}, "7"),
        ({"colour": "red"}, "colour"),
    ({"agents": [{"role": "lead", "distance": "beside"}]}, "beside"),
    ({"agents": [{"role": "cars", "kind": "truck"}]}, "trucks"),
    ({"agents": [{"role": "cars", "abreast": True}]}, "side by side"),
    ({"agents": [{"role": "cars", "distance": "far"}]}, "distance"),
    ({"density": "empty", "agents": [{"role": "lead"}]}, "empty"),
    ({"without": ["aggressive"], "agents": [{"role": "cars", "style": "aggressive"}]}, "aggressive"),
    ({"events": [{"who": "lead", "what": "stop", "when": "late", "at_s": 3}]}, "say one"),
    ({"events": [{"who": "lead", "what": "stop", "at_s": 11}]}, "11"),
    ({"events": [{"who": "lead", "what": "stop", "when": "late", "happens": False}]}, "no time")])
def test_bad_facts_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Facts.from_mapping(values)


def test_languages_are_told_apart() -> None:
    assert language_of("two trucks") == "en"
    assert language_of("IC 부근 트럭") == "ko"


@pytest.mark.parametrize("split", SPLITS)
def test_splits_are_by_seed_and_keep_apart(split: str) -> None:
    found = requests(split, "en", 40)
    assert found == requests(split, "en", 40)
    assert found != requests(split, "en", 40, seed=1)
    assert {is_held(request.facts) for request in found} == {split == "combination"}
    others = {request.text for other in SPLITS if other != split for request in requests(other, "en", 40)}
    assert len({request.text for request in found} & others) <= 4  # short ones meet


def test_held_out_synonyms_are_not_in_training() -> None:
    options = ("a", "b", "c", "d", "e", "f", "g", "h")
    assert (share_of(options, "train"), share_of(options, "held")) == (options[:6], options[6:])
    held = requests("synonym", "en", 100)
    trained = score_reader(held, lambda text, language: facts_of_text(text, language, "train"))
    assert trained.exact < 0.1 < 0.99 < score_reader(held, facts_of_text).exact
    seen = requests("seen", "en", 100)
    assert score_reader(seen, lambda text, language: facts_of_text(text, language, "train")).exact > 0.9


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_dictionary_is_a_floor(language: str) -> None:
    found = requests("seen", language, 150)
    floor, parser = score_reader(found, look_up), score_reader(found, facts_of_text)
    assert 0.1 < floor.exact < 0.5 < 0.99 < parser.exact
    assert look_up("nobody brakes hard",
        "en").slots() == {"someone.brake": "sometime"}  # it knows no negation


def test_scores_by_hand() -> None:
    one, other = Facts(road="merge", lanes=3), Facts(road="exit", lanes=3)
    found = score([one, one, one], [one, other, None])
    assert found.exact == pytest.approx(1 / 3)
    assert found.precision == pytest.approx(3 / 4)
    assert found.recall == pytest.approx(3 / 6)
    assert found.f1 == pytest.approx(0.6)


def test_requests_by_hand_are_read(tmp_path: Path) -> None:
    path = tmp_path / "requests_en.jsonl"
    path.write_text('{"text": "a merge area", "facts": {"road": "merge"}}\n\n', encoding="utf-8")
    assert [request.facts.road for request in read_requests(path, "en")] == ["merge"]
    for bad in ('{"text": "x"}', "[1]", "{", '{"text": "x", "facts": {"road": "lane"}}'):
        path.write_text(bad, encoding="utf-8")
        with pytest.raises(InputError, match="line 1"):
            read_requests(path, "en")
    with pytest.raises(InputError, match=r"none\.jsonl"):
        read_requests(tmp_path / "none.jsonl", "en")


def test_every_road_is_said_in_both_languages() -> None:
    for road in ROADS:
        for language in LANGUAGES:
            assert facts_of_text(speak.say(Facts(road=road), language, 1)) == Facts(road=road)
