"""Training of the writer: its worlds in words, its batches and validation; the loop is loop.py's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from drive_gen.data.progress import progress_bar
from drive_gen.envs.files import InputError
from drive_gen.language.legal import Legal
from drive_gen.language.played import Staged
from drive_gen.language.writer import (
    Example,
    Writer,
    begin_with,
    commentary_example,
    make_tokenizer,
    mean_loss,
    padded,
    program_example,
    shape_of,
)
from drive_gen.language.writer_config import WriterTraining
from drive_gen.language.writings import (
    Writing,
    load_writings,
    save_writings,
    writings_by_seed,
    writings_of_store,
)
from drive_gen.policies.pretrained import Card
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder, begun_with

RESUME = "drive-gen train writer --resume"
WRITINGS = "writings.jsonl"
LIMITS = ("Writes scenarios of simulated traffic and says what simulated traffic does; what it says may be "
          "wrong, and nothing of it may drive a real vehicle.")
POOL = 8  # batches' worth of examples that one is chosen from, of nearly equal length


@dataclass(frozen=True)
class Lessons:
    """Examples to learn: programs without and with what was asked for, and commentaries."""

    plain: list[Example]
    asked: list[Example]  # one for each of `plain`
    commentaries: list[Example]


def train_writer(out: Path, config: WriterTraining, resume: bool = False,
                 writings: Sequence[Writing] | None = None) -> Progress:
    """Train on the worlds of the settings' seeds or store, or on those given; the run's folder is `out`."""
    if config.init is not None and not resume:
        config = replace(config, model=shape_of(config.init, config.model))
    where = config.store or f"seeds from {config.first} on"
    card = Card((f"{config.episodes} episodes by request and {config.more_programs} more programs, {where}",),
                config.loop.seed, limits=LIMITS)
    run = RunFolder(out, {"model": Writer.model_type, "training": asdict(config)}, card, RESUME)
    run.start(resume, config.loop.device)
    worlds = list(writings) if writings is not None else worlds_of(out / WRITINGS, config)
    held = max(1, round(len(worlds) * config.validation))
    learn, validation = worlds[:-held], worlds[-held:]
    model = make_writer(config, learn)
    if config.init is not None and not resume:
        begin_with(model, config.init)
    seen, unseen = lessons_of(model, learn), lessons_of(model, validation)
    if not unseen.plain or not unseen.commentaries:
        raise InputError(f"no program or no commentary among the {held} worlds held out; give more episodes")
    legal = Legal(model) if config.grammar_weight else None
    batch_of = batches_of(seen, config, legal)
    loss_of = lambda model, batch: mean_loss(model, **batch, weight=config.grammar_weight)
    return train(model, loss_of, batch_of, config.loop, run, lambda average: validate(average, unseen))


def resume_writer(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, _ = begun_with(out, WriterTraining, Writer.model_type, "drive-gen train writer")
    return train_writer(out, config, resume=True)


def worlds_of(path: Path, config: WriterTraining) -> list[Writing]:
    """The worlds of a run: those kept in its file, else made, shuffled and kept there."""
    if path.is_file():
        return load_writings(path)
    staged = Staged()
    more = range(config.first + config.episodes, config.first + config.episodes + config.more_programs)
    with progress_bar() as bar:
        task = bar.add_task("worlds", total=config.episodes + len(more))
        tell: Any = lambda writing: bar.update(task, advance=1)
        if config.store is not None:
            driven = []
            for writing in writings_of_store(Path(config.store), staged):
                driven.append(writing)
                tell(writing)
        else:
            seeds = range(config.first, config.first + config.episodes)
            driven = writings_by_seed(staged, seeds, on_writing=tell)
        found = driven + writings_by_seed(staged, more, drive=False, on_writing=tell)
    order = np.random.default_rng(config.first).permutation(len(found))
    found = [found[int(place)] for place in order]
    save_writings(path, found)
    return found


def make_writer(config: WriterTraining, worlds: Sequence[Writing]) -> Writer:
    """An untrained writer with a tokenizer of the worlds' commentaries."""
    tokenizer = make_tokenizer((text for world in worlds for text in (world.en, world.ko)), config.subwords)
    model = Writer(replace(config.model, vocabulary=len(tokenizer)), config.loop.seed)
    model.tokenizer = tokenizer
    return model


def lessons_of(model: Writer, worlds: Sequence[Writing]) -> Lessons:
    """Examples of worlds; those longer than the writer's context are left out."""
    plain = [program_example(model, "", world.program) for world in worlds if world.program]
    asked = [program_example(model, world.asked, world.program) for world in worlds if world.program]
    spoken = [commentary_example(model, world.trace, language, text) for world in worlds if world.trace
              for language, text in (("en", world.en), ("ko", world.ko))]
    most = model.config.positions
    fits = [len(each.ids) <= most for each in asked]
    return Lessons([each for each, fit in zip(plain, fits, strict=True) if fit],
                   [each for each, fit in zip(asked, fits, strict=True) if fit],
                   [each for each in spoken if len(each.ids) <= most])


def batches_of(lessons: Lessons, config: WriterTraining, legal: Legal | None = None
               ) -> Callable[[int], Batch]:
    """The batch of any step: programs or commentaries, all of nearly equal length.

    Programs with what their grammar allows, where `legal` is given.
    """
    size = config.loop.batch_size
    if not lessons.plain or not lessons.commentaries:
        raise InputError("a writer learns from programs and from commentaries; these worlds give none of one")

    def batch_of(step: int) -> Batch:
        draws = np.random.default_rng(step_seed(config.loop.seed, step, "batch"))
        if draws.random() < config.programs:
            pool = [(lessons.asked if draws.random() < config.asked else lessons.plain)[number]
                    for number in draws.integers(len(lessons.plain), size=size * POOL)]
        else:
            pool = [lessons.commentaries[number]
                    for number in draws.integers(len(lessons.commentaries), size=size * POOL)]
        pool.sort(key=lambda each: len(each.ids))
        start = int(draws.integers(POOL)) * size
        chosen = pool[start : start + size]
        told = {"allowed": legal.of(chosen)} if legal is not None and chosen[0].program else {}
        return padded(chosen) | told

    return batch_of


def validate(model: Writer, lessons: Lessons, most: int = 150) -> dict[str, float]:
    """Mean surprise on held-out programs and commentaries; the higher the "score", the better."""
    losses = {name: mean_surprise(model, getattr(lessons, name)[:most])
              for name in ("plain", "asked", "commentaries")}
    return {"score": -float(np.mean(list(losses.values()))),
            **{f"validation_{name}": value for name, value in losses.items()}}


def mean_surprise(model: Writer, examples: Sequence[Example]) -> float:
    """-log of the probability of a wanted token, on average."""
    return float(np.concatenate(surprises(model, examples)).mean())


@torch.no_grad()
def surprises(model: Writer, examples: Sequence[Example], at_once: int = 64) -> list[np.ndarray]:
    """-log of the probability of each wanted token of each example."""
    device = next(model.parameters()).device
    order = sorted(range(len(examples)), key=lambda number: len(examples[number].ids))
    found: dict[int, np.ndarray] = {}
    for start in range(0, len(order), at_once):
        group = order[start : start + at_once]
        batch = padded([examples[number] for number in group])
        said = model.surprise(batch["ids"].to(device), batch["wanted"].to(device)).float().cpu().numpy()
        counts = [len(examples[number].ids) - examples[number].first for number in group]
        parts = np.split(said, np.cumsum(counts)[:-1])
        found |= dict(zip(group, parts, strict=True))
    return [found[number] for number in range(len(examples))]
