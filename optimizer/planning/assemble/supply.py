"""Contracts and market offers as one `Supply`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from optimizer.domain.calendar import overlap_days
from optimizer.domain.case import Case
from optimizer.domain.contract import UNKNOWN, Contract, ExclusionKind, Status
from optimizer.domain.demand import Quantity, Scenario
from optimizer.domain.problem import Supply
from optimizer.domain.rules import Pin
from optimizer.domain.supply import Offer, OfferKind
from optimizer.domain.surface import Floats, Ints, Needs
from optimizer.planning.assemble import contracts as terms
from optimizer.planning.assemble import options, payments
from optimizer.planning.assemble.in_scenario import in_scenario
from optimizer.planning.assemble.rates import exchange_rates
from optimizer.planning.assemble.rules import active_pins
from optimizer.planning.assemble.stages import linked


def build_supply(case: Case, needs: Needs, annual_rate: float) -> Supply:
    """Axes K contracts, J covered pairs, O offers; see `Supply`."""
    chosen = terms.plannable_contracts(case)
    supplier = {s.name: i for i, s in enumerate(case.suppliers)}
    pool = {p.name: i for i, p in enumerate(case.pools)}
    least, most = _lots(chosen, active_pins(case))
    covers = [(k, pool[name]) for k, contract in enumerate(chosen) for name in sorted(contract.pools, key=pool.__getitem__)]
    rates = [exchange_rates(case, contract.currency) for contract in chosen]
    groups = sorted({c.option_group for c in chosen if c.option_group is not None})
    same_lots, same_exits = linked(case, chosen)
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
        list_ratio=np.array([payments.list_ratio_counted(c) for c in chosen], dtype=np.float64),
        other_spend_cap=np.array([other_spend_cap(c) for c in chosen], dtype=np.float64),
        terminal_usd=np.array([payments.terminal_usd(c, case, annual_rate) for c in chosen], dtype=np.float64),
        share_of_wallet=np.array([terms.given(c.share_of_wallet, 0.0) for c in chosen], dtype=np.float64),
        option_group=_ints([-1 if c.option_group is None else groups.index(c.option_group) for c in chosen]),
        **_exclusions(case, chosen, needs),
        **_offers(case, pool),
        tiers=options.volume_tiers(case, chosen),
        burst=options.burst(case, chosen, rates),
        true_up=options.true_up(case, chosen, rates),
        balances=options.balances(case, chosen, rates),
        favoured=options.favoured(chosen),
        renewals=options.renewals(chosen),
        same_lots=same_lots,
        same_exits=same_exits,
    )


def _ints(values: Sequence[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _lots(chosen: Sequence[Contract], pins: Sequence[Pin]) -> tuple[list[int], list[int]]:
    forced = {pin.subject for pin in pins if pin.action == "force"}
    forbidden = {pin.subject for pin in pins if pin.action == "forbid"}
    planned = {contract.name for contract in chosen}
    least, most = [], []
    for contract in chosen:
        held = contract.status is not Status.PROPOSED
        least.append(contract.lots if held else int(contract.name in forced))
        barred = contract.name in forbidden or not planned.issuperset(filter(None, [contract.renews]))
        most.append(0 if barred and not held else contract.lots)
    return least, most


def _per_period(case: Case, chosen: Sequence[Contract], rates: Sequence[Floats]) -> dict[str, Any]:
    shape = (len(chosen), len(case.calendar.periods), len(case.scenarios))
    money = {name: np.zeros(shape) for name in ("price_cash", "minimum_cash", "fixed_fee_cash", "exit_fee_cash", "prepaid_cash")}
    capacity, brought = np.zeros(shape), np.zeros(shape)
    interval = np.array([terms.intervals(c, case.calendar) for c in chosen], dtype=np.int64).reshape(shape[:2])
    for k, contract in enumerate(chosen):
        for s, scenario in enumerate(case.scenarios):
            made = in_scenario(contract, case, scenario)
            capacity[k, :, s], each = _of_periods(contract, made, case, scenario)
            for name, values in each.items():
                money[name][k, :, s] = values * rates[k][:, s]
            in_progress = np.flatnonzero(interval[k] >= 0)[:1]
            brought[k, in_progress, s] = payments.brought_forward(contract, case.calendar) * rates[k][in_progress, s]
    other = _other_spend(case, chosen, interval, money["minimum_cash"])
    return {
        "capacity": capacity,
        **money,
        "interval": interval,
        "eligible_spend_cash": other + brought,
        "brought_spend_cash": brought,
    }


def _of_periods(contract: Contract, made: Contract, case: Case, scenario: Scenario) -> tuple[Floats, dict[str, Floats]]:
    """Accelerators, and amounts in the contract's currency, per lot, each [T]."""
    periods = case.calendar.periods
    held = np.array([terms.capacity_and_price(made, period) for period in periods])
    spans = [(period.start, period.end) for period in periods]
    return held[:, 0], {
        "price_cash": held[:, 1],
        "minimum_cash": np.array([payments.minimum_due(contract, made, *span) for span in spans]),
        "fixed_fee_cash": np.array([payments.fees_due(contract, made, *span) for span in spans]),
        "exit_fee_cash": np.array([payments.leaving_cost(contract, made, scenario, p.start, case.as_of) for p in periods]),
        "prepaid_cash": payments.prepaid(contract, made, case, scenario)[0],
    }


def _other_spend(case: Case, chosen: Sequence[Contract], interval: Ints, minimum: Floats) -> Floats:
    """Eligible other spend, [K, T, S]; in each interval at most the contract's cap on it, for the most lots."""
    index = {contract.name: k for k, contract in enumerate(chosen)}
    period = {p.name: t for t, p in enumerate(case.calendar.periods)}
    result = np.zeros(minimum.shape)
    for row in case.other_spend:
        if row.contract in index and row.period in period:
            result[index[row.contract], period[row.period]] += row.spend * row.eligible_share
    for k, contract in enumerate(chosen):
        for w in np.unique(interval[k][interval[k] >= 0]) if other_spend_cap(contract) < 1.0 else ():
            within = interval[k] == w
            spent = result[k, within].sum(axis=0)
            most = other_spend_cap(contract) * contract.lots * minimum[k, within].sum(axis=0)
            result[k, within] *= np.divide(np.minimum(spent, most), spent, out=np.ones_like(spent), where=spent > 0)
    return result


def other_spend_cap(contract: Contract) -> float:
    """Most of a minimum that other spend may cover; an unread cap lets it cover nothing."""
    return 0.0 if contract.other_spend_cap is UNKNOWN else terms.given(contract.other_spend_cap, 1.0)


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
