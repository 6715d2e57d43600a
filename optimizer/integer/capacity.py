"""What is placed stays within what is drawn: rules 2 and 3 of docs/problem.md, and the reserve for the loss of a site."""

from __future__ import annotations

import numpy as np

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.clauses import active
from optimizer.integer.columns import Bools
from optimizer.integer.rows import RowGroup, Term, numbered, row_group
from optimizer.integer.variables import Variables, largest_need, periods_held


def pool_capacity(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """need x + f + gang z <= a (d + (1 - loss) m) + q, for all work in the pool."""
    everything = np.ones(len(problem.needs.loads), dtype=np.bool_), np.ones(len(problem.needs.runs), dtype=np.bool_)
    row = numbered(largest_need(problem) > 0)
    return _pool_rows("capacity", problem, variables, row, everything, spot=True)


def no_spot_capacity(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """The same for work that may not use spot, without spot capacity, in pools that have any."""
    spot_drawn = np.zeros(variables.shortage.shape, dtype=np.bool_)
    spot = problem.supply.offer_spot
    np.logical_or.at(spot_drawn, problem.supply.offer_pool[spot], variables.offer_draw[spot] >= 0)
    row = numbered(spot_drawn)
    return _pool_rows("capacity without spot", problem, variables, row, (~problem.load_spot, ~problem.run_spot), spot=False)


def _pool_rows(
    clause: str, problem: PlanningProblem, variables: Variables, row: Ints, who: tuple[Bools, Bools], *, spot: bool
) -> RowGroup:
    supply = problem.supply
    works = problem.availability
    from_contract = works[supply.cover_pool][:, None, None, None]
    from_offer = (works[supply.offer_pool] * (1.0 - supply.offer_loss) * (spot | ~supply.offer_spot))[:, None, None, None]
    pool, period, block, scenario = np.nonzero(row >= 0)
    return row_group(
        clause,
        {"pool": pool, "period": period, "block": block, "scenario": scenario},
        *work(problem, variables, row[problem.needs.pair_pool], row[problem.needs.option_pool], who, coefficient=-1.0),
        (row[supply.cover_pool], variables.contract_draw, from_contract),
        (row[supply.offer_pool], variables.offer_draw, from_offer),
        (row, variables.shortage, 1.0),
        lower=0.0,
        measure="accelerators",
    )


def work(
    problem: PlanningProblem, variables: Variables, pair_row: Ints, option_row: Ints, who: tuple[Bools, Bools], *, coefficient: float
) -> list[Term]:
    """Terms `coefficient x (need x + f + gang z)` of the loads and runs marked in `who`.

    Args:
      pair_row: [N, T, B, S] row that each pair adds to; -1: none.
      option_row: [G, T, B, S] likewise for training options.
      who: ([L], [R]) True where the load or run counts.
    """
    needs = problem.needs
    loads, runs = who
    pairs = np.flatnonzero(loads[needs.pair_load])
    flexible = loads[needs.pair_load[variables.flexible_pairs]]
    option, period = np.nonzero(periods_held(problem) & runs[needs.option_run][:, None])
    column = variables.option[option][:, None, None]
    return [
        (pair_row[pairs], variables.place[pairs][:, :, None, None], coefficient * needs.need[pairs]),
        (pair_row[variables.flexible_pairs[flexible]], variables.served[flexible], coefficient),
        (option_row[option, period], column, coefficient * needs.option_gang[option][:, None, None]),
    ]


def flexible_limit(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """f[n,t,b,s] <= work_limit x[n,t]."""
    pairs = variables.flexible_pairs
    row = numbered(variables.served >= 0)
    which, period, block, scenario = np.nonzero(row >= 0)
    return row_group(
        "work limit",
        {"load": problem.needs.pair_load[pairs[which]], "period": period, "block": block, "scenario": scenario},
        (row, variables.served, -1.0),
        (row, variables.place[pairs][:, :, None, None], problem.needs.work_limit[pairs][:, :, None, :]),
        lower=0.0,
        measure="accelerators",
    )


def flexible_work(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """sum over blocks of h f[n] + missed[n] >= work x[n], in mean accelerators over the period.

    What is missed is a pair's own: shares of a load in many pools would else be missed by the same hours, or done by other shares.
    """
    needs, pairs = problem.needs, variables.flexible_pairs
    hours = problem.hours.sum(axis=1)
    row = numbered(variables.missed >= 0)
    which, period, scenario = np.nonzero(row >= 0)
    return row_group(
        "flexible work",
        {"load": needs.pair_load[pairs[which]], "period": period, "scenario": scenario},
        (row[:, :, None, :], variables.served, (problem.hours / hours[:, None])[:, :, None]),
        (row, variables.missed, 1.0 / hours[:, None]),
        (row, variables.place[pairs][:, :, None], -needs.work[pairs] / hours[:, None]),
        lower=0.0,
        measure="accelerator-hours",
        scale=hours[period],
    )


def site_use(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """The auxiliary column is what is in use at the site, wherever a reserve for its loss is asked for."""
    everything = np.ones(len(problem.needs.loads), dtype=np.bool_), np.ones(len(problem.needs.runs), dtype=np.bool_)
    row = numbered(variables.site_placed >= 0)
    site, period, block, scenario = np.nonzero(row >= 0)
    at_pair, at_option = problem.pool_site[problem.needs.pair_pool], problem.pool_site[problem.needs.option_pool]
    return row_group(
        "site use",
        {"site": site, "period": period, "block": block, "scenario": scenario},
        *work(problem, variables, row[at_pair], row[at_option], everything, coefficient=-1.0),
        (row, variables.site_placed, 1.0),
        lower=0.0,
        upper=0.0,
        measure="accelerators",
    )


def site_loss_reserve(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """Spare capacity at all other sites >= reserve x what is in use at the lost one; offers without a limit make it hold."""
    supply = problem.supply
    market = _market_elsewhere(problem)
    asked = np.isfinite(market) & (problem.limits.site_loss_reserve > 0)
    needed = np.broadcast_to(asked[:, :, None, None], variables.site_placed.shape)
    row = numbered(needed)
    lost, period, block, scenario = np.nonzero(needed)
    each, reserve = np.arange(len(lost)), problem.limits.site_loss_reserve[period]
    terms: list[Term] = []
    for k, works in enumerate(_working_share(problem)):
        safe = ~np.isin(lost, problem.pool_site[supply.cover_pool[supply.cover_contract == k]])
        coefficient = works * supply.capacity[k, period[safe], scenario[safe]]
        terms += active(variables, each[safe], np.full(int(safe.sum()), k), period[safe], coefficient)
    used = variables.site_placed[:, period, block, scenario]
    at_lost = np.arange(len(problem.sites))[:, None] == lost
    return row_group(
        "reserve for the loss",
        {"site": lost, "period": period, "block": block, "scenario": scenario},
        *terms,
        (row[lost, period, block, scenario], used, np.where(at_lost, -reserve, -1.0)),
        lower=-market[lost, period],
        measure="accelerators",
    )


def _market_elsewhere(problem: PlanningProblem) -> Floats:
    """Working accelerators of on-demand offers at all sites but one, [sites, T]; inf where one of them has no limit."""
    supply = problem.supply
    firm = ~supply.offer_spot
    pool = supply.offer_pool[firm]
    limits = problem.availability[pool][:, None] * supply.offer_limit[firm]
    elsewhere = problem.pool_site[pool][None, :, None] != np.arange(len(problem.sites))[:, None, None]
    return np.asarray(np.where(elsewhere, limits[None], 0.0).sum(axis=1))


def _working_share(problem: PlanningProblem) -> Floats:
    """Share of each contract's accelerators that work, [K]: at the worst of its sites, as they may be drawn at any of them."""
    supply = problem.supply
    share = np.ones(len(supply.contracts))
    np.minimum.at(share, supply.cover_contract, problem.availability[supply.cover_pool])
    return share
