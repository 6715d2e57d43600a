"""Pages to share: no price and no name of a supplier anywhere in the file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from optimizer.errors import DataError
from optimizer.report.audit_page import audit_page
from optimizer.report.backtest_page import backtest_page
from optimizer.report.comparison_page import comparison_page
from optimizer.report.document import Bullets, Chart, Facts, Page, Section, page_of, page_text
from optimizer.report.html import render
from optimizer.report.overview import BaselineLine, ContractLine
from optimizer.report.page import plan_page
from optimizer.report.quote_page import quote_page
from optimizer.report.redaction import redacted
from optimizer.store.summary import KEYS
from tests.views import OVERVIEW, audit_view, backtest_view, comparison_view, quote_view, series_of

SUPPLIERS = ("Zanzibar Compute", "oman_fabric", "Q+A (cloud)")
CONTRACT, POOL = "oman_fabric_2031", "Zanzibar Compute/h300"
NAMES = {name: f"supplier {i}" for i, name in enumerate(SUPPLIERS, start=1)} | {POOL: "pool 1", CONTRACT: "contract 1"}
SUMMARY: dict[str, Any] = dict.fromkeys(KEYS, 3) | {
    "as_of": "2028-01-03",
    "objective_usd": OVERVIEW.objective_usd,
    "alerts": [f"leans on {CONTRACT}"],
}
MONEY = (
    "1234567",
    "1,234.57",
    "1.23 bn",
    "34.6 m",
    "12345678",
    "12.35",
    "265.00",
    "1,500.00",
    "1234500",
    "2.3456",
    "3.4567",
    "4.5678",
    "777,",
)


@pytest.fixture(scope="module")
def page() -> Page:
    lines = tuple(replace(OVERVIEW.suppliers[0], supplier=name) for name in SUPPLIERS)
    contract = ContractLine(
        contract=CONTRACT, supplier="oman_fabric", decision="keep", lots=4, starts=None, act_by=None, ends=date(2031, 1, 1)
    )
    alerts = (f"leave 2 lots of {CONTRACT}: act by 2028-03-03; doing nothing costs 777,777 USD at most", "ZANZIBAR COMPUTE is late")
    noted = (BaselineLine(name="hold", cost_usd=1.5e9, saving_usd=2.65e8, note=f"{POOL} stays"),)
    view = replace(OVERVIEW, suppliers=lines, contracts=(contract,), alerts=alerts, baselines=noted)
    return plan_page(view, SUMMARY, series=series_of((*SUPPLIERS, POOL, CONTRACT)), names=NAMES)


def said(page: Page) -> str:
    return render(page).casefold().replace("\u00a0", " ")


def test_the_whole_page_says_it_all(page: Page) -> None:
    text = said(page)
    assert all(name.casefold() in text for name in (*SUPPLIERS, POOL, CONTRACT))
    assert all(amount in text for amount in MONEY)


def test_a_page_without_suppliers_names_none(page: Page) -> None:
    text = said(redacted(page, ["suppliers"]))
    assert not [name for name in NAMES if name.casefold() in text]
    assert not re.search("zanzibar|oman|latitude2", text)  # nor coordinates
    assert "supplier 1" in text
    assert "contract 1" in text
    assert "1,234.57" in text


def test_a_page_without_prices_has_no_amount_of_money(page: Page) -> None:
    text = said(redacted(page, ["prices"]))
    assert not [amount for amount in MONEY if amount in text]
    assert "zanzibar compute" in text
    assert "act by 2028-03-03; doing nothing costs … usd at most" in text


def test_both_at_once_and_the_charts_that_are_left(page: Page) -> None:
    shared = redacted(page, ["prices", "suppliers"])
    text = said(shared)
    assert not [word for word in (*NAMES, *MONEY) if word.casefold() in text]
    charts = [part.title for part in shared if isinstance(part, Chart)]
    kept = ("Capacity over time", "What scenarios ask for", "Latency against limits", "Use of contracts", "Use of pools", "Where work runs")
    assert charts == list(kept)
    assert [part.title for part in shared if isinstance(part, Section) and part.total] == []
    assert shared.names == {}
    assert "objective_usd" not in shared.summary


SPELT = (
    *("Zanzibar-Compute's", "ZANZIBAR COMPUTE", "zanzibar_compute", "ZanzibarCompute", "zanzibar\u2011compute", "Oman Fabric\u2019s"),
    *("oman-fabric", "OmanFabric 2031", "oman fabric 2031", "Q+A  (Cloud)", "q+a_(cloud)", "oman_fabric/2027 master agreement"),
)


def test_suppliers_go_however_they_are_spelt() -> None:
    told = tuple(f"as {name} wrote on 2028-03-01, see notes" for name in SPELT)
    rows = tuple((name, f"source: {name}.pdf", "pdf") for name in SPELT)
    table = Section(title="Notes", columns=("contract", "source", "kind"), rows=rows, total=(f"all of {SPELT[0]}", "", ""))
    bars = Chart(title="Bars", caption=f"of {SPELT[1]}", specification={"data": {"values": [{"name": name} for name in SPELT]}})
    facts = Facts(values={name: f"with {name}" for name in SPELT})
    parts = (Bullets(title="Alerts", items=told), table, bars, facts)
    page = Page(title=f"Plan for {SPELT[3]}", top=(), parts=parts, summary={"case": "lab", "alerts": told}, names=NAMES)
    assert re.search(b"zanzibar|oman|q\\+a", render(page).lower().encode())
    shared = redacted(page, ["suppliers"])
    for file in (render(shared), page_text(shared)):
        assert not re.search(b"zanzibar|oman|q\\+a", file.lower().encode())
    assert "as supplier 1&#x27;s wrote on 2028-03-01, see notes" in render(shared)
    assert "as contract 1 wrote on" in render(shared)
    assert "pdf" in render(shared)


def test_words_that_only_begin_like_a_supplier_stay() -> None:
    told = Bullets(title="b", items=("oman_fabrics, womanfabric and oman fabricated",))
    page = Page(title="t", top=(), parts=(told,), summary={}, names=NAMES)
    assert redacted(page, ["suppliers"]).parts == page.parts


def test_a_document_is_read_back_as_it_was(page: Page) -> None:
    assert render(page_of(page_text(page), "page.json")) == render(page)
    with pytest.raises(DataError, match=r"page\.json: must be of page_version 1"):
        page_of('{"page_version": 0}', "page.json")


@pytest.mark.parametrize(
    "made",
    [
        plan_page(OVERVIEW, SUMMARY, series=series_of(SUPPLIERS)),
        audit_page(audit_view(), SUMMARY),
        quote_page(quote_view(SUPPLIERS), SUMMARY),
        comparison_page(comparison_view(SUPPLIERS), SUMMARY),
        backtest_page(backtest_view("one"), SUMMARY),
    ],
    ids=["plan", "audit", "quote", "comparison", "backtest"],
)
def test_what_speaks_of_money_is_marked_as_money(made: Page) -> None:
    shared = redacted(made, ["prices"])
    assert [part.title for part in shared if isinstance(part, Chart) and "USD" in json.dumps(part.specification)] == []
    assert [(part.title, column) for part in shared if isinstance(part, Section) for column in part.columns if "USD" in column] == []
    assert any(isinstance(part, Section) for part in shared)


@pytest.mark.parametrize(
    ("told", "shared"),
    [
        ("leave 2 of h200_24m by 2028-03-03: 777,777.5 USD at most", "leave … of h200_24m by 2028-03-03: … USD at most"),
        ("it saves 2.5k, 12 % of 3.5e+06", "it saves …, 12 % of …"),
        ("the rate is 1.08 USD to the EUR", "the rate is … USD to the EUR"),
        ("-5.00 to +7 M USD at the 90th percentile", "… to … M USD at the 90th percentile"),
        ("3 of 12 loads move", "3 of 12 loads move"),
    ],
)
def test_figures_go_from_sentences_that_speak_of_money(told: str, shared: str) -> None:
    page = Page(title="t", top=(), parts=(Bullets(title="b", items=(told,)),), summary={})
    (part,) = redacted(page, ["prices"]).parts
    assert part == Bullets(title="b", items=(shared,))
