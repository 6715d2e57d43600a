"""Every decision of a tiny problem in turn: its draws by SciPy's linear programs, its costs by loops over docs/problem.md.

No code of the exact model is used.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from optimizer.domain.clauses import CARRY_FORWARD, ROLLOVER
from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem


def cheapest(problem: PlanningProblem) -> float:
    """USD of the best plan; inf if there is none."""
    best = math.inf
    for chosen in all_decisions(problem):
        best = min(best, cost(problem, chosen, best))
    return best


def all_decisions(problem: PlanningProblem) -> Iterator[Decisions]:
    periods = len(problem.periods)
    supply, needs = problem.supply, problem.needs
    places = []
    for load in range(len(needs.loads)):
        by_period = []
        for t in range(periods):
            pairs = [n for n in range(len(needs.pair_load)) if needs.pair_load[n] == load and problem.pair_allowed[n, t]]
            forced = [n for n in range(len(needs.pair_load)) if needs.pair_load[n] == load and problem.pair_forced[n, t]]
            by_period.append([needs.pair_pool[n] for n in forced] or [-1, *(needs.pair_pool[n] for n in pairs)])
        places.append(list(itertools.product(*by_period)))
    options = [
        [*([] if problem.run_forced[r] else [-1]), *np.flatnonzero(needs.option_run == r)] for r in range(len(needs.runs))
    ]
    contracts = [_contract_choices(problem, k) for k in range(len(supply.contracts))]
    for placed, option, held in itertools.product(itertools.product(*places), itertools.product(*options), itertools.product(*contracts)):
        yield Decisions(
            placed=np.array(placed, dtype=np.int64).reshape(len(needs.loads), periods),
            option=np.array(option, dtype=np.int64),
            lots=np.array([lots for lots, _ in held], dtype=np.int64),
            exits=np.array([exits for _, exits in held], dtype=np.int64).reshape(len(supply.contracts), periods),
        )


def _contract_choices(problem: PlanningProblem, k: int) -> list[tuple[int, tuple[int, ...]]]:
    supply = problem.supply
    leave = [range(supply.most_lots[k] + 1) if math.isfinite(fee) else range(1) for fee in supply.exit_fee_cash[k, :, 0]]
    return [
        (lots, exits)
        for lots in range(supply.least_lots[k], supply.most_lots[k] + 1)
        for exits in itertools.product(*leave)
        if sum(exits) <= lots
    ]


def cost(problem: PlanningProblem, chosen: Decisions, to_beat: float = math.inf) -> float:
    """USD of the cheapest plan with these decisions; inf where they break a rule or cost more than `to_beat` before any draw."""
    if not keeps_whole_rules(problem, chosen):
        return math.inf
    given = here_and_now(problem, chosen)
    return given + recourse_cost(problem, chosen) if given < to_beat else math.inf


def active(problem: PlanningProblem, chosen: Decisions, k: int, t: int) -> int:
    """Lots in force."""
    return int(chosen.lots[k] - chosen.exits[k, : t + 1].sum()) if problem.supply.interval[k, t] >= 0 else 0


def suppliers_in_use(problem: PlanningProblem, chosen: Decisions, t: int) -> list[tuple[str, int, int]]:
    """(load or run, its index, supplier) of everything placed in the period."""
    needs = problem.needs
    used = [("load", i, int(problem.pool_supplier[p])) for i, p in enumerate(chosen.placed[:, t]) if p >= 0]
    for r, g in enumerate(chosen.option):
        if g >= 0 and needs.option_start[g] <= t < needs.option_stop[g]:
            used.append(("run", r, int(problem.pool_supplier[needs.option_pool[g]])))
    return used


def moved(problem: PlanningProblem, chosen: Decisions, t: int) -> list[tuple[int, int, int]]:
    """(load, pool left, pool entered) at the start of the period, -1 for none; entries of new loads in the first period are not moves."""
    before = problem.placed_before if t == 0 else chosen.placed[:, t - 1]
    pools = zip(before, chosen.placed[:, t], strict=True)
    return [(i, int(a), int(b)) for i, (a, b) in enumerate(pools) if a != b and not (t == 0 and a < 0)]


def keeps_whole_rules(problem: PlanningProblem, chosen: Decisions) -> bool:
    supply, limits, needs = problem.supply, problem.limits, problem.needs
    held = [supply.option_group[k] for k in range(len(supply.contracts)) if chosen.lots[k] > 0 and supply.option_group[k] >= 0]
    if len(held) != len(set(held)):
        return False
    for k, j in supply.renewals:
        if chosen.lots[k] > chosen.lots[j] - chosen.exits[j].sum():
            return False
    for t in range(len(problem.periods)):
        on = [active(problem, chosen, k, t) > 0 for k in range(len(supply.contracts))]
        used = suppliers_in_use(problem, chosen, t)
        if any(on[i] and on[j] for i, j in supply.excluded_contract):
            return False
        for k, s in supply.excluded_supplier:
            rivals = any(on[j] for j in range(len(on)) if j != k and supply.contract_supplier[j] == s)
            if on[k] and (rivals or any(supplier == s for _, _, supplier in used)):
                return False
        for kind, rules in (("load", supply.exclusive_work), ("run", supply.exclusive_run)):
            for k, i in rules:
                if on[k] and any(what == kind and index == i and s != supply.contract_supplier[k] for what, index, s in used):
                    return False
        if len({s for _, _, s in used}) < limits.fewest_suppliers[t]:
            return False
        if sum(pool >= 0 for _, _, pool in moved(problem, chosen, t)) > limits.most_moves[t]:
            return False
        for site in range(len(problem.sites)):
            here = [i for i, p in enumerate(chosen.placed[:, t]) if p >= 0 and problem.pool_site[p] == site]
            if needs.traffic_gb_per_s[here, t].sum() > problem.site_bandwidth[site] + 1e-12:
                return False
    return True


def pair_of(problem: PlanningProblem, load: int, pool: int) -> int | None:
    found = np.flatnonzero((problem.needs.pair_load == load) & (problem.needs.pair_pool == pool))
    return int(found[0]) if len(found) else None


def billed_egress(problem: PlanningProblem, chosen: Decisions, t: int, s: int) -> list[tuple[int, float]]:
    """(supplier, USD cash) of the period's egress, without the data of training runs."""
    paid = []
    for load, pool in enumerate(chosen.placed[:, t]):
        if pool >= 0:
            paid.append((int(problem.pool_supplier[pool]), float(problem.egress_cash[pair_of(problem, load, pool), t, s])))
    return paid


