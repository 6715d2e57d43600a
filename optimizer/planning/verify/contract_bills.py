"""What contracts and market offers are paid."""

from __future__ import annotations

import numpy as np

from optimizer.domain.contract import UNKNOWN, Contract
from optimizer.domain.demand import Quantity, Scenario
from optimizer.domain.surface import Floats
from optimizer.planning.verify.balance_bills import balance_uses
from optimizer.planning.verify.delivered import number
from optimizer.planning.verify.ledger import Charges, Payee, charge_rows, charges
from optimizer.planning.verify.position import Position
from optimizer.planning.verify.terms import counts, take_or_pay
from optimizer.planning.verify.volume_bills import favoured_amounts, tier_amounts

SETTLED = ("excess", "tiers", "most favoured price", "minimum shortfall", "balance")


def contract_charges(position: Position) -> list[Charges]:
    """All lines of all contracts."""
    result = []
    for k in range(len(position.contracts)):
        result += [*_fixed_lines(position, k), _burst_line(position, k), *_settled_lines(position, k), _terminal_line(position, k)]
    return result


def _payees(position: Position, k: int) -> list[Payee]:
    contract = position.contracts[k]
    rates = position.by_scenario(k, "usd_per_unit")
    return [Payee(name=contract.name, supplier=contract.supplier, currency=contract.currency, usd_per_unit=rate) for rate in rates]


def _fixed_lines(position: Position, k: int) -> list[Charges]:
    """Commitment, fixed fee, prepayment and exit fee: known once it is decided what is held and left."""
    active = position.active[k][:, None]
    exits = position.exits[k][:, None]
    fee = position.by_scenario(k, "exit_fee")
    fees = np.where(np.isfinite(fee), fee, 0.0)  # exits that are not allowed are a broken rule, not a price
    nothing = np.zeros_like(fees)
    commitment, fixed = position.by_scenario(k, "commitment") * active, position.by_scenario(k, "fixed_fee") * active
    amounts = {
        "commitment": (commitment, commitment),
        "fixed fee": (fixed, fixed),
        "prepayment": (position.by_scenario(k, "prepaid") * active, nothing),
        "exit fee": (np.where(exits != 0, fees * exits, 0.0),) * 2,
    }
    return [_line(position, k, line, cash, accrued) for line, (cash, accrued) in amounts.items()]


def _line(position: Position, k: int, line: str, cash: Floats, accrued: Floats) -> Charges:
    """Amounts [T, S]; certain where all scenarios agree."""
    certain = bool((cash == cash[:, :1]).all())
    if certain:
        cash, accrued = cash[:, :1], accrued[:, :1]
    return charges(position, "contract", line, range(len(cash)), _payees(position, k), cash, accrued, certain=certain)


def hours_drawn(position: Position, k: int) -> Floats:
    """Accelerator-hours drawn from a contract, [T, S]."""
    draws = position.contract_draw[position.cover_contract == k].sum(axis=0)
    return np.asarray((draws * position.hours[:, :, None]).sum(axis=1))


def burst_hours(position: Position, k: int) -> Floats:
    """Accelerator-hours drawn beyond the capacity of the lots in force, [T, S]."""
    held = (position.by_scenario(k, "capacity") * position.active[k][:, None])[:, None, :]
    draws = position.contract_draw[position.cover_contract == k].sum(axis=0)
    beyond = np.maximum(0.0, draws - held) if number(position.contracts[k].burst_share, 0.0) > 0.0 else np.zeros_like(draws)
    return np.asarray((beyond * position.hours[:, :, None]).sum(axis=1))


def _burst_line(position: Position, k: int) -> Charges:
    cash = position.by_scenario(k, "burst_price") * burst_hours(position, k)
    return charges(position, "contract", "burst", range(len(cash)), _payees(position, k), cash, cash, certain=False)


