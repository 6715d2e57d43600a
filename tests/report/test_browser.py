"""Pages as a browser shows them: Debian's Chromium, driven by Playwright, with every network address out of reach."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Playwright, sync_playwright

from optimizer.__main__ import main
from optimizer.report.page import plan_page
from optimizer.report.series import PlanSeries
from optimizer.report.viewer import viewer_script
from optimizer.store.runs import run_ids
from optimizer.store.summary import KEYS
from tests.tolerances import LARGEST_PAGE_BYTES, LEAST_CONTRAST
from tests.views import NASTY, OVERVIEW

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
ALONE = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
SUMMARY = dict.fromkeys(KEYS, 3) | {"as_of": "2028-01-03", "run_id": "20280103T060000.123Z-3fa91c"}
HOSTILE = (NASTY, "=HYPERLINK(1)", "'\"quotes\"'", "\u202eright to left", "n" * 300, "\U0001f600", "</script><script>alert(1)</script>")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt install chromium")


def hostile_series() -> PlanSeries:
    """Every name of every chart is one that tries to be more than text."""
    when = [{"order": t, "period": f"{period} {NASTY}"} for t, period in enumerate(("m9", "m10", "m11"))]
    rows = [(at, i, name) for at in when for i, name in enumerate(HOSTILE)]
    placed = [at | {"load": name, "workload": name, "pool": name, "supplier": name, "accelerators": 5.0 + i} for at, i, name in rows]
    return PlanSeries(
        suppliers=HOSTILE,
        spend=[at | {"supplier": name, "line": name, "cash_usd": 1e6 * (i + 1)} for at, i, name in rows],
        capacity=[at | {"supplier": name, "accelerators": 10.0 * (i + 1)} for at, i, name in rows],
        committed=[at | {"accelerators": 100.0} for at in when],
        asked=[at | {"low": 50.0, "high": 150.0} for at in when],
        placements=placed,
        contract_use=[at | {"contract": name, "supplier": name, "capacity": 10.0, "drawn": 5.0, "share": 0.5} for at, _, name in rows],
        pools=[at | {"pool": name, "usd_per_accelerator_hour": 1.5 * i, "missing": float(i == 1)} for at, i, name in rows],
        costs=[
            {"line": NASTY, "start_usd": 0.0, "end_usd": 3e6, "usd": 3e6},
            {"line": "total", "start_usd": 0.0, "end_usd": 3e6, "usd": 3e6},
        ],
        movers=[{"figure": name, "usd": 1e5 * (3 - i)} for i, name in enumerate(HOSTILE)],
    )


@pytest.fixture(scope="module")
def playwright():
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright):
    with playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *ALONE]) as launched:
        yield launched


@pytest.fixture(scope="module")
def viewer(tmp_path_factory):
    return viewer_script(tmp_path_factory.mktemp("viewer"))


@pytest.fixture(scope="module")
def hostile(viewer, tmp_path_factory) -> Path:
    lines = tuple(replace(OVERVIEW.suppliers[0], supplier=name, spend_usd=1e9 * (i + 1)) for i, name in enumerate(HOSTILE))
    file = tmp_path_factory.mktemp("page") / "report.html"
    page = plan_page(replace(OVERVIEW, suppliers=lines, alerts=HOSTILE), SUMMARY, series=hostile_series(), viewer=viewer)
    file.write_text(page, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def planned(tmp_path_factory) -> Path:
    """The page of a plan of tiny, with prices."""
    home = tmp_path_factory.mktemp("planned") / "runs"
    assert main(["plan", "case=tiny", f"output.folder={home}", "output.pictures=false", "solver.explain=true"]) == 0
    return home / run_ids(home)[-1] / "report.html"


LOWER_BARS = ".concat_1_group .mark-rect.role-mark path"


def summed(chart: Locator) -> float:
    """What the lower chart of spend adds up to, from what its bars say of themselves."""
    told = [bar.get_attribute("aria-label") or "" for bar in chart.locator(LOWER_BARS).all()]
    return sum(float(re.findall(r"periods chosen: ([\d,.]+)", text)[0].replace(",", "")) for text in told)


class Visit:
    """A page opened, and everything that it said or asked for."""

    def __init__(self, browser: Browser, file: Path, *, width: int = 1440, dark: bool = False) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_function("[...document.querySelectorAll('.chart')].every((chart) => chart.dataset.drawn)")

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_names_are_text_and_nothing_is_asked_of_any_host(browser, hostile, width, dark):
    with Visit(browser, hostile, width=width, dark=dark) as visit:
        assert visit.said == []
        assert [url for url in visit.asked if not url.startswith(("file:", "data:", "blob:"))] == []
        assert visit.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        shown = visit.page.inner_text("main")
        assert all(name.strip("\u202e") in shown for name in HOSTILE[:4])
        assert visit.page.locator("main script:not([type='application/json'])").count() == 0
        charts = [chart.locator("svg .role-mark path").count() for chart in visit.page.locator(".chart").all()]
        assert len(charts) == 7
        assert min(charts) > 0


def test_the_page_of_a_plan_has_charts_and_stays_small(browser, planned):
    assert planned.stat().st_size <= LARGEST_PAGE_BYTES
    with Visit(browser, planned) as visit:
        assert visit.said == []
        titles = visit.page.locator("h2").all_inner_texts()
        for title in ("Spend over time", "Capacity over time", "What the cost is made of", "What moves the bound", "Where work runs"):
            assert title in titles


def test_the_legend_picks_a_supplier(browser, planned):
    with Visit(browser, planned) as visit:
        chart = visit.page.locator(".chart").first
        opacities = "(chart) => [...chart.querySelectorAll('.mark-rect.role-mark path')].map((bar) => getComputedStyle(bar).opacity)"
        assert set(chart.evaluate(opacities)) == {"1"}
        chart.locator(".role-legend-label text").first.click()
        visit.page.wait_for_function("document.querySelector('.chart').view.signal('supplier').supplier !== undefined")
        assert len(set(chart.evaluate(opacities))) == 2


def test_a_drag_over_the_bars_sums_a_stretch_of_time(browser, planned):
    with Visit(browser, planned) as visit:
        chart = visit.page.locator(".chart").first
        chart.scroll_into_view_if_needed()
        whole, plot = summed(chart), chart.locator("svg path.background").nth(1).bounding_box()
        assert whole > 0
        assert plot is not None
        visit.page.mouse.move(plot["x"] + plot["width"] / 10, plot["y"] + 10)
        visit.page.mouse.down()
        visit.page.mouse.move(plot["x"] + plot["width"] / 3, plot["y"] + 50, steps=5)
        visit.page.mouse.up()
        visit.page.wait_for_function("document.querySelector('.chart').view.signal('periods').period !== undefined")
        assert 0 < summed(chart) < whole


def test_tables_sort_and_are_handed_over_as_csv(browser, hostile):
    with Visit(browser, hostile) as visit:
        table = visit.page.locator("table[aria-label='By supplier']")
        spend = lambda: [float(text.replace(",", "")) for text in table.locator("tbody td:nth-child(2)").all_inner_texts()]  # noqa: E731
        heading = table.locator("thead th:nth-child(2) button")
        heading.click()
        assert spend() == sorted(spend())
        assert table.locator("thead th:nth-child(2)").get_attribute("aria-sort") == "ascending"
        heading.press("Enter")
        assert spend() == sorted(spend(), reverse=True)
        with visit.page.expect_download() as handed:
            visit.page.get_by_role("button", name="Download By supplier as CSV").click()
        text = Path(handed.value.path()).read_text(encoding="utf-8")
        assert "\"'=HYPERLINK(1)\"" in text
        assert text.count("\n") == len(HOSTILE) + 1


CONTRAST = """() => {
  const channel = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const light = (rgb) => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
  const read = (text) => text.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = read(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return read(getComputedStyle(document.body).backgroundColor);
  };
  const tells = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  const texts = [...document.querySelectorAll("main *")].filter((e) => !e.closest("svg") && tells(e));
  const ratios = texts.filter((e) => e.tagName !== "SCRIPT").map((e) => {
    const [a, b] = [light(read(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
  return Math.min(...ratios);
}"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_stand_out_and_controls_have_names(browser, planned, dark):
    with Visit(browser, planned, dark=dark) as visit:
        assert visit.page.evaluate(CONTRAST) >= LEAST_CONTRAST
        unnamed = visit.page.evaluate(
            "[...document.querySelectorAll('button, a, [role=img], [role=region]')]"
            ".filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim())).length"
        )
        assert unnamed == 0
        assert visit.page.evaluate("document.documentElement.lang") == "en"
