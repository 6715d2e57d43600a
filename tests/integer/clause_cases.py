"""A tiny problem for each clause, in which the clause binds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from optimizer.domain.clauses import CARRY_FORWARD, MAKE_UP, NEVER, ROLLOVER, Balances, Burst, Favoured, Tiers, TrueUp
from optimizer.domain.problem import PlanningProblem
from tests.problems import Size, random_problem, with_limits, with_needs, with_supply

TINY = Size(blocks=1)
SHORT = Size(blocks=1, loads=1)  # where brute force has cases to go through for every decision
Change = Callable[[PlanningProblem], PlanningProblem]


def cheap_proposal(problem: PlanningProblem) -> PlanningProblem:
    """The contract on offer undercuts the market by far."""
    price = problem.supply.price_cash.copy()
    price[-1] = 0.5
    return with_supply(problem, price_cash=price)


def two_cheap_proposals(problem: PlanningProblem) -> PlanningProblem:
    """Nothing is in force and both contracts undercut the market."""
    supply = problem.supply
    open_to_sign = np.zeros(len(supply.contracts), dtype=np.int64)
    return with_supply(
        problem, in_force=np.zeros(len(supply.contracts), dtype=np.bool_), least_lots=open_to_sign, price_cash=supply.price_cash * 0.2
    )


def take_or_pay(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, take_or_pay_share=np.array([0.7, 0.0]), capacity=problem.supply.capacity * 2)


def full_take_or_pay(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, take_or_pay_share=np.array([1.0, 1.0]), capacity=problem.supply.capacity * 3)


def minimum_spend(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(
        problem,
        minimum_cash=np.full((2, 2), 30000.0),
        eligible_spend_cash=np.full((2, 2), 2000.0),
        fixed_fee_cash=np.full((2, 2), 1000.0),
        take_or_pay_share=np.array([0.5, 0.0]),
    )


def fixed_fee(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, fixed_fee_cash=np.full((2, 2), 900.0))


def termination(problem: PlanningProblem) -> PlanningProblem:
    exit_fee = np.array([[np.inf, 2500.0], [np.inf, 100.0]])
    changed = with_supply(problem, take_or_pay_share=np.array([1.0, 1.0]), price_cash=np.array([[9.0, 9.0], [2.0, 9.0]]))
    return with_supply(changed, exit_fee_cash=exit_fee, terminal_usd=np.array([500.0, 700.0]))


def forced_signing(problem: PlanningProblem) -> PlanningProblem:
    dear = with_supply(problem, fixed_fee_cash=np.full((2, 2), 9000.0))
    return with_supply(dear, least_lots=np.array([1, 1]))


def option_group(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, option_group=np.array([3, 3]))


def excluded_contract(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, excluded_contract=np.array([[0, 1]]))


def excluded_supplier(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, excluded_supplier=np.array([[1, 0]]))


def exclusive_work(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, exclusive_work=np.array([[0, 0], [0, 1]]))


def exclusive_work_until_left(problem: PlanningProblem) -> PlanningProblem:
    """Leaving the contract frees the work from it."""
    changed = with_supply(problem, exit_fee_cash=np.array([[np.inf, 50.0], [np.inf, np.inf]]), fixed_fee_cash=np.full((2, 2), 800.0))
    return exclusive_work(changed)


def exclusive_run(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, exclusive_run=np.array([[0, 0]]))


def run_elsewhere(problem: PlanningProblem) -> PlanningProblem:
    """The run can only go to a supplier other than that of the contract in force."""
    return with_needs(problem, option_pool=np.full(len(problem.needs.option_pool), 1))


def share_of_wallet(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, share_of_wallet=np.array([0.0, 0.6]), price_cash=np.array([[9.0, 9.0], [4.0, 4.0]]))


def wallet_in_force(problem: PlanningProblem) -> PlanningProblem:
    """The agreed share is dearer than the market, so idle draws are weighed against leaving work unplaced."""
    return with_supply(problem, share_of_wallet=np.array([0.5, 0.0]), price_cash=np.full((2, 2), 7.0), capacity=np.full((2, 2), 30.0))


def budget(problem: PlanningProblem) -> PlanningProblem:
    return with_limits(problem, budget_supplier=np.array([-1, 1]), budget_period=np.array([0, 1]), budget_cash=np.array([45000.0, 9000.0]))


def supplier_share(problem: PlanningProblem) -> PlanningProblem:
    return with_limits(problem, share_supplier=np.array([0, -1]), share_period=np.array([0, 1]), share=np.array([0.4, 0.7]))


def fewest_suppliers(problem: PlanningProblem) -> PlanningProblem:
    return with_limits(problem, fewest_suppliers=np.array([2, 2]))


def one_cheap_pool(problem: PlanningProblem) -> PlanningProblem:
    prices = problem.supply.offer_price_cash.copy()
    prices[1] *= 3.0
    return with_supply(problem, offer_price_cash=prices)


def moves(problem: PlanningProblem) -> PlanningProblem:
    return with_limits(free_moves(problem), most_moves=np.array([0.0, 1.0]))


def free_moves(problem: PlanningProblem) -> PlanningProblem:
    return replace(problem, enter_cash=np.zeros(4), leave_cash=np.zeros(4))


def bandwidth(problem: PlanningProblem) -> PlanningProblem:
    return replace(problem, site_bandwidth=np.array([1.7, 1.5]))


def site_loss(problem: PlanningProblem) -> PlanningProblem:
    return with_limits(problem, site_loss_reserve=np.array([1.0, 1.3]))


def scarce(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, offer_limit=np.full(problem.supply.offer_limit.shape, 8.0))


def scarce_and_one_cheap_pool(problem: PlanningProblem) -> PlanningProblem:
    return one_cheap_pool(scarce(problem))


def pins(problem: PlanningProblem) -> PlanningProblem:
    forced, allowed = problem.pair_forced.copy(), problem.pair_allowed.copy()
    forced[0, 1] = True
    allowed[3, :] = False
    return replace(problem, pair_forced=forced, pair_allowed=allowed)


def forced_run(problem: PlanningProblem) -> PlanningProblem:
    return replace(problem, run_forced=np.array([True]), run_unplaced_usd=np.array([10.0]))


def cheap_to_skip(problem: PlanningProblem) -> PlanningProblem:
    return replace(problem, run_unplaced_usd=np.array([10.0]))


def _tiers(problem: PlanningProblem, *, incremental: bool, ratios: tuple[float, ...] = (0.7, 0.5)) -> Tiers:
    """Of the last contract, at a third and two thirds of what it can deliver."""
    k, hours = len(problem.supply.contracts) - 1, problem.hours.sum(axis=1)
    full = float((problem.supply.capacity[k].mean(axis=1) * hours).sum() * problem.supply.most_lots[k])
    intervals = int(problem.supply.interval.max()) + 1
    count = len(ratios)
    return Tiers(
        contract=np.full(count, k),
        start=np.repeat([[full * (i + 1) / (count + 1) / intervals] for i in range(count)], intervals, axis=1),
        ratio=np.array(ratios),
        incremental=np.full(count, incremental),
        units=np.ones((count, len(problem.periods))),
    )


def roomy(problem: PlanningProblem) -> PlanningProblem:
    """A contract on offer that could do most of the work, at about the market's price."""
    price, capacity = problem.supply.price_cash.copy(), problem.supply.capacity.copy()
    price[-1], capacity[-1] = 4.5, 12.0
    return with_supply(problem, price_cash=price, capacity=capacity)


