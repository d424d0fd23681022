"""Driving by pictures: what is seen, eyes in the behaviour transformer, checkpoints, training, driving."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from worlds import cruising

from drive_gen.cli import main
from drive_gen.data.rollout import collect, roll_out_many
from drive_gen.drivers import load_driver
from drive_gen.envs.files import InputError
from drive_gen.envs.observe import observe
from drive_gen.envs.simulator.simulator import Simulator
from drive_gen.envs.world import EnvConfig
from drive_gen.policies.behavior import BehaviorTransformer
from drive_gen.policies.config import BehaviorConfig, SightConfig, Steering
from drive_gen.policies.driver import BehaviorPolicy
from drive_gen.policies.eyes import rows_of
from drive_gen.policies.seeing import SeeingPolicy, cells_at, frames_at, policy_of
from drive_gen.train import sight
from drive_gen.train.config import DriveConfig, LoopConfig
from drive_gen.train.sight import batch_of, seen_windows, sight_loss, train_sight, with_eyes
from drive_gen.train.sight_config import SightTraining

torch.set_num_threads(1)
SIGHT = SightConfig(height_px=48, width_px=16, m_per_px=1.5, width=16, layers=1, heads=2, inner=32,
                    patch_px=(12, 8))
SHAPE = BehaviorConfig(width=16, heads=2, layers=1, dropout=0.0, context_steps=3)
ENV = EnvConfig(duration_s=6.0)
MODELS = ("vit", "cnn", "scene")


def seeing(model: str) -> BehaviorTransformer:
    sight = replace(SIGHT, model="cnn")
    if model != "cnn":
        pytest.importorskip("transformers", reason="a ViT needs transformers: the extra [perception]")
        sight = replace(SIGHT, scene=model == "scene")
    return BehaviorTransformer(replace(SHAPE, sight=sight), seed=3).eval()


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sight") / "teacher"
    BehaviorTransformer(SHAPE, seed=1).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def store(teacher: Path) -> Path:
    collect(ENV, ["gap"], 12, 0, teacher.parent / "store", workers=1)
    return teacher.parent / "store"


def training(teacher: Path, model: str = "cnn", **loop: int) -> SightTraining:
    settings = LoopConfig(**{"steps": 2, "batch_size": 4, "warmup": 0, "evaluate_every": 1, "log_every": 1,
                             "save_every": 1, **loop})
    return SightTraining(replace(SIGHT, model=model), settings, DriveConfig(episodes=2),  # type: ignore[arg-type]
                         str(teacher), window_steps=3)


def test_a_slower_car_falls_back_by_its_speed() -> None:
    """30 m ahead at first and 5 m/s slower: 22 m after 1.6 s, and 25 m in the frame .6 s before."""
    both, alone = (cruising(cars, speeds, frames=9, dt_s=0.2)
                   for cars, speeds in (([(0, 0), (30, 0)], [20, 15]), ([(0, 0)], [20])))
    frames, empty = frames_at(both, 8, SIGHT), frames_at(alone, 8, SIGHT)
    assert frames.shape == SIGHT.shape
    assert np.array_equal(frames, frames_at(both, 8, replace(SIGHT, frames=3))[1:])
    for number, ahead_m in ((1, 22.0), (0, 25.0)):
        rows = np.flatnonzero((frames[number] != empty[number]).any((1, 2)))
        expected = SIGHT.height_px * (1 - SIGHT.behind) - ahead_m / SIGHT.m_per_px
        assert rows.mean() + 0.5 == pytest.approx(expected, abs=0.6)


def test_true_cells_are_the_observation() -> None:
    """An ego that changes lanes: what patches say, turned into its lane's frame, is what a driver sees."""
    episode = cruising([(0, 4), (30, 0), (52, 8), (-15, 4)], [20, 15, 24, 22], frames=2, dt_s=0.2)
    heading = episode.heading_rad.copy()
    heading[0], heading[2] = 0.08, -0.05
    episode = replace(episode, heading_rad=heading)
    sight = SightConfig()
    seen = observe(episode, 0, np.array([1]))[0]
    cells = torch.from_numpy(cells_at(episode, 1, sight)).float()
    cells[..., 0] = 10 * cells[..., 0] - 5  # a logit
    rows = rows_of(torch.from_numpy(seen[:1]), cells[None], sight)[0].numpy()
    assert rows.shape == (1 + 12 * 5, 9)
    assert np.array_equal(rows[0], seen[0])
    found, wanted = (part[1:][part[1:, 0] > 0.5] for part in (rows, seen))
    assert len(found) == len(wanted) == 3
    order, other = np.argsort(found[:, 1]), np.argsort(wanted[:, 1])
    assert np.allclose(found[order], wanted[other], atol=0.02)


