"""The page of an audit: every section that has rows, names escaped, figures as people read them."""

from __future__ import annotations

from datetime import date
from typing import Any

from optimizer.planning.audit.tables import COLUMNS
from optimizer.report.audit_page import AuditView, audit_page, headline, sections

AMOUNT = 2.5e7


def cell(name: str) -> Any:
    if name.endswith(("_usd", "per_accelerator_hour")) or "_usd_" in name:
        return AMOUNT
    if name in ("date", "notice_by", "act_by", "effective", "earliest_exit", "observed_on", "until", "beyond", "reviewed_on"):
        return date(2028, 1, 31)
    if name in ("share", "herfindahl", "contracted_over_market", "share_of_use", "amount", "term_months"):
        return 0.25
    if name in ("accelerators_in_use", "spare_accelerators", "loads_touched", "days_left", "age_days", "expires_after_intervals"):
        return 7
    return "<b>" if name in ("contract", "supplier") else name


def view(**changes: Any) -> AuditView:
    totals = {
        "total_contract_value_usd": 4 * AMOUNT,
        "non_cancellable_low_usd": AMOUNT,
        "non_cancellable_high_usd": 2 * AMOUNT,
        "beyond_horizon_usd": AMOUNT,
        "shortfall_mean_usd": 0.0,
        "shortfall_p90_usd": AMOUNT,
        "assumed_share": 0.5,
        "clauses": {"none": 1, "unknown": 2, "priced": 3, "legal review": 0},
    }
    tables = {name: [{column: cell(column) for column in columns}] for name, columns in COLUMNS.items()}
    fields: dict[str, Any] = {"totals": totals, "gap": 0.02, "tables": tables, "alerts": ("read <it>",)}
    return AuditView(case="lab", as_of=date(2028, 1, 1), within_days=90, **(fields | changes))


def test_the_page_shows_every_section_and_escapes_names() -> None:
    page = audit_page(view(), {"job": "audit"})
    assert page.count("<h2>") == 14  # twelve tables, the alerts, and where it comes from
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "read &lt;it&gt;" in page
    assert "http" not in page


def test_sections_without_rows_are_left_out() -> None:
    empty = view(tables=dict.fromkeys(COLUMNS, ()))
    assert list(sections(empty)) == []


def test_figures() -> None:
    facts = headline(view())
    assert facts["contract value"] == "100.00 M USD, whole terms"
    assert facts["cannot be cancelled"] == "25.00 to 50.00 M USD"
    assert facts["clauses"] == "1 none, 2 unknown, 3 priced, 0 legal review"
    assert headline(view(gap=None))["rests on"] == "a plan without a bound"
    titles = {section.title: section.rows for section in sections(view())}
    assert titles["To be decided within 90 days"] == (
        ("2028-01-31", "<b>", "decision", "2028-01-31", "recommended", "doing_nothing", "25.00"),
    )
    assert titles["Beside the market, USD per accelerator-hour"][0][-2:] == ("+25 %", "25,000,000.000")
