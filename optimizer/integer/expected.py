"""The linear relaxation at expected need: a small program whose prices and shares are where pricing and search start.

All scenarios are one, loads move freely, lots stay to the end, and of the rules only capacity, flexible work, take-or-pay, minimum spend
and groups of alternatives are kept. Nothing of it is proven: its prices are certified by the dual of the whole problem, and its plan is
settled like any other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.integer.backend import Effort, solve_arrays
from optimizer.integer.clauses import committed_cash
from optimizer.integer.objective import money_unit
from optimizer.integer.reduced import Arrays

MOST_ENTRIES = 2_000_000  # needs in the program, above which it takes longer than what it saves


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Prices and a plan from the relaxation at expected need. Money is discounted USD."""

    firm: Floats  # [P, T, B] per accelerator for the block, of capacity that is not spot
    any_kind: Floats  # [P, T, B] likewise, of capacity that may be spot
    excess: Floats  # [K, I] share of each interval's settlement that spend above the commitment weighs
    short: Floats  # [K, I] likewise, missing minimum spend
    decisions: Decisions  # each load and run where most of it is, lots rounded


@dataclass
class _Sheet:
    """Columns and rows as they are added."""

    cost: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)
    lower: list[Floats] = field(default_factory=list)
    least: list[Floats] = field(default_factory=list)
    most: list[Floats] = field(default_factory=list)
    entries: list[tuple[Ints, Ints, Floats]] = field(default_factory=list)
    columns_used: int = 0
    rows_used: int = 0

    def columns(self, cost: Floats, lower: Floats | float = 0.0, upper: Floats | float = np.inf) -> Ints:
        """Adds a column for each cost; returns their numbers in the same shape."""
        self.cost.append(cost.ravel())
        self.lower.append(np.broadcast_to(lower, cost.shape).ravel())
        self.upper.append(np.broadcast_to(upper, cost.shape).ravel())
        self.columns_used += cost.size
        return np.arange(self.columns_used - cost.size, self.columns_used).reshape(cost.shape)

    def rows(self, shape: tuple[int, ...], least: float, most: float) -> Ints:
        """Adds rows least <= . <= most; returns their numbers."""
        count = int(np.prod(shape))
        self.least.append(np.full(count, least))
        self.most.append(np.full(count, most))
        self.rows_used += count
        return np.arange(self.rows_used - count, self.rows_used).reshape(shape)

    def put(self, row: Ints, column: Ints, coefficient: Floats | float) -> None:
        """Entries of the matrix; the three broadcast against one another."""
        at, of, value = np.broadcast_arrays(row, column, np.asarray(coefficient, dtype=np.float64))
        kept = value != 0.0
        self.entries.append((at[kept], of[kept], value[kept]))

    def arrays(self) -> Arrays:
        row, column, data = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        order = np.lexsort((column, row))
        nothing = np.zeros(self.columns_used, dtype=np.bool_)
        return Arrays(
            cost=np.concatenate(self.cost),
            lower=np.concatenate(self.lower),
            upper=np.concatenate(self.upper),
            integer=nothing,
            implied=nothing,
            row=row[order],
            column=column[order],
            data=data[order],
            row_lower=np.concatenate(self.least),
            row_upper=np.concatenate(self.most),
            offset=0.0,
        )


@dataclass(frozen=True, kw_only=True)
class _Columns:
    pair: Ints  # [N, T]
    unplaced: Ints  # [L, T]
    option: Ints  # [G]
    not_run: Ints  # [R]
    lots: Ints  # [K]
    drawn: Ints  # [J, T, B]
    bought: Ints  # [O, T, B]
    missing: Ints  # [P, T, B]
    served: Ints  # [flexible pairs, T, B]


def leaves_nothing_out(problem: PlanningProblem) -> bool:
    """True where the relaxation at expected need is the linear relaxation of the problem itself, so that no prices prove more."""
    periods, _, scenarios = problem.shape
    limits, supply = problem.limits, problem.supply
    fresh = (problem.placed_before < 0).all() or not (problem.enter_cash.any() or problem.leave_cash.any())
    rules = len(limits.budget_cash) + len(limits.share) + int(np.isfinite(problem.site_bandwidth).sum()) + limits.fewest_suppliers.sum()
    measured = (supply.list_ratio != 1.0).any() or (supply.other_spend_cap < 1.0).any() or supply.has_options
    clauses = measured or supply.leavable.any() or supply.share_of_wallet.any() or np.isfinite(limits.most_moves).any()
    return periods == 1 and scenarios == 1 and bool(fresh) and not clauses and rules == 0