def test_a_likely_car_is_a_neighbour() -> None:
    cells = torch.full((1, 12, 5, 5), -9.0)
    cells[..., 0, :2, 0] = torch.tensor([0.3, 0.1]).log()  # odds
    rows = rows_of(torch.ones(1, 9), cells, replace(SightConfig(), car_odds=0.2))
    assert rows[0, 1:, 0].nonzero().tolist() == [[0]]


def test_at_the_beginning_the_world_stood_still() -> None:
    frames = frames_at(cruising([(0, 0), (30, 0)], [20, 15], frames=9, dt_s=0.2), 0, SIGHT)
    assert np.array_equal(frames[0], frames[1])


def test_what_no_driver_can_see() -> None:
    for wrong in ({"frames": 1}, {"patch_px": (7, 4)}, {"height_px": 12, "width_px": 24}, {"gap_s": 0.0},
                  {"car_odds": 0.0}):
        with pytest.raises(InputError):
            replace(SIGHT, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", MODELS)
def test_every_pixel_and_frame_reaches_the_decision(model: str) -> None:
    network = seeing(model).requires_grad_(True)
    pixels: list[torch.Tensor] = []

    def keep(module: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        pixels.append(given[0].detach().requires_grad_(True))
        return (pixels[0],)

    first = next(part for part in network.encoder.modules() if isinstance(part, torch.nn.Conv2d))
    first.register_forward_pre_hook(keep)
    frames = torch.randint(0, 256, (1, 1, *SIGHT.shape), dtype=torch.uint8)
    network.encoder(frames).square().sum().backward()
    assert pixels[0].shape == (1, 6, SIGHT.height_px, SIGHT.width_px)
    assert pixels[0].grad is not None
    assert network.encoder.sight.scene == (model == "scene")
    assert (pixels[0].grad.abs().sum(1) > 0).all()


@pytest.mark.parametrize("model", MODELS)
def test_a_checkpoint_comes_back(model: str, tmp_path: Path) -> None:
    network, draws = seeing(model), np.random.default_rng(0)
    frames = draws.integers(256, size=(3, *SIGHT.shape), dtype=np.uint8)
    network.save_pretrained(tmp_path / "eyes")
    again = BehaviorTransformer.from_pretrained(tmp_path / "eyes")
    assert again.config == network.config
    one, other = (BehaviorPolicy(each, Steering()).predict(frames)[0] for each in (network, again))
    assert np.array_equal(one, other)


def test_transformers_loads_its_eyes(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra [perception]")
    network = seeing("vit")
    network.save_pretrained(tmp_path / "eyes")
    theirs, found = transformers.ViTModel.from_pretrained(tmp_path / "eyes", add_pooling_layer=False,
                                                          output_loading_info=True)
    assert not found["missing_keys"]
    picture = torch.rand(2, 6, SIGHT.height_px, SIGHT.width_px)
    with torch.no_grad():
        said, ours = theirs.eval()(picture), network.get_submodule("vit")(pixel_values=picture)
    torch.testing.assert_close(said.last_hidden_state, ours.last_hidden_state)


@pytest.mark.parametrize(("scene", "left"), [(False, 0.2), (True, 0.5)])
def test_eyes_learn_what_the_teacher_says_and_nothing_else_changes(teacher: Path, store: Path, scene: bool,
                                                                   left: float) -> None:
    config = training(teacher, "vit" if scene else "cnn")
    config = replace(config, sight=replace(config.sight, scene=scene))
    if scene:
        pytest.importorskip("transformers", reason="a ViT needs transformers: the extra [perception]")
    master = BehaviorTransformer.from_pretrained(teacher)
    model = with_eyes(master, config)
    windows = seen_windows([store], config, master, "train")
    batch = batch_of(windows, config, 0)
    kept = {name: value.clone() for name, value in master.state_dict().items()}
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=3e-3)
    before = sight_loss(model, batch, master, config)["loss"].item()
    for _ in range(150):
        losses = sight_loss(model, batch, master, config)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert losses["loss"].item() < left * before
    assert scene or losses["agreement"].item() > 0.9  # a ViT of one layer takes longer to tell patches apart
    own = model.state_dict()
    if scene:
        kept |= {f"encoder.scene.{name}": value for name, value in master.encoder.state_dict().items()}
        assert model.encoder.scene is not None
    for name, value in kept.items():
        if not name.startswith("encoder.") or name.startswith("encoder.scene."):
            assert torch.equal(own[name], value), name


def test_a_scene_is_learnt_of_itself_and_not_through_the_teacher(teacher: Path, store: Path) -> None:
    """Whatever the frozen encoder would make of the scene, the eyes' gradients are the same."""
    pytest.importorskip("transformers", reason="a ViT needs transformers: the extra [perception]")
    config = training(teacher, "vit")
    config = replace(config, sight=replace(config.sight, scene=True))
    master = BehaviorTransformer.from_pretrained(teacher)
    batch = batch_of(seen_windows([store], config, master, "train"), config, 0)
    found = []
    for factor in (1.0, 3.0):
        model = with_eyes(master, config)
        for weight in model.encoder.scene.parameters():  # type: ignore[union-attr]
            weight.mul_(factor)
        losses = sight_loss(model, batch, master, config)
        losses["loss"].backward()
        with torch.no_grad():
            token = sight_loss(model, batch, master, config)["token"].item()
        found.append((token, [weight.grad for weight in model.encoder.eyes.parameters()]))
    (token, gradients), (other, others) = found
    assert token != other
    assert all(torch.equal(one, two) for one, two in zip(gradients, others, strict=True))


def test_frames_are_of_their_own_decisions(teacher: Path, store: Path) -> None:
    """The newest frame of a window's k-th decision is drawn of the scene that its observation is of."""
    from drive_gen.data.store import iterate_episodes
    from drive_gen.data.windows import decision_runs

    config = training(teacher)
    windows = seen_windows([store], config, BehaviorTransformer.from_pretrained(teacher), "train")
    episode = next(iterate_episodes(store, "train"))
    instants = decision_runs(episode, 0, 1.0)[0]
    batch = windows.gather(np.array([1]))
    for place, frame in enumerate(instants[1:4]):
        assert np.array_equal(batch["frames"][0, place].numpy(), frames_at(episode, int(frame), config.sight))


def test_a_policy_sees_the_worlds_it_is_attached_to() -> None:
    """As many worlds at once or one by one: the same decisions; a look changes what it sees."""
    policy = policy_of(seeing("cnn"), Steering())
    assert isinstance(policy, SeeingPolicy)
    with pytest.raises(InputError, match="attach"):
        policy.predict(np.zeros((1, 17, 9), np.float32))
    simulator = Simulator(ENV, 3, tape=True, threads=1)
    together = roll_out_many(simulator, policy, [7, 8, 9], "eyes")
    for seed, (episode, outcome) in zip((7, 8, 9), together, strict=True):
        ((alone, again),) = roll_out_many(Simulator(ENV, 1, tape=True, threads=1), policy, [seed], "eyes")
        assert again.return_ == pytest.approx(outcome.return_)
        assert np.array_equal(alone.meta_action, episode.meta_action)
    with pytest.raises(InputError, match="no pictures"):
        SeeingPolicy(BehaviorPolicy(BehaviorTransformer(SHAPE)))


def test_a_stopped_run_goes_on_to_the_same_weights(teacher: Path, store: Path, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> dict[str, float]:
        raise KeyboardInterrupt

    train_sight([store], tmp_path / "whole", training(teacher))
    with monkeypatch.context() as patch:
        patch.setattr(sight, "_scores", stop)
        with pytest.raises(KeyboardInterrupt):
            train_sight([store], tmp_path / "cut", training(teacher))
    assert main(["train", "sight", "--resume", str(tmp_path / "cut")]) == 0
    one, other = (BehaviorTransformer.from_pretrained(tmp_path / name / "checkpoints/last").state_dict()
                  for name in ("whole", "cut"))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_evaluate_drives_by_pictures(teacher: Path, store: Path, tmp_path: Path,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    train_sight([store], tmp_path / "eyes", training(teacher))
    assert isinstance(load_driver(str(tmp_path / "eyes"), ENV).policy, SeeingPolicy)
    command = ["evaluate", str(tmp_path / "eyes"), "--out", str(tmp_path / "ev"), "--episodes", "2",
               "--floor", "slower", "--workers", "1", "--json"]
    assert main(command) == 0
    said = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in said["drivers"]] == ["eyes", "slower"]


def test_the_bundled_eyes_see_and_drive() -> None:
    """On seeds that neither training nor the published figures are of."""
    pytest.importorskip("transformers", reason="a ViT needs transformers: the extra [perception]")
    assets = Path(__file__).parents[1] / "drive_gen" / "assets"
    returns = {}
    for name in ("behavior", "eyes", "slower"):
        driver = load_driver(name if name == "slower" else str(assets / name), EnvConfig())
        simulator = driver.simulator_for(EnvConfig(), 6)
        driven = roll_out_many(simulator, driver.policy, range(600_000, 600_006), name)
        returns[name] = np.mean([outcome.return_ for _, outcome in driven])
        if name == "eyes":
            episode = driven[0][0]
    assert returns["eyes"] > 0.5 * (returns["behavior"] + returns["slower"])
    encoder = BehaviorTransformer.from_pretrained(assets / "eyes").encoder
    frames, seen = range(5, episode.steps, 10), encoder.sight
    shown = torch.from_numpy(np.stack([frames_at(episode, frame, seen) for frame in frames]))
    said = encoder.look(shown)
    true = np.stack([cells_at(episode, frame, seen) for frame in frames])
    assert ((said.cells[..., 0] > 0).numpy() == (true[..., 0] > 0)).mean() > 0.99
    speed_mps = 20 * said.own[:, 1].detach().numpy()
    assert np.sqrt(np.mean((speed_mps - episode.speed_mps[episode.ego, frames]) ** 2)) < 1.5
