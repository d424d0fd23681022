"""Clips of an episode store found by a text: where most of what it says holds, and nearest to it by CLIP.

What the towers make of a store, and what is true of its clips, is kept beside it: STORE.clip.npz, or
STORE.facts.npz without a network. Only episodes that are new, or all with another checkpoint, are read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zipfile import BadZipFile

import numpy as np

from drive_gen.data.store import Row, read_index, read_shard
from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError, hash_of, read_json, replacing
from drive_gen.language.agree import agreement
from drive_gen.language.facts import Facts
from drive_gen.language.parse import facts_of_text, language_of
from drive_gen.perception.claims import CLAIMS, claims_in, claims_of, row_of
from drive_gen.perception.clip_config import ClipConfig
from drive_gen.perception.clip_data import clips_of, cut
from drive_gen.perception.clip_words import seen

if TYPE_CHECKING:
    from drive_gen.perception.clip import Clip

By = Literal["auto", "clip", "facts"]
STRIDE_S = 3.0  # between an episode's clips
READ_AGAIN = 8  # clips for each that is shown, where each must be read to know what holds


@dataclass(frozen=True, eq=False)
class Index:
    """N clips of a store: what is known of each."""

    episode: np.ndarray  # (N,) str, the sha256 of its episode
    start_s: np.ndarray  # (N,) float64
    holds: np.ndarray  # (N, C) bool
    both: np.ndarray  # (N, E) float32, of frames and trajectories; E is 0 without a network
    maker: np.ndarray  # () str: the checkpoint's weights and the claims that it was made by

    def __len__(self) -> int:
        return len(self.start_s)


@dataclass(frozen=True, eq=False)
class Found:
    """A clip that was found, the best first."""

    row: Row
    start_s: float
    score: float  # the share of what holds; by CLIP, and where nothing was parsed, the cosine
    holds: dict[str, bool]  # slot of the text -> whether it is so; empty where the text was not parsed
    said: dict[str, str]  # slot -> what the text says of it
    clip: Episode


def search(text: str, store: Path, by: By = "auto", checkpoint: Path | None = None, top: int = 12,
           on_episode: Callable[[int, int], None] = lambda done, total: None) -> list[Found]:
    """The best clips for a text, one an episode.

    auto: by the share of what the parser understood that holds, and of equals the nearest by CLIP; by CLIP
    alone where it understood nothing. An InputError where the store is empty, or by facts none of its clips
    holds it all.
    """
    language_of(text)  # refuses other scripts
    wanted = _parsed(text)
    if by == "facts" and wanted is None:
        facts_of_text(text)  # says why
    model = None if by == "facts" else _model(checkpoint)
    config = model.config if model else ClipConfig()
    rows = read_index(store)
    if not rows:
        raise InputError(f"the store {store} is empty; `drive-gen collect requests --out {store}` fills it")
    index = index_of(store, rows, model, config, maker_of(checkpoint, by), on_episode)
    if not len(index):
        raise InputError(f"the store {store} has no episode with an ego that is there throughout")
    if model is not None:
        said = model.embed_texts([text])[0]
        near = index.both @ said
        holding = _shares(store, rows, index, near, wanted, config, top) if by == "auto" and wanted else None
        order = np.argsort(-near, kind="stable") if holding is None else np.lexsort((-near, -holding))
        best = _one_each(index, order)[:top]
        return _shown(store, rows, index, best, near if holding is None else holding, wanted, config)
    assert wanted is not None
    return _by_facts(store, rows, index, seen(wanted), config, top)


def _parsed(text: str) -> Facts | None:
    try:
        return facts_of_text(text)
    except InputError:
        return None


def _model(checkpoint: Path | None) -> Clip:
    from drive_gen.perception.clip import Clip

    return Clip.from_pretrained(checkpoint or bundled())


def bundled() -> Path:
    """The checkpoint that comes with the package."""
    import drive_gen

    return Path(drive_gen.__file__).parent / "assets" / "clip"


def maker_of(checkpoint: Path | None, by: By) -> str:
    """What an index is made by."""
    if by == "facts":
        return hash_of([CLAIMS, STRIDE_S])
    from drive_gen.policies.pretrained import MANIFEST, checkpoint_folder

    folder = checkpoint_folder(checkpoint or bundled())
    return hash_of([read_json(folder / MANIFEST, "a checkpoint's manifest"), CLAIMS, STRIDE_S])


def index_of(store: Path, rows: Sequence[Row], model: Clip | None, config: ClipConfig, maker: str,
             on_episode: Callable[[int, int], None] = lambda done, total: None) -> Index:
    """The index of a store's episodes: what is kept of it, and what is new."""
    path = store.with_name(f"{store.name}.{'clip' if model else 'facts'}.npz")
    kept = _read(path, maker)
    known = set(kept.episode.tolist()) if kept else set()
    new = [row for row in rows if row.sha256 not in known]
    parts = [kept] if kept else []
    for done, row in enumerate(new):
        on_episode(done, len(new))
        parts += _of_episode(store, row, model, config, maker)
    index = _joined(parts, maker)
    index = _take(index, np.isin(index.episode, [row.sha256 for row in rows]))
    if new or (kept and len(index) < len(kept)):
        _write(path, index)
    return index


