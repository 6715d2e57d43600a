"""Bills of contracts of 1e11 USD with any pair of clauses: the solvers' arithmetic and verification's agree to the cent."""

from __future__ import annotations

from datetime import date
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from optimizer.domain.calendar import Block, Calendar
from optimizer.domain.contract import Balance, BalanceKind, FeeStep, Tier, Unit
from optimizer.planning.assemble import build_problem
from optimizer.solve.cost import objective_usd
from tests.planning.cases import contract, contract_only, months
from tests.samples import one_in
from tests.tolerances import CENT_USD

MONTHS = 84
FULL = 1e5  # accelerator-months a month, of 12,500 USD each: 1.25e9 USD

CLAUSES: dict[str, dict[str, Any]] = {
    "take or pay": {"take_or_pay_share": 0.7},
    "minimum spend": {"minimum_spend": 1.1e9},
    "fixed fee": {"fixed_monthly_fee": 3.7e6},
    "exits": {"notice_days": 30.0, "fee_steps": (FeeStep(start=date(2028, 1, 1), fee=2.5e8),)},
    "all-units tiers": {"tiers": (Tier(from_quantity=0.6 * FULL, price=12000.0, kind="all_units"),)},
    "incremental tiers": {"tiers": (Tier(from_quantity=0.6 * FULL, price=11000.0, kind="incremental"),)},
    "most favoured price": {"comparables": ("other",)},
    "true-up": {"true_up_price": 13000.0},
    "burst": {"burst_share": 0.25, "burst_price": 15000.0},
    "make-up": {"balance": Balance(kind=BalanceKind.MAKE_UP, cap=2e8, opening=3e7)},
    "carry-forward": {"balance": Balance(kind=BalanceKind.CARRY_FORWARD, expires_after=2)},
    "rollover": {"balance": Balance(kind=BalanceKind.ROLLOVER), "minimum_spend": 1.1e9},
}
EITHER = (
    {"all-units tiers", "incremental tiers", "most favoured price", "true-up"},
    {"make-up", "carry-forward", "rollover"},
)
PAIRS = [pair for pair in combinations(CLAUSES, 2) if not any(set(pair) <= group for group in EITHER)]


@pytest.mark.parametrize("pair", one_in(5, PAIRS, map(" and ".join, PAIRS)))
def test_two_codes_agree_to_the_cent(pair: tuple[str, str]) -> None:
    clauses = {"take_or_pay_share": 0.5, "minimum_spend": None} | CLAUSES[pair[0]] | CLAUSES[pair[1]]
    big = {"start": date(2028, 1, 1), "end": date(2035, 1, 1), "unit": Unit.ACCELERATOR_MONTH}
    setup = contract_only(
        contract(accelerators=FULL, price=12500.0, **big, **clauses),
        contract("other", accelerators=1.0, price=12100.0, **big),
        calendar=Calendar(periods=months(date(2028, 1, 1), MONTHS), blocks=(Block(name="all", start_hour=0, end_hour=24),)),
    )
    rng = np.random.default_rng(PAIRS.index(pair))
    draw = np.zeros_like(setup.plan.contract_draw)
    draw[0, :, 0, 0] = FULL * rng.uniform(0.0, 1.25 if "burst" in pair else 1.0, MONTHS)
    exits = setup.plan.decisions.exits.copy()
    if "exits" in pair:
        exits[0, MONTHS - 1], draw[0, MONTHS - 1] = 1, 0.0
    setup = setup.with_plan(contract_draw=draw).with_decisions(exits=exits)
    problem = build_problem(setup.case, setup.needs, annual_discount_rate=0.0)
    verification = setup.verify()
    assert verification.broken == ()
    assert verification.objective_usd > 5e10
    assert objective_usd(problem, setup.plan) == pytest.approx(verification.objective_usd, abs=2 * CENT_USD, rel=0.0)