def all_units_tiers(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, tiers=_tiers(problem, incremental=False))


def all_units_tiers_with_take_or_pay(problem: PlanningProblem) -> PlanningProblem:
    return all_units_tiers(with_supply(problem, take_or_pay_share=np.array([0.0, 0.4])))


def incremental_tiers(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, tiers=_tiers(problem, incremental=True, ratios=(0.6, 1.4)))


def incremental_tiers_with_take_or_pay(problem: PlanningProblem) -> PlanningProblem:
    changed = with_supply(problem, take_or_pay_share=np.array([0.0, 0.6]), minimum_cash=np.full((2, 2), 12000.0))
    return with_supply(changed, tiers=_tiers(changed, incremental=True))


def tiers_of_what_is_paid_anyway(problem: PlanningProblem) -> PlanningProblem:
    return all_units_tiers(with_supply(problem, take_or_pay_share=np.array([0.0, 1.0])))


def _one_price(problem: PlanningProblem, price: float) -> np.ndarray:
    return np.full((1, len(problem.periods), len(problem.scenarios)), price)


def burst(problem: PlanningProblem, price: float = 4.0) -> PlanningProblem:
    k = np.array([len(problem.supply.contracts) - 1])
    return with_supply(problem, burst=Burst(contract=k, share=np.array([0.5]), price_cash=_one_price(problem, price)))


def cheap_burst(problem: PlanningProblem) -> PlanningProblem:
    """Burst is cheaper than the contract's own price, and only comes after it."""
    return burst(with_supply(problem, take_or_pay_share=np.array([0.0, 0.5])), 1.0)


