"""Money that is promised or capped: minimums that are not reached, and budgets that are nearly used up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.domain.rules import LimitKind
from optimizer.planning.plan import PlanResult
from optimizer.planning.replan.watch import Alert, Watch
from optimizer.planning.verify.minimums import behind, minimum_so_far
from optimizer.solve.budgets import billed_cash


@dataclass(frozen=True, kw_only=True)
class _Cap:
    """How far a budget is used in a period."""

    share: float
    period: str
    value: float


def burn_down(result: PlanResult, watch: Watch) -> Iterator[Alert]:
    """Contracts whose plan pays for spend that is not reached, and those that are behind schedule when the calendar starts."""
    paid: dict[str, float] = defaultdict(float)
    for entry in result.verification.ledger:
        if entry.payee_kind == "contract":
            paid[entry.name] += entry.cash_usd
    ends = {period.name: period.end for period in result.case.calendar.periods}
    for contract in result.case.contracts:
        short = [entry for entry in result.verification.ledger if (entry.name, entry.line) == (contract.name, "minimum shortfall")]
        cash = sum(entry.cash_usd for entry in short)
        if short and cash > watch.shortfall_share * paid[contract.name]:
            due = min(ends[entry.period] for entry in short)
            text = f"{contract.name} is expected to fall short of its minimum spend by {cash:,.0f} USD, first in the interval until {due}"
            usd = sum(entry.discounted_usd for entry in short)
            yield Alert(kind="burn_down", subject=contract.name, due=due, usd=usd, text=text)
        start = result.case.calendar.start
        late, asked = -behind(contract, start), minimum_so_far(contract, start)
        if asked > 0 and late > watch.shortfall_share * asked:
            amounts = f"{late:,.0f} {contract.currency} behind the {asked:,.0f} that its minimum asks for by {start}"
            yield Alert(kind="burn_down", subject=contract.name, due=None, usd=None, text=f"{contract.name} has been charged {amounts}")


def budgets(result: PlanResult, watch: Watch) -> Iterator[Alert]:
    """Budgets of which the plan uses more than the share in some period, in the scenario that uses most. None is ever exceeded."""
    case = result.case
    caps = [limit for limit in case.limits if limit.kind is LimitKind.BUDGET and limit.value > 0]
    if not caps:
        return
    billed, number = billed_cash(result.problem, result.plan), {name: u for u, name in enumerate(result.problem.suppliers)}
    spent = {name: (billed.sum(axis=0) if name is None else billed[number[name]]).max(axis=1) for name in {cap.supplier for cap in caps}}
    tight: dict[str | None, list[_Cap]] = defaultdict(list)
    for cap in caps:
        for t, period in enumerate(case.calendar.periods):
            share = float(spent[cap.supplier][t]) / cap.value
            if cap.period in (None, period.name) and share > watch.budget_share:
                tight[cap.supplier].append(_Cap(share=share, period=period.name, value=cap.value))
    for supplier, found in tight.items():
        most = max(found, key=lambda cap: cap.share)
        others = f", and in {len(found) - 1} other periods more than {watch.budget_share:.0%}" if len(found) > 1 else ""
        text = f"{most.share:.0%} of the budget of {supplier or 'all suppliers'}, {most.value:,.0f} USD, is used in {most.period}{others}"
        yield Alert(kind="budget", subject=supplier or "all suppliers", due=None, usd=None, text=text)