def contract_cash(problem: PlanningProblem, chosen: Decisions, t: int, s: int) -> list[tuple[int, float]]:
    """(supplier, USD cash) of commitments, fixed fees and exit fees in the period."""
    supply, paid = problem.supply, []
    for k in range(len(supply.contracts)):
        lots = active(problem, chosen, k, t)
        commitment = supply.take_or_pay_share[k] * supply.price_cash[k, t, s] * supply.capacity[k, t, s] * problem.hours[t].sum()
        running = commitment + supply.fixed_fee_cash[k, t, s] + supply.prepaid_cash[k, t, s]
        exits = chosen.exits[k, t] * supply.exit_fee_cash[k, t, s] if chosen.exits[k, t] else 0.0
        paid.append((int(supply.contract_supplier[k]), running * lots + exits))
    return paid


def here_and_now(problem: PlanningProblem, chosen: Decisions) -> float:
    total = float((problem.other_spend_cash * problem.discount).sum())
    for t, discount in enumerate(problem.discount):
        for load, left, entered in moved(problem, chosen, t):
            out, into = pair_of(problem, load, left), pair_of(problem, load, entered)
            total += discount * (problem.leave_cash[out] if out is not None else 0.0)
            total += discount * (problem.enter_cash[into] if into is not None else 0.0)
        for s, probability in enumerate(problem.probability):
            total += discount * probability * sum(usd for _, usd in contract_cash(problem, chosen, t, s))
            total += discount * probability * sum(usd for _, usd in billed_egress(problem, chosen, t, s))
            total += discount * probability * float(problem.unplaced_cash[chosen.placed[:, t] < 0, t, s].sum())
    for r, g in enumerate(chosen.option):
        total += problem.option_usd[g] if g >= 0 else problem.run_unplaced_usd[r]
    return float(total + (problem.supply.terminal_usd * (chosen.lots - chosen.exits.sum(axis=1))).sum())


