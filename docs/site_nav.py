"""The documentation site: the order of its pages, and what the program itself knows put into them.

Pages that no list names come last, so that none is missing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from optimizer.jobs.reference import accuracy_markdown, configuration_markdown

DOCS = Path(__file__).resolve().parent
ORDER = {
    "For a start": ("tutorial", "your_data", "reading_a_plan"),
    "Jobs": ("operations", "audit", "quote", "backtest", "scenarios", "exchange", "scale", "configuration", "python"),
    "How it works": ("method", "problem", "surfaces", "risk", "stages", "sensitivities"),
    "Contracts": ("contracts/index", "contracts"),
    "Tables": ("tables",),
    "Decisions": ("decisions",),
}


def on_config(config: Any) -> Any:
    """Called by mkdocs when it has read its configuration."""
    listed: list[str] = ["index.md"]
    nav: list[Any] = ["index.md"]
    for title, names in ORDER.items():
        pages = [page for name in names for page in _pages(name) if page not in listed]
        listed += pages
        nav.append({title: pages})
    others = [page for page in _all("**/*.md") if page not in listed]
    config["nav"] = [*nav, {"More": others}] if others else nav
    return config


def on_files(files: Files, config: Any) -> Files:
    """Adds the configuration reference, so that it is never older than the settings."""
    files.append(File.generated(config, "configuration.md", content=configuration_markdown()))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Puts the errors of the shipped calibration where a page asks for them."""
    return re.sub(r"<!-- accuracy\b.*?-->", lambda _: accuracy_markdown(), markdown)


def _pages(name: str) -> list[str]:
    """A page, or all of a folder."""
    return _all(f"{name}/*.md") if (DOCS / name).is_dir() else [f"{name}.md"]


def _all(pattern: str) -> list[str]:
    return sorted(path.relative_to(DOCS).as_posix() for path in DOCS.glob(pattern))
