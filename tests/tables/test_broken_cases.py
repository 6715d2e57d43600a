"""Broken cases: each names the file, the rule with its unit, the value, the rows and what to do. Messages are matched whole."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from optimizer.errors import DataError
from optimizer.tables.read import read_case
from tests.tables.minimal import Tables, added, changed, messages, tables, without, write, write_parquet


def overlapping() -> Tables:
    made = added("contracts", 0, ContractCommitmentId="held_again", ContractCommitmentPeriodStart="2028-01-01")
    for child in ("contract_pools", "contract_fee_steps"):
        made[child].append(made[child][0] | {"ContractCommitmentId": "held_again"})
    return made


def renamed(name: str, old: str, new: str) -> Tables:
    made = tables()
    made[name] = [{new if column == old else column: cell for column, cell in row.items()} for row in made[name]]
    return made


def without_column(name: str, column: str) -> Tables:
    made = tables()
    made[name] = [{other: cell for other, cell in row.items() if other != column} for row in made[name]]
    return made


def impossible_minimum() -> Tables:
    made = changed("contracts", 0, x_MinimumSpend="150000")
    made["other_spend"] = []
    return made


BROKEN = {
    "negative price": (
        changed("offers", 1, usd_per_accelerator_hour="-1.2"),
        "offers.csv: usd_per_accelerator_hour must be > 0 and <= 1e+12 USD / accelerator-hour; got -1.2. 1 row (first: lima_spot). "
        "Correct the value or remove the row.",
    ),
    "every prompt in the cache": (
        changed("workloads", 0, prefix_hit_share="1"),
        "workloads.csv: prefix_hit_share must be >= 0 and < 1 share; got 1. 1 row (first: chat). Correct the value or remove the row.",
    ),
    "missing price": (
        changed("offers", 0, usd_per_accelerator_hour=""),
        "offers.csv: usd_per_accelerator_hour must be given, as a number (USD / accelerator-hour); got a blank cell. "
        "1 row (first: oslo_now). Fill in the cell or remove the row.",
    ),
    "unknown foreign key": (
        changed("offers", 0, pool="oslo_chop"),
        "offers.csv: pool must name a row of pools; got oslo_chop. 1 row (first: oslo_now). "
        "Add the row to pools.csv, or correct the name (nearest: oslo_chip).",
    ),
    "overlapping contract periods": (
        overlapping(),
        "contracts.csv: commitments in force of one ContractId must not cover the same pool on the same day; "
        "got held and held_again both on pool oslo_chip from 2028-01-01 to 2029-06-01. 2 rows (first: held, held_again). "
        "Correct ContractCommitmentPeriodStart or ContractCommitmentPeriodEnd, or set the older one to Superseded.",
    ),
    # 32 accelerators x 2.00 x 92 days x 24 hours = 141,312
    "impossible minimum": (
        impossible_minimum(),
        "contracts.csv: x_MinimumSpend must be at most what the whole lot costs, 141,312.00 contract currency per lot and "
        "fulfilment interval; got 150000. 1 row (first: held). Correct the minimum, the price or the lot; or write Spend as "
        "its category if other purchases count.",
    ),
    "demand gap": (
        without("demand", 1),
        "demand.csv: a workload that is asked for from an origin must have a row for every period; got no row. "
        "1 row (first: chat/paris/2028-02). Add the rows; 0 is a demand too.",
    ),
    "NaN": (
        changed("offers", 0, limit_accelerators="NaN"),
        "offers.csv: limit_accelerators must be a finite number (accelerators); got NaN. 1 row (first: oslo_now). "
        "Write the figure or remove the row.",
    ),
    "wrong unit": (
        renamed("offers", "usd_per_accelerator_hour", "usd_per_gpu_hour"),
        "offers.csv: column usd_per_accelerator_hour must be a number (USD / accelerator-hour); got column usd_per_gpu_hour in "
        "its place. Rename the column to usd_per_accelerator_hour and convert its figures to USD / accelerator-hour.",
    ),
    "duplicate key": (
        added("pools", 0),
        "pools.csv: pool must be unique; got oslo_chip more than once. 2 rows (first: oslo_chip in row 1, oslo_chip in row 3). "
        "Keep one row of each.",
    ),
    "date out of horizon": (
        changed("training_runs", 0, window_start="2028-06-01", window_end="2028-09-01"),
        "training_runs.csv: the window must touch the calendar, 2028-01-01 to 2028-06-01; got 2028-06-01 to 2028-09-01. "
        "1 row (first: run_a). Correct the dates or remove the run.",
    ),
    "infinite": (
        changed("sites", 1, bandwidth_gb_per_s="1e999"),
        "sites.csv: bandwidth_gb_per_s must be a finite number (GB / s); got 1e999. 1 row (first: lima). "
        "Write the figure or remove the row.",
    ),
    "decimal comma": (
        changed("offers", 0, usd_per_accelerator_hour="2,50"),
        "offers.csv: usd_per_accelerator_hour must be a number (USD / accelerator-hour); got 2,50. 1 row (first: oslo_now). "
        "Write a plain decimal such as 1234.5, without thousands separators or a unit.",
    ),
    "fraction of a lot": (
        changed("contracts", 0, x_Lots="2.5"),
        "contracts.csv: x_Lots must be a whole number (lots); got 2.5. 1 row (first: held). "
        "Write a plain whole number such as 1234, without a decimal point or a unit.",
    ),
    "word outside a list": (
        changed("suppliers", 0, kind="gpucloud"),
        "suppliers.csv: kind must be one of hyperscaler, gpu_cloud, owned, edge, satellite; got gpucloud. 1 row (first: north). "
        "Write one of them (nearest: gpu_cloud).",
    ),
    "clause in per cent": (
        changed("contracts", 0, x_TakeOrPayShare="80%"),
        "contracts.csv: x_TakeOrPayShare must be none or unknown or a number (share); got 80%. 1 row (first: held). "
        "Write one of the words, or a plain decimal such as 1234.5.",
    ),
    "clause out of bounds": (
        changed("contracts", 0, x_TakeOrPayShare="80"),
        "contracts.csv: x_TakeOrPayShare must be >= 0 and <= 1 share; got 80. 1 row (first: held). Correct the value or remove the row.",
    ),
    "no such day": (
        changed("price_points", 0, observed_on="2027-02-29"),
        "price_points.csv: observed_on must be a date YYYY-MM-DD; got 2027-02-29. 1 row (first: 2027-02-29/elsewhere/chip/0/index). "
        "Write year, month and day of a day that exists, such as 2027-01-31.",
    ),
    "boolean as a number": (
        changed("workloads", 0, spot_allowed="0"),
        "workloads.csv: spot_allowed must be true or false; got 0. 1 row (first: chat). Write true or false.",
    ),
    "spaces": (
        changed("suppliers", 0, source=" a page"),
        "suppliers.csv: source must be text without spaces around it; got  a page. 1 row (first: north). Remove the spaces.",
    ),
    "gang of none": (
        changed("training_runs", 0, gang_sizes="16;0"),
        "training_runs.csv: each number of gang_sizes must be >= 1 accelerators; got 16;0. 1 row (first: run_a). "
        "Correct the value or remove the row.",
    ),
    "gangs in words": (
        changed("training_runs", 0, gang_sizes="16; 32"),
        "training_runs.csv: gang_sizes must be whole numbers separated by ; (accelerators); got 16; 32. 1 row (first: run_a). "
        "Separate the numbers by ; without spaces, such as 64;128.",
    ),
    "unknown name in a list": (
        changed("workloads", 0, accelerators_allowed="chip;chop"),
        "workloads.csv: accelerators_allowed must name a row of accelerators; got chop. 1 row (first: chat). "
        "Add the row to accelerators.csv, or correct the name (nearest: chip).",
    ),
    "missing column": (
        without_column("pools", "accelerator"),
        "pools.csv: column accelerator must be there: text; got columns pool, site, source, source_kind, as_of. Add the column.",
    ),
    "unknown column": (
        tables() | {"pools": [row | {"colour": "blue"} for row in tables()["pools"]]},
        "pools.csv: columns must be those of the table pools; got colour. Correct the name or remove the column.",
    ),
    "missing table": (
        {name: rows for name, rows in tables().items() if name != "calendar"},
        "calendar.csv: a case must have this table, as CSV or Parquet; got no such file. "
        "Add it; `placement init` writes templates of all tables.",
    ),
    "empty table": (
        tables() | {"blocks": []},
        "blocks.csv: must have at least one row; got none. Write the rows.",
    ),
    "a name that cannot be told from a load's": (
        changed("training_runs", 0, run="run#1"),
        "training_runs.csv: run must not contain any of @ # ;; got run#1. 1 row (first: run#1). Correct the value or remove the row.",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_message(name: str, tmp_path: Path) -> None:
    made, message = BROKEN[name]
    assert messages(write(tmp_path, made)) == [message]


def test_the_case_is_sound(tmp_path: Path) -> None:
    assert messages(write(tmp_path, tables())) == []


def test_all_violations_of_all_tables_are_reported_at_once(tmp_path: Path) -> None:
    made = without("demand", 1)
    made["offers"][0]["usd_per_accelerator_hour"] = "cheap"
    made["offers"][0]["kind"] = "reserved"
    made["offers"][1]["usd_per_accelerator_hour"] = "0"
    made["pools"][1]["site"] = "quito"
    made["scenarios"][0]["probability"] = "0.6"
    assert [(message.split(":")[0], message.split("; got ")[1].split(".")[0]) for message in messages(write(tmp_path, made))] == [
        ("offers.csv", "reserved"),
        ("offers.csv", "cheap"),
        ("offers.csv", "0"),
        ("pools.csv", "quito"),
        ("demand.csv", "no row"),
        ("scenarios.csv", "0"),
    ]


def test_rows_are_counted_and_the_first_three_named(tmp_path: Path) -> None:
    made = tables()
    for row in made["origin_profiles"]:
        row["weight"] = "-1"
    assert messages(write(tmp_path, made)) == [
        "origin_profiles.csv: weight must be >= 0 relative; got -1. "
        "48 rows (first: paris/weekday/0, paris/weekday/1, paris/weekday/2). Correct the value or remove the row."
    ]


def test_undecodable_bytes(tmp_path: Path) -> None:
    write(tmp_path, tables())
    (tmp_path / "suppliers.csv").write_bytes("supplier,kind\nk\u00f8benhavn,owned\n".encode("latin-1"))
    assert messages(tmp_path) == ["suppliers.csv: must be text in UTF-8; got byte 0xf8 in line 2. Save it as CSV (UTF-8)."]


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    write(tmp_path, tables())
    (tmp_path / "offers.csv").unlink()
    (tmp_path / "offers.csv").mkdir()
    assert messages(tmp_path) == ["offers.csv: must be a readable file; got Is a directory. Make it readable."]


@pytest.mark.parametrize("content", ["", "\n \n", "# offers: only a comment\n"])
def test_an_empty_file(content: str, tmp_path: Path) -> None:
    write(tmp_path, tables())
    (tmp_path / "limits.csv").write_text(content)
    assert messages(tmp_path) == [
        "limits.csv: must have a header line; got an empty file. Write the table, or remove the file if it is optional."
    ]


def test_rows_of_unequal_length(tmp_path: Path) -> None:
    write(tmp_path, tables())
    lines = (tmp_path / "suppliers.csv").read_text().splitlines()
    (tmp_path / "suppliers.csv").write_text("\n".join([*lines, "east,owned", "west,owned,a page, of a book,list,2028-01-01"]))
    assert messages(tmp_path) == [
        "suppliers.csv: every row must have 5 cells, as the header has; got 2 cells. 2 rows (first: row 3, row 4). "
        "Put cells that contain commas in double quotes, and write blank cells too."
    ]


def test_a_column_twice(tmp_path: Path) -> None:
    write(tmp_path, tables())
    (tmp_path / "suppliers.csv").write_text("supplier,kind,kind\nnorth,owned,edge\n")
    assert messages(tmp_path) == ["suppliers.csv: column names must differ; got kind more than once. Keep one column of each name."]


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    write(tmp_path, tables())
    (tmp_path / "offer.csv").write_text("offer\n")
    (tmp_path / "notes.md").write_text("Not a table, and no trouble.")
    assert messages(tmp_path) == [
        "offer.csv: a .csv or .parquet file must carry the name of a table; got offer. "
        "Rename it (nearest: offers) or move it out of the folder."
    ]


def test_a_table_twice(tmp_path: Path) -> None:
    write(tmp_path, tables())
    write_parquet(tmp_path, {"offers": tables()["offers"]})
    assert messages(tmp_path) == ["offers.parquet: a table must stand in one file; got offers.csv and offers.parquet. Remove one of them."]


def test_a_broken_parquet_file(tmp_path: Path) -> None:
    write(tmp_path, {name: rows for name, rows in tables().items() if name != "offers"})
    (tmp_path / "offers.parquet").write_bytes(b"PAR1 and nothing else")
    (message,) = messages(tmp_path)
    assert message.startswith("offers.parquet: must be a Parquet file; got ")
    assert message.endswith(" Write it again, or give the table as CSV.")


def test_numbers_in_a_text_column_of_parquet_are_not_guessed(tmp_path: Path) -> None:
    write(tmp_path, {name: rows for name, rows in tables().items() if name != "suppliers"})
    columns = {"supplier": [1], "kind": ["owned"], "source": ["a"], "source_kind": ["list"], "as_of": ["2028-01-01"]}
    pa.parquet.write_table(pa.table(columns), tmp_path / "suppliers.parquet")
    assert messages(tmp_path) == ["suppliers.parquet: supplier must be a column of texts; got a column of int64. Store it as text."]


def test_an_unknown_column_of_parquet_is_named(tmp_path: Path) -> None:
    write(tmp_path, {name: rows for name, rows in tables().items() if name != "suppliers"})
    write_parquet(tmp_path, {"suppliers": tables()["suppliers"]})
    frame = pa.parquet.read_table(tmp_path / "suppliers.parquet")
    pa.parquet.write_table(frame.append_column("contacts", [[["a"], ["b"]]]), tmp_path / "suppliers.parquet")
    assert messages(tmp_path) == [
        "suppliers.parquet: columns must be those of the table suppliers; got contacts. Correct the name or remove the column."
    ]


def test_no_folder(tmp_path: Path) -> None:
    assert messages(tmp_path / "nowhere") == [
        f"{tmp_path / 'nowhere'}: must be a folder of tables; got no such folder. Correct the path of the case."
    ]


def test_the_error_ends_with_exit_code_2(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        read_case(write(tmp_path, changed("offers", 0, pool="")))
    assert raised.value.exit_code == 2
