"""The learnt reader: transformers' BertModel under heads for slots, intent, answers and its own pretraining.

One network reads English and Korean. What the lexicon knows of the words is added to BERT's embeddings of
them (`concepts.py`). Every slot asks its own question of the text: a query made of whom and what it is about
attends over BERT's tokens; its class follows from what it found there, and from what the rule parser says of
the slot, where that is asked. A question is answered by looking it up among the narration's slots and words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.envs.files import InputError
from drive_gen.language.concepts import CONCEPTS, ROWS, Aid, Marked, aid, plain, rows_at
from drive_gen.language.facts import Facts
from drive_gen.language.labels import FAMILIES, SINGLE, SIZES, SLOTS, WHOSE, facts_of_labels
from drive_gen.language.plan import Share
from drive_gen.language.questions import ANSWERS
from drive_gen.language.reader_config import INTENTS, ReaderConfig
from drive_gen.language.tokenizer import FILES, NEEDS, read_tokenizer
from drive_gen.policies.pretrained import Pretrained

AT_ONCE = 64  # texts
SILENT = 4.0  # logit of what says nothing, before training


Help = Literal["none", "lexicon", "parser"]  # the parser's comes with the lexicon's
HELPS: tuple[Help, ...] = ("none", "lexicon", "parser")


class Encoded(NamedTuple):
    """Of each token of a text, or of two, its id, its segment, and its row in the table of concepts."""

    ids: list[int]
    segments: list[int]
    concepts: list[int]


class Read(NamedTuple):
    """What a text was read as."""

    facts: Facts
    sure: float  # probability that every slot is right, were the slots independent
    intent: str


class Attend(nn.Module):
    """Queries (B, Q, D) look at tokens (B, T, D) and take what they find: attention, then an MLP."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, queries: Tensor, tokens: Tensor, mask: Tensor, told: Tensor | float = 0.0) -> Tensor:
        """mask (B, T) is true where a token is; what is told (B, Q, D) counts like what was found."""
        def split(x: Tensor) -> Tensor:
            return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)  # (B, heads, T, D / heads)

        keys, values = self.key_value(tokens).chunk(2, dim=-1)
        query = self.query(self.before(queries))
        seen = F.scaled_dot_product_attention(split(query.expand(len(tokens), -1, -1)), split(keys),
                                               split(values), attn_mask=mask[:, None, None])
        x = queries + told + self.out(seen.transpose(1, 2).flatten(2))
        found: Tensor = x + self.mlp(self.between(x))
        return found


class SlotsHead(nn.Module):
    """Tokens (B, T, D) -> what every slot finds there, and the logits of its classes, family by family."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        whats = sorted({(slot.family if slot.family in ("event", "without") else "", slot.what)
                        for slot in SLOTS})
        kinds = [(slot.family if slot.family in ("event", "without") else "", slot.what) for slot in SLOTS]
        self.register_buffer("whose", torch.tensor([WHOSE.index(slot.who) for slot in SLOTS]),
                             persistent=False)
        self.register_buffer("which", torch.tensor([whats.index(kind) for kind in kinds]), persistent=False)
        self.who, self.what = nn.Embedding(len(WHOSE), config.width), nn.Embedding(len(whats), config.width)
        self.own = nn.Parameter(torch.zeros(len(SLOTS), config.width))
        self.register_buffer("first", torch.tensor([1, *SIZES]).cumsum(0)[:-1], persistent=False)
        self.told = nn.Embedding(1 + sum(SIZES), config.width, padding_idx=0)  # 0: nothing was told
        self.attend = Attend(config.width, config.heads)
        self.norm = nn.LayerNorm(config.width)
        self.classes = nn.ModuleDict({name: nn.Linear(config.width, len(values))
                                      for name, values in FAMILIES.items()})
        with torch.no_grad():  # a text says nothing of most slots; it need not be learnt
            for layer in self.classes.values():
                layer.bias[0] = SILENT  # type: ignore[operator]
        self.places = {name: [number for number, slot in enumerate(SLOTS) if slot.family == name]
                       for name in FAMILIES}

    def forward(self, tokens: Tensor, mask: Tensor, told: Tensor | None = None) -> Tensor:
        """What each slot found, (B, S, D); `told` (B, S) are the parser's classes, -1 where it has none."""
        queries = self.who(self.whose) + self.what(self.which) + self.own
        heard: Tensor | float = 0.0
        if told is not None:
            heard = self.told(torch.where(told < 0, torch.zeros_like(told), told + self.first))  # type: ignore[operator]
        found: Tensor = self.norm(self.attend(queries, tokens, mask, heard))
        return found

    def logits(self, found: Tensor) -> dict[str, Tensor]:
        """Family -> (B, slots of the family, classes)."""
        return {name: self.classes[name](found[:, places]) for name, places in self.places.items()}


