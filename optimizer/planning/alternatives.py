"""Why this pool and not that: what each load and training run would cost elsewhere, at the prices that prove the bound.

A load's stay is a run of periods in one pool. Another pool's cost for the same periods is what its capacity, egress and penalties cost at
the prices, and what moving there and away costs with the plan as it is before and after. A plan may rightly hold a load where it is dearer
at the prices: prices split what whole loads cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Ints
from optimizer.pricing.bound import PairCosts
from optimizer.pricing.sensitivity import Sensitivities

SHOWN = 3  # other pools
NOWHERE = -1
CHOSEN, OTHER, STRUCK_OUT = "chosen", "other", "struck out"
BARRED_BY_PIN = "a pin bars it or forces another"
PARTS = ("capacity", "egress", "moving", "penalty")

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Discounted, expected USD. Capacity holds all that has a price: accelerators, bandwidth, what budgets add."""

    capacity: float = 0.0
    egress: float = 0.0  # and, of a training run, delay
    moving: float = 0.0
    penalty: float = 0.0

    @property
    def total(self) -> float:
        return self.capacity + self.egress + self.moving + self.penalty


def alternative_rows(problem: PlanningProblem, decisions: Decisions, pairs: PairCosts, slopes: Sensitivities) -> list[Row]:
    """Rows of the `alternatives` table: of each stay the chosen pool, then the cheapest others, and pools struck out with the reason."""
    rows = [*_load_rows(problem, decisions, pairs), *_run_rows(problem, decisions, slopes)]
    first, last = problem.periods[0], problem.periods[-1]
    struck = [_row(row.load, first, last, row.pool, STRUCK_OUT) | {"reason": row.reason} for row in problem.needs.ineligible]
    return rows + struck


def _row(load: str, first: str, last: str, pool: str | None, choice: str) -> Row:
    figures = ("cost_usd", "more_usd", *(f"more_{part}_usd" for part in PARTS))
    return {"load": load, "first": first, "last": last, "pool": pool, "choice": choice, **dict.fromkeys(figures), "reason": None}


def _compared(base: Row, cost: Cost, chosen: Cost) -> Row:
    more = {f"more_{part}_usd": getattr(cost, part) - getattr(chosen, part) for part in PARTS}
    return base | {"cost_usd": cost.total, "more_usd": cost.total - chosen.total} | more


def _load_rows(problem: PlanningProblem, decisions: Decisions, pairs: PairCosts) -> Iterator[Row]:
    needs = problem.needs
    weight = problem.discount[:, None] * problem.probability
    egress = np.einsum("nts,ts->nt", problem.egress_cash, weight)
    penalty = np.einsum("lts,ts->lt", problem.unplaced_cash, weight)
    starts = np.searchsorted(needs.pair_load, np.arange(len(needs.loads) + 1))
    for i, load in enumerate(needs.loads):
        mine = np.arange(starts[i], starts[i + 1])
        pair_of = {int(needs.pair_pool[n]): int(n) for n in mine}
        for first, stop in _stays(decisions.placed[i]):
            chosen = int(decisions.placed[i, first])
            costs = {
                pool: Cost(
                    capacity=float((pairs.usd[n] - egress[n])[first:stop].sum()),
                    egress=float(egress[n, first:stop].sum()),
                    moving=_moving(problem, i, decisions.placed[i], (first, stop), pool, pair_of),
                )
                for pool, n in pair_of.items()
            }
            costs[NOWHERE] = Cost(
                penalty=float(penalty[i, first:stop].sum()),
                moving=_moving(problem, i, decisions.placed[i], (first, stop), NOWHERE, pair_of),
            )
            labels = load.name, problem.periods[first], problem.periods[stop - 1]
            yield from _ranked(problem, labels, costs, chosen)


def _ranked(problem: PlanningProblem, labels: tuple[str, str, str], costs: dict[int, Cost], chosen: int) -> Iterator[Row]:
    """The chosen place, then the cheapest others, then what a pin bars."""
    name = {pool: problem.pools[pool] for pool in costs if pool != NOWHERE}
    here = costs[chosen]
    yield _compared(_row(*labels, name.get(chosen), CHOSEN), here, here)
    others = sorted((pool for pool in costs if pool not in (chosen, NOWHERE)), key=lambda pool: (costs[pool].total, pool))
    allowed = [pool for pool in others if np.isfinite(costs[pool].total)]
    for pool in allowed[:SHOWN]:
        yield _compared(_row(*labels, name[pool], OTHER), costs[pool], here)
    for pool in (pool for pool in others if not np.isfinite(costs[pool].total)):
        yield _row(*labels, name[pool], STRUCK_OUT) | {"reason": BARRED_BY_PIN}


def _stays(placed: Ints) -> Iterator[tuple[int, int]]:
    """First period and the first one after, of each run of periods in one place."""
    edges = [0, *(np.flatnonzero(np.diff(placed)) + 1).tolist(), len(placed)]
    yield from pairwise(edges)


def _moving(problem: PlanningProblem, load: int, placed: Ints, stay: tuple[int, int], pool: int, pair_of: dict[int, int]) -> float:
    """USD of coming from where the load is before the stay, and of going where it is after it."""
    first, stop = stay
    before = int(problem.placed_before[load]) if first == 0 else int(placed[first - 1])
    free = first == 0 and before == NOWHERE  # nothing in force: the first entry is free
    come = 0.0 if free else _move(problem, before, pool, pair_of, float(problem.discount[first]))
    return come + (_move(problem, pool, int(placed[stop]), pair_of, float(problem.discount[stop])) if stop < len(placed) else 0.0)


def _move(problem: PlanningProblem, source: int, target: int, pair_of: dict[int, int], discount: float) -> float:
    if source == target:
        return 0.0
    leave = float(problem.leave_cash[pair_of[source]]) if source in pair_of else 0.0
    enter = float(problem.enter_cash[pair_of[target]]) if target in pair_of else 0.0
    return discount * (leave + enter)


def _run_rows(problem: PlanningProblem, decisions: Decisions, slopes: Sensitivities) -> Iterator[Row]:
    """The cheapest option in each pool; the plan's option in its own."""
    needs = problem.needs
    for r, name in enumerate(needs.runs):
        options = np.flatnonzero(needs.option_run == r)
        best: dict[int, int] = {}
        for g in options[np.argsort(slopes.option_cost[options], kind="stable")]:
            best.setdefault(int(needs.option_pool[g]), int(g))
        taken = int(decisions.option[r])
        chosen = NOWHERE if taken < 0 else int(needs.option_pool[taken])
        if taken >= 0:
            best[chosen] = taken
        costs = {pool: _option(problem, slopes.option_cost, g) for pool, g in best.items()}
        costs[NOWHERE] = Cost(penalty=float(problem.run_unplaced_usd[r]))
        first, last = (int(needs.option_start[taken]), int(needs.option_stop[taken]) - 1) if taken >= 0 else (0, len(problem.periods) - 1)
        yield from _ranked(problem, (name, problem.periods[first], problem.periods[last]), costs, chosen)


def _option(problem: PlanningProblem, cost: Floats, g: int) -> Cost:
    own = float(problem.option_usd[g])
    return Cost(capacity=float(cost[g]) - own, egress=own)
