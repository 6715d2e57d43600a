"""A case whose every name tries to be more than text: its pages show it as text, and its CSV files hold no formula."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

import pytest

from optimizer.__main__ import main
from optimizer.store.runs import run_ids
from optimizer.tables.schema import Column, Kind
from optimizer.tables.schemas import TABLE_BY_NAME
from tests.views import HOSTILE
from tests.visits import CHROMIUM, Visit

SHIPPED = ("accelerators", "models")  # names that the planner's own tables know
KNOWN = ("time_zone", "x_TimeZone", "BillingCurrency", "currency", "accelerator")
WORDS = ("none", "unknown", "inference", "training", "research", "batch")  # that mean something in columns of names
BETWEEN = re.compile(r"([@#;])")  # names that others are built of
REGISTERED = """ContractCommitmentId,section,category,text,blocks_multi_supplier,owner,reviewed_on,source,source_kind,as_of
hyperscaler_a_reserved,7,assignment,no assignment,true,legal,,a contract,assumed,2026-06-30
"""
LIMITS = ("solver.time_limit_s=4", "output.csv=true")
FORMULA = re.compile(r"[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*(e[+-]?\d+)?|inf|nan)", re.IGNORECASE)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt install chromium")]


class Renamed:
    """Every name as another one, the same everywhere."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def cell(self, text: str) -> str:
        return "".join(part if BETWEEN.fullmatch(part) or part.isdigit() else self.name(part) for part in BETWEEN.split(text) if part)

    def name(self, text: str) -> str:
        if text in WORDS:
            return text
        return self.names.setdefault(text, f"{HOSTILE[len(self.names) % len(HOSTILE)]} {len(self.names)}")


def is_free(column: Column) -> bool:
    """Whether people write what they like into it."""
    return column.kind in (Kind.TEXT, Kind.LIST) and not column.allowed and column.refers_to not in SHIPPED and column.name not in KNOWN


def rename(folder: Path) -> Renamed:
    """Every text of the case's tables; a number stays one."""
    renamed = Renamed()
    for file in sorted(folder.glob("*.csv")):
        table = TABLE_BY_NAME[file.stem]
        with file.open(encoding="utf-8", newline="") as opened:
            header, *rows = csv.reader(line for line in opened if not line.startswith("#"))
        free = [i for i, name in enumerate(header) if is_free(table.column(name))]
        changed = [[renamed.cell(cell) if i in free and cell else cell for i, cell in enumerate(row)] for row in rows]
        with file.open("w", encoding="utf-8", newline="") as opened:
            csv.writer(opened).writerows([header, *changed])
    return renamed


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> tuple[Path, Renamed, dict[str, Path]]:
    """(folder of runs, names, run of each job) of the case small with names that try to be more than text, in a folder with such a name."""
    home = tmp_path_factory.mktemp("hostile")
    lab = home / "<img src=x onerror=alert(1)>"
    assert main(["init", f"folder='{lab}'", "from_case=small"]) == 0
    (lab / "clause_register.csv").write_text(REGISTERED)
    renamed = rename(lab)
    runs, own = home / "runs", (f"case.path='{lab}'", f"output.folder={home / 'runs'}")
    jobs = {
        "plan": ("plan", *own, *LIMITS),  # with its pictures, whose files are named after services
        "replan": ("replan", *own, *LIMITS, "watch.days=400", "output.pictures=false"),
        "audit": ("audit", *own, *LIMITS, "audit.prices=false"),
        "quote": ("quote", *own, *LIMITS, "quote.time_limit_s=15"),
        "compare": ("compare", f"output.folder={runs}", "output.csv=true"),
    }
    made = {}
    for job, words in jobs.items():
        if job == "compare":
            assert main(["plan", *own, *LIMITS, "horizon.periods=3", "output.pictures=false"]) == 0
        assert main(list(words)) == 0, job
        made[job] = runs / run_ids(runs)[-1]
    return runs, renamed, made


def test_every_free_column_of_the_case_has_such_names(hostile):
    _, renamed, _ = hostile
    assert len(renamed.names) > 90
    assert all(any(given.startswith(name) for given in renamed.names.values()) for name in HOSTILE)


@pytest.mark.parametrize("job", ["plan", "replan", "audit", "quote", "compare"])
def test_pages_show_names_as_text(browser, hostile, job):
    _, renamed, made = hostile
    visit = Visit(browser, made[job] / "report.html", width=390)
    visit.page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    visit.seen(width=1440, dark=True)
    assert visit.said == []
    assert [url for url in visit.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert visit.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert visit.page.locator("main img, main b, main script:not([type='application/json'])").count() == 0
    shown = visit.page.inner_text("main")
    assert "<script>alert" in shown
    assert sum(name in shown for name in renamed.names.values()) > 5
    visit.context.close()


def test_csv_files_hold_no_formula(hostile):
    *_, made = hostile
    files = [file for run in made.values() for file in run.glob("*.csv")]
    assert len(files) > 30
    wrong = [(file.name, cell) for file in files for cell in cells(file) if FORMULA.match(cell) and not NUMBER.fullmatch(cell)]
    assert wrong == []
    assert any(cell.startswith("'=HYPERLINK") for file in files for cell in cells(file))


def cells(file: Path) -> Iterator[str]:
    with file.open(encoding="utf-8", newline="") as opened:
        for row in csv.reader(opened):
            yield from row


def test_a_page_to_share_has_none_of_the_names_of_suppliers(hostile, tmp_path):
    runs, renamed, made = hostile
    file = tmp_path / "shared.html"
    assert main(["report", f"run={made['plan'].name}", "redact=suppliers", f"file={file}", f"output.folder={runs}"]) == 0
    text = file.read_text(encoding="utf-8")
    suppliers = [renamed.names[name] for name in ("hyperscaler_a", "gpu_cloud_a", "hyperscaler_a_reserved", "virginia_h100")]
    assert not [name for name in suppliers if {name in text, escape(name) in text, json.dumps(name)[1:-1] in text} != {False}]