def solve_expected(problem: PlanningProblem, *, time_limit_s: float, seed: int = 0) -> Expected | None:
    """Solves the relaxation; None where it is too large, or not solved in the time."""
    pairs = len(problem.needs.pair_load) * problem.shape[0] * problem.shape[1]
    if pairs > MOST_ENTRIES:
        return None
    unit, sheet = money_unit(problem), _Sheet()
    columns = _columns(problem, sheet, unit)
    _place(problem, sheet, columns)
    every, firm = (_capacity(problem, sheet, columns, spot=spot) for spot in (True, False))
    settled = _settle(problem, sheet, columns, unit)
    effort = Effort(time_limit_s=time_limit_s, relative_gap=0.0, threads=1, seed=seed, deterministic_limit=None)
    answer = solve_arrays(sheet.arrays(), "highs", effort)
    if answer.values is None or answer.row_duals is None:
        return None
    price = np.maximum(0.0, -unit * answer.row_duals)  # of rows that have upper limits only
    excess, short = _weights(problem, price / unit, settled)
    chosen = _rounded(problem, columns, answer.values)
    return Expected(firm=price[every] + price[firm], any_kind=price[every], excess=excess, short=short, decisions=chosen)


def _columns(problem: PlanningProblem, sheet: _Sheet, unit: float) -> _Columns:
    supply, needs = problem.supply, problem.needs
    discount, chance = problem.discount, problem.probability
    weight = discount[:, None] * problem.hours / unit  # [T, B]
    blocks = problem.shape[1]
    forced = np.zeros((len(needs.loads), len(discount)), dtype=np.bool_)
    np.logical_or.at(forced, needs.pair_load, problem.pair_forced)
    allowed = problem.pair_allowed & (problem.pair_forced | ~forced[needs.pair_load])
    flexible = needs.flexible[needs.pair_load]
    limit = np.repeat((needs.work_limit[flexible] @ chance)[:, :, None], blocks, axis=2)
    offered = np.repeat(supply.offer_limit[:, :, None], blocks, axis=2)
    return _Columns(
        pair=sheet.columns((problem.egress_cash @ chance) * discount / unit, upper=allowed.astype(np.float64)),
        unplaced=sheet.columns((problem.unplaced_cash @ chance) * discount / unit, upper=(~forced).astype(np.float64)),
        option=sheet.columns(problem.option_usd / unit, upper=1.0),
        not_run=sheet.columns(problem.run_unplaced_usd / unit, upper=(~problem.run_forced).astype(np.float64)),
        lots=sheet.columns(_holding(problem) / unit, supply.least_lots.astype(np.float64), supply.most_lots.astype(np.float64)),
        drawn=sheet.columns(np.zeros((len(supply.cover_pool), *weight.shape))),
        bought=sheet.columns((supply.offer_price_cash @ chance)[:, :, None] * weight, upper=offered),
        missing=sheet.columns(problem.shortage_price[:, None, None] * weight),
        served=sheet.columns(np.zeros(limit.shape), upper=limit),
    )


def _holding(problem: PlanningProblem) -> Floats:
    """What a lot costs whatever is drawn, [K] USD."""
    supply = problem.supply
    paid = (committed_cash(problem) + supply.fixed_fee_cash + supply.prepaid_cash) @ problem.probability
    return np.asarray(paid @ problem.discount + supply.terminal_usd)


def _place(problem: PlanningProblem, sheet: _Sheet, columns: _Columns) -> None:
    """Each load in one place, each run once, flexible work done or missed, one lot set of a group."""
    needs, supply = problem.needs, problem.supply
    one = sheet.rows(columns.unplaced.shape, 1.0, 1.0)
    sheet.put(one[needs.pair_load], columns.pair, 1.0)
    sheet.put(one, columns.unplaced, 1.0)
    run = sheet.rows(columns.not_run.shape, 1.0, 1.0)
    sheet.put(run[needs.option_run], columns.option, 1.0)
    sheet.put(run, columns.not_run, 1.0)
    flexible = np.flatnonzero(needs.flexible[needs.pair_load])
    price = problem.missed_price[needs.pair_load[flexible]][:, None] * problem.discount / money_unit(problem)
    missed = sheet.columns(price)
    done = sheet.rows(missed.shape, -np.inf, 0.0)
    sheet.put(done[:, :, None], columns.served, -problem.hours[None])
    sheet.put(done, missed, -1.0)
    sheet.put(done, columns.pair[flexible], needs.work[flexible] @ problem.probability)
    for group in np.unique(supply.option_group[supply.option_group >= 0]):
        members = np.flatnonzero((supply.option_group == group) & (supply.most_lots > 0))
        sheet.put(sheet.rows((1,), -np.inf, 1.0), columns.lots[members], 1.0 / supply.most_lots[members])


