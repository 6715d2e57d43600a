"""A study of quotes as summary numbers and as tables by column, ready to be written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizer.planning.plan import PlanResult
from optimizer.planning.quote.curve import volume_curve
from optimizer.planning.quote.findings import Choice, Finding, choices, rank_is_certain, ranked
from optimizer.planning.quote.levers import counter_offers, lever_rows
from optimizer.planning.quote.offers import Unused

Rows = Sequence[Mapping[str, Any]]

COLUMNS = {
    "quotes": ("contract", "offered", "break_even_low", "break_even_high", "break_even_quantity", "verdict"),
    "quote_values": (
        *("contract", "supplier", "rank", "rank_certain", "lots", "lots_in_joint_plan", "accelerators", "paid_accelerator_hours"),
        *("width", "width_share", "break_even_found", "break_even_relaxed", "avoidable_share"),
        *("break_even_quantity_low", "break_even_quantity_high"),
        *("without_low_usd", "without_high_usd", "with_low_usd", "with_high_usd", "saving_low_usd", "saving_high_usd"),
        *("effective_usd_per_accelerator_hour", "usd_per_accelerator_hour_with", "usd_per_accelerator_hour_without"),
        *("usd_per_million_tokens_with", "usd_per_million_tokens_without"),
    ),
    "volume_curve": (
        *("contract", "usd_per_accelerator_hour", "lots_low", "lots", "lots_high"),
        *("accelerators_low", "accelerators", "accelerators_high", "saving_low_usd", "saving_high_usd"),
    ),
    "levers": ("contract", "term", "value", "slope_usd_per_unit", "elasticity_usd", "elasticity_usd_per_accelerator_hour"),
    "counter_offers": ("contract", "term", "certain", "offered", "asked", "asked_share", "saving_low_usd"),
    "options": ("option_group", "contract", "best", "certain", "cost_low_usd", "cost_high_usd", "verdict"),
    "entry_prices": (*("supplier", "supplier_used", "offer", "pool", "offered", "entry_low", "entry_high", "least_accelerator_hours"),),
}
"""Columns of the tables of a run's folder, in their order."""


@dataclass(frozen=True, kw_only=True)
class QuoteResult:
    """Every quote judged, most saving first, beside the joint plan."""

    joint: PlanResult
    findings: tuple[Finding, ...]
    unused: tuple[Unused, ...]
    alerts: tuple[str, ...]
    seconds: float


def tables(result: QuoteResult) -> dict[str, Rows]:
    """Rows of each table, by name; their keys are `COLUMNS`."""
    order = ranked(result.findings)
    return {
        "quotes": [_quote(found) for found in order],
        "quote_values": [_values(order, place) for place in range(len(order))],
        "volume_curve": [row for found in order for row in volume_curve(found.asked.evidence, found.asked.paid)],
        "levers": [row for found in order for row in _levers(found)],
        "counter_offers": [row for found in order for row in counter_offers(found.asked.evidence)],
        "options": [row for choice in choices(order) for row in _options(choice)],
        "entry_prices": [_entry(offer) for offer in result.unused],
    }


def summary(result: QuoteResult) -> dict[str, Any]:
    """The keys of summary.json that speak of quotes, beside those of the joint plan; a figure that is not known is null."""
    return {
        "quotes": {
            found.name: {
                "verdict": str(found.verdict),
                "offered": known(found.offered),
                "break_even_low": known(found.break_even[0]),
                "break_even_high": known(found.break_even[1]),
                "break_even_found": found.break_even_found,
                "break_even_relaxed": found.break_even_relaxed,
                "break_even_quantity": found.quantities[0],
                "width_share": known(found.interval.width),
                "saving_low_usd": known(found.saving[0]),
                "saving_high_usd": known(found.saving[1]),
            }
            for found in ranked(result.findings)
        },
        "options": {choice.group: {"best": choice.best.name, "certain": choice.certain} for choice in choices(result.findings)},
    }


def told_amounts(rows: Rows) -> Rows:
    """Rows as they are written: an end that is not known has no amount of money.

    {"saving_low_usd": -inf, "width": inf} becomes {"saving_low_usd": None, "width": inf}.
    """
    return [{name: known(value) if "_usd" in name else value for name, value in row.items()} for row in rows]


def known(number: float | None) -> float | None:
    """None for what is not known."""
    return number if number is not None and math.isfinite(number) else None


def _quote(found: Finding) -> dict[str, Any]:
    low, high = found.break_even
    return {
        "contract": found.name,
        "offered": found.offered,
        "break_even_low": low,
        "break_even_high": high,
        "break_even_quantity": found.quantities[0],
        "verdict": str(found.verdict),
    }


def _values(order: Sequence[Finding], place: int) -> dict[str, Any]:
    found = order[place]
    evidence, contract = found.asked.evidence, found.asked.contract
    value, today = found.value_with, found.value_without
    return {
        "contract": found.name,
        "supplier": contract.supplier,
        "rank": place + 1,
        "rank_certain": rank_is_certain(order, place),
        "lots": contract.lots,
        "lots_in_joint_plan": found.joint_lots,
        "accelerators": contract.lots * evidence.accelerators_per_lot,
        "paid_accelerator_hours": contract.lots * found.asked.paid.hours,
        "width": found.interval.width * found.offered,
        "width_share": found.interval.width,
        "break_even_found": found.break_even_found,
        "break_even_relaxed": found.break_even_relaxed,
        "avoidable_share": found.avoidable_share,
        "break_even_quantity_low": found.quantities[0],
        "break_even_quantity_high": found.quantities[1],
        "without_low_usd": found.without.low_usd,
        "without_high_usd": found.without.high_usd,
        "with_low_usd": found.with_all.low_usd,
        "with_high_usd": found.with_all.high_usd,
        "saving_low_usd": found.saving[0],
        "saving_high_usd": found.saving[1],
        "effective_usd_per_accelerator_hour": None if value is None else value.quote_usd_per_accelerator_hour,
        "usd_per_accelerator_hour_with": None if value is None else value.usd_per_accelerator_hour,
        "usd_per_accelerator_hour_without": None if today is None else today.usd_per_accelerator_hour,
        "usd_per_million_tokens_with": None if value is None else value.usd_per_million_tokens,
        "usd_per_million_tokens_without": None if today is None else today.usd_per_million_tokens,
    }


def _levers(found: Finding) -> Rows:
    slopes = found.asked.slopes
    return [] if slopes is None else lever_rows(found.asked.evidence, slopes, found.asked.paid)


def _options(choice: Choice) -> Rows:
    return [
        {
            "option_group": choice.group,
            "contract": option.name,
            "best": option is choice.best,
            "certain": choice.certain,
            "cost_low_usd": option.with_all.low_usd,
            "cost_high_usd": option.with_all.high_usd,
            "verdict": str(option.verdict),
        }
        for option in choice.options
    ]


def _entry(offer: Unused) -> dict[str, Any]:
    return {
        "supplier": offer.supplier,
        "supplier_used": offer.supplier_used,
        "offer": offer.offer,
        "pool": offer.pool,
        "offered": offer.price,
        "entry_low": offer.entry.low,
        "entry_high": offer.entry.high,
        "least_accelerator_hours": offer.entry.least_hours,
    }
