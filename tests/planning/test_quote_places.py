"""A quote for capacity in orbit goes the way of all quotes: latency, availability and bandwidth are in what loads need in its pool."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.domain.case import Case
from optimizer.domain.contract import Status
from optimizer.domain.supply import Access
from optimizer.planning.needs import compute_needs
from optimizer.planning.quote.evidence import Evidence
from optimizer.solve.climb import price_more
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import cheapest_first
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.planning.quotes import evidence_of

QUOTE, POOL = "gpu_cloud_a_b200_12m", "helsinki_b200"
STEPS = 300  # of prices


def placed_at(access: Access, availability: float, bandwidth: float | None) -> Case:
    """The case small with the quote's pool at a site of its own, where nothing else is to be had."""
    case = read_case(case_folder("small"))
    home = next(site for site in case.sites if site.name == "helsinki")
    site = replace(home, name="elsewhere", access=access, availability=availability, bandwidth_gb_per_s=bandwidth)
    return replace(
        case,
        sites=(*case.sites, site),
        allowed_sites=(*case.allowed_sites, *(replace(row, site=site.name) for row in case.allowed_sites if row.site == home.name)),
        pools=tuple(replace(pool, site=site.name) if pool.name == POOL else pool for pool in case.pools),
        offers=tuple(offer for offer in case.offers if offer.pool != POOL),
        contracts=tuple(replace(c, status=Status.CANCELED) if POOL in c.pools and c.name != QUOTE else c for c in case.contracts),
    )


def known_of(case: Case) -> Evidence:
    """What prices prove, and plans that come to mind, with all of the quote and without."""
    evidence = evidence_of(case, compute_needs(case), QUOTE)
    for lots in (0, evidence.lots):
        problem = evidence.variants.forced(1.0, lots)
        evidence.add_prices(price_more(problem, evaluations=STEPS).prices)
        settled = settle_alone(problem, cheapest_first(problem))
        assert settled is not None
        evidence.add_plan(settled.plan)
    return evidence


@pytest.mark.slow
def test_a_quote_in_orbit() -> None:
    ground, orbit = known_of(placed_at(Access.FIBRE, 0.985, None)), known_of(placed_at(Access.ORBITAL, 0.9, 1e-5))
    pool = ground.variants.problem.pools.index(POOL)
    served, trips = [], []
    for evidence, availability, bandwidth in ((ground, 0.985, float("inf")), (orbit, 0.9, 1e-5)):
        problem, needs = evidence.variants.problem, evidence.variants.problem.needs
        there = needs.pair_pool == pool
        served.append({needs.loads[load].name for load in needs.pair_load[there]})
        trips.append(dict(zip(needs.pair_load[there].tolist(), needs.round_trip_ms[there].tolist(), strict=True)))
        assert problem.availability[pool] == availability
        assert problem.site_bandwidth[problem.pool_site[pool]] == bandwidth
        assert 0.0 < evidence.break_even().high < float("inf")
    assert served[1] <= served[0]
    assert all(trips[1][load] != trips[0][load] for load in trips[1])
    assert ground.variants.problem.supply.contracts == orbit.variants.problem.supply.contracts
    assert orbit.break_even().low <= ground.break_even().high
    assert orbit.relaxed is not None
    assert ground.relaxed is not None
    assert orbit.relaxed < ground.relaxed  # it can send next to nothing down
