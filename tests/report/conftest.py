"""The browser in which tests open pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.visits import CHROMIUM

QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
ALONE = ("--disable-background-networking", "--disable-component-update", "--disable-sync")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as started, started.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *ALONE]) as launched:
        yield launched
