"""Commentaries: exact in both languages, back to facts; traces; and how commentaries are scored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drive_gen.envs.episode import Episode, make_episode
from drive_gen.envs.files import InputError
from drive_gen.evaluate.writing import counts_of, fact_f1, nearest_commentary
from drive_gen.language.commentary import (
    LANGUAGES,
    Language,
    commentary,
    facts_of_commentary,
    phrases_of,
    read_commentary,
    told_in,
    told_of,
)
from drive_gen.language.play import play
from drive_gen.language.played import Staged, drawn
from drive_gen.language.program import read_program
from drive_gen.language.program_words import all_words, text_of, words_of
from drive_gen.language.read_episode import facts_of_episode, happenings
from drive_gen.language.trace import trace_words

BRAKING = """road=highway lanes=3
car lane=1 from=+200 at=+0 v=20
truck lane=0 at=-25 v=19
car lane=1 at=+38 v=20
t=4.0 who=2 a=-6.0
t=5.2 who=2 a=+0.0"""
ENGLISH = """0.0 s: 3-lane highway, light traffic; our car, at normal speed; \
car ahead, at a medium distance, at normal speed; truck on the left, close, at normal speed
4.0 s: the car ahead brakes hard
12.0 s: end"""
KOREAN = """0.0초: 3차로 고속도로, 한산한 교통; 우리 차, 보통 속도; \
앞 차, 적당한 거리, 보통 속도; 왼쪽 트럭, 가까움, 보통 속도
4.0초: 앞 차가 급제동한다
12.0초: 끝"""


@pytest.fixture(scope="module")
def braking() -> Episode:
    return play(read_program(BRAKING).scenario())


@pytest.fixture(scope="module")
def episodes() -> list[Episode]:
    return [play(drawn(Staged(), seed)[1], 12.0) for seed in (0, 2, 4, 5, 8, 9)]


def test_a_commentary_by_hand(braking: Episode) -> None:
    english = commentary(braking)
    assert ENGLISH.splitlines()[:2] == english.splitlines()[:2]
    assert KOREAN.splitlines()[:2] == commentary(braking, "ko").splitlines()[:2]
    assert english.splitlines()[-1] == "12.0 s: end"
    with pytest.raises(InputError, match="language"):
        commentary(braking, "fr")  # type: ignore[arg-type]


@pytest.mark.parametrize("language", LANGUAGES)
def test_commentaries_hold_the_episodes_facts(language: Language, episodes: list[Episode]) -> None:
    happened = 0
    for episode in episodes:
        said = commentary(episode, language)
        assert facts_of_commentary(said) == facts_of_episode(episode), said
        assert told_in(said) == told_of(episode)
        happened += len(told_of(episode).moments)
    assert happened > 5


def test_newcomers_are_told_of() -> None:
    """Who was not there at the start is no fact's, but that somebody braked is known."""
    frames = np.arange(121)
    x = np.stack((200 + 2.0 * frames, 260 + 2.0 * frames))
    speed = np.full((2, 121), 20.0)
    speed[1, 60:70] = 20 - 0.6 * np.arange(1, 11)
    speed[1, 70:] = 14.0
    there = np.ones((2, 121), bool)
    there[1, :30] = False
    base = play(read_program(BRAKING).scenario())
    episode = make_episode(np.stack((x, np.full_like(x, 4.0)), -1), np.zeros((2, 121)), speed,
                           np.full((2, 2), (5.0, 2.0)), there, dt_s=0.1, road=base.road, source=base.source,
                           ego=0)
    assert "a newcomer brakes hard" in commentary(episode)
    assert facts_of_commentary(commentary(episode)) == facts_of_episode(episode)
    assert "새로 나타난 차가 급제동한다" in commentary(episode, "ko")
    with pytest.raises(InputError, match="no"):
        commentary(replace(episode, ego=None))


def test_no_phrase_means_two_things() -> None:
    for language in LANGUAGES:
        for table in phrases_of(language)[:3]:
            assert len(set(table.values())) == len(table)


def test_what_cannot_be_understood() -> None:
    told, strange = read_commentary(ENGLISH.replace("brakes hard", "dances"))
    assert told is not None
    assert (told.moments, strange) == ((), ["the car ahead dances"])
    with pytest.raises(InputError, match="dances"):
        told_in(ENGLISH.replace("brakes hard", "dances"))
    assert read_commentary("12.0 s: end")[0] is None
    with pytest.raises(InputError, match="begins with a road"):
        told_in("12.0 s: end")
    with pytest.raises(InputError, match="does not end"):
        told_in(ENGLISH.removesuffix("12.0 s: end"))


