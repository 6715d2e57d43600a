"""The audit of a small case by hand: use, market, concentration, losses, decisions, gaps. `two_suppliers` says what is planned there."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from optimizer.domain.contract import UNKNOWN, Balance, BalanceKind, Contract, CreditStep, Exclusion, ExclusionKind
from optimizer.domain.plan import PlanStatus
from optimizer.domain.supply import PricePoint, RegisteredClause
from optimizer.planning.assemble import build_problem
from optimizer.planning.audit.audit import Audit, audit, plannable
from optimizer.planning.audit.clauses import CLAUSES, State
from optimizer.planning.audit.market import market_comparison, market_range, replacement_usd
from optimizer.planning.audit.prices import CLAUSE, LOSS, SITE, Price, questions
from optimizer.planning.audit.tables import COLUMNS, alerts, tables, totals
from optimizer.planning.audit.use import percentile
from optimizer.planning.plan import PlanResult
from tests.planning.cases import Setup, contract, two_suppliers
from tests.tolerances import CENT_USD, SHARE_OF_TOTAL

POINTS = (
    PricePoint(observed_on=date(2027, 12, 1), supplier="north", accelerator="h100", region=None, term_months=0, kind="list", price=4.5),
    PricePoint(observed_on=date(2027, 6, 1), supplier="elsewhere", accelerator="h100", region=None, term_months=0, kind="index", price=2.5),
    PricePoint(observed_on=date(2027, 6, 1), supplier="elsewhere", accelerator="b200", region=None, term_months=0, kind="index", price=5.0),
    PricePoint(observed_on=date(2028, 2, 1), supplier="north", accelerator="h100", region=None, term_months=0, kind="list", price=9.0),
)  # the last is not known yet on the case's day


def result_of(setup: Setup) -> PlanResult:
    verification = setup.verify()
    problem = build_problem(setup.case, setup.needs, annual_discount_rate=0.0)
    return PlanResult(
        case=setup.case,
        problem=problem,
        needs=setup.needs,
        plan=setup.plan,
        capacity_price=np.zeros((len(problem.pools), *problem.shape)),
        priced=None,
        verification=verification,
        verify_error_usd=0.0,
        status=PlanStatus.LIMIT,
        objective_usd=verification.objective_usd,
        bound_usd=0.0,
        baselines=(),
        phases={},
        solver="none",
        device="none",
        calibration="none",
        alerts=(),
    )


def audited(setup: Setup) -> Audit:
    return audit(setup.case, result_of(setup))


@pytest.fixture(scope="module")
def found() -> Audit:
    return audited(two_suppliers().with_case(price_points=POINTS))


def row(rows: Any, **keys: Any) -> dict[str, Any]:
    (only,) = (dict(one) for one in rows if all(one[name] == value for name, value in keys.items()))
    return only


def written(found: Audit, answers: tuple[Price, ...] = ()) -> dict[str, Any]:
    return tables(found, answers, within_days=180)


def test_tables_have_the_columns_of_the_interface(found: Audit) -> None:
    made = written(found)
    assert list(made) == list(COLUMNS)
    for name, rows in made.items():
        for one in rows:
            assert tuple(one) == COLUMNS[name] or set(one) == set(COLUMNS[name]), name
    assert COLUMNS["contracts"] == (
        *("contract", "total_contract_value_usd", "non_cancellable_usd", "earliest_exit"),
        *("shortfall_mean_usd", "shortfall_p90_usd", "effective_usd_per_accelerator_hour"),
    )
    assert COLUMNS["exit_curve"] == (
        *("contract", "date", "notice_by", "contractual_cost_usd", "replacement_cost_low_usd", "replacement_cost_high_usd"),
    )
    assert COLUMNS["clauses"] == ("contract", "clause", "state", "price_low_usd", "price_high_usd")


def test_a_contract_in_one_line(found: Audit) -> None:
    """20 accelerators at 2 USD for 366 days. It may be left after 30 days at 4,000 a lot: 30 x 24 x 40 + 8,000.

    Of 20 x 2,184 hours in the three months 29,040 are drawn when calm (15 in January and February, 10 in March) and 30,480 when busy.
    """
    core = row(written(found)["contracts"], contract="core")
    assert core["total_contract_value_usd"] == pytest.approx(20 * 2.0 * 24 * 366, abs=CENT_USD)
    assert core["non_cancellable_usd"] == pytest.approx(36_800.0, abs=CENT_USD)
    assert core["earliest_exit"] == date(2028, 1, 31)
    assert core["shortfall_mean_usd"] == pytest.approx(0.75 * 29_280.0 + 0.25 * 26_400.0, abs=CENT_USD)
    assert core["shortfall_p90_usd"] == pytest.approx(29_280.0, abs=CENT_USD)
    assert core["effective_usd_per_accelerator_hour"] == pytest.approx(87_360.0 / 29_400.0, rel=SHARE_OF_TOTAL)
    quote = row(written(found)["contracts"], contract="quote")
    assert quote["effective_usd_per_accelerator_hour"] is None


def test_by_period_and_beyond_the_calendar(found: Audit) -> None:
    """Kept for 30 days and left for a fee: all in January. The value goes on to the end of the year."""
    rows = [one for one in written(found)["contract_periods"] if one["contract"] == "core"]
    assert [one["period"] for one in rows] == ["2028-01", "2028-02", "2028-03", "from 2028-04-01"]
    assert [one["non_cancellable_usd"] for one in rows] == pytest.approx([36_800.0, 0.0, 0.0, 0.0], abs=CENT_USD)
    assert [one["contract_value_usd"] for one in rows] == pytest.approx([960.0 * days for days in (31, 29, 31, 275)], abs=CENT_USD)
    together = [one for one in written(found)["contract_periods"] if one["contract"] == "all in force"]
    assert [{**one, "contract": "core"} for one in together] == [dict(one) for one in rows]
    beyond = row(written(found)["obligations"], contract="core")
    assert (beyond["beyond"], beyond["until"]) == (date(2028, 4, 1), date(2029, 1, 1))
    assert beyond["least_usd"] == pytest.approx(960.0 * 275, abs=CENT_USD)


def test_the_market(found: Audit) -> None:
    rows = [one for one in written(found)["market_comparison"] if one["contract"] == "core"]
    assert [one["market_usd"] for one in rows] == [4.5, 2.5]
    assert [one["age_days"] for one in rows] == [31, 214]
    assert {one["list_usd"] for one in rows} == {4.5}
    assert {one["contracted_usd"] for one in rows} == {2.0}
    assert [one["contracted_over_market"] for one in rows] == pytest.approx([2.0 / 4.5 - 1.0, 2.0 / 2.5 - 1.0], rel=SHARE_OF_TOTAL)
    day = found.case.calendar.start
    assert market_range(found.case, "h100", day) == (2.5, 4.5)
    assert market_range(found.case, "l4", day) is None


def test_an_offer_counts_on_days_on_which_it_is_valid(found: Audit) -> None:
    case, march = found.case, date(2028, 3, 1)
    offers = tuple(replace(offer, price=1.25, start=march, end=date(2028, 5, 1)) for offer in case.offers)
    later = replace(case, offers=offers, price_points=())
    assert market_range(later, "h100", case.calendar.start) is None
    assert market_range(later, "h100", march) == (1.25, 1.25)
    assert market_range(later, "h100", date(2028, 5, 1)) is None
    quoted = tuple(replace(point, kind="quote") for point in case.price_points)
    for offered, listed in ((case.offers, {4.0}), (offers, {None})):
        rows = market_comparison(replace(case, offers=offered, price_points=quoted), found.terms, found.used)
        assert {one["list_usd"] for one in rows if one["contract"] == "core"} == listed


def test_replacing_capacity_is_between_what_is_drawn_and_all_of_it(found: Audit) -> None:
    """From March on 10 of 20 accelerators are drawn: 7,344 hours to the end of the year, at 2.50 and at 4.50."""
    march = row(written(found)["exit_curve"], contract="core", date=date(2028, 3, 1))
    assert march["notice_by"] == date(2028, 1, 31)
    assert march["contractual_cost_usd"] == pytest.approx(960.0 * 60 + 2_000.0, abs=CENT_USD)
    assert march["replacement_cost_low_usd"] == pytest.approx(10 * 7_344 * 2.5, abs=CENT_USD)
    assert march["replacement_cost_high_usd"] == pytest.approx(20 * 7_344 * 4.5, abs=CENT_USD)
    term = found.terms["core"]
    unknown = replace(found.case, offers=(), price_points=())
    assert replacement_usd(unknown, term, found.used["core"], term.now) is None


def test_concentration(found: Audit) -> None:
    """20 accelerators held in the north, 5 drawn on the market in the south; only the north's contract binds."""
    rows = written(found)["concentration"]
    capacity = [one for one in rows if one["measure"] == "capacity"]
    assert [(one["supplier"], one["amount"]) for one in capacity] == [("north", 43_680.0), ("south", 10_920.0)]
    assert [one["share"] for one in capacity] == pytest.approx([0.8, 0.2], rel=SHARE_OF_TOTAL)
    assert [one["herfindahl"] for one in capacity] == pytest.approx([0.68, 0.68], rel=SHARE_OF_TOTAL)
    commitment = row(rows, measure="commitment")
    assert (commitment["supplier"], commitment["share"], commitment["herfindahl"]) == ("north", 1.0, 1.0)


