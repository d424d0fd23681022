"""Clips from above -> captions: transformers' VisionEncoderDecoderModel, a ViT and a GPT-2 that looks at it.

A clip's frames are the ViT's channels. Two heads are trained beside the captions, since these alone say too
little of where to look: one names every slot, one says of each patch who is in it when the clip begins and
what they do. A caption is decoded within its grammar.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from drive_gen.envs.files import InputError
from drive_gen.language.caption import next_symbols, seen_of_symbols
from drive_gen.language.caption_words import END, LANGUAGE_TOKENS, WORDS, Symbol
from drive_gen.language.sight import Seen
from drive_gen.language.tokenizer import FILES, read_tokenizer, train_tokenizer
from drive_gen.perception.caption_prior import prior_of
from drive_gen.perception.caption_slots import CLASSES, OBJECT, SLOTS
from drive_gen.perception.captioner_config import CaptionerConfig
from drive_gen.policies.pretrained import Pretrained

NEEDS = "captions need transformers: pip install 'drive-gen[perception]'"
AT_ONCE = 64
LONGEST_END = 16  # symbols: a part that is begun, what nobody does, and the end


class Said(NamedTuple):
    """Logits of B clips."""

    tokens: Tensor  # (B, L, V) of the next token
    slots: Tensor  # (B, S, CLASSES)
    objects: Tensor  # (B, patches, sum(OBJECT))


class Captioner(Pretrained):
    """Clips (B, F, H, W, 3) uint8 -> captions in English or Korean, chosen by the decoder's first token."""

    model_type = "captioner"
    config_class = CaptionerConfig
    config: CaptionerConfig
    more_files = (*FILES, "generation_config.json")
    weights_prefix = "net."

    def __init__(self, config: CaptionerConfig, seed: int = 0) -> None:
        super().__init__(config)
        self.tokenizer = caption_tokenizer(config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = make_network(config, self.tokenizer)
            self.slots = SlotHead(config)
            self.objects = nn.Linear(config.width, sum(OBJECT))

    def forward(self, frames: Tensor, tokens: Tensor) -> Said:
        """See `Said`; `tokens` (B, L) are what the caption has been so far."""
        memory = self.net.encoder(pixel_values=pixels(frames)).last_hidden_state
        said = self.net(encoder_outputs=(memory,), decoder_input_ids=tokens)
        return Said(said.logits, self.slots(memory), self.objects(memory[:, 1:]))

    @torch.no_grad()
    def symbols(self, frames: Tensor, language: str = "en") -> list[list[Symbol]]:
        """The likeliest caption of each clip within the grammar, by the decoder and the slots' head."""
        number_of = self.ids(language)
        symbol_of = {number: symbol for symbol, number in number_of.items()}
        memory = self.net.encoder(pixel_values=pixels(frames))
        slots = self.slots(memory.last_hidden_state).float().softmax(-1).cpu().double().numpy()

        def weighed(ids: Tensor, scores: Tensor) -> Tensor:
            """Logits of the next tokens (B, V): what the grammar forbids is out."""
            found = torch.full_like(scores, -torch.inf)
            for row, numbers in enumerate(ids.tolist()):
                said = tuple(symbol_of[number] for number in numbers[1:] if number in symbol_of)
                options = self._options(said)
                places = [number_of[symbol] for symbol in options]
                prior = prior_of(slots[row], said, options) * self.config.slots_say
                found[row, places] = scores[row, places].log_softmax(-1) + torch.from_numpy(prior).to(scores)
            return found

        found = self.net.generate(
            encoder_outputs=memory, logits_processor=[weighed], max_length=self.config.longest + 1,
            decoder_start_token_id=self.tokenizer.convert_tokens_to_ids(LANGUAGE_TOKENS[language]),
            do_sample=False, num_beams=1, pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=number_of[END])
        return [[symbol_of[number] for number in row if number in symbol_of] for row in found[:, 1:].tolist()]

    def _options(self, said: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        """What may follow; a caption that grows too long is brought to its end."""
        options = next_symbols(said) or (END,)
        last = tuple(symbol for symbol in options if symbol[0] in ("nobody", "end"))
        return last if last and len(said) > self.config.longest - LONGEST_END else options

    def describe(self, frames: Tensor, language: str = "en") -> list[Seen]:
        """What it says of each clip; `say_seen` says it in words."""
        device = next(self.parameters()).device
        parts = [self.symbols(frames[start : start + AT_ONCE].to(device), language)
                 for start in range(0, len(frames), AT_ONCE)]
        return [seen_of_symbols(symbols) for part in parts for symbols in part]

    def ids(self, language: str) -> dict[Symbol, int]:
        """The token of each symbol."""
        words = WORDS[language]
        numbers = self.tokenizer.convert_tokens_to_ids(list(words.values()))
        return dict(zip(words, numbers, strict=True))

    def library_config(self) -> dict[str, Any]:
        """The settings in transformers' words, so that transformers loads the checkpoint as it is."""
        settings: dict[str, Any] = self.net.config.to_dict()
        return {**settings, "architectures": ["VisionEncoderDecoderModel"]}

    def save_more(self, folder: Path) -> None:
        """The tokenizer, and how captions begin and end."""
        self.tokenizer.save_pretrained(folder)
        self.net.generation_config.save_pretrained(folder)

    def read_more(self, folder: Path) -> None:
        """The tokenizer that was saved."""
        self.tokenizer = read_tokenizer(folder)


class SlotHead(nn.Module):
    """Names every slot: a learned query a slot looks at the encoder's tokens (B, N, D) -> (B, S, CLASSES)."""

    def __init__(self, config: CaptionerConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.query = nn.Parameter(torch.randn(len(SLOTS), width))
        self.key_value = nn.Linear(width, 2 * width)
        self.norm = nn.LayerNorm(width)
        self.weight = nn.Parameter(torch.randn(len(SLOTS), CLASSES, width) * width**-0.5)
        self.bias = nn.Parameter(torch.zeros(len(SLOTS), CLASSES))
        sizes = torch.tensor([len(values) for values in SLOTS.values()])
        self.closed: Tensor
        self.register_buffer("closed", torch.arange(CLASSES) >= sizes[:, None], persistent=False)

    def forward(self, memory: Tensor) -> Tensor:
        """See the class."""
        query = self.query.expand(len(memory), -1, -1)
        parts = (query, *self.key_value(memory).chunk(2, -1))
        split = [part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts]
        found = F.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)  # (B, S, D)
        logits = torch.einsum("bsd,scd->bsc", self.norm(found), self.weight) + self.bias
        return logits.masked_fill(self.closed, -1e4)


def pixels(frames: Tensor) -> Tensor:
    """(B, F, H, W, 3) uint8 -> (B, 3 F, H, W) from -1 to 1, as ViTImageProcessor's."""
    last = frames.permute(0, 2, 3, 1, 4).flatten(3).float()  # a patch's channels together: twice as fast
    return last.mul_(1 / 127.5).sub_(1).permute(0, 3, 1, 2)


def caption_tokenizer(config: CaptionerConfig) -> Any:
    """Subwords, in which every phrase of a caption and every language is one token."""
    texts = [text for words in WORDS.values() for text in words.values()]
    whole = [*LANGUAGE_TOKENS.values(), *dict.fromkeys(texts)]
    return train_tokenizer(sorted(texts), config.vocabulary, whole)


def make_network(config: CaptionerConfig, tokenizer: Any) -> Any:
    """A ViT that reads a clip as one picture of many channels, and a GPT-2 that looks at its tokens."""
    try:
        from transformers import GPT2Config, VisionEncoderDecoderConfig, VisionEncoderDecoderModel, ViTConfig
    except ImportError:
        raise InputError(NEEDS) from None
    frames, rows, columns = config.sight.shape
    encoder = ViTConfig(
        hidden_size=config.width, num_hidden_layers=config.layers, num_attention_heads=config.heads,
        intermediate_size=4 * config.width, image_size=[rows, columns], patch_size=list(config.patch_px),
        num_channels=3 * frames, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    decoder = GPT2Config(
        vocab_size=len(tokenizer), n_positions=config.longest + 2, n_embd=config.width,
        n_layer=config.decoder_layers, n_head=config.heads, add_cross_attention=True, is_decoder=True,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, tie_word_embeddings=False,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.convert_tokens_to_ids(WORDS["en"][END]))
    both = VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    both.pad_token_id = tokenizer.pad_token_id
    both.decoder_start_token_id = tokenizer.convert_tokens_to_ids(LANGUAGE_TOKENS["en"])
    both.eos_token_id = decoder.eos_token_id
    network = VisionEncoderDecoderModel(both)
    network.generation_config.update(max_length=config.longest + 1, pad_token_id=both.pad_token_id,
                                     decoder_start_token_id=both.decoder_start_token_id,
                                     eos_token_id=both.eos_token_id)
    with torch.no_grad():
        network.encoder.embeddings.position_embeddings.copy_(places_of(
            rows // config.patch_px[0], columns // config.patch_px[1], config.width))
    return network


def places_of(rows: int, columns: int, width: int) -> Tensor:
    """Sines and cosines of a patch's row and column, (1, 1 + rows * columns, D), to begin with.

    Source: He et al., 2022 (masked autoencoders), appendix A.1.
    """
    rates = 10_000 ** -(torch.arange(width // 4) / (width // 4))
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    parts = [wave(place.flatten()[:, None] * rates) for place in (row, column)
             for wave in (torch.sin, torch.cos)]
    grid = F.pad(torch.cat(parts, 1), (0, width % 4))
    return torch.cat((torch.zeros(1, width), grid))[None]