class Rows:
    """A linear program by names: `add` keeps sum of coefficient x name <= right."""

    def __init__(self) -> None:
        self.names: dict[tuple[object, ...], int] = {}
        self.price: dict[int, float] = {}
        self.rows: list[tuple[dict[int, float], float]] = []
        self.constant = 0.0
        self.came: dict[int, list[Linear]] = {}  # into the balances of contracts, interval by interval
        self.cash: dict[tuple[int, int], list[Linear]] = {}  # what contracts are paid beside excess and shortfall, by (contract, period)

    def name(self, *key: object, price: float = 0.0) -> int:
        index = self.names.setdefault(key, len(self.names))
        self.price.setdefault(index, price)
        return index

    def add(self, terms: dict[int, float], right: float) -> None:
        self.rows.append((terms, right))

    def less(self, one: Linear, other: Linear) -> None:
        difference = one.plus(other.times(-1.0))
        self.add(difference.terms, -difference.constant)

    def equal(self, one: Linear, value: float) -> None:
        self.less(one, Linear(value, {}))
        self.less(Linear(value, {}), one)

    def pay(self, amount: Linear, weight: float) -> None:
        self.constant += weight * amount.constant
        for column, value in amount.terms.items():
            self.price[column] += weight * value

    def solve(self) -> float:
        if not self.names:
            return self.constant if all(right >= 0 for _, right in self.rows) else math.inf
        entries = [(i, j, value) for i, (terms, _) in enumerate(self.rows) for j, value in terms.items()]
        i, j, value = zip(*entries, strict=True) if entries else ((), (), ())
        matrix = csr_matrix((value, (i, j)), shape=(len(self.rows), len(self.names)))
        prices = [self.price[k] for k in range(len(self.names))]
        result = linprog(prices, A_ub=matrix, b_ub=[right for _, right in self.rows], bounds=(0, None), method="highs")
        return float(result.fun) + self.constant if result.status == 0 else math.inf


def recourse_cost(problem: PlanningProblem, chosen: Decisions) -> float:
    return sum(_scenario_cost(problem, chosen, s) for s in range(len(problem.scenarios)))


def _scenario_cost(problem: PlanningProblem, chosen: Decisions, s: int) -> float:
    return min(_case_cost(problem, chosen, s, dict(cases)) for cases in itertools.product(*clause_cases(problem)))


def is_cheaper(problem: PlanningProblem, k: int) -> bool:
    """Whether burst may be cheaper than what it goes beyond."""
    supply = problem.supply
    repriced = (*supply.tiers.contract, *supply.favoured.contract)
    return bool((supply.burst.price_cash[supply.burst.contract == k] < supply.price_cash[k]).any()) or k in repriced


def beyond_price(problem: PlanningProblem, k: int, t: int, s: int) -> float:
    """USD per accelerator-hour drawn beyond the commitment."""
    supply = problem.supply
    true_up = np.flatnonzero(supply.true_up.contract == k)
    return float(supply.true_up.price_cash[true_up[0], t, s] if len(true_up) else supply.price_cash[k, t, s])


Cases = dict[tuple[object, ...], tuple[str, int]]


