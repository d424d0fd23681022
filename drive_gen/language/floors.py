"""Linear readers of words: bags, n-grams and TF-IDF under logistic regression. What a network has to beat."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.language.vectors import words_of

Features = Literal["bag of words", "n-gram", "TF-IDF"]
FEATURES: tuple[Features, ...] = ("bag of words", "n-gram", "TF-IDF")
LONGEST = {"bag of words": 1, "n-gram": 3, "TF-IDF": 2}  # words of a feature
MOST = 3000  # features, the most frequent ones
BATCH, RATE = 256, 0.05


def terms_of(text: str, longest: int) -> list[str]:
    """Runs of one to `longest` words."""
    words = words_of(text)
    return [" ".join(words[start : start + size]) for size in range(1, longest + 1)
            for start in range(len(words) - size + 1)]


@dataclass(frozen=True, eq=False)
class Linear:
    """Features -> logits of every class of every slot; `sizes` are the slots' numbers of classes."""

    features: Features
    places: dict[str, int]
    rarity: np.ndarray  # (F,) inverse document frequency
    sizes: tuple[int, ...]
    weights: nn.EmbeddingBag

    def predict(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The likeliest class of every slot and its probability, (N, S) each."""
        with torch.no_grad():
            logits = torch.split(self.logits([self.bag(text) for text in texts]), list(self.sizes), dim=1)
        best = [values.softmax(1).max(1) for values in logits]
        return (np.stack([each.indices.numpy() for each in best], 1),
                np.stack([each.values.double().numpy() for each in best], 1))

    def bag(self, text: str) -> tuple[list[int], list[float]]:
        """Places and weights of a text's features; place 0 is in every text."""
        counts = Counter(place for term in terms_of(text, LONGEST[self.features])
                         if (place := self.places.get(term)) is not None)
        if self.features != "TF-IDF":
            return [0, *counts], [1.0] * (len(counts) + 1)
        weights = np.array([count * self.rarity[place] for place, count in counts.items()])
        norm = max(float(np.linalg.norm(weights)), 1e-9)
        return [0, *counts], [1.0, *(3 * weights / norm)]

    def logits(self, bags: Sequence[tuple[list[int], list[float]]]) -> Tensor:
        """(B, classes of all slots)."""
        starts = np.cumsum([0, *(len(places) for places, _ in bags[:-1])])
        found: Tensor = self.weights(torch.tensor([place for places, _ in bags for place in places]),
                                     torch.from_numpy(starts),
                                     per_sample_weights=torch.tensor([each for _,
                                                                      more in bags for each in more],
                                                                     dtype=torch.float32))
        return found


def fit(texts: Sequence[str], labels: np.ndarray, sizes: Sequence[int], features: Features, steps: int = 240,
        seed: int = 0) -> Linear:
    """Logistic regression of labels (N, S) by Adam; the same for the same seed."""
    documents = Counter(term for text in texts for term in set(terms_of(text, LONGEST[features])))
    chosen = [term for term, count in documents.most_common(MOST) if count > 1]
    places = {term: place for place, term in enumerate(chosen, 1)}
    rarity = np.array([0.0, *(math.log(len(texts) / documents[term]) + 1 for term in chosen)])
    weights = nn.EmbeddingBag(len(places) + 1, sum(sizes), mode="sum")
    nn.init.zeros_(weights.weight)
    model = Linear(features, places, rarity, tuple(sizes), weights)
    bags, wanted = [model.bag(text) for text in texts], torch.from_numpy(labels.astype(np.int64))
    optimizer, rng = torch.optim.Adam(weights.parameters(), lr=RATE), np.random.default_rng(seed)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        rows = rng.integers(len(bags), size=BATCH)
        logits = torch.split(model.logits([bags[row] for row in rows]), list(sizes), dim=1)
        loss = sum((F.cross_entropy(values, wanted[rows, slot]) for slot, values in enumerate(logits)),
                   torch.zeros(()))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return model


def paired(question: str, narration: str) -> str:
    """A question and a narration as one text, the question's words marked: linear readers know no
    segments."""
    return " ".join(f"q-{word}" for word in words_of(question)) + " " + narration


def majority(kinds: Sequence[str], answers: Sequence[str]) -> dict[str, str]:
    """The most frequent answer to each kind of question."""
    counts: dict[str, Counter[str]] = {}
    for kind, answer in zip(kinds, answers, strict=True):
        counts.setdefault(kind, Counter())[answer] += 1
    return {kind: found.most_common(1)[0][0] for kind, found in counts.items()}
