"""Intervals and paired tests: worked values, scipy's own answers, and what must hold for any sample."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from drive_gen.evaluate.statistics import (
    bootstrap_mean,
    clopper_pearson,
    iqm,
    mcnemar_exact,
    paired_bootstrap,
    rule_of_three,
    run_difference,
    stratified_bootstrap,
    wilson,
)


def test_no_event_in_a_thousand() -> None:
    assert clopper_pearson(0, 1000).high == pytest.approx(0.00368, abs=5e-6)
    assert wilson(0, 1000).high == pytest.approx(0.00383, abs=5e-6)
    assert rule_of_three(1000) == pytest.approx(0.00299, abs=5e-6)


def test_wilson_by_hand() -> None:
    # z = 1.959964: centre (8 + z^2/2) / (10 + z^2), half-width z sqrt(8 * 2 / 10 + z^2/4) / (10 + z^2)
    z = stats.norm.ppf(0.975)
    centre, half = (8 + z**2 / 2) / (10 + z**2), z * np.sqrt(1.6 + z**2 / 4) / (10 + z**2)
    assert wilson(8, 10) == pytest.approx((centre - half, centre + half))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_rate_intervals_hold_the_rate_and_mirror(case: tuple[int, int]) -> None:
    successes, trials = case
    for method in (wilson, clopper_pearson):
        low, high = method(successes, trials)
        assert -1e-12 <= low <= successes / trials + 1e-12
        assert successes / trials <= high + 1e-12 <= 1 + 2e-12
        assert method(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_no_trials_say_nothing() -> None:
    assert wilson(0, 0) == clopper_pearson(0, 0) == (0, 1)
    assert rule_of_three(0) == 1
    assert np.isnan(bootstrap_mean(np.array([]), 0)).all()
    mean, *ends = bootstrap_mean(np.array([1.0, 3.0]), 0, groups=np.array(["a", "a"]))
    assert mean == 2
    assert np.isnan(ends).all()


def test_mcnemar_by_hand() -> None:
    first = np.array([True] * 6 + [False] + [True] * 5)
    second = np.array([False] * 6 + [True] + [True] * 5)
    # 6 against 1 of 7 discordant pairs: 2 (C(7,0) + C(7,1)) / 2^7
    assert mcnemar_exact(first, second) == pytest.approx((6, 1, 16 / 128))
    assert mcnemar_exact(first, first).p_value == 1
    with pytest.raises(ValueError, match="same n seeds"):
        mcnemar_exact(first, second[1:])


def test_bootstrap_agrees_with_scipy() -> None:
    values = np.random.default_rng(3).exponential(2.0, 80)
    ours = bootstrap_mean(values, seed=1)
    scipys = stats.bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(1))
    low_high = scipys.confidence_interval.low, scipys.confidence_interval.high
    assert ours.value == pytest.approx(values.mean())
    assert ours[1:] == pytest.approx(low_high, abs=0.03)  # both have Monte Carlo error
    assert bootstrap_mean(values, seed=1) == ours != bootstrap_mean(values, seed=2)


def test_values_of_one_group_do_not_count_as_independent() -> None:
    group_means = np.random.default_rng(0).normal(size=10)
    values, groups = np.repeat(group_means, 50), np.repeat(np.arange(10), 50)
    clustered, alone = bootstrap_mean(values, 0, groups), bootstrap_mean(group_means, 0)
    assert clustered == pytest.approx(alone)
    naive = bootstrap_mean(values, 0)
    assert clustered.high - clustered.low > 5 * (naive.high - naive.low)


def test_a_constant_difference_is_certain() -> None:
    second = np.random.default_rng(0).normal(size=40)
    assert paired_bootstrap(second + 0.5, second, 0) == pytest.approx((0.5, 0.5, 0.5))


def test_iqm_by_hand() -> None:
    assert iqm(np.array([-100.0, 1, 2, 3, 4, 5, 6, 1000])) == 3.5  # 1 and -100, 6 and 1000 are left out
    assert iqm(np.array([1.0, 2.0, 6.0])) == 3.0


def test_stratified_bootstrap_keeps_to_the_tasks() -> None:
    scores = np.array([[0.0, 10.0], [0.0, 10.0], [0.0, 10.0]])
    assert stratified_bootstrap(scores, 0) == pytest.approx((5, 5, 5))  # drawn across tasks it would spread
    spread = stratified_bootstrap(scores + np.array([[-1.0], [0.0], [1.0]]), 0)
    assert spread.low < 5 < spread.high


def test_run_difference_counts_the_luck_of_training() -> None:
    rng = np.random.default_rng(0)
    seeds, runs = rng.normal(size=200), np.array([-1.0, 0.0, 1.0])
    same_runs, other_runs = np.tile(seeds, (3, 1)), seeds + runs[:, None]
    assert run_difference(same_runs + 2, same_runs, 0) == pytest.approx((2, 2, 2))
    wide = run_difference(other_runs, same_runs, 0)
    assert wide.low < -0.5 < 0.5 < wide.high
    with pytest.raises(ValueError, match="make them equal"):
        run_difference(same_runs, same_runs[:, 1:], 0)


@pytest.mark.parametrize("groups", [None, np.arange(700) // 3])
def test_the_bootstrap_in_parts_draws_what_one_draw_does(groups: np.ndarray | None) -> None:
    values = np.random.default_rng(1).normal(2.0, 1.0, 700)
    number = np.arange(700) if groups is None else groups
    sums, counts = np.bincount(number, weights=values), np.bincount(number)
    size = len(sums)
    drawn = np.random.default_rng(5).multinomial(size, np.full(size, 1 / size), size=4000)
    expected = np.quantile((drawn * sums).sum(1) / (drawn * counts).sum(1), [0.025, 0.975])
    assert bootstrap_mean(values, 5, groups)[1:] == pytest.approx(expected, rel=1e-12)


def test_two_values_have_an_interval_and_one_has_none() -> None:
    assert bootstrap_mean(np.array([1.0, 3.0]), 0) == (2.0, 1.0, 3.0)  # a quarter of the resamples each
    assert np.isnan(bootstrap_mean(np.array([1.0]), 0)[1:]).all()


def test_the_middle_half_of_sixteen_scores() -> None:
    squares = np.random.default_rng(0).permutation(np.arange(16.0) ** 2)
    assert iqm(squares) == np.mean(np.arange(4, 12) ** 2)


def test_stratified_bootstrap_by_a_plain_loop() -> None:
    scores = np.random.default_rng(0).exponential(size=(8, 3)) * (1, 5, 20)
    drawn = np.random.default_rng(7).integers(8, size=(4000, 8, 3))
    middles = [np.sort([scores[run, task] for runs in one for task, run in enumerate(runs)])[6:18].mean()
               for one in drawn]
    expected = np.sort(scores, axis=None)[6:18].mean(), *np.quantile(middles, (0.025, 0.975))
    assert stratified_bootstrap(scores, 7) == pytest.approx(expected)


def test_one_run_an_arm_is_the_paired_bootstrap() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(1, 1, 150), rng.normal(size=150)
    pigeonhole, paired = run_difference(first[None], second[None], 3), paired_bootstrap(first, second, 3)
    assert pigeonhole.value == pytest.approx(paired.value)
    assert pigeonhole[1:] == pytest.approx(paired[1:], abs=0.02)  # Monte Carlo error