def clause_cases(problem: PlanningProblem) -> list[list[tuple[tuple[object, ...], tuple[str, int]]]]:
    """For each interval of each contract with tiers: which of commitment and draws is larger, and the band that the larger falls in.

    For each block of a contract with burst that is cheaper than the contract: whether all of its capacity is drawn. For each interval of a
    contract of which a part is paid for anyway and whose minimum counts list prices: whether more is drawn than that part.
    """
    supply = problem.supply
    found: list[list[tuple[tuple[object, ...], tuple[str, int]]]] = []
    for k in supply.burst.contract:
        for t, b in itertools.product(range(problem.shape[0]), range(problem.shape[1])):
            if is_cheaper(problem, int(k)):
                found.append([(("burst", int(k), t, b), (side, 0)) for side in ("under", "over")])
    for k in supply.balances.contract:
        for w in sorted({int(v) for v in supply.interval[k] if v >= 0}):
            found.append([(("level", int(k), w), (side, use)) for side in ("under", "over") for use in (0, 1)])
    for k in np.flatnonzero((supply.list_ratio > 1.0) & (supply.take_or_pay_share > 0.0)):
        for w in sorted({int(v) for v in supply.interval[k] if v >= 0}):
            found.append([(("list", int(k), w), (side, 0)) for side in ("under", "over")])
    for k in sorted(set(supply.favoured.contract.tolist())):
        for w in sorted({int(v) for v in supply.interval[k] if v >= 0}):
            found.append([((k, w), (side, 0)) for side in ("under", "over")])
    for k in sorted(set(supply.tiers.contract.tolist())):
        count = int((supply.tiers.contract == k).sum())
        for w in sorted({int(v) for v in supply.interval[k] if v >= 0}):
            found.append([((k, w), (side, z)) for side in ("under", "over") for z in range(count + 1)])
    return found


def _case_cost(problem: PlanningProblem, chosen: Decisions, s: int, cases: Cases) -> float:
    """The cheapest draws in the scenario with which every interval falls in its case; inf if there are none."""
    rows = Rows()
    periods, blocks, _ = problem.shape
    supply = problem.supply
    weight = [float(problem.probability[s] * problem.discount[t]) for t in range(periods)]
    for t, b in itertools.product(range(periods), range(blocks)):
        h = float(problem.hours[t, b])
        for k in range(len(supply.contracts)):
            draws = {rows.name("d", j, t, b): 1.0 for j in range(len(supply.cover_pool)) if supply.cover_contract[j] == k}
            held = float(supply.capacity[k, t, s] * active(problem, chosen, k, t))
            for u in np.flatnonzero(supply.burst.contract == k):
                g = rows.name("g", k, t, b, price=weight[t] * h * float(supply.burst.price_cash[u, t, s]))
                rows.add({g: 1.0}, float(supply.burst.share[u]) * held)
                draws[g] = -1.0
                side = cases.get(("burst", k, t, b), ("any", 0))[0]
                if side == "under":
                    rows.add({g: 1.0}, 0.0)
                elif side == "over":
                    rows.add({d: -v for d, v in draws.items()}, -held)
            rows.add(draws, held)
        for o in range(len(supply.offers)):
            m = rows.name("m", o, t, b, price=weight[t] * h * float(supply.offer_price_cash[o, t, s]))
            if math.isfinite(supply.offer_limit[o, t]):
                rows.add({m: 1.0}, float(supply.offer_limit[o, t]))
        for p in range(len(problem.pools)):
            _pool_rows(problem, chosen, rows, p, t, b, s, weight[t] * h)
        for site in range(len(problem.sites)):
            _reserve(problem, chosen, rows, site, t, b, s)
    for t in range(periods):
        _flexible(problem, chosen, rows, t, s, weight[t])
        _shares(problem, chosen, rows, t)
    _settlements(problem, chosen, rows, s, weight, cases)
    for rule in range(len(problem.limits.budget_cash)):
        _budget(problem, chosen, rows, rule, s)
    return rows.solve()


