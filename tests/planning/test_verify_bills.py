"""The whole bill of a small plan by hand, and what must hold of every bill."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.domain.contract import UNKNOWN, Balance, BalanceKind, Contract, FeeStep, Interval, RampStep, Tier, Unit
from optimizer.domain.supply import OtherSpend
from optimizer.domain.workload import ServingTechniques
from optimizer.errors import SolverFailure
from optimizer.planning.unit_costs import CACHED_TOKEN_WEIGHT, OUTPUT_TOKEN_WEIGHT, unit_costs
from optimizer.planning.verify import agrees, cost_rows
from tests.planning.cases import DRAFT, LIMA, OSLO, Setup, changed, contract, contract_only, two_suppliers
from tests.tolerances import CENT_USD, SHARE_OF_TOTAL


def by_line(setup: Setup, column: str = "discounted_usd", rate: float = 0.0) -> dict[str, float]:
    amounts: dict[str, list[float]] = defaultdict(list)
    for entry in setup.verify(rate).ledger:
        amounts[entry.line].append(getattr(entry, column))
    return {line: math.fsum(values) for line, values in amounts.items()}


def test_the_whole_bill_by_hand() -> None:
    """2,184 hours: 744 in January, 696 in February, 744 in March.

    core: 20 accelerators x 2 USD x 2,184 h = 87,360; leaving on 1 April would cost 2 x 1,000.
    spot: 5 at 1 USD, in February dearer by half of a half (0.75 + 0.25 x 2 = 1.25): 3,720 + 4,350 + 3,720.
    egress: 100 GB a month at 0.05, 0.10, 0.05 USD. draft leaves oslo (50 GB x 0.05) for lima (20).
    lab: half an accelerator is missed in March, busy: 0.25 x 0.5 x 744 h x 1 USD. One accelerator of oslo is missing in the days of
    that March: 0.25 x 372 h x 50 USD. pre-1 gets 1,000 GB at 0.10 from lima and ends 40 days after its window opens.
    """
    assert by_line(two_suppliers()) == pytest.approx(
        {
            "commitment": 87360.0,
            "terminal": 2000.0,
            "market": 11790.0,
            "egress": 15.0 + 30.0 + 15.0,
            "moving": 22.5,
            "missed work": 93.0,
            "shortage": 4650.0,
            "training data": 100.0,
            "delay": 400.0,
            "other spend": 500.0,
        },
        abs=CENT_USD,
    )
    verification = two_suppliers().verify()
    assert verification.broken == ()
    assert verification.objective_usd == pytest.approx(106975.5, abs=CENT_USD)


def test_costs_in_each_scenario() -> None:
    """Certain: 87,360 + 2,000 + 60 + 22.5 + 100 + 400 + 500 = 90,442.5. Spot 10,920 when calm, 14,400 when busy."""
    costs = two_suppliers().verify().scenario_cost_usd
    assert costs.tolist() == pytest.approx([90442.5 + 10920, 90442.5 + 14400 + 372 + 18600], abs=CENT_USD)


def test_unserved_share_and_penalties() -> None:
    """Needed: chat 8 x 1,092 + (8 or 10) x 1,092 = 18,018; draft 8,736; lab 4,368; pre-1 4 x 1,440 = 5,760 hours: 36,882.

    Missing: 0.25 x 372 h of chat and as much of lab.
    """
    verification = two_suppliers().verify()
    assert verification.unserved_share == pytest.approx(186 / 36882, rel=SHARE_OF_TOTAL)
    assert verification.shortage_usd == pytest.approx(93 + 4650, abs=CENT_USD)


def test_sunk_payments_and_obligations() -> None:
    """Leaving on 1 February: 2 x (10 x 2 x 744 + 4,000) and 500 of other spend. Held on: 20 x 2 USD x 275 days."""
    verification = two_suppliers().verify()
    assert verification.sunk_usd == pytest.approx(2 * 18880 + 500, abs=CENT_USD)
    obligation = verification.obligations[0]
    assert (obligation.contract, obligation.supplier, obligation.lots, obligation.until) == ("core", "north", 2, "2029-01-01")
    assert obligation.cash_usd == pytest.approx(40 * 24 * 275, abs=CENT_USD)


def test_nothing_placed() -> None:
    """chat 18,018 h x 50; draft in oslo, where it needs 3: 6,552 h x 20; lab 4,368 h x 1; pre-1: 4 x 600 h x 30."""
    setup = two_suppliers()
    idle = setup.with_decisions(placed=np.full((3, 3), -1), option=np.array([-1])).with_plan(
        offer_draw=0 * setup.plan.offer_draw, served=0 * setup.plan.served, shortage=0 * setup.plan.shortage
    )
    lines = by_line(idle)
    assert lines["not placed"] == pytest.approx(18018 * 50 + 6552 * 20 + 4368, abs=CENT_USD)
    assert lines["run not run"] == pytest.approx(2400 * 30, abs=CENT_USD)
    assert lines["moving"] == pytest.approx(2.5, abs=CENT_USD)  # draft leaves oslo all the same
    assert idle.verify().unserved_share == 1.0
    assert idle.verify().broken == ()


def test_penalty_of_a_run_is_discounted_at_its_first_chance() -> None:
    """January's middle is 15.5 days after the as-of date."""
    idle = two_suppliers().with_decisions(option=np.array([-1]))
    assert by_line(idle, rate=0.1)["run not run"] == pytest.approx(72000 * 1.1 ** (-15.5 / 365.25), abs=CENT_USD)
    assert by_line(two_suppliers(), rate=0.1)["delay"] == pytest.approx(400 * 1.1 ** (-45.5 / 365.25), abs=CENT_USD)


