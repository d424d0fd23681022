"""The comparison with EnvPool: ours shows no difference, and a disturbed state shows one."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from importlib.util import find_spec

import pytest
from envpool_fidelity import LOOSE, STEPS, TIGHT, Bench, Fidelity, driven, gap_between, main, measured

from drive_gen.envs.files import InputError
from drive_gen.envs.simulator.rounding import same_rounding
from drive_gen.envs.world import EnvConfig

with_envpool = pytest.mark.skipif(find_spec("envpool") is None,
                                  reason="EnvPool is not installed; pip install -e '.[bench]'")


@with_envpool
@pytest.mark.parametrize("env", ["highway-fast-v0", "merge-v0", "intersection-v0", "racetrack-v0"])
def test_our_side_shows_no_difference(env: str) -> None:
    for row in measured(env, worlds=3, seed=1, leads=5):
        assert row.worlds == 3
        assert row.ours_loose == 0
        assert row.ours_bitwise == 0 or not same_rounding()


@with_envpool
def test_a_disturbed_start_counts_as_a_difference() -> None:
    bench = Bench(EnvConfig(env="merge-v0"), seed=0)
    drive = driven("merge-v0", 1, seed=0, leads=1)[0]
    start = bench.state_of(drive.start)
    position = start.position.copy()
    position[1, 0] += 0.01
    assert not bench.compared(drive, start)[STEPS[0]].envpool.exceeds(TIGHT)
    disturbed = bench.compared(drive, replace(start, position=position))[STEPS[0]]
    assert disturbed.envpool.exceeds(LOOSE)
    assert not disturbed.envpool.discrete
    assert not disturbed.ours.exceeds(LOOSE)


def test_gaps_by_hand() -> None:
    state = Bench(EnvConfig(env="merge-v0"), seed=0).blank
    position, crashed = state.position.copy(), state.crashed.copy()
    position[2] += (0.03, 0.04)
    crashed[0] = True
    assert not gap_between(state, state).exceeds(0.0)
    apart = gap_between(state, replace(state, position=position))
    assert (apart.motion, apart.position_m) == pytest.approx((0.04, 0.05))
    assert apart.exceeds(0.03)
    assert not apart.exceeds(0.05)
    assert gap_between(state, replace(state, crashed=crashed)).exceeds(1.0)
    assert gap_between(state, replace(state, vehicles=state.vehicles - 1)).exceeds(1.0)


def test_without_envpool_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="EnvPool is not installed"):
        main(Fidelity())
