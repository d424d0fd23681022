"""The network that draws: diffusers' UNet2DConditionModel over latents, told words by a CLIPTextModel.

Both are trained together from scratch, with the velocity as target (Salimans and Ho, 2022) under Nichol and
Dhariwal's cosine schedule (2021). With VAE, scheduler and tokenizer they are a StableDiffusionPipeline.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from drive_gen.envs.files import InputError
from drive_gen.imagine.config import PainterConfig
from drive_gen.imagine.vae import LATENT_PX, NEEDS
from drive_gen.imagine.words import END, MOST_WORDS, PAD, START, UNKNOWN, vocabulary
from drive_gen.policies.pretrained import Pretrained


class Painter(Pretrained):
    """Noisy latents (B, 4, 24, 8), steps (B,) and word numbers (B, MOST_WORDS) -> velocities."""

    model_type: ClassVar[str] = "image"
    config_class: ClassVar[type] = PainterConfig
    config: PainterConfig

    def __init__(self, config: PainterConfig, seed: int = 0) -> None:
        super().__init__(config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.unet, self.text = _unet(config), _text(config)

    def forward(self, noisy: Tensor, step: Tensor, words: Tensor) -> Tensor:
        """See the class."""
        told = self.text(input_ids=words)[0]  # (B, MOST_WORDS, D)
        velocity: Tensor = self.unet(noisy, step, encoder_hidden_states=told).sample
        return velocity


def painter_loss(model: Painter, scheduler: Any, latent: Tensor, words: Tensor) -> dict[str, Tensor]:
    """Squared error of the velocity at a step drawn for each latent (B, 4, 24, 8), of unit deviation."""
    noise = torch.randn_like(latent)
    step = torch.randint(0, scheduler.config.num_train_timesteps, (len(latent),), device=latent.device)
    noisy = scheduler.add_noise(latent, noise, step)
    return {"loss": F.mse_loss(model(noisy, step, words), scheduler.get_velocity(latent, noise, step))}


def make_scheduler(config: PainterConfig) -> Any:
    """The noise, as diffusers' DDIMScheduler; samplers that need fewer steps are made from its settings."""
    try:
        from diffusers import DDIMScheduler
    except ImportError:
        raise InputError(NEEDS) from None
    return DDIMScheduler(
        num_train_timesteps=config.steps,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        clip_sample=False,
        steps_offset=1,
        timestep_spacing="trailing",
    )


def make_tokenizer() -> Any:
    """A word of `vocabulary` a token, as transformers' fast tokenizer."""
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, processors
        from transformers import PreTrainedTokenizerFast
    except ImportError:
        raise InputError(NEEDS) from None
    numbers = {word: number for number, word in enumerate(vocabulary())}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, numbers[START]), (END, numbers[END])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        unk_token=UNKNOWN,
        model_max_length=MOST_WORDS,
    )


def tokens_of(texts: list[str], tokenizer: Any) -> Tensor:
    """Word numbers (B, MOST_WORDS), as the pipeline gives them to the text encoder."""
    found: Tensor = tokenizer(
        texts, padding="max_length", truncation=True, max_length=MOST_WORDS, return_tensors="pt"
    ).input_ids
    return found


def _unet(config: PainterConfig) -> Any:
    try:
        from diffusers import UNet2DConditionModel
    except ImportError:
        raise InputError(NEEDS) from None
    deeper = len(config.widths) - 1
    return UNet2DConditionModel(
        sample_size=LATENT_PX[0],
        in_channels=config.latents,
        out_channels=config.latents,
        block_out_channels=config.widths,
        layers_per_block=config.layers,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * deeper,
        up_block_types=("CrossAttnUpBlock2D",) * deeper + ("UpBlock2D",),
        cross_attention_dim=config.text_width,
        attention_head_dim=[max(width // config.head_width, 1) for width in config.widths],  # how many heads
        norm_num_groups=16,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",  # all words together are told to every block as the time is
        addition_embed_type_num_heads=config.text_width // 16,
    )


def _text(config: PainterConfig) -> Any:
    try:
        from transformers import CLIPTextConfig, CLIPTextModel
    except ImportError:
        raise InputError(NEEDS) from None
    words = vocabulary()
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=config.text_width,
            intermediate_size=2 * config.text_width,
            num_hidden_layers=config.text_layers,
            num_attention_heads=config.text_width // 16,
            max_position_embeddings=MOST_WORDS,
            projection_dim=config.text_width,
            bos_token_id=words.index(START),
            eos_token_id=words.index(END),
            pad_token_id=words.index(PAD),
        )
    )
