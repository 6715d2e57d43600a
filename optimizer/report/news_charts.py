"""What changed between two plans, in money: from one cost to the other by cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from optimizer.report.charts import page_chart, steps, waterfall
from optimizer.report.document import PRICES, Chart
from optimizer.report.overview import News

if TYPE_CHECKING:
    from optimizer.report.comparison_page import ComparisonView

MOST = 10  # causes shown one by one


def news_charts(news: News | None) -> Iterator[Chart]:
    """The bridge from the last plan's cost to this one's, where something changed."""
    if news is not None and any(step.usd for step in news.steps):
        yield _bridge("From the last plan's cost to this one's", [(step.line, step.usd) for step in news.steps])


def comparison_charts(view: ComparisonView) -> Iterator[Chart]:
    """Where the cost of two plans differs, the largest differences one by one."""
    total: dict[str, float] = defaultdict(float)
    for row in view.costs:  # a load that moves pays by itself and its site
        total[f"{row['payee'] or '-'}, {row['line']}"] += float(row["change_usd"])
    found = sorted(total.items(), key=lambda item: -abs(item[1]))
    rest = sum(usd for _, usd in found[MOST:])
    lines = [*found[:MOST], *([("all others", rest)] if found[MOST:] else [])]
    if lines:
        yield _bridge("From one cost to the other", lines)


def _bridge(title: str, lines: list[tuple[str, float]]) -> Chart:
    caption = "Change of the cost, discounted and expected; each bar begins where the one before it ends, the last is the whole change."
    return page_chart(title, caption, waterfall(steps(lines, "together")), margin=290, gives=(PRICES,))
