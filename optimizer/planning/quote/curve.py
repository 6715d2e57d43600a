"""How much of a quote is taken at which price, as far as it is proven."""

from __future__ import annotations

from typing import Any

from optimizer.planning.quote.evidence import Evidence
from optimizer.planning.quote.variants import Paid

GRID = tuple(round(0.5 + 0.1 * step, 1) for step in range(11))  # factors on the offered prices

Row = dict[str, Any]


def volume_curve(evidence: Evidence, paid: Paid) -> list[Row]:
    """Rows of the `volume_curve` table, by price.

    `lots` is what the cheapest plan known would sign, `lots_low` to `lots_high` what any optimal plan may sign. The saving is over the best
    plan without the quote, with as many lots as serve best.
    """
    ends = evidence.break_even()
    factors = sorted({*GRID, *(end for end in (ends.low, ends.high) if 0.0 < end < max(GRID) * 2)})
    return [_row(evidence, paid, factor) for factor in factors]


def _row(evidence: Evidence, paid: Paid, factor: float) -> Row:
    ranges = [evidence.range(lots, factor) for lots in range(evidence.lots + 1)]
    least = min(found.high_usd for found in ranges)
    chosen = next(lots for lots, found in enumerate(ranges) if found.high_usd == least)
    possible = [lots for lots, found in enumerate(ranges) if found.low_usd <= least]
    accelerators = evidence.accelerators_per_lot
    return {
        "contract": evidence.variants.quote.name,
        "usd_per_accelerator_hour": factor * paid.price,
        "lots_low": possible[0],
        "lots": chosen,
        "lots_high": possible[-1],
        "accelerators_low": possible[0] * accelerators,
        "accelerators": chosen * accelerators,
        "accelerators_high": possible[-1] * accelerators,
        "saving_low_usd": max(0.0, ranges[0].low_usd - least),
        "saving_high_usd": max(0.0, ranges[0].high_usd - min(found.low_usd for found in ranges)),
    }


def break_even_lots(evidence: Evidence) -> tuple[int, int]:
    """Fewest and most lots that the break-even quantity at the offered price may be: the most lots that cost no more than none."""
    without = evidence.without
    pays = [lots for lots in range(1, evidence.lots + 1) if evidence.cost_usd(lots) <= without.low_usd]
    may_pay = [lots for lots in range(1, evidence.lots + 1) if evidence.bound_usd(lots) <= without.high_usd]
    return max(pays, default=0), max(may_pay, default=0)