def test_losses(found: Audit) -> None:
    """In the daytime of January 10 or, when busy, 12 accelerators work in oslo, and a gang of 4 in bergen.

    Only the on-demand offer of five in the south has nothing to do with either.
    """
    rows = written(found)["losses"]
    oslo = row(rows, event="site is lost", name="oslo")
    assert (oslo["accelerators_in_use"], oslo["loads_touched"], oslo["spare_accelerators"]) == (10.5, 2, 5.0)
    north = row(rows, event="supplier leaves", name="north")
    assert north["effective"] == date(2028, 3, 31)  # after 90 days: its contract gives it no right to leave
    assert (north["accelerators_in_use"], north["spare_accelerators"]) == (10.375, 5.0)  # March: 10, or 11.5 when busy
    assert north["low_usd"] is None
    sooner = audited(two_suppliers().with_noun("contracts", "core", supplier_notice_days=30.0))
    north = row(written(sooner)["losses"], event="supplier leaves", name="north")
    assert (north["effective"], north["accelerators_in_use"]) == (date(2028, 1, 31), 14.5)
    south = row(rows, event="supplier leaves", name="south")
    assert south["effective"] == date(2028, 3, 31)


def test_decisions(found: Audit) -> None:
    """A day later January's last day is paid too. Quotes that had to be signed before the case's day are no decisions any more."""
    (notice,) = written(found)["decisions"]
    assert (notice["act_by"], notice["days_left"], notice["contract"], notice["decision"]) == (date(2028, 1, 1), 0, "core", "give notice")
    assert (notice["effective"], notice["recommended"]) == (date(2028, 1, 31), "keep 2")
    assert notice["doing_nothing"] == "the next exit is 2028-02-01"
    assert notice["doing_nothing_usd"] == pytest.approx(960.0, abs=CENT_USD)
    year = tables(found, (), within_days=366)["decisions"]
    assert row(year, decision="renew or replace")["act_by"] == date(2029, 1, 1)
    open_quote = audited(two_suppliers().with_noun("contracts", "quote", sign_by=date(2028, 2, 1)))
    sign = row(written(open_quote)["decisions"], decision="sign")
    assert (sign["contract"], sign["act_by"], sign["recommended"]) == ("quote", date(2028, 2, 1), "decline")


