"""CLIP's tower of trajectories: agents' tokens, read by who is who, tell claims, and claims the vector."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.language.read_scene import REACH_M
from drive_gen.perception.claims import CLAIMS
from drive_gen.perception.clip_config import ClipConfig
from drive_gen.perception.clips import LANE, MOTION, START

# Units that make the numbers about one.
MOTION_UNIT = (1, 50, 10, 20, 0.3, 1, 5, 5, 1, 4, 4, 5)
START_UNIT = (1, 1, 50, 1, 1, 50, 10, 2, 1, 100, 3, 1)
LANE_UNIT = (1, 1, 100, 50, 100, 50, 100, 50, 1, 1, 1, 1, 2, 100, 4, 2, 2, 4, 4)
# Beside the numbers, how far they are past some values, cut off at -1 and 1: (column, values, width).
MOTION_EDGES = (("least_mps2", (-4.0,), 0.3), ("speed_mps", (0.5, 2.0), 0.3), ("ahead_m", (0.0, 40.0), 1.0),
                ("-aside_m", (-2.4, 2.4), 0.3), ("-shift_lanes", (-1.5, -0.5, 0.5, 1.5), 0.1),
                ("gain_mps", (0.2,), 0.1), ("gain_mps", (4.0,), 0.3))
START_EDGES = (("ahead_m", (-100.0, 0.0, 100.0), 1.0), ("-aside_lanes", (-1.5, -0.5, 0.5, 1.5), 0.1),
               ("gap_m", (0.0, 20.0, 50.0), 0.5), ("nearer", (0.5,), 0.5))
SPEED_EDGES = (("speed_mps", (1.0, 15.0, 25.0), 0.3),)  # of motion, at the start
MOMENT = 16  # features of an agent at a moment
Edges = tuple[tuple[str, tuple[float, ...], float], ...]

ROLES = 5  # ego, lead, follower, left, right
OF_ROLE = 64  # features of whoever has a role
TALLIES, MOST_TOLD = 24, 7  # what is counted, and up to how many
STEEP = 4.0  # of what is counted: who counts, and who does not, should be soon told apart


class TrajectoryTower(nn.Module):
    """Agents' motion and the road's lanes -> logits (B, C) that each claim holds, and from those a vector.

    A token an agent, one for the road, a transformer. Its tokens are read three ways: whoever has a role, one
    by one; sum and greatest over all; and learnt counts. Claims on the way to the vector are a concept
    bottleneck (Koh et al., 2020).
    """

    def __init__(self, config: ClipConfig) -> None:
        super().__init__()
        width = config.told_width
        self.moment = nn.Sequential(nn.Linear(_features(MOTION, MOTION_EDGES), MOMENT), nn.GELU())
        began = _features(START, START_EDGES) + _features((), SPEED_EDGES)
        features = config.steps * MOMENT + began + ROLES
        self.agent = nn.Sequential(nn.Linear(features, 3 * width), nn.GELU(), nn.Linear(3 * width, width))
        self.lane = nn.Sequential(nn.Linear(len(LANE), width), nn.GELU(), nn.Linear(width, width), nn.GELU())
        self.road = nn.Linear(2 * width, width)
        layer = nn.TransformerEncoderLayer(width, config.heads, config.inner, dropout=0.0, activation="gelu",
                                           batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, config.agent_layers, nn.LayerNorm(width),
                                            enable_nested_tensor=False)
        known = width + began  # a token, and the numbers of its start as they are
        self.of_role = nn.Sequential(nn.Linear(known, width), nn.GELU(), nn.Linear(width, OF_ROLE), nn.GELU())
        self.tally = nn.Linear(known, TALLIES)
        read = 3 * width + ROLES * (OF_ROLE + began) + TALLIES * (MOST_TOLD + 1)
        self.hold = nn.Sequential(nn.Linear(read, 2 * width), nn.GELU(), nn.Linear(2 * width, len(CLAIMS)))
        self.project = nn.Linear(len(CLAIMS), config.embedding)

    def forward(self, motion: Tensor, start: Tensor, lanes: Tensor) -> Tensor:
        """(B, A, T, ...), (B, A, ...) and (B, L, ...), as in `Clips`, -> logits (B, C); `project` goes on."""
        moved = self.moment(scaled(motion, MOTION, MOTION_UNIT, MOTION_EDGES)).flatten(2)
        speed, role = edges(motion[:, :, 0], MOTION, SPEED_EDGES), roles_of(start)
        began = torch.cat((scaled(start, START, START_UNIT, START_EDGES), speed), -1)
        agents = self.agent(torch.cat((moved, began, role), -1))
        there = start[..., 0] > 0
        shown = there[..., None]
        road = self.road(pooled(self.lane(lanes / lanes.new_tensor(LANE_UNIT)), lanes[..., 0] > 0))
        absent = F.pad(~there, (1, 0))
        x = self.layers(torch.cat((road[:, None], agents), 1), src_key_padding_mask=absent)
        known = torch.cat((x[:, 1:], began), -1) * shown
        mine = role.transpose(1, 2) @ known  # (B, ROLES, .)
        tally = counted(((STEEP * self.tally(known)).sigmoid() * shown).sum(1))
        parts = (x[:, 0], self.of_role(mine).flatten(1), tally, (x[:, 1:] * shown).sum(1) / 8,
                 x[:, 1:].masked_fill(~shown, -1e4).amax(1), mine[..., -began.shape[-1] :].flatten(1))
        return self.hold(torch.cat(parts, -1))  # type: ignore[no-any-return]


def roles_of(start: Tensor) -> Tensor:
    """Who is the ego, its lead, follower, left and right, as `read_scene.roles` has it: (B, A, 5), 1 or 0."""
    ego, ahead, lane, same, nearer = (start[..., START.index(name)] for name in (
        "is_ego", "ahead_m", "-aside_lanes", "same_way", "nearer"))
    lane = lane.round()
    near = (start[..., 0] > 0) & (ego == 0) & (same > 0) & (nearer == 0) & (ahead.abs() <= REACH_M)
    found = (ego > 0, near & (lane == 0) & (ahead > 0), near & (lane == 0) & (ahead <= 0),
             near & (lane == -1), near & (lane == 1))
    return torch.stack(found, -1).to(start.dtype)


def counted(counts: Tensor) -> Tensor:
    """Counts (B, n), and how far each is past a half, one and a half...: -> (B, n (MOST_TOLD + 1))."""
    past = (counts[..., None] - torch.arange(MOST_TOLD, device=counts.device) - 0.5) * 2
    return torch.cat((counts / MOST_TOLD, past.clamp(-1, 1).flatten(1)), -1)


def _features(names: tuple[str, ...], at: Edges) -> int:
    return len(names) + sum(len(values) for _, values, _ in at)


def scaled(x: Tensor, names: tuple[str, ...], unit: tuple[float, ...], at: Edges) -> Tensor:
    """Numbers (..., K) of about one, and how far they are past the edges."""
    return torch.cat((x / x.new_tensor(unit), edges(x, names, at)), -1)


def edges(x: Tensor, names: tuple[str, ...], at: Edges) -> Tensor:
    """How far columns are past values, in widths, cut off at -1 and 1 (Gorishniy et al., 2022)."""
    parts = [(x[..., names.index(name), None] - x.new_tensor(values)) / width for name, values, width in at]
    return torch.cat(parts, -1).clamp(-1, 1)


def pooled(x: Tensor, there: Tensor) -> Tensor:
    """Mean and greatest over those that are there; (B, n, D) and (B, n) -> (B, 2 D)."""
    shown = there[..., None]
    mean = (x * shown).sum(1) / shown.sum(1).clamp(min=1)
    return torch.cat((mean, x.masked_fill(~shown, -1e4).amax(1)), -1)
