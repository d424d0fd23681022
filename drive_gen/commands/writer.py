"""`drive-gen train writer`, `drive-gen sample`, `drive-gen comment`: scenarios and commentaries by GPT-2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from drive_gen.commands.training import folder_of, loop_of, resumed, say_trained

if TYPE_CHECKING:
    from drive_gen.envs.episode import Episode, Scene
    from drive_gen.language.facts import Facts
    from drive_gen.language.writer import Writer


def train_writer(*, out: Path | None = None, resume: Path | None = None,
                 preset: Literal["quick", "base"] = "base", data: str | None = None, init: str | None = None,
                 config: Path | None = None, steps: int | None = None, batch_size: int | None = None,
                 learning_rate: float | None = None, seed: int | None = None,
                 device: Literal["auto", "cpu", "cuda"] | None = None, json: bool = False) -> int:
    """Train the writer: a GPT-2 over scenarios' programs, and over commentaries of what is seen.

    Its worlds are made by seed and kept in the run's folder. ^C saves; --resume goes on to the same result.

    Args:
        out: Folder to write: config.json, metrics.jsonl, tb/, writings.jsonl, checkpoints/best and last,
            training_state/.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags.
        preset: quick: a few minutes on two cores; base: more worlds and updates.
        data: Store of `drive-gen collect requests`, instead of driving the worlds of the preset's seeds.
        init: A Hugging Face GPT-2, folder or Hub name, whose shape and weights are begun with.
        config: YAML file of settings, instead of a preset.
        steps: Optimiser updates.
        batch_size: Programs or commentaries an update.
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights and batches.
        device: Where to train; auto: on a GPU where there is one.
        json: Print only JSON.
    """
    from dataclasses import replace

    from drive_gen.envs.config import read_yaml
    from drive_gen.language.writer_config import WriterTraining, writer_preset
    from drive_gen.train import writer

    loop = loop_of(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed, device=device)
    if resumed(resume, writer.resume_writer, out, config, init, data, loop):
        return _say_trained(folder_of(resume), json)
    out = folder_of(out)
    settings = read_yaml(WriterTraining, config) if config else writer_preset(preset)
    writer.train_writer(out, replace(settings, store=data or settings.store, init=init or settings.init,
                                     loop=replace(settings.loop, **loop)))
    return _say_trained(out, json)


def sample(*, out: Path, count: int = 16, text: str = "", language: Literal["en", "ko"] | None = None,
           writer: str = "", temperature: float = 1.0, top_p: float = 1.0, seed: int = 0, free: bool = False,
           json: bool = False) -> int:
    """Let the writer invent scenarios, by grammar so that each of them runs.

    Args:
        out: Folder to write 0000.yaml, 0001.yaml, ... and sheet.png, a picture of the first 16, into.
        count: How many scenarios.
        text: What is asked for, in English or Korean; anything if not given.
        language: Language of the text; by its letters if not given.
        writer: Run or checkpoint folder, or Hub id; the bundled writer if not given.
        temperature: Above 1 more surprising, below 1 less.
        top_p: Only of the likeliest words that have this share together.
        seed: Seed of the draws.
        free: Without the grammar; those that do not run are counted and not written.
        json: Print only JSON.
    """
    import json as encoder

    from drive_gen.envs.files import InputError, make_folder
    from drive_gen.language.decode import write_programs
    from drive_gen.language.parse import facts_of_text
    from drive_gen.language.writer_config import Sampling

    if not 1 <= count <= 10_000:
        raise InputError(f"--count is 1 to 10000, got {count}")
    sampling = Sampling(temperature, top_p, seed)
    facts = facts_of_text(text, language) if text else None
    model = _writer(writer)
    make_folder(out)
    programs = list(write_programs(model, [facts] * count, sampling, grammar=not free))
    about = _keep(programs, facts, text, out, seed)
    if json:
        print(encoder.dumps({"out": str(out), **about}, indent=1, ensure_ascii=False))
        return 0
    print(f"{about['run']} of {count} run, {about['different']} of them different")
    for slot, share in about["holds"].items():
        print(f"  {slot}: holds in {share:.0%}")
    for reason in about["reasons"][:3]:
        print(f"  does not run: {reason}")
    print(f"wrote {about['run']} scenarios and sheet.png to {out}; "
          f"next: drive-gen render {out}/0000.yaml --out {out}/0000.mp4, "
          f"or drive-gen evaluate DRIVER --replay {out} --out {out}/evaluation")
    return 0


def comment(path: Annotated[Path, tyro.conf.Positional], /, *, episode: int = 0,
            language: Literal["en", "ko"] = "en", writer: str = "", exact: bool = False,
            out: Path | None = None, json: bool = False) -> int:
    """Say in timed lines what an episode's traffic does, as the writer sees it in a trace of the motion.

    Args:
        path: Episode store, or a scenario's YAML file, which is driven for 12 s.
        episode: Which of the store's.
        language: en or ko.
        writer: Run or checkpoint folder, or Hub id; the bundled writer if not given.
        exact: What geometry says instead, without a network.
        out: File to write the commentary to, too.
        json: Print only JSON: the text, and the same by geometry.
    """
    import json as encoder

    from drive_gen.envs.files import write_text
    from drive_gen.language.commentary import commentary
    from drive_gen.language.decode import write_commentaries
    from drive_gen.language.trace import SEEN_S, trace_words

    seen = _episode(path, episode)
    if seen.duration_s > SEEN_S:
        seen = seen.window(0, round(SEEN_S / seen.dt_s) + 1)
    truth = commentary(seen, language)
    said = truth
    if not exact:
        trace = "".join(trace_words(seen))
        said = next(write_commentaries(_writer(writer), [trace], language)).strip()
    if out is not None:
        write_text(out, said + "\n")
    print(encoder.dumps({"said": said, "exact": truth}, indent=1, ensure_ascii=False) if json else said)
    return 0


def _writer(reference: str) -> Writer:
    """The writer of a reference, or the bundled one."""
    from drive_gen.envs.files import InputError
    from drive_gen.language.writer import Writer

    bundled = Path(__file__).parents[1] / "assets" / "writer"
    if not reference and not bundled.exists():
        raise InputError("no writer is bundled here; give --writer RUN, of `drive-gen train writer`")
    return Writer.from_pretrained(reference or bundled)


def _keep(programs: list[str], facts: Facts | None, text: str, out: Path, seed: int) -> dict[str, Any]:
    """Write the scenarios that run and a sheet of them; counts, and shares of slots that hold."""
    from drive_gen.language.agree import agreement
    from drive_gen.language.play import play
    from drive_gen.language.program import read_program
    from drive_gen.language.runnable import why_not
    from drive_gen.report.sheet import draw_sheet

    reasons = [why_not(program) for program in programs]
    held: dict[str, list[bool]] = {}
    scenes: list[Scene] = []
    written = 0
    for number, program in enumerate(programs):
        if reasons[number]:
            continue
        notes = {"text": text, "facts": facts.to_mapping() if facts else {}}
        scenario = read_program(program).scenario(seed, notes)
        scenario.write(out / f"{written:04d}.yaml")
        written += 1
        scenes += [scenario.to_scene()] if len(scenes) < 16 else []
        for slot, holds in (agreement(facts, play(scenario)) if facts else {}).items():
            held.setdefault(slot, []).append(holds)
    if scenes:
        draw_sheet(scenes, out / "sheet.png")
    return {"count": len(programs), "run": written, "different": len(set(programs)),
            "reasons": sorted({reason for reason in reasons if reason}),
            "holds": {slot: sum(found) / len(found) for slot, found in held.items()}}


def _episode(path: Path, number: int) -> Episode:
    """An episode of a store, or a scenario's."""
    from drive_gen.data.store import read_index, read_shard
    from drive_gen.envs.files import InputError
    from drive_gen.envs.scenario import Scenario
    from drive_gen.language.play import play

    if path.suffix in (".yaml", ".yml"):
        return play(Scenario.read(path))
    rows = read_index(path)
    if not 0 <= number < len(rows):
        raise InputError(f"{path} has episodes 0 to {len(rows) - 1}, and no {number}")
    return read_shard(path / rows[number].shard, [rows[number]])[0]


def _say_trained(out: Path, as_json: bool) -> int:
    import math

    return say_trained(out, as_json, lambda row: "perplexity of " + ", ".join(
        f"{name.removeprefix('validation_')} {math.exp(value):.3g}"
        for name, value in row.items() if name.startswith("validation_")),
        f"drive-gen sample --writer {out} --out scenarios")
