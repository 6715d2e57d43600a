"""Catalogues become offers in pools of the case: a price per accelerator, what is unknown stays out."""

from __future__ import annotations

from datetime import date

import pytest

from optimizer.errors import ConfigError
from optimizer.tables.case_files import write_tables
from optimizer.tables.read import read_case
from tests.tables.exchange.files import GPUHUNT, SKYPILOT, imported, reasons, rows_of
from tests.tables.minimal import tables, write

AS_OF = date(2027, 7, 20)
PROVENANCE = {"source": "made up", "source_kind": "assumed", "as_of": "2028-01-01"}


@pytest.fixture
def case(tmp_path):
    made = tables()
    made["regions"] = [{"supplier": "north", "region": "eu-1", "site": "oslo"} | PROVENANCE]
    made["accelerator_names"] = [{"name": "Chip", "accelerator": "chip"} | PROVENANCE]
    return write(tmp_path / "lab", made)


def new_offers(found):
    names = ("offer", "pool", "kind", "usd_per_accelerator_hour", "loss_share")
    return [tuple(row[name] for name in names) for row in rows_of(found, "offers")[2:]]


def test_skypilot_prices_are_divided_by_the_accelerators(case):
    found = imported(case, "skypilot", SKYPILOT, as_of=AS_OF, supplier="north", spot_loss_share=0.1)
    assert new_offers(found) == [
        ("oslo_chip_on_demand", "oslo_chip", "on_demand", "5", "0"),
        ("oslo_chip_spot", "oslo_chip", "spot", "1.6", "0.1"),
    ]
    assert reasons(found) == [
        (1, "the same accelerator, place and day as row 2, which holds more accelerators or is cheaper"),
        (2, "the same accelerator, place and day as row 1, which holds more accelerators or is cheaper"),
        (3, "the same accelerator, place and day as row 1, which holds more accelerators or is cheaper"),
        (4, "the machine has no accelerator"),
        (5, "the accelerator's name is not in accelerator_names"),
        (6, "the supplier's region has no site in regions"),
        (7, "the price must be > 0 USD an hour"),
        (7, "the price must be > 0 USD an hour"),
        (8, "the price must be 0.005 to 1000 USD per accelerator-hour"),
        (9, "the price is not stated"),
    ]
    assert [(read.rows, read.taken) for read in found.reads] == [(9, 2)]


def test_spot_is_no_offer_until_somebody_says_how_much_is_lost(case):
    found = imported(case, "skypilot", SKYPILOT, as_of=AS_OF, supplier="north")
    assert [row[2] for row in new_offers(found)] == ["on_demand"]
    assert (1, "a catalogue does not say what share of spot hours is lost: give spot_loss_share") in reasons(found)


def test_gpuhunt_tells_sizes_of_one_name_apart(case):
    found = imported(case, "gpuhunt", GPUHUNT, as_of=AS_OF, supplier="north", spot_loss_share=0.2)
    assert new_offers(found) == [
        ("oslo_chip_on_demand", "oslo_chip", "on_demand", "4", "0"),
        ("oslo_chip_spot", "oslo_chip", "spot", "1", "0.2"),
    ]
    assert [row for row, _ in reasons(found)] == [3, 4, 5, 6]


def test_a_reimport_replaces_the_price_and_keeps_what_the_catalogue_does_not_state(case):
    first = imported(case, "gpuhunt", GPUHUNT, as_of=AS_OF, supplier="north")
    cells = dict(first.changes["offers"].cells)
    place = cells["offer"].index("oslo_chip_on_demand")
    cells["limit_accelerators"] = ["512" if row == place else cell for row, cell in enumerate(cells["limit_accelerators"])]
    write_tables(case, {"offers": cells})
    dearer = imported(case, "gpuhunt", GPUHUNT.replace("32.0", "36.0"), as_of=date(2027, 8, 20), supplier="north")
    assert dearer.changes["offers"].replaced == ("oslo_chip_on_demand",)
    assert not dearer.changes["offers"].added
    write_tables(case, {"offers": dearer.changes["offers"].cells})
    (offer,) = [offer for offer in read_case(case).offers if offer.name == "oslo_chip_on_demand"]
    assert (offer.price, offer.limit) == (4.5, 512)


@pytest.mark.parametrize(
    ("request_", "key"),
    [({"supplier": "north"}, "as_of"), ({"as_of": AS_OF}, "supplier"), ({"as_of": AS_OF, "supplier": "nobody"}, "supplier")],
)
def test_a_catalogue_needs_its_day_and_its_supplier(case, request_, key):
    with pytest.raises(ConfigError, match=f"^{key}: must be"):
        imported(case, "skypilot", SKYPILOT, **request_)
