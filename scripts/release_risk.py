"""Train the bundled risk network: python scripts/release_risk.py --work runs/release

The base preset's CNN. A stopped run goes on where it was; the checkpoint of the lowest validation loss goes
to drive_gen/assets/risk.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import tyro

from drive_gen.perception.risk_config import risk_preset
from drive_gen.train.risk import resume_risk, train_risk

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"


def main(work: Path = Path("runs/release"), model: Literal["vit", "cnn", "cnn-gru"] = "cnn") -> None:
    """Train, or go on; copy the best checkpoint."""
    run = work / f"risk-{model}"
    if (run / "training_state").exists():
        resume_risk(run)
    else:
        train_risk(run, risk_preset("base", model))
    shutil.rmtree(ASSETS / "risk", ignore_errors=True)
    shutil.copytree(run / "checkpoints" / "best", ASSETS / "risk")
    print(f"wrote {ASSETS / 'risk'}; next: drive-gen evaluate risk {ASSETS / 'risk'}")


if __name__ == "__main__":
    tyro.cli(main)
