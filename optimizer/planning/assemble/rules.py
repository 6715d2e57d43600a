"""Limits and pins as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.problem import Bools, Limits
from optimizer.domain.rules import LimitKind, Pin
from optimizer.domain.surface import Needs
from optimizer.errors import DataError, Violation


def build_limits(case: Case) -> Limits:
    """One entry per rule and period; see `Limits`."""
    periods = {p.name: t for t, p in enumerate(case.calendar.periods)}
    suppliers = {s.name: i for i, s in enumerate(case.suppliers)}
    budget: list[tuple[int, int, float]] = []
    share: list[tuple[int, int, float]] = []
    fewest = np.zeros(len(periods), dtype=np.int64)
    reserve = np.zeros(len(periods))
    moves = np.full(len(periods), np.inf)
    for limit in case.limits:
        supplier = -1 if limit.supplier is None else suppliers[limit.supplier]
        for t in _periods(limit.period, periods):
            if limit.kind is LimitKind.BUDGET:
                budget.append((supplier, t, limit.value))
            elif limit.kind is LimitKind.SUPPLIER_SHARE:
                share.append((supplier, t, limit.value))
            elif limit.kind is LimitKind.FEWEST_SUPPLIERS:
                fewest[t] = max(fewest[t], int(limit.value))
            elif limit.kind is LimitKind.SITE_LOSS_RESERVE:
                reserve[t] = max(reserve[t], limit.value)
            else:
                moves[t] = min(moves[t], limit.value)
    budgets, shares = np.array(budget).reshape(-1, 3), np.array(share).reshape(-1, 3)
    return Limits(
        budget_supplier=budgets[:, 0].astype(np.int64),
        budget_period=budgets[:, 1].astype(np.int64),
        budget_cash=budgets[:, 2].astype(np.float64),
        share_supplier=shares[:, 0].astype(np.int64),
        share_period=shares[:, 1].astype(np.int64),
        share=shares[:, 2].astype(np.float64),
        fewest_suppliers=fewest,
        site_loss_reserve=reserve,
        most_moves=moves,
    )


def _periods(name: str | None, periods: dict[str, int]) -> list[int]:
    if name is None:
        return list(periods.values())
    return [periods[name]] if name in periods else []


def active_pins(case: Case) -> tuple[Pin, ...]:
    """Pins that have not lapsed by the case's date."""
    return tuple(pin for pin in case.pins if pin.expires is None or pin.expires > case.as_of)


@dataclass(frozen=True, kw_only=True)
class Pins:
    """What pins allow and force. Axes: N pairs, T periods, G training options, R runs."""

    pair_allowed: Bools  # [N, T]
    pair_forced: Bools  # [N, T]
    option_allowed: Bools  # [G]
    run_forced: Bools  # [R]


def build_pins(case: Case, needs: Needs) -> Pins:
    """Pins on loads, workloads and training runs; those on contracts are read with the contracts.

    Raises:
      DataError: a pin forces a load or a run into a pool that cannot serve it.
    """
    shape = (len(needs.pair_load), len(case.calendar.periods))
    pins = Pins(
        pair_allowed=np.ones(shape, dtype=np.bool_),
        pair_forced=np.zeros(shape, dtype=np.bool_),
        option_allowed=np.ones(len(needs.option_run), dtype=np.bool_),
        run_forced=np.zeros(len(needs.runs), dtype=np.bool_),
    )
    violations: list[Violation] = []
    for pin in active_pins(case):
        if pin.pool is not None:
            violations += _pin_loads(pin, case, needs, pins) + _pin_runs(pin, case, needs, pins)
    if violations:
        raise DataError(violations)
    return pins


def _pin_loads(pin: Pin, case: Case, needs: Needs, pins: Pins) -> list[Violation]:
    pool = [p.name for p in case.pools].index(pin.pool or "")
    periods = np.array(
        [pin.period in (None, p.name) and (pin.expires is None or p.start < pin.expires) for p in case.calendar.periods]
    )
    violations = []
    for l, load in enumerate(needs.loads):
        if pin.subject not in (load.name, load.workload):
            continue
        here = (needs.pair_load == l) & (needs.pair_pool == pool)
        if pin.action == "forbid":
            pins.pair_allowed[np.ix_(here, periods)] = False
        elif here.any():
            pins.pair_forced[np.ix_(here, periods)] = True
        else:
            violations.append(_cannot_serve(pin, load.name, needs))
    return violations


def _pin_runs(pin: Pin, case: Case, needs: Needs, pins: Pins) -> list[Violation]:
    pool = [p.name for p in case.pools].index(pin.pool or "")
    workload = {run.name: run.workload for run in case.training_runs}
    violations = []
    for r, run in enumerate(needs.runs):
        if pin.subject not in (run, workload[run]):
            continue
        of_run, here = needs.option_run == r, needs.option_pool == pool
        if pin.period is not None:
            t = [p.name for p in case.calendar.periods].index(pin.period)
            here = here & (needs.option_start <= t) & (t < needs.option_stop)
        if pin.action == "forbid":
            pins.option_allowed[of_run & here] = False
        elif (of_run & here).any():
            pins.option_allowed[of_run & ~here] = False
            pins.run_forced[r] = True
        else:
            violations.append(_cannot_serve(pin, run, needs))
    return violations


def _cannot_serve(pin: Pin, subject: str, needs: Needs) -> Violation:
    reasons = [row.reason for row in needs.ineligible if row.load == subject and row.pool == pin.pool]
    return Violation(
        where="pins.csv",
        rule=f"a pin may force {subject} only into a pool that can serve it; {pin.pool} cannot ({'; '.join(reasons) or 'no option'})",
        got=str(pin.pool),
        rows=(pin.subject,),
        remedy=f"Change the pool, or ask {pin.owner} to withdraw the pin.",
    )
