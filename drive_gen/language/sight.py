"""What a camera above the ego sees of an episode: frames, who is in the picture, and the facts of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from drive_gen.envs.episode import Episode
from drive_gen.envs.files import InputError
from drive_gen.language.causes import Cause, causes_of
from drive_gen.language.facts import Event, Facts, What, Without
from drive_gen.language.read_episode import Happening, happenings, names_of, phase_of
from drive_gen.language.read_scene import facts_of_scene

SIDES = {"left": "right", "right": "left", "lane-left": "lane-right", "lane-right": "lane-left"}
LOOKED_FOR: tuple[What, ...] = ("brake", "cut-in", "lane-change", "crash")  # that nobody does


@dataclass(frozen=True)
class Sight:
    """A film from straight above, the ego in its middle and heading up, and what of it is looked at.

    Every second a frame, and every other second a second one soon after: in between, dashes move by less
    than their period, so that the two tell the ego's speed.
    """

    size_px: int = 200
    m_per_px: float = 1.0
    aside_px: int = 44  # columns looked at, in the middle
    along_px: int = 2  # rows that are averaged to one
    duration_s: float = 12.0
    every_s: float = 1.0
    pair_s: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.aside_px <= self.size_px or (self.size_px - self.aside_px) % 2:
            raise InputError(f"aside_px must be even with and at most size_px, got {self.aside_px} of "
                             f"{self.size_px}")
        if self.along_px < 1 or self.size_px % self.along_px:
            raise InputError(f"along_px must divide size_px, got {self.along_px} and {self.size_px}")
        if not 0 < self.pair_s < self.every_s < self.duration_s:
            raise InputError("pair_s, every_s and duration_s must be positive and ascending, got "
                             f"{self.pair_s}, {self.every_s} and {self.duration_s}")

    @property
    def times_s(self) -> tuple[float, ...]:
        """When the frames are taken, from the clip's start."""
        count = round(self.duration_s / self.every_s)
        whole = [number * self.every_s for number in range(count + 1)]
        return tuple(sorted(whole + [time_s + self.pair_s for time_s in whole[:-1:2]]))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, rows and columns of a clip."""
        return len(self.times_s), self.size_px // self.along_px, self.aside_px


@dataclass(frozen=True)
class Seen:
    """What a caption says: facts, and why some of the events happened."""

    facts: Facts
    why: tuple[Cause, ...] = ()

    def slots(self) -> dict[str, str]:
        """Slots that are said; a single one's count and a group's kind go without saying."""
        said = {name: value for name, value in self.facts.slots().items() if not _goes_without_saying(name)}
        return said | {f"{cause.who}.{cause.what}.why": f"{cause.by} {cause.did}" for cause in self.why}


class Watched(NamedTuple):
    """Who is in the picture when a clip begins, by which role, and what they do in the picture."""

    clip: Episode
    names: tuple[str, ...]  # of each agent: its role, or cars, trucks or ego
    found: tuple[Happening, ...]


def watched(episode: Episode, sight: Sight) -> Watched:
    """The first `duration_s` of an episode without those who are out of the picture at its start."""
    clip = clip_of(episode, sight)
    clip = clip.only(np.flatnonzero(in_picture(clip, 0, sight)))
    name_of = names_of(clip.scene(0))
    found = [one for one in happenings(clip)
             if in_picture(clip, min(round(one.time_s / clip.dt_s), clip.steps - 1), sight)[one.agent]]
    return Watched(clip, tuple(name_of[int(agent)] for agent in clip.agent_id),
                   tuple(sorted(found, key=lambda one: one.time_s)))


def seen_of(given: Episode | Watched, sight: Sight | None = None) -> Seen:
    """The exact caption of an episode's first `duration_s`, of those in the picture at its start.

    What they do out of the picture is not said. Counts, density and who is missing are of the picture.
    """
    clip, names, found = given if isinstance(given, Watched) else watched(given, sight or Sight())
    events: dict[tuple[str, str], Event] = {}
    firsts: dict[Happening, tuple[str, What]] = {}
    for one in found:
        who = names[one.agent]
        if (who, one.what) not in events:
            events[who, one.what] = Event(who, one.what, when=phase_of(one.time_s, clip))  # type: ignore[arg-type]
            firsts[one] = who, one.what
    facts = replace(facts_of_scene(clip.scene(0)), events=(*events.values(), *_nobody(found)))
    why = [Cause(*firsts[effect], names[cause.agent], cause.what)
           for effect, cause in causes_of(clip, found) if effect in firsts]
    return Seen(facts, tuple(sorted(set(why))))


def clip_of(episode: Episode, sight: Sight) -> Episode:
    """The first `duration_s` of an episode that can be described."""
    if episode.ego is None:
        raise InputError("a caption is about an ego, and this episode has none")
    frames = round(sight.duration_s / episode.dt_s) + 1
    if episode.steps < frames:
        raise InputError(f"a caption needs {sight.duration_s:g} s, and this episode lasts "
                         f"{episode.duration_s:.1f} s")
    if episode.dt_s > sight.pair_s:
        raise InputError(f"a caption needs a frame every {sight.pair_s} s, and this episode has one every "
                         f"{episode.dt_s} s")
    if not episode.valid[episode.ego, :frames].all():
        raise InputError("the ego is not there throughout; a caption follows it")
    return episode.window(0, frames)


def in_picture(episode: Episode, frame: int, sight: Sight) -> np.ndarray:
    """Whose centre is in the part of the picture that is looked at, (A,) bool."""
    ego = episode.ego
    assert ego is not None
    away = episode.position_m[:, frame].astype(np.float64) - episode.position_m[ego, frame]
    heading = float(episode.heading_rad[ego, frame])
    ahead = away @ (np.cos(heading), np.sin(heading))
    right = away @ (-np.sin(heading), np.cos(heading))
    inside = (np.abs(ahead) < sight.size_px * sight.m_per_px / 2) & (
        np.abs(right) < sight.aside_px * sight.m_per_px / 2)
    return np.asarray(inside & episode.valid[:, frame])


def mirrored(seen: Seen) -> Seen:
    """What is seen in a mirror: left is right."""
    facts = seen.facts
    agents = tuple(replace(agent, role=_swap(agent.role)) for agent in facts.agents)  # type: ignore[arg-type]
    events = tuple(replace(event, who=_swap(event.who), what=_swap(event.what))  # type: ignore[arg-type]
                   for event in facts.events)
    without: tuple[Without, ...] = tuple(_swap(name) for name in facts.without)  # type: ignore[misc]
    why = tuple(sorted(Cause(*map(_swap, cause)) for cause in seen.why))
    return Seen(replace(facts, agents=agents, events=events, without=without), why)


def _swap(name: str) -> str:
    return SIDES.get(name, name)


def _nobody(found: Sequence[Happening]) -> list[Event]:
    """What nobody does, as `facts_of_episode` says it."""
    done = {one.what for one in found}
    if done & {"lane-left", "lane-right", "cut-in"}:
        done.add("lane-change")
    return [Event("someone", what, happens=False) for what in LOOKED_FOR if what not in done]


def _goes_without_saying(slot: str) -> bool:
    who, _, name = slot.partition(".")
    group = who in ("cars", "trucks")
    return (name == "kind" and group) or (name == "count" and not group)