def in_use(
    problem: PlanningProblem, chosen: Decisions, rows: Rows, p: int, t: int, b: int, s: int, *, spot: bool
) -> tuple[float, dict[int, float]]:
    """(accelerators held, flexible draws) of what is in the pool; spot=False leaves out what may use spot."""
    needs, held, flexible = problem.needs, 0.0, {}
    for load in range(len(needs.loads)):
        if chosen.placed[load, t] == p and (spot or not problem.load_spot[load]):
            n = pair_of(problem, load, p)
            held += float(needs.need[n, t, b, s])
            if needs.flexible[load]:
                flexible[rows.name("f", load, t, b)] = 1.0
    for r, g in enumerate(chosen.option):
        here = g >= 0 and needs.option_pool[g] == p and needs.option_start[g] <= t < needs.option_stop[g]
        if here and (spot or not problem.run_spot[r]):
            held += float(needs.option_gang[g])
    return held, flexible


def _pool_rows(problem: PlanningProblem, chosen: Decisions, rows: Rows, p: int, t: int, b: int, s: int, weight: float) -> None:
    supply, a = problem.supply, float(problem.availability[p])
    q = rows.name("q", p, t, b, price=weight * float(problem.shortage_price[p]))
    for spot in (True, False):
        held, terms = in_use(problem, chosen, rows, p, t, b, s, spot=spot)
        terms[q] = -1.0
        for j in np.flatnonzero(supply.cover_pool == p):
            terms[rows.name("d", int(j), t, b)] = -a
        for o in np.flatnonzero(supply.offer_pool == p):
            if spot or not supply.offer_spot[o]:
                terms[rows.name("m", int(o), t, b)] = -a * (1.0 - float(supply.offer_loss[o]))
        rows.add(terms, -held)


def _reserve(problem: PlanningProblem, chosen: Decisions, rows: Rows, lost: int, t: int, b: int, s: int) -> None:
    supply, reserve = problem.supply, float(problem.limits.site_loss_reserve[t])
    if reserve == 0:
        return
    spare = 0.0
    for k in range(len(supply.contracts)):
        pools = supply.cover_pool[supply.cover_contract == k]
        if lost not in problem.pool_site[pools]:
            spare += float(problem.availability[pools].min() * supply.capacity[k, t, s] * active(problem, chosen, k, t))
    for o in range(len(supply.offers)):
        p = supply.offer_pool[o]
        if problem.pool_site[p] != lost and not supply.offer_spot[o]:
            spare += float(problem.availability[p] * supply.offer_limit[o, t])
    terms: dict[int, float] = defaultdict(float)
    for p in range(len(problem.pools)):
        share = reserve if problem.pool_site[p] == lost else 1.0
        held, flexible = in_use(problem, chosen, rows, p, t, b, s, spot=True)
        spare -= share * held
        for name in flexible:
            terms[name] += share
    if math.isfinite(spare):
        rows.add(dict(terms), spare)


def _flexible(problem: PlanningProblem, chosen: Decisions, rows: Rows, t: int, s: int, weight: float) -> None:
    needs = problem.needs
    for load in np.flatnonzero(needs.flexible):
        pool = int(chosen.placed[load, t])
        if pool < 0:
            continue
        n = pair_of(problem, int(load), pool)
        done = {}
        for b in range(problem.shape[1]):
            f = rows.name("f", int(load), t, b)
            rows.add({f: 1.0}, float(needs.work_limit[n, t, s]))
            done[f] = -float(problem.hours[t, b])
        done[rows.name("missed", int(load), t, price=weight * float(problem.missed_price[load]))] = -1.0
        rows.add(done, -float(needs.work[n, t, s]))


def _hours_drawn(problem: PlanningProblem, rows: Rows, t: int) -> list[tuple[int, int, int, float]]:
    """(column, contract or -1, supplier, hours) of all draws in the period."""
    supply, drawn = problem.supply, []
    for b, h in enumerate(problem.hours[t]):
        for j, k in enumerate(supply.cover_contract):
            drawn.append((rows.name("d", j, t, b), int(k), int(supply.contract_supplier[k]), float(h)))
        for o, p in enumerate(supply.offer_pool):
            drawn.append((rows.name("m", o, t, b), -1, int(problem.pool_supplier[p]), float(h)))
    return drawn


