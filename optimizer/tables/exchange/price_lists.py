"""Price lists of AWS and Azure: one price for each region and instance type. Each is a price point of kind list."""

from __future__ import annotations

from functools import partial

from optimizer.errors import ConfigError
from optimizer.tables.exchange.foreign import Foreign
from optimizer.tables.exchange.machines import Priced, Tables, names_of, price_point, priced, whole_machines
from optimizer.tables.exchange.reading import Reading, Request


def read_aws_prices(file: Foreign, request: Request, tables: Tables) -> Reading:
    """Columns region, instance_type, usd_per_hour."""
    return _price_list(file, request, tables, machine="instance_type", cloud="aws")


def read_azure_prices(file: Foreign, request: Request, tables: Tables) -> Reading:
    """Columns region, vm_size, usd_per_hour."""
    return _price_list(file, request, tables, machine="vm_size", cloud="azure")


def _price_list(file: Foreign, request: Request, tables: Tables, *, machine: str, cloud: str) -> Reading:
    file.require("region", machine, "usd_per_hour", kind=f"a price list of {cloud}")
    if request.as_of is None:
        raise ConfigError("as_of", "must be the day of the price list, whose rows state none", "nothing", "Add as_of=YYYY-MM-DD.")
    names, found, not_taken = names_of(tables), [], list(file.ragged)
    for number, row in file.rows:
        name = f"{row['region']}/{row[machine]}"
        one = priced(file, number, name, "usd_per_hour", row["usd_per_hour"], partial(names.machine, row[machine]))
        if isinstance(one, Priced):
            found.append(((row["region"], one.accelerator), one))
        else:
            not_taken.append(one)
    chosen, others = whole_machines(found, file, machine)
    day, supplier = request.as_of.isoformat(), request.supplier or cloud
    about = f"price list of {cloud}, {file.label}"
    records = tuple(
        price_point(one, request, day=day, supplier=supplier, region=region, kind="list", about=about)
        for (region, _), one in chosen.items()
    )
    return Reading(file=file, records=records, not_taken=(*not_taken, *others))
