"""Augmentation end to end: what is written can be checked again, repeated, and gone on with."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from traffic import driven

from drive_gen.commands.augment import augment as augment_command
from drive_gen.commands.augment import train_diffusion as train_command
from drive_gen.data.store import read_episodes, read_index, write_episodes
from drive_gen.envs.episode import same
from drive_gen.envs.files import InputError
from drive_gen.generate.augment import Tally, augment
from drive_gen.generate.candidates import Generation, asked_of, candidates, parents_at, parents_of
from drive_gen.generate.config import AugmentConfig, DiffusionConfig, DiffusionTraining, Limits
from drive_gen.generate.denoiser import Denoiser
from drive_gen.generate.verify import verify
from drive_gen.train.config import LoopConfig
from drive_gen.train.diffusion import fit_frames, resume_diffusion, train_diffusion

SHAPE = DiffusionConfig(frames=20, agents=4, width=16, heads=2, layers=1)
# Little noise: an untrained network then changes the real window little, and most of it is accepted.
SLIGHT = AugmentConfig(mode="vary", strength=0.03, sampler_steps=3, batch=4)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of real episodes in all three splits."""
    folder = tmp_path_factory.mktemp("real") / "store"
    write_episodes(folder, [driven(frames=40, seed=seed) for seed in (1, 2)], split="train")
    write_episodes(folder, [driven(frames=40, seed=seed) for seed in (3, 4)], split="validation")
    write_episodes(folder, [driven(frames=40, seed=5)], split="test")
    return folder


@pytest.fixture(scope="module")
def generation(real: Path) -> Generation:
    return Generation(parents_of([real], SHAPE), Denoiser(SHAPE), SLIGHT, seed=3)


def test_what_was_written_passes_verification_again(generation: Generation, real: Path,
                                                    tmp_path: Path) -> None:
    tally = augment(generation, tmp_path, 6)
    assert tally.accepted == 6
    rows, parents = read_index(tmp_path), {row.key for row in read_index(real) if row.split == "train"}
    assert {(row.kind, row.name, row.split) for row in rows} == {("generated", "diffusion", "train")}
    for episode in read_episodes(tmp_path):
        verdict = verify(episode)
        assert verdict.accepted
        assert verdict.measurements["states"] == 0  # bit for bit, on the machine that wrote them
        notes = episode.source.notes
        assert notes["parent"] in parents
        assert episode.source.group in notes["parent"]
        assert notes["attempt"] == episode.source.seed
        assert notes["model"] == generation.model_hash
        assert 0 < notes["residual_m"] < 1
        assert len(notes["got"]) == 3
        assert not episode.meta_known.any()
        assert episode.control_known[:, :-1].all()
        assert episode.ego == 0


def test_a_generated_episode_begins_where_its_parent_was(generation: Generation) -> None:
    parents = {row.source.seed: row for row in generation.parents.episodes}
    candidate = next(candidates(generation))
    notes = candidate.episode.source.notes
    parent = parents[int(candidate.episode.source.group.split("/")[1])]
    frame = round(notes["parent_start_s"] / 0.2)
    agents = candidate.episode.agent_id
    np.testing.assert_array_equal(candidate.episode.position_m[:, 0], parent.position_m[agents, frame])
    np.testing.assert_array_equal(candidate.episode.speed_mps[:, 0], parent.speed_mps[agents, frame])
    index = parents_at([0], len(generation.parents.scenes), generation.seed)
    asked = np.minimum(generation.parents.scenes.returns[index[0]] * [1, 100, 1.3], 1)
    np.testing.assert_allclose(notes["asked"], asked, atol=1e-6)


def test_no_more_is_asked_than_data_reach_or_the_parent_got(generation: Generation) -> None:
    shape = replace(SHAPE, return_high=(0.8, 0.9, 1.0))
    run = replace(generation, model=Denoiser(shape))
    asked = asked_of(np.array([[0.5, 0.85, 0.95], [0.9, 0.1, 0.2]]), run)
    np.testing.assert_allclose(asked, [[0.5, 0.9, 1.0], [0.9, 0.9, 0.26]], rtol=1e-6)
    run = replace(run, config=replace(SLIGHT, return_factor=(1.3, 1.3, 1.3)))
    asked = asked_of(np.array([[0.5, 0.1, 0.95], [0.9, 0.1, 0.2]]), run)
    np.testing.assert_allclose(asked, [[0.65, 0.13, 1.0], [0.9, 0.13, 0.26]], rtol=1e-6)


def test_windows_with_contact_are_not_begun_from(tmp_path: Path) -> None:
    episode = driven(frames=40)
    position = episode.position_m.copy()
    position[3, 30:] = position[2, 30:]
    write_episodes(tmp_path, [replace(episode, position_m=position)], split="train")
    every, fit = parents_of([tmp_path], SHAPE, limits=None), parents_of([tmp_path], SHAPE)
    assert (len(every.scenes), len(fit.scenes), fit.unfit) == (5, 3, 2)
    assert [origin.start for origin in fit.scenes.origins] == [0, 5, 10]
    with pytest.raises(InputError, match="in all 5 windows"):
        parents_of([tmp_path], SHAPE, limits=Limits(off_road_m=-1.0))


