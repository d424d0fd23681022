"""A 5-gram with interpolated, modified Kneser-Ney smoothing: the floor of every language model.

Source: Chen and Goodman, 1998, section 3 (eq. 26 to 28): three discounts an order, estimated from counts of
counts; below the highest order a word counts by how many words it follows, not by how often.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

START = -1  # before a sequence's first token
LEAST = 0.05  # of a discount: where none is left, what was never seen would be impossible
Gram = tuple[int, ...]


class NGram:
    """Probabilities of tokens 0 to vocabulary - 1 after up to order - 1 tokens."""

    def __init__(self, vocabulary: int, order: int = 5) -> None:
        self.vocabulary, self.order = vocabulary, order
        self._counts: list[Counter[Gram]] = [Counter() for _ in range(order)]  # by length - 1
        self._discounts: list[tuple[float, float, float]] = []
        self._totals: list[Counter[Gram]] = []  # of a context's counts
        self._kinds: list[dict[Gram, list[int]]] = []  # of a context: words seen once, twice, more often

    def fit(self, sequences: Iterable[tuple[Sequence[int], int]]) -> NGram:
        """Count sequences; each with the place from which on its tokens are to be said."""
        highest = self._counts[-1]
        for tokens, first in sequences:
            padded = (START,) * (self.order - 1) + tuple(tokens)
            for place in range(first, len(tokens)):
                highest[padded[place : place + self.order]] += 1
        for length in range(self.order - 1, 0, -1):  # each longer gram counts once, however often it was seen
            self._counts[length - 1] = Counter(gram[1:] for gram in self._counts[length])
        for counts in self._counts:
            self._discounts.append(_discounts(counts))
            totals, kinds = Counter[Gram](), defaultdict[Gram, list[int]](lambda: [0, 0, 0])
            for gram, count in counts.items():
                totals[gram[:-1]] += count
                kinds[gram[:-1]][min(count, 3) - 1] += 1
            self._totals.append(totals)
            self._kinds.append(dict(kinds))
        return self

    def probability(self, token: int, context: Sequence[int]) -> float:
        """Of a token after a context, of which the last order - 1 tokens count; all tokens' sum is 1."""
        padded = (START,) * (self.order - 1) + tuple(context[-self.order :])
        found = 1 / self.vocabulary
        for length in range(self.order):
            before = padded[len(padded) - length :]
            total = self._totals[length][before]
            if not total:  # nor has a longer context been seen
                break
            count = self._counts[length][(*before, token)]
            discounts = self._discounts[length]
            left = sum(map(float.__mul__, discounts, map(float, self._kinds[length][before]))) / total
            found = max(count - (discounts[min(count, 3) - 1] if count else 0.0), 0.0) / total + left * found
        return found

    def surprise(self, tokens: Sequence[int], first: int) -> list[float]:
        """-log of each token's probability from a place on."""
        return [-math.log(self.probability(tokens[place], tokens[max(place - self.order + 1, 0) : place]))
                for place in range(first, len(tokens))]

    def likeliest(self, first: Sequence[int], end: int, most: int) -> list[int]:
        """What follows the first tokens up to `end`, the likeliest token each time."""
        tokens = list(first)
        while len(tokens) < len(first) + most:
            token = max(range(self.vocabulary), key=lambda each: self.probability(each, tokens))
            if token == end:
                break
            tokens.append(token)
        return tokens[len(first) :]


def _discounts(counts: Counter[Gram]) -> tuple[float, float, float]:
    """Of grams seen once, twice and more often; 0.5, 1 and 1.5 where there are too few to say."""
    kinds = Counter(counts.values())
    if not all(kinds[times] for times in (1, 2, 3, 4)):
        return 0.5, 1.0, 1.5
    share = kinds[1] / (kinds[1] + 2 * kinds[2])
    found = [times - (times + 1) * share * kinds[times + 1] / kinds[times] for times in (1, 2, 3)]
    one, two, more = (min(max(value, LEAST), float(times)) for times, value in enumerate(found, 1))
    return one, two, more
