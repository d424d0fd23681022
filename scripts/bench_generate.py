"""Requests made into scenarios, driven, and read back: python scripts/bench_generate.py [--count 200]

A slot counts as right where geometry finds it in the driven episode. "one try" takes the first arrangement.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from drive_gen.language.draw import draw
from drive_gen.language.facts import Facts
from drive_gen.language.parse import facts_of_text
from drive_gen.language.realise import TRIES, realise
from drive_gen.language.score import group_of
from drive_gen.language.speak import say


def row_of(slot: str, facts: Facts) -> str:
    """A slot's row: events by what happens."""
    group = group_of(slot)
    if group != "events":
        return group
    never = " never" if facts.slots()[slot] == "never" else ""
    return f"event {slot.split('.')[1]}{never}"


def main() -> None:
    """A table of the shares of slots that hold."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--count", type=int, default=200)
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--straight", action="store_true", help="highways only, where every request has room")
    chosen = flags.parse_args()
    rng = np.random.default_rng(np.random.SeedSequence(chosen.seed))
    asked = Counter[str]()
    right = {tries: Counter[str]() for tries in (1, TRIES)}
    whole = dict.fromkeys(right, 0)
    made = 0
    while made < chosen.count:
        drawn = draw(rng)
        if chosen.straight and (drawn.road not in (None, "highway") or drawn.lanes in (1, 2)):
            continue
        facts = facts_of_text(say(drawn, ("en", "ko")[made % 2], made))
        for tries, hits in right.items():
            holds = realise(facts, made, tries=tries).holds
            hits.update(row_of(slot, facts) for slot, held in holds.items() if held)
            whole[tries] += all(holds.values())
        asked.update(row_of(slot, facts) for slot in holds)
        made += 1
    print(f"| slot | asked | one try | best of {TRIES} |\n|---|---|---|---|")
    for slot in sorted(asked):
        shares = "".join(f" {hits[slot] / asked[slot]:.3f} |" for hits in right.values())
        print(f"| {slot} | {asked[slot]} |{shares}")
    print(f"| all slots | {asked.total()} |" + "".join(f" {hits.total() / asked.total():.3f} |"
                                                       for hits in right.values()))
    print(f"| whole requests | {made} |" + "".join(f" {count / made:.3f} |" for count in whole.values()))


if __name__ == "__main__":
    main()
