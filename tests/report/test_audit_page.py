"""The page of an audit: every section that has rows, names escaped, figures as people read them."""

from __future__ import annotations

import re

from optimizer.planning.audit.tables import COLUMNS
from optimizer.report.audit_page import audit_page, headline, sections
from optimizer.report.html import render
from tests.views import audit_view


def test_the_page_shows_every_section_and_escapes_names() -> None:
    page = render(audit_page(audit_view(), {"job": "audit"}))
    assert page.count("<h2") == 17  # eleven tables, three charts, the totals, the alerts, and where it comes from
    assert page.count('<details class="folded"') == 2  # what clauses cost, below its chart, and summary.json
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "read &lt;it&gt;" in page
    assert not re.search(r"https?:", page)


def test_sections_without_rows_are_left_out() -> None:
    empty = audit_view(tables=dict.fromkeys(COLUMNS, ()))
    assert list(sections(empty)) == []


def test_figures() -> None:
    facts = headline(audit_view())
    assert facts["contract value"] == "100.0 M USD, whole terms"
    assert facts["cannot be cancelled"] == "25.0 M USD to 50.0 M USD"
    assert facts["clauses"] == "1 none, 2 unknown, 3 priced, 0 legal review"
    assert headline(audit_view(gap=None))["rests on"] == "a plan without a bound"
    titles = {section.title: section.rows for section in sections(audit_view())}
    assert titles["To be decided within 90 days"] == (
        ("2028-01-31", "<b>", "decision", "2028-01-31", "recommended", "doing_nothing", "25.00"),
    )
    assert titles["Beside the market, USD per accelerator-hour"][0][-2:] == ("+25 %", "25,000,000.000")
