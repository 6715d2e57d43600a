"""What the charts of a plan show: rows over periods, ready to draw. Amounts are in USD, capacity in accelerators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class PlanSeries:
    """Expected over scenarios unless the name says otherwise; a period is named and placed by `order`, its number."""

    suppliers: Sequence[str]  # in the order of their colours
    spend: Rows  # order, period, supplier, line, cash_usd
    capacity: Rows  # order, period, supplier, accelerators: drawn, mean over the period's hours
    committed: Rows  # order, period, accelerators: of contracts held
    asked: Rows  # order, period, low, high: accelerators drawn and missing in the scenarios with least and most
    placements: Rows  # order, period, load, workload, pool, supplier, accelerators
    contract_use: Rows  # order, period, contract, supplier, capacity, drawn, share
    pools: Rows  # order, period, pool, usd_per_accelerator_hour; held, bought, missing, idle: accelerators, mean over the hours
    costs: Rows  # line, start_usd, end_usd, usd: of a waterfall, in order; the last is the total
    movers: Rows  # figure, table, usd
    alpha: float  # below 1: the dearest 1 - alpha of probability are what risk is told of
    scenarios: Rows  # scenario, probability, usd: discounted cost if it happens
    asked_by_scenario: Rows  # order, period, scenario, accelerators: drawn and missing
    latency: Rows  # workload, origin, measure, ms, limit_ms, share: of the limit, worst over the periods
    sites: Rows  # site, supplier, latitude, longitude, accelerators: most in any period
    origins: Rows  # origin, latitude, longitude
    flows: Rows  # order, period, origin, site, latitude, longitude, latitude2, longitude2, accelerators, services, round_trip_ms, share
