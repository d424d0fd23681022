"""`drive-gen train vae`, `drive-gen train image` and `drive-gen imagine`: pictures from words, driven."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from drive_gen.commands.training import folder_of, loop_of, resumed, say_trained

if TYPE_CHECKING:
    from drive_gen.imagine.enact import Candidate
    from drive_gen.language.facts import Facts


def train_vae(
    *,
    out: Path | None = None,
    resume: Path | None = None,
    preset: Literal["quick", "base"] = "base",
    data: Path | None = None,
    init: str | None = None,
    config: Path | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int | None = None,
    device: Literal["auto", "cpu", "cuda"] | None = None,
    json: bool = False,
) -> int:
    """Train the VAE of pictures: 96 x 32 pixels -> 24 x 8 x 4 latents and back.

    Pictures are of episodes by request, played by seed or of a store. ^C saves; --resume goes on to the same
    result.

    Args:
        out: Folder to write: config.json, metrics.jsonl, tb/, checkpoints/best and last, training_state/.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags.
        preset: quick: a few minutes on two cores; base: more pictures and updates.
        data: Store of `drive-gen collect requests` to take pictures of, instead of playing episodes by seed.
        init: Run or checkpoint folder whose weights are begun with.
        config: YAML file of settings, instead of a preset.
        steps: Optimiser updates.
        batch_size: Pictures an update.
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights and batches.
        device: Where to train; auto: on a GPU where there is one.
        json: Print only JSON.
    """
    from dataclasses import replace

    from drive_gen.envs.config import read_yaml
    from drive_gen.imagine.config import VaeTraining, vae_preset
    from drive_gen.train import vae

    loop = loop_of(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed, device=device)
    if not resumed(resume, vae.resume_vae, out, config, data, init, loop):
        settings = (
            read_yaml(VaeTraining, config) if config else vae_preset(preset, str(data) if data else None)
        )
        vae.train_vae(
            folder_of(out), replace(settings, init=init or settings.init, loop=replace(settings.loop, **loop))
        )
    scores = ("psnr_db", "mask_iou", "scaling_factor")
    then = "drive-gen train image --out runs/image --vae"
    return _say_trained(folder_of(out or resume), scores, then, json)


def train_image(
    *,
    out: Path | None = None,
    resume: Path | None = None,
    vae: str | None = None,
    preset: Literal["quick", "base"] = "base",
    data: Path | None = None,
    init: str | None = None,
    config: Path | None = None,
    steps: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int | None = None,
    device: Literal["auto", "cpu", "cuda"] | None = None,
    json: bool = False,
) -> int:
    """Train the network that draws pictures from words, in the latents of a VAE.

    OUT/pipeline is a folder that diffusers' StableDiffusionPipeline loads. ^C saves; --resume goes on to the
    same result.

    Args:
        out: Folder to write: config.json, metrics.jsonl, tb/, checkpoints/, training_state/, pipeline/.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags.
        vae: Run or checkpoint folder of `drive-gen train vae`.
        preset: quick: a few minutes on two cores; base: more pictures and updates.
        data: Store of `drive-gen collect requests` to take pictures of, instead of playing episodes by seed.
        init: Pipeline or run folder whose weights are begun with.
        config: YAML file of settings, instead of a preset.
        steps: Optimiser updates.
        batch_size: Pictures an update.
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights and batches.
        device: Where to train; auto: on a GPU where there is one.
        json: Print only JSON.
    """
    from dataclasses import replace

    from drive_gen.envs.config import read_yaml
    from drive_gen.envs.files import InputError
    from drive_gen.imagine.config import PainterTraining, painter_preset
    from drive_gen.train import image

    loop = loop_of(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed, device=device)
    if not resumed(resume, image.resume_image, out, config, data, vae, init, loop):
        if vae is None and config is None:
            raise InputError("give --vae RUN, a folder of `drive-gen train vae`")
        settings = (
            read_yaml(PainterTraining, config)
            if config
            else painter_preset(preset, str(vae), str(data) if data else None)
        )
        image.train_image(
            folder_of(out), replace(settings, init=init or settings.init, loop=replace(settings.loop, **loop))
        )
    then = 'drive-gen imagine "a truck ahead" --out drawn --checkpoint'
    return _say_trained(folder_of(out or resume), ("validation_loss", "gap"), then, json)


def imagine(
    text: str,
    /,
    *,
    out: Path,
    count: int = 32,
    guidance: float = 2.0,
    steps: int = 15,
    seed: int = 0,
    steer: bool = True,
    init_scene: Path | None = None,
    strength: float = 0.7,
    inpaint: Literal["ahead", "behind", "left", "right"] | None = None,
    language: Literal["en", "ko"] | None = None,
    checkpoint: Path | None = None,
    json: bool = False,
) -> int:
    """Draw pictures of what a text says, read them back as scenes, and drive the best one for 10 s.

    Pictures that show no scene, or one that cannot be driven, are rejected, and the command says how many.

    Args:
        text: What is asked for: "three cars at a merge, the car ahead brakes", "합류 구간, 앞차 급정거".
        out: Folder to write picture.png, strip.png (from noise to scene), scenario.yaml and drive.mp4 into.
        count: How many pictures to draw.
        guidance: How strongly they keep to the words; 1: as they come.
        steps: Denoising steps of the sampler.
        seed: Seed of the noise.
        steer: Read pictures while they are drawn, and go on with those that show what is asked for.
        init_scene: What to begin with, instead of noise: picture.png of another run, a scenario.yaml, or an
            episode store (its first scene).
        strength: How much that scene is changed, from 0 to 1.
        inpaint: Part of that scene to draw anew; the rest stays.
        language: Language of the text; by its letters if not given.
        checkpoint: Run or pipeline folder of `drive-gen train image`; the bundled one if not given.
        json: Print only JSON.
    """
    from drive_gen.data.progress import progress_bar
    from drive_gen.envs.files import InputError, make_folder
    from drive_gen.imagine.begin import begin_picture
    from drive_gen.imagine.draw import Drawing, draw
    from drive_gen.imagine.enact import best_of, enacted
    from drive_gen.imagine.pipeline import BUNDLED, read_pipeline
    from drive_gen.imagine.strip import write_strip
    from drive_gen.imagine.words import words_of
    from drive_gen.language.parse import facts_of_text

    if inpaint is not None and init_scene is None:
        raise InputError("--inpaint draws a part of a scene anew; give the scene with --init-scene")
    facts = facts_of_text(text, language)
    words, how = words_of(facts), Drawing(count, guidance, steps, seed, strength)
    begin = begin_picture(init_scene) if init_scene is not None else None
    pipeline = read_pipeline(checkpoint or BUNDLED)
    make_folder(out)
    with progress_bar() as bar:
        task = bar.add_task("steps", total=how.steps_of_all(begin is not None))
        tell = lambda: bar.advance(task)
        drawn = draw(pipeline, words, how, begin, inpaint, facts if steer else None, tell)
        task = bar.add_task("drives", total=count)
        candidates = []
        for picture in drawn.pictures:
            candidates.append(enacted(picture, facts, text, seed))
            bar.advance(task)
    best = best_of(candidates)
    write_strip(drawn, candidates, best, out / "strip.png")
    if best is None:
        raise InputError(
            f"none of {count} pictures can be driven ({_reasons(candidates)}); they are in "
            f"{out / 'strip.png'}; try another --seed, a higher --count, or fewer words"
        )
    _write(best, out)
    _say(facts, words, candidates, best, out, json)
    return 0


def _say_trained(out: Path, names: tuple[str, ...], following: str, as_json: bool) -> int:
    return say_trained(out, as_json, lambda row: "  ".join(f"{name} {row[name]:.4g}" for name in names),
                       f"{following} {out}")


def _reasons(candidates: list[Candidate]) -> str:
    """Why pictures were rejected, each reason's first words with its count."""
    from collections import Counter

    found = Counter(
        (each.reason or "").split(":")[0].split(" after ")[0] for each in candidates if each.reason
    )
    return ", ".join(f"{count} x {reason}" for reason, count in found.most_common()) or "nothing was rejected"


