"""`drive-gen render`: an episode as mp4, gif or png strip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from drive_gen.report.film import Film
    from drive_gen.report.sources import Take


def render(reference: str, /, *, out: Path, env: str | None = None,
           config: Path | None = None, seed: int = 0, mode: Literal["tilt", "bc", "target"] | None = None,
           episode: str = "0", agent: int | None = None, start: float = 0.0, seconds: float | None = None,
           fps: float = 15.0, speed: float = 1.0, size: str | None = None, json: bool = False) -> int:
    """Show a driver at the wheel, a recorded episode or a scenario as a film.

    Args:
        reference: A run or checkpoint folder, FILE.py:NAME or baseline:NAME, which drives now; or an
            episode store or evaluation folder, of which an episode is shown; or a
            scenario.yaml, or a folder with one, which is driven as it says.
        out: File to write; .mp4, .gif, or .png for a strip of six pictures.
        env: Environment id of highway-env (highway-fast-v0 where neither this nor --config is given).
        config: YAML file of an environment's settings (lanes, vehicles, density, duration_s, ...).
        seed: The world that is driven.
        mode: How a behaviour transformer picks its return; as in its training if not given.
        episode: Of a store: the episode's number, or a part of its key that no other has; of an evaluation
            also "worst": crashed, off the road, or nearest to a crash.
        agent: Of a store: id of the agent to follow; the ego, or the one there longest, if not given.
        start: Where in the episode the film starts, in seconds.
        seconds: How much of the episode is shown; all if not given.
        fps: Pictures a second.
        speed: Seconds of the episode in a second of film.
        size: Width x height in pixels, such as 1280x400; fits the road if not given.
        json: Print only what was written, as JSON.
    """
    from dataclasses import replace

    from drive_gen.commands.collect import read_config
    from drive_gen.envs.render import View
    from drive_gen.report.film import Film, view_for
    from drive_gen.report.sources import drive, played, scenario_at, store_at, stored
    from drive_gen.report.video import check_suffix

    check_suffix(out)  # all that can be wrong is said before the driving, which takes a while
    pixels = _size(size)
    film = Film(View(*pixels) if pixels else View(), fps=fps, speed=speed, start_s=start, length_s=seconds)
    store = store_at(Path(reference))
    if store:
        take = stored(store, episode, agent)
    elif scenario := scenario_at(Path(reference)):
        take = played(scenario, agent)
    else:
        take = drive(reference, read_config(env, config), seed, mode)
    film = replace(film, view=view_for(take.episode.road, pixels))
    frames = _write(take, film, out)
    _say(take, film, out, frames, json)
    return 0


def _size(size: str | None) -> tuple[int, int] | None:
    """Pixels of WIDTHxHEIGHT."""
    from drive_gen.envs.files import InputError

    if size is None:
        return None
    parts = size.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise InputError(f"--size is {size!r}, expected width x height in pixels, such as 1280x400")
    return int(parts[0]), int(parts[1])


def _write(take: Take, film: Film, out: Path) -> int:
    """Draw and write the film, with a progress bar on stderr; how many pictures it has."""
    import numpy as np

    from drive_gen.data.progress import progress_bar
    from drive_gen.report.film import film_times, render_episode
    from drive_gen.report.video import STRIP_FRAMES, write_video

    times = film_times(take.episode, take.agent, film)
    if out.suffix.lower() == ".png":
        times = np.linspace(times[0], times[-1], STRIP_FRAMES)
    pictures = render_episode(take.episode, take.agent, take.details, film, times)
    with progress_bar() as bar:
        return write_video(bar.track(pictures, len(times), description="drawing"), out, film.fps)


def _say(take: Take, film: Film, out: Path, frames: int, as_json: bool) -> None:
    import json

    source, agent = take.episode.source, take.agent
    crashed = bool(take.episode.crashed[agent].any())
    about: dict[str, Any] = {
        "out": str(out), "frames": frames, "fps": film.fps, "world": source.name, "driver": source.driver,
        "seed": source.seed, "agent": int(take.episode.agent_id[agent]), "crashed": crashed}
    if as_json:
        print(json.dumps(about, indent=1))
        return
    who = f"{source.driver or 'agent ' + str(about['agent'])} in {source.name}"
    seed = f", seed {source.seed}" if source.seed is not None else ""
    print(f"{who}{seed}: {take.episode.duration_s:.1f} s, {'crashed' if crashed else 'no crash'}")
    print(f"wrote {out}: {frames} pictures; next: open it, or drive-gen evaluate for figures over many seeds")