def test_moves_between_pools_and_back_from_nowhere() -> None:
    """draft: from oslo to lima (22.5), nowhere in February (leaves lima: 50 GB x 0.10), lima again in March (20)."""
    setup = two_suppliers()
    wandering = setup.with_decisions(placed=changed(setup.plan.decisions.placed, (DRAFT, 1), -1))
    assert by_line(wandering)["moving"] == pytest.approx(22.5 + 5.0 + 20.0, abs=CENT_USD)


def test_moves_after_nothing_was_in_force() -> None:
    setup = two_suppliers().with_case(placements=())
    assert "moving" not in by_line(setup)
    later = setup.with_decisions(placed=changed(setup.plan.decisions.placed, DRAFT, [-1, LIMA, OSLO]))
    assert by_line(later)["moving"] == pytest.approx(20.0 + 5.0 + 20.0, abs=CENT_USD)


def test_data_of_a_run_that_is_in_force_is_there_already() -> None:
    setup = two_suppliers()
    running = (*setup.case.placements, replace(setup.case.placements[0], load="pre-1", pool="bergen-h100"))
    assert "training data" not in by_line(setup.with_case(placements=running))


def test_ledger_adds_up() -> None:
    for rate in (0.0, 0.08):
        verification = two_suppliers().verify(rate)
        total = math.fsum(entry.discounted_usd for entry in verification.ledger)
        assert total == pytest.approx(verification.objective_usd, rel=SHARE_OF_TOTAL)
        expected = float(verification.scenario_cost_usd @ np.array([0.75, 0.25]))
        assert expected == pytest.approx(verification.objective_usd, rel=SHARE_OF_TOTAL)
        assert verification.absolute_usd == pytest.approx(verification.objective_usd, rel=SHARE_OF_TOTAL)


def test_cost_rows_name_every_payment() -> None:
    rows = cost_rows(two_suppliers().verify())
    assert rows[0] == {
        "period": "2028-01", "payee_kind": "contract", "payee": "core", "supplier": "north", "line": "commitment", "cash_usd": 29760.0,
        "accrued_usd": 29760.0, "discounted_usd": 29760.0, "currency": "USD", "cash_in_currency": 29760.0,
    }  # fmt: skip
    assert len({(row["period"], row["payee"], row["line"], row["supplier"]) for row in rows}) == len(rows)