def tight(problem: PlanningProblem) -> PlanningProblem:
    """A contract on offer that is cheap and too small."""
    price, capacity = problem.supply.price_cash.copy(), problem.supply.capacity.copy()
    price[-1], capacity[-1] = 2.5, 4.0
    return with_supply(problem, price_cash=price, capacity=capacity)


def true_up(problem: PlanningProblem, price: float = 1.0) -> PlanningProblem:
    k = np.array([len(problem.supply.contracts) - 1])
    changed = with_supply(problem, take_or_pay_share=np.array([0.0, 0.4]))
    return with_supply(changed, true_up=TrueUp(contract=k, price_cash=_one_price(problem, price)))


def dear_true_up_with_minimum(problem: PlanningProblem) -> PlanningProblem:
    return true_up(with_supply(problem, minimum_cash=np.full((2, 2), 9000.0)), 5.5)


def month_by_month(problem: PlanningProblem) -> PlanningProblem:
    """Prices at which the last contract is drawn to the full in the last month and not in the first."""
    supply = problem.supply
    price, offers, capacity = supply.price_cash.copy(), supply.offer_price_cash.copy(), supply.capacity.copy()
    price[-1], capacity[-1] = 3.0, 10.0
    offers[:, 0] *= 0.4
    offers[:, -1] *= 1.6
    share = np.array([0.0, 0.6])
    each = np.tile(np.arange(len(problem.periods)), (len(supply.contracts), 1))
    return with_supply(problem, price_cash=price, capacity=capacity, offer_price_cash=offers, take_or_pay_share=share, interval=each)


def unused_first(problem: PlanningProblem) -> PlanningProblem:
    """The last contract is in force, to be drawn to the full in the last month and not in the first."""
    return with_supply(month_by_month(problem), least_lots=np.array([0, 1]), in_force=np.array([False, True]))


def used_first(problem: PlanningProblem) -> PlanningProblem:
    changed = unused_first(problem)
    return with_supply(changed, offer_price_cash=changed.supply.offer_price_cash[:, ::-1])