def test_the_same_seed_gives_the_same_bytes(generation: Generation, tmp_path: Path) -> None:
    augment(generation, tmp_path / "one", 5)
    augment(generation, tmp_path / "two", 5)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["episodes-00000.npz", "index.json"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    other = replace(generation, seed=4)
    augment(other, tmp_path / "other", 5)
    assert not same(read_episodes(tmp_path / "one")[0], read_episodes(tmp_path / "other")[0])


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(generation: Generation, tmp_path: Path) -> None:
    whole = augment(generation, tmp_path / "whole", 6)

    def stop_after(number: int) -> Callable[[Tally], None]:
        def show(tally: Tally) -> None:
            if tally.tried == number:
                raise KeyboardInterrupt
        return show

    with pytest.raises(KeyboardInterrupt):
        augment(generation, tmp_path / "parts", 6, stop_after(3))
    assert 0 < len(read_index(tmp_path / "parts")) < 6
    tally = augment(generation, tmp_path / "parts", 6)
    assert (tally.tried, tally.rejected) == (whole.tried, whole.rejected)
    one, other = (read_episodes(tmp_path / name) for name in ("whole", "parts"))
    assert len(one) == len(other) == 6
    assert all(same(first, second) for first, second in zip(one, other, strict=True))
    assert augment(generation, tmp_path / "parts", 6).tried == whole.tried  # there is nothing left to do


def test_refusals_are_counted_and_tries_are_bounded(generation: Generation, tmp_path: Path) -> None:
    strict = replace(generation, config=replace(SLIGHT, tries=3, limits=Limits(residual_m=0.0)))
    tally = augment(strict, tmp_path, 2)
    assert (tally.tried, tally.accepted, dict(tally.rejected)) == (6, 0, {"residual": 6})
    assert read_index(tmp_path) == []


def test_every_window_is_begun_from_before_any_is_again() -> None:
    order = parents_at(range(20), 10, seed=0)
    assert sorted(order[:10]) == sorted(order[10:]) == list(range(10))
    assert order[:10].tolist() != order[10:].tolist()


def test_only_real_training_episodes_have_children(generation: Generation, real: Path,
                                                   tmp_path: Path) -> None:
    groups = {episode.source.group for episode in generation.parents.episodes}
    assert groups == {"toy/1", "toy/2"}
    write_episodes(tmp_path / "held", [driven(frames=40)], split="validation")
    with pytest.raises(InputError, match="no real train episodes"):
        parents_of([tmp_path / "held"], SHAPE)
    augment(generation, tmp_path / "made", 2)
    with pytest.raises(InputError, match="no real train episodes"):
        parents_of([tmp_path / "made"], SHAPE)
    assert parents_of([real, tmp_path / "made"], SHAPE).identity == generation.parents.identity


def test_training_stops_goes_on_and_gives_a_model_that_generates(
        real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loop = LoopConfig(steps=6, batch_size=4, evaluate_every=3, save_every=3, log_every=1, warmup=1,
                      device="cpu")
    training = DiffusionTraining(model=replace(SHAPE, frames=55), loop=loop)
    progress = train_diffusion([real], tmp_path / "run", training)
    assert progress.step == 6
    model = Denoiser.from_pretrained(tmp_path / "run")
    assert model.config.frames == 40  # as long as the episodes are
    assert resume_diffusion(tmp_path / "run").step == 6
    with pytest.raises(InputError, match="holds a run already"):
        train_diffusion([real], tmp_path / "run", training)
    assert augment_command((real,), out=tmp_path / "made", count=2, checkpoint=tmp_path / "run",
                           mode="vary", strength=0.02, sampler_steps=2, json=True) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["accepted"] == 2
    assert {row["signal"] for row in said["realism"]} >= {"speed_mps", "acceleration_mps2", "gap_m"}
    assert train_command(resume=tmp_path / "run") == 0
    assert f"next: drive-gen augment {real}" in capsys.readouterr().out


def test_a_window_that_half_of_the_episodes_have_is_taken() -> None:
    episodes = [driven(frames=frames) for frames in (60, 33, 31, 20)]
    assert fit_frames(episodes, replace(SHAPE, frames=55)).frames == 30
    assert fit_frames(episodes[:1], replace(SHAPE, frames=55)).frames == 55


def test_wrong_flags_are_refused(real: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="count must be at least 1"):
        augment_command((real,), out=tmp_path, count=0)
    with pytest.raises(InputError, match="strength is the share"):
        augment_command((real,), out=tmp_path, strength=1.5)
    with pytest.raises(InputError, match="--data STORE"):
        train_command(out=tmp_path)