def test_unit_costs_and_costs_add_up_to_the_plan(found: Audit) -> None:
    made, total = written(found), found.base.objective_usd
    assert sum(one["total_usd"] for one in made["unit_costs"]) == pytest.approx(total, abs=CENT_USD)
    assert sum(one["discounted_usd"] for one in made["costs"]) == pytest.approx(total, abs=CENT_USD)


def test_a_contract_whose_price_nobody_has_read_is_a_gap_and_out_of_the_plan() -> None:
    setup = two_suppliers()
    case = setup.with_noun("contracts", "rival", price=UNKNOWN, lots=3, minimum_spend=1_000.0).case
    planned, out = plannable(case)
    assert out == ("rival",)
    assert [one.name for one in planned.contracts if one.status.value == "Proposed"] == ["quote"]
    plan = replace(setup.plan, contracts=setup.plan.contracts[:2], covers=setup.plan.covers[:3], contract_draw=setup.plan.contract_draw[:3])
    decisions = replace(plan.decisions, lots=plan.decisions.lots[:2], exits=plan.decisions.exits[:2])
    seen = audit(case, result_of(replace(setup, case=planned, plan=replace(plan, decisions=decisions))), out)
    made = written(seen)
    assert row(made["contracts"], contract="rival")["total_contract_value_usd"] is None
    assert row(made["clauses"], contract="rival", clause="unit_price")["state"] == "unknown"
    gap = row(made["gaps"], contract="rival")
    assert (gap["clause"], gap["ask"]) == ("unit_price", "Read unit_price in rival agreement, or ask south.")
    assert (gap["non_cancellable_low_usd"], gap["non_cancellable_high_usd"]) == (9_000.0, None)  # the minimum of three months
    assert any("rival" in text for text in alerts(seen, ()))


