"""From a file of another program to the tables of a case as they would be: what is taken, what is not, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from optimizer.errors import ConfigError, DataError, Violation
from optimizer.tables.columns import TableData
from optimizer.tables.exchange.focus_charges import LOOKED_AT, read_focus_costs
from optimizer.tables.exchange.focus_children import child_tables, read_children
from optimizer.tables.exchange.focus_commitments import contracts_of, read_focus_1_3, read_focus_1_4
from optimizer.tables.exchange.foreign import Foreign, NotTaken, read_foreign
from optimizer.tables.exchange.gpuhunt import read_gpuhunt
from optimizer.tables.exchange.marketplace import read_marketplace
from optimizer.tables.exchange.merge import Merged, harmless, merge
from optimizer.tables.exchange.price_history import read_price_history
from optimizer.tables.exchange.price_lists import read_aws_prices, read_azure_prices
from optimizer.tables.exchange.reading import Reading, Record, Request
from optimizer.tables.exchange.skypilot import read_skypilot
from optimizer.tables.files import Cells, Unreadable, read_cells, table_files
from optimizer.tables.read import look_at_tables
from optimizer.tables.schemas import TABLE_BY_NAME

Tables = Mapping[str, TableData]
Reader = Callable[[Foreign, Request, Tables], Reading]

READERS: dict[str, Reader] = {
    "focus_1_3": read_focus_1_3,
    "focus_1_4": read_focus_1_4,
    "focus_costs": read_focus_costs,
    "skypilot": read_skypilot,
    "gpuhunt": read_gpuhunt,
    "aws_prices": read_aws_prices,
    "azure_prices": read_azure_prices,
    "price_history": read_price_history,
    "marketplace": read_marketplace,
}
COMMITMENTS_FILE = "contract_commitment.csv"
"""In a folder that `placement export` wrote; the files of child tables lie beside it."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """One file of an import, and how many of its rows are in the case afterwards, in whole or in part."""

    file: str
    rows: int
    taken: int


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What an import does to a case. Nothing has been written yet."""

    reads: tuple[Read, ...]
    changes: Mapping[str, Merged]  # by table, those that change
    unchanged: int  # records that the case holds already
    not_taken: tuple[NotTaken, ...]
    faults: int  # rules that the case breaks without the import


def import_file(folder: Path, source: str, path: Path, request: Request) -> Imported:
    """What the file brings into the case in the folder.

    Raises:
      ConfigError: something about the file must be given that it does not say.
      DataError: the file is none of its kind, or the case breaks a rule with it in a way that no row of it can be blamed for.
    """
    tables, before = look_at_tables(folder)
    readings = tuple(_readings(source, path, request, tables))
    merged, left_out, known = _settled(folder, readings, before)
    not_taken = [*(entry for reading in readings for entry in reading.not_taken), *left_out]
    return Imported(
        reads=tuple(_read(reading, known) for reading in readings),
        changes={name: table for name, table in merged.items() if table.changed},
        unchanged=sum(table.unchanged for table in merged.values()),
        not_taken=tuple(sorted(not_taken, key=lambda entry: (entry.file, entry.row, entry.column))),
        faults=len(before),
    )


def _readings(source: str, path: Path, request: Request, tables: Tables) -> Iterator[Reading]:
    """The reading of a file; of an export's folder those of the commitments and of its child tables."""
    reader = READERS[source]
    if not path.is_dir():
        yield reader(read_foreign(path, LOOKED_AT if reader is read_focus_costs else None), request, tables)
        return
    if reader not in (read_focus_1_3, read_focus_1_4):
        rule = "must be a file; only source=focus_1_3 and focus_1_4 read a folder that placement export wrote"
        raise ConfigError("file", rule, str(path), "Name a file.")
    commitments = reader(read_foreign(path / COMMITMENTS_FILE), request, tables)
    yield commitments
    contracts = contracts_of(commitments.records)
    for table in child_tables():
        file = path / f"{table.name}.csv"
        if file.is_file():
            yield read_children(read_foreign(file), table, contracts)


def _settled(
    folder: Path, readings: tuple[Reading, ...], before: list[Violation]
) -> tuple[dict[str, Merged], list[NotTaken], set[tuple[str, int]]]:
    """Tables with all records that break no rule of the case; records that do; and the rows of which something is left."""
    known = {breach for violation in before for breach in _breaches(violation)}
    records = {reading.file.label: list(reading.records) for reading in readings}
    left_out: list[NotTaken] = []
    while True:
        merged, refused = _merged(folder, readings, records)
        _, after = look_at_tables(folder, {name: table.cells for name, table in merged.items() if table.changed})
        broken = [violation for violation in after if not known.issuperset(_breaches(violation))]
        blamed = dict(_blamed(readings, records, broken, merged))
        if not blamed:
            break
        for (label, place), violation in sorted(blamed.items(), reverse=True):
            record = records[label].pop(place)
            reading = next(reading for reading in readings if reading.file.label == label)
            name = _name(record)
            left_out += [reading.file.without(row, name, "", violation.got, violation.rule) for row in record.rows]
    if broken:
        raise DataError(broken)
    gone = Counter((entry.file, entry.row) for entry in refused)
    made = Counter((label, row) for label, kept in records.items() for record in kept for row in record.rows)
    return merged, [*left_out, *refused], {row for row, times in made.items() if times > gone[row]}


def _breaches(violation: Violation) -> set[tuple[str, str, str]]:
    """A rule and each row that breaks it."""
    return {(violation.where, violation.rule, row) for row in violation.rows or ("",)}


def _merged(folder: Path, readings: tuple[Reading, ...], records: Mapping[str, list[Record]]) -> tuple[dict[str, Merged], list[NotTaken]]:
    merged, refused = dict[str, Merged](), list[NotTaken]()
    for reading in readings:
        names = dict.fromkeys([*(record.table for record in reading.records), *reading.whole])
        for name in names:
            cells = merged[name].cells if name in merged else table_cells(folder, name)
            chosen = [record for record in records[reading.file.label] if record.table == name]
            merged[name], found = merge(TABLE_BY_NAME[name], cells, reading, chosen)
            refused += found
    return merged, refused


def table_cells(folder: Path, name: str) -> Cells:
    """Cells of a table's file; without a file, no rows of all its columns."""
    table = TABLE_BY_NAME[name]
    files, _ = table_files(folder)
    if name in files:
        try:
            return read_cells(files[name], table)
        except Unreadable as unreadable:
            raise DataError(unreadable.violations) from None
    return {column.name: [] for column in table.columns}


def _blamed(
    readings: tuple[Reading, ...], records: Mapping[str, list[Record]], broken: list[Violation], merged: Mapping[str, Merged]
) -> Iterator[tuple[tuple[str, int], Violation]]:
    """Records whose rows break a rule that the case keeps without them."""
    labels = {f"{name}.csv": name for name in merged} | {f"{name}.parquet": name for name in merged}
    for violation in broken:
        table = labels.get(violation.where)
        rows = frozenset(violation.rows)
        for reading in readings:
            for place, record in enumerate(records[reading.file.label]):
                if record.table == table and _name(record) in rows:
                    yield (reading.file.label, place), violation


def _name(record: Record) -> str:
    """A record's key as violations write it."""
    table = TABLE_BY_NAME[record.table]
    return "/".join(harmless(cell, table, name) for name in table.key if (cell := record.stated.get(name, "")))


def _read(reading: Reading, known: set[tuple[str, int]]) -> Read:
    taken = len({row for label, row in known if label == reading.file.label})
    return Read(file=reading.file.label, rows=reading.file.count, taken=taken)
