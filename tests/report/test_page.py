from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

from optimizer.report.html import render
from optimizer.report.page import plan_page
from optimizer.store.summary import KEYS
from tests.views import NASTY, OVERVIEW, series_of

SUMMARY = dict.fromkeys(KEYS, 3) | {"as_of": "2028-01-03", "run_id": "20280103T060000.123Z-3fa91c"}


class Page(HTMLParser):
    """Checks nesting and gathers tags, texts and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_is_whole_and_names_are_text():
    page = Page(render(plan_page(OVERVIEW, SUMMARY)))
    assert page.tags.count("script") == 1  # the page's own
    assert NASTY in page.texts
    headings = (
        "Plan of lab, as of 2028-01-03",
        "By supplier",
        "Contracts",
        "Placements",
        "Alerts",
        "What 1 % more of a figure adds",
        "To be decided",
        "Since the last plan",
    )
    for text in (*headings, "1,234.57", "not placed"):
        assert text in page.texts


def test_the_page_loads_nothing():
    text = render(plan_page(OVERVIEW, SUMMARY))
    assert not re.search(r"https?:|<link|<img|<iframe|@import|url\(|\bsrc=|<\w+[^>]*\bon\w+=", text.replace(NASTY, ""))
    assert "prefers-color-scheme: dark" in text


def test_the_page_can_be_used_before_its_viewer_is_more_than_text():
    text = render(plan_page(OVERVIEW, SUMMARY, series=series_of(("alpha",))), viewer="draws(</script>)")
    assert '<script type="text/plain" id="viewer">draws(<\\/script>)</script>\n<script>"use strict"' in text
    assert "default-src 'none'" in text


def test_a_plan_without_contracts_or_alerts_has_no_empty_tables():
    page = Page(render(plan_page(replace(OVERVIEW, contracts=(), alerts=(), obligations=(), due=(), news=None), SUMMARY)))
    assert not {"Contracts", "Alerts", "To be decided", "Since the last plan", "Committed beyond the horizon, undiscounted"} & set(
        page.texts
    )


def test_a_long_list_is_folded():
    alerts = tuple(f"alert number {i}" for i in range(20))
    page = Page(render(plan_page(replace(OVERVIEW, alerts=alerts), SUMMARY)))
    assert set(alerts) <= set(page.texts)
    assert "12 more" in page.texts


def test_a_chart_says_when_it_shows_the_largest_alone():
    captions = [
        part.caption
        for count in (3, 70)
        for part in plan_page(OVERVIEW, SUMMARY, series=series_of(tuple(f"load {i}" for i in range(count)))).parts
        if part.title == "Where work runs"
    ]
    assert [caption.endswith("The 60 largest of 70; the table below has all.") for caption in captions] == [False, True]
