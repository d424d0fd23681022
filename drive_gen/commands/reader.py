"""`drive-gen train reader` and `drive-gen ask`: the learnt reader of requests and of narrations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from drive_gen.commands.training import folder_of, loop_of, resumed, say_trained

if TYPE_CHECKING:
    from drive_gen.envs.episode import Episode


def train_reader(*, out: Path | None = None, resume: Path | None = None,
                 preset: Literal["quick", "base"] = "base", data: Path | None = None,
                 init: str | None = None, config: Path | None = None, steps: int | None = None,
                 batch_size: int | None = None, learning_rate: float | None = None, seed: int | None = None,
                 device: Literal["auto", "cpu", "cuda"] | None = None, patience: int | None = None,
                 json: bool = False) -> int:
    """Train BERT to read requests in English and Korean, and to answer questions over an episode's narration.

    Its texts are written by seed. ^C saves; --resume goes on to the very same result.

    Args:
        out: Folder to write: config.json, metrics.jsonl, tb/, checkpoints/best and last, training_state/.
        resume: Go on with the stopped run in this folder, with its own settings; no other flags.
        preset: quick: a few minutes on one core; base: more texts and updates.
        data: Episode store whose episodes are narrated (drive-gen collect requests writes one); else episodes
            are driven by seed.
        init: A Hugging Face BERT, folder or Hub name, whose shape, subwords and weights are begun with.
        config: YAML file of settings, instead of a preset.
        steps: Optimiser updates.
        batch_size: Texts an update.
        learning_rate: The highest learning rate, at the end of the warm-up.
        seed: Seed of the weights and batches.
        device: Where to train; auto: on a GPU where there is one.
        patience: Evaluations without a better score before it stops; 0 never stops.
        json: Print only JSON.
    """
    from dataclasses import replace

    from drive_gen.envs.config import read_yaml
    from drive_gen.language.reader_config import ReaderTraining, reader_preset
    from drive_gen.train import reader

    loop = loop_of(steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed, device=device,
                   patience=patience)
    if resumed(resume, reader.resume_reader, out, config, init, data, loop):
        return _say_trained(folder_of(resume), json)
    out = folder_of(out)
    settings = read_yaml(ReaderTraining, config) if config else reader_preset(preset)
    texts = replace(settings.texts, episodes=str(data)) if data else settings.texts
    reader.train_reader(out, replace(settings, init=init or settings.init, texts=texts,
                                     loop=replace(settings.loop, **loop)))
    return _say_trained(out, json)


def ask(episodes: Path, question: str, /, *, episode: str = "0", checkpoint: str | None = None,
        language: Literal["en", "ko"] | None = None, seed: int = 0, json: bool = False) -> int:
    """Ask a question of an episode: it is told in words, and BERT answers from what it reads there.

    Where the parser understands a question of yes or no, geometry's answer stands first.

    Args:
        episodes: Episode store or evaluation folder, or a scenario.yaml, which is driven first.
        question: "did the car ahead brake?", "누가 끼어들었나요?"
        episode: Of a store: the episode's number, or a part of its key that no other has.
        checkpoint: Run or checkpoint folder of `drive-gen train reader`, or a Hub id; the bundled one if not
            given.
        language: Language of the question and the narration; by the question's letters if not given.
        seed: How the episode is told.
        json: Print only JSON.
    """
    import json as encoder

    from drive_gen.language.asked_facts import holds
    from drive_gen.language.choose import CHECKPOINT, load_reader
    from drive_gen.language.parse import language_of
    from drive_gen.language.plan import Variety
    from drive_gen.language.questions import said
    from drive_gen.language.read_episode import facts_of_episode
    from drive_gen.language.speak import say

    spoken = language or language_of(question)
    world = _episode(episodes, episode)
    told, checked = facts_of_episode(world), holds(question, spoken, world)
    narration = say(told, spoken, seed, Variety("train", "train"))
    reader = load_reader(checkpoint or CHECKPOINT, required=True)
    assert reader is not None
    answer, sure = reader.answer([(question, narration)])[0]
    if json:
        print(encoder.dumps({"answer": answer, "probability": sure, "narration": narration,
                             "by_geometry": checked}, indent=1, ensure_ascii=False))
        return 0
    if checked:
        slots = ", ".join(f"{slot} {'holds' if true else 'does not hold'}" for slot, true in checked.items())
        exact = said("yes" if all(checked.values()) else "no", spoken)
        print(f"by geometry (exact: this is what holds): {exact} ({slots})")
    guess = "a network's guess" + ("" if checked else "; geometry cannot tell")
    print(f"by BERT ({guess}): {said(answer, spoken)} ({sure:.0%} sure)\nread in: {narration}")
    return 0


def _episode(path: Path, which: str) -> Episode:
    """An episode of a store, or what comes of a scenario."""
    from drive_gen.envs.files import InputError
    from drive_gen.envs.scenario import Scenario
    from drive_gen.language.play import play
    from drive_gen.report.sources import store_at, stored

    if path.suffix in (".yaml", ".yml"):
        return play(Scenario.read(path))
    store = store_at(path)
    if store is None:
        raise InputError(f"{path} is no episode store and no scenario.yaml; `drive-gen collect requests` "
                         "writes a store")
    return stored(store, which).episode


def _say_trained(out: Path, as_json: bool) -> int:
    return say_trained(out, as_json, lambda row: (
        f"read whole: of the grammar {row['grammar_lexicon']:.3f}, by hand {row['hand_lexicon']:.3f}  "
        f"questions {row['answers']:.3f}"),
        f"drive-gen generate --text TEXT --reader bert --checkpoint {out} --out scene")
