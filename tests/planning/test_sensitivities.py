"""What moves the cost, and why this pool and not that: the tables of a plan's prices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from optimizer.domain.case import Case
from optimizer.domain.contract import Balance, BalanceKind, Contract, Tier
from optimizer.domain.rules import Limit, LimitKind
from optimizer.domain.supply import OtherSpend
from optimizer.domain.surface import Ineligible
from optimizer.planning.alternatives import alternative_rows
from optimizer.planning.assemble import build_problem
from optimizer.planning.changes import with_contract
from optimizer.planning.contract_sensitivities import CLAUSES
from optimizer.planning.sensitivities import sensitivity_rows
from optimizer.pricing.arrays import prepare
from optimizer.pricing.bound import certify, pair_costs_at
from optimizer.pricing.sensitivity import sensitivities
from tests.planning.cases import Setup, contract, two_suppliers
from tests.pricing.points import random_multipliers, value_after
from tests.tolerances import INPUT_SLOPE_AGAINST_DIFFERENCES, INPUT_STEP, PRICING_KERNEL

RATE = 0.08
FIELDS = {
    "usd_per_accelerator_hour": "price",
    "limit_accelerators": "limit",
    "fee_per_lot": "fee",
    "delay_usd_per_day": "delay_cost",
    "data_gb": "data_gb",
    "shortage_usd_per_accelerator_hour": "shortage_penalty",
    "move_usd": "move_cost",
    "egress_usd_per_gb": "egress_usd_per_gb",
    "availability_share": "availability",
    "bandwidth_gb_per_s": "bandwidth_gb_per_s",
    "value": "value",
    "spend_usd": "spend",
    "unit_price": "price",
    "from_quantity": "from_quantity",
    "opening": "opening",
    "cap": "cap",
    **dict(CLAUSES),
}


def every_rule() -> Setup:
    """The case of two suppliers with every clause and limit that has a slope."""
    setup = two_suppliers()
    clauses = {"take_or_pay_share": 0.6, "minimum_spend": 9000.0, "fixed_monthly_fee": 700.0, "share_of_wallet": 0.2}
    setup = setup.with_noun("contracts", "quote", **clauses | {"share_of_wallet": None})
    setup = setup.with_noun("contracts", "core", take_or_pay_share=0.7, minimum_spend=6000.0)
    limits = (
        Limit(kind=LimitKind.BUDGET, supplier=None, period=None, value=90_000.0),
        Limit(kind=LimitKind.SUPPLIER_SHARE, supplier=None, period=None, value=0.7),
        Limit(kind=LimitKind.MOVES, supplier=None, period=None, value=1.0),
    )
    spend = (OtherSpend(supplier="north", period="2028-02", spend=800.0, contract="core", eligible_share=0.5),)
    struck = Ineligible(load="lab", pool="lima-h100", reason="no")
    return replace(setup.with_case(limits=limits, other_spend=spend), needs=replace(setup.needs, ineligible=(struck,)))


def every_clause() -> Setup:
    """And contracts in force with every clause of volume, burst, true-up and balance that has a slope, none of which may be left."""
    setup = every_rule()
    steps = {"incremental": (2000.0, 5000.0), "all_units": (3000.0, 6000.0)}
    tiers = {
        kind: tuple(Tier(from_quantity=start, price=price, kind=kind) for start, price in zip(starts, (1.5, 1.1), strict=True))
        for kind, starts in steps.items()
    }
    half: dict[str, Any] = {"take_or_pay_share": 0.5, "burst_share": 0.4}
    more = (
        contract("by_parts", tiers=tiers["incremental"], **half),
        contract("by_all", tiers=tiers["all_units"], burst_price=2.6, **half),
        contract("trued_up", take_or_pay_share=0.4, true_up_price=1.7),
        contract("forward", take_or_pay_share=0.6, balance=Balance(kind=BalanceKind.CARRY_FORWARD, opening=900.0)),
        contract("make_up", take_or_pay_share=0.6, balance=Balance(kind=BalanceKind.MAKE_UP, opening=900.0, cap=500.0)),
        contract("favoured", take_or_pay_share=0.3, price=2.2, comparables=("trued_up",)),
    )
    return setup.with_case(contracts=setup.case.contracts + more)


def scaled(case: Case, row: dict[str, Any], factor: float) -> Case:
    """The case with one figure of one row times the factor."""

    def changed(noun: Any) -> Any:
        field = FIELDS[row["column"]]
        new = replace(noun, **{field: getattr(noun, field) * factor})
        return new

    if row["table"] == "contract_balances":
        held = next(contract for contract in case.contracts if contract.name == row["row"])
        return with_contract(case, row["row"], lambda contract: replace(contract, balance=changed(held.balance)))
    if row["table"] == "contract_tiers":
        name, start = row["row"].rsplit(" ", 1)

        def with_tier(contract: Contract) -> Contract:
            return replace(contract, tiers=tuple(changed(t) if t.from_quantity == float(start) else t for t in contract.tiers))

        return with_contract(case, name, with_tier)
    if row["table"] == "contract_fee_steps":
        name, start = row["row"].rsplit(" ", 1)

        def with_step(contract: Contract) -> Contract:
            steps = contract.fee_steps
            if contract.name != name or not isinstance(steps, tuple):
                return contract
            return replace(contract, fee_steps=tuple(changed(step) if step.start.isoformat() == start else step for step in steps))

        return replace(case, contracts=tuple(with_step(contract) for contract in case.contracts))
    nouns = getattr(case, row["table"])
    return replace(case, **{row["table"]: tuple(changed(noun) if label(row["table"], noun) == row["row"] else noun for noun in nouns)})


def label(table: str, noun: Any) -> str:
    if table == "limits":
        return " ".join(part for part in (str(noun.kind), noun.supplier, noun.period) if part)
    return f"{noun.supplier} {noun.period}" if table == "other_spend" else noun.name


@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_each_figure_moves_the_bound_by_its_slope(seed):
    """Differences of the dual at the same multipliers, the whole case assembled anew with one figure changed."""
    setup = every_clause()
    problem = build_problem(setup.case, setup.needs, annual_discount_rate=RATE)
    prepared = prepare(problem)
    found = certify(prepared, random_multipliers(prepared.double, seed, 2.0))
    slopes = sensitivities(problem, prepared, found, pair_costs_at(prepared, found))
    rows = sensitivity_rows(setup.case, problem, slopes, annual_discount_rate=RATE)
    tables = {"offers", "contracts", "contract_fee_steps", "training_runs", "workloads", "sites", "limits", "other_spend"}
    assert tables | {"contract_tiers", "contract_balances"} == {row["table"] for row in rows}
    assert {"x_BurstShare", "x_BurstPrice", "x_TrueUpPrice"} <= {row["column"] for row in rows}
    assert {"opening", "cap"} == {row["column"] for row in rows if row["table"] == "contract_balances"}
    with jax.enable_x64(True):
        at = jax.tree.map(jnp.asarray, found.multipliers)
    size = abs(value_after(prepared, at, problem))
    for row in rows:
        if row["column"] == "tokens":  # needs are computed from it, and here they are given
            continue
        up, down = (
            value_after(
                prepared, at, build_problem(scaled(setup.case, row, factor), setup.needs, annual_discount_rate=RATE)
            )
            for factor in (1.0 + INPUT_STEP, 1.0 - INPUT_STEP)
        )
        allowed = INPUT_SLOPE_AGAINST_DIFFERENCES * size
        assert 100.0 * row["elasticity_usd"] == pytest.approx((up - down) / (2 * INPUT_STEP), abs=allowed), row
        assert row["slope_usd_per_unit"] * row["value"] == pytest.approx(100.0 * row["elasticity_usd"], rel=PRICING_KERNEL)
    effects = [abs(row["elasticity_usd"]) for row in rows]
    assert effects == sorted(effects, reverse=True)


def test_alternatives_add_up_and_say_why_not():
    setup = every_rule()
    problem = build_problem(setup.case, setup.needs, annual_discount_rate=RATE)
    prepared = prepare(problem)
    found = certify(prepared, random_multipliers(prepared.double, 0))
    pairs = pair_costs_at(prepared, found)
    slopes = sensitivities(problem, prepared, found, pairs)
    rows = alternative_rows(problem, setup.plan.decisions, pairs, slopes)
    chosen = {row["load"]: row for row in rows if row["choice"] == "chosen"}
    assert {load: row["pool"] for load, row in chosen.items()} == {
        "chat@paris": "oslo-h100", "draft@paris": "lima-h100", "lab": "oslo-h100", "pre-1": "bergen-h100",
    }  # fmt: skip
    for row in rows:
        if row["choice"] == "other":
            parts = [row[f"more_{part}_usd"] for part in ("capacity", "egress", "moving", "penalty")]
            assert row["more_usd"] == pytest.approx(sum(parts))
            assert row["cost_usd"] == pytest.approx(chosen[row["load"]]["cost_usd"] + row["more_usd"])
    # draft is in oslo at the start: staying there saves the entry, 20 USD, and the 50 GB copied out of oslo at 0.05 USD
    stay = next(row for row in rows if row["load"] == "draft@paris" and row["choice"] == "other")
    assert stay["more_moving_usd"] == pytest.approx(-22.5 * problem.discount[0])
    draft = np.flatnonzero((problem.needs.pair_load == 1) & (problem.needs.pair_pool == 0))[0]
    assert stay["cost_usd"] == pytest.approx(pairs.usd[draft].sum())
    assert [(row["load"], row["pool"], row["reason"]) for row in rows if row["choice"] == "struck out"] == [("lab", "lima-h100", "no")]
