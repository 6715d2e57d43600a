"""Quotes studied as the job does, in a pool of processes: verdicts that the real plan follows, levers, options, ranking, offers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract
from optimizer.domain.surface import Needs
from optimizer.planning.assemble import build_problem
from optimizer.planning.changes import with_terms
from optimizer.planning.plan import PlanResult, make_plan
from optimizer.planning.quote.asked import asked_contracts
from optimizer.planning.quote.break_even import Verdict
from optimizer.planning.quote.curve import volume_curve
from optimizer.planning.quote.entry import Made, Market, entry_price
from optimizer.planning.quote.evidence import Evidence
from optimizer.planning.quote.findings import Finding, choices, finding, rank_is_certain, ranked
from optimizer.planning.quote.levers import counter_offers, lever_rows
from optimizer.planning.quote.study import Asked, Limits, study
from optimizer.planning.quote.variants import at_price, paid_quantity, with_lots
from optimizer.pricing.arrays import prepare
from optimizer.pricing.bound import bound_with_supply, pair_costs_at
from optimizer.pricing.sensitivity import sensitivities
from optimizer.solve.climb import price_more
from optimizer.solve.cost import objective_usd
from optimizer.solve.executor import Executor
from optimizer.solve.search import Solved, SolveSettings
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.planning.cases import two_suppliers
from tests.planning.quotes import add_exact, evidence_of, least_usd, solved
from tests.tolerances import BREAK_EVEN, CENT_USD, DIFFERENCE_STEP, SLOPE_OF_A_TERM

EXACT = SolveSettings(relative_gap=1e-8, threads=1, time_limit_s=None)
LIMITS = Limits(width=0.02, time_limit_s=math.inf, executor=Executor(workers=2))
BEYOND = 0.02  # of the price, past either end of an interval


def planned(case: Case, settings: SolveSettings = EXACT) -> PlanResult:
    return make_plan(case, annual_discount_rate=0.0, settings=settings, progress=lambda step: None)


def studied(joint: PlanResult, limits: Limits = LIMITS) -> tuple[Asked, ...]:
    found = study(joint, asked_contracts(joint.case, []), settings=EXACT, limits=limits, report=lambda tally: None)
    assert not found.alerts
    return found.asked


@pytest.fixture(scope="module")
def tiny() -> tuple[PlanResult, Asked]:
    joint = planned(read_case(case_folder("tiny")))
    (asked,) = studied(joint)
    return joint, asked


def signed(result: PlanResult, quote: str) -> int:
    return int(result.plan.decisions.lots[result.plan.contracts.index(quote)])


def test_a_plan_just_outside_the_interval_takes_and_refuses(tiny: tuple[PlanResult, Asked]) -> None:
    _, asked = tiny
    found = asked.evidence.break_even()
    assert found.width <= LIMITS.width
    assert found.low * asked.paid.price == pytest.approx(3.0, rel=2 * BREAK_EVEN)  # by hand, data/tiny/README.md
    assert found.verdict is Verdict.TAKE
    variants = asked.evidence.variants
    assert signed(planned(variants.case_at((1 - BEYOND) * found.low)), "quote") == 1
    assert signed(planned(variants.case_at((1 + BEYOND) * found.high)), "quote") == 0


def test_the_curve_falls_with_the_price_and_ends_where_the_interval_does(tiny: tuple[PlanResult, Asked]) -> None:
    _, asked = tiny
    rows = volume_curve(asked.evidence, asked.paid)
    found = asked.evidence.break_even()
    assert [row["usd_per_accelerator_hour"] for row in rows] == sorted(row["usd_per_accelerator_hour"] for row in rows)
    for name in ("lots_low", "lots", "lots_high"):
        taken = [row[name] for row in rows]
        assert taken == sorted(taken, reverse=True)
    for row in rows:
        factor = row["usd_per_accelerator_hour"] / asked.paid.price
        assert row["lots_low"] <= row["lots"] <= row["lots_high"]
        assert (row["lots_low"] == 1) if factor < found.low else (row["lots_high"] == 0) if factor > found.high else True
        assert 0.0 <= row["saving_low_usd"] <= row["saving_high_usd"]


def test_stopped_at_once_the_interval_is_wide_and_holds(tiny: tuple[PlanResult, Asked]) -> None:
    joint, asked = tiny
    (stopped,) = studied(joint, replace(LIMITS, time_limit_s=0.0))
    wide, fine = stopped.evidence.break_even(), asked.evidence.break_even()
    assert wide.low <= fine.high
    assert fine.low <= wide.high
    assert wide.width > fine.width


def slopes_of(evidence: Evidence, asked_contract: Contract) -> Asked:
    problem = evidence.variants.forced()
    priced, prepared = price_more(problem, evaluations=60), prepare(problem)
    slopes = sensitivities(problem, prepared, priced.prices, pair_costs_at(prepared, priced.prices))
    evidence.add_prices(priced.prices)
    return Asked(contract=asked_contract, paid=paid_quantity(evidence.variants), evidence=evidence, slopes=slopes)


TERMS = {"x_UnitPrice": "price", "x_TakeOrPayShare": "take_or_pay_share", "x_FixedMonthlyFee": "fixed_monthly_fee"}


@pytest.mark.slow
def test_levers_are_the_slopes_of_the_bound_with_the_quote_signed() -> None:
    setup = two_suppliers()
    case = with_terms(setup.case, "quote", lots=2, take_or_pay_share=0.6, fixed_monthly_fee=700.0, end=setup.case.contracts[0].end)
    evidence = evidence_of(case, setup.needs, "quote")
    quote = evidence.variants.quote
    asked = slopes_of(evidence, quote)
    assert asked.slopes is not None
    prices = evidence.best_prices(2)
    rows = {row["term"]: row for row in lever_rows(evidence, asked.slopes, asked.paid)}
    assert set(TERMS) <= set(rows)

    def bound(field: str, factor: float) -> float:
        changed = at_price(quote, factor) if field == "price" else replace(quote, **{field: getattr(quote, field) * factor})
        problem = with_lots(evidence.variants.with_quote(changed), evidence.variants.contract, 2)
        return bound_with_supply(evidence.prepared, problem, prices)

    for term, field in TERMS.items():
        step = DIFFERENCE_STEP  # a longer one crosses a bend of the bound: the prices are nearly the best
        by_differences = (bound(field, 1 + step) - bound(field, 1 - step)) / (2 * step * getattr(quote, field))
        assert rows[term]["slope_usd_per_unit"] == pytest.approx(by_differences, rel=SLOPE_OF_A_TERM)
        assert rows[term]["elasticity_usd"] == pytest.approx(0.01 * rows[term]["slope_usd_per_unit"] * getattr(quote, field))
    effects = [abs(row["elasticity_usd"]) for row in rows.values()]
    assert effects == sorted(effects, reverse=True)


def test_a_counter_offer_makes_the_real_plan_sign() -> None:
    setup = two_suppliers()
    case = with_terms(setup.case, "quote", lots=1, price=6.0, take_or_pay_share=0.8, fixed_monthly_fee=500.0)
    evidence = evidence_of(case, setup.needs, "quote")
    for lots, factor in ((0, 1.0), (1, 1.0), (1, 0.3)):
        add_exact(evidence, lots, factor)
    rows = counter_offers(evidence)
    assert rows
    assert all(row["certain"] for row in rows)
    without = least_usd(evidence.variants.forbidden())
    for row in rows:
        quote = evidence.variants.quote
        fields = [TERMS[row["term"]]] if row["term"] in TERMS else list(TERMS.values())
        changed = replace(quote, **{field: getattr(quote, field) * row["asked_share"] for field in fields})
        problem = with_lots(evidence.variants.with_quote(changed), evidence.variants.contract, 1)
        assert least_usd(problem) <= without + CENT_USD
        assert row["asked"] is None or row["asked"] == pytest.approx(getattr(quote, fields[0]) * row["asked_share"])


def test_a_counter_offer_where_little_is_proven_is_no_dearer_than_the_plan_known_without() -> None:
    setup = two_suppliers()
    case = with_terms(setup.case, "quote", lots=1, price=6.0, take_or_pay_share=0.8, fixed_monthly_fee=500.0)
    evidence = evidence_of(case, setup.needs, "quote")
    for lots in (0, 1):
        evidence.add_plan(solved(evidence.variants.forced(1.0, lots)).settled.plan)
        evidence.add_bound(lots, 1.0, 0.0)
    rows = counter_offers(evidence)
    assert rows
    assert not any(row["certain"] for row in rows)
    assert all(row["saving_low_usd"] < 0.0 for row in rows)


def judged(setup_case: Case, needs: Needs) -> list[Finding]:
    """`quote` and `rival`, exclusive options, each solved exactly with and without it, beside one joint plan."""
    problem = build_problem(setup_case, needs, annual_discount_rate=0.0)
    found = []
    for name in ("quote", "rival"):
        evidence = evidence_of(setup_case, needs, name)
        for lots in range(evidence.lots + 1):
            add_exact(evidence, lots)
        asked = Asked(contract=evidence.variants.quote, paid=paid_quantity(evidence.variants), evidence=evidence)
        joint = _Joint(setup_case, problem, evidence)
        found.append(finding(joint, asked))  # type: ignore[arg-type]
    return found


class _Joint:
    """As much of a joint plan as a finding reads: the cheapest plan without the quote."""

    def __init__(self, case: Case, problem: object, evidence: Evidence) -> None:
        plan = evidence.best_plan(0)
        assert plan is not None
        self.case, self.problem, self.plan = case, problem, plan
        setup = replace(two_suppliers(), case=case, plan=plan)
        self.verification = setup.verify()
        self.objective_usd = self.verification.objective_usd


def test_options_and_ranking_follow_the_exact_costs() -> None:
    setup = two_suppliers()
    case = with_terms(with_terms(setup.case, "quote", price=1.9, lots=2), "rival", price=1.2, lots=2)
    quote, rival = judged(case, setup.needs)
    variants = [found.asked.evidence.variants for found in (quote, rival)]
    least = [least_usd(one.forced()) for one in variants]
    without = [least_usd(one.forbidden()) for one in variants]
    assert least[1] < least[0]
    (choice,) = choices([quote, rival])
    assert (choice.group, choice.best.name, choice.certain) == ("lima", "rival", True)
    saving = {"quote": without[0] - least[0], "rival": without[1] - least[1]}
    order = ranked([quote, rival])
    assert [found.name for found in order] == sorted(saving, key=lambda name: -saving[name])
    for place, found in enumerate(order):
        assert found.saving[0] - CENT_USD <= saving[found.name] <= found.saving[1] + CENT_USD
        assert rank_is_certain(order, place)
    pays = [lots for lots in (1, 2) if least_usd(variants[1].forced(1.0, lots)) <= without[1]]
    assert rival.quantities == (max(pays, default=0) * 4.0, max(pays, default=0) * 4.0)


def test_an_offer_enters_between_the_ends() -> None:
    """With the market of lima dear, how cheap must oslo be?"""
    setup = two_suppliers()
    offers = tuple(replace(row, limit=6.0) if row.name == "od-oslo" else row for row in setup.case.offers)
    case, share = replace(setup.case, offers=offers), 0.02

    def at(price: float) -> Case:
        return replace(case, offers=tuple(replace(row, price=price) if row.name == "od-oslo" else row for row in case.offers))

    def exact(price: float) -> Solved:
        return solved(build_problem(at(price), setup.needs, annual_discount_rate=0.0))

    offer = [row.name for row in case.offers].index("od-oslo")
    problem = build_problem(at(30.0), setup.needs, annual_discount_rate=0.0)
    market = Market(problem=problem, offer=offer, price=30.0)
    known = [(price, exact(price)) for price in (30.0, 5.0, 1.0)]
    idle = [Made(plan=found.settled.plan, price=price, cost_usd=objective_usd(problem, found.settled.plan)) for price, found in known]
    prices = [price_more(problem, evaluations=60).prices]
    found = entry_price(market, prepare(problem), plans=idle, prices=prices, bound_usd=-np.inf, share=share)
    assert 0.0 <= found.low <= found.high
    if found.low > 0.0:
        below = exact(0.999 * found.low)
        assert market.drawn(below.settled.plan) > 0.0
    if np.isfinite(found.high):
        above = exact(1.001 * found.high)
        assert market.drawn(above.settled.plan) < found.least_hours


@pytest.mark.slow
def test_small_outside_its_interval() -> None:
    """A quote with exits, a quarter's fulfilment, a budget and rival quotes: through the real plan, on either side."""
    case = read_case(case_folder("small"))
    (contract,) = asked_contracts(case, ["gpu_cloud_b_mi300x"])
    settings = replace(EXACT, time_limit_s=60.0)
    joint = planned(case, settings)
    found = study(joint, [contract], settings=settings, limits=replace(LIMITS, time_limit_s=3600.0), report=lambda tally: None)
    (asked,) = found.asked
    interval = asked.evidence.break_even()
    assert interval.width <= LIMITS.width
    assert all(asked.evidence.best_plan(lots) is not None for lots in range(contract.lots + 1))
    variants = asked.evidence.variants
    assert signed(planned(variants.case_at((1 - BEYOND) * interval.low), settings), contract.name) > 0
    assert signed(planned(variants.case_at((1 + BEYOND) * interval.high), settings), contract.name) < contract.lots
