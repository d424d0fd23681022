"""CLIP over three towers: transformers' CLIPModel for texts and frames, and a tower of ours for trajectories.

Source: Radford et al., 2021, section 2.3; three modalities as in AudioCLIP (Guzhov et al., 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.envs.files import InputError
from drive_gen.language.tokenizer import FILES, read_tokenizer
from drive_gen.perception.claims import CLAIMS
from drive_gen.perception.clip_config import ClipConfig
from drive_gen.perception.clip_tower import TrajectoryTower
from drive_gen.perception.clip_words import told_of
from drive_gen.perception.clips import Clips
from drive_gen.policies.pretrained import Pretrained

TEXT_CLAIMS, CLIP_CLAIMS = 100.0, 30.0  # weights of the mean over all claims; a text says two or three
ROWS = 64  # of a batch that are read at once
NEEDS = "CLIP needs transformers: pip install 'drive-gen[perception]'"


class Embedded(NamedTuple):
    """What the towers make of a batch: unit vectors (., E)."""

    text: Tensor
    frame: Tensor
    trajectory: Tensor
    both: Tensor
    held: Tensor  # logits (., C) that the trajectories' tower gives each claim on the way


class EmbeddedClips(NamedTuple):
    """What the towers make of N clips: unit vectors (N, E) float32."""

    frame: np.ndarray
    trajectory: np.ndarray
    both: np.ndarray


class Clip(Pretrained):
    """Texts, frames and trajectories -> unit vectors of one space.

    The weights of `clip` are saved under transformers' own names, so that CLIPModel.from_pretrained loads the
    checkpoint as it is; `claims` is what each claim looks like there, and serves training alone.
    """

    model_type = "clip-scenes"
    config_class = ClipConfig
    more_files = FILES
    weights_prefix = "clip."
    config: ClipConfig

    def __init__(self, config: ClipConfig, seed: int = 0, tokenizer: Any = None) -> None:
        super().__init__(config)
        self.tokenizer = tokenizer
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.clip = make_clip(config)
            self.trajectory = TrajectoryTower(config)
            self.fuse = nn.Sequential(nn.Linear(2 * config.embedding, config.embedding), nn.GELU(),
                                      nn.Linear(config.embedding, 2 * config.embedding))
            self.claims = Claims(config.embedding)

    def save_more(self, folder: Path) -> None:
        """The tokenizer."""
        assert self.tokenizer is not None, "a Clip is saved with its tokenizer"
        self.tokenizer.save_pretrained(folder)

    def read_more(self, folder: Path) -> None:
        """The tokenizer."""
        self.tokenizer = read_tokenizer(folder)

    def library_config(self) -> dict[str, Any]:
        """The settings in transformers' words."""
        settings: dict[str, Any] = self.clip.config.to_dict()  # type: ignore[union-attr, operator]
        return {**settings, "architectures": ["CLIPModel"]}

    @property
    def scale(self) -> Tensor:
        """What similarities are multiplied by; at most 100, as in CLIP."""
        logarithm: Tensor = self.clip.logit_scale  # type: ignore[assignment]
        return logarithm.exp().clamp(max=100.0)

    def of_text(self, ids: Tensor) -> Tensor:
        """(B, L) subwords, padded on the right -> (B, E); causal, so that padding is not seen."""
        model: Any = self.clip
        pad = model.config.text_config.pad_token_id
        told = by_size((ids != pad).sum(1) + 1,
                       lambda rows, most: model.text_model(input_ids=ids[rows, :most]).pooler_output)
        return F.normalize(model.text_projection(told), dim=-1)

    def of_frames(self, frames: Tensor) -> Tensor:
        """(B, F, S, S, 3) uint8 -> (B, E)."""
        model: Any = self.clip
        pixels = frames.permute(0, 1, 4, 2, 3).flatten(1, 2).float() / 127.5 - 1
        seen = model.vision_model(pixel_values=pixels).pooler_output
        return F.normalize(model.visual_projection(seen), dim=-1)

    def of_trajectories(self, motion: Tensor, start: Tensor, lanes: Tensor) -> tuple[Tensor, Tensor]:
        """As in `Clips` -> (B, E), and logits (B, C) that each claim holds."""
        there = (start[..., 0] > 0).sum(1)  # the first rows
        held = by_size(there, lambda rows, most: self.trajectory(
            motion[rows, :most], start[rows, :most], lanes[rows]))
        return F.normalize(self.trajectory.project(held.sigmoid()), dim=-1), held

    def of_both(self, frame: Tensor, trajectory: Tensor) -> Tensor:
        """Unit vectors (B, E) of frames and of trajectories -> (B, E): a mean in which each direction's share
        depends on both of them, as in gated fusion (Arevalo et al., 2017, section 3.1), and what they tell
        together."""
        gate, more = self.fuse(torch.cat((frame, trajectory), -1)).chunk(2, -1)
        return F.normalize(trajectory + gate.sigmoid() * (frame - trajectory) + more, dim=-1)

    def ids_of(self, texts: Sequence[str], cut: bool = False) -> Tensor:
        """Subwords (B, L), between their first and last, padded; too long texts are cut or refused."""
        rows = [[self.tokenizer.bos_token_id, *ids, self.tokenizer.eos_token_id]
                for ids in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]]
        if cut:
            rows = [[*row[: self.config.positions - 1], row[-1]] if len(row) > self.config.positions else row
                    for row in rows]
        longest = max(len(row) for row in rows)
        if longest > self.config.positions:
            raise InputError(f"a text of {longest} subwords; {self.config.positions} are read: say less")
        found = torch.full((len(rows), longest), self.tokenizer.pad_token_id)
        for row, ids in enumerate(rows):
            found[row, : len(ids)] = torch.tensor(ids)
        return found

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str], cut: bool = False, at_once: int = 256, parsed: bool = True
                    ) -> np.ndarray:
        """(N, E) float32; by what the parser reads in them, where it can, or as they are written."""
        device = self.claims.bias.device
        texts = told_of(texts) if parsed else texts
        return _rows(self.of_text(self.ids_of(texts[first : first + at_once], cut).to(device))
                     for first in range(0, len(texts), at_once))

    @torch.no_grad()
    def embed_clips(self, clips: Clips, at_once: int = 128) -> EmbeddedClips:
        """What the towers make of clips, and both together."""
        device = self.claims.bias.device

        def part(name: str, first: int) -> Tensor:
            return torch.from_numpy(getattr(clips, name)[first : first + at_once]).to(device)

        firsts = range(0, len(clips), at_once)
        frame = [self.of_frames(part("frames", first)) for first in firsts]
        driven = [[part(name, first) for name in ("motion", "start", "lanes")] for first in firsts]
        trajectory = [self.of_trajectories(*parts)[0] for parts in driven]
        both = [self.of_both(*pair) for pair in zip(frame, trajectory, strict=True)]
        return EmbeddedClips(_rows(frame), _rows(trajectory), _rows(both))


