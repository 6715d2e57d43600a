"""A shipped case with a clause of one contract changed, each planned and verified: seconds, and the gap that each clause leaves.

The contract changed is the case's first in force with a share taken or paid; `plain` is the case as it is. Prices of tiers and bursts
are shares of the contract's own, so that the clause matters. `ratio` is the cost over that of `plain`. Kernels of `plain` are compiled
before it is measured.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, argument, chosen, require
from optimizer.domain.case import Case
from optimizer.domain.contract import Balance, BalanceKind, Contract, Status, Tier, Unit
from optimizer.errors import NoPlanInLimit
from optimizer.planning.changes import with_terms
from optimizer.planning.plan import make_plan
from optimizer.solve.search import Progress, SolveSettings
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case

SUITE = "clauses"
ANNUAL_RATE = 0.08
MONTH_HOURS = 730.0
LIMIT_S = 60.0
WARM_UP_S = 1.0


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    case: str = argument("frontier_lab", "shipped case")
    periods: int | None = argument(12, "first periods of its calendar, null for all")

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.periods is None or self.periods >= 1, "periods", "must be >= 1, or null", self.periods)


def run(settings: Settings) -> Iterator[ResultRow]:
    """One row for each clause."""
    case = read_case(case_folder(settings.case), periods=settings.periods)
    contract = _contract(case)
    plain = math.nan
    _planned(replace(settings, time_limit_s=WARM_UP_S), "warm-up", case)
    for name, terms in _clauses(contract).items():
        if name not in chosen(settings, list(_clauses(contract))):
            continue
        row = _planned(settings, name, with_terms(case, contract.name, **terms))
        plain = row.objective if name == "plain" else plain
        yield replace(row, ratio=row.objective / plain)


def _contract(case: Case) -> Contract:
    active = [row for row in case.contracts if row.status is Status.ACTIVE and row.take_or_pay_share and row.price]
    found = [row for row in active if row.interval.months]
    rule = "must have a contract in force with a share taken or paid by month, quarter or year"
    require(bool(found), "case", rule, case.name, "Choose another case.")
    return found[0]


def _clauses(contract: Contract) -> dict[str, dict[str, Any]]:
    """Terms by name of the clause; `plain`: the contract as it is."""
    price, held = float(contract.price or 0.0), contract.lots * contract.accelerators
    whole = held * (contract.interval.months or 0) * (MONTH_HOURS if contract.unit is Unit.ACCELERATOR_HOUR else 1.0)
    committed = 0.5 * whole * price
    tiers = {kind: (Tier(from_quantity=0.6 * whole, price=0.9 * price, kind=kind),) for kind in ("all_units", "incremental")}
    return {
        "plain": {},
        "all units": {"tiers": tiers["all_units"]},
        "incremental": {"tiers": tiers["incremental"]},
        "burst": {"burst_share": 0.2, "burst_price": 1.5 * price},
        "true-up": {"true_up_price": 0.5 * price},
        "make-up": {"balance": Balance(kind=BalanceKind.MAKE_UP, cap=committed, expires_after=2)},
        "carry-forward": {"balance": Balance(kind=BalanceKind.CARRY_FORWARD, cap=committed, expires_after=2)},
    }


def _planned(settings: Settings, name: str, case: Case) -> ResultRow:
    limits = SolveSettings(time_limit_s=settings.time_limit_s or LIMIT_S, seed=settings.seed, threads=2)
    size = " x ".join(str(len(axis)) for axis in (case.workloads, case.pools, case.calendar.periods, case.calendar.blocks, case.scenarios))
    began = time.monotonic()
    try:
        found = make_plan(case, annual_discount_rate=ANNUAL_RATE, settings=limits, progress=_silent)
    except NoPlanInLimit:
        return ResultRow(suite=SUITE, case=name, size=size, solver="price_and_assign", seconds=time.monotonic() - began, status="no plan")
    return ResultRow(
        suite=SUITE,
        case=name,
        size=size,
        solver="price_and_assign",
        seconds=time.monotonic() - began,
        status=str(found.status),
        objective=found.objective_usd,
        bound=found.bound_usd,
        gap=found.gap,
    )


def _silent(_: Progress) -> None:
    pass
