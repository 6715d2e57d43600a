"""Pages opened in Debian's Chromium, driven by Playwright, with every network address out of reach."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRAWN = "[...document.querySelectorAll('.chart')].every((chart) => chart.dataset.drawn)"


class Visit:
    """A page opened, and everything that it said or asked for."""

    def __init__(self, browser: Browser, file: Path, *, width: int = 1440) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900})
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())
        self.page.wait_for_function(DRAWN)

    def seen(self, *, width: int, dark: bool) -> None:
        """The same page on another screen, drawn anew."""
        self.page.emulate_media(color_scheme="dark" if dark else "light")
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.wait_for_function(DRAWN)

    def marks(self) -> dict[str, int]:
        """Marks of each chart, by its name."""
        charts = self.page.locator(".chart").all()
        return {chart.get_attribute("data-spec") or "": chart.locator("svg .role-mark path").count() for chart in charts}