@pytest.mark.parametrize("rate", [0.0, 0.08])
def test_unit_costs_reconcile(rate: float) -> None:
    setup = two_suppliers()
    verification = setup.verify(rate)
    rows = unit_costs(setup.case, setup.needs, setup.plan, verification)
    total = math.fsum(row["total_usd"] for row in rows)
    assert total == pytest.approx(verification.objective_usd, rel=SHARE_OF_TOTAL)
    assert [(row["model"], row["tokens"]) for row in rows] == [
        ("m-large", "input"), ("m-large", "output"), ("m-small", "input"), ("m-small", "output"),
        ("training", ""), ("research", ""), ("not allocated", ""),
    ]  # fmt: skip
    assert all(row["idle_commitment_usd"] >= 0.0 for row in rows)


def test_unit_costs_by_hand() -> None:
    """draft alone uses lima: 11,790 of spot, 30 of egress and 22.5 of moving, for 9 M input and 3 M output tokens.

    Weighted, 9 + 4 x 3 = 21 M tokens: 11,842.5 / 21 = 563.93 USD for a million input tokens, four times that for output.
    Training: 5 of bergen's accelerators at 2 USD x 1,440 h are direct. Of core, 87,360 + 2,000 are paid and
    5 x 1,440 + 18,018 + 4,368 - 2 x 93 (lab's and chat's missing hours) are drawn at 2 USD; the rest is idle.
    """
    setup = two_suppliers()
    rows = unit_costs(setup.case, setup.needs, setup.plan, setup.verify())
    found = {(row["model"], row["tokens"]): row for row in rows}
    assert found["m-small", "input"]["total_usd_per_million"] == pytest.approx(11842.5 / 21, rel=SHARE_OF_TOTAL)
    assert found["m-small", "output"]["total_usd_per_million"] == pytest.approx(OUTPUT_TOKEN_WEIGHT * 11842.5 / 21, rel=SHARE_OF_TOTAL)
    assert found["m-small", "input"]["direct_usd"] == pytest.approx(11790 * 9 / 21, abs=CENT_USD)
    assert found["m-small", "input"]["idle_commitment_usd"] == 0.0
    assert found["training", ""]["direct_usd"] == pytest.approx(14400.0, abs=CENT_USD)
    idle = math.fsum(row["idle_commitment_usd"] for row in rows)
    assert idle == pytest.approx(89360 - 2 * (7200 + 18018 + 4368 - 186), abs=CENT_USD)
    assert found["not allocated", ""]["total_usd"] == pytest.approx(500.0, abs=CENT_USD)
    assert found["training", ""]["total_usd_per_million"] is None


def test_cached_tokens_have_a_row_of_their_own() -> None:
    """A third of draft's 9 M input tokens are cached: weighted 6 + 0.1 x 3 + 4 x 3 = 18.3 M tokens."""
    setup = two_suppliers().with_noun("workloads", "draft", techniques=ServingTechniques(prefix_hit_share=1 / 3))
    rows = unit_costs(setup.case, setup.needs, setup.plan, setup.verify())
    draft = {row["tokens"]: row for row in rows if row["model"] == "m-small"}
    assert list(draft) == ["input", "cached", "output"]
    assert [row["million_tokens"] for row in draft.values()] == pytest.approx([6.0, 3.0, 3.0], rel=SHARE_OF_TOTAL)
    assert draft["input"]["total_usd_per_million"] == pytest.approx(11842.5 / 18.3, rel=SHARE_OF_TOTAL)
    assert draft["cached"]["total_usd_per_million"] == pytest.approx(CACHED_TOKEN_WEIGHT * 11842.5 / 18.3, rel=SHARE_OF_TOTAL)
    assert math.fsum(row["total_usd"] for row in draft.values()) == pytest.approx(11842.5, abs=CENT_USD)


