"""The folder that draws: a StableDiffusionPipeline's vae, unet, scheduler, text_encoder and tokenizer.

Weights are kept in half precision. A manifest holds each file's hash; whatever was changed is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from drive_gen.envs.files import InputError, read_json, sha256_of, write_json, write_text
from drive_gen.imagine.painter import Painter, make_scheduler, make_tokenizer
from drive_gen.imagine.vae import NEEDS, Vae
from drive_gen.policies.pretrained import LICENCE, MANIFEST, README, replacing_folder, verify

BUNDLED = Path(__file__).parents[1] / "assets" / "image"
INDEX = "model_index.json"


def write_pipeline(folder: Path, painter: Painter, vae: Vae) -> None:
    """Write the folder, whole or not at all; StableDiffusionPipeline.from_pretrained loads it as it is."""
    with quiet():
        pipeline = _diffusers().StableDiffusionPipeline(
            vae=vae.vae,
            text_encoder=painter.text,
            tokenizer=make_tokenizer(),
            unet=painter.unet,
            scheduler=make_scheduler(painter.config),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline = pipeline.to(dtype=torch.float16)
        with replacing_folder(folder) as temporary:
            pipeline.save_pretrained(temporary)
            write_text(temporary / README, card_of(painter, vae))
            write_json(
                temporary / MANIFEST,
                {
                    str(path.relative_to(temporary)): sha256_of(path)
                    for path in sorted(temporary.rglob("*"))
                    if path.is_file()
                },
            )
    painter.float()
    vae.float()


def card_of(painter: Painter, vae: Vae) -> str:
    """The model card."""
    counts = {"unet": painter.unet, "text_encoder": painter.text, "vae": vae}
    parts = ", ".join(
        f"{name} {sum(value.numel() for value in part.parameters()):,} parameters"
        for name, part in counts.items()
    )
    return f"""---
license: {LICENCE}
library_name: diffusers
tags: [autonomous-driving, text-to-image]
---

# Pictures of road scenes from words

A StableDiffusionPipeline of drive_gen: {parts}. It draws pictures of 96 x 32 pixels (height x width) of what
`drive_gen.imagine.words.words_of` makes of a request, such as "road=merge lead.kind=car cars.count=3";
`drive_gen.imagine.read.read_raster` reads the scene off. Learnt from simulated roads alone; it must not drive
a real vehicle.
"""


def read_pipeline(folder: Path) -> Any:
    """The StableDiffusionPipeline of a pipeline or run folder, in single precision."""
    found = pipeline_folder(folder)
    manifest = read_json(found / MANIFEST, "a pipeline's manifest (`drive-gen train image` writes one)")
    here = {str(path.relative_to(found)) for path in found.rglob("*") if path.is_file()} - {MANIFEST}
    verify(found, sorted(here | set(manifest if isinstance(manifest, dict) else ())))
    with quiet():
        pipeline = _diffusers().StableDiffusionPipeline.from_pretrained(
            found, dtype=torch.float32, local_files_only=True
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def pipeline_folder(path: Path) -> Path:
    """The folder itself, or the one in a run's folder."""
    for folder in (path, path / "pipeline"):
        if (folder / INDEX).is_file():
            return folder
    if not path.exists():
        raise InputError(f"no pipeline at {path}; `drive-gen train image` writes one")
    raise InputError(
        f"{path} is no pipeline (it has no {INDEX}) and no finished run of `drive-gen train image`"
    )


def begin_with(painter: Painter, reference: str) -> None:
    """Give a painter the weights of another's, a pipeline or run folder of its shape."""
    pipeline = read_pipeline(Path(reference))
    for own, theirs, name in (
        (painter.unet, pipeline.unet, "unet"),
        (painter.text, pipeline.text_encoder, "text"),
    ):
        try:
            own.load_state_dict(theirs.state_dict())
        except RuntimeError as error:
            raise InputError(
                f"--init {reference}: its {name} has another shape: {' '.join(str(error).split())[:160]}"
            ) from None


def _diffusers() -> Any:
    try:
        import diffusers
        import transformers  # noqa: F401 - the text encoder is its
    except ImportError:
        raise InputError(NEEDS) from None
    return diffusers


@contextmanager
def quiet() -> Iterator[None]:
    """Without the libraries' bars, and their warning that there is no safety checker: roads need none."""
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    for library in (of_diffusers, of_transformers):
        library.disable_progress_bar()
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        for library in (of_diffusers, of_transformers):
            library.enable_progress_bar()