class Reader(Pretrained):
    """Token ids (B, T), segments and mask -> what is asked of them; `read` and `answer` take texts.

    `bert` is transformers' own, so BertModel.from_pretrained loads a checkpoint's folder as it is.
    """

    model_type = "reader"
    config_class = ReaderConfig
    more_files = FILES
    config: ReaderConfig

    def __init__(self, config: ReaderConfig, seed: int = 0, tokenizer: Any = None) -> None:
        super().__init__(config)
        self.tokenizer = tokenizer
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.bert = make_bert(config)
            self.concepts = nn.Embedding(ROWS, config.width, padding_idx=0)
            self.slots = SlotsHead(config)
            self.intent = nn.Linear(config.width, len(INTENTS))
            self.ask = Attend(config.width, config.heads)
            self.answers = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, len(ANSWERS)))
            self.owner = nn.Linear(config.width, len(WHOSE))  # whom a word is about
            self.means = nn.Linear(config.width, len(CONCEPTS))  # what it means; asked in training alone
            self.masked = nn.Sequential(nn.Linear(config.width, config.width), nn.GELU(),
                                        nn.LayerNorm(config.width))  # logits by the words' own embeddings
            self.follows = nn.Linear(config.width, 2)

    def tokens(self, ids: Tensor, segments: Tensor, concepts: Tensor | None = None) -> Tensor:
        """BERT's states of tokens, (B, T, D)."""
        words = self.bert.embeddings.word_embeddings(ids)
        if concepts is not None:
            words = words + self.concepts(concepts)
        states: Tensor = self.bert(inputs_embeds=words, token_type_ids=segments,
                                   attention_mask=(ids != 0).long()).last_hidden_state
        return states

    def slot_logits(self, tokens: Tensor, mask: Tensor, told: Tensor | None = None) -> dict[str, Tensor]:
        """Of every slot's classes, family by family."""
        return self.slots.logits(self.slots(self.owned(tokens), mask, told))

    def owned(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T, D) with whom each is about, as the slots' queries name them: who asks finds them."""
        owned: Tensor = tokens + self.owner(tokens).softmax(-1) @ self.slots.who.weight
        return owned

    def narrated(self, tokens: Tensor, segments: Tensor, told: Tensor | None = None) -> Tensor:
        """What every slot finds in the second text, (B, S, D); in the first token where there is none."""
        mask = segments > 0
        mask[:, 0] |= ~mask.any(1)
        found: Tensor = self.slots(self.owned(tokens), mask, told)
        return found

    def answer_logits(self, tokens: Tensor, mask: Tensor, found: Tensor) -> Tensor:
        """Of every answer, (B, answers): what the first token knows of the question looks it up among the
        tokens and the slots that were found in the narration (B, S, D)."""
        there = torch.cat((found.new_ones(found.shape[:2], dtype=torch.bool), mask), 1)
        asked = self.ask(tokens[:, :1], torch.cat((found, tokens), 1), there)
        return self.answers(asked[:, 0])  # type: ignore[no-any-return]

    def word_logits(self, states: Tensor) -> Tensor:
        """Of every subword, by states (N, D) of masked ones."""
        words: Tensor = self.bert.embeddings.word_embeddings.weight
        return self.masked(states) @ words.T / math.sqrt(self.config.width)  # type: ignore[no-any-return]

    @torch.no_grad()
    def read(self, texts: Sequence[str], by: Help = "parser", share: Share = "any") -> list[Read]:
        """Facts, surety and intent of texts, with the help of the lexicon and of the parser, or without; with
        share="train" these do not know the synonyms held out."""
        found: list[Read] = []
        for start in range(0, len(texts), AT_ONCE):
            aids = [aid(plain(text), share) for text in texts[start : start + AT_ONCE]]
            rows = [self.encode(text, marks=(each.marked,) if by != "none" else ())
                    for text, each in zip(texts[start : start + AT_ONCE], aids, strict=True)]
            ids, segments, concepts = self._padded(rows)
            told = told_of(aids).to(self.device) if by == "parser" else None
            states = self.tokens(ids, segments, concepts)
            chosen, sure = chosen_of(self.slot_logits(states, ids != 0, told))
            intents = self.intent(states[:, 0]).argmax(-1).tolist()
            found += [Read(facts_of_labels(row, surety), float(np.prod(surety)), INTENTS[intent])
                      for row, surety, intent in zip(chosen, sure, intents, strict=True)]
        return found

    @torch.no_grad()
    def answer(self, pairs: Sequence[tuple[str, str]], by: Help = "lexicon") -> list[tuple[str, float]]:
        """The likeliest answer to each (question, narration), and its probability."""
        found: list[tuple[str, float]] = []
        for start in range(0, len(pairs), AT_ONCE):
            aids = [tuple(aid(plain(text)) for text in pair) for pair in pairs[start : start + AT_ONCE]]
            rows = [self.encode(*pair, marks=[each.marked for each in both] if by != "none" else ())
                    for pair, both in zip(pairs[start : start + AT_ONCE], aids, strict=True)]
            ids, segments, concepts = self._padded(rows)
            told = told_of([narration for _, narration in aids]).to(self.device) if by == "parser" else None
            states = self.tokens(ids, segments, concepts)
            slots = self.narrated(states, segments, told)
            best = self.answer_logits(states, ids != 0, slots).softmax(-1).max(-1)
            found += [(ANSWERS[place], share)
                      for share, place in zip(best.values.tolist(), best.indices.tolist(), strict=True)]
        return found

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.intent.weight.device

    def encode(self, text: str, more: str | None = None, marks: Sequence[Marked] = ()) -> Encoded:
        """[CLS] text [SEP], or [CLS] text [SEP] more [SEP], cut to the longest; `marks` are the texts'."""
        return encoded(self.tokenizer, self.config.longest, text, more, marks)

    def _padded(self, rows: Sequence[Encoded]) -> list[Tensor]:
        return [padded([row[part] for row in rows]).to(self.device) for part in range(3)]

    def save_more(self, folder: Path) -> None:
        """The tokenizer."""
        if self.tokenizer is None:
            raise InputError("a reader without a tokenizer cannot be saved; give it one")
        self.tokenizer.save_pretrained(folder)
        for path in folder.glob("*_map.json"):  # older versions write their special tokens twice
            path.unlink()

    def read_more(self, folder: Path) -> None:
        """The tokenizer."""
        self.tokenizer = read_tokenizer(folder)

    def library_config(self) -> dict[str, Any]:
        """BERT's settings in transformers' words."""
        return {**self.bert.config.to_dict(), "architectures": ["BertModel"]}


