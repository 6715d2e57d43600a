"""Tables of a plan that a page and a terminal both show."""

from __future__ import annotations

from optimizer.report.document import PRICES, Section
from optimizer.report.overview import Overview
from optimizer.report.wording import BASELINES, count, day, money, money_unit, percent


def suppliers_section(view: Overview, unit: str) -> Section:
    rows = (
        (s.supplier, money(s.spend_usd, unit), percent(s.spend_share), count(s.accelerator_hours), percent(s.hours_share))
        for s in view.suppliers
    )
    columns = ("supplier", f"expected spend, {unit}$", "share$", "accelerator-hours>", "share>")
    return Section(title="By supplier", columns=columns, rows=tuple(rows))


def contracts_section(view: Overview) -> Section:
    rows = ((c.contract, c.decision, str(c.lots), day(c.starts), day(c.act_by), day(c.ends), c.supplier) for c in view.contracts)
    columns = ("contract", "decision", "lots>", "from", "act by", "ends", "supplier")
    return Section(title="Contracts", columns=columns, rows=tuple(rows), folded=True)


def baselines_section(view: Overview, unit: str) -> Section:
    rows = ((BASELINES.get(b.name, b.name), money(b.cost_usd, unit), money(b.saving_usd, unit), b.note) for b in view.baselines)
    columns = ("policy", f"cost, {unit}$", f"plan saves, {unit}$", "note")
    return Section(title="Beside what planners do without it", columns=columns, rows=tuple(rows), gives=(PRICES,))


def obligations_section(view: Overview) -> Section:
    unit = money_unit(max((line.remaining_usd for line in view.obligations), default=0.0))
    rows = ((o.contract, str(o.lots), day(o.until), money(o.remaining_usd, unit)) for o in view.obligations)
    columns = ("contract", "lots>", "until", f"least payments, {unit}$")
    return Section(title="Committed beyond the horizon, undiscounted", columns=columns, rows=tuple(rows))
