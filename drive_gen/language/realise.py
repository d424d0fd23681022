"""Facts -> the scenario, of several by chance, in which most of them hold when it is driven."""

from __future__ import annotations

from typing import NamedTuple

from drive_gen.envs.episode import Episode
from drive_gen.envs.scenario import Scenario
from drive_gen.language.agree import agreement
from drive_gen.language.facts import Facts
from drive_gen.language.place import scenario_of
from drive_gen.language.play import play

TRIES = 6
APART = 1_000_003  # between the seeds of two tries, so that no two requests share one


class Realised(NamedTuple):
    """A scenario, what comes of it, and which slots of the request hold in that."""

    scenario: Scenario
    episode: Episode
    holds: dict[str, bool]


def realise(facts: Facts, seed: int = 0, text: str = "", tries: int = TRIES) -> Realised:
    """Stop at the first try in which everything holds that can be seen."""
    best: Realised | None = None
    for turn in range(tries):
        scenario = scenario_of(facts, seed + turn * APART, text)
        episode = play(scenario)
        made = Realised(scenario, episode, agreement(facts, episode))
        if best is None or sum(made.holds.values()) > sum(best.holds.values()):
            best = made
        if all(best.holds.values()):
            break
    assert best is not None
    return best
