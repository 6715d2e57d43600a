"""The audit of a case's contracts: what is covered, locked in, unused, due, concentrated, and what each clause costs.

Contracts are read over their whole terms; how they are used comes from a verified plan over the horizon. A contract that no plan can take
(an unread price, say) is left out of the plan, stays in the audit, and is named as a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, Status
from optimizer.planning.assemble.contracts import cannot_plan
from optimizer.planning.audit.clauses import unpriced
from optimizer.planning.audit.exits import Exit, NonCancellable, exits, non_cancellable
from optimizer.planning.audit.use import Use, uses
from optimizer.planning.audit.whole_term import WholeTerm, whole_term
from optimizer.planning.plan import PlanResult
from optimizer.planning.verify.position import Position, read_position


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What the audit knows before its tables are written. `case` has the whole calendar, `base.case` the horizon's."""

    case: Case
    base: PlanResult
    contracts: tuple[Contract, ...]  # in force or still to be signed, and not over
    terms: Mapping[str, WholeTerm]  # of those whose price and capacity are known
    curves: Mapping[str, tuple[Exit, ...]]
    locked: Mapping[str, NonCancellable]
    used: Mapping[str, Use]
    position: Position  # of the plan
    unplanned: tuple[str, ...]  # contracts that the plan does without


def plannable(case: Case) -> tuple[Case, tuple[str, ...]]:
    """The case without contracts that no plan can take, and their names."""
    out = {contract.name for contract in case.contracts if open_to_audit(contract, case) and cannot_plan(contract, case.calendar)}
    kept = tuple(replace(c, status=Status.CANCELED) if c.name in out else c for c in case.contracts)
    return replace(case, contracts=kept), tuple(c.name for c in case.contracts if c.name in out)


def open_to_audit(contract: Contract, case: Case) -> bool:
    """In force, or a quote that can still be signed; and not over when the calendar begins."""
    return contract.end > case.calendar.start and (contract.status.in_force or contract.can_be_signed(case.as_of))


def audit(case: Case, base: PlanResult, unplanned: tuple[str, ...] = ()) -> Audit:
    """Reads every contract over its whole term, beside the plan's use of it.

    Args:
      case: with the whole calendar and every contract.
      base: a plan of the horizon.
      unplanned: contracts that it does without.
    """
    contracts = tuple(contract for contract in case.contracts if open_to_audit(contract, case))
    terms = {contract.name: whole_term(contract, case) for contract in contracts if not unpriced(contract)}
    curves = {name: exits(term) for name, term in terms.items()}
    rate = base.verification.annual_discount_rate
    position = read_position(base.case, base.needs, base.plan, rate)
    return Audit(
        case=case,
        base=base,
        contracts=contracts,
        terms=terms,
        curves=curves,
        locked={name: non_cancellable(curve) for name, curve in curves.items()},
        used=uses(position),
        position=position,
        unplanned=unplanned,
    )
