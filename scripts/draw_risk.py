"""Where a risk ViT looks: python scripts/draw_risk.py --checkpoint RUN --out docs/risk.png

Clips of unseen seeds, those it is surest of first; attention rollout over the last frame (Abnar and Zuidema).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import tyro
from torch.nn import functional as F

from drive_gen.envs.files import replacing
from drive_gen.perception.risk import Risk
from drive_gen.perception.risk_config import held_out_sets
from drive_gen.perception.risk_data import Moments, moments_of
from drive_gen.perception.vit import attention_rollout

COLUMNS = 5


def main(checkpoint: Path, out: Path, episodes: int = 100) -> int:
    """Draw the clips of the highest risk said, one an episode."""
    model = Risk.from_pretrained(checkpoint)
    moments = moments_of(held_out_sets(episodes)["unseen seeds"], model.config.pictures)
    risk = model.predict(torch.from_numpy(moments.frames))[0].numpy()
    order = np.argsort(-risk)
    _, first = np.unique(moments.seed[order], return_index=True)
    chosen = order[np.sort(first)[:COLUMNS]]
    frames = torch.from_numpy(moments.frames[chosen])
    seen = F.interpolate(attention_rollout(model, frames)[:, None], frames.shape[2], mode="bilinear")[:, 0]
    draw(moments, chosen, risk, seen.numpy(), out)
    print(f"wrote {out}")
    return 0


def draw(moments: Moments, chosen: np.ndarray, risk: np.ndarray, seen: np.ndarray, out: Path) -> None:
    """Earlier frame, last frame, and the last one lit where the network looks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 * len(chosen), 5.2), dpi=72, layout="constrained")
    axes = figure.subplots(3, len(chosen))
    for column, number in enumerate(chosen):
        earlier, now = moments.frames[number, 0], moments.frames[number, -1]
        low, high = seen[column].min(), seen[column].max()
        light = 0.25 + 0.75 * (seen[column] - low) / (high - low)
        pictures = (earlier, now, (now * light[..., None]).astype(np.uint8))
        for axis, picture in zip(axes[:, column], pictures, strict=True):
            axis.imshow(picture, interpolation="nearest")
            axis.set_axis_off()
        came = "crash" if moments.crash[number] else "no crash"
        axes[0, column].set_title(f"said {risk[number]:.2f}\n{came}", fontsize=9)
    with replacing(out) as temporary:
        figure.savefig(temporary, format="png")


if __name__ == "__main__":
    raise SystemExit(tyro.cli(main))
