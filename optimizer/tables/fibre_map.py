"""The fibre graph: hubs and links, shipped with the planner as two reference tables."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from optimizer.domain.network import FibreMap, Hub, Link, LinkKind
from optimizer.errors import DataError, Violation
from optimizer.tables.catalog import reference_folder
from optimizer.tables.columns import TableData
from optimizer.tables.measurements import read_measurements
from optimizer.tables.rows import rows
from optimizer.tables.schema import Bounds, number, table, text

HUBS = table(
    "network_hubs",
    "Points of the fibre graph.",
    text("hub", "Name of the hub.", key=True),
    number("latitude_deg", "degrees north", "Latitude of the hub.", Bounds(at_least=-90, at_most=90)),
    number("longitude_deg", "degrees east", "Longitude of the hub.", Bounds(at_least=-180, at_most=180)),
    text("kind", "exchange: traffic enters here; bend: a cable turns here.", allowed=("exchange", "bend")),
    may_be_empty=False,
)
LINKS = table(
    "network_links",
    "Fibre between two hubs, in both directions.",
    text("from_hub", "Hub at one end.", key=True),
    text("to_hub", "Hub at the other end.", key=True),
    text("kind", "Decides how much longer the fibre is than the line between its ends.", allowed=tuple(kind.value for kind in LinkKind)),
    text("route", "Cable system, road or railway."),
    may_be_empty=False,
)


@cache
def shipped_fibre_map() -> FibreMap:
    """The map that comes with the planner."""
    return read_fibre_map(reference_folder())


def fibre_map_files() -> tuple[Path, ...]:
    """The reference tables that the shipped map is read from."""
    return tuple(reference_folder() / f"{table.name}.csv" for table in (HUBS, LINKS))


def read_fibre_map(folder: Path) -> FibreMap:
    """The map in a folder's network_hubs.csv and network_links.csv.

    Raises:
      DataError: a table breaks a rule, a link names no hub or joins a hub to itself, or some hubs cannot be reached.
    """
    hubs = read_measurements(HUBS, folder / f"{HUBS.name}.csv")
    links = read_measurements(LINKS, folder / f"{LINKS.name}.csv")
    names = set(hubs.values["hub"])
    violations = [*_strangers(links, names), *_twice(links)] or _unreached(hubs, links, names)
    if violations:
        raise DataError(violations)
    return FibreMap(
        hubs=tuple(
            Hub(name=row["hub"], latitude=row["latitude_deg"], longitude=row["longitude_deg"], exchange=row["kind"] == "exchange")
            for row in rows(hubs)
        ),
        links=tuple(Link(start=row["from_hub"], end=row["to_hub"], kind=LinkKind(row["kind"])) for row in rows(links)),
    )


def _ends(links: TableData) -> list[tuple[str, str]]:
    return list(zip(links.values["from_hub"], links.values["to_hub"], strict=True))


def _strangers(links: TableData, names: set[str]) -> list[Violation]:
    ends = _ends(links)
    found = [(i, end) for i, pair in enumerate(ends) for end in pair if end not in names]
    if not found:
        return []
    return [links.violation(f"from_hub and to_hub must be rows of {HUBS.name}", found[0][1], [i for i, _ in found], "Add the hub.")]


def _twice(links: TableData) -> list[Violation]:
    """Two hubs have one link, whichever is named first, and none has one to itself."""
    seen: set[frozenset[str]] = set()
    again = []
    for i, pair in enumerate(_ends(links)):
        ends = frozenset(pair)
        if len(ends) < 2 or ends in seen:
            again.append(i)
        seen.add(ends)
    rule = "two different hubs must have one link, which holds in both directions"
    return [links.violation(rule, "-".join(_ends(links)[again[0]]), again, "Keep one row for each two hubs.")] if again else []


def _unreached(hubs: TableData, links: TableData, names: set[str]) -> list[Violation]:
    neighbours: dict[str, list[str]] = {name: [] for name in names}
    for start, end in _ends(links):
        neighbours[start].append(end)
        neighbours[end].append(start)
    order = list(hubs.values["hub"])
    reached, waiting = {order[0]}, [order[0]]
    while waiting:
        for name in neighbours[waiting.pop()]:
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    lost = [i for i, name in enumerate(order) if name not in reached]
    return [hubs.violation("every hub must be reached from every other", order[lost[0]], lost, "Add its links.")] if lost else []
