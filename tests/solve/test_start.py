"""What planners do without a search keeps the rules that they can see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.solve.settle import settle_alone
from optimizer.solve.start import cheapest_first
from tests.problems import Size, random_problem

SIZE = Size(loads=6, pools=4, eligible=3, sites=2, periods=3)


@pytest.mark.parametrize("seed", range(4))
def test_the_cheapest_pool_with_bandwidth_left(seed: int) -> None:
    problem = random_problem(seed, SIZE)
    traffic = problem.needs.traffic_gb_per_s
    tight = replace(problem, site_bandwidth=np.array([0.4 * traffic.sum(axis=0).max(), np.inf]))
    chosen = cheapest_first(tight)
    at = np.where(chosen.placed >= 0, problem.pool_site[chosen.placed], -1)
    used = [float((traffic * (at == site)).sum(axis=0).max()) for site in range(2)]
    assert used[0] <= tight.site_bandwidth[0]
    assert settle_alone(tight, chosen) is not None
    assert (chosen.placed >= 0).any()


def test_bandwidth_that_is_not_scarce_changes_nothing() -> None:
    problem = random_problem(0, SIZE)
    assert (cheapest_first(replace(problem, site_bandwidth=np.full(2, 1e3))).placed == cheapest_first(problem).placed).all()
