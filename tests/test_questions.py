"""Questions: their answers by hand, and that what is asked is what is answered."""

from __future__ import annotations

import numpy as np
import pytest

from drive_gen.language.asked_facts import holds
from drive_gen.language.facts import Agent, Event, Facts
from drive_gen.language.plan import Variety
from drive_gen.language.played import Staged, played
from drive_gen.language.questions import (
    ANSWERS,
    FRAMES,
    KINDS_ASKED,
    SAID_KO,
    Question,
    answer_of,
    ask,
    draw_question,
    said,
    shuffled,
)
from drive_gen.language.read_episode import facts_of_episode

FACTS = Facts(road="highway", lanes=3, density="light",
              agents=(Agent("lead", "truck", speed="slow", distance="near"), Agent("left")),
              events=(Event("lead", "brake", when="mid"), Event("left", "cut-in", when="early"),
                      Event("left", "lane-right", when="early"), Event("someone", "crash", happens=False)))


@pytest.mark.parametrize(("question", "answer"), [
    (Question("did", "lead", "brake"), "yes"), (Question("did", "ego", "brake"), "no"),
    (Question("did", "left", "lane-change"), "yes"), (Question("did", "left", "lane-left"), "no"),
    (Question("anybody", what="crash"), "no"), (Question("anybody", what="lane-change"), "yes"),
    (Question("when", "lead", "brake"), "mid"), (Question("when", "lead", "stop"), None),
    (Question("who", what="cut-in"), "left"), (Question("who", what="crash"), "nobody"),
    (Question("lanes"), "3"), (Question("road"), "highway"), (Question("density"), "light"),
    (Question("there", "lead"), "yes"), (Question("there", "follower"), "no"), (Question("trucks"), "yes"),
    (Question("kind", "lead"), "truck"), (Question("kind", "follower"), None),
    (Question("speed", "lead"), "slow"), (Question("speed", "left"), None),
    (Question("distance", "lead"), "near")])
def test_answers_by_hand(question: Question, answer: str | None) -> None:
    assert answer_of(FACTS, question) == answer


def test_two_who_did_it_are_no_answer() -> None:
    two = Facts(events=(Event("lead", "brake"), Event("ego", "brake")))
    assert answer_of(two, Question("who", what="brake")) is None
    assert answer_of(Facts(events=(Event("someone", "brake"),)), Question("who", what="brake")) is None


def test_in_words() -> None:
    rng = np.random.default_rng(0)
    first = Variety("train", "train")
    assert ask(Question("lanes"), "en", rng, Variety("held", "train")) == "what is the lane count?"
    assert ask(Question("lanes"), "ko", rng, Variety("held", "train")) == "차선이 총 몇 개지?"
    texts = {ask(Question("did", "lead", "brake"), "en", rng, first) for _ in range(1000)}
    assert "did the car ahead brake hard?" in texts
    korean = {ask(Question("who", what="cut-in"), "ko", rng, first) for _ in range(200)}
    assert "누가 끼어들었나요?" in korean
    assert all(text[-1] in "?워줘" or "when" in text for text in texts | korean if "true" not in text)


def test_no_question_says_its_answer() -> None:
    """A question about somebody's kind, or whether trucks are there, must not tell it."""
    rng = np.random.default_rng(1)
    for language, truck in (("en", "truck"), ("ko", "트럭")):
        for _ in range(100):
            assert truck not in ask(Question("speed", "lead"), language, rng)


def test_held_out_frames_are_never_asked_in_training() -> None:
    rng = np.random.default_rng(2)
    for language, frames in FRAMES.items():
        assert set(frames) == set(KINDS_ASKED)
        for kind in ("lanes", "road", "density"):
            trained = {ask(Question(kind), language, rng, Variety("train", "train")) for _ in range(60)}  # type: ignore[arg-type]
            held = {ask(Question(kind), language, rng, Variety("held", "train")) for _ in range(60)}  # type: ignore[arg-type]
            assert not trained & held
            assert trained | held == set(frames[kind])


def test_questions_of_an_episode_come_back_from_their_seed() -> None:
    facts = facts_of_episode(played(Staged(), 3))
    draws = [[draw_question(facts, np.random.default_rng(seed)) for seed in range(60)] for _ in range(2)]
    assert draws[0] == draws[1]
    assert all(answer == answer_of(facts, question) and answer in ANSWERS for question, answer in draws[0])
    assert len({question.kind for question, _ in draws[0]}) > 8


def test_shuffled_facts_keep_who_is_there() -> None:
    rng = np.random.default_rng(4)
    others = [shuffled(FACTS, rng) for _ in range(30)]
    assert len(set(others)) > 10
    assert all([agent.role for agent in each.agents] == ["lead", "left"] for each in others)


def test_every_answer_can_be_said() -> None:
    assert len(set(ANSWERS)) == len(ANSWERS)
    assert all(said(answer, "ko") != answer or answer.isdecimal() for answer in ANSWERS)
    assert set(SAID_KO) <= set(ANSWERS)
    assert said("yes", "en") == "yes"


@pytest.mark.parametrize(("language", "question", "slot"), [
    ("en", "did the car ahead brake hard?", "lead.brake"), ("ko", "앞차가 급제동했나요?", "lead.brake"),
    ("en", "does anybody crash?", "someone.crash"), ("en", "is it a merge?", "road")])
def test_geometry_answers_yes_or_no(language: str, question: str, slot: str) -> None:
    """As the facts of the episode say, in episodes in which it is so and in others."""
    answers = set()
    for seed in range(8, 18):
        episode = played(Staged(("highway", "merge")), seed)
        known = facts_of_episode(episode)
        answer = holds(question, language, episode)[slot]
        if slot == "road":
            assert answer == (known.road == "merge")
        else:
            who, what = slot.split(".")
            done = [event for event in known.events if event.what == what and event.happens]
            assert answer == bool(done if who == "someone" else [event for event in done if event.who == who])
        answers.add(answer)
    assert answers == {True, False}


@pytest.mark.parametrize(("language", "question"), [("en", "who cut in?"), ("ko", "차로는 몇 개야?"),
                                                    ("en", "is the sky blue?")])
def test_geometry_leaves_open_questions_alone(language: str, question: str) -> None:
    assert holds(question, language, played(Staged(("highway",)), 1)) == {}
