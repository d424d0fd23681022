"""Train the bundled writer: python scripts/release_writer.py --work runs/release-writer

Five trainings in bfloat16, each begun with the last one's best, its rates beginning anew: two on worlds of
which 3072 are driven (read from --data, a store of `drive-gen collect requests` with the 4000 episodes from
seed 0 on, or made by seed), two on the same worlds, all driven, with a loss on what programs' grammar bars,
which weighs more in the second; one in which episodes are told as others see them, too.
Three hours on one core. A stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

from drive_gen.data.progress import progress_bar
from drive_gen.data.store import iterate_episodes
from drive_gen.envs.files import InputError, make_folder
from drive_gen.language.played import Staged, played
from drive_gen.language.writer_config import WriterTraining, writer_preset
from drive_gen.language.writings import Writing, load_writings, save_writings, views_of, writings_by_seed
from drive_gen.train.writer import WRITINGS, resume_writer, train_writer

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"
MOST_BYTES = 5_000_000
EPISODES, VIEWS = 4000, 8  # that are told as others see them, and how often each at most


def main() -> None:
    """Train, or go on; copy the best checkpoint to drive_gen/assets/writer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/release-writer"))
    parser.add_argument("--data")
    parser.add_argument("--steps", type=int, nargs=5, default=(3400, 2000, 3600, 1600, 2600))
    options = parser.parse_args()
    base = replace(writer_preset("base"), store=options.data, more_programs=6900, grammar_weight=0.0)
    first, second, third, fourth, last = (options.work / name
                                          for name in ("first", "second", "third", "fourth", "last"))
    loop = replace(base.loop, steps=options.steps[0], bfloat16=True, evaluate_every=425)
    learn(first, replace(base, loop=loop))
    loop = replace(loop, steps=options.steps[1], learning_rate=1.5e-3, evaluate_every=400)
    learn(second, replace(base, loop=loop, init=best_of(first)), lambda: load_writings(first / WRITINGS))
    driven = replace(base, store=None, episodes=base.episodes + base.more_programs, more_programs=0,
                     grammar_weight=10.0, loop=replace(loop, steps=options.steps[2]), init=best_of(second))
    learn(third, driven, lambda: all_driven(first / WRITINGS))
    loop = replace(loop, steps=options.steps[3], learning_rate=7e-4)
    barred = replace(driven, grammar_weight=40.0, loop=loop, init=best_of(third))
    learn(fourth, barred, lambda: load_writings(third / WRITINGS))
    kept = last / WRITINGS
    held = round(driven.episodes * driven.validation)
    more = load_writings(kept) if kept.exists() else with_views(load_writings(third / WRITINGS), held,
                                                                options.data)
    viewed = replace(barred, programs=0.25, validation=held / len(more), init=best_of(fourth),
                     loop=replace(loop, steps=options.steps[4], learning_rate=1.2e-3))
    learn(last, viewed, lambda: more)
    best = Path(best_of(last))
    size = sum(path.stat().st_size for path in best.iterdir())
    if size > MOST_BYTES:
        raise InputError(f"{best} has {size} bytes; what is bundled has at most {MOST_BYTES}")
    shutil.rmtree(ASSETS / "writer", ignore_errors=True)
    shutil.copytree(best, ASSETS / "writer")
    print(f"wrote {ASSETS / 'writer'}, {size / 1e6:.1f} MB; next: drive-gen sample --out scenarios")


def learn(out: Path, config: WriterTraining, worlds: Callable[[], list[Writing]] | None = None) -> None:
    """Train, or go on with a stopped training; on worlds that are given, where they are."""
    if (out / "training_state").exists():
        resume_writer(out)
        return
    if worlds is not None and not (out / WRITINGS).exists():
        make_folder(out)
        save_writings(out / WRITINGS, worlds())
    train_writer(out, config)


def best_of(run: Path) -> str:
    """A run's best checkpoint."""
    return str(run / "checkpoints" / "best")


def all_driven(path: Path) -> list[Writing]:
    """The worlds of a file in its order (so that the same are held out), those not driven driven now."""
    worlds = load_writings(path)
    rest = [world.seed for world in worlds if not world.trace]
    with progress_bar() as bar:
        task = bar.add_task("worlds", total=len(rest))
        made = writings_by_seed(Staged(), rest, on_writing=lambda writing: bar.update(task, advance=1))
    known = {world.seed: world for world in made}
    return [known.get(world.seed, world) for world in worlds]


def with_views(worlds: list[Writing], held: int, data: str | None) -> list[Writing]:
    """The worlds after views of 4000 episodes by seed, but for those that the last `held` worlds are of."""
    unseen = {world.seed for world in worlds[-held:]}
    episodes = iterate_episodes(Path(data)) if data else (played(Staged(), seed) for seed in range(EPISODES))
    views: list[Writing] = []
    with progress_bar() as bar:
        task = bar.add_task("views", total=EPISODES)
        for episode in islice(episodes, EPISODES):
            seed = episode.source.seed or 0
            views += views_of(episode, seed, VIEWS) if seed not in unseen else ()
            bar.update(task, advance=1)
    return views + worlds


if __name__ == "__main__":
    main()
