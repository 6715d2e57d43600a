"""History of one or more machines' prices, observed every day or so. Each day is a price point of kind list."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from optimizer.tables.exchange.figures import NotAFigure, moment
from optimizer.tables.exchange.foreign import Foreign
from optimizer.tables.exchange.machines import Priced, Tables, names_of, price_point, priced
from optimizer.tables.exchange.reading import Reading, Request


def read_price_history(file: Foreign, request: Request, tables: Tables) -> Reading:
    """Columns timestamp, instance, price_usd; of several observations of a day the last is taken."""
    file.require("timestamp", "instance", "price_usd", kind="a price history")
    names, not_taken = names_of(tables), list(file.ragged)
    found: list[tuple[datetime, Priced]] = []
    for number, row in file.rows:
        try:
            at = moment(row["timestamp"], "the time of the observation")
        except NotAFigure as error:
            not_taken.append(file.without(number, row["instance"], "timestamp", row["timestamp"], str(error)))
            continue
        one = priced(file, number, row["instance"], "price_usd", row["price_usd"], partial(names.machine, row["instance"]))
        if isinstance(one, Priced):
            found.append((at, one))
        else:
            not_taken.append(one)
    last: dict[tuple[str, str], Priced] = {}
    for at, one in sorted(found, key=lambda pair: (pair[0], pair[1].row), reverse=True):
        kept = last.setdefault((at.date().isoformat(), one.accelerator), one)
        if kept is not one:
            words = f"the same accelerator and day as row {kept.row}, which is later"
            not_taken.append(file.without(one.row, one.name, "timestamp", "", words))
    supplier, region, about = request.supplier or "aws", request.region or "", f"price history {file.label}"
    records = tuple(
        price_point(one, request, day=day, supplier=supplier, region=region, kind="list", about=about)
        for (day, _), one in sorted(last.items())
    )
    return Reading(file=file, records=records, not_taken=tuple(not_taken))
