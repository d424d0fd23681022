"""The VAE: diffusers' AutoencoderKL behind the checkpoint format; its folder is diffusers' own as well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from drive_gen.envs.files import InputError
from drive_gen.imagine.config import SCALE, VaeConfig, VaeLoss
from drive_gen.imagine.raster import HEIGHT_PX, WIDTH_PX
from drive_gen.policies.pretrained import Pretrained

NEEDS = "pictures from words need diffusers and transformers: pip install 'drive-gen[image]'"
LATENT_PX = (HEIGHT_PX // SCALE, WIDTH_PX // SCALE)


class Vae(Pretrained):
    """Pictures (B, 3, 96, 32) from -1 to 1 -> latents (B, 4, 24, 8) and back."""

    model_type: ClassVar[str] = "vae"
    config_class: ClassVar[type] = VaeConfig
    weights_file: ClassVar[str] = "diffusion_pytorch_model.safetensors"
    weights_prefix: ClassVar[str] = "vae."
    config: VaeConfig

    def __init__(self, config: VaeConfig, seed: int = 0) -> None:
        super().__init__(config)
        try:
            from diffusers import AutoencoderKL
        except ImportError:
            raise InputError(NEEDS) from None
        levels = len(config.widths)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.vae = AutoencoderKL(
                in_channels=3,
                out_channels=3,
                latent_channels=config.latents,
                block_out_channels=config.widths,
                layers_per_block=config.layers,
                down_block_types=("DownEncoderBlock2D",) * levels,
                up_block_types=("UpDecoderBlock2D",) * levels,
                norm_num_groups=8,
                sample_size=HEIGHT_PX,
                mid_block_add_attention=False,
                scaling_factor=config.scaling_factor,
            )

    def library_config(self) -> dict[str, Any]:
        """AutoencoderKL's settings, so that diffusers loads the checkpoint as it is."""
        return {**_plain(self.vae.config), "_class_name": "AutoencoderKL"}

    def measure_scale(self, latents: Tensor) -> None:
        """Set the factor by which latents get unit deviation (Rombach et al., 2022, appendix G)."""
        factor = float(1 / latents.float().std())
        self.config = replace(self.config, scaling_factor=factor)
        self.vae.register_to_config(scaling_factor=factor)

    @torch.no_grad()
    def latents_of(self, pictures: np.ndarray, at_once: int = 64) -> tuple[Tensor, Tensor]:
        """Means and deviations (N, 4, 24, 8) of pictures (N, 96, 32, 3) uint8, on the CPU."""
        means, deviations = [], []
        for start in range(0, len(pictures), at_once):
            found = self.vae.encode(self._there(to_network(pictures[start : start + at_once]))).latent_dist
            means.append(found.mean.float().cpu())
            deviations.append(found.std.float().cpu())
        return torch.cat(means), torch.cat(deviations)

    @torch.no_grad()
    def pictures_of(self, latents: Tensor, at_once: int = 64) -> np.ndarray:
        """The inverse of `latents_of`; uint8."""
        return np.concatenate(
            [to_pictures(self.vae.decode(self._there(part)).sample) for part in torch.split(latents, at_once)]
        )

    def _there(self, x: Tensor) -> Tensor:
        return x.to(next(self.parameters()).device)


def to_network(pictures: np.ndarray) -> Tensor:
    """(B, H, W, 3) uint8 -> (B, 3, H, W) from -1 to 1, as diffusers' VaeImageProcessor."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_pictures(x: Tensor) -> np.ndarray:
    """The inverse, values beyond the ends cut off."""
    level = (x.float() / 2 + 0.5).clamp(0, 1) * 255
    return np.asarray(level.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy())


def vae_loss(model: Vae, picture: Tensor, loss: VaeLoss) -> dict[str, Tensor]:
    """Of pictures (B, 96, 32, 3) uint8: weighed squares, absolutes and the divergence from a normal."""
    clean = picture.permute(0, 3, 1, 2).float() / 127.5 - 1
    found = model.vae.encode(clean).latent_dist
    apart = model.vae.decode(found.sample()).sample - clean
    body = 1 + (loss.body - 1) * (clean[:, 1:2].abs() > 0.1)  # green is about 0 where nobody is
    square, absolute = (body * apart**2).mean(), (body * apart.abs()).mean()
    divergence = found.kl().mean()
    return {
        "loss": square + loss.absolute * absolute + loss.divergence * divergence,
        "square": square,
        "divergence": divergence,
    }


def _plain(config: Any) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in dict(config).items()
        if not name.startswith("_") or name in ("_diffusers_version",)
    }
