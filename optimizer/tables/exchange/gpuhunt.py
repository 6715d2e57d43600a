"""gpuhunt catalogue of one provider: a row for each instance, location and kind of capacity."""

from __future__ import annotations

from optimizer.tables.exchange.figures import NotAFigure, decimal
from optimizer.tables.exchange.foreign import Foreign, Row
from optimizer.tables.exchange.machines import Tables, names_of
from optimizer.tables.exchange.offers import Machine, offers
from optimizer.tables.exchange.reading import Reading, Request

_COLUMNS = ("instance_name", "location", "price", "gpu_count", "gpu_name", "gpu_memory", "spot")
_SPOT = {"true": "spot", "false": "on_demand"}


def read_gpuhunt(file: Foreign, request: Request, tables: Tables) -> Reading:
    """A GPU of several sizes is known by name and memory: A100 with 80.0 is A100-80GB."""
    file.require(*_COLUMNS, kind="a gpuhunt catalogue")
    machines, not_taken = [], []
    for number, row in file.rows:
        name = f"{row['instance_name']}/{row['location']}"
        kind = _SPOT.get(row["spot"].lower())
        if not row["gpu_name"]:
            not_taken.append(file.without(number, name, "gpu_name", "", "the machine has no accelerator"))
        elif kind is None:
            not_taken.append(file.without(number, name, "spot", row["spot"], "spot must be True or False"))
        else:
            machine = Machine(
                row=number,
                instance=row["instance_name"],
                region=row["location"],
                accelerators=row["gpu_count"],
                names=_names(row),
                kind=kind,
                price=row["price"],
                column="price",
            )
            machines.append(machine)
    return offers(file, request, names_of(tables), machines, not_taken, "gpuhunt catalogue")


def _names(row: Row) -> tuple[str, ...]:
    try:
        memory = decimal(row["gpu_memory"], "the memory")
    except NotAFigure:
        return (row["gpu_name"],)
    return f"{row['gpu_name']}-{memory:.0f}GB", row["gpu_name"]
