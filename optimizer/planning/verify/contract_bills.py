"""What contracts and market offers are paid."""

from __future__ import annotations

import numpy as np

from optimizer.domain.demand import Quantity, Scenario
from optimizer.domain.surface import Floats
from optimizer.planning.verify.ledger import Charges, Payee, charge_rows, charges
from optimizer.planning.verify.position import Position


def contract_charges(position: Position) -> list[Charges]:
    """All lines of all contracts."""
    result = []
    for k in range(len(position.contracts)):
        result += _fixed_lines(position, k) + _settled_lines(position, k) + [_terminal_line(position, k)]
    return result


def _payees(position: Position, k: int) -> list[Payee]:
    contract = position.contracts[k]
    rates = position.terms[k].usd_per_unit
    return [Payee(name=contract.name, supplier=contract.supplier, currency=contract.currency, usd_per_unit=rate) for rate in rates]


def _fixed_lines(position: Position, k: int) -> list[Charges]:
    """Commitment, fixed fee and exit fee: known once it is decided what is held and left."""
    term, active = position.terms[k], position.active[k]
    leaving = position.exits[k] != 0
    fees = np.where(np.isfinite(term.exit_fee), term.exit_fee, 0.0)  # exits that are not allowed are a broken rule, not a price
    amounts = {
        "commitment": term.commitment * active,
        "fixed fee": term.fixed_fee * active,
        "exit fee": np.where(leaving, fees * position.exits[k], 0.0),
    }
    everyone = range(len(active))
    return [
        charges(position, "contract", line, everyone, _payees(position, k), cash[:, None], cash[:, None], certain=True)
        for line, cash in amounts.items()
    ]


def hours_drawn(position: Position, k: int) -> Floats:
    """Accelerator-hours drawn from a contract, [T, S]."""
    draws = position.contract_draw[position.cover_contract == k].sum(axis=0)
    return np.asarray((draws * position.hours[:, :, None]).sum(axis=1))


def _settled_lines(position: Position, k: int) -> list[Charges]:
    """Excess and minimum shortfall: settled in the last period of each fulfilment interval."""
    term, active = position.terms[k], position.active[k]
    spend = term.price[:, None] * hours_drawn(position, k)
    committed, fixed, minimum = term.commitment * active, term.fixed_fee * active, term.minimum * active
    eligible = eligible_spend(position, k)
    cash, accrued = np.zeros((2, 2, *spend.shape))
    for w in sorted(set(term.interval[term.interval >= 0].tolist())):
        within = np.flatnonzero(term.interval == w)
        excess = np.maximum(0.0, spend[within].sum(axis=0) - committed[within].sum())
        counted = committed[within].sum() + fixed[within].sum() + eligible[within].sum()
        short = np.maximum(0.0, minimum[within].sum() - counted - excess)
        share = term.days[within] / term.days[within].sum()
        for line, amount in enumerate((excess, short)):
            cash[line, within[-1]] = amount
            accrued[line, within] = share[:, None] * amount
    return [
        charges(position, "contract", name, range(len(active)), _payees(position, k), cash[line], accrued[line], certain=False)
        for line, name in enumerate(("excess", "minimum shortfall"))
    ]


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
    nothing, last = np.zeros((1, 1)), len(position.worth) - 1
    amount = np.array([[position.terms[k].terminal_usd * held]])
    payee = _payees(position, k)[-1]
    return charges(position, "contract", "terminal", [last], [payee], nothing, nothing, certain=True, discounted=amount)


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
