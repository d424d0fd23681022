"""N clips as arrays: frames, trajectories and what is true of them; their mirror images; kept in a file.

Trajectories are raw numbers in SI units, in the frame of the ego's lane; the tower scales them. So a clip's
mirror image is a change of signs.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from drive_gen.envs.files import InputError, replacing
from drive_gen.perception.claims import MIRROR

# Of an agent at a moment; of an agent at the start; of a lane. A minus marks what a mirror turns round.
MOTION = ("there", "ahead_m", "-aside_m", "speed_mps", "-heading_rad", "-shift_lanes", "least_mps2",
          "most_mps2", "crashed", "lanes_beside", "-lanes_skew", "gain_mps")
START = ("there", "is_ego", "ahead_m", "-aside_lanes", "same_way", "gap_m", "length_m", "width_m", "truck",
         "lane_m", "nearer", "abreast")
LANE = ("there", "own", "first_x_m", "-first_y_m", "middle_x_m", "-middle_y_m", "last_x_m", "-last_y_m",
        "first_cos", "-first_sin", "last_cos", "-last_sin", "-turn_rad", "length_m", "width_m", "next",
        "former", "beside", "-skew")


def signs_of(names: tuple[str, ...]) -> np.ndarray:
    """-1 where a mirror turns a number round."""
    return np.array([-1.0 if name.startswith("-") else 1.0 for name in names], np.float32)


@dataclass(frozen=True, eq=False)
class Clips:
    """N clips."""

    frames: np.ndarray  # (N, F, S, S, 3) uint8
    motion: np.ndarray  # (N, A + 1, T, len(MOTION)) float32, the ego first
    start: np.ndarray  # (N, A + 1, len(START)) float32
    lanes: np.ndarray  # (N, L, len(LANE)) float32
    holds: np.ndarray  # (N, C) bool, claims
    episode: np.ndarray  # (N,) int64, number in the order of reading
    start_s: np.ndarray  # (N,) float64

    def __len__(self) -> int:
        return len(self.holds)

    def take(self, places: np.ndarray) -> Clips:
        """The clips whose numbers are given."""
        return Clips(*(getattr(self, item.name)[places] for item in fields(self)))

    def mirrored(self, which: np.ndarray) -> Clips:
        """Left and right exchanged in the clips marked (N,)."""
        def turned(array: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
            signs = np.where(which.reshape(-1, *[1] * (array.ndim - 1)), signs_of(names), 1.0)
            return np.asarray(array * signs.astype(np.float32))

        frames = self.frames.copy()
        frames[which] = frames[which, :, :, ::-1]
        holds = np.where(which[:, None], self.holds[:, MIRROR], self.holds)
        return Clips(frames, turned(self.motion, MOTION), turned(self.start, START), turned(self.lanes, LANE),
                     holds, self.episode, self.start_s)


def write_clips(path: Path, clips: Clips) -> None:
    """Keep them in a file."""
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **{item.name: getattr(clips, item.name) for item in fields(clips)})


def read_clips(path: Path) -> Clips:
    """Clips that `write_clips` kept."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Clips(**{item.name: arrays[item.name] for item in fields(Clips)})
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise InputError(f"{path} holds no clips: {error}; remove it") from None
