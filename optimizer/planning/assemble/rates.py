"""Exchange rates and price indices by period and scenario."""

from __future__ import annotations

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.demand import Scenario
from optimizer.domain.surface import Floats
from optimizer.errors import DataError, Violation


def index_values(case: Case, scenario: Scenario, index: str) -> Floats:
    """Of each period, [T]."""
    rows = {(row.period, row.scenario): row.value for row in case.index_values if row.index == index}
    return _looked_up(case, scenario, rows, "index_values.csv", f"index {index} must have a value for every period and scenario")


def exchange_rates(case: Case, currency: str) -> Floats:
    """USD per unit of the currency, [T, S]."""
    if currency == "USD":
        return np.ones((len(case.calendar.periods), len(case.scenarios)))
    rows = {(row.period, row.scenario): row.usd_per_unit for row in case.exchange_rates if row.currency == currency}
    rule = f"{currency} must have a rate in USD for every period and scenario"
    return np.stack([_looked_up(case, scenario, rows, "exchange_rates.csv", rule) for scenario in case.scenarios], axis=1)


def _looked_up(case: Case, scenario: Scenario, rows: dict[tuple[str | None, str | None], float], where: str, rule: str) -> Floats:
    """The row of the period and scenario, else of the period, else of the scenario, else the one for all, [T]."""
    found, missing = [], []
    for period in case.calendar.periods:
        keys = [(period.name, scenario.world), (period.name, None), (None, scenario.world), (None, None)]
        value = next((rows[key] for key in keys if key in rows), None)
        missing += [period.name] if value is None else []
        found.append(np.nan if value is None else value)
    if missing:
        remedy = "Add a row for each period, or one with a blank period for all."
        raise DataError([Violation(where=where, rule=rule, got="none", rows=tuple(missing), remedy=remedy)])
    return np.array(found, dtype=np.float64)