def _of_episode(store: Path, row: Row, model: Clip | None, config: ClipConfig, maker: str) -> list[Index]:
    episode = read_shard(store / row.shard, [row])[0]
    cuts = list(cut(episode, config, STRIDE_S))
    if not cuts:
        return []
    starts = np.array([start_s for start_s, _ in cuts])
    if model is None:
        holds, both = np.stack([claims_in(clip) for _, clip in cuts]), np.zeros((len(cuts), 0), np.float32)
    else:
        clips = clips_of([episode], config, STRIDE_S)
        holds, both = clips.holds, model.embed_clips(clips).both
    return [Index(np.full(len(cuts), row.sha256), starts, holds, both, np.array(maker))]


def _joined(parts: Sequence[Index], maker: str) -> Index:
    if not parts:
        nothing = np.zeros((0, 0), np.float32)
        return Index(np.zeros(0, "U64"), np.zeros(0), np.zeros((0, len(CLAIMS)), bool), nothing,
                     np.array(maker))
    arrays = {item.name: np.concatenate([getattr(part, item.name) for part in parts])
              for item in fields(Index) if item.name != "maker"}
    return Index(**arrays, maker=np.array(maker))


def _take(index: Index, which: np.ndarray) -> Index:
    arrays = {item.name: getattr(index, item.name)[which] for item in fields(Index) if item.name != "maker"}
    return Index(**arrays, maker=index.maker)


def _read(path: Path, maker: str) -> Index | None:
    """What is kept, where it is whole and was made alike."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            index = Index(**{item.name: arrays[item.name] for item in fields(Index)})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    return index if str(index.maker) == maker else None


def _write(path: Path, index: Index) -> None:
    try:
        with replacing(path) as temporary:
            np.savez_compressed(temporary, **{item.name: getattr(index, item.name) for item in fields(Index)})
    except InputError:
        pass  # a store in a folder that cannot be written to is read anew each time


def _by_facts(store: Path, rows: Sequence[Row], index: Index, wanted: Facts, config: ClipConfig, top: int
              ) -> list[Found]:
    claims = claims_of(wanted)
    if claims is not None:
        fits = index.holds[:, row_of(claims)].all(1)
        best = _one_each(index, np.flatnonzero(fits))[:top]
        found = _shown(store, rows, index, best, fits.astype(float), wanted, config)
    else:  # more is said than claims can: each clip is read
        every = _shown(store, rows, index, np.arange(len(index)), np.ones(len(index)), wanted, config)
        right = {one.row.key: one for one in reversed(every) if all(one.holds.values())}
        found = list(reversed(right.values()))[:top]
    if not found:
        slots = ", ".join(f"{slot} {value}" for slot, value in wanted.slots().items())
        raise InputError(f"nothing in {store} holds all of: {slots}; --by auto shows what is nearest")
    return found


def _shares(store: Path, rows: Sequence[Row], index: Index, near: np.ndarray, wanted: Facts,
            config: ClipConfig, top: int) -> np.ndarray | None:
    """The share of a text that holds for each clip (N,); None where nothing of it can be seen."""
    try:
        claims = claims_of(seen(wanted))
    except InputError:
        return None
    if claims is not None:
        return np.asarray(index.holds[:, row_of(claims)].mean(1))
    # More is said than claims can: the nearest clips are read.
    nearest = np.argsort(-near, kind="stable")[: READ_AGAIN * top]
    shares = np.zeros(len(index))
    found = _shown(store, rows, index, nearest, near, wanted, config)
    shares[nearest] = [np.mean(list(one.holds.values())) for one in found]
    return shares


def _one_each(index: Index, places: np.ndarray) -> np.ndarray:
    """The first of the places of each episode."""
    _, first = np.unique(index.episode[places], return_index=True)
    return np.asarray(places[np.sort(first)])


def _shown(store: Path, rows: Sequence[Row], index: Index, places: Iterable[Any], scores: np.ndarray,
           wanted: Facts | None, config: ClipConfig) -> list[Found]:
    """The clips at places of the index, read again, with what of the text holds."""
    by_hash = {row.sha256: row for row in rows}
    found = []
    for place in map(int, places):
        row = by_hash[str(index.episode[place])]
        episode = read_shard(store / row.shard, [row])[0]
        clip = next(clip for start_s, clip in cut(episode, config, STRIDE_S)
                    if abs(start_s - index.start_s[place]) < 1e-6)
        holds = agreement(wanted, clip) if wanted else {}
        said = wanted.slots() if wanted else {}
        found.append(Found(row, float(index.start_s[place]), float(scores[place]), holds, said, clip))
    return found
