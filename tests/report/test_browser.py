"""Pages as a browser shows them: Debian's Chromium, driven by Playwright, with every network address out of reach."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator

from optimizer.__main__ import main
from optimizer.jobs.compiled import cache_folder
from optimizer.report.audit_page import audit_page
from optimizer.report.backtest_page import backtest_page
from optimizer.report.comparison_page import comparison_page
from optimizer.report.html import render
from optimizer.report.overview import CostLine, News, StressLine
from optimizer.report.page import plan_page
from optimizer.report.quote_page import quote_page
from optimizer.report.viewer import viewer_script
from optimizer.store.runs import run_ids
from optimizer.store.summary import KEYS
from tests.tolerances import LARGEST_PAGE_BYTES
from tests.views import HOSTILE, OVERVIEW, audit_view, backtest_view, comparison_view, quote_view, series_of
from tests.visits import CHROMIUM, Visit

SUMMARY: dict[str, Any] = dict.fromkeys(KEYS, 3) | {"as_of": "2028-01-03", "run_id": "20280103T060000.123Z-3fa91c"}
SUMMARY |= {"case": HOSTILE[-1], "alerts": HOSTILE, "inputs": dict.fromkeys(HOSTILE, "08ab.csv")}
NAMES = ("alpha", "beta", "gamma")
SPEND = "[data-spec='chart-spend-over-time-data']"
ACCESSIBLE: dict[str, Any] = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"],
    "rules": {"region": {"enabled": False}},  # cards and parts are within main
}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt install chromium")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Pages of every kind whose names try to be more than text, and one of a plan with names as people give them."""
    folder = tmp_path_factory.mktemp("pages")
    viewer = viewer_script(cache_folder())
    lines = tuple(replace(OVERVIEW.suppliers[0], supplier=name, spend_usd=1e9 * (i + 1)) for i, name in enumerate(HOSTILE))
    contracts = tuple(replace(OVERVIEW.contracts[i % 3], contract=name, supplier=name) for i, name in enumerate(HOSTILE))
    placed = tuple(replace(OVERVIEW.placements[0], load=name, pool=name) for name in HOSTILE)
    hostile = replace(OVERVIEW, case=HOSTILE[-1], suppliers=lines, contracts=contracts, placements=placed, alerts=HOSTILE)
    hostile = replace(
        hostile,
        scenarios=tuple(replace(OVERVIEW.scenarios[0], scenario=name) for name in HOSTILE),
        baselines=tuple(replace(OVERVIEW.baselines[0], name=name, note=name) for name in HOSTILE),
        obligations=tuple(replace(OVERVIEW.obligations[0], contract=name) for name in HOSTILE),
        movers=tuple(replace(OVERVIEW.movers[0], table=name, row=name, column=name) for name in HOSTILE),
        costs=tuple(replace(OVERVIEW.costs[0], line=name) for name in HOSTILE),
        due=tuple(replace(OVERVIEW.due[0], contract=name) for name in HOSTILE),
        stress=tuple(StressLine(case=name, what=name, more_usd=1e6, more_unserved_hours=5.0) for name in HOSTILE),
        news=News(since=HOSTILE[-1], steps=tuple(CostLine(line=name, usd=1e7) for name in HOSTILE), notes={"all": " ".join(HOSTILE)}),
    )
    pages = {
        "plan": plan_page(hostile, SUMMARY, series=series_of(HOSTILE)),
        "audit": audit_page(audit_view(HOSTILE[-1], everywhere=True), SUMMARY),
        "quote": quote_page(quote_view(HOSTILE), SUMMARY),
        "comparison": comparison_page(comparison_view(HOSTILE), SUMMARY),
        "backtest": backtest_page(backtest_view(HOSTILE[-1]), SUMMARY),
        "readable": plan_page(OVERVIEW, SUMMARY, series=series_of(NAMES)),
    }
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(render(page, viewer=viewer), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


@pytest.fixture(scope="module")
def readable(browser, files) -> Visit:
    return Visit(browser, files["readable"])


@pytest.fixture(scope="module")
def hostile_plan(browser, files) -> Visit:
    return Visit(browser, files["plan"], width=390)


@pytest.mark.parametrize("kind", ["plan", "audit", "quote", "comparison", "backtest"])
def test_names_are_text_and_nothing_is_asked_of_any_host(browser, files, hostile_plan, kind):
    visit = hostile_plan if kind == "plan" else Visit(browser, files[kind], width=390)
    visit.page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    for width, dark in ((390, False), (1440, True)):
        visit.seen(width=width, dark=dark)
        assert visit.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert min(visit.marks().values()) > 0
    assert visit.said == []
    assert [url for url in visit.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert HOSTILE[-1] in visit.page.inner_text("main")
    assert visit.page.locator("main script:not([type='application/json'])").count() == 0
    assert to_mend(visit, ACCESSIBLE) == []  # on the dark screen


def to_mend(visit: Visit, options: dict[str, Any]) -> list[tuple[str, str]]:
    """What axe finds to mend beside charts, with the first place of each."""
    found = Axe().run(visit.page, context={"exclude": [[".chart svg"]]}, options=options)
    return [(rule["id"], rule["nodes"][0]["html"]) for rule in found.response["violations"]]


def test_a_plan_has_its_charts(readable):
    assert list(readable.marks()) == [
        f"chart-{name}-data"
        for name in (
            *("from-the-last-plan-s-cost-to-this-one-s", "spend-over-time", "capacity-over-time", "what-scenarios-ask-for"),
            *("what-scenarios-cost", "users-and-sites", "latency-against-limits", "what-the-cost-is-made-of", "what-moves-the-cost"),
            *("use-of-contracts", "use-of-pools", "price-of-capacity-and-shortage", "where-work-runs"),
        )
    ]


def test_the_first_screen_says_what_to_do(readable):
    readable.seen(width=1440, dark=False)
    for card in readable.page.locator(".card").all():
        box = card.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 900


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_to_mend(readable, dark):
    readable.seen(width=1440, dark=dark)
    options = ACCESSIBLE | ({"runOnly": ["color-contrast"], "rules": {}} if dark else {})  # nothing else differs
    readable.page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    assert to_mend(readable, options) == []


def test_print_is_light_on_a_dark_screen_too(readable):
    fill = "getComputedStyle(document.querySelector('.chart .role-axis-label text')).fill"
    readable.page.emulate_media(color_scheme="dark")
    dark = readable.page.evaluate(fill)
    readable.page.emulate_media(media="print")
    assert readable.page.evaluate(fill) == readable.page.evaluate("getComputedStyle(document.body).color") != dark
    assert readable.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    readable.page.emulate_media(media="screen", color_scheme="light")


def test_the_legend_picks_a_supplier(readable):
    chart = readable.page.locator(SPEND)
    opacities = "(chart) => [...chart.querySelectorAll('.mark-rect.role-mark path')].map((bar) => getComputedStyle(bar).opacity)"
    assert set(chart.evaluate(opacities)) == {"1"}
    chart.locator(".role-legend-label text").first.click()
    picked = f"document.querySelector(\"{SPEND}\").view.signal('supplier').supplier"
    readable.page.wait_for_function(f"{picked} !== undefined")
    assert len(set(chart.evaluate(opacities))) == 2
    chart.locator(".role-legend-label text").first.click(modifiers=["Shift"])  # as it was
    readable.page.wait_for_function(f"{picked} === undefined")


def test_a_drag_over_the_bars_sums_a_stretch_of_time(readable):
    chart = readable.page.locator(SPEND)
    chart.scroll_into_view_if_needed()
    whole, plot = summed(chart), chart.locator("svg path.background").nth(1).bounding_box()
    assert whole > 0
    assert plot is not None
    readable.page.mouse.move(plot["x"] + plot["width"] / 10, plot["y"] + 10)
    readable.page.mouse.down()
    readable.page.mouse.move(plot["x"] + plot["width"] / 3, plot["y"] + 50, steps=5)
    readable.page.mouse.up()
    readable.page.wait_for_function(f"document.querySelector(\"{SPEND}\").view.signal('periods').period !== undefined")
    assert 0 < summed(chart) < whole


def summed(chart: Locator) -> float:
    """What the lower chart of spend adds up to, from what its bars say of themselves."""
    told = [bar.get_attribute("aria-label") or "" for bar in chart.locator(".concat_1_group .mark-rect.role-mark path").all()]
    return sum(float(re.findall(r"periods chosen: ([\d,.]+)", text)[0].replace(",", "")) for text in told)


def test_the_map_shows_another_period(readable):
    chart = readable.page.locator("[data-spec='chart-users-and-sites-data']")
    flows = chart.locator(".mark-rule.role-mark line")
    before = flows.first.get_attribute("aria-label")
    assert flows.count() == len(NAMES)
    chart.locator("select").select_option(index=2)
    assert flows.count() == len(NAMES)
    assert flows.first.get_attribute("aria-label") != before


def test_tables_sort_and_are_handed_over_as_csv(hostile_plan):
    visit = hostile_plan
    table = visit.page.locator("table[aria-label='By supplier']")
    heading = table.locator("thead th:nth-child(2)")

    def spend() -> list[float]:
        return [float(text.replace(",", "")) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]

    heading.locator("button").click()
    assert spend() == sorted(spend())
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator("button").press("Enter")
    assert spend() == sorted(spend(), reverse=True)
    with visit.page.expect_download() as handed:
        visit.page.get_by_role("button", name="Download By supplier as CSV").click()
    text = Path(handed.value.path()).read_text(encoding="utf-8")
    assert '"\'=HYPERLINK(1)"' in text
    assert text.count("\n") == len(HOSTILE) + 1


def test_folded_tables_open_and_totals_stay_last(readable):
    table = readable.page.locator("table[aria-label='Cost by line, expected and discounted']")
    folded = readable.page.locator("details", has=table)
    if folded.get_attribute("open") is None:
        folded.locator("summary").click()
    for _ in range(2):
        table.locator("thead button").nth(1).click()
        assert table.locator("tr").last.inner_text().split("\t") == ["total", "1,234.57"]


@pytest.mark.slow
def test_the_page_of_frontier_lab_is_small(browser, tmp_path):
    home = tmp_path / "runs"
    assert main(["plan", f"output.folder={home}", "output.pictures=false", "solver.time_limit_s=30"]) == 0
    file = home / run_ids(home)[-1] / "report.html"
    assert file.stat().st_size <= LARGEST_PAGE_BYTES
    visit = Visit(browser, file)
    assert visit.said == []
    assert min(visit.marks().values()) > 0
    visit.context.close()