def test_gaps_have_ranges() -> None:
    """With an unread share of take-or-pay nothing or everything is committed; with an unread minimum there is no limit.

    With unread termination it may be left on its second day, or never.
    """
    setup = two_suppliers()
    share = written(audited(setup.with_noun("contracts", "core", take_or_pay_share=UNKNOWN, notice_days=None)))
    gap = row(share["gaps"], contract="core")
    assert (gap["clause"], gap["non_cancellable_low_usd"]) == ("take_or_pay", 0.0)
    assert gap["non_cancellable_high_usd"] == pytest.approx(960.0 * 366, abs=CENT_USD)
    minimum = row(written(audited(setup.with_noun("contracts", "core", minimum_spend=UNKNOWN)))["gaps"], contract="core")
    assert (minimum["clause"], minimum["non_cancellable_high_usd"]) == ("minimum_spend", None)
    index = row(written(audited(setup.with_noun("contracts", "core", unread=("price_index",))))["gaps"], contract="core")
    assert (index["clause"], index["non_cancellable_low_usd"], index["non_cancellable_high_usd"]) == ("price_index", 0.0, None)
    unread = written(audited(setup.with_noun("contracts", "core", notice_days=UNKNOWN, fee_steps=UNKNOWN)))
    gap = row(unread["gaps"], contract="core")
    assert gap["clause"] == "termination"
    assert [gap["non_cancellable_low_usd"], gap["non_cancellable_high_usd"]] == pytest.approx([960.0, 960.0 * 366], abs=CENT_USD)
    assert row(unread["contracts"], contract="core")["non_cancellable_usd"] is None
    february = row(unread["exit_ranges"], date=date(2028, 2, 1))
    assert (february["contractual_cost_low_usd"], february["contractual_cost_high_usd"]) == (
        pytest.approx(960.0 * 31, abs=CENT_USD),
        pytest.approx(960.0 * 366, abs=CENT_USD),
    )
    assert row(unread["exit_curve"], contract="core", date=date(2028, 2, 1))["contractual_cost_usd"] is None


