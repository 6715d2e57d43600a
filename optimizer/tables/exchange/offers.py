"""Catalogues of machines for rent as offers: the price of a machine becomes that of an accelerator in a pool of the case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from optimizer.errors import ConfigError
from optimizer.tables.exchange.figures import NotAFigure, plain
from optimizer.tables.exchange.foreign import Foreign, NotTaken
from optimizer.tables.exchange.machines import Names, Priced, Unnamed, count, priced, whole_machines
from optimizer.tables.exchange.reading import Reading, Record, Request


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A row of a catalogue, or one of its prices. Blank texts are not stated."""

    row: int
    instance: str
    region: str
    accelerators: str  # how many
    names: tuple[str, ...]  # of the accelerator, the most exact first
    kind: str  # on_demand | spot
    price: str  # USD / hour
    column: str  # of the price

    @property
    def name(self) -> str:
        return f"{self.instance or self.names[-1]}/{self.region}"


def offers(
    file: Foreign, request: Request, names: Names, machines: Iterable[Machine], not_taken: Iterable[NotTaken], about: str
) -> Reading:
    """Each pool's price on demand and, where the user says how much of it is lost, as spot."""
    day, supplier = given(request, names, about)
    found, left_out = [], [*file.ragged, *not_taken]
    for machine in machines:
        try:
            pool = _pool(machine, supplier, request, names)
        except (NotAFigure, Unnamed) as error:
            left_out.append(file.without(machine.row, machine.name, machine.column, "", str(error)))
            continue
        one = priced(file, machine.row, machine.name, machine.column, machine.price, partial(_held, machine, names))
        if isinstance(one, Priced):
            found.append(((pool, machine.kind), one))
        else:
            left_out.append(one)
    chosen, others = whole_machines(found, file, "")
    records = tuple(_offer(pool, kind, one, request, day, about) for (pool, kind), one in chosen.items())
    return Reading(file=file, records=records, not_taken=(*left_out, *others))


def given(request: Request, names: Names, about: str) -> tuple[str, str]:
    """Day and supplier, which no catalogue states.

    Raises:
      ConfigError: one of them is not given, or the case has no such supplier.
    """
    if request.as_of is None:
        raise ConfigError("as_of", f"must be the day of the {about}, whose rows state none", "nothing", "Add as_of=YYYY-MM-DD.")
    if request.supplier is None:
        raise ConfigError("supplier", f"must be the supplier of the case whose {about} this is", "nothing", "Add supplier=NAME.")
    if request.supplier not in names.suppliers:
        remedy = f"Correct the name (suppliers: {', '.join(sorted(names.suppliers))}), or add it to suppliers."
        raise ConfigError("supplier", "must be a supplier of the case", request.supplier, remedy)
    return request.as_of.isoformat(), request.supplier


def _pool(machine: Machine, supplier: str, request: Request, names: Names) -> str:
    accelerator, _ = _held(machine, names)
    if machine.kind == "spot" and request.spot_loss_share is None:
        raise Unnamed("a catalogue does not say what share of spot hours is lost: give spot_loss_share")
    return names.pool(supplier, machine.region, accelerator)


def _held(machine: Machine, names: Names) -> tuple[str, Decimal]:
    """Accelerator and number; a slice of several chips counts its chips."""
    for name in machine.names:
        if name in names.machines:
            accelerator, chips = names.machine(name)
            return accelerator, chips * count(machine.accelerators)
    return names.accelerator(*machine.names), count(machine.accelerators)


def _offer(pool: str, kind: str, one: Priced, request: Request, day: str, about: str) -> Record:
    stated = {
        "offer": f"{pool}_{kind}",
        "pool": pool,
        "kind": kind,
        "usd_per_accelerator_hour": plain(one.price),
        "source": f"{request.source or about}, {one.name}" + (f" / {plain(one.accelerators)}" if one.accelerators != 1 else ""),
        "source_kind": "list",
        "as_of": day,
    }
    lost = "0" if kind == "on_demand" else str(request.spot_loss_share)
    return Record(table="offers", stated=stated, otherwise={"loss_share": lost}, rows=(one.row,))
