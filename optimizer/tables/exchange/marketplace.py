"""History of a marketplace: a provider's listings of one accelerator on one day.

An index is a price point and no offer: nobody has promised the capacity. The mean of the listings is a point of kind
index, the cheapest listing one of kind quote.
"""

from __future__ import annotations

from functools import partial

from optimizer.tables.exchange.figures import NotAFigure, midnight
from optimizer.tables.exchange.foreign import Foreign
from optimizer.tables.exchange.machines import Priced, Tables, names_of, price_point, priced
from optimizer.tables.exchange.reading import Reading, Record, Request

_POINTS = (("avg_usd_per_gpu_hour", "index"), ("min_usd_per_gpu_hour", "quote"))


def read_marketplace(file: Foreign, request: Request, tables: Tables) -> Reading:
    """Columns date, accelerator, provider, min_usd_per_gpu_hour, avg_usd_per_gpu_hour."""
    file.require("date", "accelerator", "provider", *(column for column, _ in _POINTS), kind="a marketplace history")
    names, not_taken = names_of(tables), list(file.ragged)
    records: dict[tuple[str, ...], Record] = {}
    for number, row in file.rows:
        name = f"{row['provider']}/{row['accelerator']}"
        try:
            day = midnight(row["date"], "the day of the observation").isoformat()
        except NotAFigure as error:
            not_taken.append(file.without(number, name, "date", row["date"], str(error)))
            continue
        ones = [priced(file, number, name, column, row[column], partial(names.one, row["accelerator"])) for column, _ in _POINTS]
        mean, least = ones
        if isinstance(mean, Priced) and isinstance(least, Priced) and least.price > mean.price:
            words = "the cheapest listing must not be dearer than the mean of all"
            not_taken.append(file.without(number, name, _POINTS[1][0], row[_POINTS[1][0]], words))
            continue
        for (column, kind), one in zip(_POINTS, ones, strict=True):
            if not isinstance(one, Priced):
                not_taken.append(one)
                continue
            record = price_point(one, request, day=day, supplier=row["provider"], region="", kind=kind, about=f"marketplace {file.label}")
            kept = records.setdefault((day, row["provider"], one.accelerator, kind), record)
            if kept is not record:
                words = f"the same provider, accelerator and day as row {kept.rows[0]}"
                not_taken.append(file.without(number, name, column, "", words))
    return Reading(file=file, records=tuple(records.values()), not_taken=tuple(not_taken))
