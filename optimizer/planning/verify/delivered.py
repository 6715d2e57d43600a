"""What a lot holds on a day of one scenario, and at which price: delays, a supplier that leaves, escalator, index, collar, credits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, Unit
from optimizer.domain.demand import Scenario
from optimizer.planning.verify.dates import DAY_HOURS, add_months, month_pieces


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Days within one calendar month on which a lot does not change."""

    accelerators: Fraction
    price: Fraction  # contract currency / unit
    days: int
    months: Fraction
    by_month: bool  # whether the unit is a month

    @property
    def accelerator_hours(self) -> Fraction:
        return self.accelerators * DAY_HOURS * self.days

    @property
    def full(self) -> Fraction:
        """What all of it costs, in contract currency."""
        return self.price * (self.accelerators * self.months if self.by_month else self.accelerator_hours)


def number(clause: object, otherwise: float) -> float:
    """A clause's figure; `otherwise` where it is none or unknown."""
    return float(clause) if isinstance(clause, (int, float)) else otherwise


def pieces(contract: Contract, case: Case, scenario: Scenario | None, start: date, end: date) -> Iterator[Piece]:
    """Days within [start, end), which must be in force; as agreed where no scenario is named."""
    start, end = max(start, contract.start), min(end, contract.end)
    arrivals = _arrivals(contract, case.as_of, scenario)
    gone = supplier_leaves(contract, scenario)
    cuts = {day for day, _, _ in arrivals} | set(_anniversaries(contract)) | ({gone} if gone else set())
    if contract.price_index is not None:
        cuts |= {period.start for period in case.calendar.periods}
    credited = Fraction(1) - Fraction(credit_share(contract, case))
    inside = sorted({start, end} | {day for day in cuts if start < day < end}) if start < end else []
    for begin, finish in pairwise(inside):
        there = [held for day, held, _ in arrivals if day <= begin]
        prices = [number(contract.price, 0.0)] + [price for day, _, price in arrivals if day <= begin and price is not None]
        held = 0.0 if not there or (gone is not None and gone <= begin) else there[-1]
        price = Fraction(prices[-1]) * Fraction(_factor(contract, case, scenario, begin)) * credited
        for first, until, share in month_pieces(begin, finish):
            yield Piece(
                accelerators=Fraction(held),
                price=price,
                days=(until - first).days,
                months=share,
                by_month=contract.unit is Unit.ACCELERATOR_MONTH,
            )


def _arrivals(contract: Contract, as_of: date, scenario: Scenario | None) -> list[tuple[date, float, float | None]]:
    """Day, accelerators from it on, unit price from it on (None: as before), by day."""
    late = timedelta(days=sum(row.delay_days for row in contract.deliveries if scenario is not None and row.scenario == scenario.world))
    agreed: list[tuple[date, float, float | None]] = [(contract.start, number(contract.accelerators, 0.0), None)]
    agreed += [(step.start, step.accelerators, step.price) for step in sorted(contract.ramp, key=lambda step: step.start)]
    return [(day if day <= as_of else day + late, held, price) for day, held, price in agreed]


def supplier_leaves(contract: Contract, scenario: Scenario | None) -> date | None:
    """First day on which the supplier has left in the scenario."""
    days = [row.supplier_exit for row in contract.deliveries if scenario is not None and row.scenario == scenario.world]
    return next((day for day in days if day is not None), None)


def _anniversaries(contract: Contract) -> Iterator[date]:
    if number(contract.annual_escalator, 0.0):
        for years in range(1, contract.end.year - contract.start.year + 1):
            yield add_months(contract.start, 12 * years)


def _factor(contract: Contract, case: Case, scenario: Scenario | None, day: date) -> float:
    """What the unit price is multiplied by on the day."""
    passed = sum(1 for anniversary in _anniversaries(contract) if anniversary <= day)
    factor = (1.0 + number(contract.annual_escalator, 0.0)) ** passed
    if contract.price_index is None or not contract.index_base:
        return factor
    periods = case.calendar.periods
    period = next((period for period in reversed(periods) if period.start <= day), periods[0])
    values = {(row.period, row.scenario): row.value for row in case.index_values if row.index == contract.price_index}
    ratio = by_scenario(values, period.name, scenario) / contract.index_base
    ratio = max(ratio, number(contract.index_floor, ratio))
    return factor * min(ratio, number(contract.index_cap, ratio))


def by_scenario(values: dict[tuple[str | None, str | None], float], period: str, scenario: Scenario | None) -> float:
    """The value of the period and scenario, of the period, of the scenario, or the one for all; nan where there is none."""
    world = None if scenario is None else scenario.world
    for key in ((period, world), (period, None), (None, world), (None, None)):
        if key in values:
            return values[key]
    return float("nan")


def credit_share(contract: Contract, case: Case) -> float:
    """Share of the bill that the supplier credits at the availability of the best site covered, at most its cap."""
    if not isinstance(contract.credits, tuple) or not (contract.credit_cap is None or isinstance(contract.credit_cap, (int, float))):
        return 0.0
    site_of = {pool.name: pool.site for pool in case.pools}
    covered = {site_of[pool] for pool in contract.pools}
    best = max((site.availability for site in case.sites if site.name in covered), default=1.0)
    reached = [step.share for step in contract.credits if step.availability_below > best]
    return min(max(reached, default=0.0), number(contract.credit_cap, 1.0))