def _settled_lines(position: Position, k: int) -> list[Charges]:
    """Excess, volume tiers, minimum shortfall and what is brought forward: settled in the last period of each fulfilment interval."""
    contract, term, active = position.contracts[k], position.terms[k], position.active[k]
    drawn = hours_drawn(position, k) - burst_hours(position, k)
    column = {name: position.by_scenario(k, name) for name in ("commitment", "fixed_fee", "minimum", "brought", "beyond_price", "capacity")}
    spend = column["beyond_price"] * drawn
    held = column["capacity"] * (position.hours.sum(axis=1) * active)[:, None]
    covered = take_or_pay(contract) * column["beyond_price"] * held
    committed, fixed, minimum = (column[name] * active[:, None] for name in ("commitment", "fixed_fee", "minimum"))
    other, cap = eligible_spend(position, k), other_spend_cap(contract)
    cash, accrued = np.zeros((2, len(SETTLED), *spend.shape))
    periods = [np.flatnonzero(term.interval == w) for w in sorted(set(term.interval[term.interval >= 0].tolist()))]
    above_commitment, above_minimum, bills = [], [], []
    for within in periods:
        sure, least = committed[within].sum(axis=0), minimum[within].sum(axis=0)
        beyond = (spend - covered)[within].sum(axis=0)
        excess, tiers = np.maximum(0.0, beyond), tier_amounts(position, k, within, drawn)
        favoured = favoured_amounts(position, k, within, drawn)
        spent = other[within].sum()
        elsewhere = (np.minimum(spent, cap * least) if cap < 1.0 else spent) + column["brought"][within].sum(axis=0)
        counted = counts(contract) * (sure + excess + tiers + favoured) + fixed[within].sum(axis=0) + elsewhere
        above_commitment.append(beyond)
        above_minimum.append(counted - least)
        bills.append((excess, tiers, favoured, np.maximum(0.0, least - counted)))
    uses = balance_uses(position, k, above_commitment, above_minimum)
    for within, bill, used in zip(periods, bills, uses, strict=True):
        share = term.days[within] / term.days[within].sum()
        for line, amount in enumerate((*bill, -used)):
            cash[line, within[-1]] = amount
            accrued[line, within] = share[:, None] * amount
    return [
        charges(position, "contract", name, range(len(active)), _payees(position, k), cash[line], accrued[line], certain=False)
        for line, name in enumerate(SETTLED)
    ]


def other_spend_cap(contract: Contract) -> float:
    """Most of an interval's minimum that other spend may cover, share, 1 without a cap; nobody has read the cap: none of it."""
    return 0.0 if contract.other_spend_cap is UNKNOWN else number(contract.other_spend_cap, 1.0)


def eligible_spend(position: Position, k: int) -> Floats:
    """Other spend that counts towards the contract's minimum, USD [T]."""
    number = {period.name: t for t, period in enumerate(position.case.calendar.periods)}
    total = np.zeros(len(number))
    for row in position.case.other_spend:
        if row.contract == position.contracts[k].name and row.period in number:
            total[number[row.period]] += row.eligible_share * row.spend
    return total


def _terminal_line(position: Position, k: int) -> Charges:
    """What lots still held commit beyond the horizon: worth something today, not cash of any period."""
    held = position.lots[k] - position.exits[k].sum()
    last = len(position.worth) - 1
    amount = np.array([[each.terminal_usd * held for each in position.terms_in[k]]])
    certain = bool((amount == amount[:, :1]).all())
    amount = amount[:, :1] if certain else amount
    nothing = np.zeros_like(amount)
    payee = _payees(position, k)[-1]
    return charges(position, "contract", "terminal", [last], [payee], nothing, nothing, certain=certain, discounted=amount)


def offer_charges(position: Position) -> list[Charges]:
    """Market use, by offer and period."""
    rows = []
    pools = [pool.name for pool in position.case.pools]
    for o, offer in enumerate(position.case.offers):
        supplier = position.pool_site[pools.index(offer.pool)].supplier
        used = (position.offer_draw[o] * position.hours[:, :, None]).sum(axis=1)
        for t, period in enumerate(position.case.calendar.periods):
            factors = [price_factor(scenario, supplier, period.name) for scenario in position.case.scenarios]
            rows.append((t, Payee(name=offer.name, supplier=supplier), offer.price * np.array(factors) * used[t]))
    return [charge_rows(position, "offer", "market", rows, certain=False)]


def price_factor(scenario: Scenario, supplier: str, period: str) -> float:
    """By how much the scenario multiplies the supplier's market prices in the period."""
    factor = 1.0
    for row in scenario.multipliers:
        applies = row.supplier in (None, supplier) and row.period in (None, period)
        if row.quantity is Quantity.PRICE and applies:
            factor *= row.factor
    return factor
