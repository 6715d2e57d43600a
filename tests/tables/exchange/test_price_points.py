"""Price lists, price history and marketplaces become price points; every row is taken or listed."""

from __future__ import annotations

from datetime import date

import pytest

from optimizer.errors import ConfigError
from optimizer.tables.case_files import write_tables
from optimizer.tables.read import read_case
from tests.tables.exchange.files import AWS_PRICES, AZURE_PRICES, MARKETPLACE, PRICE_HISTORY, imported, reasons, rows_of
from tests.tables.minimal import tables, write

AS_OF = date(2027, 7, 20)
ABSURD = "the price must be 0.005 to 1000 USD per accelerator-hour"


@pytest.fixture
def case(tmp_path):
    return write(tmp_path / "lab", tables())


def points(found):
    """New price points: day, supplier, accelerator, region, kind, price."""
    names = ("observed_on", "supplier", "accelerator", "region", "kind", "usd_per_accelerator_hour")
    return [tuple(row[name] for name in names) for row in rows_of(found, "price_points")[1:]]


def test_a_price_of_a_machine_becomes_that_of_an_accelerator(case):
    found = imported(case, "aws_prices", AWS_PRICES, as_of=AS_OF)
    assert points(found) == [
        ("2027-07-20", "aws", "h100", "us-east-1", "list", "6.88"),
        ("2027-07-20", "aws", "b200", "us-west-2", "list", "14.2416"),
    ]
    assert reasons(found) == [
        (2, "the same accelerator, place and day as row 1, which holds more accelerators or is cheaper"),
        (3, "the machine holds a share of an accelerator, and its price is not that of a whole one"),
        (4, "the instance type is not in instance_types"),
        (5, "the price must be > 0 USD an hour"),
        (6, "the price must be > 0 USD an hour"),
        (7, "the price must be a plain decimal"),
        (8, ABSURD),
    ]
    assert [(read.rows, read.taken) for read in found.reads] == [(9, 2)]


def test_of_machines_of_one_size_the_cheapest_is_taken(case):
    found = imported(case, "azure_prices", AZURE_PRICES, as_of=AS_OF, supplier="south")
    assert points(found) == [
        ("2027-07-20", "south", "h200", "westus3", "list", "10.6"),
        ("2027-07-20", "south", "h100", "westus3", "list", "12"),
    ]
    assert [row for row, _ in reasons(found)] == [2, 4]


def test_a_price_list_needs_its_day(case):
    with pytest.raises(ConfigError, match=r"as_of: must be the day of the price list, whose rows state none; got nothing\."):
        imported(case, "aws_prices", AWS_PRICES)


def test_of_a_day_of_history_the_last_price_is_taken(case):
    found = imported(case, "price_history", PRICE_HISTORY, region="us-east-1")
    assert points(found) == [
        ("2027-04-23", "aws", "h100", "us-east-1", "list", "12"),
        ("2027-06-05", "aws", "h100", "us-east-1", "list", "6.88"),
    ]
    assert reasons(found) == [
        (1, "the same accelerator and day as row 2, which is later"),
        (4, "the price is not stated"),
        (5, "the time of the observation must be a date, or a date and time, of ISO 8601"),
    ]


def test_a_marketplace_gives_an_index_and_a_quote_and_never_an_offer(case):
    found = imported(case, "marketplace", MARKETPLACE)
    assert points(found) == [
        ("2027-10-19", "hyperstack", "h100", "", "index", "2.4"),
        ("2027-10-19", "hyperstack", "h100", "", "quote", "2.4"),
        ("2027-10-19", "roan", "a100", "", "index", "1.8"),
        ("2027-10-19", "roan", "a100", "", "quote", "1.49"),
        ("2027-10-20", "roan", "h100", "", "index", "2.07"),
    ]
    assert list(found.changes) == ["price_points"]
    assert [(read.rows, read.taken) for read in found.reads] == [(5, 3)]
    assert {row for row, _ in reasons(found)} == {3, 4, 5}


def test_a_mean_below_the_cheapest_listing_is_no_mean(case):
    row = "2027-10-21,H100,roan,3,2,1\n"
    found = imported(case, "marketplace", MARKETPLACE + row)
    assert points(found) == points(imported(case, "marketplace", MARKETPLACE))
    assert (6, "the cheapest listing must not be dearer than the mean of all") in reasons(found)


def test_the_same_point_twice_is_one_row(case):
    first = imported(case, "marketplace", MARKETPLACE)
    write_tables(case, {name: table.cells for name, table in first.changes.items()})
    again = imported(case, "marketplace", MARKETPLACE)
    assert not again.changes
    assert again.unchanged == 5
    assert len(read_case(case).price_points) == 6


def test_a_price_point_is_never_changed(case):
    first = imported(case, "price_history", PRICE_HISTORY)
    write_tables(case, {name: table.cells for name, table in first.changes.items()})
    before = (case / "price_points.csv").read_text()
    found = imported(case, "price_history", "timestamp,instance,price_usd\n2027-06-05,p5.48xlarge,44\n")
    assert not found.changes
    assert reasons(found) == [(1, "the point is there with another price, and price points are never changed")]
    assert [(read.rows, read.taken) for read in found.reads] == [(1, 0)]
    assert (case / "price_points.csv").read_text() == before


def test_a_case_names_machines_and_accelerators_of_its_own(tmp_path):
    made = tables()
    row = {"source": "made up", "source_kind": "assumed", "as_of": "2028-01-01"}
    made["instance_types"] = [{"instance_type": "p9.48xlarge", "accelerator": "chip", "accelerators": "9"} | row]
    made["accelerator_names"] = [{"name": "Mystery", "accelerator": "chip"} | row]
    case = write(tmp_path / "lab", made)
    found = imported(case, "aws_prices", AWS_PRICES, as_of=AS_OF)
    assert ("2027-07-20", "aws", "chip", "us-east-1", "list", "11") in points(found)
    assert ("2027-10-19", "roan", "chip", "", "index", "1") in points(imported(case, "marketplace", MARKETPLACE))
