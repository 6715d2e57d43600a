from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.scenarios.reduction import representatives
from tests.tolerances import FLOAT32_DISTANCE


def left(features, chosen):
    """Mean distance of the samples to the nearest of those chosen, by loops."""
    return np.mean([min(np.abs(row - features[m]).sum() for m in chosen) for row in features])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_each_step_takes_the_sample_that_helps_most(seed, count):
    features = np.random.default_rng(seed).normal(size=(12, 3))
    found = representatives(features, count)
    for step in range(count):
        before, chosen = list(found.order[:step]), left(features, found.order[: step + 1])
        assert chosen == pytest.approx(min(left(features, [*before, other]) for other in range(12)), rel=FLOAT32_DISTANCE)


def test_probabilities_are_shares_of_the_nearest_samples():
    features = np.array([[0.0], [0.1], [0.2], [10.0]])
    found = representatives(features, 2)
    assert sorted(found.order) == [1, 3]
    assert dict(zip(found.order, found.probabilities(2), strict=True)) == {1: 0.75, 3: 0.25}
    assert list(found.probabilities(1)) == [1.0]


def test_the_error_falls_from_one_to_nothing():
    features = np.random.default_rng(0).normal(size=(40, 2))
    found = representatives(features, 40)
    errors = [found.error(count) for count in range(1, 41)]
    assert errors[0] == 1.0
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] == pytest.approx(0.0, abs=FLOAT32_DISTANCE)


def test_samples_that_are_all_alike_leave_no_error():
    found = representatives(np.ones((5, 2)), 3)
    assert found.error(1) == found.error(3) == 0.0
    assert found.probabilities(3).sum() == 1.0


def test_forward_selection_is_near_the_best_choice():
    features = np.random.default_rng(3).normal(size=(10, 2))
    best = min(left(features, chosen) for chosen in combinations(range(10), 3))
    assert left(features, representatives(features, 3).order) <= 1.25 * best