def test_a_contract_that_nobody_uses_is_not_allocated() -> None:
    setup = contract_only(contract())
    rows = unit_costs(setup.case, setup.needs, setup.plan, setup.verify())
    assert [(row["model"], row["idle_commitment_usd"]) for row in rows] == [("not allocated", 10 * 2 * 2184.0)]


def test_agreement_is_a_cent_or_rounding() -> None:
    verification = two_suppliers().verify()
    assert agrees(verification.objective_usd + 0.009, verification)[0]
    same, error = agrees(verification.objective_usd - 0.011, verification)
    assert not same
    assert error == pytest.approx(0.011, rel=1e-4)
    large = replace(verification, objective_usd=5e10, absolute_usd=5e10)
    assert agrees(5e10 + 0.04, large)[0]
    assert not agrees(5e10 + 0.06, large)[0]
    assert not agrees(math.nan, verification)[0]


@pytest.mark.parametrize(
    ("changes", "alert"),
    [
        ({"notice_days": UNKNOWN}, "termination terms are unknown; the plan assumes that it cannot be left"),
        ({"notice_days": 0.0, "fee_steps": UNKNOWN}, "termination terms are unknown; the plan assumes that it cannot be left"),
        ({"unread": ("ramp",)}, "the ramp is unknown; the plan assumes that capacity and price stay as they are"),
        ({"unread": ("tiers",)}, "volume tiers are unknown; the plan assumes that there are none"),
        ({"unread": ("price_index",)}, "the price index is unknown; the plan assumes that prices follow none"),
        ({"unread": ("exclusions",)}, "exclusions are unknown; the plan assumes that there are none"),
        ({"take_or_pay_share": UNKNOWN}, "the take-or-pay share is unknown; the plan assumes that all of its capacity is paid"),
        ({"minimum_spend": UNKNOWN}, "the minimum spend is unknown; the plan assumes that there is none"),
        ({"fixed_monthly_fee": UNKNOWN}, "the fixed monthly fee is unknown; the plan assumes that there is none"),
        ({"share_of_wallet": UNKNOWN}, "the share of wallet is unknown; the plan assumes that there is none"),
    ],
)
def test_unknown_clauses_are_named(changes: dict[str, object], alert: str) -> None:
    setup = contract_only(contract(**changes))
    assert setup.verify().leans_on == (f"contract core: {alert}",)
    assert setup.verify().objective_usd == pytest.approx(10 * 2 * 2184, abs=CENT_USD)


def test_unknown_clauses_of_quotes_matter_once_signed() -> None:
    setup = two_suppliers().with_noun("contracts", "quote", minimum_spend=UNKNOWN)
    assert setup.verify().leans_on == ()
    assert len(setup.with_decisions(lots=np.array([2, 1, 0])).verify().leans_on) == 1


def test_arrays_of_the_wrong_shape_cannot_be_verified() -> None:
    setup = two_suppliers()
    with pytest.raises(SolverFailure, match=r"served must have shape \(3, 3, 2, 2\); got \(3, 3, 2, 1\)"):
        setup.with_plan(served=setup.plan.served[..., :1]).verify()


def test_labels_say_what_each_index_means() -> None:
    """The same plan with its pools, contracts, offers and loads in another order costs the same."""
    setup = two_suppliers()
    plan, decisions = setup.plan, setup.plan.decisions
    pools, loads, contracts, offers = [2, 0, 1], [1, 2, 0], [2, 0, 1], [1, 2, 0]
    number = np.argsort(pools)
    shuffled = setup.with_plan(
        pools=tuple(plan.pools[p] for p in pools),
        loads=tuple(plan.loads[i] for i in loads),
        contracts=tuple(plan.contracts[k] for k in contracts),
        offers=tuple(plan.offers[o] for o in offers),
        covers=plan.covers[::-1],
        contract_draw=plan.contract_draw[::-1],
        offer_draw=plan.offer_draw[offers],
        served=plan.served[loads],
        shortage=plan.shortage[pools],
        decisions=replace(
            decisions, placed=number[decisions.placed[loads]], lots=decisions.lots[contracts], exits=decisions.exits[contracts]
        ),
    )
    assert shuffled.verify().broken == ()
    assert shuffled.verify().ledger == setup.verify().ledger


