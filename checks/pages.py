#!/usr/bin/env python3
"""Pages of runs in Debian's Chromium, out of reach of any network: their size, when they can be used, what they say and ask for.

    .venv/bin/python checks/pages.py runs/RUN [runs/RUN ...] [--visits 5] [--shots FOLDER]

Needs the environment that run.py makes, and chromium. Each page is opened anew on a wide screen and on a phone, `--visits` times; told
are medians of the seconds until it can be read and sorted, and until its last chart is drawn. Ends with 1 where a page is larger than
3 MiB, cannot be used within 2 s, writes to the console, asks for an address or has a chart without marks. `--shots` keeps pictures:
light, dark and as printed, whole and of the first screen.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

LARGEST_BYTES, LONGEST_S = 3 * 2**20, 2.0
SCREENS = {"wide": (1440, 900), "phone": (390, 844)}
ALONE = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")
DRAWN = "[...document.querySelectorAll('.chart')].every((chart) => chart.dataset.drawn)"
EMPTY = "[...document.querySelectorAll('.chart')].filter((chart) => !chart.querySelector('.role-mark path')).map((one) => one.dataset.spec)"
USABLE = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd / 1000"  # headings sort from then on
OPEN = "for (const folded of document.querySelectorAll('details')) folded.open = true"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What opening a page came to."""

    usable_s: float
    drawn_s: float
    faults: tuple[str, ...]


def visit(browser: Browser, file: Path, size: tuple[int, int], shots: Path | None) -> Visit:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page, said, asked = context.new_page(), list[str](), list[str]()
    page.on("console", lambda message: said.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_function(DRAWN, timeout=120_000)
    drawn = page.evaluate("performance.now() / 1000")
    outside = [f"asks for {url}" for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    empty = [f"no marks in {name}" for name in page.evaluate(EMPTY)]
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    faults = (*said, *outside, *empty, *([f"{wide} pixels wider than the screen"] if wide > 0 else []))
    found = Visit(usable_s=page.evaluate(USABLE), drawn_s=drawn, faults=faults)
    if shots is not None:
        photograph(page, shots, f"{file.parent.name}-{size[0]}")
    context.close()
    return found


def photograph(page: Page, folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=folder / f"{name}-{scheme}-first.png")
        page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)
    page.evaluate(OPEN)
    page.emulate_media(media="print", color_scheme="light")
    page.screenshot(path=folder / f"{name}-print.png", full_page=True)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of runs")
    parser.add_argument("--visits", type=int, default=5, help="of each page on each screen")
    parser.add_argument("--shots", type=Path, help="folder for pictures; none without it")
    asked = parser.parse_args(arguments)
    chromium, wrong = shutil.which("chromium"), False
    if chromium is None:
        raise SystemExit("chromium must be installed (Debian: apt install chromium).")
    print(f"load before: {os.getloadavg()[0]:.1f}")
    with sync_playwright() as started, started.chromium.launch(executable_path=chromium, args=list(ALONE)) as browser:
        for run in asked.runs:
            file = (run / "report.html").resolve()
            for screen, size in SCREENS.items():
                seen = [visit(browser, file, size, asked.shots if i == 0 else None) for i in range(asked.visits)]
                usable, drawn = (statistics.median(getattr(one, name) for one in seen) for name in ("usable_s", "drawn_s"))
                faults = sorted({fault for one in seen for fault in one.faults})
                size_told = f"{file.stat().st_size / 2**20:.2f} MiB"
                times = f"usable after {usable:.2f} s, drawn after {drawn:.2f} s"
                print(f"{run.name}, {screen}: {size_told}, {times}, {len(faults)} faults", *faults, sep="\n  ")
                wrong |= bool(faults) or file.stat().st_size > LARGEST_BYTES or usable > LONGEST_S
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
