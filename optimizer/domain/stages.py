"""What is known when: scenarios that are told apart on stated days, and contracts decided on afterwards group by group.

Until a day of `decision_stages` no decision may differ between scenarios; from it on it may between its groups. A contract on which
something is decided later (an exit, a renewal, a later signing) is written as one contract for each group of scenarios in which it alone
exists: in all others its supplier has left before it began, so that nothing is delivered or paid. What was decided before the groups part
is the same for all of them (`parted_on`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, Delivery, Status

NEVER = date.max


@dataclass(frozen=True, kw_only=True)
class Group:
    """Scenarios that are not told apart by any stage, named after their groups at each."""

    name: str
    scenarios: tuple[str, ...]


def in_stages(case: Case) -> Case:
    """The case with contracts on which something is decided later in place of them once for each group; as it is without stages."""
    groups = _groups(case)
    if len(groups) < 2:
        return case
    first = min(stage.decided_on for stage in case.stages)
    staged = {contract.name for contract in case.contracts if _decided_later(contract, first) and not _named_by_rules(contract, case)}
    staged |= {contract.name for contract in case.contracts if contract.renews in staged}
    if not staged:
        return case
    contracts = [
        copy
        for contract in case.contracts
        for copy in ([_copy(contract, group, case, staged) for group in groups] if contract.name in staged else [contract])
    ]
    scenarios = tuple(replace(scenario, world=scenario.name) for scenario in case.scenarios)
    return replace(case, contracts=tuple(contracts), scenarios=scenarios)


def _groups(case: Case) -> tuple[Group, ...]:
    """Groups after the last stage, by their first scenario."""
    days = sorted({stage.decided_on for stage in case.stages})
    at = {(stage.decided_on, stage.scenario): stage.group for stage in case.stages}
    found: dict[tuple[str, ...], list[str]] = {}
    for scenario in case.scenarios:
        found.setdefault(tuple(at[day, scenario.name] for day in days), []).append(scenario.name)
    return tuple(Group(name=key[-1] if key else "", scenarios=tuple(names)) for key, names in found.items())


def decided_by(contract: Contract, effective: date | None = None) -> date:
    """The last day on which an exit that takes effect on a day is given notice of; without one, on which the contract is signed."""
    if effective is None:
        return contract.start if contract.sign_by is None else contract.sign_by
    notice = contract.notice_days if isinstance(contract.notice_days, (int, float)) else 0.0
    return effective - timedelta(days=float(notice))


def parted_on(stages: Mapping[tuple[date, str], str], one: Contract, other: Contract) -> date:
    """The first day on which the scenarios of two copies of a contract are told apart.

    Args:
      stages: group by day and scenario.
    """
    a, b = one.only_in[0], other.only_in[0]
    return min((day for day, scenario in stages if scenario == a and stages[day, a] != stages[day, b]), default=NEVER)


def _decided_later(contract: Contract, first: date) -> bool:
    if contract.copy_of is not None or not (contract.status.in_force or contract.status is Status.PROPOSED):
        return False
    leavable = isinstance(contract.notice_days, (int, float)) and decided_by(contract, contract.end) >= first
    return leavable or (contract.status is Status.PROPOSED and decided_by(contract) >= first)


def _named_by_rules(contract: Contract, case: Case) -> bool:
    """Contracts whose copies a clause, a pin or spend elsewhere would have to speak of together stay one for all scenarios."""
    linked = contract.option_group or contract.exclusions or contract.comparables or contract.share_of_wallet is not None
    begun = contract.spent_so_far is not None or contract.balance is not None
    named = {row.contract for row in case.other_spend} | {pin.subject for pin in case.pins}
    for other in case.contracts:
        named |= {exclusion.other for exclusion in other.exclusions}
        named |= set(other.comparables) if isinstance(other.comparables, tuple) else set()
    return bool(linked) or begun or contract.name in named


def _copy(contract: Contract, group: Group, case: Case, staged: set[str]) -> Contract:
    kept = tuple(row for row in contract.deliveries if row.scenario in group.scenarios)
    others = [scenario.name for scenario in case.scenarios if scenario.name not in group.scenarios]
    gone = tuple(Delivery(scenario=name, delay_days=0.0, supplier_exit=contract.start) for name in others)
    renews = contract.renews
    return replace(
        contract,
        name=named_in(contract.name, group.name),
        renews=named_in(renews, group.name) if renews in staged else renews,
        deliveries=(*kept, *gone),
        copy_of=contract.name,
        only_in=group.scenarios,
    )


def named_in(contract: str | None, group: str) -> str:
    """How a contract is called in a group."""
    return f"{contract} [{group}]"


def by_day_and_scenario(case: Case) -> dict[tuple[date, str], str]:
    """Groups of the case's stages."""
    return {(stage.decided_on, stage.scenario): stage.group for stage in case.stages}