def _shares(problem: PlanningProblem, chosen: Decisions, rows: Rows, t: int) -> None:
    supply, limits = problem.supply, problem.limits
    drawn = _hours_drawn(problem, rows, t)
    for k, least in enumerate(supply.share_of_wallet):
        if least > 0 and active(problem, chosen, k, t) > 0:
            rows.add({column: h * (float(least) - (contract == k)) for column, contract, _, h in drawn}, 0.0)
    for s, period, most in zip(limits.share_supplier, limits.share_period, limits.share, strict=True):
        for supplier in range(len(problem.suppliers)) if s < 0 else [s]:
            if period in (t, -1):
                rows.add({column: h * ((owner == supplier) - float(most)) for column, _, owner, h in drawn}, 0.0)


def _tiers(problem: PlanningProblem, chosen: Decisions, rows: Rows, s: int, k: int, w: int, case: tuple[str, int]) -> Linear:
    """What tiers add to the bill where the interval falls in the case, as a constant and cash per draw."""
    supply, tiers = problem.supply, problem.supply.tiers
    mine, within = np.flatnonzero(tiers.contract == k), np.flatnonzero(supply.interval[k] == w)
    hours = problem.hours.sum(axis=1)
    full = sum(float(tiers.units[mine[0], t] * supply.capacity[k, t, s] * hours[t]) for t in within)
    paid = sum(float(supply.price_cash[k, t, s] * supply.capacity[k, t, s] * hours[t]) for t in within)
    committed = sum(
        float(supply.take_or_pay_share[k] * tiers.units[mine[0], t] * supply.capacity[k, t, s] * hours[t] * active(problem, chosen, k, t))
        for t in within
    )
    volume = {
        rows.name("d", int(j), int(t), b): float(tiers.units[mine[0], t] * h)
        for t in within
        for b, h in enumerate(problem.hours[t])
        for j in np.flatnonzero(supply.cover_contract == k)
    }
    if k in supply.burst.contract:
        for t, b in itertools.product(within, range(problem.shape[1])):
            volume[rows.name("g", k, int(t), b)] = -float(tiers.units[mine[0], t] * problem.hours[t, b])
    side, z = case
    starts = [0.0, *(float(tiers.start[i, w]) for i in mine), math.inf]
    rates = [0.0, *(float(tiers.ratio[i] - 1.0) * (paid / full if full else 0.0) for i in mine)]
    billed = Linear(committed, {}) if side == "under" else Linear(0.0, volume)
    sign = 1.0 if side == "under" else -1.0
    rows.add({d: sign * v for d, v in volume.items()}, sign * committed)
    rows.add({d: -v for d, v in billed.terms.items()}, billed.constant - starts[z])
    if math.isfinite(starts[z + 1]):
        rows.add(billed.terms, starts[z + 1] - billed.constant)
    if not tiers.incremental[mine[0]]:
        return billed.times(rates[z])
    below = sum(rates[y] * (starts[y + 1] - starts[y]) for y in range(z))
    return Linear(below - rates[z] * starts[z], {}).plus(billed.times(rates[z]))


def _favoured(problem: PlanningProblem, chosen: Decisions, rows: Rows, s: int, k: int, w: int, case: tuple[str, int]) -> Linear:
    """What the price of the cheapest comparable contract in force takes off the bill."""
    supply, within = problem.supply, np.flatnonzero(problem.supply.interval[k] == w)
    last = int(within[-1])
    own = float(supply.price_cash[k, last, s])
    rivals = [int(j) for i, j in zip(supply.favoured.contract, supply.favoured.other, strict=True) if i == k]
    prices = [own, *(float(supply.price_cash[j, last, s]) for j in rivals if active(problem, chosen, j, last) > 0)]
    committed, volume = 0.0, {}
    for t in within:
        held = float(supply.capacity[k, t, s]) * active(problem, chosen, k, t)
        for b, h in enumerate(problem.hours[t]):
            committed += float(supply.take_or_pay_share[k]) * held * float(h)
            volume |= {rows.name("d", int(j), int(t), b): float(h) for j in np.flatnonzero(supply.cover_contract == k)}
            if k in supply.burst.contract:
                volume[rows.name("g", k, int(t), b)] = -float(h)
    sign = 1.0 if case[0] == "under" else -1.0
    rows.add({d: sign * v for d, v in volume.items()}, sign * committed)
    billed = Linear(committed, {}) if case[0] == "under" else Linear(0.0, volume)
    return billed.times(min(prices) - own)


