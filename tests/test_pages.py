"""checks/pages.py on two small pages: one as it should be, one that speaks, asks and draws nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.visits import CHROMIUM

ROOT = Path(__file__).resolve().parents[1]
DRAWN = '<div class="chart" data-spec="{name}" data-drawn="yes">{marks}</div>'
MARKS = '<svg><g class="role-mark"><path d="M0 0h9"></path></g></svg>'
ASKING = '<img src="http://127.0.0.1:9/a.png"><script>console.warn("a warning")</script><p style="width:9000px">wide</p>'


@pytest.fixture
def pages(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "checks"), *sys.path])
    import pages

    return pages


def made(folder: Path, body: str) -> Path:
    folder.mkdir()
    (folder / "report.html").write_text(f"<!doctype html><title>a page</title><main>{body}</main>")
    return folder


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt install chromium")
def test_faults_are_told_and_pictures_kept(pages, tmp_path, capsys):
    sound = made(tmp_path / "sound", DRAWN.format(name="spend", marks=MARKS))
    assert pages.main([str(sound), "--visits", "1", "--shots", str(tmp_path / "shots")]) == 0
    assert len(list((tmp_path / "shots").glob("sound-*.png"))) == 10
    assert capsys.readouterr().out.count(", 0 faults\n") == 2
    faulty = made(tmp_path / "faulty", DRAWN.format(name="use", marks="") + ASKING)
    assert pages.main([str(faulty), "--visits", "1"]) == 1
    told = capsys.readouterr().out
    for fault in ("console: a warning", "asks for http://127.0.0.1:9/a.png", "no marks in use", "pixels wider than the screen"):
        assert fault in told
