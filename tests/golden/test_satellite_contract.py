"""docs/contracts/satellite_take_or_pay.md says what the shipped tables come to: its table is read and compared."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from optimizer.planning.audit.exits import exits, non_cancellable
from optimizer.planning.audit.whole_term import whole_term
from optimizer.planning.verify.terms import contract_terms
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.tolerances import CENT_USD

PAGE = Path(__file__).parents[2] / "docs" / "contracts" / "satellite_take_or_pay.md"
BILLION = 1e9
MONTHLY = 1.25 * BILLION


def on_the_page() -> list[tuple[str, str, int, float, float, float]]:
    """Day of leaving, notice by, months paid, their amount, fee and total, in billion USD."""
    day, amount = r"(\d+ \w+ \d{4})", r"([\d.]+)"
    rows = re.findall(rf"^\| {day} \| {day} \| (\d+): {amount} \| {amount} \| {amount} \|", PAGE.read_text(), re.MULTILINE)
    return [(leave, by, int(months), float(paid), float(fee), float(total)) for leave, by, months, paid, fee, total in rows]


def test_the_page_is_what_the_tables_come_to() -> None:
    case = read_case(case_folder("frontier_lab"))
    contract = next(row for row in case.contracts if row.name == "satellite_take_or_pay")
    term = whole_term(contract, case)
    curve = exits(term)
    ways = {way.on: way for way in curve}
    rows = on_the_page()
    assert len(rows) == 8
    for leave, by, months, paid, fee, total in rows:
        way = ways[datetime.strptime(leave, "%d %B %Y").date()]
        assert way.notice_by == datetime.strptime(by, "%d %B %Y").date()
        assert paid * BILLION == months * MONTHLY
        assert way.cost_usd == pytest.approx((paid + fee) * BILLION, abs=CENT_USD)
        assert total == paid + fee
    assert term.value().sum() == pytest.approx(46.25 * BILLION, abs=CENT_USD)
    assert ways[contract.end].cost_usd == pytest.approx(42.5 * BILLION, abs=CENT_USD)
    least = non_cancellable(curve)
    assert least.usd == pytest.approx(17.5 * BILLION, abs=CENT_USD)
    assert least.exit.on.isoformat() == "2027-06-01"


def test_every_period_of_the_plan_pays_by_the_month() -> None:
    case = read_case(case_folder("frontier_lab"))
    contract = next(row for row in case.contracts if row.name == "satellite_take_or_pay")
    terms = contract_terms(contract, case, 0.0)
    months = [1] * 24 + [3, 3, 3, 1]  # the last period is in force for May 2029 only
    assert terms.commitment == pytest.approx([count * MONTHLY for count in months], abs=CENT_USD)
    assert terms.terminal_usd == 0.0
