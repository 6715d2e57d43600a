"""Break-even prices of quotes: between the proven ends whatever the solvers did, and where a search with the exact solver finds them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.case import Case
from optimizer.domain.contract import FeeStep, Tier
from optimizer.domain.rules import Limit, LimitKind
from optimizer.domain.surface import Needs
from optimizer.errors import InfeasiblePlan
from optimizer.planning.changes import with_terms
from optimizer.planning.needs import compute_needs
from optimizer.planning.quote.break_even import FREE, MOST, Interval, Range, Verdict, break_even, first_at_least, last_at_most
from optimizer.planning.quote.evidence import Evidence
from optimizer.planning.quote.variants import Variants, paid_quantity, with_lots
from optimizer.solve.climb import price_more
from optimizer.solve.settle import settle_alone
from optimizer.solve.start import cheapest_first
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.planning.cases import two_suppliers
from tests.planning.quotes import add_exact, evidence_of, least_usd, solved
from tests.samples import one_in
from tests.tolerances import BREAK_EVEN, BREAK_EVEN_BY_SEARCH, CENT_USD

TINY_HOURS, TINY_PRICE = 744.0, 3.0  # July, and the market's price in pool_b, by hand: data/tiny/README.md


def searched(variants: Variants, lots: int) -> float:
    """The break-even factor by bisection, each side solved to optimality."""
    without, low, high = least_usd(variants.forbidden()), FREE, 8.0
    if least_usd(variants.forced(FREE, lots)) > without:
        return 0.0
    while high - low > BREAK_EVEN_BY_SEARCH:
        middle = (low + high) / 2
        low, high = (middle, high) if least_usd(variants.forced(middle, lots)) <= without else (low, middle)
    return low


def add_little(evidence: Evidence) -> None:
    """What there is when every solve is stopped at once: the first placement that comes to mind, and prices after some steps."""
    variants = evidence.variants
    for lots in (0, evidence.lots):
        problem = with_lots(variants.problem, variants.contract, lots)
        settled = settle_alone(problem, cheapest_first(problem))
        assert settled is not None
        evidence.add_plan(settled.plan)
    evidence.add_prices(price_more(variants.problem, evaluations=4).prices)


def tiny() -> tuple[Case, Needs]:
    case = read_case(case_folder("tiny"))
    return case, compute_needs(case)


def test_ends_stand_where_the_curves_cross() -> None:
    curve = lambda x: 100.0 + 40.0 * x  # noqa: E731
    assert last_at_most(curve, 150.0) == pytest.approx(1.25, rel=BREAK_EVEN)
    assert curve(last_at_most(curve, 150.0)) <= 150.0
    assert first_at_least(curve, 150.0) == pytest.approx(1.25, rel=BREAK_EVEN)
    assert curve(first_at_least(curve, 150.0)) >= 150.0
    assert (last_at_most(curve, 99.0), last_at_most(curve, 1e9)) == (0.0, MOST)
    assert (first_at_least(curve, 99.0), first_at_least(curve, 1e9)) == (FREE, math.inf)


def test_the_width_is_both_gaps_over_the_paid_quantity() -> None:
    paid, with_low, with_high = 40.0, 100.0, 104.0
    found = break_even(lambda x: with_high + paid * x, lambda x: with_low + paid * x, Range(low_usd=150.0, high_usd=153.0))
    assert found.width == pytest.approx((4.0 + 3.0) / paid, rel=1e-3)
    assert found.verdict is Verdict.TAKE


def test_verdicts() -> None:
    assert [Interval(low=low, high=high).verdict for low, high in ((1.0, 1.1), (0.9, 1.0), (0.99, 1.01), (0.0, math.inf))] == [
        Verdict.TAKE,
        Verdict.REFUSE,
        Verdict.UNDECIDED,
        Verdict.UNDECIDED,
    ]


def test_tiny_by_hand() -> None:
    """At 3.00 an hour the quote costs what the market does; half of 8 accelerators is paid in any case."""
    evidence = evidence_of(*tiny(), "quote")
    paid = paid_quantity(evidence.variants)
    assert (paid.hours, paid.price) == pytest.approx((4 * TINY_HOURS, 2.5))
    for lots, factor in ((0, 1.0), (1, 1.0), (1, 1.19), (1, 1.201)):
        add_exact(evidence, lots, factor)
    found = evidence.break_even()
    assert found.low * paid.price == pytest.approx(TINY_PRICE, rel=2 * BREAK_EVEN)
    assert found.low * paid.price <= TINY_PRICE <= found.high * paid.price
    assert found.width < 0.01
    assert found.verdict is Verdict.TAKE
    assert evidence.range(1).high_usd == pytest.approx(75_663.40, abs=CENT_USD)


CLAUSES = {
    "as it is": {"lots": 1},
    "three lots": {},
    "half paid": {"lots": 2, "take_or_pay_share": 0.5},
    "nothing paid": {"lots": 2, "take_or_pay_share": None, "fixed_monthly_fee": 900.0},
    "minimum": {"lots": 1, "take_or_pay_share": None, "minimum_spend": 9000.0},
    "minimum at list": {"lots": 1, "take_or_pay_share": 0.5, "minimum_spend": 6_000.0, "discount": 0.4, "minimum_at_list": True},
    "volume tiers": {
        "lots": 2,
        "take_or_pay_share": 0.5,
        "tiers": (Tier(from_quantity=0.0, price=2.4, kind="all_units"), Tier(from_quantity=3000.0, price=1.6, kind="all_units")),
    },
    "burst": {"lots": 1, "burst_share": 0.5, "burst_price": 2.6},
    "paid ahead": {"lots": 1, "upfront_share": 0.5},
    "may be left": {"lots": 2, "notice_days": 30.0, "fee_steps": (FeeStep(start=two_suppliers().case.as_of, fee=300.0),)},
}


@pytest.mark.slow
@pytest.mark.parametrize("terms", one_in(4, CLAUSES.values(), CLAUSES))
def test_the_interval_holds_what_a_search_finds(terms: dict[str, object]) -> None:
    setup = two_suppliers()
    evidence = evidence_of(with_terms(setup.case, "quote", **terms), setup.needs, "quote")
    expected = searched(evidence.variants, evidence.lots)
    add_little(evidence)
    rough = evidence.break_even()
    assert rough.low <= expected + BREAK_EVEN_BY_SEARCH
    assert expected <= rough.high + BREAK_EVEN_BY_SEARCH
    for lots, factor in ((0, 1.0), (evidence.lots, 1.0), (evidence.lots, expected + 0.01), (evidence.lots, max(FREE, 0.99 * expected))):
        add_exact(evidence, lots, factor)
    fine = evidence.break_even()
    assert fine.low <= expected + BREAK_EVEN_BY_SEARCH
    assert expected <= fine.high + BREAK_EVEN_BY_SEARCH
    assert rough.low <= fine.low
    assert fine.high <= rough.high
    assert fine.width < 0.05 or expected == 0.0


def test_a_plan_counts_at_dearer_prices_as_long_as_it_keeps_the_budgets() -> None:
    """The same two plans prove the same where no budget is reached, and less where one of south is: it bills at most 3,830 USD besides."""
    setup = two_suppliers()
    case = with_terms(setup.case, "quote", lots=1, price=0.5)

    def low(*budgets: float) -> float:
        limits = tuple(Limit(kind=LimitKind.BUDGET, supplier="south", period=None, value=usd) for usd in budgets)
        evidence = evidence_of(replace(case, limits=limits), setup.needs, "quote")
        for lots in (0, 1):
            add_exact(evidence, lots)
        return evidence.break_even().low

    assert low() > 1.0
    assert low(1e6) == low()
    assert 1.0 <= low(4_000.0) < low()


@pytest.mark.slow
def test_plans_that_end_at_a_budget_are_made_anew_at_dearer_prices() -> None:
    """What may be paid to south limits what is drawn from it at each price, and in the end forbids the quote."""
    setup = two_suppliers()
    case = with_terms(setup.case, "quote", lots=1, price=0.5)
    limits = (Limit(kind=LimitKind.BUDGET, supplier="south", period=None, value=2_500.0),)
    evidence = evidence_of(replace(case, limits=limits), setup.needs, "quote")
    for lots in (0, 1):
        add_exact(evidence, lots)
    before = evidence.break_even()
    assert evidence.found is None
    assert evidence.next_factor(0.01) == before.middle
    for _ in range(3):
        factor = evidence.next_factor(0.01)
        try:
            add_exact(evidence, 1, factor)
        except InfeasiblePlan:
            evidence.add_bound(1, factor, math.inf)
    assert evidence.break_even().width <= before.width / 4


def test_nothing_known_proves_nothing() -> None:
    setup = two_suppliers()
    found = evidence_of(setup.case, setup.needs, "quote").break_even()
    assert (found.low, found.high, found.verdict) == (0.0, math.inf, Verdict.UNDECIDED)


@pytest.mark.slow
def test_what_plans_and_bounds_say_alone_lies_within_the_interval() -> None:
    setup = two_suppliers()
    evidence = evidence_of(with_terms(setup.case, "quote", lots=2, take_or_pay_share=0.5), setup.needs, "quote")
    assert (evidence.found, evidence.relaxed) == (None, None)
    for lots in (0, evidence.lots):
        evidence.add_plan(solved(evidence.variants.forced(1.0, lots)).settled.plan)
    evidence.add_prices(price_more(evidence.variants.problem, evaluations=60).prices)
    wide = evidence.break_even()
    assert wide.width > 0.0
    for factor in (evidence.found, evidence.relaxed):
        assert factor is not None
        assert wide.low <= factor <= wide.high
    assert least_usd(evidence.variants.forced(evidence.found)) <= evidence.without.high_usd + CENT_USD  # a plan known costs as much there


def test_a_quote_that_no_plan_can_sign_is_refused() -> None:
    setup = two_suppliers()
    evidence = evidence_of(setup.case, setup.needs, "quote")
    add_exact(evidence, 0)
    evidence.add_bound(evidence.lots, 1.0, math.inf)
    assert evidence.break_even().high <= 1.0
    assert evidence.break_even().verdict is Verdict.REFUSE


@pytest.mark.slow
def test_bounds_at_other_prices_and_lots_are_below_what_plans_cost() -> None:
    """Prices found for one variant, and bounds shown at one price, at many prices and lots."""
    setup = two_suppliers()
    case = with_terms(setup.case, "quote", lots=2, take_or_pay_share=0.5)
    evidence = evidence_of(case, setup.needs, "quote")
    add_exact(evidence, 2, 0.8)
    evidence.add_prices(price_more(evidence.variants.forced(0.8), evaluations=60).prices)
    for lots in (0, 1, 2):
        for factor in (0.5, 0.8, 1.3):
            assert evidence.bound_usd(lots, factor) <= least_usd(evidence.variants.forced(factor, lots)) + CENT_USD


def test_a_plan_is_known_by_its_lots_and_costs_what_the_clauses_say_at_any_price() -> None:
    setup = two_suppliers()
    case = with_terms(setup.case, "quote", take_or_pay_share=0.5)
    evidence = evidence_of(case, setup.needs, "quote")
    problem = evidence.variants.problem
    settled = settle_alone(
        with_lots(problem, evidence.variants.contract, 2), cheapest_first(with_lots(problem, evidence.variants.contract, 2))
    )
    assert settled is not None
    evidence.add_plan(settled.plan)
    dearer = replace(setup, case=evidence.variants.case_at(1.7), plan=settled.plan).verify()
    assert evidence.cost_usd(2, 1.7) == pytest.approx(dearer.objective_usd, abs=CENT_USD)
    assert evidence.cost_usd(1) == math.inf
    assert np.isfinite(evidence.cost_usd(2))