def with_minimum(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(unused_first(problem), minimum_cash=np.full((2, 2), 16000.0), take_or_pay_share=np.array([0.0, 0.2]))


def with_minimum_only(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(unused_first(problem), minimum_cash=np.full((2, 2), 12000.0), take_or_pay_share=np.array([0.0, 0.0]))


def _balance(problem: PlanningProblem, kind: int, opening: float = 0.0, cap: float = np.inf, life: int = NEVER) -> PlanningProblem:
    one = np.array([len(problem.supply.contracts) - 1])
    clause = Balances(
        contract=one, kind=np.array([kind]), opening_cash=np.array([opening]), cap_cash=np.array([cap]), life=np.array([life])
    )
    return with_supply(problem, balances=clause)


def make_up(problem: PlanningProblem) -> PlanningProblem:
    return _balance(problem, MAKE_UP)


def make_up_with_cap(problem: PlanningProblem) -> PlanningProblem:
    return _balance(problem, MAKE_UP, opening=4000.0, cap=4500.0, life=1)


def carry_forward(problem: PlanningProblem) -> PlanningProblem:
    return _balance(problem, CARRY_FORWARD, opening=500.0)


def rollover(problem: PlanningProblem) -> PlanningProblem:
    return _balance(problem, ROLLOVER, opening=100.0)


def rollover_with_cap(problem: PlanningProblem) -> PlanningProblem:
    return _balance(problem, ROLLOVER, cap=5000.0, life=1)


def dear_in_force(problem: PlanningProblem) -> PlanningProblem:
    """The first contract is dear, the other cheap, small, and worth a fee only if it lowers the first one's price."""
    price, capacity, fee = problem.supply.price_cash.copy(), problem.supply.capacity.copy(), problem.supply.fixed_fee_cash.copy()
    price[0], price[1], capacity[0], capacity[1], fee[1] = 4.5, 3.0, 12.0, 1.0, 1500.0
    share = np.array([0.5, 0.0])
    return with_supply(problem, price_cash=price, capacity=capacity, fixed_fee_cash=fee, take_or_pay_share=share)


def most_favoured_price(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, favoured=Favoured(contract=np.array([0]), other=np.array([1])))


def leavable_in_force(problem: PlanningProblem) -> PlanningProblem:
    """The comparable contract is in force and may be left."""
    changed = with_supply(dear_in_force(problem), least_lots=np.array([1, 1]), in_force=np.array([True, True]))
    return with_supply(changed, exit_fee_cash=np.array([[np.inf, np.inf], [np.inf, 100.0]]))


def ends_after_a_month(problem: PlanningProblem) -> PlanningProblem:
    """The first contract ends after a month; the second begins then, cheap, and is dear to sign unless much is drawn."""
    interval, price = np.array([[0, -1], [-1, 0]]), problem.supply.price_cash.copy()
    price[:] = 2.0
    free = np.array([[np.inf, np.inf], [np.inf, np.inf]])
    free[0, 0] = 200.0
    changed = with_supply(problem, interval=interval, price_cash=price, exit_fee_cash=free, cover_contract=np.array([0, 1]))
    fee = np.zeros((2, 2))
    fee[0, 0] = 30000.0
    return with_supply(changed, cover_pool=np.array([0, 0]), fixed_fee_cash=fee, contract_supplier=np.array([0, 0]))


def renewal(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(problem, renewals=np.array([[1, 0]]))


def same(problem: PlanningProblem) -> PlanningProblem:
    return problem


def by_scenario(low: float, high: float) -> np.ndarray:
    """Factors of the two contracts in the two scenarios, [K, 1, S]."""
    return np.array([[low, high], [high, low]])[:, None, :]


def prices_by_scenario(problem: PlanningProblem) -> PlanningProblem:
    supply = problem.supply
    return with_supply(problem, price_cash=supply.price_cash * by_scenario(0.5, 2.5), take_or_pay_share=np.array([0.7, 0.0]))


def capacity_by_scenario(problem: PlanningProblem) -> PlanningProblem:
    supply = problem.supply
    return with_supply(problem, capacity=supply.capacity * by_scenario(0.0, 1.5), take_or_pay_share=np.array([0.7, 1.0]))


def minimums_by_scenario(problem: PlanningProblem) -> PlanningProblem:
    changed, factor = minimum_spend(problem), by_scenario(0.4, 1.3)
    supply = changed.supply
    return with_supply(
        changed,
        minimum_cash=supply.minimum_cash * factor,
        fixed_fee_cash=supply.fixed_fee_cash * factor,
        eligible_spend_cash=supply.eligible_spend_cash * factor,
    )


def fees_by_scenario(problem: PlanningProblem) -> PlanningProblem:
    changed = termination(problem)
    return with_supply(changed, exit_fee_cash=changed.supply.exit_fee_cash * by_scenario(0.5, 2.0))


def prepayment(problem: PlanningProblem) -> PlanningProblem:
    """Paid in the first period, drawn down in the second; leaving forfeits it."""
    changed = termination(problem)
    return with_supply(changed, prepaid_cash=np.array([[3000.0, -2500.0], [4000.0, -4000.0]]))


def minimum_at_list(problem: PlanningProblem) -> PlanningProblem:
    return with_supply(minimum_spend(problem), list_ratio=np.array([1.6, 1.25]))


def at_list_with_supplier_share(problem: PlanningProblem) -> PlanningProblem:
    """Drawing all that is committed would give its supplier too much, and costs more than what it counts towards the minimum."""
    return with_limits(minimum_at_list(problem), share_supplier=np.array([0]), share_period=np.array([-1]), share=np.array([0.2]))


def capped_other_spend(problem: PlanningProblem) -> PlanningProblem:
    changed = with_supply(minimum_spend(problem), eligible_spend_cash=np.full((2, 2), 20000.0), brought_spend_cash=np.full((2, 2), 1000.0))
    return with_supply(changed, other_spend_cap=np.array([0.2, 0.1]))


def behind_the_minimum(problem: PlanningProblem) -> PlanningProblem:
    behind = np.array([[-9000.0, 0.0], [0.0, 0.0]])
    return with_supply(minimum_spend(problem), eligible_spend_cash=behind, brought_spend_cash=behind)


def all_of_a_minimum(problem: PlanningProblem) -> PlanningProblem:
    """At list, capped, ahead of it, prepaid, at prices by scenario: all that shares a fulfilment interval with a minimum."""
    prices = problem.supply.price_cash * by_scenario(0.8, 1.4)
    changed = with_supply(capped_other_spend(problem), list_ratio=np.array([1.3, 1.25]), price_cash=prices)
    return with_supply(changed, prepaid_cash=np.array([[3000.0, -2500.0], [4000.0, -4000.0]]))


def budget_by_scenario(problem: PlanningProblem) -> PlanningProblem:
    return budget(prices_by_scenario(problem))


# name -> (size, what both problems have, the clause)
CASES: dict[str, tuple[Size, Change, Change]] = {
    "take or pay": (TINY, same, take_or_pay),
    "full take or pay": (TINY, same, full_take_or_pay),
    "minimum spend": (TINY, same, minimum_spend),
    "fixed fee": (TINY, same, fixed_fee),
    "prices by scenario": (TINY, same, prices_by_scenario),
    "capacity by scenario": (TINY, same, capacity_by_scenario),
    "minimums by scenario": (replace(TINY, loads=1), same, minimums_by_scenario),
    "exit fees by scenario": (TINY, same, fees_by_scenario),
    "budget with prices by scenario": (TINY, same, budget_by_scenario),
    "prepayment": (TINY, termination, prepayment),
    "minimum at list": (TINY, minimum_spend, minimum_at_list),
    "minimum at list beside a supplier's share": (TINY, minimum_at_list, at_list_with_supplier_share),
    "cap on other spend": (TINY, minimum_spend, capped_other_spend),
    "all of a minimum": (replace(TINY, loads=1), minimum_spend, all_of_a_minimum),
    "behind the minimum": (TINY, minimum_spend, behind_the_minimum),
    "signing": (TINY, same, cheap_proposal),
    "termination": (TINY, same, termination),
    "termination of several lots": (replace(TINY, loads=1, lots=2), same, termination),
    "forced signing": (TINY, same, forced_signing),
    "option group": (TINY, two_cheap_proposals, option_group),
    "option group of several lots": (replace(TINY, lots=2), two_cheap_proposals, option_group),
    "excluded contract": (TINY, cheap_proposal, excluded_contract),
    "excluded supplier": (TINY, two_cheap_proposals, excluded_supplier),
    "exclusive work": (TINY, same, exclusive_work),
    "exclusive work until left": (TINY, same, exclusive_work_until_left),
    "exclusive run": (replace(TINY, loads=1, runs=1), run_elsewhere, exclusive_run),
    "share of wallet": (TINY, same, share_of_wallet),
    "share of wallet in force": (TINY, same, wallet_in_force),
    "budget": (TINY, same, budget),
    "supplier share": (TINY, same, supplier_share),
    "fewest suppliers": (TINY, one_cheap_pool, fewest_suppliers),
    "moves": (TINY, free_moves, moves),
    "bandwidth": (TINY, same, bandwidth),
    "site loss reserve": (TINY, scarce_and_one_cheap_pool, site_loss),
    "all-units tiers": (SHORT, roomy, all_units_tiers),
    "all-units tiers with take or pay": (SHORT, roomy, all_units_tiers_with_take_or_pay),
    "all-units tiers with full take or pay": (SHORT, roomy, tiers_of_what_is_paid_anyway),
    "incremental tiers": (SHORT, roomy, incremental_tiers),
    "incremental tiers with take or pay": (SHORT, roomy, incremental_tiers_with_take_or_pay),
    "burst": (TINY, tight, burst),
    "burst cheaper than the contract": (SHORT, tight, cheap_burst),
    "true-up": (TINY, roomy, true_up),
    "dear true-up with a minimum": (TINY, roomy, dear_true_up_with_minimum),
    "make-up": (SHORT, unused_first, make_up),
    "make-up with a cap that expires": (SHORT, unused_first, make_up_with_cap),
    "carry-forward": (SHORT, used_first, carry_forward),
    "rollover": (SHORT, with_minimum, rollover),
    "rollover without commitment": (SHORT, with_minimum_only, rollover_with_cap),
    "most favoured price": (TINY, dear_in_force, most_favoured_price),
    "most favoured price until left": (SHORT, leavable_in_force, most_favoured_price),
    "renewal": (TINY, ends_after_a_month, renewal),
    "pins": (TINY, same, pins),
    "forced run": (replace(TINY, loads=1, runs=1), cheap_to_skip, forced_run),
}

# Features that every problem of their size has.
FEATURES: dict[str, Size] = {
    "spot": Size(blocks=2, spot_offers=2),
    "flexible work": Size(loads=2, flexible=1),
    "training runs": Size(loads=1, runs=2, blocks=1),
    "three periods": Size(loads=1, periods=3),
    "shared contract": Size(pools=3, sites=2, suppliers=1, eligible=2, blocks=1),
}


def problem_of(case: str, seed: int = 0) -> tuple[PlanningProblem, PlanningProblem]:
    """(without the clause, with it)."""
    size, base, clause = CASES[case]
    problem = base(random_problem(seed, size))
    return problem, clause(problem)
