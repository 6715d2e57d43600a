"""What clauses and losses cost, by certified intervals, on the case that a person can solve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from optimizer.domain.case import Case
from optimizer.domain.contract import FeeStep
from optimizer.planning.audit.audit import Audit, audit
from optimizer.planning.audit.losses import ended, leaves_on, without_supplier
from optimizer.planning.audit.prices import CLAUSE, EXIT, LOSS, Price, Question, answers, questions
from optimizer.planning.changes import with_terms
from optimizer.planning.plan import make_plan
from optimizer.solve.executor import Executor, Tally
from optimizer.solve.search import SolveSettings
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.tolerances import CENT_USD

SETTINGS = SolveSettings(relative_gap=1e-9, time_limit_s=None)
GENEROUS_S = 3600.0  # nothing ends on it, however slow the machine
HELD_AT_THREE_USD = 75_663.40 + 12 * 1_464.0  # data/tiny/README.md, with a dollar more an hour
TAKEN_FREELY_USD = HELD_AT_THREE_USD - 720 * 0.40 - 744 * 1.90


def seen(case: Case) -> Audit:
    return audit(case, make_plan(case, annual_discount_rate=0.0, settings=SETTINGS, progress=lambda step: None))


def asked_of(found: Audit) -> list[Question]:
    return questions(found.case, found.terms, found.curves, annual_rate=0.0)


def priced(found: Audit, asked: list[Question], report: Callable[[Tally], None] | None = None, seconds: float = GENEROUS_S) -> list[Price]:
    executor = Executor(workers=2)
    return answers(found.base, asked, settings=SETTINGS, seconds=seconds, executor=executor, report=report)


@pytest.fixture(scope="module")
def dear() -> Audit:
    """`held` at 3 USD: more than research is worth, but it is paid anyway."""
    return seen(with_terms(read_case(case_folder("tiny")), "held", price=3.0))


def test_a_clause_is_worth_what_the_plan_saves_without_it(dear: Audit) -> None:
    """Without take-or-pay `chat` goes to pool_b at once and `code` stays in pool_a; all in USD an hour.

    June: chat 10 x 3, code 6 x 3, study missed 11.20: 59.20, where it was 12 x 3 + 23.60 = 59.60. July: code 6 x 3 in pool_a, chat on the
    quote (20) and 0.75 x 12 + 0.25 x 30 on demand, study missed 11.20: 65.70, where it was 36 + 31.60 = 67.60. Each plan moves one load.
    """
    told: list[Tally] = []
    found = {(price.what, price.subject): price for price in priced(dear, asked_of(dear), told.append)}
    assert set(found) == {(CLAUSE, "take_or_pay"), (CLAUSE, "termination")}
    assert dear.base.objective_usd == pytest.approx(HELD_AT_THREE_USD, abs=CENT_USD)
    price = found[CLAUSE, "take_or_pay"]
    assert price.low_usd is not None
    assert price.high_usd is not None
    assert price.low_usd - CENT_USD <= TAKEN_FREELY_USD - HELD_AT_THREE_USD <= price.high_usd + CENT_USD
    assert price.high_usd - price.low_usd < CENT_USD * 2
    assert told[-1].done == 2 + 2  # looks, then searches
    assert told[-1].failed == 0


@pytest.mark.slow
def test_prices_narrow_what_is_known_before_anything_is_searched(dear: Audit) -> None:
    """The plan's prices, found for it beside the search, are made to fit each changed case."""
    settings = replace(SETTINGS, explain=True)
    base = make_plan(dear.case, annual_discount_rate=0.0, settings=settings, progress=lambda step: None)
    told: list[Tally] = []
    found = audit(dear.case, base)
    exact = {(price.what, price.subject): price for price in priced(dear, asked_of(dear))}
    for price in priced(found, asked_of(found), told.append):
        other = exact[price.what, price.subject]
        assert None not in (price.low_usd, price.high_usd, other.low_usd, other.high_usd)
        assert price.low_usd <= other.high_usd + CENT_USD
        assert price.high_usd >= other.low_usd - CENT_USD
    assert told[-1].done == 2 + 2 + 2  # looks, bounds, searches


def test_an_exit_costs_its_fee_and_what_replaces_it(dear: Audit) -> None:
    """The best plan leaves `held` at once: June costs 59.20 USD an hour as above. Kept through June it is 12 x 3 + 23.60 = 59.60.

    From July on nothing differs, and either way `chat` moves once.
    """
    found = seen(with_terms(dear.case, "held", notice_days=0.0))
    (question,) = (question for question in asked_of(found) if question.what == EXIT)
    assert (question.contract, question.subject, question.added_usd) == ("held", "2026-07-01", 0.0)
    (price,) = priced(found, [question])
    assert price.low_usd is not None
    assert price.high_usd is not None
    assert price.low_usd - CENT_USD <= 720 * 0.40 <= price.high_usd + CENT_USD
    assert price.high_usd - price.low_usd < CENT_USD * 2


def test_an_exit_for_each_step_of_the_fee(dear: Audit) -> None:
    steps = (FeeStep(start=date(2026, 6, 1), fee=500.0), FeeStep(start=date(2026, 7, 15), fee=200.0))
    case = with_terms(dear.case, "held", notice_days=0.0, fee_steps=steps)
    found = audit(case, dear.base)
    exits = [question for question in asked_of(found) if question.what == EXIT]
    assert [(question.subject, question.added_usd) for question in exits] == [("2026-07-01", 500.0), ("2026-07-15", 200.0)]
    assert [question.stake_usd > 0.0 for question in exits] == [True, False]


def test_what_is_not_planned_in_time_is_told(dear: Audit) -> None:
    found = priced(dear, asked_of(dear), seconds=0.0)
    assert [price.low_usd for price in found] == [None, None]
    assert all("cancelled" in price.status for price in found)


def test_a_supplier_that_leaves() -> None:
    case = read_case(case_folder("tiny"))
    gone = leaves_on(case, "cloud_a")
    assert gone > case.calendar.end  # 90 days, where its contract says nothing
    case = with_terms(case, "held", supplier_notice_days=30.0)
    day = leaves_on(case, "cloud_a")
    without = without_supplier(case, "cloud_a")
    (held,) = (contract for contract in without.contracts if contract.name == "held")
    assert held.end == day
    assert {offer.pool: offer.end for offer in without.offers}["pool_a"] == day
    assert {offer.pool: offer.end for offer in without.offers}["pool_b"] is None
    assert ended(held, case.calendar.end) is held
    quotes = [contract.name for contract in without_supplier(case, "cloud_b").contracts]
    assert quotes == ["held"]


def test_a_supplier_without_a_contract_in_force_may_leave_too(dear: Audit) -> None:
    case = replace(dear.case, as_of=date(2026, 3, 15))  # 90 days before 13 June
    for suppliers, leaving in ([], ["cloud_a"]), (["cloud_b"], ["cloud_a", "cloud_b"]):
        asked = questions(case, dear.terms, dear.curves, annual_rate=0.0, suppliers=suppliers)
        assert [question.subject for question in asked if question.what == LOSS] == leaving
