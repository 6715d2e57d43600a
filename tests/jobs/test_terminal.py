from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from optimizer.jobs.progress import phase_text, progress_fields, progress_share, progress_text, shown_progress
from optimizer.jobs.sections import print_sections
from optimizer.jobs.terminal import plain_lines, print_tables, show_plan
from optimizer.report import audit_page, backtest_page, comparison_page, quote_page
from optimizer.report.document import heading, is_number
from optimizer.report.headline import headline
from optimizer.solve.search import Progress
from tests.views import NASTY, OVERVIEW, audit_view, backtest_view, comparison_view, quote_view


def drawn(width: int) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    print_tables(OVERVIEW, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_figure_is_cut(width):
    told = drawn(width)
    assert max(map(len, told.splitlines())) <= width
    assert "…" not in told
    changed = ("12.35", "+15.00 M USD")
    for figure in (*changed, "1.23 bn USD", "1,000.00", "500,000,000", "2028-03-03", "1,500.00", "265.00", "3,000.00", "2.8 %"):
        assert figure in told


PAGES = (
    quote_page.sections(quote_view(("gpu_cloud_a_gb300_36m", "b_b300"))),
    audit_page.sections(audit_view("gpu_cloud_a_gb300_36m")),
    backtest_page.sections(backtest_view("2028-01")),
    comparison_page.sections(comparison_view(("gpu_cloud_a_gb300_36m", "b_b300"))),
)


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("section", [section for page in PAGES for section in page], ids=lambda section: section.title)
def test_every_heading_and_every_figure_is_told_however_narrow_the_terminal(section, width):
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    print_sections([section], console)
    told = console.file.getvalue()
    assert max(map(len, told.splitlines())) <= width
    assert not [word for column in section.columns for word in heading(column).split() if word not in told]
    figures = [row[i] for row in section.lines for i, column in enumerate(section.columns) if is_number(column)]
    assert not [figure for figure in figures if figure not in told]
    assert not [row[0] for row in section.rows if row[0].split()[0][:10] not in told]


def test_names_are_shown_as_they_are():
    assert NASTY in " ".join(drawn(200).split())


def test_plain_lines_can_be_parsed():
    lines = list(plain_lines(OVERVIEW))
    assert lines[:3] == ["status: limit", "objective_usd: 1234567890.5", "bound_usd: 1200000000.0"]
    assert all(": " in line for line in lines)
    assert "contract edge-old: decision=leave lots=2 from=2028-06-01 act_by=2028-03-03 ends=2031-01-01" in lines
    assert "due edge-old: act_by=2028-03-03 decision=leave lots=2 if_not_usd=12345678.00" in lines
    assert "since_last_plan price: change_usd=20000000.0" in lines
    assert "baseline on_demand_only: cost_usd=- saving_usd=-" in lines
    assert "obligation orbital-reserve: lots=4 until=2031-01-01 remaining_usd=3000000000.00" in lines


def test_a_search_stopped_before_it_had_a_bound_says_so():
    early = replace(OVERVIEW, bound_usd=None, gap_usd=None, gap=None)
    assert list(plain_lines(early))[2:5] == ["bound_usd: -", "gap_usd: -", "gap: -"]
    assert headline(early)["lower bound"] == "none found before the search stopped"
    assert headline(early)["gap"] == "unknown without a bound"


def test_output_that_is_not_a_terminal_gets_plain_lines(capsys):
    show_plan(OVERVIEW)
    assert capsys.readouterr().out.splitlines() == list(plain_lines(OVERVIEW))


STEPS = [
    Progress(phase="surfaces", seconds=0.2),
    Progress(phase="solve", seconds=1.0, incumbent_usd=1.5e9, bound_usd=1.2e9, gap=0.2),
    Progress(phase="solve", seconds=2.0, incumbent_usd=1.4e9, bound_usd=1.2e9, gap=0.1),
    Progress(phase="solve", seconds=12.0, incumbent_usd=1.3e9, bound_usd=1.2e9, gap=0.05),
    Progress(phase="surfaces", seconds=13.0),
]


def test_progress_is_a_line_now_and_then_elsewhere_and_in_the_log(capsys):
    log: list[str] = []
    with shown_progress(log.append) as progress:
        for step in STEPS:
            progress(step)
    assert log == [progress_fields(STEPS[i]) for i in (0, 1, 3)]
    assert capsys.readouterr().err.splitlines() == [f"progress: {line}" for line in log]


def test_progress_on_a_terminal_is_one_line_with_a_bar_that_goes_when_it_is_over(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr("optimizer.jobs.progress.Console", lambda **_: Console(file=screen, width=100, force_terminal=True))
    with shown_progress(list[str]().append) as progress:
        progress(replace(STEPS[1], limit_s=2.0))
    shown = screen.getvalue()
    assert "solve" in shown
    assert "\u2501" * 11 in shown  # half of the bar at least
    assert "best 1.50 bn USD" in shown
    assert shown.endswith("\x1b[2K")  # the line is wiped


def test_progress_text_says_phase_time_best_bound_and_gap():
    assert progress_text(STEPS[1]) == "   1 s   best 1.50 bn USD   bound 1.20 bn USD   gap 20 %"
    counted = Progress(phase="prices", seconds=3.0, done=7, of=28)
    assert (phase_text(counted), progress_share(counted)) == ("prices 7/28", 0.25)
    assert progress_fields(counted) == "phase=prices done=7/28 seconds=3.0"
    assert progress_share(Progress(phase="solve", seconds=15.0, limit_s=60.0), since=15.0) == 0.5
    assert progress_share(STEPS[0]) is None
    assert progress_fields(STEPS[1]) == "phase=solve seconds=1.0 incumbent_usd=1500000000.0 bound_usd=1200000000.0 gap=0.2"
