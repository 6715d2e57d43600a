"""Tiny problems, one clause or rule each, whose optimum the exact model finds at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from optimizer.domain.clauses import CARRY_FORWARD, MAKE_UP, NEVER, ROLLOVER, Balances, Burst, Favoured, Tiers, TrueUp
from optimizer.domain.problem import PlanningProblem
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from tests.problems import Size, random_problem, with_limits, with_supply
from tests.tolerances import SOLVED_GAP

Change = Callable[[PlanningProblem], PlanningProblem]


def _plain(problem: PlanningProblem) -> PlanningProblem:
    return problem


def _take_or_pay(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, take_or_pay_share=np.linspace(0.5, 1.0, len(problem.supply.contracts)))


def _minimum_spend(problem: PlanningProblem) -> PlanningProblem:
    supply = problem.supply
    return with_supply(
        problem,
        minimum_cash=0.9 * supply.price_cash * supply.capacity * problem.hours.sum(axis=1)[:, None],
        take_or_pay_share=np.full(len(supply.contracts), 0.3),
        eligible_spend_cash=np.full(supply.minimum_cash.shape, 500.0),
        fixed_fee_cash=np.full(supply.minimum_cash.shape, 200.0),
    )


def _by_scenario(problem: PlanningProblem, low: float, high: float) -> np.ndarray:
    """Factors from low to high, each contract in its own order, [K, 1, S]."""
    factor = np.linspace(low, high, len(problem.scenarios))
    return np.array([factor if k % 2 else factor[::-1] for k in range(len(problem.supply.contracts))])[:, None, :]


def _prices_by_scenario(problem: PlanningProblem) -> PlanningProblem:
    changed, factor = _exits(_minimum_spend(problem)), _by_scenario(problem, 0.5, 1.6)
    supply = changed.supply
    names = ("price_cash", "minimum_cash", "eligible_spend_cash", "fixed_fee_cash", "exit_fee_cash")
    return with_supply(changed, **{name: getattr(supply, name) * factor for name in names}, take_or_pay_share=np.full(len(factor), 0.3))


def _capacity_by_scenario(problem: PlanningProblem) -> PlanningProblem:
    changed = _minimum_spend(problem)
    return with_supply(changed, capacity=changed.supply.capacity * _by_scenario(problem, 0.0, 1.5))


def _list_prices(problem: PlanningProblem) -> PlanningProblem:
    """Minimums at list, a cap on other spend, a prepayment, and spend behind the minimum in progress."""
    changed = _exits(_minimum_spend(problem))
    supply = changed.supply
    brought = np.where(supply.in_force[:, None, None], -400.0, 0.0) * np.ones(supply.minimum_cash.shape)
    prepaid = np.linspace(900.0, -700.0, len(problem.periods))[:, None] * np.ones(supply.minimum_cash.shape)
    contracts = len(supply.contracts)
    return with_supply(
        changed,
        take_or_pay_share=np.linspace(0.0, 0.6, contracts),
        list_ratio=np.linspace(1.0, 1.7, contracts),
        other_spend_cap=np.linspace(0.0, 1.0, contracts),
        brought_spend_cash=brought,
        eligible_spend_cash=supply.eligible_spend_cash + brought,
        prepaid_cash=prepaid,
    )


def _tiers(problem: PlanningProblem, share: float, *, incremental: bool) -> PlanningProblem:
    """Every contract has two tiers, at a quarter and at six tenths of what it can deliver in two months."""
    contracts, periods = len(problem.supply.contracts), len(problem.periods)
    full = (problem.supply.capacity.mean(axis=2) * problem.hours.sum(axis=1)).mean(axis=1) * 2 * problem.supply.most_lots
    part = np.tile([0.25, 0.6], contracts)
    tiers = Tiers(
        contract=np.repeat(np.arange(contracts), 2),
        start=(np.repeat(full, 2) * part)[:, None] * np.resize([1.0, 0.5], int(problem.supply.interval.max()) + 1),
        ratio=np.tile([0.8, 0.5], contracts),
        incremental=np.full(2 * contracts, incremental),
        units=np.ones((2 * contracts, periods)),
    )
    return with_supply(problem, tiers=tiers, take_or_pay_share=np.linspace(0.0, share, contracts))


def _all_units_tiers(problem: PlanningProblem) -> PlanningProblem:
    return _tiers(_minimum_spend(problem), 0.6, incremental=False)


def _incremental_tiers(problem: PlanningProblem) -> PlanningProblem:
    return _tiers(_exits(problem), 1.0, incremental=True)


def _at_other_prices(problem: PlanningProblem, low: float, high: float) -> np.ndarray:
    """The contracts' own prices times factors from low to high, [K, T, S]."""
    return problem.supply.price_cash * np.linspace(low, high, len(problem.supply.contracts))[:, None, None]


