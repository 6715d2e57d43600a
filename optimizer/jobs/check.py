"""placement check: does a case hold together, and what does a plan still need?"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract
from optimizer.domain.workload import Kind
from optimizer.jobs.cases import folder_of
from optimizer.jobs.settings import CheckJob
from optimizer.planning.assemble.contracts import unplannable, unread
from optimizer.planning.out_of_reach import out_of_reach
from optimizer.report.wording import counted, words
from optimizer.tables.read import read_case

UNREAD = {
    "x_UnitPrice": "its unit price",
    "ContractCommitmentUnit": "what the price is paid for",
    "x_AcceleratorsPerLot": "its capacity",
    "x_FulfillmentInterval": "its fulfilment interval",
}  # what no plan can be made without, in words
TABLES = {"stages": "decision_stages"}  # tables whose nouns a case has under another name


def run(settings: CheckJob) -> int:
    """Prints what the case holds; 2 if a plan needs more. Tables that break rules raise DataError."""
    folder = folder_of(settings.case)
    case = read_case(folder, periods=settings.horizon.periods)
    print(f"case: {folder}")
    print("\n".join(counts(case)))
    for note in (*out_of_reach(case), *leans_on(case)):
        print(f"note: {note}")
    missing = tuple(missing_for_plan(case))
    for need in missing:
        print(f"plan needs: {need}")
    if not missing:
        print("The tables keep every rule, and a plan needs nothing more.")
    return 2 if missing else 0


def counts(case: Case) -> Iterator[str]:
    """One line for each table that has rows, in the case's order, then the names of those that have none."""
    yield f"as of: {case.as_of}"
    calendar = case.calendar
    periods, blocks = counted(len(calendar.periods), "period", "periods"), counted(len(calendar.blocks), "block", "blocks")
    yield f"calendar: {periods} ({calendar.start} to {calendar.end}), {blocks}"
    found = {field.name: getattr(case, field.name) for field in dataclasses.fields(case)}
    tables = {TABLES.get(name, name): nouns for name, nouns in found.items() if isinstance(nouns, tuple)}
    yield from (f"{name}: {len(nouns):,}{_parts(name, case)}" for name, nouns in tables.items() if nouns)
    empty = [name for name, nouns in tables.items() if not nouns]
    if empty:
        yield f"without rows: {', '.join(empty)}"


def _parts(table: str, case: Case) -> str:
    """Example: for workloads, " (2 batch, 12 inference)"."""
    values = {"workloads": [w.kind.value for w in case.workloads], "contracts": [c.status.value for c in case.contracts]}.get(table, [])
    tally = [f"{values.count(value)} {value}" for value in sorted(set(values))]
    return f" ({', '.join(tally)})" if tally else ""


def missing_for_plan(case: Case) -> Iterator[str]:
    """What `placement plan` would refuse, each with its remedy."""
    for contract in _plannable(case):
        where = f"contract {contract.name}"
        for column in unread(contract):
            yield f"{where}: {UNREAD[column]}, {column} is unknown. Ask the supplier, or take the contract out of contracts."
        for violation in unplannable(contract, case.calendar):
            yield f"{where}: {violation.rule}; got {violation.got}. {violation.remedy}"
        if not contract.pools:
            yield f"{where}: the pools that it covers. Add rows to contract_pools."
    if not case.demand and not case.training_runs:
        yield "work to place: demand and training_runs are empty. Add rows to one of them."
    asked = {row.workload for row in case.demand} | {run.workload for run in case.training_runs}
    for workload in case.workloads:
        if workload.name not in asked:
            table = "training_runs" if workload.kind is Kind.TRAINING else "demand"
            yield f"workload {workload.name}: at least one row in {table}. Add it, or remove the workload."


def leans_on(case: Case) -> Iterator[str]:
    """Clauses that nobody has read: a plan uses the cautious reading and says so."""
    for contract in _plannable(case):
        if contract.unknown_clauses:
            unread = ", ".join(map(words, contract.unknown_clauses))
            yield f"contract {contract.name}: nobody has read {unread}; a plan that leans on one says so."


def _plannable(case: Case) -> Iterator[Contract]:
    """Contracts that bind or may be signed, and are not over."""
    for contract in case.contracts:
        if (contract.status.in_force or contract.can_be_signed(case.as_of)) and contract.end > case.calendar.start:
            yield contract
