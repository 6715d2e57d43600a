"""Tables written back: all of them or none, comments and forms kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from optimizer.errors import ConfigError
from optimizer.tables import case_files
from optimizer.tables.case_files import write_tables
from optimizer.tables.exchange.imports import table_cells
from optimizer.tables.schemas import TABLE_BY_NAME
from tests.tables.minimal import tables, write

OFFERS, POINTS = "offers", "price_points"


@pytest.fixture
def case(tmp_path):
    return write(tmp_path / "lab", tables())


def content(case: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in case.iterdir()}


def without_rows(case: Path, *names: str):
    return {name: {column: [] for column in table_cells(case, name)} for name in names}


def test_only_the_tables_named_change_and_nothing_is_left_beside(case):
    before = content(case)
    write_tables(case, without_rows(case, OFFERS))
    after = content(case)
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {"offers.csv"}


def test_comments_above_the_header_stay(case):
    path = case / "offers.csv"
    path.write_text("# offers: ours\n# as of today\n" + path.read_text())
    write_tables(case, {OFFERS: table_cells(case, OFFERS)})
    assert path.read_text().startswith("# offers: ours\n# as of today\noffer,pool,")


def test_a_new_table_is_csv(case):
    (case / "price_points.csv").unlink()
    write_tables(case, {POINTS: {column.name: [] for column in TABLE_BY_NAME[POINTS].columns}})
    assert (case / "price_points.csv").read_text().startswith("observed_on,supplier,")


@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_when_a_file_cannot_be_put_in_its_place_nothing_has_changed(case, monkeypatch, fails_at):
    (case / "price_points.csv").unlink()
    before, replaced = content(case), []
    real = os.replace

    def replace(source, target):
        replaced.append(target)
        if len(replaced) == fails_at + 1:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(case_files.os, "replace", replace)
    cells = without_rows(case, OFFERS) | {POINTS: {column.name: [] for column in TABLE_BY_NAME[POINTS].columns}}
    cells |= without_rows(case, "contract_pools")
    with pytest.raises(ConfigError, match=r"case\.path: must be a folder whose tables can be written; got .*No space left"):
        write_tables(case, cells)
    assert content(case) == before


def test_a_folder_that_cannot_be_written_is_named(case, monkeypatch):
    before = content(case)

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(ConfigError, match="Permission denied"):
        write_tables(case, without_rows(case, OFFERS))
    assert content(case) == before


def test_permissions_stay(case):
    (case / "offers.csv").chmod(0o640)
    write_tables(case, without_rows(case, OFFERS))
    assert (case / "offers.csv").stat().st_mode & 0o777 == 0o640