dates = st.dates(min_value=date(2027, 6, 1), max_value=date(2028, 3, 31))
amounts = st.floats(min_value=0.0, max_value=1e6)


@st.composite
def balances(draw: st.DrawFn) -> Balance:
    return Balance(
        kind=draw(st.sampled_from(list(BalanceKind))),
        opening=draw(st.floats(0.0, 20_000.0)),
        cap=draw(st.none() | st.floats(0.0, 50_000.0)),
        expires_after=draw(st.none() | st.integers(1, 3)),
    )


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    kind = draw(st.sampled_from(["all_units", "incremental"]))
    starts = draw(st.lists(st.floats(0.0, 50_000.0), min_size=1, max_size=3, unique=True))
    return tuple(Tier(from_quantity=start, price=draw(st.floats(0.0, 5.0)), kind=kind) for start in starts)


@st.composite
def contracts(draw: st.DrawFn, name: str = "core") -> Contract:
    start = draw(dates)
    end = date.fromordinal(max(start.toordinal() + draw(st.integers(40, 900)), date(2028, 1, 2).toordinal()))
    steps = draw(st.lists(st.tuples(dates, st.floats(0.0, 100.0), st.floats(0.1, 10.0)), max_size=3))
    return contract(
        name,
        start=start,
        end=end,
        lots=draw(st.integers(1, 3)),
        unit=draw(st.sampled_from([unit for unit in Unit if unit.value != "unknown"])),
        interval=draw(st.sampled_from([interval for interval in Interval if interval not in (Interval.UNKNOWN, Interval.HOUR)])),
        take_or_pay_share=draw(st.floats(0.0, 1.0)),
        minimum_spend=draw(st.none() | amounts),
        fixed_monthly_fee=draw(st.none() | amounts),
        notice_days=draw(st.none() | st.integers(0, 120)),
        fee_steps=draw(st.none() | st.just((FeeStep(start=date(2027, 1, 1), fee=1000.0),))),
        terminal_use=draw(st.floats(0.0, 1.0)),
        ramp=tuple(RampStep(start=day, accelerators=held, price=price) for day, held, price in steps),
        balance=draw(st.none() | balances()),
        burst_share=draw(st.none() | st.floats(0.1, 1.0)),
        burst_price=draw(st.none() | st.floats(0.0, 5.0)),
        **draw(
            st.fixed_dictionaries({"tiers": tiers()}) | st.fixed_dictionaries({"true_up_price": st.none() | st.floats(0.0, 5.0)})
            | st.just({"comparables": ("a", "b")})
        ),
    )


def drawn(setup: Setup, shares: list[float]) -> Setup:
    """Each contract draws a share of what its lots hold on their emptiest day of a period, which capacity always allows."""
    draw = np.zeros_like(setup.plan.contract_draw)
    for k, row in enumerate(setup.case.contracts):
        least = min([row.accelerators, *(step.accelerators for step in row.ramp)])
        for t, period in enumerate(setup.case.calendar.periods):
            whole = row.start <= period.start and period.end <= row.end
            draw[k, t] = shares[k] * least * row.lots * (1.0 + (row.burst_share or 0.0)) if whole else 0.0
    return setup.with_plan(contract_draw=draw)


