"""Is the GPU's simulator the CPU's? python scripts/verify_cuda.py --worlds 256 --steps 40

The same seeds and random actions on Simulator and CudaSimulator. For each environment: the worlds whose
discrete values (lanes, target lanes, speed indices, crashes, ends) were equal as long as they ran, the first
policy step after which one's were not, and how far states, observations and rewards were apart before. The
exit status is 1 where a world differs after the reset or the first policy step, 2 without a GPU. For numba's
CUDA simulator, which runs the CPU's machine code under the kernels, set NUMBA_ENABLE_CUDASIM=1 and ask for
--worlds 4 --steps 5.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import tyro

from drive_gen.envs.config import check_choice
from drive_gen.envs.files import InputError, write_json
from drive_gen.envs.simulator.cuda.compare import Agreement, compare
from drive_gen.envs.simulator.cuda.device import device_name, require_device
from drive_gen.envs.world import SUPPORTED

ENVS = ("highway-v0", "highway-fast-v0", "two-way-v0", "merge-v0", "merge-v1", "merge-generic-v0",
        "roundabout-v0", "roundabout-v1", "roundabout-generic-v0", "exit-v0", "u-turn-v0", "racetrack-v0",
        "racetrack-v1", "intersection-v0", "intersection-v2")


@dataclass(frozen=True)
class Verification:
    """Compare the GPU's worlds with the CPU's."""

    worlds: int = 256
    steps: int = 40
    seed: int = 0
    envs: tuple[str, ...] = ENVS
    json: Path | None = None


def main(wanted: Verification) -> int:
    """Compare, and say what came out."""
    require_device()
    if wanted.worlds < 1 or wanted.steps < 1:
        raise InputError("--worlds and --steps are 1 or more")
    print(f"on {device_name()}: {wanted.worlds} worlds, {wanted.steps} policy steps, seed {wanted.seed}")
    rows = []
    for env in (check_choice(env, SUPPORTED, "environment") for env in wanted.envs):
        rows.append(compare(env, wanted.worlds, wanted.steps, wanted.seed))
        print(line(rows[-1]), flush=True)
    if wanted.json:
        write_json(wanted.json, [asdict(row) for row in rows])
    early = [row.family for row in rows if row.first is not None and row.first <= 1]
    equal, worlds = sum(row.equal for row in rows), sum(row.worlds for row in rows)
    decisions = sum(row.decisions for row in rows)
    print(f"{equal} of {worlds} worlds equal in all decisions over {decisions} policy steps; different "
          f"within the first: {', '.join(early) or 'none'}")
    return 1 if early else 0


def line(row: Agreement) -> str:
    """One environment's figures."""
    parted = "none parted" if row.first is None else f"first parted after policy step {row.first}"
    return (f"{row.family}: {row.equal} of {row.worlds} worlds equal over {row.decisions} policy steps, "
            f"{parted}; largest difference before: state {row.state:.1e}, observation {row.observation:.1e}, "
            f"reward {row.reward:.1e}")


if __name__ == "__main__":
    try:
        raise SystemExit(main(tyro.cli(Verification)))
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
