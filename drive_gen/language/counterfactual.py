"""The same scenario without one event: whether what was put down to it happens all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from drive_gen.envs.episode import Episode
from drive_gen.envs.scenario import Event as Cue
from drive_gen.envs.scenario import Scenario
from drive_gen.language.play import play
from drive_gen.language.read_episode import Happening, happenings

SAME_S = 1.5  # an event that comes so much earlier or later is the same
CUE_S = {"lane-left": 2.5, "lane-right": 2.5, "cut-in": 2.5, "stop": 10.0}  # from a cue to what it makes
SOON_S = 1.0  # of all others


def cue_of(scenario: Scenario, agent_id: int, event: Happening) -> Cue | None:
    """The cue of the scenario that made an agent do it; None where it did so by itself."""
    lane_change = event.what in ("lane-left", "lane-right", "cut-in")
    early = [cue for cue in scenario.events if cue.agent == agent_id and cue.when.low is not None
             and -0.15 <= event.time_s - cue.when.low <= CUE_S.get(event.what, SOON_S)
             and (cue.action is not None if lane_change else bool(cue.acceleration_mps2))]
    return max(early, key=lambda cue: cue.when.low or 0.0, default=None)


def without_cue(scenario: Scenario, cue: Cue) -> Scenario:
    """The scenario without a cue, and without the one that ends what it began."""
    mine = [each for each in scenario.events if each.agent == cue.agent]
    later = mine[mine.index(cue) + 1 :]
    ends = [each for each in later[:1] if each.acceleration_mps2 == 0.0 and cue.acceleration_mps2]
    return replace(scenario, events=tuple(each for each in scenario.events if each not in (cue, *ends)))


def happens_anyway(scenario: Scenario, cue: Cue, episode: Episode, effect: Happening) -> bool:
    """Whether an agent does the same at about that time when the scenario is driven without a cue."""
    again = play(without_cue(scenario, cue))
    return is_among(effect, int(episode.agent_id[effect.agent]), again, happenings(again))


def is_among(effect: Happening, agent_id: int, episode: Episode, found: Sequence[Happening]) -> bool:
    """Whether an agent did the same at about that time in another episode."""
    return any(one.what == effect.what and int(episode.agent_id[one.agent]) == agent_id
               and abs(one.time_s - effect.time_s) <= SAME_S for one in found)


def root_of(scenario: Scenario, episode: Episode, effect: Happening, causes: Mapping[Happening, Happening]
            ) -> Cue | None:
    """Back from reason to reason until one that the scenario asked for; None where there is none."""
    seen = {effect}
    cause = causes.get(effect)
    while cause is not None and cause not in seen:
        cue = cue_of(scenario, int(episode.agent_id[cause.agent]), cause)
        if cue is not None:
            return cue
        seen.add(cause)
        cause = causes.get(cause)
    return None
