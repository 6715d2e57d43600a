"""Bounds with other contracts, by what loads and runs cost at the same prices, against the whole dual reckoned anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import optimizer.pricing.proof as module
from optimizer.domain.problem import PlanningProblem
from optimizer.pricing.arrays import prepare
from optimizer.pricing.bound import bound_with_supply, certify
from optimizer.pricing.proof import Proof
from tests.pricing.cases import problem_with
from tests.pricing.points import random_multipliers
from tests.problems import with_supply
from tests.tolerances import PRICING_KERNEL


def other_contracts(problem: PlanningProblem) -> list[PlanningProblem]:
    """Dearer, cheaper, forbidden where they may be, and all signed."""
    supply = problem.supply
    least = np.where(supply.in_force, supply.most_lots, 0)
    return [
        with_supply(problem, price_cash=supply.price_cash * 1.7),
        with_supply(problem, price_cash=supply.price_cash * 1e-6, minimum_cash=supply.minimum_cash * 0.5),
        with_supply(problem, most_lots=least, least_lots=least),
        with_supply(problem, least_lots=supply.most_lots),
    ]


CHANGE = "budget"  # one for both tests, so that kernels compile once


def test_the_parts_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_with(CHANGE, 0)
    prepared = prepare(problem)
    prices = certify(prepared, random_multipliers(prepared.double, 1))
    expected = [bound_with_supply(prepared, other, prices) for other in other_contracts(problem)]
    monkeypatch.setattr(module, "bound_with_supply", None)  # nothing is reckoned anew
    proof = Proof(prepared, prices)
    for other, whole in zip(other_contracts(problem), expected, strict=True):
        assert proof.bound_usd(other) == pytest.approx(whole, rel=PRICING_KERNEL)


def test_prices_outside_the_box_of_a_changed_market_are_brought_inside() -> None:
    """An offer without limit that becomes cheaper caps what capacity may cost: loads pay less, and all is reckoned anew."""
    problem = problem_with(CHANGE, 0)
    prepared = prepare(problem)
    prices = certify(prepared, random_multipliers(prepared.double, 1, 3.0))
    supply = problem.supply
    cheaper = replace(problem, supply=replace(supply, offer_limit=np.full_like(supply.offer_limit, np.inf),
                                              offer_price_cash=supply.offer_price_cash * 0.1))  # fmt: skip
    assert Proof(prepared, prices).bound_usd(cheaper) == pytest.approx(bound_with_supply(prepared, cheaper, prices), rel=PRICING_KERNEL)
