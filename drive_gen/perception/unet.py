"""One U-Net (Ronneberger et al., 2015) from pictures to pictures: segmentation, and diffusion of pixels.

Residual blocks with a noise level as in Dhariwal and Nichol (2021), attention to a text in the lowest level
as in latent diffusion (Rombach et al., 2022). The first layer takes patches of 2 x 2 pixels and the last one
gives them back: no pixel is lost, and the costliest level is four times cheaper.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.perception.config import UNetConfig

LONGEST_WAVE = 10_000.0  # of the sines that a noise level is written in


class Block(nn.Module):
    """Two convolutions beside a shortcut; a noise level scales and shifts between them."""

    def __init__(self, channels: int, out: int, config: UNetConfig) -> None:
        super().__init__()
        self.before, self.after = nn.GroupNorm(config.groups, channels), nn.GroupNorm(config.groups, out)
        self.first = nn.Conv2d(channels, out, 3, padding=1)
        self.second = nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()
        self.level = nn.Linear(4 * config.width, 2 * out) if config.time else None
        nn.init.zeros_(self.second.weight)  # the block is its shortcut at first

    def forward(self, x: Tensor, level: Tensor | None) -> Tensor:
        """(B, C, H, W) and (B, 4 D) -> (B, out, H, W)."""
        inner = self.after(self.first(F.silu(self.before(x))))
        if self.level is not None and level is not None:
            scale, shift = self.level(level)[..., None, None].chunk(2, dim=1)
            inner = inner * (1 + scale) + shift
        return self.shortcut(x) + self.second(F.silu(inner))  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Each place of a picture attends to all places, and to a text's tokens where there are some."""

    def __init__(self, channels: int, config: UNetConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm = nn.GroupNorm(config.groups, channels)
        self.to_query = nn.Linear(channels, channels)
        self.to_pair = nn.Linear(channels, 2 * channels)
        self.text_to_pair = nn.Linear(config.text_width, 2 * channels) if config.text_width else None
        self.project = nn.Linear(channels, channels)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor, text: Tensor | None, shown: Tensor | None) -> Tensor:
        """(B, C, H, W), (B, L, text width) and (B, L) bool -> (B, C, H, W)."""
        places = self.norm(x).flatten(2).transpose(1, 2)  # (B, H W, C)
        pairs, mask = self.to_pair(places), None
        if self.text_to_pair is not None and text is not None:
            pairs = torch.cat((pairs, self.text_to_pair(text)), dim=1)
            if shown is not None:
                mask = torch.cat((shown.new_ones(places.shape[:2]), shown), dim=1)[:, None, None]
        key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in pairs.chunk(2, dim=-1))
        query = self.to_query(places).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2).flatten(2)
        return x + self.project(out).transpose(1, 2).view(x.shape)  # type: ignore[no-any-return]


class UNet(nn.Module):
    """Pictures (B, in, H, W) -> (B, out, H, W), H and W multiples of `config.multiple_px`."""

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * factor for factor in config.multipliers]
        self.stem = nn.Conv2d(config.in_channels * config.patch**2, widths[0], 3, padding=1)
        self.down, self.shrink = nn.ModuleList(), nn.ModuleList()
        for number, width in enumerate(widths):
            self.down.extend(Block(width, width, config) for _ in range(config.blocks))
            if number + 1 < len(widths):
                self.shrink.append(nn.Conv2d(width, widths[number + 1], 2, stride=2))
        self.attention = Attention(widths[-1], config) if config.heads else None
        self.middle = Block(widths[-1], widths[-1], config)
        self.up, self.grow = nn.ModuleList(), nn.ModuleList()
        for number in reversed(range(len(widths))):
            ins = [2 * widths[number]] + [widths[number]] * (config.blocks - 1)
            self.up.extend(Block(channels, widths[number], config) for channels in ins)
            if number:
                self.grow.append(nn.Conv2d(widths[number], 4 * widths[number - 1], 1))
        self.norm = nn.GroupNorm(config.groups, widths[0])
        self.head = nn.Conv2d(widths[0], config.out_channels * config.patch**2, 3, padding=1)
        self.level = nn.Sequential(nn.Linear(config.width, 4 * config.width), nn.SiLU(),
                                   nn.Linear(4 * config.width, 4 * config.width), nn.SiLU()
                                   ) if config.time else None

    def forward(self, x: Tensor, time: Tensor | None = None, text: Tensor | None = None,
                shown: Tensor | None = None) -> Tensor:
        """time (B,) from 0 to 1 and text (B, L, text width) where the config has them; shown (B, L) bool."""
        blocks = self.config.blocks
        level = (self.level(waves(time, self.config.width)) if self.level is not None and time is not None
                 else None)
        x, kept = self.stem(F.pixel_unshuffle(x, self.config.patch)), []
        for number, block in enumerate(self.down):
            x = block(x, level)
            if (number + 1) % blocks == 0:
                kept.append(x)
                x = self.shrink[len(kept) - 1](x) if len(kept) <= len(self.shrink) else x
        x = self.middle(self.attention(x, text, shown) if self.attention is not None else x, level)
        for number, block in enumerate(self.up):
            if number % blocks == 0:
                x = F.pixel_shuffle(self.grow[number // blocks - 1](x), 2) if number else x
                x = torch.cat((x, kept.pop()), dim=1)
            x = block(x, level)
        return F.pixel_shuffle(self.head(F.silu(self.norm(x))), self.config.patch)


def waves(time: Tensor, width: int) -> Tensor:
    """(B,) from 0 to 1 as sines and cosines of many lengths; (B, width)."""
    rates = torch.exp(-math.log(LONGEST_WAVE) * torch.arange(width // 2, device=time.device) / (width // 2))
    angles = 1000 * time[:, None].float() * rates
    return F.pad(torch.cat((angles.sin(), angles.cos()), dim=-1), (0, width % 2))