@settings(max_examples=60, deadline=None)
@given(st.tuples(contracts("a"), contracts("b"), contracts("c")), st.tuples(*[st.floats(0.0, 1.0)] * 3), st.permutations(range(3)))
def test_order_of_contracts_changes_nothing(rows: tuple[Contract, ...], shares: tuple[float, ...], order: list[int]) -> None:
    spend = (OtherSpend(supplier="north", period="2028-02", spend=5e4, contract="b", eligible_share=0.5),)
    one = drawn(contract_only(*rows, other_spend=spend), list(shares))
    other = drawn(contract_only(*(rows[k] for k in order), other_spend=spend), [shares[k] for k in order])
    a, b = one.verify(0.08), other.verify(0.08)
    assert a.broken == b.broken == ()
    assert (a.objective_usd, a.sunk_usd, a.shortage_usd) == (b.objective_usd, pytest.approx(b.sunk_usd, rel=SHARE_OF_TOTAL), b.shortage_usd)
    assert sorted(a.ledger, key=str) == sorted(b.ledger, key=str)


@settings(max_examples=60, deadline=None)
@given(contracts(), st.floats(0.0, 1.0))
def test_what_every_contract_bill_keeps(row: Contract, share: float) -> None:
    """Settlements accrue to what they are; nothing is sunk beyond the bill; drawing more never costs less.

    Two clauses may make it cost less: volume tiers, of all units or where the price steps within an interval, and money brought
    forward, which pays for use beyond the commitment that counts towards the minimum spend (docs/contracts/balances.md).
    """
    setup = contract_only(row)
    full, part = drawn(setup, [1.0]), drawn(setup, [share])
    for line in ("excess", "minimum shortfall"):
        cash, accrued = (by_line(part, column).get(line, 0.0) for column in ("cash_usd", "accrued_usd"))
        assert accrued == pytest.approx(cash, rel=SHARE_OF_TOTAL, abs=CENT_USD)
    low, high = part.verify().objective_usd, full.verify().objective_usd
    assert setup.verify().sunk_usd <= low + CENT_USD
    if not row.tiers or (row.tiers[0].kind == "incremental" and not row.ramp):
        before = [cost - by_line(drawn_as).get("balance", 0.0) for cost, drawn_as in ((low, part), (high, full))]
        assert before[0] <= before[1] + CENT_USD
    if not row.tiers and row.minimum_spend is None:
        assert low <= high + CENT_USD
    assert setup.verify().broken == ()


def test_money_brought_forward_pays_for_use_that_counts_towards_a_minimum() -> None:
    """Nothing committed, a minimum of 480 USD a day: 31 idle days cost 14,880 of shortfall, full ones 14,880 of use less 1."""
    row = contract(
        end=date(2028, 2, 1), interval=Interval.DAY, take_or_pay_share=0.0, minimum_spend=480.0,
        balance=Balance(kind=BalanceKind.MAKE_UP, opening=1.0),
    )  # fmt: skip
    idle, full = contract_only(row), drawn(contract_only(row), [1.0])
    assert by_line(idle) == pytest.approx({"minimum shortfall": 14880.0}, abs=CENT_USD)
    assert by_line(full) == pytest.approx({"excess": 14880.0, "balance": -1.0}, abs=CENT_USD)


@settings(max_examples=60, deadline=None)
@given(st.integers(-6, 2), st.integers(1, 30), st.floats(0.01, 1e5), st.floats(0.01, 1e5))
def test_commitment_is_the_monthly_price_of_each_month(first: int, count: int, accelerators: float, price: float) -> None:
    """Months are numbered from January 2028; those in force cost price x accelerators each, whatever their lengths."""
    start, end = (date(2028 + month // 12, month % 12 + 1, 1) for month in (first, max(first + count, 1)))
    setup = contract_only(contract(start=start, end=end, unit=Unit.ACCELERATOR_MONTH, accelerators=accelerators, price=price))
    inside = len([month for month in range(3) if first <= month < max(first + count, 1)])
    assert by_line(setup)["commitment"] == pytest.approx(inside * price * accelerators, rel=SHARE_OF_TOTAL)
