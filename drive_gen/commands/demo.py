"""`drive-gen demo`: the main job, end to end, on bundled or on the user's logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drive_gen.generate.augment import Tally

SETTINGS = "demo.json"
PARTS = ("logs", "diffusion", "generated", "behavior", "evaluation")


@dataclass(frozen=True)
class Size:
    """How much the demo does, within its time: 6 minutes on two cores, or one with the bundled models."""

    generated: int = 48  # episodes wanted of the diffusion
    episodes: int = 16  # driven by each driver
    cases: int = 40  # logged cars handed over, with --logs
    bundled: bool = False  # the models that come with the package instead of training some


QUICK = Size(generated=8, episodes=4, cases=12, bundled=True)


def demo(
    *,
    out: Path = Path("demo"),
    logs: Path | None = None,
    quick: bool = False,
    seed: int = 0,
    json: bool = False,
) -> int:
    """Logs in; generated episodes, a trained driver, its safety beside four others, a report and a video out.

    A stopped demo goes on where it was: give the same command again.

    Args:
        out: Folder to write.
        logs: Recordings to begin from instead of the bundled ones: an episode store, or NGSIM data (a folder
            with tracks.parquet, or a CSV of the US DOT portal).
        quick: Use the models that come with the package instead of training them.
        seed: Seed of everything random.
        json: Print only the evaluation's summary and what was written, as JSON.
    """
    import time

    from drive_gen.data.store import read_index
    from drive_gen.envs.files import InputError

    size, begin_s = QUICK if quick else Size(), time.perf_counter()
    if quick and logs is not None:
        raise InputError("--quick uses the bundled driver, which has not seen --logs; give one of the two")
    _open(out, {"logs": str(logs) if logs else None, "quick": quick, "seed": seed})
    store = _logs(out, logs)
    if not any(row.split == "train" for row in read_index(store)):
        raise InputError(f"{store} has no episodes to train on; import or collect more")
    generated = _augment(out, store, size, seed)
    driver = _train(out, store, generated, size, seed)
    summary = _evaluate(out, store, driver, size)
    film, report = _show(out, driver, summary)
    if json:
        _say_json(film, report, summary)
    else:
        _say(out, film, report, summary, time.perf_counter() - begin_s)
    return 0


def _open(out: Path, settings: dict[str, Any]) -> None:
    """Go on with a stopped demo of the same settings; clear the parts of a finished or another one."""
    import shutil

    from drive_gen import __version__
    from drive_gen.envs.files import hash_of, make_folder, read_json, sha256_of, write_json

    bundled = [sha256_of(path) for path in sorted(_assets().rglob("*.json"))]
    settings = {"demo": __version__, "assets": hash_of(bundled), **settings}
    make_folder(out)
    held = read_json(out / SETTINGS, "a demo's settings") if (out / SETTINGS).exists() else None
    if held is not None and held != settings:  # what an earlier demo wrote, and nothing else
        for part in PARTS:
            shutil.rmtree(out / part, ignore_errors=True)
    write_json(out / SETTINGS, settings)


def _logs(out: Path, logs: Path | None) -> Path:
    """The store to begin from."""
    from drive_gen.data.store import INDEX

    if logs is None:
        store = _assets() / "logs"
        _step(1, "bundled logs", f"highway-env's traffic and several drivers: {_about(store)}")
        return store
    if (logs / INDEX).exists():
        _step(1, "logs", f"{logs}: {_about(logs)}")
        return logs
    from drive_gen.data.ngsim import import_ngsim

    report = import_ngsim(logs, out / "logs")
    _step(
        1,
        "logs",
        f"{report.recordings} recordings, {report.tracks} cars, mean {report.mean_speed_mps:.1f} m/s, "
        f"smoothing {report.smoothing}",
    )
    return out / "logs"


def _augment(out: Path, store: Path, size: Size, seed: int) -> Path:
    """Generated and verified episodes."""
    from dataclasses import replace

    from drive_gen.generate.augment import augment
    from drive_gen.generate.candidates import Generation, parents_of
    from drive_gen.generate.config import AugmentConfig, diffusion_preset
    from drive_gen.generate.denoiser import Denoiser
    from drive_gen.train.diffusion import resume_diffusion, train_diffusion

    _use_all_cores()
    model = _assets() / "diffusion" if size.bundled else out / "diffusion"
    if not size.bundled:
        _step(2, "train the trajectory diffusion", "all cars of a scene together, 11 s")
        preset = diffusion_preset("quick")
        preset = replace(preset, loop=replace(preset.loop, seed=seed))
        _train_or_resume(model, lambda: train_diffusion([store], model, preset), resume_diffusion)
    network = Denoiser.from_pretrained(model)
    run = Generation(parents_of([store], network.config), network, AugmentConfig(tries=10), seed)
    tally = augment(run, out / "generated", size.generated)
    _step(3, "augment", _verdict(tally))
    return out / "generated"


def _verdict(tally: Tally) -> str:
    refused = ", ".join(f"{number} {reason}" for reason, number in tally.rejected.most_common())
    return f"{tally.accepted} of {tally.tried} generated episodes passed verification" + (
        f"; refused: {refused}" if refused else ""
    )


def _train(out: Path, store: Path, generated: Path, size: Size, seed: int) -> Path:
    """A behaviour transformer that learns from the logs and from what was generated."""
    from dataclasses import replace

    from drive_gen.data.store import INDEX
    from drive_gen.train.behavior import resume_behavior, train_behavior
    from drive_gen.train.config import behavior_preset

    if size.bundled:
        _step(4, "driver", "the behaviour transformer that comes with the package")
        return _assets() / "behavior"
    stores = [store, generated] if (generated / INDEX).exists() else [store]
    _step(4, "train the behaviour transformer", f"on {' and '.join(path.name for path in stores)}")
    preset = behavior_preset("quick")
    preset = replace(preset, loop=replace(preset.loop, seed=seed))
    _train_or_resume(
        out / "behavior", lambda: train_behavior(stores, out / "behavior", preset), resume_behavior
    )
    return out / "behavior"


def _train_or_resume(run: Path, begin: Callable[[], Any], resume: Callable[[Path], Any]) -> None:
    """Train, go on with a stopped training, or leave a finished one."""
    if (run / "training_state").exists():
        resume(run)
    else:
        begin()


def _evaluate(out: Path, store: Path, driver: Path, size: Size) -> dict[str, Any]:
    """Closed loop in highway-env beside the floors; on logs alone, in place of logged cars."""
    from drive_gen.drivers import load_driver
    from drive_gen.envs.world import EnvConfig

    folder = out / "evaluation"
    if load_driver(str(driver), EnvConfig()).actions == "meta":
        from drive_gen.evaluate.closed_loop import evaluate_closed_loop

        _step(
            5, "drive and evaluate", f"{size.episodes} episodes of highway-fast-v0 a driver, the same for all"
        )
        return evaluate_closed_loop(
            str(driver), EnvConfig(), folder, episodes=size.episodes, command=f"drive-gen demo --out {out}"
        )
    from drive_gen.evaluate.replay import evaluate_replay

    _step(5, "drive and evaluate", f"{size.cases} held-out logged cars handed over for 6 s each")
    return evaluate_replay(
        str(driver), store, folder, cases=size.cases, command=f"drive-gen demo --out {out} --logs {store}"
    )


def _show(out: Path, driver: Path, summary: dict[str, Any]) -> tuple[Path, Path]:
    """The video and the report."""
    from drive_gen.envs.world import EnvConfig
    from drive_gen.report.film import Film, film_times, render_episode, view_for
    from drive_gen.report.html import write_report
    from drive_gen.report.sources import drive, stored
    from drive_gen.report.video import write_video

    _step(6, "report and video", "")
    if summary["kind"] == "closed_loop":
        take = drive(str(driver), EnvConfig(), summary["seeds"]["first"])
    else:
        take = stored(out / "evaluation" / "episodes")
    film = Film(view=view_for(take.episode.road, None))
    times = film_times(take.episode, take.agent, film)
    write_video(
        render_episode(take.episode, take.agent, take.details, film, times), out / "drive.mp4", film.fps
    )
    return out / "drive.mp4", write_report(out / "evaluation", out / "report.html")


def _say_json(film: Path, report: Path, summary: dict[str, Any]) -> None:
    import json

    print(json.dumps({"report": str(report), "film": str(film), "summary": summary}, indent=1))


def _say(out: Path, film: Path, report: Path, summary: dict[str, Any], seconds: float) -> None:
    """The table, what was written, and what to try next."""
    from drive_gen.commands.show import show
    from drive_gen.evaluate.tables import replay_table, verdict_table

    table = verdict_table(summary) if summary["kind"] == "closed_loop" else replay_table(summary)
    show(table)
    print(f"done in {seconds:.0f} s; wrote {report} (open it in a browser) and {film}")
    print(
        f"next: drive-gen inspect {out}/evaluation; drive-gen collect --drivers planner,idm --out data/sim;\n"
        f"      drive-gen train behavior --data data/sim --out runs/bt; drive-gen evaluate runs/bt --out ev"
    )


def _step(number: int, what: str, about: str) -> None:
    import sys

    print(f"[{number}/6] {what}" + (f": {about}" if about else ""), file=sys.stderr, flush=True)


def _about(store: Path) -> str:
    """One line on a store."""
    from drive_gen.data.store import read_index

    rows = read_index(store)
    seconds = sum(row.steps * row.dt_s for row in rows)
    drivers = sorted({row.driver.split("@")[0] for row in rows if row.driver})
    return f"{len(rows)} episodes, {seconds / 60:.0f} min" + (f", by {', '.join(drivers)}" if drivers else "")


def _assets() -> Path:
    import drive_gen

    return Path(drive_gen.__file__).parent / "assets"


def _use_all_cores() -> None:
    import os

    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(len(os.sched_getaffinity(0)))
