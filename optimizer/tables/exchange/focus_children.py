"""Tables that belong to contracts and that FOCUS has no place for: an export carries them as files of their own, in the case's own form."""

from __future__ import annotations

from optimizer.tables.exchange.foreign import Foreign
from optimizer.tables.exchange.reading import Reading, Record, Whole
from optimizer.tables.schema import Table
from optimizer.tables.schemas import TABLES

KEY = "ContractCommitmentId"
_ELSEWHERE = ("contract_tiers", "focus_commitments", "actuals")
"""Tables that an export has rows and columns for."""


def child_tables() -> tuple[Table, ...]:
    """Tables whose rows belong to one contract each."""
    return tuple(table for table in TABLES if _belongs(table) and table.name not in _ELSEWHERE)


def _belongs(table: Table) -> bool:
    return any(column.name == KEY and column.key and column.refers_to == "contracts" for column in table.columns)


def read_children(file: Foreign, table: Table, contracts: Whole) -> Reading:
    """Rows of a child table, all of them of the contracts of the export."""
    file.require(*(column.name for column in table.columns if column.required), kind=f"the table {table.name}")
    known = {column.name for column in table.columns}
    records, not_taken = [], list(file.ragged)
    for number, row in file.rows:
        if (row[KEY],) in contracts.cells:
            stated = {name: cell for name, cell in row.items() if name in known}
            records.append(Record(table=table.name, stated=stated, rows=(number,)))
        else:
            not_taken.append(file.without(number, row[KEY], KEY, row[KEY], "the contract is not among the export's"))
    return Reading(file=file, records=tuple(records), not_taken=tuple(not_taken), whole={table.name: contracts})