def make_bert(config: ReaderConfig) -> Any:
    """transformers' BertModel, without its pooler."""
    try:
        from transformers import BertConfig, BertModel
    except ImportError:
        raise InputError(NEEDS) from None
    return BertModel(BertConfig(
        vocab_size=config.vocabulary, hidden_size=config.width, num_hidden_layers=config.layers,
        num_attention_heads=config.heads, intermediate_size=config.inner,
        max_position_embeddings=config.longest, hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=0.0, pad_token_id=0), add_pooling_layer=False)


def encoded(tokenizer: Any, longest: int, text: str, more: str | None = None,
            marks: Sequence[Marked] = ()) -> Encoded:
    """See `Reader.encode`; the second text is the one that is cut."""
    first, last = [(tokenizer.cls_token_id, 0)], [(tokenizer.sep_token_id, 0)]
    both = [*first, *_subwords(tokenizer, text, marks[0] if marks else None)[: longest - 2], *last]
    second = len(both)
    if more is not None:
        room = max(longest - second - 1, 0)
        both = [*both, *_subwords(tokenizer, more, marks[1] if marks else None)[:room], *last][:longest]
    return Encoded([each for each, _ in both], [int(place >= second) for place in range(len(both))],
                   [row for _, row in both])


def _subwords(tokenizer: Any, text: str, marks: Marked | None) -> list[tuple[int, int]]:
    """Ids of subwords, and the row of the concept that covers each one's last letter."""
    found = tokenizer(" " + plain(text), return_offsets_mapping=marks is not None)
    if marks is None:
        return [(each, 0) for each in found.input_ids]
    rows = rows_at(marks, [end - 2 for _, end in found.offset_mapping])  # a space is put before the text
    return list(zip(found.input_ids, rows, strict=True))


def told_of(aids: Sequence[Aid]) -> Tensor:
    """The parser's classes of slots, (B, S); -1 where it refuses a text."""
    refused = np.full(len(SLOTS), -1)
    return torch.from_numpy(np.stack([refused if each.parsed is None else each.parsed for each in aids])
                            .astype(np.int64))


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """(B, T) int64, with 0 where a row is shorter than the longest."""
    found = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for number, row in enumerate(rows):
        found[number, : len(row)] = torch.tensor(row)
    return found


def chosen_of(logits: dict[str, Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest class of every slot and its probability, (B, S) each, in the order of SLOTS."""
    batch = len(logits[SINGLE[0]])
    chosen, sure = np.zeros((batch, len(SLOTS)), np.int64), np.zeros((batch, len(SLOTS)))
    for name, values in logits.items():
        places = [number for number, slot in enumerate(SLOTS) if slot.family == name]
        best = values.float().softmax(-1).max(-1)
        chosen[:, places], sure[:, places] = best.indices.cpu().numpy(), best.values.cpu().numpy()
    return chosen, sure


def slots_loss(logits: dict[str, Tensor], labels: Tensor) -> Tensor:
    """Cross-entropies of all slots (B, S), summed over slots and averaged over texts."""
    total = labels.new_zeros((), dtype=torch.float32)
    for name, values in logits.items():
        places = [number for number, slot in enumerate(SLOTS) if slot.family == name]
        total = total + F.cross_entropy(values.float().flatten(0, 1), labels[:, places].flatten(),
                                        ignore_index=-1, reduction="sum")
    return total / len(labels)