def test_prices_stand_in_their_tables(found: Audit) -> None:
    about: dict[str, Any] = {"found_usd": 0.0, "status": "optimal", "seconds": 1.0}
    answers = (
        Price(what=CLAUSE, contract="core", subject="take_or_pay", low_usd=-900.0, high_usd=-300.0, **about),
        Price(what=CLAUSE, contract="core", subject="termination", low_usd=None, high_usd=None, **(about | {"status": "too slow"})),
        Price(what=LOSS, contract=None, subject="north", low_usd=-5.0, high_usd=70.0, **about),
        Price(what=SITE, contract=None, subject="oslo", low_usd=-6.0, high_usd=80.0, **about),
    )
    made = written(found, answers)
    priced = row(made["clauses"], contract="core", clause="take_or_pay")
    assert (priced["state"], priced["price_low_usd"], priced["price_high_usd"]) == ("priced", 300.0, 900.0)
    assert row(made["clauses"], contract="core", clause="termination")["price_low_usd"] is None
    assert row(made["losses"], event="supplier leaves", name="north")["high_usd"] == 70.0
    assert row(made["losses"], event="site is lost", name="oslo")["high_usd"] == 80.0
    assert alerts(found, answers) == ("1 of 4 prices were not found; first: too slow",)


def test_totals(found: Audit) -> None:
    kinds = {"contracts": {"core": "assumed"}, "offers": {"spot-lima": "list", "od-oslo": "list", "od-lima": "list"}}
    told = totals(found, written(found), kinds)
    spot = 5.0 * (0.75 * 2_184 + 0.25 * (744 + 2 * 696 + 744))  # dearer in February when busy
    assert told["assumed_share"] == pytest.approx(87_360.0 / (87_360.0 + spot), rel=SHARE_OF_TOTAL)
    assert told["non_cancellable_low_usd"] == told["non_cancellable_high_usd"] == pytest.approx(36_800.0, abs=CENT_USD)
    assert told["clauses"]["unknown"] == told["gaps"] == 0
    assert sum(told["clauses"].values()) == 3 * len(CLAUSES)


def test_questions_are_of_clauses_that_bind_and_of_losses(found: Audit) -> None:
    asked = questions(found.case, found.terms, found.curves, annual_rate=0.0, sites=["lima"])
    assert {(question.what, question.contract, question.subject) for question in asked} == {
        ("clause", "core", "take_or_pay"),
        ("clause", "core", "termination"),
        ("exit", "core", "2028-01-31"),
        ("exit", "core", "2028-03-01"),  # from when the fee is another
        ("loss of supplier", None, "north"),
        ("loss of site", None, "lima"),
    }
    assert [question.what for question in asked if not question.searched] == ["loss of site"]
    first, second = (question for question in asked if question.what == "exit")
    assert [first.added_usd, second.added_usd] == pytest.approx([8_000.0, 2_000.0], abs=CENT_USD)
    ends = [one.end for leaving in (first, second) for one in leaving.case.contracts if one.name == "core"]
    assert ends == [date(2028, 1, 31), date(2028, 3, 1)]