def _write(best: Candidate, out: Path) -> None:
    """The picture, its scenario, and its drive."""
    from PIL import Image

    from drive_gen.envs.files import replacing
    from drive_gen.report.film import Film
    from drive_gen.report.video import render_episode, write_video

    assert best.scenario is not None
    assert best.episode is not None
    with replacing(out / "picture.png") as temporary:
        Image.fromarray(best.picture).save(temporary, "PNG")
    best.scenario.write(out / "scenario.yaml")
    film = Film(title="read off a picture")
    write_video(render_episode(best.episode, 0, film=film), out / "drive.mp4", film.fps)


def _say(
    facts: Facts, words: str, candidates: list[Candidate], best: Candidate, out: Path, as_json: bool
) -> None:
    import json

    rejected = [each.reason for each in candidates if each.reason]
    if as_json:
        print(
            json.dumps(
                {
                    "out": str(out),
                    "facts": facts.to_mapping(),
                    "words": words,
                    "drawn": len(candidates),
                    "rejected": rejected,
                    "chosen": [each is best for each in candidates].index(True),
                    "holds": best.holds,
                },
                indent=1,
                ensure_ascii=False,
            )
        )
        return
    from rich.table import Table

    from drive_gen.commands.show import show

    table = Table("slot", "understood", "holds when driven")
    for slot, value in facts.slots().items():
        table.add_row(
            slot, value, {True: "yes", False: "no", None: "not seen in motion"}[best.holds.get(slot)]
        )
    show(table)
    print(f"drawn from: {words or 'no words'}")
    print(f"{len(candidates)} pictures, {len(rejected)} rejected ({_reasons(candidates)})")
    print(
        f"wrote picture.png, strip.png, scenario.yaml and drive.mp4 in {out}; next: "
        f"drive-gen inspect {out / 'scenario.yaml'}"
    )
