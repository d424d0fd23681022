"""Are pictures drawn from words what was asked for? python scripts/bench_image.py --work runs/image-bench

Requests are drawn by chance, said in English and Korean by turns, and parsed again. The
second reader learns for a few minutes at the first call and is kept in --work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from drive_gen.envs.episode import Scene
from drive_gen.envs.files import InputError, write_json
from drive_gen.envs.kinematics import wrap
from drive_gen.evaluate.pictures import distances, inception_score, psnr_db, ssim
from drive_gen.imagine.classes import classes_of, mean_iou
from drive_gen.imagine.config import Traffic
from drive_gen.imagine.data import Pictures, pictures_of
from drive_gen.imagine.draw import Drawing, draw
from drive_gen.imagine.enact import DRIVEN_S, Candidate, enacted, scenario_of_scene, undrivable
from drive_gen.imagine.pipeline import BUNDLED, read_pipeline
from drive_gen.imagine.raster import camera_of, raster_of
from drive_gen.imagine.read import read_raster
from drive_gen.imagine.roads import KINDS
from drive_gen.imagine.slots import RoadLogits, SlotReader, judged, values_of
from drive_gen.imagine.vae import to_network, to_pictures
from drive_gen.imagine.words import facts_of_words, words_of
from drive_gen.language.agree import agreement
from drive_gen.language.draw import draw as draw_facts
from drive_gen.language.facts import Facts
from drive_gen.language.parse import facts_of_text
from drive_gen.language.place import scenario_of
from drive_gen.language.play import play
from drive_gen.language.read_scene import road_kind
from drive_gen.language.speak import say
from drive_gen.train.slots import train_slots

NEAR_M = 4.0  # a body read farther from its true place is another
KINDS_OF_SLOTS = ("road", "lanes", "density", "without", "kind", "count", "distance", "speed")


@dataclass(frozen=True)
class Bench:
    """Score the pictures of a pipeline."""

    work: Path  # folder for the second reader and image.json
    checkpoint: Path = BUNDLED
    data: Path | None = None  # store of training episodes, for the second reader and the nearest scene
    test_data: Path | None = None  # store of unseen episodes; seeds from 10000 on if not given
    train_episodes: int = 1500
    train_requests: int = 10_000  # set up and not driven, besides
    test_episodes: int = 400
    requests: int = 100
    tries: tuple[int, ...] = (4, 8)  # pictures a request, of the rows that take the best
    steered: tuple[int, ...] = (8, 32)  # the same, of the rows that are steered
    guidance: float = 2.0
    others: tuple[float, ...] = (1.0, 3.0)  # guidance of the rows beside it
    steps: int = 15
    pictures: int = 300  # a side of the Frechet distance
    reader_steps: int = 2500


def main(bench: Bench, learnt: Pictures | None = None, real: Pictures | None = None) -> int:
    """Print the tables and keep them; pictures to learn from and real ones may be given."""
    torch.set_num_threads(1)
    first = 0 if bench.test_data else 10_000
    learnt = learnt or pictures_of(
        Traffic(_text(bench.data), 0, bench.train_episodes, requests=bench.train_requests)
    )
    real = real or pictures_of(Traffic(_text(bench.test_data), first, bench.test_episodes))
    run = bench.work / "slots"
    if not (run / "checkpoints" / "best").exists():
        train_slots(run, learnt, real, bench.reader_steps)
    reader, pipeline = SlotReader.from_pretrained(run), read_pipeline(bench.checkpoint)
    parts: dict[str, Callable[[], Any]] = {
        "round trip": lambda: round_trip_rows(real),
        "VAE": lambda: vae_rows(pipeline, real),
        "reading": lambda: reading_rows(real, reader),
        "requests": lambda: request_rows(bench, pipeline, reader, learnt),
        "distance": lambda: distance_rows(bench, pipeline, reader, real),
    }
    found: dict[str, Any] = {}
    for name, rows_of in parts.items():
        found[name] = rows_of()
        print(f"**{name}**\n\n{table(found[name])}\n", flush=True)
        write_json(bench.work / "image.json", found)
    return 0


def vae_rows(pipeline: Any, real: Pictures) -> list[dict[str, Any]]:
    """How pictures come back from latents."""
    again = round_trip(pipeline, real.pictures)
    return [
        {
            "pictures": len(again),
            "PSNR dB": psnr_db(real.pictures, again),
            "SSIM": ssim(real.pictures, again),
            "mask IoU": mean_iou(classes_of(real.pictures), classes_of(again)),
            "latent scale": pipeline.vae.config.scaling_factor,
            **{f"IoU {name}": share for name, share in _each_iou(real.pictures, again).items()},
        }
    ]


def round_trip_rows(real: Pictures, most: int = 400) -> list[dict[str, Any]]:
    """Scenes against what is read off their pictures: the ceiling of reading."""
    chosen = np.unique(np.linspace(0, len(real) - 1, most).round().astype(int))
    errors: dict[str, list[float]] = {"along m": [], "aside m": [], "speed m/s": [], "heading rad": []}
    bodies = missed = kinds = roads = counts = 0
    for number in chosen:
        scene = real.scenes[number]
        read = read_raster(real.pictures[number])
        true, found = camera_of(scene), read.found.place.camera
        roads += read.found.place.kind == road_kind(scene.road)
        counts += len(read.scene.position_m) == len(scene.position_m)
        seen, again = true.seen(scene.position_m), found.seen(read.scene.position_m)
        away = np.hypot(*(again[:, None] - seen[None]).transpose(2, 0, 1))
        near, bodies = away.min(0) < NEAR_M, bodies + len(seen)
        match = away.argmin(0)[near]
        missed += int((~near).sum())
        kinds += int((read.scene.size_m[match, 0] == scene.size_m[near, 0]).sum())
        errors["along m"] += np.abs(again[match] - seen[near])[:, 0].tolist()
        errors["aside m"] += np.abs(again[match] - seen[near])[:, 1].tolist()
        errors["speed m/s"] += np.abs(read.scene.speed_mps[match] - scene.speed_mps[near]).tolist()
        turned = (
            read.scene.heading_rad[match] - found.heading_rad - scene.heading_rad[near] + true.heading_rad
        )
        errors["heading rad"] += np.abs(wrap(turned)).tolist()
    row = {
        "pictures": len(chosen),
        "bodies": bodies,
        "road right": roads / len(chosen),
        "bodies counted right": counts / len(chosen),
        "bodies missed": missed / bodies,
        "size right": kinds / (bodies - missed),
    }
    return [
        row
        | {
            f"{name}, {what}": float(figure)
            for name, values in errors.items()
            for what, figure in (("mean", np.mean(values)), ("95 %", np.percentile(values, 95)))
        }
    ]


def reading_rows(real: Pictures, reader: SlotReader) -> list[dict[str, Any]]:
    """How right both readers are on real pictures, by their captions: the ceiling of what follows."""
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(real))[:400]
    facts = [facts_of_words(real.words[number][0]) for number in chosen]
    geometry = [_agreed(want, real.pictures[number]) for want, number in zip(facts, chosen, strict=True)]
    said = reader.read(real.pictures[chosen])
    network = [judged(want, one) for want, one in zip(facts, said, strict=True)]
    return [
        {"reader": name, "pictures": len(chosen), "slots right": share(rows)}
        for name, rows in (("geometry", geometry), ("network", network))
    ]


def request_rows(bench: Bench, pipeline: Any, reader: SlotReader, learnt: Pictures) -> list[dict[str, Any]]:
    """Slots right and share that drives, by how pictures are made."""
    wanted = requests(bench.requests)
    words = [words_of(facts) for facts in wanted]
    how = Drawing(1, bench.guidance, bench.steps)
    rows = [
        {
            "pictures": "scripted placement (no network)",
            **scored_scenes(
                wanted, [scenario_of(facts, number).to_scene() for number, facts in enumerate(wanted)], reader
            ),
        },
        {
            "pictures": "floor: nearest training scene",
            **scored_scenes(wanted, nearest(wanted, learnt), reader),
        },
    ]
    def candidates(texts: list[str], drawing: Drawing) -> list[Candidate]:
        pictures = draw(pipeline, texts, drawing).pictures
        return [enacted(picture, facts) for picture, facts in zip(pictures, wanted, strict=True)]

    def add(name: str, *tries: list[Candidate]) -> None:
        rows.append({"pictures": name, **scored(wanted, list(zip(*tries, strict=True)), reader)})

    add("floor: drawn without words", candidates([""] * len(words), replace(how, guidance=1.0)))
    for guidance in bench.others:
        add(f"drawn, guidance {guidance:g}", candidates(words, replace(how, guidance=guidance)))
    tries = [candidates(words, replace(how, seed=turn)) for turn in range(max(bench.tries))]
    for count in (1, *bench.tries):
        name = f"drawn, guidance {bench.guidance:g}" + (f", best of {count}" if count > 1 else "")
        add(name, *tries[:count])
    for count in bench.steered:
        drawings = [draw(pipeline, text, replace(how, count=count, seed=number), wanted=facts)
                    for number, (text, facts) in enumerate(zip(words, wanted, strict=True))]
        tried = [[enacted(picture, facts) for picture in drawn.pictures]
                 for drawn, facts in zip(drawings, wanted, strict=True)]
        for which, chosen in (("the first", [each[:1] for each in tried]), ("the best", tried)):
            rows.append({"pictures": f"drawn, guidance {bench.guidance:g}, {which} of {count} steered",
                         **scored(wanted, chosen, reader)})
    return rows


def scored(
    wanted: Sequence[Facts], tries: Sequence[Sequence[Candidate]], reader: SlotReader
) -> dict[str, Any]:
    """Of each request's pictures, the best candidate, as `drive-gen imagine` chooses."""
    geometry, network, events, drives, seen = [], [], [], 0, 0
    for facts, candidates in zip(wanted, tries, strict=True):
        best = max(candidates, key=lambda each: (each.reason is None, each.right))
        scene = best.episode.scene(0) if best.episode else None
        geometry.append(agreement(facts, scene) if scene else dict.fromkeys(agreed_slots(facts), False))
        network.append(judged(facts, reader.read(best.picture[None])[0]))
        events.append(
            {name: held for name, held in best.holds.items() if name not in geometry[-1]}
            if scene
            else {f"{event.who}.{event.what}": False for event in facts.events}
        )
        drives, seen = drives + (best.reason is None), seen + (scene is not None)
    return _row(geometry, network, events, drives, seen)