def _burst(problem: PlanningProblem) -> PlanningProblem:
    contracts = len(problem.supply.contracts)
    burst = Burst(contract=np.arange(contracts), share=np.linspace(0.2, 0.8, contracts), price_cash=_at_other_prices(problem, 0.8, 1.4))
    return with_supply(_take_or_pay(problem), burst=burst)


def _true_up(problem: PlanningProblem) -> PlanningProblem:
    contracts = len(problem.supply.contracts)
    true_up = TrueUp(contract=np.arange(contracts), price_cash=_at_other_prices(problem, 0.5, 1.5))
    return with_supply(_minimum_spend(problem), true_up=true_up)


def _balances(problem: PlanningProblem, kind: int) -> PlanningProblem:
    """Every contract brings something forward from month to month, those in force from before too; some caps, some expire."""
    supply = problem.supply
    contracts = len(supply.contracts)
    clause = Balances(
        contract=np.arange(contracts),
        kind=np.full(contracts, kind),
        opening_cash=np.where(supply.in_force, 3000.0, 0.0),
        cap_cash=np.where(np.arange(contracts) % 2, 9000.0, np.inf),
        life=np.where(np.arange(contracts) % 3, 1, NEVER),
    )
    months = np.tile(np.arange(len(problem.periods)), (contracts, 1))
    return with_supply(problem, balances=clause, interval=months)


def _make_up(problem: PlanningProblem) -> PlanningProblem:
    return _tiers(_balances(_minimum_spend(problem), MAKE_UP), 0.8, incremental=True)


def _carry_forward(problem: PlanningProblem) -> PlanningProblem:
    return _balances(_exits(problem), CARRY_FORWARD)


def _rollover(problem: PlanningProblem) -> PlanningProblem:
    return _balances(_minimum_spend(problem), ROLLOVER)


def _most_favoured(problem: PlanningProblem) -> PlanningProblem:
    """Each contract costs no more than the next."""
    contracts = len(problem.supply.contracts)
    each = np.arange(contracts)
    share = np.linspace(0.0, 1.0, contracts)
    return with_supply(problem, favoured=Favoured(contract=each, other=np.roll(each, -1)), take_or_pay_share=share)


def _renewal(problem: PlanningProblem) -> PlanningProblem:
    """Those on offer renew those in force, which may be left."""
    supply = problem.supply
    on_offer, in_force = np.flatnonzero(~supply.in_force), np.flatnonzero(supply.in_force)
    return with_supply(_exits(problem), renewals=np.stack([on_offer, in_force], axis=1), price_cash=supply.price_cash * 0.6)


def _exits(problem: PlanningProblem) -> PlanningProblem:
    fee = np.full(problem.supply.exit_fee_cash.shape, 800.0)
    fee[:, 0] = np.inf
    contracts = len(problem.supply.contracts)
    return with_supply(
        problem, exit_fee_cash=fee, terminal_usd=np.full(contracts, 3000.0), take_or_pay_share=np.full(contracts, 0.8)
    )


