"""`drive-gen train segment` and `drive-gen segment`: classes of pixels in frames and photographs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np

    from drive_gen.perception.config import SegmentTraining
    from drive_gen.perception.segmenter import Segmenter

FILM_BATCH = 8  # pictures of a video that are read at once
# Of the classes in pictures: blue for the own car, red and amber for others, white lines, green elsewhere.
TINTS = {"background": (38, 70, 56), "road": (120, 110, 150), "marking": (255, 255, 255),
         "ego": (64, 190, 255), "car": (235, 72, 77), "truck": (255, 190, 60), "undrivable": (38, 70, 56),
         "movable": (235, 72, 77), "my car": (64, 190, 255)}


def train_segment(*, out: Path | None = None, resume: Path | None = None,
                  preset: Literal["quick", "base"] = "base", config: Path | None = None,
                  view: Literal["bird", "dashcam"] | None = None, photos: Path | None = None,
                  init: str | None = None, steps: int | None = None, batch_size: int | None = None,
                  learning_rate: float | None = None, seed: int | None = None,
                  device: Literal["auto", "cpu", "cuda"] | None = None, table: int = 96,
                  json: bool = False) -> int:
    """Train the U-Net to tell background, road, marking, ego, car and truck in frames.

    Frames are drawn as they are needed, of simulated scenes in looks drawn by seed; or it learns from
    labelled photographs. ^C saves; --resume goes on to the very same result.

    Args:
        out: Folder to write: config.json, metrics.jsonl, tb/, checkpoints/best and last, training_state/, and
            segmentation.json, the table.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags.
        preset: quick: under five minutes on two cores; base: a larger network, trained longer.
        config: YAML file of settings, instead of a preset.
        view: From above, or through a dashcam.
        photos: Folder with imgs/ and masks/ in comma10k's colours, to learn from instead of frames.
        init: Checkpoint or run folder, or Hub id, to begin with; its head is new where the classes differ.
        steps: Optimiser updates.
        batch_size: Pictures an update.
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights and batches.
        device: Where to train; auto: on a GPU where there is one.
        table: Frames in each set of the table; 0 for none.
        json: Print only JSON.
    """
    from drive_gen.envs.files import InputError
    from drive_gen.train.segment import resume_segment
    from drive_gen.train.segment import train_segment as train

    loop = {"steps": steps, "batch_size": batch_size, "learning_rate": learning_rate, "seed": seed,
            "device": device}
    loop = {name: value for name, value in loop.items() if value is not None}
    if table < 0:
        raise InputError(f"--table must be 0 or more, got {table}")
    _use_all_cores()
    if resume is not None:
        if out or config or loop or view or photos or init:
            raise InputError("--resume goes on with the run's own settings; give no other flags with it")
        resume_segment(resume)
        return _say_trained(resume, table, json)
    if out is None:
        raise InputError("give --out FOLDER, or --resume FOLDER")
    train(out, _settings(preset, config, view, photos, init, loop))
    return _say_trained(out, table, json)


def segment(picture: Path, /, *, checkpoint: Path | None = None, out: Path | None = None,
            mask: Path | None = None, json: bool = False) -> int:
    """Tell the class of every pixel of a picture or a video of yours.

    Args:
        picture: A picture in colour, 16 pixels a side to 16 megapixels; or a video.
        checkpoint: A run or checkpoint folder of `drive-gen train segment`; the bundled one, which knows
            frames from above, if not given.
        out: Picture or video (.mp4, .gif) to write, the classes laid over it; beside the input if not given.
        mask: Of a picture: PNG to write with the number of each pixel's class.
        json: Print only JSON.
    """
    from drive_gen.envs.files import InputError
    from drive_gen.perception.photos import is_video
    from drive_gen.perception.segmenter import Segmenter

    film = is_video(picture)
    out = out or picture.with_name(f"{picture.stem}-segmented{'.mp4' if film else '.png'}")
    if film and out.suffix.lower() not in (".mp4", ".gif"):
        raise InputError(f"--out {out}: a video is written as .mp4 or .gif")
    if film and mask is not None:
        raise InputError("--mask is for pictures; a video has one a frame")
    if not film and out.suffix.lower() != ".png":
        raise InputError(f"--out {out}: a picture is written as .png")
    if not picture.is_file():
        raise InputError(f"no picture or video at {picture}")
    model = Segmenter.from_pretrained(checkpoint or bundled())
    _use_all_cores()
    shares = _film(model, picture, out) if film else _picture(model, picture, out, mask)
    _say_shares(model, shares, out, json)
    return 0


def bundled() -> Path:
    """The checkpoint that comes with the package."""
    import drive_gen

    return Path(drive_gen.__file__).parent / "assets" / "segmenter"


def _settings(preset: str, path: Path | None, view: Any, photos: Path | None, init: str | None,
              loop: dict[str, Any]) -> SegmentTraining:
    """The preset's or the file's settings, with the flags' changes."""
    from dataclasses import replace

    from drive_gen.envs.config import read_yaml
    from drive_gen.perception.config import PhotosConfig, SegmentTraining, segment_preset

    settings = read_yaml(SegmentTraining, path) if path else segment_preset(preset)
    if view is not None:
        settings = replace(settings, frames=replace(settings.frames, view=view))
    if photos is not None:
        settings = replace(settings, photos=PhotosConfig(str(photos)))
    if init is not None:
        settings = replace(settings, init=init)
    return replace(settings, loop=replace(settings.loop, **loop))


