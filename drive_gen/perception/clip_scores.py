"""How well clips are found: class-aware recall, and true texts against those with one fact changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drive_gen.envs.files import InputError
from drive_gen.language.parse import facts_of_text
from drive_gen.language.plan import Variety
from drive_gen.perception.claims import CLAIMS, claims_of, holding, row_of
from drive_gen.perception.clip_texts import Known, Named, draw_text, named, one_changed
from drive_gen.perception.clips import Clips

NEIGHBOURS = 5  # of a text, in the floor of words and pixels
NEAR = 1e-3  # of a cosine, beside a share: it decides between equal shares alone


@dataclass(frozen=True, eq=False)
class Texts:
    """Q texts that hold for one of N clips each, and as many that do not, for one fact changed."""

    true: list[Named]
    false: list[Named]
    changed: list[str]  # what was
    language: list[str]
    clip: np.ndarray  # (Q,) of which it is
    fits: np.ndarray  # (Q, N) bool, the clips that the true one holds for

    def __len__(self) -> int:
        return len(self.true)


def texts_of(clips: Clips, count: int, seed: int, variety: Variety, languages: Sequence[str] = ("en", "ko"),
             unnamed: Sequence[int] = ()) -> Texts:
    """Texts with one to three facts of clips by chance, in the languages by turns; claims whose numbers are
    `unnamed` are not told."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, *b"texts"]))
    true: list[Named] = []
    false: list[Named] = []
    changed, of, spoken = [], [], []
    while len(true) < count:
        clip, language = int(rng.integers(len(clips))), languages[len(true) % len(languages)]
        told = clips.holds[clip].copy()
        told[list(unnamed)] = False
        text = draw_text(Known(told), language, rng, variety)
        other = one_changed(text.facts, Known(clips.holds[clip]).true, rng)
        if other is None:
            continue
        true.append(text)
        false.append(named(other[1], language, rng, variety))
        changed.append(other[0])
        of.append(clip)
        spoken.append(language)
    fits = holding(np.stack([text.claims for text in true]), clips.holds)
    return Texts(true, false, changed, spoken, np.array(of), fits)


def recall(scores: np.ndarray, fits: np.ndarray, count: int) -> float:
    """Share of rows of which one of the `count` best columns is right; (Q, N) each."""
    if count >= scores.shape[1]:
        return float(fits.any(1).mean())
    best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    return float(np.take_along_axis(fits, best, 1).any(1).mean())


def above_false(true: np.ndarray, false: np.ndarray) -> np.ndarray:
    """Whether each true text (Q,) scores above the false one; ties are half right."""
    return np.where(true == false, 0.5, true > false)


def pairs(texts: np.ndarray, clips: np.ndarray) -> np.ndarray:
    """Similarities of texts (Q, E) with a clip each (Q, E)."""
    return np.asarray((texts * clips).sum(1))


# Floors and the ceiling give scores (Q, N) of true texts, and (Q,) of true and false ones with their clip.
Scores = tuple[np.ndarray, np.ndarray, np.ndarray]


def by_chance(texts: Texts, clips: Clips, learnt: Clips) -> Scores:
    """Numbers drawn by chance."""
    rng = np.random.default_rng(0)
    return rng.random(texts.fits.shape), rng.random(len(texts)), rng.random(len(texts))


def most_frequent(texts: Texts, clips: Clips, learnt: Clips) -> Scores:
    """The clip whose claims are the commonest in training, whatever is asked; of texts the commoner one."""
    share = learnt.holds.mean(0)
    typical = (clips.holds * np.log(share + 1e-3) + ~clips.holds * np.log(1 - share + 1e-3)).sum(1)

    def prior(said: list[Named]) -> np.ndarray:
        return np.array([np.log(share[text.claims] + 1e-3).sum() for text in said])
    return np.tile(typical, (len(texts), 1)), prior(texts.true), prior(texts.false)


def words_and_pixels(texts: Texts, clips: Clips, learnt: Clips, told: Sequence[str]) -> Scores:
    """The training texts (one a clip of `learnt`) with most words in common; the clip whose pixels are most
    like those of theirs."""
    vocabulary = {word: place for place, word in enumerate(sorted(set().union(*map(_words, told))))}
    known = _bags(told, vocabulary)
    before, now = _pixels(learnt), _pixels(clips)
    mean = before.mean(0)
    before, now = _unit(before - mean), _unit(now - mean)

    def wanted(said: list[Named]) -> np.ndarray:
        alike = _bags([text.text for text in said], vocabulary) @ known.T
        nearest = np.argsort(-alike, axis=1, kind="stable")[:, :NEIGHBOURS]
        return _unit(before[nearest].mean(1))

    true, false = wanted(texts.true), wanted(texts.false)
    return true @ now.T, pairs(true, now[texts.clip]), pairs(false, now[texts.clip])


def exact(texts: Texts, clips: Clips, learnt: Clips) -> Scores:
    """The parser reads the text and geometry the clip: the share of what is said that holds."""
    def read(said: list[Named]) -> np.ndarray:
        return np.stack([parsed_claims(text.text) for text in said]).astype(np.float32)

    def share(said: np.ndarray, holds: np.ndarray) -> np.ndarray:
        return np.asarray((said @ holds.T.astype(np.float32)) / np.maximum(said.sum(1, keepdims=True), 1))

    true, false = share(read(texts.true), clips.holds), share(read(texts.false), clips.holds)
    rows = np.arange(len(texts))
    return true, true[rows, texts.clip], false[rows, texts.clip]


def facts_first(texts: Sequence[str], holds: np.ndarray, near: np.ndarray) -> np.ndarray:
    """What `search` ranks by: the share of what the parser read that holds, of equals the nearest.

    holds (N, C) bool and cosines near (Q, N) -> (Q, N).
    """
    said = np.stack([parsed_claims(text) for text in texts]).astype(np.float32)
    share = said @ holds.T.astype(np.float32) / np.maximum(said.sum(1, keepdims=True), 1)
    return np.asarray(share + NEAR * near)


def parsed_claims(text: str) -> np.ndarray:
    """(C,) bool; nothing where the parser understood nothing, or more than claims can say."""
    try:
        claims = claims_of(facts_of_text(text))
    except InputError:
        claims = None
    return row_of(claims or ())


def _words(text: str) -> set[str]:
    return set(text.lower().replace(",", " ").replace(".", " ").replace(";", " ").split())


def _bags(texts: Sequence[str], vocabulary: dict[str, int]) -> np.ndarray:
    found = np.zeros((len(texts), len(vocabulary)), np.float32)
    for row, text in enumerate(texts):
        found[row, [vocabulary[word] for word in _words(text) if word in vocabulary]] = 1
    return _unit(found)


def _pixels(clips: Clips) -> np.ndarray:
    """Coarse pictures, (N, ...)."""
    frames = clips.frames.astype(np.float32)
    count, moments, size = frames.shape[:3]
    coarse = frames.reshape(count, moments, size // 4, 4, size // 4, 4, 3).mean((3, 5))
    return np.asarray(coarse.reshape(count, -1))


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-6))


def unseen_roads_claims() -> list[int]:
    """Numbers of the claims about which road it is."""
    return [place for place, claim in enumerate(CLAIMS) if claim.startswith("road=")]
