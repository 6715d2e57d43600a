"""One function per clause of a contract, named after it. docs/problem.md has the formulas."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.rows import RowGroup, Term, numbered, row_group
from optimizer.integer.variables import Variables, by_interval, largest_spend


def active(variables: Variables, row: Ints, contract: Ints, period: Ints, coefficient: ArrayLike) -> list[Term]:
    """Terms `coefficient x active[k,t]`, where active[k,t] = Y[k] - sum of e[k,1..t]. All arguments [z]."""
    coefficient = np.broadcast_to(np.asarray(coefficient, dtype=np.float64), row.shape)
    left = np.where(np.arange(variables.exits.shape[1]) <= period[:, None], variables.exits[contract], -1)
    return [(row, variables.lots[contract], coefficient), (row[:, None], left, -coefficient[:, None])]


def capacity_and_ramp(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """sum over pools of d[j,t,b,s] <= capacity[k,t] active[k,t] + burst[k,t,b,s]; the ramp is in the capacity."""
    supply = problem.supply
    periods, blocks, scenarios = problem.shape
    drawn = np.zeros((len(supply.contracts), periods, blocks, scenarios), dtype=np.bool_)
    np.logical_or.at(drawn, supply.cover_contract, variables.contract_draw >= 0)
    row = numbered(drawn)
    contract, period, block, scenario = np.nonzero(drawn)
    return row_group(
        "capacity of contract",
        {"contract": contract, "period": period, "block": block, "scenario": scenario},
        (row[supply.cover_contract], variables.contract_draw, -1.0),
        (row[supply.burst.contract], variables.burst, 1.0),
        *active(variables, np.arange(len(contract)), contract, period, supply.capacity[contract, period, scenario]),
        lower=0.0,
        measure="accelerators",
    )


def committed_cash(problem: PlanningProblem) -> Floats:
    """USD per lot in force that is paid whether anything is drawn or not, fixed fee aside, [K, T, S]."""
    supply = problem.supply
    hours = problem.hours.sum(axis=1)[:, None]
    return np.asarray(supply.take_or_pay_share[:, None, None] * supply.price_cash * supply.capacity * hours)


def covered_cash(problem: PlanningProblem) -> Floats:
    """USD per lot in force of spend that the commitment covers, at the price of what goes beyond it, [K, T, S]."""
    supply = problem.supply
    hours = problem.hours.sum(axis=1)[:, None]
    return np.asarray(supply.take_or_pay_share[:, None, None] * supply.excess_price * supply.capacity * hours)


def drawn_terms(problem: PlanningProblem, variables: Variables, row: Ints, per_hour: Floats) -> list[Term]:
    """Terms `per_hour[k,t,s] x hours drawn`, burst aside, each draw added to its interval's row. `row` is [K, W, S]; -1: none."""
    supply = problem.supply
    at = interval_rows(problem, row)[:, :, None, :]
    coefficient = per_hour[:, :, None, :] * problem.hours[:, :, None]
    j, u = supply.cover_contract, supply.burst.contract
    return [(at[j], variables.contract_draw, coefficient[j]), (at[u], variables.burst, -coefficient[u])]


def spend_terms(problem: PlanningProblem, variables: Variables, row: Ints, unit: float, weight: Floats) -> list[Term]:
    """Terms `weight x price x hours drawn`, at the price of what goes beyond the commitment. `row` is [K, W, S], -1: none; `weight` [K]."""
    return drawn_terms(problem, variables, row, weight[:, None, None] * problem.supply.excess_price / unit)


def interval_rows(problem: PlanningProblem, row: Ints) -> Ints:
    """Row of the interval that each period falls in, [K, T, S], from rows [K, W, S]."""
    interval = problem.supply.interval
    if row.shape[1] == 0:
        return np.full((*interval.shape, row.shape[2]), -1)
    found = np.take_along_axis(row, np.maximum(interval, 0)[:, :, None], axis=1)
    return np.asarray(np.where((interval >= 0)[:, :, None], found, -1))


def last_periods(problem: PlanningProblem) -> Ints:
    """The last period within the horizon of each interval, [K, W]; -1: no such interval."""
    interval = problem.supply.interval
    last = np.full((len(interval), int(interval.max(initial=-1)) + 1), -1)
    contract, period = np.nonzero(interval >= 0)
    np.maximum.at(last, (contract, interval[contract, period]), period)
    return last


def per_lot(problem: PlanningProblem, variables: Variables, row: Ints, per_lot: Floats) -> list[Term]:
    """Terms `per_lot[k,t,s] active[k,t]`, each period added to its interval's row [K, W, S]."""
    at = interval_rows(problem, row)
    contract, period, scenario = np.nonzero(at >= 0)
    return active(variables, at[contract, period, scenario], contract, period, per_lot[contract, period, scenario])