def _option_group(problem: PlanningProblem) -> PlanningProblem:
    contracts = len(problem.supply.contracts)
    return with_supply(problem, option_group=np.where(problem.supply.in_force, -1, 3), take_or_pay_share=np.full(contracts, 0.5))


def _share_of_wallet(problem: PlanningProblem) -> PlanningProblem:
    """Only of contracts in force: the bound leaves the others' out."""
    return with_supply(problem, share_of_wallet=np.where(problem.supply.in_force, 0.3, 0.0))


def _budget(problem: PlanningProblem) -> PlanningProblem:
    periods = np.arange(len(problem.periods))
    cash = problem.other_spend_cash.sum(axis=0) + 30_000.0
    return with_limits(problem, budget_supplier=np.full(len(periods), -1), budget_period=periods, budget_cash=cash)


def _supplier_share(problem: PlanningProblem) -> PlanningProblem:
    return with_limits(problem, share_supplier=np.array([-1]), share_period=np.array([-1]), share=np.array([0.6]))


def _moves(problem: PlanningProblem) -> PlanningProblem:
    return with_limits(problem, most_moves=np.ones(len(problem.periods)))


def _bandwidth(problem: PlanningProblem) -> PlanningProblem:
    return replace(problem, site_bandwidth=np.full(len(problem.sites), 2.5))


def _limited_market(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, offer_limit=np.minimum(problem.supply.offer_limit, 6.0))


def _pins(problem: PlanningProblem) -> PlanningProblem:
    allowed, forced = problem.pair_allowed.copy(), problem.pair_forced.copy()
    allowed[0, 0] = False
    forced[-1, -1] = True
    return replace(problem, pair_allowed=allowed, pair_forced=forced)


ONE = Size(loads=4, contracts=4, periods=3)  # one shape for most, so that kernels compile once
CHANGES: dict[str, tuple[Size, Change]] = {
    "plain": (ONE, _plain),
    "take or pay": (replace(ONE, lots=2), _take_or_pay),
    "minimum spend": (ONE, _minimum_spend),
    "exits": (replace(ONE, lots=2), _exits),
    "all-units tiers": (ONE, _all_units_tiers),
    "incremental tiers": (replace(ONE, lots=2), _incremental_tiers),
    "burst": (replace(ONE, lots=2), _burst),
    "true-up": (ONE, _true_up),
    "make-up": (ONE, _make_up),
    "carry-forward": (replace(ONE, lots=2), _carry_forward),
    "rollover": (ONE, _rollover),
    "most favoured price": (ONE, _most_favoured),
    "renewal": (replace(ONE, lots=2), _renewal),
    "prices by scenario": (replace(ONE, lots=2), _prices_by_scenario),
    "capacity by scenario": (ONE, _capacity_by_scenario),
    "list prices": (replace(ONE, lots=2), _list_prices),
    "option group": (ONE, _option_group),
    "share of wallet": (ONE, _share_of_wallet),
    "budget": (ONE, _budget),
    "supplier share": (ONE, _supplier_share),
    "moves": (ONE, _moves),
    "bandwidth": (ONE, _bandwidth),
    "limited market": (ONE, _limited_market),
    "spot": (replace(ONE, spot_offers=2), _limited_market),
    "flexible work": (replace(ONE, flexible=2), _limited_market),
    "training": (replace(ONE, runs=2), _limited_market),
    "pins": (ONE, _pins),
}


def problem_with(change: str, seed: int) -> PlanningProblem:
    """The tiny problem with one clause or rule."""
    size, apply = CHANGES[change]
    return apply(random_problem(seed, size))


@cache
def optimum(change: str, seed: int) -> float:
    """USD of the best plan; inf where there is none."""
    answer = solve_program(build_program(problem_with(change, seed)), relative_gap=SOLVED_GAP)
    return answer.objective


@cache
def relaxation(change: str, seed: int) -> float:
    """USD of the linear relaxation of the exact model."""
    return solve_program(build_program(problem_with(change, seed)), relax=True).bound
