"""Machines of catalogues: what accelerators they hold, and in which pool of the case they stand."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from optimizer.tables.columns import TableData
from optimizer.tables.exchange.figures import NotAFigure, accelerator_price, decimal, plain
from optimizer.tables.exchange.foreign import Foreign, NotTaken
from optimizer.tables.exchange.reading import Record, Request
from optimizer.tables.rows import rows

Tables = Mapping[str, TableData]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Priced:
    """The price of one accelerator that a row of a file states."""

    row: int
    name: str  # what the row speaks of
    accelerator: str
    accelerators: Decimal  # of the machine
    price: Decimal  # USD / accelerator-hour


class Unnamed(ValueError):
    """A name that the case's tables do not know; its text says which table to add it to."""


@dataclass(frozen=True)
class Names:
    """What the case and the shipped tables call suppliers, accelerators, machines, regions and pools."""

    suppliers: frozenset[str]
    accelerators: Mapping[str, str]  # of catalogues, in small letters
    machines: Mapping[str, tuple[str, Decimal]]  # accelerator and how many, by instance type
    sites: Mapping[tuple[str, str], str]  # by supplier and region
    pools: Mapping[tuple[str, str], str]  # by site and accelerator

    def machine(self, instance_type: str) -> tuple[str, Decimal]:
        """Accelerator and number of an instance type.

        Raises:
          Unnamed: it is not listed, or holds a share of an accelerator, whose price is not that of a whole one.
        """
        if instance_type not in self.machines:
            raise Unnamed("the instance type is not in instance_types")
        accelerator, count = self.machines[instance_type]
        if count < 1:
            raise Unnamed("the machine holds a share of an accelerator, and its price is not that of a whole one")
        return accelerator, count

    def accelerator(self, *names: str) -> str:
        """The first of several names that is known.

        Raises:
          Unnamed: none is.
        """
        for name in names:
            if name.lower() in self.accelerators:
                return self.accelerators[name.lower()]
        raise Unnamed("the accelerator's name is not in accelerator_names")

    def one(self, *names: str) -> tuple[str, Decimal]:
        """A single accelerator. Raises Unnamed where no name is known."""
        return self.accelerator(*names), Decimal(1)

    def pool(self, supplier: str, region: str, accelerator: str) -> str:
        """Raises Unnamed where the region has no site, or the site no such pool."""
        site = self.sites.get((supplier, region))
        if site is None:
            raise Unnamed("the supplier's region has no site in regions")
        if (site, accelerator) not in self.pools:
            raise Unnamed("the region's site has no pool of that accelerator in pools")
        return self.pools[site, accelerator]


def names_of(tables: Tables) -> Names:
    """The names that a case's tables hold; a table with a broken column holds none."""
    machines = _sound(tables["instance_types"], "instance_type accelerator accelerators")
    return Names(
        suppliers=frozenset(row["supplier"] for row in _sound(tables["suppliers"], "supplier")),
        accelerators={row["name"].lower(): row["accelerator"] for row in _sound(tables["accelerator_names"], "name accelerator")},
        machines={row["instance_type"]: (row["accelerator"], Decimal(str(row["accelerators"]))) for row in machines},
        sites={(row["supplier"], row["region"]): row["site"] for row in _sound(tables["regions"], "supplier region site")},
        pools={(row["site"], row["accelerator"]): row["pool"] for row in _sound(tables["pools"], "site accelerator pool")},
    )


def _sound(data: TableData, columns: str) -> list[dict[str, Any]]:
    return [] if data.broken & set(columns.split()) else rows(data)


def priced(
    file: Foreign, row: int, name: str, column: str, usd_per_hour: str, machine: Callable[[], tuple[str, Decimal]]
) -> Priced | NotTaken:
    """The price of an accelerator in a row that states the price of a machine."""
    try:
        accelerator, count = machine()
        price = accelerator_price(usd_per_hour, count)
    except (NotAFigure, Unnamed) as error:
        return file.without(row, name, column, usd_per_hour, str(error))
    return Priced(row=row, name=name, accelerator=accelerator, accelerators=count, price=price)


def whole_machines(found: Iterable[tuple[Key, Priced]], file: Foreign, column: str) -> tuple[dict[Key, Priced], list[NotTaken]]:
    """Of several rows with one key the machine with most accelerators, which is what is bought by the thousand; of these the cheapest."""
    every = list(found)
    chosen: dict[Key, Priced] = {}
    for key, row in every:
        other = chosen.get(key)
        if other is None or (-row.accelerators, row.price) < (-other.accelerators, other.price):
            chosen[key] = row
    words = "the same accelerator, place and day as row {}, which holds more accelerators or is cheaper"
    beaten = [(key, row) for key, row in every if chosen[key] is not row]
    return chosen, [file.without(row.row, row.name, column, "", words.format(chosen[key].row)) for key, row in beaten]


def price_point(row: Priced, request: Request, *, day: str, supplier: str, region: str, kind: str, about: str) -> Record:
    """A dated observation of the market, on demand."""
    stated = {
        "observed_on": day,
        "supplier": supplier,
        "accelerator": row.accelerator,
        "region": region,
        "term_months": "0",
        "kind": kind,
        "usd_per_accelerator_hour": plain(row.price),
        "source": f"{request.source or about}, {row.name}" + (f" / {plain(row.accelerators)}" if row.accelerators != 1 else ""),
        "source_kind": "list",
        "as_of": day,
    }
    return Record(table="price_points", stated=stated, rows=(row.row,))


def count(text: str) -> Decimal:
    """A number of accelerators.

    Raises:
      NotAFigure: it is none, or below 1.
    """
    found = decimal(text, "the number of accelerators")
    if not 1 <= found <= 100_000:
        raise NotAFigure("the number of accelerators must be 1 to 100,000")
    return found
