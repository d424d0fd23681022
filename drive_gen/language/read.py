"""The same facts of a text, a scene or an episode."""

from __future__ import annotations

from drive_gen.envs.episode import Episode, Scene
from drive_gen.language.facts import Facts
from drive_gen.language.parse import facts_of_text
from drive_gen.language.read_episode import facts_of_episode
from drive_gen.language.read_scene import facts_of_scene


def facts(given: str | Scene | Episode) -> Facts:
    """What a text says (InputError where it says nothing or contradicts itself), or what a world holds."""
    if isinstance(given, str):
        return facts_of_text(given)
    return facts_of_scene(given) if isinstance(given, Scene) else facts_of_episode(given)
