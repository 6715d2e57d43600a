"""Output tables: money as decimals, harmless texts, and cells that reading understands."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.tables.cells import parse
from optimizer.tables.files import TableFile, read_cells
from optimizer.tables.schemas import TABLE_BY_NAME
from optimizer.tables.write import as_money, write_table

FRAME = pd.DataFrame(
    {
        "contract": ["held", "=HYPERLINK(1)"],
        "cost_usd": [0.1, 1250000000.0],
        "fee_usd_per_lot": [None, 2.5],
        "usd_per_unit": [0.00651234567, 1.1],
        "lots": [2, -3],
        "share": [0.25, -0.5],
        "signed": [True, False],
        "start": [date(2028, 2, 29), None],
    }
)


def test_money_in_parquet_is_decimal(tmp_path: Path) -> None:
    write_table(FRAME, tmp_path / "costs.parquet")
    table = pa.parquet.read_table(tmp_path / "costs.parquet")
    assert table.column_names == list(FRAME.columns)
    assert table.schema.field("cost_usd").type == pa.decimal128(38, 6)
    assert table["cost_usd"].to_pylist() == [Decimal("0.100000"), Decimal("1250000000.000000")]
    assert table["fee_usd_per_lot"].to_pylist() == [None, Decimal("2.500000")]
    assert table["usd_per_unit"].to_pylist() == [0.00651234567, 1.1]
    assert table["contract"].to_pylist() == ["held", "=HYPERLINK(1)"]
    assert table["start"].to_pylist() == [date(2028, 2, 29), None]


def test_csv_cells(tmp_path: Path) -> None:
    write_table(FRAME, tmp_path / "costs.csv")
    assert (tmp_path / "costs.csv").read_text(encoding="utf-8").splitlines() == [
        "contract,cost_usd,fee_usd_per_lot,usd_per_unit,lots,share,signed,start",
        "held,0.100000,,0.00651234567,2,0.25,true,2028-02-29",
        "'=HYPERLINK(1),1250000000.000000,2.500000,1.1,-3,-0.5,false,",
    ]


def test_timestamps_at_midnight_are_dates(tmp_path: Path) -> None:
    write_table(pd.DataFrame({"at": pd.to_datetime([datetime(2028, 2, 29), datetime(2028, 2, 29, 12, 30)])}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().split() == ["at", "2028-02-29", "2028-02-29T12:30:00"]


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    write_table(FRAME.iloc[:0], tmp_path / "costs.parquet")
    assert pa.parquet.read_table(tmp_path / "costs.parquet").schema.field("cost_usd").type == pa.decimal128(38, 6)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0.0000025, "0.000002"), (0.0000035, "0.000004"), (-0.0000025, "-0.000002"), (2, "2.000000"), (Decimal("0.1234567"), "0.123457")],
)
def test_money_is_rounded_half_to_even(amount: float | Decimal, shown: str) -> None:
    assert str(as_money(amount)) == shown


def test_the_largest_amounts_keep_their_cents() -> None:
    assert as_money(Decimal("12345678901234567890123456789012.25")) == Decimal("12345678901234567890123456789012.25")


@pytest.mark.parametrize("amount", [math.inf, -math.inf, Decimal("Infinity")])
def test_endless_amounts_are_refused(amount: float | Decimal, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"an amount in USD must be finite; got -?(inf|Infinity)"):
        write_table(pd.DataFrame({"cost_usd": [amount]}), tmp_path / "costs.csv")


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is written as \.parquet or \.csv"):
        write_table(FRAME, tmp_path / "costs.xlsx")


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=8)
FORMULAS = st.builds(str.__add__, st.sampled_from(["=", "+", "-", "@", "'=", "''@", "'"]), TEXTS)


@given(texts=st.lists(TEXTS | FORMULAS, min_size=1, max_size=5))
def test_texts_come_back_from_either_format(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("texts")
    table = TABLE_BY_NAME["suppliers"]
    for suffix in ("csv", "parquet"):
        path = folder / f"suppliers.{suffix}"
        write_table(pd.DataFrame({"supplier": texts, "cost_usd": 1.0}), path)
        cells = read_cells(TableFile(path=path, label=path.name), table)
        assert parse(cells["supplier"], table.column("supplier")).values.tolist() == texts
