"""Numbers and dates as people read them, the same on the terminal and on the page."""

from __future__ import annotations

import re
from datetime import date

MILLION = 1e6
LEAST_GAP_SHOWN = 1e-6
BASELINES = {"hold": "hold", "on_demand_only": "on-demand only", "cheapest_first": "cheapest first"}


def money_unit(largest_usd: float) -> str:
    """The unit of a column of money whose largest figure is given."""
    return "M USD" if abs(largest_usd) >= 10 * MILLION else "USD"


def money(usd: float | None, unit: str) -> str:
    """Example: 1234567890.0 in "M USD" is "1,234.57". What rounds to nothing has no sign."""
    if usd is None:
        return "-"
    return f"{usd / MILLION if unit == 'M USD' else usd:z,.2f}"


def large_money(usd: float) -> str:
    """One amount in a sentence. Examples: 28.61 bn USD, 347.8 M USD, 75,144 USD"""
    size = abs(usd)
    if size >= 1e9:
        return f"{usd / 1e9:,.2f} bn USD"
    return f"{usd / MILLION:,.1f} M USD" if size >= 10 * MILLION else f"{usd:,.0f} USD" if size >= 1000 else f"{usd:,.2f} USD"


def signed(usd: float, unit: str) -> str:
    """Example: +1,234.50"""
    told = money(usd, unit)
    return f"+{told}" if usd > 0 and told != money(0.0, unit) else told


def count(number: float) -> str:
    return f"{number:z,.0f}"


def counted(number: int, one: str, several: str) -> str:
    """Examples: 1 contract, 12 contracts"""
    return f"{number:,} {one if number == 1 else several}"


def figure(number: float) -> str:
    """A figure of a table in its own unit, with six digits that count. Examples: 650,000,000, 1.25, 1.2e-05"""
    return f"{number:,.0f}" if abs(number) >= 1e6 else f"{number:,.6g}"


def words(name: str) -> str:
    """A column's name as words. Examples: "take or pay share" of x_TakeOrPayShare, "availability share" of availability_share"""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.removeprefix("x_")).replace("_", " ")
    return apart if apart.isupper() else apart.lower()


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:z,.{digits}f} %"


def gap_text(gap: float) -> str:
    """A gap with two digits that count: 0.0041 %, 2.8 %, 350 %."""
    if gap == 0:
        return "0 %"
    if gap < LEAST_GAP_SHOWN:
        return f"below {100 * LEAST_GAP_SHOWN:.4f} %"
    return f"{100 * gap:.2g} %" if gap < 0.1 else f"{100 * gap:,.0f} %"


def day(value: date | None) -> str:
    return value.isoformat() if value else "-"
