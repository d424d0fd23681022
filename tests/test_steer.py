"""Steering of drawings: who goes on, what is rewarded, and that pictures come to be as they are rewarded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

pytest.importorskip("diffusers", reason="pictures from words need the extra [image]")
pytest.importorskip("transformers", reason="pictures from words need the extra [image]")

from drive_gen.imagine import draw as drawing
from drive_gen.imagine import steer
from drive_gen.imagine.config import PainterConfig, VaeConfig
from drive_gen.imagine.draw import Drawing, draw
from drive_gen.imagine.painter import Painter
from drive_gen.imagine.pipeline import read_pipeline, write_pipeline
from drive_gen.imagine.raster import raster_of
from drive_gen.imagine.steer import SHARPNESS, Steering, reward_of
from drive_gen.imagine.vae import Vae
from drive_gen.language.facts import Agent, Facts
from drive_gen.language.place import scenario_of

torch.set_num_threads(1)
WANTED = Facts(road="highway", lanes=3, agents=(Agent("lead", "truck", distance="near"),))


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A drawer that has learnt nothing."""
    folder: Path = tmp_path_factory.mktemp("drawer") / "pipeline"
    painter = Painter(PainterConfig((16, 16, 16), text_width=32)).eval()
    write_pipeline(folder, painter, Vae(VaeConfig((8, 8, 16))).eval())
    return read_pipeline(folder)


def steering(rewards: list[float], steps: int = 4, seed: int = 0) -> Steering:
    return Steering(lambda predicted: np.array(rewards), steps, seed)


def test_all_go_on_where_all_are_equal() -> None:
    same = steering([0.5] * 6)
    for _ in range(4):
        assert same.pick(torch.zeros(6, 1)).tolist() == list(range(6))


def test_nothing_is_chosen_before_anything_can_be_read_nor_at_the_end() -> None:
    told = Steering(lambda predicted: np.array([0.0, 1.0]), 20, 0)
    chosen = [told.pick(torch.zeros(2, 1)).tolist() for _ in range(20)]
    assert all(each == [0, 1] for each in (*chosen[:4], chosen[19]))
    assert all(each == [1, 1] for each in chosen[4:19])


def test_copies_are_as_many_as_the_weights_say() -> None:
    rewards = [0.0, 0.2, 0.4]
    weight = np.exp(SHARPNESS * np.array(rewards))  # 1, e, e^2
    expected = 90 * weight / weight.sum()
    assert expected == pytest.approx([8.1, 22.0, 59.9], abs=0.1)
    one = Steering(lambda predicted: np.repeat(rewards, 30), 4, 0)
    one.parents.append(np.arange(90))  # the first step chooses nobody
    counts = np.bincount(one.pick(torch.zeros(90, 1)).numpy() // 30, minlength=3)
    assert np.abs(counts - expected).max() <= 1  # systematic: off by rounding alone
    first = [Steering(lambda predicted: np.repeat(rewards, 30), 1, seed).pick(torch.zeros(90, 1))[0]
             for seed in range(3)]
    assert [int(each) for each in first] == [0, 0, 0]  # one step: nothing to choose in


def test_seeds_choose_otherwise() -> None:
    def chosen(seed: int) -> list[int]:
        one = steering([0.0, 0.2, 0.4, 0.1], seed=seed)
        one.pick(torch.zeros(4, 1))
        return one.pick(torch.zeros(4, 1)).tolist()  # type: ignore[no-any-return]

    assert chosen(3) == chosen(3)
    assert len({tuple(chosen(seed)) for seed in range(20)}) > 1


def test_a_picture_is_traced_back() -> None:
    told = steering([0.0])
    told.parents = [np.array([0, 1, 2]), np.array([2, 2, 0]), np.array([1, 0, 0])]
    # the last picture 0 was 1 after the second step, which came of 2
    assert told.line_of(0) == [2, 1, 0]
    assert told.line_of(2) == [2, 0, 2]


def test_a_picture_is_rewarded_for_what_it_shows() -> None:
    scene = scenario_of(WANTED, 0).to_scene()
    picture = raster_of(scene)
    assert reward_of(WANTED, picture) == 1.0
    other = Facts(road="highway", lanes=4, agents=(Agent("lead", "car", distance="near"),))
    assert 0 < reward_of(other, picture) < 1
    assert reward_of(Facts(), picture) == 1.0
    assert reward_of(WANTED, np.zeros_like(picture)) == 0.0  # no ego
    with_ghost = picture.copy()
    with_ghost[..., 1] = np.where(picture[..., 1] > 200, 0, picture[..., 1])  # bodies as the ego's: no lead
    assert reward_of(WANTED, with_ghost) < 1.0


def test_bodies_that_touch_are_worth_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = raster_of(scenario_of(WANTED, 0).to_scene())
    monkeypatch.setattr(steer, "overlapping", lambda scene: True)
    assert reward_of(WANTED, picture) == 0.0


def brightness(facts: Facts, picture: np.ndarray) -> float:
    return float(picture[..., 0].mean()) / 25.5


def test_pictures_become_what_is_rewarded(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "reward_of", brightness)
    how = Drawing(count=8, steps=6, guidance=1.0)
    plain, steered = draw(pipeline, "road=highway", how), draw(pipeline, "road=highway", how, wanted=WANTED)
    red = [np.mean([brightness(WANTED, each) for each in one.pictures]) for one in (plain, steered)]
    best = max(brightness(WANTED, each) for each in plain.pictures)
    assert red[1] > red[0] + 0.5 * (best - red[0])
    again = draw(pipeline, "road=highway", how, wanted=WANTED)
    assert np.array_equal(steered.pictures, again.pictures)


@pytest.mark.parametrize("wanted", [None, WANTED])
def test_the_first_picture_is_the_end_of_its_stages(pipeline: Any, wanted: Facts | None,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "reward_of", brightness)
    drawn = draw(pipeline, "road=highway", Drawing(count=4, steps=5), wanted=wanted)
    assert np.abs(drawn.stages[-1].astype(int) - drawn.pictures[0]).max() <= 1


def test_changed_pictures_are_steered_too(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Tensor] = []

    def counted(facts: Facts, picture: np.ndarray) -> float:
        asked.append(torch.zeros(1))
        return brightness(facts, picture)

    monkeypatch.setattr(drawing, "reward_of", counted)
    begin = raster_of(scenario_of(WANTED, 0).to_scene())
    how = Drawing(count=3, steps=8, strength=0.5)  # four steps, of which the first and none else is not read
    drawn = draw(pipeline, "road=highway", how, begin, wanted=WANTED)
    assert len(asked) == 3 * 3
    assert len(drawn.stages) == 4
    inpainted = draw(pipeline, "road=highway", how, begin, "ahead", WANTED).pictures
    assert (inpainted[:, 60:] == begin[60:]).all()


def test_steps_are_told_as_they_are_taken(pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "BATCH", 2)
    how = Drawing(count=3, steps=5, strength=0.5)
    begin = raster_of(scenario_of(WANTED, 0).to_scene())
    for begun, steps in ((None, 10), (begin, 4)):  # two batches
        told: list[int] = []
        draw(pipeline, "road=highway", how, begun, on_step=lambda told=told: told.append(1))
        assert len(told) == how.steps_of_all(begun is not None) == steps