def _capacity(problem: PlanningProblem, sheet: _Sheet, columns: _Columns, *, spot: bool) -> Ints:
    """Rows of all use within all capacity, or (spot=False) of use that may not be on spot within what is firm, [P, T, B]."""
    needs, supply = problem.needs, problem.supply
    rows = sheet.rows(columns.missing.shape, -np.inf, 0.0)
    offers_spot = np.isin(np.arange(len(problem.pools)), supply.offer_pool[supply.offer_spot])
    counts: Bools = spot | (~problem.load_spot[needs.pair_load] & offers_spot[needs.pair_pool])
    need = needs.need[counts] @ problem.probability
    sheet.put(rows[needs.pair_pool[counts]], columns.pair[counts][:, :, None], need)
    flexible = needs.flexible[needs.pair_load]
    sheet.put(rows[needs.pair_pool[flexible & counts]], columns.served[counts[flexible]], 1.0)
    for g in np.flatnonzero(spot | (~problem.run_spot[needs.option_run] & offers_spot[needs.option_pool])):
        held = rows[needs.option_pool[g], needs.option_start[g] : needs.option_stop[g]]
        sheet.put(held, columns.option[g], float(needs.option_gang[g]))
    sheet.put(rows[supply.cover_pool], columns.drawn, -problem.availability[supply.cover_pool][:, None, None])
    offers = np.flatnonzero(spot | ~supply.offer_spot)
    usable = problem.availability[supply.offer_pool[offers]] * (1.0 - supply.offer_loss[offers])
    sheet.put(rows[supply.offer_pool[offers]], columns.bought[offers], -usable[:, None, None])
    sheet.put(rows, columns.missing, -1.0)
    return rows


def _settle(problem: PlanningProblem, sheet: _Sheet, columns: _Columns, unit: float) -> list[tuple[int, int, int, int, float]]:
    """Draws within lots, spend above take-or-pay, missing minimum spend; (contract, interval, its two rows, discount) of each interval."""
    supply, hours, chance = problem.supply, problem.hours, problem.probability
    committed, priced = committed_cash(problem) @ chance, supply.price_cash @ chance
    ratio = supply.list_ratio[:, None]
    minimum = (supply.minimum_cash - supply.fixed_fee_cash) @ chance / ratio - committed  # at unit prices, as spend is billed
    drawn = sheet.rows((len(supply.contracts), *hours.shape), -np.inf, 0.0)
    sheet.put(drawn[supply.cover_contract], columns.drawn, 1.0)
    sheet.put(drawn, columns.lots[:, None, None], -np.where(supply.interval >= 0, supply.capacity @ chance, 0.0)[:, :, None])
    settled = []
    for k, w in sorted({(k, int(supply.interval[k, t])) for k, t in np.argwhere(supply.interval >= 0)}):
        within = np.flatnonzero(supply.interval[k] == w)
        discount = float(problem.discount[within[-1]])
        excess, short = (sheet.columns(np.array([discount])) for _ in range(2))
        above = sheet.rows((1,), -np.inf, 0.0)
        price = priced[k, within][:, None] * hours[within] / unit
        sheet.put(above, columns.drawn[supply.cover_contract == k][:, within], price)
        sheet.put(above, columns.lots[k], -committed[k, within].sum() / unit)
        sheet.put(above, excess, -1.0)
        below = sheet.rows((1,), -np.inf, float((supply.eligible_spend_cash[k, within] @ chance).sum()) / supply.list_ratio[k] / unit)
        sheet.put(below, columns.lots[k], minimum[k, within].sum() / unit)
        sheet.put(below, np.append(excess, short), -1.0)
        settled.append((int(k), w, int(above[0]), int(below[0]), discount))
    return settled


def _weights(problem: PlanningProblem, price: Floats, settled: list[tuple[int, int, int, int, float]]) -> tuple[Floats, Floats]:
    """Prices of the rows of settlement as shares of the money settled, each [K, I]."""
    shape = (len(problem.supply.contracts), max(1, int(problem.supply.interval.max(initial=-1)) + 1))
    excess, short = np.zeros(shape), np.zeros(shape)
    for k, w, above, below, discount in settled:
        excess[k, w], short[k, w] = price[above] / discount, price[below] / discount
    return excess, short


def _rounded(problem: PlanningProblem, columns: _Columns, values: Floats) -> Decisions:
    """Each load in each period, and each run, where most of it is; lots to the nearest, and one contract of a group."""
    needs, supply = problem.needs, problem.supply
    placed, most = np.full(columns.unplaced.shape, -1), values[columns.unplaced]
    for n, share in enumerate(values[columns.pair]):
        more = share > most[needs.pair_load[n]]
        placed[needs.pair_load[n], more] = needs.pair_pool[n]
        most[needs.pair_load[n], more] = share[more]
    option, taken = np.full(columns.not_run.shape, -1), values[columns.not_run]
    for g, share in enumerate(values[columns.option]):
        if share > taken[needs.option_run[g]]:
            option[needs.option_run[g]], taken[needs.option_run[g]] = g, share
    lots = np.rint(values[columns.lots]).astype(np.int64)
    for group in np.unique(supply.option_group[supply.option_group >= 0]):
        members = np.flatnonzero(supply.option_group == group)
        others = members[members != members[np.argmax(values[columns.lots[members]])]]
        lots[others] = supply.least_lots[others]
    exits = np.zeros((len(lots), len(problem.periods)), dtype=np.int64)
    return Decisions(placed=placed.astype(np.int64), option=option.astype(np.int64), lots=lots, exits=exits)
