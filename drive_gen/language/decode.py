"""Programs, freely or by grammar, and commentaries out of a writer, by transformers' own generate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from drive_gen.envs.files import InputError
from drive_gen.language.asked import asked_words
from drive_gen.language.facts import Facts
from drive_gen.language.grammar import Grammar
from drive_gen.language.legal import numbers_of, tokens_of
from drive_gen.language.program_words import text_of
from drive_gen.language.tokenizer import NEEDS
from drive_gen.language.writer import BOS, EOS, PAD, Writer, trace_prompt
from drive_gen.language.writer_config import Sampling

PROGRAM_WORDS, COMMENTARY_TOKENS = 150, 230  # at most
AT_ONCE = 64


class ByGrammar:
    """A logits processor: words that cannot follow get no probability. A program a row, begun at `start`."""

    def __init__(self, writer: Writer, rows: int, start: int, room: int) -> None:
        self.start, self.rows = start, [Grammar(room) for _ in range(rows)]
        self.words = tokens_of(writer)
        self.numbers = numbers_of(writer)

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """(rows, T) tokens so far and (rows, V) logits -> logits."""
        barred = torch.full_like(scores, -torch.inf)
        for row, grammar in enumerate(self.rows):
            last = int(ids[row, -1])
            if ids.shape[1] > self.start and last not in (EOS, PAD):
                grammar.take(self.words[last])
            over = ids.shape[1] > self.start and last in (EOS, PAD)
            allowed = [PAD] if over else [self.numbers[word] for word in grammar.allowed()]
            barred[row, allowed] = scores[row, allowed]
        return barred


def write_programs(writer: Writer, wanted: Sequence[Facts | None], sampling: Sampling | None = None,
                   grammar: bool = True) -> Iterator[str]:
    """A program's text for each request (None: whatever comes); with `grammar` each of them runs.

    Those that are asked for come only after all are drawn of their group of `AT_ONCE`.
    """
    sampling = sampling or Sampling()
    for start in range(0, len(wanted), AT_ONCE):
        group = wanted[start : start + AT_ONCE]
        prompts = [[BOS, *writer.ids(asked_words(facts) if facts else [])] for facts in group]
        room = min(PROGRAM_WORDS, writer.config.positions - max(map(len, prompts)) - 1)
        if room < 20:
            raise InputError(f"what is asked for takes {max(map(len, prompts))} of the writer's "
                             f"{writer.config.positions} places; ask for less")
        by_grammar = ByGrammar(writer, len(group), max(map(len, prompts)), room) if grammar else None
        for ids in _generate(writer, prompts, room, sampling, start, by_grammar):
            yield text_of(writer.tokenizer.convert_ids_to_tokens(ids))


def write_commentaries(writer: Writer, traces: Sequence[str], language: str,
                       sampling: Sampling | None = None) -> Iterator[str]:
    """A commentary's text for each trace, by default the likeliest words."""
    sampling = sampling or Sampling(temperature=0.0)
    order = sorted(range(len(traces)), key=lambda number: len(traces[number]))  # little padding in a group
    texts: dict[int, str] = {}
    for start in range(0, len(order), AT_ONCE):
        group = order[start : start + AT_ONCE]
        prompts = [trace_prompt(writer, traces[number], language) for number in group]
        room = min(COMMENTARY_TOKENS, writer.config.positions - max(map(len, prompts)))
        found = _generate(writer, prompts, room, sampling, start, None)
        texts |= {number: writer.tokenizer.decode(ids) for number, ids in zip(group, found, strict=True)}
    return (texts[number] for number in range(len(traces)))


@torch.no_grad()
def _generate(writer: Writer, prompts: Sequence[Sequence[int]], room: int, sampling: Sampling, start: int,
              by_grammar: ByGrammar | None) -> list[list[int]]:
    """What follows each prompt, without the end."""
    try:
        from transformers import GenerationConfig
    except ImportError:
        raise InputError(NEEDS) from None
    length = max(map(len, prompts))
    device = next(writer.parameters()).device
    ids = torch.tensor([[PAD] * (length - len(prompt)) + list(prompt) for prompt in prompts], device=device)
    draws = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
    config = GenerationConfig(max_new_tokens=room, do_sample=sampling.temperature > 0, bos_token_id=BOS,
                              eos_token_id=EOS, pad_token_id=PAD,
                              **(draws if sampling.temperature > 0 else {}))
    writer.eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(sampling.seed * 1_000_003 + start)
        found = writer.lm.generate(ids, attention_mask=(ids != PAD).long(), generation_config=config,
                                   logits_processor=[by_grammar] if by_grammar else None)
    return [[token for token in row if token not in (EOS, PAD)] for row in found[:, length:].tolist()]
