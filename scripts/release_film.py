"""Train the network that sees films: python scripts/release_film.py --work runs/film [--data STORE]

Frames of scripted traffic (seeds below the tests, no roundabouts and U-turns), seen from any agent, in looks
of every strength, some of them on bent and crossed roads, half of them squeezed as JPEGs. It begins with the
bundled network that sees films, or --init (drive_gen/assets/segmenter begins it anew). A stopped run goes on
where it was. The best checkpoint goes to drive_gen/assets/film.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import tyro

from drive_gen.perception.film_config import FilmTraining
from drive_gen.train.film import resume_film, train_film
from drive_gen.train.run import STATE

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"


def main(work: Path = Path("runs/film"), data: str | None = None, steps: int | None = None,
         init: str = "drive_gen/assets/film") -> None:
    """Train, or go on; copy the best checkpoint."""
    if (work / STATE).exists():
        resume_film(work)
    else:
        config = FilmTraining(init=init)
        loop = replace(config.loop, steps=steps or config.loop.steps)
        train_film(work, replace(config, loop=loop, frames=replace(config.frames, store=data)))
    shutil.rmtree(ASSETS / "film", ignore_errors=True)
    shutil.copytree(work / "checkpoints" / "best", ASSETS / "film")
    print(f"wrote {ASSETS / 'film'}; next: drive-gen describe FILM")


if __name__ == "__main__":
    tyro.cli(main)