def scored_scenes(wanted: Sequence[Facts], scenes: Sequence[Scene], reader: SlotReader) -> dict[str, Any]:
    """As `scored`, of scenes that need not be read."""
    geometry, network, events, drives = [], [], [], 0
    for facts, scene in zip(wanted, scenes, strict=True):
        geometry.append(agreement(facts, scene))
        network.append(judged(facts, reader.read(raster_of(scene)[None])[0]))
        episode = play(scenario_of_scene(_ego_first(scene), facts), DRIVEN_S)
        events.append(
            {name: held for name, held in agreement(facts, episode).items() if name not in geometry[-1]}
        )
        drives += undrivable(episode, facts) is None
    return _row(geometry, network, events, drives, len(scenes))


def distance_rows(bench: Bench, pipeline: Any, reader: SlotReader, real: Pictures) -> list[dict[str, Any]]:
    """Sets drawn with the captions of half of the real episodes, against the other half; and that half."""
    one, other = np.flatnonzero(real.group % 2 == 0), np.flatnonzero(real.group % 2 == 1)
    rng = np.random.default_rng(0)
    size = min(bench.pictures, len(one), len(other))
    one, other = (rng.permutation(half)[:size] for half in (one, other))
    words = [real.words[number][0] for number in other]
    how = Drawing(1, bench.guidance, bench.steps, seed=9)
    sets = {
        "real": real.pictures[other],
        "real, through the VAE": round_trip(pipeline, real.pictures[other]),
        "drawn, guidance 1": draw(pipeline, words, replace(how, guidance=1.0)).pictures,
        f"drawn, guidance {bench.guidance:g}": draw(pipeline, words, how).pictures,
        f"drawn, guidance {bench.guidance:g}, the first of 8 steered": first_steered(pipeline, words, how),
        "floor: roads without cars": _emptied(real.pictures[other]),
    }
    rows: list[dict[str, Any]] = []
    for name, pictures in sets.items():
        apart = distances(real.pictures[one], pictures, reader)
        rows.append(
            {
                "pictures": name,
                "a side": size,
                "FID": apart.fid,
                "KID": apart.kid,
                "inception score": inception_score(pictures, RoadLogits(reader)),
            }
        )
    return [{**row, "FID, times real": row["FID"] / rows[0]["FID"]} for row in rows]