def _rows(parts: Any) -> np.ndarray:
    return np.concatenate([part.float().cpu().numpy() for part in parts])


def by_size(size: Tensor, read: Callable[[Tensor, int], Tensor]) -> Tensor:
    """`read` of a few rows at once, those of like size (B,) together, so that little padding is computed."""
    order = size.argsort(stable=True)
    told = torch.cat([read(rows, int(size[rows].max())) for rows in torch.split(order, ROWS)])
    return told[order.argsort()]


def make_clip(config: ClipConfig) -> nn.Module:
    """transformers' CLIPModel; the colours of a clip's frames are its channels."""
    try:
        from transformers import CLIPConfig, CLIPModel
    except ImportError:
        raise InputError(NEEDS) from None
    if config.theirs:
        theirs: nn.Module = CLIPModel(CLIPConfig(**config.theirs))
        return theirs
    words = config.vocabulary + len(CLAIMS)
    shape = {"intermediate_size": config.inner, "num_attention_heads": config.heads, "hidden_act": "gelu"}
    model: nn.Module = CLIPModel(CLIPConfig(
        text_config={**shape, "hidden_size": config.told_width, "num_hidden_layers": config.text_layers,
                     "vocab_size": words, "max_position_embeddings": config.positions,
                     "pad_token_id": 0, "bos_token_id": 5, "eos_token_id": 6},  # as in language.tokenizer
        vision_config={**shape, "hidden_size": config.width, "num_hidden_layers": config.layers,
                       "image_size": config.size_px, "patch_size": config.patch_px,
                       "num_channels": 3 * config.frames},
        projection_dim=config.embedding))
    return model


