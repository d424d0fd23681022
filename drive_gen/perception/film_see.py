"""Strips of a film -> how much of each pixel is of which class, by the segmentation network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from drive_gen.perception.segmenter import Segmenter

BATCH = 8  # frames at once


@torch.no_grad()
def covers(network: Segmenter, rgb: np.ndarray) -> Sequence[np.ndarray]:
    """Strips (T, H, W, 3) uint8 -> shares of the classes (classes, H, W) float32, one array a frame."""
    device = next(network.parameters()).device
    network.eval()
    found: list[np.ndarray] = []
    for start in range(0, len(rgb), BATCH):
        frames = torch.from_numpy(np.ascontiguousarray(rgb[start : start + BATCH])).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            logits = network(frames)
        found.extend(logits.float().softmax(1).cpu().numpy())
    return found