def test_the_registry_knows_every_clause_of_a_contract() -> None:
    """A field of `Contract` that a clause fills is none, unknown or given; identity, dates and bookkeeping are not clauses."""
    identity = {
        "name",
        "agreement",
        "supplier",
        "status",
        "start",
        "end",
        "sign_by",
        "lots",
        "currency",
        "terminal_use",
        "time_zone",
        "renews",
        "copy_of",
        "only_in",
    }
    state_of_things = {"prepaid_balance", "spent_so_far", "deliveries", "unread"}
    names = {
        **dict.fromkeys(("earliest_exit", "notice_days", "fee_steps"), "termination"),
        **dict.fromkeys(("index_base", "index_floor", "index_cap"), "price_index"),
        **dict.fromkeys(("interval", "anniversary", "proration"), "fulfilment_interval"),
        "price": "unit_price",
        "accelerators": "capacity",
        "take_or_pay_share": "take_or_pay",
        "annual_escalator": "escalator",
        "upfront_share": "prepayment",
        "clawback_share": "clawback",
        "minimum_at_list": "minimum_spend",
        "supplier_notice_days": "supplier_notice",
        "credit_cap": "credits",
        "burst_share": "burst",
        "burst_price": "burst",
        "true_up_price": "true_up",
        "comparables": "most_favoured_price",
    }
    for field in fields(Contract):
        if field.name not in identity | state_of_things:
            assert names.get(field.name, field.name) in {clause.name for clause in CLAUSES}, field.name
    barred = (Exclusion(kind=ExclusionKind.WORK, other="x"),)
    full = contract("full", ramp=("step",), tiers=("tier",), option_group="group", exclusions=barred)
    states = {clause.name: clause.state(full) for clause in CLAUSES}
    assert states["exclusions"] is states["ramp"] is State.PRICED
    assert states["minimum_spend"] is states["termination"] is State.NONE
    unread = replace(full, notice_days=30.0, fee_steps=UNKNOWN, pools=())
    assert {clause.name for clause in CLAUSES if clause.state(unread) is State.UNKNOWN} == {"termination", "pools"}
    rows = replace(full, ramp=(), tiers=(), exclusions=(), unread=("ramp", "tiers", "price_index", "exclusions"))
    assert {clause.name for clause in CLAUSES if clause.state(rows) is State.UNKNOWN} == set(rows.unread)
    assert set(rows.unread) <= set(rows.unknown_clauses)
    collar = replace(
        full, price_index="energy", index_cap=UNKNOWN, credits=(CreditStep(availability_below=0.99, share=0.1),), credit_cap=UNKNOWN
    )
    assert {clause.name for clause in CLAUSES if clause.state(collar) is State.UNKNOWN} == {"price_index", "credits"}


def test_balances_at_hand() -> None:
    """Of 4,000 USD of make-up the plan uses nothing: it draws nothing beyond the commitment. The 20,000 paid in advance are drawn down."""
    balance = Balance(kind=BalanceKind.MAKE_UP, opening=4_000.0, cap=3_000.0, expires_after=2)
    terms = {"start": date(2027, 12, 1), "prepaid_balance": 20_000.0, "balance": balance, "spent_so_far": 700.0, "minimum_spend": 1.0}
    found = written(audited(two_suppliers().with_noun("contracts", "core", upfront_share=0.1, **terms)))["balances"]
    prepaid = row(found, kind="prepaid")
    assert [prepaid[name] for name in ("at_start_usd", "used_usd", "at_horizon_usd")] == pytest.approx(
        [20_000.0, 20_000.0, 0.0], abs=CENT_USD
    )
    brought = row(found, kind="make_up")
    assert (brought["at_start_usd"], brought["used_usd"], brought["expires_after_intervals"]) == (3_000.0, 0.0, 2)
    assert row(found, kind="spent towards the minimum")["at_start_usd"] == 700.0


def test_clauses_without_arithmetic_are_for_legal_review() -> None:
    registered = RegisteredClause(
        contract="core",
        section="14.2",
        category="assignment",
        text="not without consent",
        blocks_multi_supplier=True,
        owner="legal",
        reviewed_on=None,
    )
    made = written(audited(two_suppliers().with_case(clause_register=(registered, replace(registered, contract="somebody else's")))))
    (review,) = made["legal_review"]
    assert (review["contract"], review["section"], review["blocks_multi_supplier"]) == ("core", "14.2", True)
    assert row(made["clauses"], contract="core", clause="assignment, 14.2")["state"] == "legal review"


def test_percentile() -> None:
    values, probability = np.array([3.0, 1.0, 2.0]), np.array([0.1, 0.6, 0.3])
    assert percentile(values, probability, 0.9) == 2.0
    assert percentile(values, probability, 0.91) == 3.0
    assert percentile(values, probability, 0.6) == 1.0
