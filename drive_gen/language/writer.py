"""The writer: transformers' GPT-2 over scenarios' programs and over commentaries of what is seen.

Two kinds of sequence, one network:
    [BOS] what is asked for, program [EOS]
    [BOS] trace of an episode's motion, language, commentary [EOS]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.envs.files import InputError
from drive_gen.language.program_words import all_words, words_of
from drive_gen.language.tokenizer import FILES, NEEDS, SPECIAL, read_tokenizer, train_tokenizer
from drive_gen.language.writer_config import WriterConfig
from drive_gen.policies.pretrained import Pretrained

PAD, BOS, EOS = (list(SPECIAL).index(f"{name}_token") for name in ("pad", "bos", "eos"))


class Example(NamedTuple):
    """One sequence, and from which of its tokens on it is to be written."""

    ids: list[int]
    first: int
    program: str = ""  # what is to be written, where it is one


class Writer(Pretrained):
    """A GPT-2 with its tokenizer; its checkpoint is one that GPT2LMHeadModel and AutoTokenizer load."""

    model_type = "writer"
    config_class = WriterConfig
    more_files = FILES
    weights_prefix = "lm."
    config: WriterConfig

    def __init__(self, config: WriterConfig, seed: int = 0) -> None:
        super().__init__(config)
        if config.vocabulary < 1:
            raise InputError("a writer's config needs its tokenizer's vocabulary")
        try:
            from transformers import GPT2Config, GPT2LMHeadModel
        except ImportError:
            raise InputError(NEEDS) from None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.lm: Any = GPT2LMHeadModel(GPT2Config(
                vocab_size=config.vocabulary, n_positions=config.positions, n_embd=config.width,
                n_layer=config.layers, n_head=config.heads, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
                bos_token_id=BOS, eos_token_id=EOS))
        self.tokenizer: Any = None

    def surprise(self, ids: Tensor, wanted: Tensor) -> Tensor:
        """-log of the probability of each wanted token, (N,); ids (B, T), wanted (B, T) bool."""
        return F.cross_entropy(self.logits(ids, wanted), ids[:, 1:][wanted[:, 1:]], reduction="none")

    def logits(self, ids: Tensor, wanted: Tensor) -> Tensor:
        """(N, V) of each wanted token, row by row.

        Only the places before wanted tokens pass the last layer: a trace is long and is never asked for.
        """
        # Padding comes last, where nobody wanted looks at it: no mask is needed.
        embedded = self.lm.transformer.wte(ids)
        hidden = self.lm.transformer(inputs_embeds=embedded).last_hidden_state  # (B, T, D)
        return F.linear(hidden[:, :-1][wanted[:, 1:]], self.lm.transformer.wte.weight).float()

    def ids(self, words: Iterable[str]) -> list[int]:
        """Of words that are one token each."""
        found: list[int] = self.tokenizer.convert_tokens_to_ids(list(words))
        return found

    def save_more(self, folder: Path) -> None:
        """The tokenizer."""
        if self.tokenizer is None:
            raise InputError("a writer is saved with its tokenizer; set `tokenizer` first")
        self.tokenizer.save_pretrained(folder)

    def read_more(self, folder: Path) -> None:
        """The tokenizer."""
        self.tokenizer = read_tokenizer(folder)

    def library_config(self) -> dict[str, Any]:
        """GPT-2's settings in transformers' words."""
        return {**self.lm.config.to_dict(), "architectures": ["GPT2LMHeadModel"]}


def make_tokenizer(texts: Iterable[str], subwords: int) -> Any:
    """Subwords of commentaries, and every word of programs and traces whole."""
    return train_tokenizer(texts, subwords, all_words())


def program_example(writer: Writer, asked: str, program: str) -> Example:
    """A program after what it was asked for; both as `Writing` has them."""
    before = [BOS, *writer.ids(words_of(asked, joined=True))]
    return Example([*before, *writer.ids(words_of(program, joined=True)), EOS], len(before), program)


def commentary_example(writer: Writer, trace: str, language: str, text: str) -> Example:
    """A commentary after its trace."""
    before = trace_prompt(writer, trace, language)
    return Example([*before, *writer.tokenizer.encode(text, add_special_tokens=False), EOS], len(before))


def trace_prompt(writer: Writer, trace: str, language: str) -> list[int]:
    """The tokens before a commentary."""
    return [BOS, *writer.ids([*words_of(trace, joined=True), f"\n{language}"])]


def padded(examples: Sequence[Example]) -> dict[str, Tensor]:
    """ids (B, T) and wanted (B, T), short ones filled up at their end."""
    length = max(len(each.ids) for each in examples)
    ids = torch.full((len(examples), length), PAD)
    wanted = torch.zeros(len(examples), length, dtype=torch.bool)
    for row, (tokens, first, _) in enumerate(examples):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        wanted[row, first : len(tokens)] = True
    return {"ids": ids, "wanted": wanted}


def mean_loss(writer: Writer, ids: Tensor, wanted: Tensor, allowed: Tensor | None = None,
              weight: float = 0.0) -> dict[str, Tensor]:
    """Mean surprise of the wanted tokens, and `weight` times that of "one of those allowed", (N, V) bool.

    The latter is the semantic loss of Xu et al. (2018, A Semantic Loss Function for Deep Learning with
    Symbolic Knowledge): a program learnt from shows one word where others could follow, and says nothing of
    which could not.
    """
    said = F.log_softmax(writer.logits(ids, wanted), dim=-1)
    surprise = F.nll_loss(said, ids[:, 1:][wanted[:, 1:]])
    if allowed is None:
        return {"loss": surprise}
    barred = -said.masked_fill(~allowed, -torch.inf).logsumexp(-1).mean()
    return {"loss": surprise + weight * barred, "surprise": surprise, "barred": barred}


def begin_with(writer: Writer, reference: str) -> None:
    """Give a writer the layers of a GPT-2 of its shape; a word is begun as the mean of their pieces of it."""
    theirs, tokenizer = _opened(reference)
    own: nn.Module = writer.lm.transformer
    state, found = own.state_dict(), theirs.transformer.state_dict()
    for name in state:
        if name == "wte.weight":
            continue
        tensor = found[name][: len(state[name])] if name == "wpe.weight" else found[name]
        if tensor.shape != state[name].shape:
            raise InputError(f"--init {reference}: tensor {name!r} does not fit {tuple(state[name].shape)}")
        state[name] = tensor.float()
    if tokenizer is not None:
        for token, number in writer.tokenizer.get_vocab().items():
            pieces = tokenizer.encode(writer.tokenizer.convert_tokens_to_string([token]),
                                      add_special_tokens=False)
            if pieces:
                state["wte.weight"][number] = found["wte.weight"][pieces].float().mean(0)
    own.load_state_dict(state)


def shape_of(reference: str, config: WriterConfig) -> WriterConfig:
    """The config with the shape of a GPT-2, in a folder or on the Hub."""
    from dataclasses import replace

    found = _opened(reference)[0].config
    return replace(config, width=found.n_embd, layers=found.n_layer, heads=found.n_head,
                   positions=min(found.n_positions, config.positions))


def _opened(reference: str) -> tuple[Any, Any]:
    """A GPT-2 and its tokenizer, where it has one; what transformers says of a bad one, in one line."""
    try:
        from transformers import AutoConfig, AutoTokenizer, GPT2LMHeadModel
    except ImportError:
        raise InputError(NEEDS) from None
    try:
        kind = AutoConfig.from_pretrained(reference).model_type
        if kind != "gpt2":
            raise InputError(f"{reference} holds a {kind!r} network; --init needs a 'gpt2'")
        model = GPT2LMHeadModel.from_pretrained(reference)
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"--init {reference}: transformers cannot read it: {reason}") from None
    try:
        return model, AutoTokenizer.from_pretrained(reference)
    except (OSError, ValueError):
        return model, None