def _say_trained(out: Path, count: int, as_json: bool) -> int:
    """Score the best checkpoint on the test sets, write the table, and print it."""
    import json

    from rich.table import Table

    from drive_gen.commands.show import show
    from drive_gen.envs.config import from_mapping
    from drive_gen.envs.files import read_json, write_json
    from drive_gen.perception.config import SegmentTraining
    from drive_gen.perception.evaluate import frames_table
    from drive_gen.perception.segmenter import Segmenter

    where = out / "config.json"
    settings = from_mapping(SegmentTraining, read_json(where, "a run's config")["training"], str(where))
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [line for line in lines if line["kind"] == "evaluation"]
    model = Segmenter.from_pretrained(out)
    scored = frames_table(model, settings.frames, count) if count and not settings.photos else []
    if scored:
        write_json(out / "segmentation.json", scored)
    best = out / "checkpoints" / "best"
    if as_json:
        print(json.dumps({"out": str(out), "checkpoint": str(best), "evaluations": rows, "table": scored},
                         indent=1))
        return 0
    table = Table("step", "mean IoU", title="scores on held-out pictures (* best)")
    highest = max(row["score"] for row in rows)
    for row in rows:
        table.add_row(f"{row['step']}{'*' if row['score'] == highest else ''}", f"{row['score']:.4f}")
    show(table)
    if scored:
        names = ("mean", *model.config.classes)
        table = Table("test set", "reader", *names, title=f"intersection over union, {count} frames each")
        for column in table.columns[2:]:
            column.justify = "right"
        for row in scored:
            table.add_row(str(row["set"]), str(row["reader"]),
                          *(f"{row[name]:.3f}" if name in row else "-" for name in names))
        show(table)
    print(f"wrote {best}; next: drive-gen segment PICTURE --checkpoint {out}")
    return 0


def _picture(model: Segmenter, path: Path, out: Path, mask: Path | None) -> np.ndarray:
    """Write the picture under its classes; pixels of each class."""
    import numpy as np
    from PIL import Image

    from drive_gen.envs.files import replacing
    from drive_gen.perception.photos import read_photo

    picture = read_photo(path)
    guess = model.predict(picture[None])[0]
    with replacing(out) as temporary:
        Image.fromarray(_tinted(model, picture, guess)).save(temporary)
    if mask is not None:
        with replacing(mask) as temporary:
            Image.fromarray(guess).save(temporary, "PNG")
    return np.bincount(guess.ravel(), minlength=len(model.config.classes))


def _film(model: Segmenter, path: Path, out: Path) -> np.ndarray:
    """Write the video under its classes; pixels of each class."""
    from collections.abc import Iterator
    from itertools import islice

    import numpy as np

    from drive_gen.perception.photos import read_film
    from drive_gen.report.video import write_video

    counts = np.zeros(len(model.config.classes), np.int64)
    fps, frames = read_film(path)

    def tinted() -> Iterator[np.ndarray]:
        while batch := list(islice(frames, FILM_BATCH)):
            for picture, guess in zip(batch, model.predict(np.stack(batch)), strict=True):
                counts[:] += np.bincount(guess.ravel(), minlength=len(counts))
                yield _tinted(model, picture, guess)

    write_video(tinted(), out, fps)
    return counts


def _tinted(model: Segmenter, picture: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """The picture, half of each pixel its class's colour."""
    import numpy as np

    tints = np.array([TINTS.get(name, (128, 128, 128)) for name in model.config.classes], np.uint16)
    return np.asarray((picture.astype(np.uint16) + tints[guess]) // 2, np.uint8)


def _say_shares(model: Segmenter, counts: np.ndarray, out: Path, as_json: bool) -> None:
    import json

    shares = {name: round(float(count / counts.sum()), 4)
              for name, count in zip(model.config.classes, counts, strict=True)}
    if as_json:
        print(json.dumps({"out": str(out), "shares": shares}, indent=1))
        return
    print(", ".join(f"{name} {share:.1%}" for name, share in shares.items()))
    print(f"wrote {out}; next: look at it")


def _use_all_cores() -> None:
    import os

    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(len(os.sched_getaffinity(0)))
