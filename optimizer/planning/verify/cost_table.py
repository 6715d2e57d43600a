"""The `costs` table: what each contract, offer, load and supplier costs in each period."""

from __future__ import annotations

from dataclasses import asdict

from optimizer.planning.verify.verification import Verification


def cost_rows(verification: Verification) -> list[dict[str, str | float]]:
    """One row per period, payee and line; the discounted amounts add up to the objective.

    Example: period 2027-01, payee_kind contract, payee ridge-24, supplier ridge, line commitment, cash_usd 744.0,
    accrued_usd 744.0, discounted_usd 741.2, currency EUR, cash_in_currency 676.4.
    """
    rows = []
    for entry in verification.ledger:
        row = asdict(entry)
        row["payee"] = row.pop("name")
        rows.append({name: row[name] for name in COLUMNS})
    return rows


COLUMNS = (
    "period",
    "payee_kind",
    "payee",
    "supplier",
    "line",
    "cash_usd",
    "accrued_usd",
    "discounted_usd",
    "currency",
    "cash_in_currency",
)
