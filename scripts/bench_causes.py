"""Do geometry's reasons agree with the counterfactual? python scripts/bench_causes.py [--count 100]

Scenarios by seed are driven, and again without each of their cues in turn. An effect is undone by a cue if it
does not happen without it. "explained": the rule names a reason that goes back to a cue; "right": that cue
undoes it. "undone": somebody else's cue, or an earlier one of its own, undoes it; "named": the rule names it.
"""

from __future__ import annotations

import argparse
from collections import Counter

from rich.console import Console
from rich.progress import track

from drive_gen.language.causes import causes_of
from drive_gen.language.counterfactual import cue_of, is_among, root_of, without_cue
from drive_gen.language.play import play
from drive_gen.language.played import Staged, drawn
from drive_gen.language.read_episode import happenings
from drive_gen.train.config import FIRST_TEST_SEED

EFFECTS = ("brake", "stop", "crash", "lane-left", "lane-right")


def main() -> None:
    """The table, by what is explained."""
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--count", type=int, default=100)
    flags.add_argument("--seed", type=int, default=FIRST_TEST_SEED)
    chosen = flags.parse_args()
    counts: dict[str, Counter[str]] = {name: Counter() for name in EFFECTS}
    seeds = range(chosen.seed, chosen.seed + chosen.count)
    for seed in track(seeds, "scenarios", console=Console(stderr=True)):
        count_one(seed, counts)
    counts["all"] = sum(counts.values(), Counter())
    columns = ("effects", "explained", "right", "undone", "named")
    print("| effect | " + " | ".join(columns) + " | right of explained | named of undone |")
    print("|---|" + "---|" * (len(columns) + 2))
    for name, found in counts.items():
        shares = [f"{found[one] / found[of]:.3f}" if found[of] else "-"
                  for one, of in (("right", "explained"), ("named", "undone"))]
        print(f"| {name} | " + " | ".join([*(str(found[column]) for column in columns), *shares]) + " |")


def count_one(seed: int, counts: dict[str, Counter[str]]) -> None:
    """Drive one scenario, and again without each cue."""
    _, scenario = drawn(Staged(), seed)
    episode = play(scenario)
    found = happenings(episode)
    causes = dict(causes_of(episode, found))
    cues = [cue for cue in scenario.events if cue.acceleration_mps2 != 0.0]
    agains = [play(without_cue(scenario, cue)) for cue in cues]
    without = [(cue, again, happenings(again)) for cue, again in zip(cues, agains, strict=True)]
    for effect in found:
        if effect.what not in EFFECTS:
            continue
        agent = int(episode.agent_id[effect.agent])
        own = cue_of(scenario, agent, effect)  # what it was told to do is explained by nothing else
        undone = [cue for cue, again, others in without if cue is not own
                  and not is_among(effect, agent, again, others)]
        root = root_of(scenario, episode, effect, causes)
        right = root is not None and root in undone
        counts[effect.what].update({"effects": 1, "explained": int(root is not None), "right": int(right),
                                    "undone": int(bool(undone)), "named": int(right)})


if __name__ == "__main__":
    main()
