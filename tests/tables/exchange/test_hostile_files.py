"""Files that are not what they should be: exit 2 with a clear message, or rows listed with a reason; never a traceback."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pyarrow.parquet
import pytest

from optimizer.errors import DataError
from optimizer.tables.case_files import write_tables
from optimizer.tables.exchange.imports import READERS, import_file
from optimizer.tables.exchange.reading import Request
from optimizer.tables.read import read_tables
from tests.samples import one_in
from tests.tables.exchange.files import AWS_PRICES, FOCUS_1_4_ROW, MARKETPLACE, focus_1_4, imported, reasons, rows_of
from tests.tables.minimal import tables, write

ASKED = Request(as_of=date(2027, 7, 20), supplier="north", spot_loss_share=0.1)


@pytest.fixture
def case(tmp_path):
    return write(tmp_path / "lab", tables())


FILES = {
    "empty": (b"", r"must have a header line; got an empty file"),
    "blank lines": (b"\n\n\n", r"must have a header line; got an empty file"),
    "another table": (b"a,b\n1,2\n", r"must have columns .*; got columns a, b"),
    "binary": (bytes(range(256)) * 8, r"must be text in UTF-8 or UTF-16; got byte 0x80 at position"),
    "latin-1": ("région,x\nu,1\n".encode("latin-1"), r"must be text in UTF-8 or UTF-16; got byte 0xe9 at position"),
    "a column twice": (b"region,region\nu,v\n", r"column names must differ; got region more than once"),
    "a quote left open": (
        b'timestamp,instance,price_usd\n2027-04-23,p5.48xlarge,"98.32\n2027-04-24,p5.48xlarge,98.32\n',
        r"must be a CSV file with commas between cells; got unexpected end of data in line 3",
    ),
    "semicolons": (AWS_PRICES.replace(",", ";").encode(), r"must have columns .*"),
}


@pytest.mark.parametrize(("content", "message"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_table_is_refused(case, content, message):
    file = case.parent / "file.csv"
    file.write_bytes(content)
    with pytest.raises(DataError, match=rf"^file\.csv: .*{message}"):
        import_file(case, "marketplace", file, ASKED)


@pytest.mark.parametrize("source", one_in(2, READERS))
def test_a_table_of_another_kind_is_refused(case, source):
    file = case.parent / "file.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"^file\.csv: .* must have columns .*; got columns a, b\. Name another source"):
        import_file(case, source, file, ASKED)


def test_files_that_cannot_be_read_are_refused(case):
    for name, content, message in (
        ("file.json", b"{}", "must be a .csv or .parquet file; got .json"),
        ("file.parquet", b"PAR1 but not really", "must be a Parquet file"),
    ):
        (case.parent / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: {message}"):
            import_file(case, "skypilot", case.parent / name, ASKED)
    with pytest.raises(DataError, match="must be a file; got no such file"):
        import_file(case, "skypilot", case.parent / "nothing.csv", ASKED)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_marks_and_line_ends_do_not_count(case, encoding, ends):
    text = MARKETPLACE.replace("\n", ends)
    content = b"\xff\xfe" + text.encode("utf-16-le") if encoding == "utf-16-le-bom" else text.encode(encoding)
    assert len(rows_of(imported(case, "marketplace", content), "price_points")) == 6


def test_ragged_rows_are_listed_and_the_others_taken(case):
    found = imported(case, "aws_prices", AWS_PRICES + "us-east-1,p5en.48xlarge,63.296,more\nshort\n", as_of=date(2027, 7, 20))
    assert [(read.rows, read.taken) for read in found.reads] == [(11, 2)]
    assert {(entry.row, entry.got) for entry in found.not_taken if "cells" in entry.reason} == {(10, "4 cells"), (11, "1 cells")}


PRICES = (
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1e-400",
    "0x10",
    "1,000",
    "$5",
    "5 USD",
    "٣",
    "=1+1",
    "--5",
    "1_000",
    " ",
    "null",
    "None",
    "1e99999999999",
)


@pytest.mark.parametrize("price", one_in(4, PRICES))
def test_a_price_that_is_none_is_listed(case, price):
    found = imported(case, "aws_prices", f'region,instance_type,usd_per_hour\nus-east-1,p5.48xlarge,"{price}"\n', as_of=date(2027, 7, 20))
    assert not found.changes
    assert [row for row, _ in reasons(found)] == [1]


@pytest.mark.parametrize("formula", one_in(4, ['=HYPERLINK("http://x","y")', "@SUM(A1)", "+1+1", "-2+3", "'=1"]))
def test_formulas_are_kept_as_texts_that_no_spreadsheet_runs(case, formula):
    found = imported(case, "focus_1_4", focus_1_4({"ContractCommitmentDescription": formula}))
    write_tables(case, {name: table.cells for name, table in found.changes.items()})
    (cell,) = [row["ContractCommitmentDescription"] for row in rows_of(found, "contracts") if row["ContractCommitmentId"] == "spend-001"]
    assert cell.startswith("'")
    read = read_tables(case)["contracts"].values.set_index("ContractCommitmentId")["ContractCommitmentDescription"]["spend-001"]
    assert read == formula.removeprefix("'")
    assert not imported(case, "focus_1_4", focus_1_4({"ContractCommitmentDescription": formula})).changes


def test_a_formula_as_a_key_breaks_nothing(case):
    found = imported(case, "focus_1_4", focus_1_4({"ContractCommitmentId": "=1", "BillingCurrency": "JPY"}, {"ContractCommitmentId": "@x"}))
    assert found.changes["contracts"].added == ("@x",)
    assert {row for row, _ in reasons(found)} == {1}


def test_parquet_of_any_types_is_read_as_csv_is(case):
    typed = {
        name: pa.array([float(cell)]) if name.endswith(("Cost", "Percentage")) and cell else pa.array([cell or None])
        for name, cell in FOCUS_1_4_ROW.items()
    }
    typed["Tags"] = pa.array([{"team": "research"}])
    typed["ContractPeriodStart"] = pa.array([date(2027, 12, 1)])
    pa.parquet.write_table(pa.table(typed), case.parent / "export.parquet")
    found = import_file(case, "focus_1_4", case.parent / "export.parquet", Request())
    as_csv = imported(case, "focus_1_4", focus_1_4({}), source="FOCUS 1.4 export export.parquet")
    assert rows_of(found, "contracts") == rows_of(as_csv, "contracts")


def test_a_case_that_is_broken_already_takes_what_can_be_taken(tmp_path):
    made = tables()
    made["offers"][0]["usd_per_accelerator_hour"] = "-1"
    case = write(tmp_path / "lab", made)
    found = imported(case, "marketplace", MARKETPLACE)
    assert (found.faults, len(found.changes["price_points"].added)) == (1, 5)


def test_a_case_whose_table_cannot_be_read_is_left_alone(case):
    (case / "price_points.csv").write_bytes(b"\xff\x00\xff")
    with pytest.raises(DataError, match=r"price_points\.csv: must be text in UTF-8"):
        imported(case, "marketplace", MARKETPLACE)
