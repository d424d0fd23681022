"""Training of the captioner: clips and their captions as numbers, loss, validation; the loop is loop.py's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from drive_gen.data.progress import progress_bar
from drive_gen.data.store import iterate_episodes
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.evaluate.captions import score_captions
from drive_gen.language.caption import symbols_of
from drive_gen.language.caption_words import LANGUAGE_TOKENS
from drive_gen.language.played import Staged, played
from drive_gen.language.sight import Seen, mirrored
from drive_gen.perception.caption_slots import NOT_SAID, OBJECT, labels_of, patches_of
from drive_gen.perception.captioner import Captioner
from drive_gen.perception.captioner_config import EFFECTS, CaptionData, CaptionTraining
from drive_gen.perception.captioner_data import Clips, clips_of
from drive_gen.policies.pretrained import Card
from drive_gen.train.loop import Batch, step_seed, train
from drive_gen.train.run import Progress, RunFolder, begun_with

RESUME = "drive-gen train caption --resume"
LIMITS = ("Trained on small pictures of scripted, simulated traffic from above; it knows the roads and deeds "
          "of those alone, and it must not be used to judge real accidents.")
IGNORED = -100  # cross_entropy's
SLOTS_WEIGHT = 4.0  # most slots of most clips hold nothing: their mean is small


@dataclass(frozen=True, eq=False)
class Coded:
    """N clips and what is said of them as numbers; of each also what its mirror image shows."""

    frames: np.ndarray  # (N, F, H, W, 3) uint8
    tokens: dict[str, np.ndarray]  # by language, (N, 2, L) int16: the language, then the caption; padded
    slots: np.ndarray  # (N, 2, S) int8
    objects: np.ndarray  # (N, 2, patches, len(OBJECT)) int8

    def __len__(self) -> int:
        return len(self.frames)


def coded(model: Captioner, clips: Clips) -> Coded:
    """Clips as numbers."""
    both = [(seen, mirrored(seen)) for seen in clips.seen]
    tokens = {language: np.stack([_padded(model, pair, language) for pair in both])
              for language in LANGUAGE_TOKENS}
    slots = np.stack([[labels_of(seen) for seen in pair] for pair in both])
    sight, patch = model.config.sight, model.config.patch_px
    objects = np.stack([[patches_of(one, sight, patch, mirror) for mirror in (False, True)]
                        for one in clips.objects])
    return Coded(clips.frames, tokens, slots, objects)


def _padded(model: Captioner, pair: Sequence[Seen], language: str) -> np.ndarray:
    """Tokens (2, L) of a caption and its mirror image; one that is too long is cut."""
    number_of, longest = model.ids(language), model.config.longest
    found = np.full((len(pair), longest + 1), model.tokenizer.pad_token_id, np.int16)
    for row, seen in zip(found, pair, strict=True):
        said = [number_of[symbol] for symbol in symbols_of(seen)][:longest]
        row[0] = model.tokenizer.convert_tokens_to_ids(LANGUAGE_TOKENS[language])
        row[1 : 1 + len(said)] = said
    return found


def batches_of(data: Coded, size: int, seed: int, pad: int) -> Callable[[int], Batch]:
    """The batch of any step: half of its clips in a mirror, half in either language."""
    def batch_of(step: int) -> Batch:
        draws = np.random.default_rng(step_seed(seed, step, "batch"))
        chosen, mirror = np.sort(draws.integers(len(data), size=size)), draws.integers(2, size=size)
        frames = np.asarray(data.frames[chosen])
        frames[mirror == 1] = frames[mirror == 1, :, :, ::-1]
        languages = draws.integers(len(data.tokens), size=size)
        either = np.stack([data.tokens[name][chosen, mirror] for name in data.tokens])
        tokens = either[languages, np.arange(size)].astype(np.int64)
        used = int((tokens != pad).sum(1).max())
        return {"frames": torch.from_numpy(frames), "tokens": torch.from_numpy(tokens[:, :used]),
                "slots": torch.from_numpy(data.slots[chosen, mirror].astype(np.int64)),
                "objects": torch.from_numpy(data.objects[chosen, mirror].astype(np.int64))}

    return batch_of


def loss_of(model: Captioner, batch: Batch, head_weight: float = 1.0) -> dict[str, Tensor]:
    """Cross-entropies of the caption's tokens, of the slots that are said, and of who is in the patches."""
    tokens, pad = batch["tokens"], model.tokenizer.pad_token_id
    said = model(batch["frames"], tokens[:, :-1])
    wanted = tokens[:, 1:].masked_fill(tokens[:, 1:] == pad, IGNORED)
    caption = F.cross_entropy(said.tokens.flatten(0, 1).float(), wanted.flatten(), ignore_index=IGNORED)
    slots = F.cross_entropy(said.slots.flatten(0, 1).float(), batch["slots"].flatten(), ignore_index=NOT_SAID)
    parts = zip(said.objects.split(OBJECT, -1), batch["objects"].unbind(-1), strict=True)
    objects = torch.stack([
        F.cross_entropy(logits.flatten(0, 1).float(), true.flatten(), ignore_index=NOT_SAID)
        for logits, true in parts]).sum()
    return {"loss": caption + head_weight * (SLOTS_WEIGHT * slots + objects), "caption": caption,
            "slots": slots, "objects": objects}