def first_steered(pipeline: Any, words: Sequence[str], how: Drawing, count: int = 8) -> np.ndarray:
    """One picture of each of some words, of several that are steered."""
    return np.stack([draw(pipeline, text, replace(how, count=count, seed=number),
                          wanted=facts_of_words(text)).pictures[0] for number, text in enumerate(words)])


def requests(count: int, seed: int = 0) -> list[Facts]:
    """Requests on the roads that are drawn, with two or more slots that a picture shows, parsed from text."""
    rng, found = np.random.default_rng(np.random.SeedSequence([seed, *b"image requests"])), list[Facts]()
    while len(found) < count:
        facts = draw_facts(rng)
        language = ("en", "ko")[len(found) % 2]
        if facts.road is not None and facts.road not in KINDS:
            continue
        try:
            read = facts_of_text(say(facts, language, int(rng.integers(2**31))), language)
            if len(words_of(read).split()) >= 2 and agreement(read, scenario_of(read, 0).to_scene()):
                found.append(read)
        except InputError:  # no room for it on such a road
            continue
    return found


def nearest(wanted: Sequence[Facts], learnt: Pictures) -> list[Scene]:
    """The training scene of which most of each request holds."""
    values = [values_of(scene) for scene in learnt.scenes]
    return [
        learnt.scenes[int(np.argmax([np.mean([*judged(facts, one).values()] or [False]) for one in values]))]
        for facts in wanted
    ]


