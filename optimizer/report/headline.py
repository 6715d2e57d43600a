"""The first lines about a plan, the same on the terminal and on the page."""

from __future__ import annotations

from optimizer.report.document import Section
from optimizer.report.overview import DueLine, News, Overview
from optimizer.report.wording import counted, day, gap_text, large_money, money, money_unit, percent, signed

STATUS = {
    "optimal": "optimal, proven",
    "within_gap": "within the gap asked for, proven",
    "limit": "best found before the limit",
}


def headline(view: Overview) -> dict[str, str]:
    """What the plan costs, how sure that is, what it risks and leaves undone; names and texts in their order."""
    dearest = max(view.scenarios, key=lambda line: line.usd, default=None)
    told = {
        "status": f"{STATUS.get(view.status, view.status)}; verified",
        "expected cost": f"{large_money(view.expected_usd)}, discounted",
        "lower bound": "none found before the search stopped" if view.bound_usd is None else large_money(view.bound_usd),
        "gap": _gap(view),
        "risk": f"{large_money(view.cvar_usd)} in the dearest {percent(1.0 - view.alpha, 0)}",
    }
    if dearest is not None and len(view.scenarios) > 1:
        told["risk"] += f"; {large_money(dearest.usd)} in {dearest.scenario} ({percent(dearest.probability, 0)})"
    if view.omega > 0.0:
        told["objective"] = f"{large_money(view.objective_usd)}: the dearest {percent(1.0 - view.alpha, 0)} count {percent(view.omega, 0)}"
    unserved = f"{percent(view.unserved_share, 2)} of accelerator-hours; penalties {large_money(view.shortage_usd)}"
    return told | {"not served": unserved}


def _gap(view: Overview) -> str:
    if view.gap is None or view.gap_usd is None:
        return "unknown without a bound"
    return f"{gap_text(view.gap)} of the cost that decisions can change ({large_money(view.gap_usd)})"


def news_facts(news: News | None) -> dict[str, str]:
    """The change of the cost since the last plan by cause, and what differs."""
    if news is None:
        return {}
    unit = money_unit(max((abs(step.usd) for step in news.steps), default=0.0))
    total = sum(step.usd for step in news.steps)
    told = {"change of the cost": f"{signed(total, unit)} {unit}", "last plan": news.since}
    causes = {step.line: f"{signed(step.usd, unit)} {unit}" for step in news.steps if money(step.usd, unit) != money(0.0, unit)}
    return told | causes | (dict(news.notes) or {"what differs": "nothing in decisions and inputs"})


def due_section(view: Overview) -> Section:
    """What is signed or left by which day, and what it costs at most not to."""
    unit = money_unit(max((abs(line.idle_usd) for line in view.due if line.idle_usd is not None), default=0.0))
    rows = tuple((day(line.act_by), _asked(line), money(line.idle_usd, unit)) for line in view.due)
    return Section(title="To be decided", columns=("by", "what", f"if not: up to {unit}$"), rows=rows)


def _asked(line: DueLine) -> str:
    """Example: sign 6 lots of gpu_cloud_c_mi355x"""
    return f"{line.decision} {counted(line.lots, 'lot', 'lots')} of {line.contract}"