def take_or_pay(problem: PlanningProblem, variables: Variables, unit: float) -> list[RowGroup]:
    """excess[k,w,s] >= price x hours drawn - commitment, over the interval.

    Where more counts towards a minimum than is billed, excess would grow to meet it. There it is no more than this, and what is committed
    is drawn, which costs nothing; where hours drawn count for themselves it is either no more than this or 0, as a binary says.
    """
    row = numbered(variables.excess >= 0)
    contract, interval, scenario = np.nonzero(row >= 0)
    keys = {"contract": contract, "interval": interval, "scenario": scenario}
    alone = np.full(len(problem.supply.contracts), -1.0)
    bent = numbered(variables.is_excess >= 0)
    bends = dict(zip(("contract", "interval", "scenario"), np.nonzero(bent >= 0), strict=True))
    covered = by_interval(problem, covered_cash(problem) * problem.supply.most_lots[:, None, None] / unit)
    largest = by_interval(problem, largest_spend(problem) / unit)
    grows = (variables.short >= 0) & (problem.supply.list_ratio > 1.0)[:, None, None] & (bent < 0)
    return [
        row_group(
            "take or pay",
            keys,
            (row, variables.excess, 1.0),
            *spend_terms(problem, variables, row, unit, alone),
            *per_lot(problem, variables, row, covered_cash(problem) / unit),
            lower=0.0,
            upper=np.where(grows[row >= 0], 0.0, np.inf),
            measure="USD",
            scale=unit,
        ),
        row_group(
            "take or pay",
            bends,
            (bent, variables.excess, 1.0),
            *spend_terms(problem, variables, bent, unit, alone),
            *per_lot(problem, variables, bent, covered_cash(problem) / unit),
            (bent, variables.is_excess, covered),
            upper=covered[bent >= 0],
            measure="USD",
            scale=unit,
        ),
        row_group(
            "take or pay",
            bends,
            (bent, variables.excess, 1.0),
            (bent, variables.is_excess, -largest),
            upper=0.0,
            measure="USD",
            scale=unit,
        ),
    ]


def minimum_spend(problem: PlanningProblem, variables: Variables, unit: float) -> RowGroup:
    """short[k,w,s] >= minimum active - list ratio (commitment + excess + tiers) - fixed fee - spend from elsewhere, over the interval."""
    supply = problem.supply
    return _minimum(problem, variables, unit, "minimum spend", variables.short, supply.minimum_cash, supply.eligible_spend_cash)


def capped_other_spend(problem: PlanningProblem, variables: Variables, unit: float) -> RowGroup:
    """The same with the part of the minimum that other spend may not cover, and without other spend."""
    supply = problem.supply
    own = (1.0 - supply.other_spend_cap)[:, None, None] * supply.minimum_cash
    capped = (supply.other_spend_cap < 1.0) & (supply.eligible_spend_cash != supply.brought_spend_cash).any(axis=(1, 2))
    rows = np.where(capped[:, None, None], variables.short, -1)
    return _minimum(problem, variables, unit, "cap on other spend", rows, own, supply.brought_spend_cash)


def _minimum(
    problem: PlanningProblem, variables: Variables, unit: float, name: str, short: Ints, minimum: Floats, elsewhere: Floats
) -> RowGroup:
    row = numbered(short >= 0)
    contract, interval, scenario = np.nonzero(row >= 0)
    terms, counted = spend_beyond_minimum(problem, variables, row, unit, minimum, elsewhere)
    return row_group(
        name,
        {"contract": contract, "interval": interval, "scenario": scenario},
        (row, short, 1.0),
        *terms,
        lower=-counted[contract, interval, scenario],
        measure="USD",
        scale=unit,
    )


def spend_beyond_minimum(
    problem: PlanningProblem, variables: Variables, row: Ints, unit: float, minimum: Floats, elsewhere: Floats
) -> tuple[list[Term], Floats]:
    """Terms of list ratio (commitment + excess + tiers) + fixed fee - minimum, added to rows; and spend from elsewhere, each [K, W, S].

    Where nothing is paid for anyway the excess is the spend itself; where everything is, there is none.
    """
    supply = problem.supply
    ratio = supply.list_ratio[:, None, None]
    counted = (ratio * committed_cash(problem) + supply.fixed_fee_cash - minimum) / unit
    uncommitted = np.where((supply.take_or_pay_share == 0)[:, None, None], row, -1)
    given = np.zeros(row.shape)
    k, t = np.nonzero(supply.interval >= 0)
    np.add.at(given, (k, supply.interval[k, t]), elsewhere[k, t] / unit)
    terms = [
        (row, variables.excess, np.broadcast_to(ratio, row.shape)),
        *spend_terms(problem, variables, uncommitted, unit, supply.list_ratio),
        *per_lot(problem, variables, row, counted),
        tier_terms(problem, variables, row, unit),
    ]
    return terms, given


def tier_terms(problem: PlanningProblem, variables: Variables, row: Ints, unit: float) -> Term:
    """Term of what tiers add to an interval's spend, as it counts towards a minimum; `row` is [K, W, S]."""
    volumes = variables.volumes
    ratio = problem.supply.list_ratio[volumes.bands.contract][:, None, None, None]
    return row[volumes.bands.contract][..., None], volumes.volume, ratio * volumes.cash / unit