def agreed_slots(facts: Facts) -> list[str]:
    """The slots that `agreement` looks for in a scene."""
    return list(agreement(facts, scenario_of(facts, 0).to_scene()))


def share(rows: Sequence[dict[str, bool]]) -> float:
    """Of all slots."""
    every = [held for row in rows for held in row.values()]
    return float(np.mean(every)) if every else float("nan")


def round_trip(pipeline: Any, pictures: np.ndarray) -> np.ndarray:
    """Pictures through the VAE."""
    with torch.no_grad():
        return np.concatenate(
            [
                to_pictures(
                    pipeline.vae.decode(pipeline.vae.encode(to_network(part)).latent_dist.mean).sample
                )
                for part in np.array_split(pictures, max(len(pictures) // 64, 1))
            ]
        )


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as Markdown."""

    def cell(value: Any) -> str:
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    return "\n".join(lines + ["| " + " | ".join(cell(row[name]) for name in names) + " |" for row in rows])


def _row(
    geometry: list[dict[str, bool]],
    network: list[dict[str, bool]],
    events: list[dict[str, bool]],
    drives: int,
    seen: int,
) -> dict[str, Any]:
    count = len(geometry)
    return {
        "requests": count,
        "slots right, geometry": share(geometry),
        "slots right, network": share(network),
        "all slots right": float(np.mean([all(row.values()) for row in geometry])),
        "events when driven": share(events),
        "read": seen / count,
        "drives 10 s": drives / count,
        **{
            f"{kind} right": share([{name: row[name] for name in row if kind in name} for row in geometry])
            for kind in KINDS_OF_SLOTS
        },
    }


def _agreed(facts: Facts, picture: np.ndarray) -> dict[str, bool]:
    try:
        return agreement(facts, read_raster(picture).scene)
    except InputError:
        return dict.fromkeys(agreed_slots(facts), False)


def _each_iou(true: np.ndarray, again: np.ndarray) -> dict[str, float]:
    one, other = classes_of(true), classes_of(again)
    return {
        name: float(((one == number) & (other == number)).sum() / ((one == number) | (other == number)).sum())
        for number, name in ((2, "line"), (3, "ego"), (4, "other"))
    }


def _emptied(pictures: np.ndarray) -> np.ndarray:
    """Without the others' bodies."""
    empty = pictures.copy()
    others = pictures[..., 1] > 128
    empty[..., 1][others], empty[..., 2][others] = 128, 0
    return empty


def _ego_first(scene: Scene) -> Scene:
    order = np.argsort(np.arange(len(scene.agent_id)) != scene.ego, kind="stable")
    names = ("position_m", "heading_rad", "speed_mps", "size_m", "crashed", "kind")
    return replace(
        scene, **{name: getattr(scene, name)[order] for name in names}, agent_id=np.arange(len(order)), ego=0
    )


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


if __name__ == "__main__":
    raise SystemExit(main(tyro.cli(Bench)))
