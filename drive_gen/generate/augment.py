"""Verified augmentation: real episodes and a diffusion model in, a store of checked episodes out.

What a store holds tells where a run stopped, so the same command goes on from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from drive_gen.data.store import INDEX, read_index, read_shard, write_episodes
from drive_gen.envs.episode import Episode
from drive_gen.generate.candidates import Candidate, Generation, candidates
from drive_gen.generate.scenes import ego_returns
from drive_gen.generate.verify import Verdict


@dataclass
class Tally:
    """How many candidates were tried, and why some were refused."""

    tried: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    @property
    def accepted(self) -> int:
        """Candidates that passed every check."""
        return self.tried - self.rejected.total()

    def count(self, verdict: Verdict) -> None:
        """Add one candidate."""
        self.tried += 1
        if verdict.reason is not None:
            self.rejected[verdict.reason] += 1


def augment(run: Generation, out: Path, count: int,
            show: Callable[[Tally], None] = lambda tally: None) -> Tally:
    """Write `count` accepted candidates to the store `out`; gives how many were tried and refused for it.

    Where `out` holds episodes of this very run, it goes on after the last of them. `show` is called after
    each candidate. Fewer are written where count x `tries` candidates do not give as many.
    """
    tally = resumed(run, out)
    show(tally)

    def accepted() -> Iterator[Episode]:
        most = count * run.config.tries
        for candidate in candidates(run, tally.tried):
            tally.count(candidate.verdict)
            show(tally)
            if candidate.verdict.accepted:
                yield _sealed(run, candidate, tally)
            if tally.accepted >= count or tally.tried >= most:
                return

    if tally.accepted < count:
        write_episodes(out, accepted())
    return tally


def resumed(run: Generation, out: Path) -> Tally:
    """The tally at the last episode of this run that the store holds; an empty one where it holds none."""
    rows = [row for row in read_index(out) if f"/{run.hash}" in row.key] if (out / INDEX).exists() else []
    if not rows:
        return Tally()
    last = max(rows, key=lambda row: row.seed or 0)
    notes = read_shard(out / last.shard, [last])[0].source.notes
    return Tally(notes["tally"]["tried"], Counter(notes["tally"]["rejected"]))


def _sealed(run: Generation, candidate: Candidate, tally: Tally) -> Episode:
    """The episode with what is known once it is accepted: the returns it got, and the count so far."""
    episode = candidate.episode
    got = [round(float(value), 6) for value in ego_returns(episode, run.model.config)]
    notes = {**episode.source.notes, "got": got,
             "tally": {"tried": tally.tried, "rejected": dict(sorted(tally.rejected.items()))}}
    return replace(episode, source=replace(episode.source, notes=notes))