def train_caption(out: Path, config: CaptionTraining, resume: bool = False) -> Progress:
    """Train on clips of episodes by seed or of a store; the run's folder is `out`."""
    run = RunFolder(out, {"model": Captioner.model_type, "training": asdict(config)}, _card(config), RESUME)
    run.start(resume, config.loop.device)
    learn, held = clips_for(config.data, config, "clips to learn from"), clips_for(
        validation_of(config), config, "clips to validate on")
    return learn_from(run, config, learn, held, resume)


def learn_from(run: RunFolder, config: CaptionTraining, learn: Clips, held: Clips, resume: bool = False
               ) -> Progress:
    """Train on clips that are there already."""
    model = Captioner(config.model, config.loop.seed)
    if config.init is not None and not resume:
        begin_with(model, config.init)
    data = coded(model, learn)
    batch_of = batches_of(data, config.loop.batch_size, config.loop.seed, model.tokenizer.pad_token_id)
    return train(model, lambda net, batch: loss_of(net, batch, config.head_weight), batch_of, config.loop,
                 run, lambda average: validate(average, held))


def resume_caption(out: Path) -> Progress:
    """Go on with a stopped run, with the settings it was begun with."""
    config, _ = begun_with(out, CaptionTraining, Captioner.model_type, "drive-gen train caption")
    return train_caption(out, config, resume=True)


def begin_with(model: Captioner, reference: str) -> None:
    """Give the model the weights of a captioner of its shape."""
    former = Captioner.from_pretrained(reference)
    if former.config != model.config:
        raise InputError(f"--init {reference}: its network has another shape; train with its settings")
    model.load_state_dict(former.state_dict())


def validate(model: Captioner, clips: Clips) -> dict[str, float]:
    """Facts of held-out clips, described in English; the higher "score" the better."""
    found = score_captions(clips.seen, model.describe(torch.from_numpy(np.asarray(clips.frames))))
    return {"score": found.f1, "fact_f1": found.f1, "hallucinated": found.hallucinated, "exact": found.exact}


def validation_of(config: CaptionTraining) -> CaptionData:
    """Other seeds, or the store's own validation split; only from the ego's place."""
    return CaptionData(config.data.store, 50_000, config.validation_episodes, 0, config.data.look)


def clips_for(data: CaptionData, config: CaptionTraining, what: str) -> Clips:
    """Draw clips, with a bar."""
    with progress_bar() as bar:
        task = bar.add_task(what, total=data.episodes)
        return clips_of(episodes_of(data), config.model.sight, data.look, data.others, EFFECTS,
                        on_episode=lambda: bar.update(task, advance=1))


def episodes_of(data: CaptionData) -> Iterator[Episode]:
    """Played by seed, or of a store: its first ones from `first` below the test seeds, its last ones else."""
    if data.store is None:
        yield from (played(Staged(), seed) for seed in range(data.first, data.first + data.episodes))
        return
    split = "train" if data.first < 50_000 else "validation"
    yield from _first(iterate_episodes(Path(data.store), split), data.episodes)


def _first(episodes: Iterable[Episode], count: int) -> Iterator[Episode]:
    for number, episode in enumerate(episodes):
        if number == count:
            return
        yield episode


def _card(config: CaptionTraining) -> Card:
    where = config.data.store or f"seeds from {config.data.first} on"
    return Card((f"{config.data.episodes} episodes of scripted traffic, {where}, each from "
                 f"{1 + config.data.others} cars",), config.loop.seed, limits=LIMITS)