def signing(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """Y[k] <= most lots y[k]."""
    contract = np.flatnonzero((variables.held >= 0) & (variables.held != variables.lots))
    each = np.arange(len(contract))
    return row_group(
        "signing",
        {"contract": contract},
        (each, variables.held[contract], problem.supply.most_lots[contract]),
        (each, variables.lots[contract], -1.0),
        lower=0.0,
        measure="lots",
    )


def forced_signing(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """Y[k] >= least lots where a pin forces a contract that is not yet in force."""
    supply = problem.supply
    contract = np.flatnonzero(~supply.in_force & (supply.least_lots > 0))
    each = np.arange(len(contract))
    return row_group(
        "pin that forces", {"contract": contract}, (each, variables.lots[contract], 1.0), lower=supply.least_lots[contract], measure="lots"
    )


def termination(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """sum over periods of e[k,t] <= Y[k]; where leaving is not possible there is no e."""
    contract = np.flatnonzero((variables.exits >= 0).any(axis=1))
    each = np.arange(len(contract))
    return row_group(
        "termination",
        {"contract": contract},
        (each, variables.lots[contract], 1.0),
        (each[:, None], variables.exits[contract], -1.0),
        lower=0.0,
        measure="lots",
    )


def renewal(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """Lots renewed <= lots of the contract that are still held when it ends."""
    contract, renewed = problem.supply.renewals[:, 0], problem.supply.renewals[:, 1]
    each = np.arange(len(contract))
    return row_group(
        "renewal",
        {"contract": contract},
        (each, variables.lots[renewed], 1.0),
        (each[:, None], variables.exits[renewed], -1.0),
        (each, variables.lots[contract], -1.0),
        lower=0.0,
        measure="lots",
    )


def same_before_known(problem: PlanningProblem, variables: Variables) -> list[RowGroup]:
    """Y[a] = Y[b], e[a,t] = e[b,t]: copies of a contract whose scenarios are not told apart when it is decided."""
    one, other = problem.supply.same_lots.T
    a, b, period = problem.supply.same_exits.T
    named = np.flatnonzero((variables.exits[a, period] >= 0) | (variables.exits[b, period] >= 0))
    a, b, period = a[named], b[named], period[named]
    lots, left = np.arange(len(one)), np.arange(len(a))
    return [
        row_group(
            "same lots in all groups",
            {"contract": one},
            (lots, variables.lots[one], 1.0),
            (lots, variables.lots[other], -1.0),
            lower=0.0,
            upper=0.0,
            measure="lots",
        ),
        row_group(
            "same exits in all groups",
            {"contract": a, "period": period},
            (left, variables.exits[a, period], 1.0),
            (left, variables.exits[b, period], -1.0),
            lower=0.0,
            upper=0.0,
            measure="lots",
        ),
    ]


def term(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """active[k,t] <= most lots x in_force[k,t], where lots may have been left and a rule asks."""
    own = (variables.in_force >= 0) & (variables.in_force != variables.held[:, None])
    contract, period = np.nonzero(own)
    each = np.arange(len(contract))
    return row_group(
        "term",
        {"contract": contract, "period": period},
        (each, variables.in_force[contract, period], problem.supply.most_lots[contract]),
        *active(variables, each, contract, period, -1.0),
        lower=0.0,
        measure="lots",
    )


def option_group(problem: PlanningProblem, variables: Variables) -> RowGroup:
    """At most one contract of a group is held."""
    member_of = problem.supply.option_group
    groups, first = np.unique(member_of, return_index=True)
    row = np.where(member_of >= 0, np.searchsorted(groups[groups >= 0], member_of), -1)
    return row_group("option group", {"contract": first[groups >= 0]}, (row, variables.held, 1.0), upper=1.0, measure="contracts")


def share_of_wallet(problem: PlanningProblem, variables: Variables, most_drawn: Floats) -> RowGroup:
    """hours drawn with k >= share x all hours drawn - M (1 - in_force[k,t]), in mean accelerators over the period.

    Args:
      most_drawn: [T, S] mean accelerators if everything is drawn, so that M = share x most_drawn.
    """
    supply = problem.supply
    scenarios = len(problem.scenarios)
    asked = (variables.in_force >= 0) & (supply.share_of_wallet > 0)[:, None]
    row = numbered(np.repeat(asked[:, :, None], scenarios, axis=2))
    contract, period, scenario = np.nonzero(row >= 0)
    asking = np.flatnonzero(supply.share_of_wallet > 0)
    share = supply.share_of_wallet[asking][:, None, None, None, None]
    weight = (problem.hours / problem.hours.sum(axis=1, keepdims=True))[None, :, :, None]
    own = (supply.cover_contract == asking[:, None])[:, :, None, None, None]
    at = row[asking][:, None, :, None, :]
    penalty = supply.share_of_wallet[contract] * most_drawn[period, scenario]
    return row_group(
        "share of wallet",
        {"contract": contract, "period": period, "scenario": scenario},
        (at, variables.contract_draw[None], (own - share) * weight),
        (at, variables.offer_draw[None], -share * weight),
        (np.arange(len(contract)), variables.in_force[contract, period], -penalty),
        lower=-penalty,
        measure="accelerator-hours",
        scale=problem.hours.sum(axis=1)[period],
    )
