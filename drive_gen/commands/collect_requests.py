"""`drive-gen collect requests`: episodes of scripted traffic in which things happen."""

from __future__ import annotations

from pathlib import Path


def collect_requests(*, out: Path, episodes: int = 500, seed: int = 0, roads: str = "", workers: int = 0,
                     json: bool = False) -> int:
    """Draw requests by chance, make each into a scenario, drive it for 12 s, and record it.

    A stopped collection goes on where it was: give the same command again.

    Args:
        out: Episode store to write or to add to.
        episodes: How many episodes.
        seed: The first episode's seed; the others follow.
        roads: Comma-separated road kinds; all but roundabout and u-turn, on which others are tested, if not
            given.
        workers: Processes; 0 means one a core. The store is the same whatever their number.
        json: Print only JSON.
    """
    import json as encoder
    import sys

    from drive_gen.data.progress import progress_bar
    from drive_gen.envs.files import InputError
    from drive_gen.language.played import SEEN_ROADS, Staged, collect_played

    if episodes < 1 or seed < 0:
        raise InputError(f"--episodes must be 1 or more and --seed 0 or more, got {episodes} and {seed}")
    names = tuple(name.strip() for name in roads.split(",") if name.strip())
    staged = Staged(names or SEEN_ROADS)
    with progress_bar() as bar:
        task = bar.add_task("episodes", total=episodes)
        try:
            rows = collect_played(staged, range(seed, seed + episodes), out, workers,
                                  lambda episode: bar.update(task, advance=1))
        except KeyboardInterrupt:
            print(f"stopped; the finished episodes are in {out}; the same command goes on from there",
                  file=sys.stderr)
            raise
    if json:
        print(encoder.dumps({"out": str(out), "added": len(rows), "held_before": episodes - len(rows)}))
        return 0
    held = f" ({episodes - len(rows)} were there already)" if len(rows) < episodes else ""
    print(f"wrote {out}: {len(rows)} episodes{held}; next: drive-gen inspect {out}")
    return 0
