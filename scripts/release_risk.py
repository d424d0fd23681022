"""Train a bundled risk network: python scripts/release_risk.py --work runs/release [--model vit]

The base preset's CNN, or its ViT, which takes twice as many updates. A stopped run goes on where it was; the
checkpoint of the lowest validation loss goes to drive_gen/assets/risk or risk_vit, its weights in half
precision.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import tyro

from drive_gen.perception.risk import Risk
from drive_gen.perception.risk_config import risk_preset
from drive_gen.train.risk import resume_risk, train_risk

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"
STEPS = {"cnn": 1300, "vit": 2600}


def main(work: Path = Path("runs/release"), model: Literal["vit", "cnn"] = "cnn") -> None:
    """Train, or go on; copy the best checkpoint."""
    run, asset = work / f"risk-{model}", ASSETS / ("risk" if model == "cnn" else f"risk_{model}")
    if (run / "training_state").exists():
        resume_risk(run)
    else:
        config = risk_preset("base", model)
        train_risk(run, replace(config, loop=replace(config.loop, steps=STEPS[model])))
    Risk.from_pretrained(run).half().save_pretrained(asset)
    print(f"wrote {asset}; next: drive-gen evaluate risk {asset}")


if __name__ == "__main__":
    tyro.cli(main)
