"""What the grammar lets follow at each place of programs that are learnt from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from drive_gen.language.grammar import END, Grammar
from drive_gen.language.program_words import words_of
from drive_gen.language.writer import EOS, Example, Writer

ROOM = 1_000  # words that may follow: here the program's own length is no rule of the grammar


class Legal:
    """The tokens allowed before each wanted token of a program; kept once they are known."""

    def __init__(self, writer: Writer) -> None:
        self.numbers, self.size = numbers_of(writer), writer.config.vocabulary
        self.known: dict[str, np.ndarray] = {}

    def of(self, examples: Sequence[Example]) -> Tensor:
        """(N, V) bool for the wanted tokens of programs, one program after the other.

        A program may do what the grammar bars (drivers change lanes where the road has gone on): from there
        on everything is allowed.
        """
        rows = []
        for example in examples:
            if example.program not in self.known:
                self.known[example.program] = self._packed(example.program)
            rows.append(np.unpackbits(self.known[example.program], axis=1, count=self.size))
        return torch.from_numpy(np.concatenate(rows)).bool()

    def _packed(self, program: str) -> np.ndarray:
        """(N, V / 8) uint8, eight tokens a byte: (N, V) of ten thousand programs would be 300 MB."""
        words = [*words_of(program, joined=True), END]
        allowed = np.ones((len(words), self.size), bool)
        grammar = Grammar(ROOM)
        for row, word in enumerate(words):
            can = grammar.allowed()
            if word not in can:
                break
            allowed[row] = False
            allowed[row, [self.numbers[each] for each in can]] = True
            if word != END:
                grammar.take(word)
        return np.packbits(allowed, axis=1)


def tokens_of(writer: Writer) -> list[str]:
    """A writer's tokens, by number."""
    found: list[str] = writer.tokenizer.convert_ids_to_tokens(range(writer.config.vocabulary))
    return found


def numbers_of(writer: Writer) -> dict[str, int]:
    """The numbers of a writer's tokens; a program's end is a sequence's."""
    return {word: number for number, word in enumerate(tokens_of(writer))} | {END: EOS}
