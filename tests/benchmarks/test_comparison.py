"""Two files of rows compared, and drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.comparison import compared
from benchmarks.drawing import elements
from benchmarks.rows import Output, ResultRow

SLOW, SAME, ONCE = ("s", "slow", "1 x 2", "ours", "cpu"), ("s", "same", "1 x 2", "ours", "cpu"), ("s", "once", "1 x 2", "ours", "cpu")


def test_slower_only_where_the_runs_say_so() -> None:
    before = {SLOW: [1.0, 1.1, 0.9], SAME: [1.0, 2.0, 0.5], ONCE: [1.0]}
    after = {SLOW: [2.0, 2.2, 1.8], SAME: [1.1, 1.9, 0.6], ONCE: [9.0]}
    found = {change.key: change for change in compared(before, after)}
    assert [found[key].verdict for key in (SLOW, SAME, ONCE)] == ["slower", "as before", "too few runs"]
    assert found[SLOW].ratio == pytest.approx(2.0)
    assert found[SLOW].low < 2.0 < found[SLOW].high
    assert {change.key: change.verdict for change in compared(after, before)}[SLOW] == "faster"


def kept(file: Path, seconds: list[float], gap: float) -> str:
    output = Output(str(file), {"commit": "", "versions": ""})
    for size, took in zip(("10 x 2", "1,000 x 2"), seconds, strict=True):
        output.add(ResultRow(suite="s", case="c", size=size, solver="ours", seconds=took, gap=gap))
    return str(file)


def test_files_of_rows_are_compared_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = kept(tmp_path / "a.csv", [1.0, 4.0], 0.1), kept(tmp_path / "b.csv", [2.0, 4.0], 0.2)
    capsys.readouterr()
    assert main(["compare", a, b]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "2.000" in lines[1]
    assert "too few runs  s | c | 10 x 2 | ours | cpu" in lines[1]
    page = tmp_path / "page.html"
    assert main(["report", a, b, f"out={page}"]) == 0
    drawn = page.read_text()
    assert "s, c: time against size" in drawn
    assert "s: gap against time" in drawn
    assert "cdn" not in drawn.split("<body")[-1]


@pytest.mark.parametrize("words", [["compare"], ["compare", "a.csv", "b.csv"], ["report", "a.csv"], ["report", "out=a.html"]])
def test_what_is_missing_is_named(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert words[0] in capsys.readouterr().err


def test_elements_are_the_product_of_a_size() -> None:
    assert elements("1,000 x 40 x 12") == 480_000
    assert elements("2 cores") == 2
    assert elements("") != elements("")
