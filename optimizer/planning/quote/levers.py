"""Which term of a quote to negotiate first, and what to ask for.

The gradient is that of the relaxed bound with all of the quote signed: for a quote that is not signed it would be zero. A counter-offer
changes one term alone, or all by the same share, as far as it takes for the cheapest plan known with the quote to cost no more than any
plan without it: whoever gets it should sign. Where what is proven about plans without it leaves that far away, a milder one says what it
takes to cost no more than the cheapest plan known without it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Any

from optimizer.domain.contract import Contract
from optimizer.planning.quote.break_even import last_at_most
from optimizer.planning.quote.evidence import Evidence
from optimizer.planning.quote.variants import Paid, at_price
from optimizer.planning.sensitivities import sensitivity_rows
from optimizer.pricing.sensitivity import Sensitivities

Row = dict[str, Any]

PRICE = "price"
TERMS = (
    ("x_UnitPrice", PRICE),
    ("x_TakeOrPayShare", "take_or_pay_share"),
    ("x_MinimumSpend", "minimum_spend"),
    ("x_FixedMonthlyFee", "fixed_monthly_fee"),
    ("x_BurstPrice", "burst_price"),
    ("x_TrueUpPrice", "true_up_price"),
)
TABLES = ("contracts", "contract_fee_steps", "contract_tiers", "contract_balances")
ALL = "all of these by the same share"


def lever_rows(evidence: Evidence, slopes: Sensitivities, paid: Paid) -> list[Row]:
    """Rows of the `levers` table: largest effect of 1 % first.

    Args:
      slopes: of the bound with all lots of the quote signed.
    """
    variants = evidence.variants
    name, hours = variants.quote.name, evidence.lots * paid.hours
    rows = sensitivity_rows(variants.case, variants.forced(), slopes, annual_discount_rate=variants.annual_discount_rate)
    return [
        {
            "contract": name,
            "term": " from ".join((row["column"], *row["row"].split()[1:])),
            "value": row["value"],
            "slope_usd_per_unit": row["slope_usd_per_unit"],
            "elasticity_usd": row["elasticity_usd"],
            "elasticity_usd_per_accelerator_hour": row["elasticity_usd"] / hours,
        }
        for row in rows
        if row["table"] in TABLES and row["row"].split()[0] == name
    ]


def counter_offers(evidence: Evidence) -> list[Row]:
    """Rows of the `counter_offers` table: terms that, changed alone, make all of the quote pay; certain ones first, then the least change.

    Certain: it costs no more than any plan without the quote; else no more than the cheapest plan known without it. None where the quote
    pays already, or where nothing that can be asked of a term is enough.
    """
    quote, without = evidence.variants.quote, evidence.without
    if evidence.cost_usd(evidence.lots) <= without.low_usd:
        return []
    rows = []
    for term, fields in _terms(quote):
        cost = partial(_cost, evidence, fields)
        for certain, level in ((True, without.low_usd), (False, without.high_usd)):
            share = last_at_most(cost, level) if math.isfinite(level) else 0.0
            if not 0.0 < share < 1.0:
                continue
            single = getattr(quote, fields[0]) if len(fields) == 1 else None
            asked = None if single is None else single * share
            row = {"contract": quote.name, "term": term, "certain": certain, "offered": single, "asked": asked, "asked_share": share}
            rows.append(row | {"saving_low_usd": without.low_usd - cost(share)})
            break
    return sorted(rows, key=lambda row: (not row["certain"], -row["asked_share"], row["term"]))


def _terms(quote: Contract) -> list[tuple[str, tuple[str, ...]]]:
    """Columns of money that the quote has, each with its field; at the end all of them together."""
    given = [(column, (field,)) for column, field in TERMS if isinstance(getattr(quote, field), int | float) and getattr(quote, field)]
    together = [] if len(given) == 1 else [(ALL, tuple(field for _, fields in given for field in fields))]
    return given + together


def _cost(evidence: Evidence, fields: tuple[str, ...], share: float) -> float:
    """Of the cheapest plan known with all of the quote, whose terms are this share of what is offered."""
    quote = changed = evidence.variants.quote
    for field in fields:
        changed = at_price(changed, share) if field == PRICE else replace(changed, **{field: getattr(quote, field) * share})
    return evidence.cost_under_usd(changed, evidence.lots)