@dataclass(frozen=True)
class Linear:
    """constant + sum of coefficient x column."""

    constant: float
    terms: dict[int, float]

    def times(self, factor: float) -> Linear:
        return Linear(factor * self.constant, {d: factor * v for d, v in self.terms.items()})

    def plus(self, other: Linear) -> Linear:
        both = {d: self.terms.get(d, 0.0) + other.terms.get(d, 0.0) for d in {**self.terms, **other.terms}}
        return Linear(self.constant + other.constant, both)


def _settlements(problem: PlanningProblem, chosen: Decisions, rows: Rows, s: int, weight: list[float], cases: Cases) -> None:
    supply = problem.supply
    for k in range(len(supply.contracts)):
        for w in sorted({int(v) for v in supply.interval[k] if v >= 0}):
            within = [t for t in range(len(problem.periods)) if supply.interval[k, t] == w]
            committed = fixed = least = other = own = 0.0
            spend: dict[int, float] = {}
            covered = 0.0
            for t in within:
                lots = active(problem, chosen, k, t)
                full = float(supply.price_cash[k, t, s] * supply.capacity[k, t, s] * problem.hours[t].sum())
                committed += float(supply.take_or_pay_share[k]) * full * lots
                price = beyond_price(problem, k, t, s)
                covered += float(supply.take_or_pay_share[k] * supply.capacity[k, t, s] * problem.hours[t].sum()) * price * lots
                fixed += float(supply.fixed_fee_cash[k, t, s]) * lots
                least += float(supply.minimum_cash[k, t, s]) * lots
                own += float(supply.brought_spend_cash[k, t, s])
                other += float(supply.eligible_spend_cash[k, t, s] - supply.brought_spend_cash[k, t, s])
                for b, h in enumerate(problem.hours[t]):
                    for j in np.flatnonzero(supply.cover_contract == k):
                        spend[rows.name("d", int(j), t, b)] = price * float(h)
                    if k in supply.burst.contract:
                        spend[rows.name("g", k, t, b)] = -price * float(h)
            excess = rows.name("excess", k, within[-1], price=weight[within[-1]])
            short = rows.name("short", k, within[-1], price=weight[within[-1]])
            priced = _favoured if k in supply.favoured.contract else _tiers
            tiers = priced(problem, chosen, rows, s, k, w, cases[k, w]) if (k, w) in cases else Linear(0.0, {})
            rows.pay(tiers, weight[within[-1]])
            rows.cash.setdefault((k, within[-1]), []).append(tiers)
            if supply.other_spend_cap[k] < 1.0:
                other = min(other, float(supply.other_spend_cap[k]) * least)
            ratio = float(supply.list_ratio[k])
            rows.add({**spend, excess: -1.0}, covered)
            if ratio > 1.0 and cases.get(("list", k, w), ("over", 0))[0] == "over":
                rows.add({excess: 1.0, **{column: -usd for column, usd in spend.items()}}, -covered)
            elif ratio > 1.0:
                rows.add({excess: 1.0}, 0.0)
            beyond_commitment = Linear(-covered, spend)
            billed = Linear(committed, {excess: 1.0}).plus(tiers)
            beyond_minimum = billed.times(ratio).plus(Linear(fixed + other + own - least, {}))
            rows.less(beyond_minimum.times(-1.0), Linear(0.0, {short: 1.0}))
            _balance(problem, rows, k, w, beyond_commitment, beyond_minimum, weight[within[-1]], within[-1], cases)


