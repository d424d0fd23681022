"""The network of the trajectory diffusion: a transformer over (agent, second) tokens of a whole scene.

Attention goes in turn over the time of one agent and over the agents of one moment, as in Scene Transformer
(Ngiam et al., 2022); the noise level, the road and the return asked act through AdaLN-Zero (Peebles and Xie,
2023, section 3.2). Nothing tells the agents other than the ego apart but what they are and do, so the network
does not depend on their order; absent agents are masked out.
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.generate.config import AGENT_FEATURES, FEATURES, RETURNS, ROAD_FEATURES, DiffusionConfig
from drive_gen.generate.schedule import clean_of
from drive_gen.policies.pretrained import Pretrained

PAIR_FEATURES = 5
TYPICAL_JERK_MPS3 = (5.0, 20.0)  # along, aside: highway-env's lane changes are brisk
BELIEF = 0.05  # standard error that the network's output is believed to have, in units of the scales
LANE_M = 2.0  # cars less than this aside of each other are in one lane
WAVES_M = (400.0, 200.0, 100.0, 50.0, 25.0)  # of the sines that tell positions along the road apart


class Condition(NamedTuple):
    """What a scene is generated from; states are normalised, see sampler.condition_of."""

    agent: Tensor  # (B, N, AGENT_FEATURES)
    valid: Tensor  # (B, N, T) bool
    road: Tensor  # (B, ROAD_FEATURES)
    returns: Tensor  # (B, 3)
    asked: Tensor  # (B,) bool: False where no return is asked for
    known: Tensor  # (B, N, T) bool: frames that are given
    given: Tensor  # (B, N, T, 4): their states; entries elsewhere are not read

    def unasked(self) -> Condition:
        """The same scene with no return asked for."""
        return self._replace(asked=torch.zeros_like(self.asked))


class Modulation(nn.Module):
    """RMSNorm with a scale and a shift, and a gate for what follows, from the condition; a no-op at first."""

    def __init__(self, width: int, condition_width: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width, elementwise_affine=False)
        self.project = nn.Linear(condition_width, 3 * width)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, x: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """(B, ..., D) and (B, C) -> the modulated input and the gate (B, 1.., D)."""
        scale, shift, gate = self.project(condition).view(len(x), *[1] * (x.ndim - 2), -1).chunk(3, dim=-1)
        return self.norm(x) * (1 + scale) + shift, gate


class Attention(nn.Module):
    """Self-attention over the last axis but one, under a mask; (..., tokens, D) -> (..., tokens, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`mask` is added to the scores and broadcasts to (..., heads, tokens, tokens)."""
        q, k, v = self.to_qkv(x).view(*x.shape[:-1], 3, self.heads, -1).movedim(-3, 0).transpose(-2, -3)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.project(x.transpose(-2, -3).flatten(-2))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention over time, attention over agents, and an MLP, each behind its own modulation."""

    def __init__(self, config: DiffusionConfig) -> None:
        super().__init__()
        width = config.width
        self.over_time, self.over_agents = Attention(width, config.heads), Attention(width, config.heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.modulations = nn.ModuleList(Modulation(width, width) for _ in range(3))

    def forward(self, x: Tensor, condition: Tensor, time_mask: Tensor, agent_mask: Tensor) -> Tensor:
        """x is (B, N, P, D); the masks broadcast to (B, N, H, P, P) and (B, P, H, N, N)."""
        time, agents, mlp = self.modulations
        y, gate = time(x, condition)
        x = x + gate * self.over_time(y, time_mask)
        y, gate = agents(x, condition)
        x = x + gate * self.over_agents(y.transpose(1, 2), agent_mask).transpose(1, 2)
        y, gate = mlp(x, condition)
        return x + gate * self.mlp(y)  # type: ignore[no-any-return]


class Denoiser(Pretrained):
    """Tells what scenes a noisy one was made from, as motion whose positions are the sum of its speeds.

    Inside, it predicts the velocity (see schedule.py), which is well scaled at every noise level; the clean
    scene that this implies then goes through `consistent`.
    """

    model_type: ClassVar[str] = "diffusion"
    config_class: ClassVar[type] = DiffusionConfig
    config: DiffusionConfig

    def __init__(self, config: DiffusionConfig, seed: int = 0) -> None:
        """The untrained network; the seed decides its weights."""
        super().__init__(config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._build(config)

    def _build(self, config: DiffusionConfig) -> None:
        width, patch = config.width, config.patch_frames
        channels = 3 * len(FEATURES) + 4  # noisy, given, lead's; valid, known, gap, whether any lead
        self.embed_patch = nn.Linear(patch * channels, width)
        self.embed_agent = _mlp(AGENT_FEATURES + 2 * len(WAVES_M), width, width)
        self.embed_time = nn.Parameter(0.02 * torch.randn(config.patches, width))
        self.embed_ego = nn.Parameter(0.02 * torch.randn(width))
        self.embed_level = _mlp(width, width, width)
        self.embed_road = _mlp(ROAD_FEATURES, width, width)
        self.embed_return = _mlp(RETURNS, width, width)
        self.unasked = nn.Parameter(0.02 * torch.randn(width))
        self.embed_pair = _mlp(PAIR_FEATURES, width // 2, config.heads)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.last = Modulation(width, width)
        self.head = nn.Linear(width, patch * len(FEATURES))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.projection: Tensor
        self.register_buffer("projection", projections(config), persistent=False)

    def forward(self, noisy: Tensor, signal: Tensor, condition: Condition) -> Tensor:
        """Noisy states (B, N, T, 4), their shares of signal (B,) -> clean states (B, N, T, 4)."""
        batch, agents = condition.valid.shape[:2]
        x = self._tokens(noisy, condition)
        c = self._context(signal, condition)
        time_mask, agent_mask = self._masks(condition)
        for block in self.blocks:
            x = block(x, c, time_mask, agent_mask)
        x, _ = self.last(x, c)
        velocity = self.head(x).view(batch, agents, self.config.frames, len(FEATURES))
        clean = clean_of(noisy, velocity, signal)
        return self.consistent(torch.where(condition.known[..., None], condition.given, clean))

    def consistent(self, clean: Tensor) -> Tensor:
        """The nearest motion whose positions are the sums of its speeds; (B, N, T, 4) -> (B, N, T, 4)."""
        ways = clean.view(*clean.shape[:-1], 2, 2).permute(4, 0, 1, 3, 2)  # (way, B, N, place or speed, T)
        joined = ways.flatten(-2).flatten(1, 2) @ self.projection  # (way, B N, 2 T)
        back: Tensor = joined.view(ways.shape).permute(1, 2, 4, 3, 0)
        return back.reshape(clean.shape)

    def _tokens(self, noisy: Tensor, condition: Condition) -> Tensor:
        """One token for each agent and patch of frames; (B, N, P, D)."""
        valid, known = condition.valid[..., None], condition.known[..., None]
        noisy = noisy * valid
        frames = torch.cat((noisy, condition.given * known, valid.float(), known.float(),
                            self._ahead(noisy, condition)), dim=-1)
        patches = frames.reshape(*frames.shape[:2], self.config.patches, -1)  # (B, N, P, frames * channels)
        waves = condition.agent[..., :1] * 50 * (2 * math.pi / noisy.new_tensor(WAVES_M))
        agent = self.embed_agent(torch.cat((condition.agent, waves.sin(), waves.cos()), dim=-1))  # (B, N, D)
        ego = F.one_hot(torch.zeros((), dtype=torch.long, device=noisy.device), agent.shape[1])[:, None]
        agent = agent + ego * self.embed_ego
        tokens: Tensor = self.embed_patch(patches) + self.embed_time + agent[:, :, None]
        return tokens

    def _ahead(self, noisy: Tensor, condition: Condition) -> Tensor:
        """How the car that was ahead in the lane at first moves against each agent's own; (B, N, T, 6).

        The difference of their noisy states, the gap that first speeds would leave, and whether there is any:
        attention alone finds it hard to subtract two places precisely.
        """
        apart, present = _apart(condition), condition.valid.any(-1)[:, None]
        in_lane = present & (apart[..., 0] > 0) & (apart[..., 1].abs() < LANE_M)
        distance, lead = torch.where(in_lane, apart[..., 0], torch.inf).min(-1)  # (B, N)
        there = torch.isfinite(distance)
        index = lead[..., None, None].expand_as(noisy)
        closing = torch.gather(apart[..., 2], 2, lead[..., None]) * self.config.dt_s
        frames = torch.arange(noisy.shape[2], device=noisy.device)
        gap = torch.where(there, distance, 0)[..., None] + closing * frames
        difference = torch.cat((torch.gather(noisy, 1, index) - noisy, gap[..., None] / 50), dim=-1)
        return torch.cat((difference, torch.ones_like(difference[..., :1])), dim=-1) * there[..., None, None]

    def _context(self, signal: Tensor, condition: Condition) -> Tensor:
        """Noise level, road and return as one vector; (B, D)."""
        half = self.config.width // 2
        rates = torch.exp(torch.linspace(0, math.log(100), half, device=signal.device))
        angles = torch.arccos(signal.clamp(0, 1).sqrt())[:, None] * rates
        mean, scale = map(signal.new_tensor, (self.config.return_mean, self.config.return_scale))
        returns = self.embed_return((condition.returns - mean) / scale)
        asked = torch.where(condition.asked[:, None], returns, self.unasked)
        return F.silu(self.embed_level(torch.cat((angles.sin(), angles.cos()), dim=-1))
                      + self.embed_road(condition.road) + asked)

    def _masks(self, condition: Condition) -> tuple[Tensor, Tensor]:
        """Scores' additions over time (B, N, 1, 1, P) and over agents (B, P, H, N, N).

        Agents attend by how they stood to each other at first: a learnt function of their distances.
        """
        here = condition.valid.view(*condition.valid.shape[:2], self.config.patches, -1).any(-1)  # (B, N, P)
        ahead, aside, faster = _apart(condition).unbind(-1)
        pair = torch.stack((ahead / 50, torch.tanh(ahead / 10), aside / 4, torch.exp(-(aside / 2) ** 2),
                            faster / 5), dim=-1)
        bias = self.embed_pair(pair).movedim(-1, 1)  # (B, H, N, N)
        absent = torch.zeros(here.shape, device=bias.device, dtype=bias.dtype).masked_fill(~here, -1e4)
        return absent[:, :, None, None], bias[:, None] + absent.transpose(1, 2)[:, :, None, None]


def _apart(condition: Condition) -> Tensor:
    """How far ahead, aside (m) and faster (m/s) the second of two agents began; (B, N, N, 3)."""
    start = condition.agent[..., :3] * condition.agent.new_tensor((50.0, 4.0, 20.0))
    return start[:, None] - start[:, :, None]


def projections(config: DiffusionConfig) -> Tensor:
    """The matrices that make motion along and motion aside consistent; (2, 2 T, 2 T).

    Least squares over a first place and T speeds, with places their sums (Euler steps), near the given
    (places, speeds) and at little jerk: the result is given (2 T,) @ matrix.
    """
    steps, dt_s = config.frames, config.dt_s
    places = torch.cat((torch.ones(steps, 1), torch.full((steps, steps), dt_s).tril(-1)), dim=1)
    speeds = torch.eye(steps + 1)[1:]
    jerks = (speeds[2:] - 2 * speeds[1:-1] + speeds[:-2]) / dt_s**2
    matrices = []
    for way, jerk in enumerate(TYPICAL_JERK_MPS3):
        place, speed = config.scales[way], config.scales[way + 2]
        design = torch.cat((places / place, speeds / speed)).double()
        smooth = BELIEF / jerk * jerks.double()
        matrices.append(design @ torch.linalg.solve(design.T @ design + smooth.T @ smooth, design.T))
    return torch.stack(matrices).float()  # symmetric, as every weighed projection of this kind


def _mlp(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, outputs))
