"""What the behaviour transformer learns from: the actions to take, and the returns to expect."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from drive_gen.policies.behavior import BehaviorTransformer, Prediction
from drive_gen.train.config import LossConfig

Batch = dict[str, Tensor]


def behavior_loss(model: BehaviorTransformer, batch: Batch, config: LossConfig) -> dict[str, Tensor]:
    """Mean losses over a batch of windows (data.windows names its entries), and the action's accuracy.

    In training, shares of the returns and of the past actions are hidden. A return whose step was labelled
    with another action than the one taken is not that label's, so it is neither shown nor learnt.
    """
    training = model.training
    prediction = model(batch["observation"], batch["return_"], batch["action"],
                       keep_returns(batch["return_known"], model.config.return_dropout if training else 0.0),
                       keep_mask(batch["valid"], model.config.action_dropout if training else 0.0))
    losses = {**action_losses(model, prediction, batch, config),
              "return": return_loss(model, prediction.return_logits, batch)}
    loss = losses["action"] + config.return_weight * losses["return"]
    if "offset" in losses:
        loss = loss + config.offset_weight * losses["offset"]
    return {"loss": loss, **losses}


def action_losses(model: BehaviorTransformer, prediction: Prediction, batch: Batch,
                  config: LossConfig) -> dict[str, Tensor]:
    """Cross-entropy and accuracy of the action's bin; for controls also the error at the true bin's offset.

    No focal weighting and no weights by class: neither helped BeT (Shafiullah et al., 2022).
    """
    known, label = batch["valid"] & batch["label_known"], batch["label"]
    bins = label if prediction.offsets is None else model.control_bins.encode(label)[0]
    surprise = F.cross_entropy(prediction.action_logits.flatten(0, 1).float(), bins.flatten(),
                               reduction="none", label_smoothing=config.label_smoothing).view(bins.shape)
    right = (prediction.action_logits.argmax(-1) == bins).float()
    losses = {"action": masked_mean(surprise, known), "accuracy": masked_mean(right, known)}
    if prediction.offsets is not None:
        place = bins[..., None, None].expand(*bins.shape, 1, 2)
        control = model.centers[bins] + prediction.offsets.gather(2, place)[:, :, 0].float()
        losses["offset"] = masked_mean((control - label).abs().mean(-1), known)
    return losses


def return_loss(model: BehaviorTransformer, logits: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy of the returns' bins, mean over the components; logits (B, K, components, bins)."""
    bins = model.return_bins.encode(batch["return_"])
    surprise = F.cross_entropy(logits.flatten(0, -2).float(), bins.flatten(), reduction="none")
    return masked_mean(surprise.view(bins.shape).mean(-1), batch["valid"] & batch["return_known"])


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values where the mask is True; 0 where it is nowhere."""
    return torch.where(mask, values, 0).sum() / mask.sum().clamp(min=1)


def keep_returns(known: Tensor, dropout: float) -> Tensor:
    """The mask (B, K) with a share of its windows hidden throughout: who drives without returns has none."""
    return known & (torch.rand(len(known), 1, device=known.device) >= dropout) if dropout else known


def keep_mask(known: Tensor, dropout: float) -> Tensor:
    """The mask with a share of its True entries made False, by torch's global generator."""
    return known & (torch.rand(known.shape, device=known.device) >= dropout) if dropout else known
