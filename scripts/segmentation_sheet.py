"""Where the segmenter errs most: python scripts/segmentation_sheet.py docs/segmentation.png

Columns: the worst of 48 frames of unseen roads, then of unseen looks; rows: frame, classes, what is said.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tyro
from frames_sheet import COLOURS, GAP_PX
from PIL import Image

from drive_gen.envs.files import replacing
from drive_gen.envs.frames.frame import EGO
from drive_gen.perception.config import FramesConfig
from drive_gen.perception.rendered import unseen_sets
from drive_gen.perception.segmenter import Segmenter


def main(out: Path, /, checkpoint: Path = Path("drive_gen/assets/segmenter"), frames: int = 48,
         worst: int = 4) -> None:
    """Draw the frames in which most pixels of bodies are wrong."""
    model, sets, tiles = Segmenter.from_pretrained(checkpoint), unseen_sets(FramesConfig(), frames), []
    for name in ("unseen roads", "unseen looks"):
        rgb, mask = sets[name]
        said = model.predict(rgb)
        wrong = ((said != mask) & ((mask >= EGO) | (said >= EGO))).sum((1, 2))
        for number in np.argsort(-wrong)[:worst]:
            rows = (rgb[number], COLOURS[mask[number]], COLOURS[said[number]])
            border = ((0, GAP_PX), (0, GAP_PX), (0, 0))
            tiles.append(np.concatenate([np.pad(row, border, constant_values=255) for row in rows]))
    with replacing(out) as temporary:
        Image.fromarray(np.concatenate(tiles, axis=1)).quantize(96).save(temporary, "PNG", optimize=True)


if __name__ == "__main__":
    tyro.cli(main)
