"""pygame without its greeting, which would stand on stdout before the JSON of --json."""

import os

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

import pygame
import pygame.freetype

__all__ = ["pygame"]