class Claims(nn.Module):
    """A direction for every claim, which clips that it holds for and texts that say it share."""

    def __init__(self, embedding: int) -> None:
        super().__init__()
        self.direction = nn.Parameter(0.06 * torch.randn(len(CLAIMS), embedding))
        self.bias = nn.Parameter(torch.tensor([-1.0, -3.0])[:, None].repeat(1, len(CLAIMS)))

    def forward(self, x: Tensor, said: bool) -> Tensor:
        """Logits (B, C) that a clip holds each claim, or that a text has said it."""
        return 20 * x @ self.direction.T + self.bias[int(said)]


def contrast(scores: Tensor, right: Tensor) -> Tensor:
    """InfoNCE of rows with several right columns: each against the wrong ones, not against each other.

    scores (R, N) and right (R, N) bool; with one right column a row it is the usual cross-entropy. Rows with
    nothing right count for nothing.
    """
    wrong = scores.masked_fill(right, -torch.inf).logsumexp(1, keepdim=True)  # (R, 1)
    each = F.softplus(wrong - scores)
    rows = (each * right).sum(1) / right.sum(1).clamp(min=1)
    return rows.sum() / right.any(1).sum().clamp(min=1)


def both_ways(scores: Tensor, right: Tensor) -> Tensor:
    """Rows find their columns, and columns their rows."""
    return (contrast(scores, right) + contrast(scores.T, right.T)) / 2


def clip_loss(model: Clip, embedded: Embedded, says: Tensor, holds: Tensor, claims: float
              ) -> dict[str, Tensor]:
    """Four contrasts and the claims' cross-entropies; says (T, C) and holds (B, C) are bool.

    The frames are of the first clips. Texts are right for every clip that they hold for, clips for each other
    where all of their claims are the same.
    """
    scale, framed = model.scale, len(embedded.frame)
    failed = says.float() @ (~holds).float().T
    fits = failed < 0.5  # (T, B)
    same = torch.cdist(holds[:framed].float(), holds[:framed].float(), p=1) < 0.5
    losses = {"text_trajectory": both_ways(scale * embedded.text @ embedded.trajectory.T, fits),
              "text_both": both_ways(scale * embedded.text @ embedded.both.T, fits[:, :framed]),
              "text_frame": both_ways(scale * embedded.text @ embedded.frame.T, fits[:, :framed]),
              "frame_trajectory": both_ways(scale * embedded.frame @ embedded.trajectory[:framed].T, same)}
    told = {"text": (embedded.text, says, True), "frame": (embedded.frame, holds[:framed], False),
            "trajectory": (embedded.trajectory, holds, False), "both": (embedded.both, holds[:framed], False)}
    losses |= {f"claims_{name}": F.binary_cross_entropy_with_logits(model.claims(x, said), wanted.float())
               for name, (x, wanted, said) in told.items()}
    losses["claims_held"] = F.binary_cross_entropy_with_logits(embedded.held, holds.float())
    weights = {f"claims_{name}": claims * (TEXT_CLAIMS if name == "text" else CLIP_CLAIMS)
               for name in (*told, "held")}
    total = sum(value * weights.get(name, 1.0) for name, value in losses.items())
    return {"loss": total, **losses}  # type: ignore[dict-item]
