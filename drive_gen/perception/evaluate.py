"""The table of a segmenter: native frames, unseen roads, unseen looks, and the floor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drive_gen.envs.frames.frame import CLASSES
from drive_gen.envs.frames.looks import draw_look
from drive_gen.perception.config import FramesConfig
from drive_gen.perception.floor import ColourTable
from drive_gen.perception.metrics import confusion, ious, mean_iou
from drive_gen.perception.rendered import Pictures, looks_of, pool, unseen_sets
from drive_gen.perception.segmenter import Segmenter

BATCH = 32
FLOOR_FRAMES = 128
Row = dict[str, float | str]


def score(predict: Callable[[np.ndarray], np.ndarray], pictures: Pictures, classes: tuple[str, ...]) -> Row:
    """Mean IoU and that of each class; classes that are not there are left out."""
    rgb, mask = pictures
    counts = np.zeros((len(classes), len(classes)), np.int64)
    for start in range(0, len(rgb), BATCH):
        counts += confusion(mask[start : start + BATCH], predict(rgb[start : start + BATCH]), len(classes))
    each = {name: float(iou) for name, iou in zip(classes, ious(counts), strict=True) if not np.isnan(iou)}
    return {"mean": mean_iou(counts), **each}


def frames_table(model: Segmenter, config: FramesConfig, count: int = 96) -> list[Row]:
    """A row a set and reader: the network, and a colour table learnt from what it learnt from."""
    draws = np.random.default_rng(np.random.SeedSequence([0, *b"floor"]))
    known = pool(config, 0, min(FLOOR_FRAMES, config.scenes))
    native = [draw_look(0, 0.0)] * FLOOR_FRAMES
    floors = {"floor: colours, native": ColourTable.fit(*known.draw(draws, native), len(CLASSES)),
              "floor: colours, all looks": ColourTable.fit(
                  *known.draw(draws, looks_of(config, draws, FLOOR_FRAMES)), len(CLASSES))}
    rows = []
    for name, pictures in unseen_sets(config, count).items():
        rows.append({"set": name, "reader": "U-Net", **score(model.predict, pictures, CLASSES)})
        rows += [{"set": name, "reader": who, **score(table.predict, pictures, CLASSES)}
                 for who, table in floors.items()]
    return rows
