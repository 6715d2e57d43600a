"""Contracts and market offers as one `Supply`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optimizer.domain.calendar import overlap_days
from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, ExclusionKind, Status
from optimizer.domain.demand import Quantity, Scenario
from optimizer.domain.problem import Supply
from optimizer.domain.rules import Pin
from optimizer.domain.supply import Offer, OfferKind
from optimizer.domain.surface import Floats, Ints, Needs
from optimizer.planning.assemble import contracts as terms
from optimizer.planning.assemble.rules import active_pins


def build_supply(case: Case, needs: Needs, annual_rate: float) -> Supply:
    """Axes K contracts, J covered pairs, O offers; see `Supply`."""
    chosen = terms.plannable_contracts(case)
    supplier = {s.name: i for i, s in enumerate(case.suppliers)}
    pool = {p.name: i for i, p in enumerate(case.pools)}
    least, most = _lots(chosen, active_pins(case))
    covers = [(k, pool[name]) for k, contract in enumerate(chosen) for name in sorted(contract.pools, key=pool.__getitem__)]
    rates = [terms.exchange_rates(case, contract.currency) for contract in chosen]
    groups = sorted({c.option_group for c in chosen if c.option_group is not None})
    return Supply(
        contracts=tuple(c.name for c in chosen),
        contract_supplier=_ints([supplier[c.supplier] for c in chosen]),
        in_force=np.array([c.status.in_force for c in chosen], dtype=np.bool_),
        least_lots=_ints(least),
        most_lots=_ints(most),
        cover_contract=_ints([k for k, _ in covers]),
        cover_pool=_ints([p for _, p in covers]),
        **_per_period(case, chosen, rates),
        take_or_pay_share=np.array([terms.take_or_pay_share(c) for c in chosen], dtype=np.float64),
        eligible_spend_cash=_eligible_spend(case, chosen),
        terminal_usd=np.array(
            [
                terms.terminal_value(c, case.calendar, case.as_of, annual_rate) * rate[-1]
                for c, rate in zip(chosen, rates, strict=True)
            ],
            dtype=np.float64,
        ),
        share_of_wallet=np.array([terms.given(c.share_of_wallet, 0.0) for c in chosen], dtype=np.float64),
        option_group=_ints([-1 if c.option_group is None else groups.index(c.option_group) for c in chosen]),
        **_exclusions(case, chosen, needs),
        **_offers(case, pool),
    )


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _lots(chosen: Sequence[Contract], pins: Sequence[Pin]) -> tuple[list[int], list[int]]:
    forced = {pin.subject for pin in pins if pin.action == "force"}
    forbidden = {pin.subject for pin in pins if pin.action == "forbid"}
    least, most = [], []
    for contract in chosen:
        held = contract.status is not Status.PROPOSED
        least.append(contract.lots if held else int(contract.name in forced))
        most.append(0 if contract.name in forbidden and not held else contract.lots)
    return least, most


def _per_period(case: Case, chosen: Sequence[Contract], rates: Sequence[Floats]) -> dict[str, Any]:
    periods = case.calendar.periods
    shape = (len(chosen), len(periods), len(case.scenarios))
    capacity, price, minimum, fee, leave = (np.zeros(shape) for _ in range(5))
    interval = np.full(shape[:2], -1, dtype=np.int64)
    for k, (contract, rate) in enumerate(zip(chosen, rates, strict=True)):
        interval[k] = terms.intervals(contract, case.calendar)
        for t, period in enumerate(periods):
            months = terms.months_in_force(contract, period)
            capacity[k, t], price[k, t] = terms.capacity_and_price(contract, period)
            minimum[k, t] = terms.given(contract.minimum_spend, 0.0) * months / terms.interval_months(contract)
            fee[k, t] = terms.given(contract.fixed_monthly_fee, 0.0) * months
            leave[k, t] = terms.exit_fee(contract, period.start, case.as_of)
        for money in (price, minimum, fee, leave):
            money[k] *= rate[:, None]
    return {
        "capacity": capacity,
        "price_cash": price,
        "minimum_cash": minimum,
        "fixed_fee_cash": fee,
        "exit_fee_cash": leave,
        "interval": interval,
    }


def _eligible_spend(case: Case, chosen: Sequence[Contract]) -> Floats:
    index = {contract.name: k for k, contract in enumerate(chosen)}
    period = {p.name: t for t, p in enumerate(case.calendar.periods)}
    result = np.zeros((len(chosen), len(period), len(case.scenarios)))
    for row in case.other_spend:
        if row.contract in index and row.period in period:
            result[index[row.contract], period[row.period]] += row.spend * row.eligible_share
    return result


def _exclusions(case: Case, chosen: Sequence[Contract], needs: Needs) -> dict[str, Any]:
    contract = {c.name: k for k, c in enumerate(chosen)}
    supplier = {s.name: i for i, s in enumerate(case.suppliers)}
    kind = {w.name: w.kind.value for w in case.workloads}
    workload = {run.name: run.workload for run in case.training_runs}
    pairs: dict[str, list[tuple[int, int]]] = {"contract": [], "supplier": [], "work": [], "run": []}
    for k, c in enumerate(chosen):
        for exclusion in c.exclusions:
            if exclusion.kind is ExclusionKind.CONTRACT:
                pairs["contract"] += [(k, contract[exclusion.other])] if exclusion.other in contract else []
            elif exclusion.kind is ExclusionKind.SUPPLIER:
                pairs["supplier"].append((k, supplier[exclusion.other]))
            else:
                pairs["work"] += [(k, i) for i, load in enumerate(needs.loads) if kind[load.workload] == exclusion.other]
                pairs["run"] += [(k, r) for r, run in enumerate(needs.runs) if kind[workload[run]] == exclusion.other]
    names = {
        "contract": "excluded_contract",
        "supplier": "excluded_supplier",
        "work": "exclusive_work",
        "run": "exclusive_run",
    }
    return {names[key]: np.array(rows, dtype=np.int64).reshape(-1, 2) for key, rows in pairs.items()}


def _offers(case: Case, pool: dict[str, int]) -> dict[str, Any]:
    offers = case.offers
    return {
        "offers": tuple(offer.name for offer in offers),
        "offer_pool": _ints([pool[offer.pool] for offer in offers]),
        "offer_spot": np.array([offer.kind is OfferKind.SPOT for offer in offers], dtype=np.bool_),
        "offer_loss": np.array([offer.loss_share for offer in offers], dtype=np.float64),
        "offer_limit": _offer_limits(case, offers),
        "offer_price_cash": _offer_prices(case, offers),
    }


def _offer_limits(case: Case, offers: Sequence[Offer]) -> Floats:
    """Accelerators, [O, T]: the limit times the share of the period's days on which the offer is valid."""
    limits = np.zeros((len(offers), len(case.calendar.periods)))
    for o, offer in enumerate(offers):
        for t, period in enumerate(case.calendar.periods):
            days = overlap_days(offer.start or period.start, offer.end or period.end, period)
            if days:
                limits[o, t] = np.inf if offer.limit is None else offer.limit * days / period.days
    return limits


def _offer_prices(case: Case, offers: Sequence[Offer]) -> Floats:
    """USD per accelerator-hour, [O, T, S]."""
    supplier_of_site = {site.name: site.supplier for site in case.sites}
    supplier_of_pool = {pool.name: supplier_of_site[pool.site] for pool in case.pools}
    prices = np.empty((len(offers), len(case.calendar.periods), len(case.scenarios)))
    for o, offer in enumerate(offers):
        for s, scenario in enumerate(case.scenarios):
            for t, period in enumerate(case.calendar.periods):
                prices[o, t, s] = offer.price * _price_factor(scenario, supplier_of_pool[offer.pool], period.name)
    return prices


def _price_factor(scenario: Scenario, supplier: str, period: str) -> float:
    factor = 1.0
    for row in scenario.multipliers:
        if row.quantity is Quantity.PRICE and row.supplier in (None, supplier) and row.period in (None, period):
            factor *= row.factor
    return factor
