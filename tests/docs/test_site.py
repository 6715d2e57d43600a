"""The documentation as a site: every link leads somewhere, every page is in it, and no page asks anything of any host."""

from __future__ import annotations

import re

from mkdocs.commands.build import build
from mkdocs.config import load_config

from tests.docs.blocks import ROOT


def test_the_site_builds_without_a_warning(tmp_path):
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path), strict=True))
    pages = {path.relative_to(tmp_path).with_suffix(".md").as_posix() for path in tmp_path.rglob("*.html")}
    assert {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")} <= pages
    assert "<code>solver.time_limit_s</code>" in (tmp_path / "configuration.html").read_text(encoding="utf-8")
    assert "<td>each accelerator held out</td>" in (tmp_path / "surfaces.html").read_text(encoding="utf-8")
    loaded = re.compile(r"<(?:script|img|iframe)[^>]*src=\"https?:|<link[^>]*href=\"https?:|url\(\s*[\"']?https?:")
    assert [
        path.name for path in tmp_path.rglob("*") if path.suffix in (".html", ".css") and loaded.search(path.read_text(encoding="utf-8"))
    ] == []
