"""Real price files, where somebody has them: PLACEMENT_PRICES names their folder. Every row is taken or listed."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from optimizer.tables.case_files import write_tables
from optimizer.tables.exchange.imports import import_file
from optimizer.tables.exchange.reading import Request
from tests.tables.minimal import tables, write

FOLDER = os.environ.get("PLACEMENT_PRICES")
FILES = {
    "aws_accelerated_on_demand.csv": ("aws_prices", Request(as_of=date(2026, 7, 20))),
    "azure_gpu_on_demand.csv": ("azure_prices", Request(as_of=date(2026, 6, 18))),
    "aws_p5_history.csv": ("price_history", Request(region="us-east-1")),
    "neocloud_daily.csv": ("marketplace", Request()),
}


@pytest.mark.skipif(FOLDER is None, reason="PLACEMENT_PRICES does not name a folder of price files")
@pytest.mark.parametrize("name", FILES)
def test_every_row_is_taken_or_listed(tmp_path, name):
    source, request = FILES[name]
    case, file = write(tmp_path / "lab", tables()), Path(str(FOLDER)) / name
    found = import_file(case, source, file, request)
    (read,) = found.reads
    listed = {entry.row for entry in found.not_taken}
    assert read.rows == len([line for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]) - 1
    assert read.taken
    assert read.taken + len(listed) == read.rows  # in none of these files is a row taken in part
    write_tables(case, {table: change.cells for table, change in found.changes.items()})
    assert not import_file(case, source, file, request).changes
