"""Both views over road families and looks: python scripts/frames_sheet.py docs/frames.png"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tyro
from PIL import Image

from drive_gen.envs.files import replacing
from drive_gen.envs.frames.draw import draw_frame
from drive_gen.envs.frames.looks import NATIVE, draw_look
from drive_gen.envs.frames.scenes import HIGHWAYS, UNSEEN_ROADS, Traffic, scenes_of
from drive_gen.envs.frames.views import BirdView, Dashcam

COLOURS = np.array([(38, 50, 56), (96, 102, 108), (255, 255, 255), (64, 190, 255), (235, 92, 77),
                    (255, 190, 60)], np.uint8)  # of CLASSES
GAP_PX = 4


def main(out: Path, /, size: int = 120, seed: int = 20) -> None:
    """Rows: native, half strength, full strength, mask; from above and from the dashcam."""
    traffic = Traffic(HIGHWAYS + UNSEEN_ROADS[:2])
    count = len(traffic.envs)
    scenes = scenes_of(traffic, range(seed * count, (seed + 1) * count))
    rows = []
    for view in (BirdView(size, 51 / size), Dashcam(size, focal_px=0.86 * size)):
        for strength in (0.0, 0.5, 1.0):
            looks = [draw_look(seed + number, strength) if strength else NATIVE for number in range(count)]
            rows.append([draw_frame(*pair).rgb for pair in zip(scenes, [view] * count, looks, strict=True)])
        rows.append([COLOURS[draw_frame(scene, view).mask] for scene in scenes])
    border = ((0, GAP_PX), (0, GAP_PX), (0, 0))
    strips = [np.concatenate([np.pad(tile, border, constant_values=255) for tile in row], 1) for row in rows]
    sheet = np.concatenate(strips)
    with replacing(out) as temporary:
        Image.fromarray(sheet).quantize(128).save(temporary, optimize=True)
    print(f"wrote {out}: {sheet.shape[1]} x {sheet.shape[0]}, {out.stat().st_size / 1000:.0f} kB; columns: "
          f"{', '.join(traffic.envs)}")


if __name__ == "__main__":
    tyro.cli(main)