def _balance(
    problem: PlanningProblem, rows: Rows, k: int, w: int, commitment: Linear, minimum: Linear, weight: float, last: int, cases: Cases
) -> None:
    """What the interval uses of what was brought forward, where it is over or under its level, and uses all of one or the other."""
    clause = problem.supply.balances
    for v in np.flatnonzero(clause.contract == k):
        side, use = cases["level", k, w]
        above = minimum if clause.kind[v] == ROLLOVER else commitment
        amount = above if side == "over" else above.times(-1.0)
        rows.add({c: -x for c, x in amount.terms.items()}, amount.constant)  # on that side of the level
        nothing = Linear(0.0, {})
        over, under = (amount, nothing) if side == "over" else (nothing, amount)
        came, purpose = (over, under) if clause.kind[v] == CARRY_FORWARD else (under, over)
        used, held = rows.name("used", k, w), rows.name("balance", k, w)
        if w == 0:
            rows.equal(Linear(0.0, {held: 1.0}), float(clause.opening_cash[v]))
            rows.came[k] = [Linear(float(clause.opening_cash[v]), {})]
        rows.less(Linear(0.0, {used: 1.0}), Linear(0.0, {held: 1.0}))
        rows.less(Linear(0.0, {used: 1.0}), purpose)
        rows.less((Linear(0.0, {held: 1.0}), purpose)[use], Linear(0.0, {used: 1.0}))
        rows.came[k].append(came)
        following = Linear(0.0, {rows.name("balance", k, w + 1): 1.0})
        rows.less(following, Linear(0.0, {held: 1.0, used: -1.0}).plus(came))
        fresh = Linear(0.0, {})
        for part in rows.came[k][-int(clause.life[v]) :]:
            fresh = fresh.plus(part)
        rows.less(following, fresh)
        if math.isfinite(clause.cap_cash[v]):
            rows.less(following, Linear(float(clause.cap_cash[v]), {}))
        spent = Linear(0.0, {used: -1.0})
        rows.pay(spent, weight)
        rows.cash.setdefault((k, last), []).append(spent)


def _budget(problem: PlanningProblem, chosen: Decisions, rows: Rows, rule: int, s: int) -> None:
    limits, supply, needs = problem.limits, problem.supply, problem.needs
    supplier, t = int(limits.budget_supplier[rule]), int(limits.budget_period[rule])
    data = [
        (int(problem.run_data_supplier[r]), float(problem.option_egress_cash[g]))
        for r, g in enumerate(chosen.option)
        if g >= 0 and needs.option_start[g] == t and problem.run_data_supplier[r] >= 0
    ]
    given = [
        *contract_cash(problem, chosen, t, s),
        *billed_egress(problem, chosen, t, s),
        *data,
        *enumerate(problem.other_spend_cash[:, t]),
    ]
    left = float(limits.budget_cash[rule]) - sum(usd for who, usd in given if supplier in (-1, who))
    terms = {
        rows.name(kind, k, t): 1.0
        for kind in ("excess", "short")
        for k in range(len(supply.contracts))
        if supplier in (-1, supply.contract_supplier[k]) and (kind, k, t) in rows.names
    }
    for o, p in enumerate(supply.offer_pool):
        if supplier in (-1, problem.pool_supplier[p]):
            for b, h in enumerate(problem.hours[t]):
                terms[rows.name("m", o, t, b)] = float(supply.offer_price_cash[o, t, s] * h)
    for u, k in enumerate(supply.burst.contract):
        if supplier in (-1, supply.contract_supplier[k]):
            for b, h in enumerate(problem.hours[t]):
                terms[rows.name("g", int(k), t, b)] = float(supply.burst.price_cash[u, t, s] * h)
    for (k, period), amounts in rows.cash.items():
        if period == t and supplier in (-1, supply.contract_supplier[k]):
            for amount in amounts:
                left -= amount.constant
                terms = {d: terms.get(d, 0.0) + amount.terms.get(d, 0.0) for d in {**terms, **amount.terms}}
    rows.add(terms, left)
