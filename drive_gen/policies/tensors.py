"""The simulator on a GPU as torch sees it: its observations and ends as tensors that share its memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from drive_gen.envs.simulator.cuda.simulator import CudaSimulator


def tensor_of(array: Any) -> Tensor:
    """A tensor in the memory of an array of CudaSimulator's, on its device."""
    if isinstance(array, np.ndarray):  # numba's CUDA simulator
        return torch.from_numpy(array)
    return torch.as_tensor(array, device="cuda")


class TensorWorlds:
    """A CudaSimulator that takes and gives tensors on the GPU; nothing is copied to the host on the way.

    The tensors are made once and overwritten by every step and observation: clone what is to be kept. Work on
    torch's default stream, on which the kernels run.
    """

    def __init__(self, simulator: CudaSimulator) -> None:
        self.simulator = simulator
        arrays = simulator.observation, *simulator.result
        self.observation, self.reward, self.terminated, self.truncated = map(tensor_of, arrays)

    def reset(self, seeds: int | Sequence[int] | np.ndarray | None = None) -> Tensor:
        """Begin all worlds; observations (W, A, 17, 9) float32."""
        self.simulator.reset(seeds)
        return self.observation

    def step(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A policy step and a look: observations, rewards (W,) float64, terminated and truncated (W,) bool.

        Actions as CudaSimulator.step takes them.
        """
        self.simulator.step(actions)
        self.simulator.observe()
        return self.observation, self.reward, self.terminated, self.truncated
