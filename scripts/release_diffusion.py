"""Train the bundled trajectory diffusion: python scripts/release_diffusion.py --work runs/release

Learns from simulated highways alone, so that its weights carry no recording's licence. About half an hour on
two cores; --device cuda trains on a GPU.
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from drive_gen.generate.config import diffusion_preset
from drive_gen.train.diffusion import resume_diffusion, train_diffusion

ASSETS = Path(__file__).parents[1] / "drive_gen" / "assets"


def main() -> None:
    """Train on the stores of release_behavior.py; the best checkpoint goes to drive_gen/assets/diffusion."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/release"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()
    config = diffusion_preset("base")
    config = replace(
        config,
        model=replace(config.model, width=96, layers=3),
        loop=replace(config.loop, steps=options.steps, device=options.device),
    )
    stores = [options.work / name for name in ("teacher", "noisy", "rules")]
    run = options.work / "diffusion"
    if (run / "training_state").exists():
        resume_diffusion(run)
    else:
        train_diffusion(stores, run, config)
    shutil.rmtree(ASSETS / "diffusion", ignore_errors=True)
    shutil.copytree(run / "checkpoints" / "best", ASSETS / "diffusion")
    print(f"wrote {ASSETS / 'diffusion'}; next: drive-gen augment STORE --out FOLDER")


if __name__ == "__main__":
    main()