def test_a_trace_by_hand(braking: Episode) -> None:
    lines = text_of(trace_words(braking)).splitlines()
    assert lines[:3] == ["trace", "road=highway lanes=3", lines[2]]
    assert lines[2].startswith("ego car lane=1 v=20")
    assert lines[3].startswith("lead car lane=1 at=+38 v=20 t=4.5 v=17 a=-6.0 t=5.0 v=14 t=5.5 v=13")
    assert lines[4] == "left truck lane=0 at=-25 v=19"
    assert "brake" not in " ".join(lines)


@pytest.mark.parametrize("mps2", [-3.9, -4.1, -7.0])
@pytest.mark.parametrize("frames", [2, 3, 8])
def test_a_trace_tells_hard_braking_from_other(braking: Episode, mps2: float, frames: int) -> None:
    """Who held 4 m/s2 for .3 s brakes hard, in facts and in the trace alike, whenever it was."""
    for begun in range(20, 27):
        change = np.zeros(braking.steps)
        change[begun : begun + frames] = mps2 * braking.dt_s
        speed = np.repeat(20 + np.cumsum(change)[None], braking.agents, 0)
        one = replace(braking, speed_mps=speed.astype(np.float32))
        said = [float(word[3:]) for word in trace_words(one) if word.startswith(" a=")]
        brakes = any(each.what == "brake" for each in happenings(one))
        assert (min(said, default=0.0) <= -4) == brakes == (mps2 <= -4 and frames >= 3)


def test_a_trace_knows_the_time_at_any_rate(braking: Episode) -> None:
    """Of every second or third frame: what is said at a whole second is the same."""
    words = trace_words(braking)
    for every in (2, 3):
        thin = make_episode(braking.position_m[:, ::every], braking.heading_rad[:, ::every],
                            braking.speed_mps[:, ::every], braking.size_m, braking.valid[:, ::every],
                            dt_s=0.1 * every, road=braking.road, source=braking.source, ego=0,
                            kind=braking.kind)
        assert " t=5.0" in words
        assert " t=5.0" in trace_words(thin)
        places, same = ([word for word in each if "at=" in word] for each in (words, trace_words(thin)))
        assert places == same


def test_traces_are_of_known_words_and_bounded(episodes: list[Episode]) -> None:
    known = set(all_words())
    for episode in episodes:
        words = trace_words(episode)
        assert set(words) <= known
        assert words_of("".join(words), joined=True) == words
        short = trace_words(episode, most=len(words) - 1)
        changes = any(word.startswith(" t=") for word in words)
        assert (len(short) < len(words)) == changes
        heads = [word for word in words if word[0] == "\n"]
        assert [word for word in short if word[0] == "\n"] == heads


def test_facts_are_scored_by_hand() -> None:
    """Truth: 13 slots (road 3, ego 2, two others of 3, ... ) and one event."""
    exact = counts_of(ENGLISH, KOREAN)
    assert exact["start"].tolist() == [11, 11, 11]
    assert exact["events"].tolist() == [1, 1, 1]
    late = counts_of(ENGLISH, ENGLISH.replace("4.0 s", "5.1 s"))
    assert late["events"].tolist() == [0, 1, 1]
    assert counts_of(ENGLISH, ENGLISH.replace("4.0 s", "5.0 s"))["events"].tolist() == [1, 1, 1]
    strange = ENGLISH.replace("3-lane", "2-lane").replace("truck on the left", "ufo on the left")
    wrong = counts_of(ENGLISH, strange)
    assert wrong["start"].tolist() == [7, 8, 11]
    assert wrong["all"].tolist() == [8, 10, 12]
    assert fact_f1([ENGLISH], [""])["all"].f1 == 0.0
    cut = counts_of(ENGLISH, ENGLISH.removesuffix("12.0 s: end"))
    assert cut["all"].tolist() == [12, 13, 12]
    assert fact_f1([ENGLISH, KOREAN], [ENGLISH, ENGLISH])["all"].f1 == pytest.approx(1.0)


def test_the_nearest_trace_shares_most_words() -> None:
    nearest = nearest_commentary([["a", "b", "b"], ["a", "c"]], ["first", "second"])
    assert (nearest(["b", "b"]), nearest(["c", "d"])) == ("first", "second")
