"""The plan that data/tiny/README.md works out by hand is priced as it says there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from optimizer.planning.needs import compute_needs
from optimizer.planning.unit_costs import unit_costs
from optimizer.planning.verify import Entry
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.planning.cases import Setup, build_plan
from tests.tolerances import CENT_USD, SHARE_OF_TOTAL

JUNE, JULY = range(2)
CALM, BUSY = range(2)
POOL_A, POOL_B = range(2)


def by_hand() -> Setup:
    """chat stays in pool_a, code runs in pool_b, study moves from pool_a to pool_b in July, when the quote is signed."""
    case = read_case(case_folder("tiny"))
    needs = compute_needs(case)
    plan = build_plan(case, needs)
    assert plan.loads == ("chat@paris", "code@paris", "study")
    assert plan.covers == (("held", "pool_a"), ("quote", "pool_b"))
    assert plan.offers == ("market_a", "market_b")
    contract_draw, offer_draw, served = plan.contract_draw.copy(), plan.offer_draw.copy(), plan.served.copy()
    contract_draw[0] = 12.0
    contract_draw[1, JULY] = 8.0
    offer_draw[0, JULY, 0, BUSY] = 6.0
    offer_draw[1, JUNE] = 6.0
    served[2] = 2.0
    decisions = replace(
        plan.decisions,
        placed=np.array([[POOL_A, POOL_A], [POOL_B, POOL_B], [POOL_A, POOL_B]], dtype=np.int64),
        lots=np.array([1, 1], dtype=np.int64),
    )
    plan = replace(plan, decisions=decisions, contract_draw=contract_draw, offer_draw=offer_draw, served=served)
    return Setup(case=case, needs=needs, plan=plan)


def amount(entries: tuple[Entry, ...], line: str, name: str) -> float:
    return math.fsum(entry.discounted_usd for entry in entries if (entry.line, entry.name) == (line, name))


def test_tiny_costs_what_its_readme_says() -> None:
    verification = by_hand().verify()
    assert verification.broken == ()
    expected = {
        ("commitment", "held"): 35136.0,
        ("commitment", "quote"): 7440.0,
        ("excess", "quote"): 7440.0,
        ("market", "market_b"): 12960.0,
        ("market", "market_a"): 4464.0,
        ("missed work", "study"): 4032.0 + 4166.4,
        ("moving", "study"): 25.0,
    }
    found = {(entry.line, entry.name) for entry in verification.ledger}
    assert found == set(expected)
    assert {key: amount(verification.ledger, *key) for key in expected} == pytest.approx(expected, abs=CENT_USD)
    assert verification.objective_usd == pytest.approx(75663.40, abs=CENT_USD)
    assert verification.sunk_usd == pytest.approx(35136.0, abs=CENT_USD)


def test_tiny_s_unit_costs_add_up() -> None:
    setup = by_hand()
    verification = setup.verify()
    rows = unit_costs(setup.case, setup.needs, setup.plan, verification)
    assert math.fsum(row["total_usd"] for row in rows) == pytest.approx(75663.40, rel=SHARE_OF_TOTAL, abs=CENT_USD)
