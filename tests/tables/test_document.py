"""docs/tables.md and the templates say what the schemas say."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from optimizer.errors import ConfigError, DataError
from optimizer.tables.document import DOCUMENT, tables_markdown, write_templates
from optimizer.tables.read import read_case
from optimizer.tables.schema import MOST_PAID, Kind
from optimizer.tables.schemas import TABLE_BY_NAME, TABLES


def test_the_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == tables_markdown(), "run python -m optimizer.tables.document"


def test_every_column_of_every_table_is_documented() -> None:
    text = tables_markdown()
    for table in TABLES:
        section = text.split(f"\n## {table.name}\n")[1].split("\n## ")[0]
        assert table.meaning in section
        for column in table.columns:
            assert f"| `{column.name}`" in section
            assert column.meaning in section


def test_templates_have_a_header_and_a_comment_per_column(tmp_path: Path) -> None:
    files = write_templates(tmp_path / "new")
    assert [path.name for path in files] == [f"{table.name}.csv" for table in TABLES]
    for path in files:
        table = TABLE_BY_NAME[path.stem]
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[-1] == ",".join(column.name for column in table.columns)
        assert len(lines) == len(table.columns) + 2
        for column, comment in zip(table.columns, lines[1:-1], strict=True):
            assert comment.startswith(f"# {column.name} (")
            assert column.meaning in comment


def test_templates_are_read_and_only_lack_rows(tmp_path: Path) -> None:
    write_templates(tmp_path / "new")
    with pytest.raises(DataError) as raised:
        read_case(tmp_path / "new")
    assert {str(violation) for violation in raised.value.violations} == {
        f"{table.name}.csv: must have at least one row; got none. Write the rows." for table in TABLES if not table.may_be_empty
    }


def test_templates_overwrite_nothing(tmp_path: Path) -> None:
    (tmp_path / "offers.csv").write_text("mine")
    with pytest.raises(ConfigError, match="must be a new or an empty folder"):
        write_templates(tmp_path)
    assert (tmp_path / "offers.csv").read_text() == "mine"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_schemas_are_consistent(table) -> None:  # type: ignore[no-untyped-def]
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    assert names[-3:] == ["source", "source_kind", "as_of"]
    assert table.key
    for column in table.columns:
        assert column.meaning.endswith(".")
        if column.refers_to is not None:
            assert len(TABLE_BY_NAME[column.refers_to].key) == 1
        if column.kind in (Kind.NUMBER, Kind.INTEGER):
            assert column.unit


def test_every_column_of_money_has_an_upper_bound() -> None:
    """Whatever is written, a plan can add it up: a price of one unit, or an amount."""
    money = [(table.name, column) for table in TABLES for column in table.columns if "USD" in column.unit or "currency" in column.unit]
    assert len(money) > 20
    free = {f"{table}.{column.name}" for table, column in money if not (column.bounds.at_most or math.inf) <= MOST_PAID}
    assert free == set()
