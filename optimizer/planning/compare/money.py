"""How the cost of one plan becomes that of the other, line by line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from optimizer.planning.compare.run_tables import Rows, RunTables

KEYS = ("payee_kind", "payee", "supplier", "line", "period")


def cost_changes(first: RunTables, second: RunTables) -> Rows:
    """Discounted expected USD by payee, line and period in both plans where they differ; the changes sum to that of the cost."""
    before, after = _by_key(first.costs), _by_key(second.costs)
    rows = []
    for key in sorted(before.keys() | after.keys(), key=lambda words: [word or "" for word in words]):
        was, now = before.get(key, Decimal(0)), after.get(key, Decimal(0))
        if was != now:
            rows.append(dict(zip(KEYS, key, strict=True)) | {"first_usd": was, "second_usd": now, "change_usd": now - was})
    return rows


def by_line(changes: Rows) -> Rows:
    """The changes of each payee's lines over all periods, largest first."""
    total: dict[tuple[Any, ...], Decimal] = {}
    for row in changes:
        key = tuple(row[name] for name in KEYS[:-1])
        total[key] = total.get(key, Decimal(0)) + row["change_usd"]
    ordered = sorted(total.items(), key=lambda item: (-abs(item[1]), [word or "" for word in item[0]]))
    return [dict(zip(KEYS[:-1], key, strict=True)) | {"change_usd": usd} for key, usd in ordered if usd]


def total_usd(run: RunTables) -> Decimal:
    """The cost of a plan: all its lines."""
    return sum((row["discounted_usd"] for row in run.costs), Decimal(0))


def _by_key(costs: Rows) -> dict[tuple[Any, ...], Decimal]:
    total: dict[tuple[Any, ...], Decimal] = {}
    for row in costs:
        key = tuple(row[name] for name in KEYS)
        total[key] = total.get(key, Decimal(0)) + row["discounted_usd"]
    return total
