from __future__ import annotations

from dataclasses import replace
from math import fsum

import numpy as np
import pytest

from optimizer.domain.demand import DemandUnit, Multiplier, Quantity, Scenario
from optimizer.errors import ConfigError
from optimizer.planning.scenarios import sample_scenarios
from optimizer.planning.streams import demand_in, read_streams
from optimizer.scenarios.deviates import Correlation
from tests.planning.small_nouns import case, demand, workload
from tests.tolerances import PROBABILITIES, SAMPLED_MEAN

CORRELATION = Correlation(common=0.4, workload=0.3, origin=0.1, memory_months=6.0)


def multiplier(quantity: Quantity, factor: float) -> Multiplier:
    return Multiplier(quantity=quantity, workload=None, origin=None, supplier=None, period=None, factor=factor)


def scenario(name: str, probability: float, *multipliers: Multiplier) -> Scenario:
    return Scenario(name=name, probability=probability, demand_quantile=0.3, multipliers=multipliers)


CALM, DEAR = scenario("calm", 0.5, multiplier(Quantity.DEMAND, 2.0)), scenario("dear", 0.2, multiplier(Quantity.PRICE, 1.5))
ALONE = scenario("calm", 1.0, multiplier(Quantity.DEMAND, 2.0))
LOW = scenario("low", 0.3, multiplier(Quantity.DEMAND, 0.5))


def world(*scenarios: Scenario):
    rows = demand("chat", DemandUnit.ACCELERATORS, None, p10=50.0, p50=100.0, p90=200.0)
    certain = demand("search", DemandUnit.ACCELERATORS, 7.0)
    return case(workloads=(workload("chat"), workload("search")), demand=(*rows, *certain), scenarios=scenarios)


def sampled(before, count: int = 8, samples: int = 400, seed: int = 0):
    return sample_scenarios(before, count=count, samples=samples, correlation=CORRELATION, seed=seed)


def test_events_stay_apart_with_their_probability_and_demand_is_sampled():
    found = sampled(world(CALM, DEAR, LOW))
    scenarios = found.case.scenarios
    assert fsum(s.probability for s in scenarios) == pytest.approx(1.0, rel=PROBABILITIES)
    dear = [s for s in scenarios if s.multipliers]
    assert fsum(s.probability for s in dear) == pytest.approx(0.2, rel=PROBABILITIES)
    assert {m for s in scenarios for m in s.multipliers} == {multiplier(Quantity.PRICE, 1.5)}
    assert [s.name for s in scenarios] == [*(f"calm_{i:02d}" for i in range(1, 7)), "dear_01", "dear_02"]
    assert 0 < found.error < 1
    assert found.note.startswith("8 scenarios stand for 400 samples of demand and leave out ")


def test_rows_with_a_mean_stay_certain_and_means_are_near_those_of_the_forecast():
    found = sampled(world(ALONE), count=40, samples=2000).case
    streams = read_streams(found)
    weights = np.array([s.probability for s in found.scenarios])
    assert (streams.figure[1] == 7.0).all()
    expected = streams.figure[0] @ weights
    rows = found.demand[: len(expected)]
    normal = np.random.default_rng(0).normal(size=200_000)
    truth = np.mean(np.exp(np.log(100.0) + normal * np.log(2.0) / 1.2815515655446004))
    np.testing.assert_allclose(expected, truth, rtol=SAMPLED_MEAN)
    assert demand_in(found.scenarios, rows)[0, 0] == streams.figure[0, 0, 0]


def test_the_seed_decides_and_one_scenario_is_the_middle():
    before = world(ALONE)
    assert sampled(before) == sampled(before)
    assert sampled(before).case.scenarios != sampled(before, seed=1).case.scenarios
    (one,) = sampled(before, count=1).case.scenarios
    assert (one.name, one.probability) == ("s01", 1.0)
    assert sampled(before, count=1).error == 1.0


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (world(CALM, DEAR), r"scenarios\.count: must be at least 2.*got 1"),
        (replace(world(ALONE), demand=world(ALONE).demand[-1:]), r"scenarios\.count: needs demand rows with p10, p50 and p90"),
    ],
)
def test_what_cannot_be_sampled_is_told(before, told):
    with pytest.raises(ConfigError, match=told):
        sampled(before, count=1)
