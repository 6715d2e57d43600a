"""SkyPilot catalogue of one cloud: a row for each instance type, region and zone, with its price on demand and as spot."""

from __future__ import annotations

from optimizer.tables.exchange.foreign import Foreign
from optimizer.tables.exchange.machines import Tables, names_of
from optimizer.tables.exchange.offers import Machine, offers
from optimizer.tables.exchange.reading import Reading, Request

_PRICES = (("Price", "on_demand"), ("SpotPrice", "spot"))
_COLUMNS = ("InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "Region")


def read_skypilot(file: Foreign, request: Request, tables: Tables) -> Reading:
    """Blank prices are unknown; a machine without accelerators is no offer."""
    file.require(*_COLUMNS, kind="a SkyPilot catalogue")
    machines, not_taken = [], []
    for number, row in file.rows:
        name = f"{row['InstanceType'] or row['AcceleratorName']}/{row['Region']}"
        if not row["AcceleratorName"]:
            not_taken.append(file.without(number, name, "AcceleratorName", "", "the machine has no accelerator"))
            continue
        stated = [(column, kind) for column, kind in _PRICES if row.get(column)]
        if not stated:
            not_taken.append(file.without(number, name, "Price", "", "the price is not stated"))
        for column, kind in stated:
            machine = Machine(
                row=number,
                instance=row["InstanceType"],
                region=row["Region"],
                accelerators=row["AcceleratorCount"],
                names=(row["AcceleratorName"],),
                kind=kind,
                price=row[column],
                column=column,
            )
            machines.append(machine)
    return offers(file, request, names_of(tables), machines, not_taken, "SkyPilot catalogue")
