from __future__ import annotations

import numpy as np
import pytest

from optimizer.scenarios.deviates import Correlation, deviates
from tests.tolerances import SAMPLED_CORRELATION

WORKLOAD, ORIGIN = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
MONTHS = np.array([0.5, 1.5, 3.5, 12.5])
MIXED = Correlation(common=0.4, workload=0.3, origin=0.1, memory_months=6.0)


def sampled(correlation: Correlation, samples: int = 20_000, seed: int = 1):
    return deviates(correlation, workload=WORKLOAD, origin=ORIGIN, months=MONTHS, samples=samples, seed=seed)


def test_each_deviate_is_standard_normal():
    z = sampled(MIXED)
    assert z.shape == (20_000, 4, 4)
    np.testing.assert_allclose(z.mean(axis=0), 0.0, atol=SAMPLED_CORRELATION)
    np.testing.assert_allclose(z.std(axis=0), 1.0, atol=SAMPLED_CORRELATION)
    assert np.mean(z > 1.2815515655446004) == pytest.approx(0.1, abs=SAMPLED_CORRELATION)


def test_streams_correlate_by_what_they_share():
    between = np.corrcoef(sampled(MIXED)[:, :, 0].T)
    expected = [[1, 0.7, 0.5, 0.4], [0.7, 1, 0.4, 0.5], [0.5, 0.4, 1, 0.7], [0.4, 0.5, 0.7, 1]]
    np.testing.assert_allclose(between, expected, atol=SAMPLED_CORRELATION)


def test_time_forgets_by_months_and_not_by_periods():
    over_time = np.corrcoef(sampled(MIXED)[:, 0].T)
    np.testing.assert_allclose(over_time, np.exp(-np.abs(MONTHS[:, None] - MONTHS) / 6.0), atol=SAMPLED_CORRELATION)


def test_one_common_path_moves_everything_alike():
    z = sampled(Correlation(common=1.0, workload=0.0, origin=0.0, memory_months=6.0), samples=10)
    assert (z == z[:, :1]).all()


def test_the_seed_decides():
    assert (sampled(MIXED, samples=5) == sampled(MIXED, samples=5)).all()
    assert not (sampled(MIXED, samples=5) == sampled(MIXED, samples=5, seed=2)).any()


def test_one_period_needs_no_steps():
    one = deviates(MIXED, workload=WORKLOAD, origin=ORIGIN, months=np.array([0.5]), samples=3, seed=0)
    assert one.shape == (3, 4, 1)
