"""The planning problem as bare arrays with their labels: what every solver reads.

All money is in USD; fields named `_cash` are undiscounted and carry their period, all others are discounted. Index -1 stands for none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.clauses import (
    NO_BALANCES,
    NO_BURST,
    NO_FAVOURED,
    NO_TIERS,
    NO_TRUE_UP,
    Balances,
    Burst,
    Favoured,
    Tiers,
    TrueUp,
)
from optimizer.domain.risk import RISK_NEUTRAL, Risk
from optimizer.domain.surface import Floats, Ints, Needs

Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Supply:
    """Contracts and market offers. Axes: K contracts, J covered (contract, pool) pairs, O offers."""

    contracts: tuple[str, ...]  # K, in force or open to be signed, in force or starting within the horizon
    contract_supplier: Ints  # [K]
    in_force: Bools  # [K]
    least_lots: Ints  # [K] lots signed at least: all of them where in force or forced, else 0
    most_lots: Ints  # [K]
    cover_contract: Ints  # [J] sorted by contract, then pool
    cover_pool: Ints  # [J]
    capacity: Floats  # [K, T, S] accelerators per lot, mean over the period's hours
    price_cash: Floats  # [K, T, S] USD per accelerator-hour drawn
    take_or_pay_share: Floats  # [K] of capacity that is paid whether drawn or not
    minimum_cash: Floats  # [K, T, S] USD per lot in force: the period's part of its interval's minimum spend
    eligible_spend_cash: Floats  # [K, T, S] spend from elsewhere that counts towards the minimum: other spend, and brought_spend_cash
    brought_spend_cash: Floats  # [K, T, S] USD spent so far beyond the past part of the minimum in progress; below 0: behind
    list_ratio: Floats  # [K] what a USD of commitment or excess counts towards the minimum, >= 1
    other_spend_cap: Floats  # [K] most of an interval's minimum that other spend may cover; 1: no cap
    fixed_fee_cash: Floats  # [K, T, S] USD per lot in force
    prepaid_cash: Floats  # [K, T, S] USD per lot in force: paid in advance, less what the balance pays; counts towards no minimum
    interval: Ints  # [K, T] fulfilment interval that the period falls in, numbered from 0; -1 not in force
    exit_fee_cash: Floats  # [K, T, S] USD per lot left at the start of the period; inf, in all scenarios: leaving is not possible then
    terminal_usd: Floats  # [K] USD per lot still held at the end of the horizon, expected
    share_of_wallet: Floats  # [K] least share of all accelerator-hours drawn while in force; 0: none
    option_group: Ints  # [K] contracts of one group are alternatives; -1: none
    excluded_contract: Ints  # [E, 2] pairs never in force together
    excluded_supplier: Ints  # [E, 2] (contract, supplier that must not be used while it is in force)
    exclusive_work: Ints  # [E, 2] (contract, load: placed only with the contract's supplier while in force)
    exclusive_run: Ints  # [E, 2] (contract, training run), likewise

    offers: tuple[str, ...]  # O
    offer_pool: Ints  # [O]
    offer_spot: Bools  # [O]
    offer_loss: Floats  # [O] share of spot hours lost; 0 for on-demand
    offer_limit: Floats  # [O, T] accelerators, mean over the period's hours; inf: no limit
    offer_price_cash: Floats  # [O, T, S] USD per accelerator-hour

    tiers: Tiers = NO_TIERS
    burst: Burst = NO_BURST
    true_up: TrueUp = NO_TRUE_UP
    balances: Balances = NO_BALANCES
    favoured: Favoured = NO_FAVOURED
    same_lots: Ints = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))  # [E, 2] contracts with as many lots (`stages`)
    same_exits: Ints = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))  # [E, 3] (contract, contract, period): equal exits
    renewals: Ints = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))  # [E, 2] (contract, the one that it renews)

    @property
    def has_options(self) -> bool:
        """Whether any contract has a clause of `optimizer.domain.clauses`."""
        clauses = (self.tiers, self.burst, self.true_up, self.balances, self.favoured)
        return any(len(clause.contract) > 0 for clause in clauses) or len(self.renewals) > 0

    @property
    def excess_price(self) -> Floats:
        """USD per accelerator-hour drawn beyond the commitment, [K, T, S]: the contract's own price, or that of its true-up."""
        price = self.price_cash.copy()
        price[self.true_up.contract] = self.true_up.price_cash.reshape(len(self.true_up.contract), *price.shape[1:])
        return price

    @property
    def drawable(self) -> Floats:
        """Accelerators per lot that may be drawn, burst included, [K, T, S]."""
        most = self.capacity.copy()
        most[self.burst.contract] *= 1.0 + self.burst.share[:, None, None]
        return most

    @property
    def settled_each_period(self) -> Bools:
        """Contracts that no two periods are settled together of, [K]."""
        return np.array([len(np.unique(row[row >= 0])) == (row >= 0).sum() for row in self.interval], dtype=np.bool_)

    @property
    def leavable(self) -> Bools:
        """True where lots of the contract may be left at the start of the period, [K, T]."""
        can = np.isfinite(self.exit_fee_cash).all(axis=2) & (self.interval >= 0) & (self.most_lots > 0)[:, None]
        return np.asarray(can)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Rules that link loads and suppliers. Each row of an index array is one rule; -1 means all."""

    budget_supplier: Ints  # [H] -1: all suppliers together
    budget_period: Ints  # [H]
    budget_cash: Floats  # [H] USD
    share_supplier: Ints  # [H]
    share_period: Ints  # [H]
    share: Floats  # [H] largest share of accelerator-hours drawn
    fewest_suppliers: Ints  # [T] suppliers with a load or run placed; 0: no rule
    site_loss_reserve: Floats  # [T] share of a lost site's placed accelerators that spare capacity must cover; 0: no rule
    most_moves: Floats  # [T] loads that change pool at the start of the period; inf: no rule

    def shares(self, suppliers: int) -> Floats:
        """Largest shares as (supplier, period, share), rules for all suppliers or periods written out, [V, 3]."""
        rules = [
            (supplier, period, share)
            for s, t, share in zip(self.share_supplier, self.share_period, self.share, strict=True)
            for supplier in (range(suppliers) if s < 0 else [s])
            for period in (range(len(self.most_moves)) if t < 0 else [t])
        ]
        return np.array(rules, dtype=np.float64).reshape(-1, 3)


@dataclass(frozen=True, kw_only=True)
class PlanningProblem:
    """Labels, calendar, needs, costs of placing, supply and limits, in one order for all."""

    pools: tuple[str, ...]  # P
    sites: tuple[str, ...]
    suppliers: tuple[str, ...]
    periods: tuple[str, ...]  # T
    blocks: tuple[str, ...]  # B
    scenarios: tuple[str, ...]  # S
    hours: Floats  # [T, B]
    discount: Floats  # [T]
    probability: Floats  # [S] sums to 1

    pool_site: Ints  # [P]
    pool_supplier: Ints  # [P]
    availability: Floats  # [P] share of drawn accelerators that work
    shortage_price: Floats  # [P] USD per accelerator-hour missing, >= the penalty of every load eligible there
    site_bandwidth: Floats  # [sites] GB/s; inf: no limit

    needs: Needs
    pair_allowed: Bools  # [N, T] False where a pin forbids
    pair_forced: Bools  # [N, T] True where a pin forces
    placed_before: Ints  # [L] pool in force at the start; -1: none
    enter_cash: Floats  # [N] USD when the load moves into the pair's pool
    leave_cash: Floats  # [N] USD when it moves out
    egress_cash: Floats  # [N, T, S]
    unplaced_cash: Floats  # [L, T, S] USD in a period in which the load is not placed
    missed_price: Floats  # [L] USD per accelerator-hour of flexible work not done
    load_spot: Bools  # [L] may use spot
    run_spot: Bools  # [R]
    option_usd: Floats  # [G] USD: data egress and delay
    option_egress_cash: Floats  # [G] USD in its first period, the part of option_usd that is billed
    run_data_supplier: Ints  # [R] supplier that bills the run's data egress; -1: none
    run_unplaced_usd: Floats  # [R] USD when the run does not happen inside its window
    run_forced: Bools  # [R] a pin forces one of its options
    supply: Supply
    limits: Limits
    other_spend_cash: Floats  # [suppliers, T] USD that no decision changes
    risk: Risk = RISK_NEUTRAL

    @property
    def risk_neutral(self) -> bool:
        """Whether the objective is the expectation: CVaR does not count, or there is one scenario only."""
        return self.risk.omega == 0.0 or len(self.scenarios) == 1

    def by_expectation(self) -> PlanningProblem:
        """The problem with the expectation as its objective."""
        return self if self.risk_neutral else replace(self, risk=RISK_NEUTRAL)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, B, S)."""
        return len(self.periods), len(self.blocks), len(self.scenarios)


def pair_slots(problem: PlanningProblem) -> tuple[Ints, int]:
    """Slot of each pair among its load's pairs, [N], and Q."""
    return _among_its_own(problem.needs.pair_load, len(problem.needs.loads))


def option_places(problem: PlanningProblem) -> tuple[Ints, int]:
    """Place of each training option among its run's, [G], and M."""
    return _among_its_own(problem.needs.option_run, len(problem.needs.runs))


def _among_its_own(owner: Ints, owners: int) -> tuple[Ints, int]:
    """Number of each item among those of its owner, which stand together, and the most that one owner has, 1 at least."""
    count = np.bincount(owner, minlength=owners)
    first = np.cumsum(count) - count
    return np.arange(len(owner)) - first[owner], int(count.max(initial=1))
