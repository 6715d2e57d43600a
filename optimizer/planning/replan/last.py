"""The last plan, as its run folder has it, in the terms of today's problem."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.stay import FREE
from optimizer.domain.surface import Ints
from optimizer.domain.workload import Kind
from optimizer.planning.compare.run_tables import RunTables
from optimizer.solve.carry import carried_decisions
from optimizer.solve.start import hold


@dataclass(frozen=True, kw_only=True)
class LastPlan:
    """What the last run decided, and the case that it read."""

    folder: Path  # of its run
    tables: RunTables
    case: Case
    same_settings: bool  # what decides on a plan, beside the tables, is what it was

    @property
    def objective_usd(self) -> float:
        return float(self.tables.summary["objective_usd"])

    @property
    def bound_usd(self) -> float:
        bound = self.tables.summary["bound_usd"]
        return -math.inf if bound is None else float(bound)


def decisions_of(problem: PlanningProblem, last: LastPlan) -> Decisions:
    """The last plan's decisions wherever today's problem has the same load, run, pool, contract and period.

    A load stays in later periods where the last plan ended with it. What the last plan does not say, or where what it says is no
    longer possible, is as in `hold`: what is in force stays, the rest goes where it is cheapest.
    """
    base = hold(problem)
    contracts = tuple(dict.fromkeys(row["contract"] for row in last.tables.commitments))
    told = replace(
        base,
        placed=_placed(problem, base.placed, last.tables.placements),
        option=_options(problem, base.option, last.tables.placements),
        lots=np.array([_lots(last, name) for name in contracts], dtype=np.int64),
        exits=np.array([_exits(problem, last, name) for name in contracts], dtype=np.int64).reshape(len(contracts), -1),
    )
    return carried_decisions(problem, contracts, told)


def places_of(problem: PlanningProblem, last: LastPlan) -> Ints:
    """[L, T] pools in which the last plan has loads, as in `Stay`."""
    nowhere = np.full((len(problem.needs.loads), len(problem.periods)), FREE)
    return _placed(problem, nowhere, last.tables.placements)


def options_of(problem: PlanningProblem, last: LastPlan) -> Ints:
    """[R] training options that the last plan takes, as in `Stay`."""
    return _options(problem, np.full(len(problem.needs.runs), FREE), last.tables.placements)


def _placed(problem: PlanningProblem, base: Ints, rows: list[dict[str, Any]]) -> Ints:
    needs = problem.needs
    load, pool = ({name: i for i, name in enumerate(names)} for names in ([one.name for one in needs.loads], problem.pools))
    period = {name: t for t, name in enumerate(problem.periods)}
    possible = set(zip(needs.pair_load.tolist(), needs.pair_pool.tolist(), strict=True))
    placed, known_to = base.copy(), np.full(len(needs.loads), -1)
    for row in rows:
        l, t = load.get(row["load"], -1), period.get(row["period"], -1)
        p = pool.get(row["pool"], -1)
        if l >= 0 and t >= 0 and (row["pool"] is None or (l, p) in possible):
            placed[l, t] = p
            known_to[l] = max(known_to[l], t)
    for l in map(int, np.flatnonzero(known_to >= 0)):
        later = slice(known_to[l] + 1, None)
        placed[l, later] = placed[l, known_to[l]] if placed[l, known_to[l]] >= 0 else placed[l, later]
    return np.where(_allowed(problem, placed), placed, base)


def _allowed(problem: PlanningProblem, placed: Ints) -> np.ndarray:
    """[L, T] whether pins let each load be where it is."""
    needs = problem.needs
    forced = np.zeros(placed.shape, dtype=np.bool_)
    np.logical_or.at(forced, needs.pair_load, problem.pair_forced)
    allowed = (placed < 0) & ~forced
    for n, (l, p) in enumerate(zip(needs.pair_load, needs.pair_pool, strict=True)):
        allowed[l] |= (placed[l] == p) & problem.pair_allowed[n] & (problem.pair_forced[n] | ~forced[l])
    return allowed


def _options(problem: PlanningProblem, base: Ints, rows: list[dict[str, Any]]) -> Ints:
    """Training options with the pool, gang and first period of the last plan."""
    needs = problem.needs
    first: dict[str, tuple[str, str | None, float]] = {}
    for row in rows:
        if row["kind"] == str(Kind.TRAINING):
            first.setdefault(row["load"], (row["period"], row["pool"], row["accelerators"]))
    options: Mapping[tuple[str, str, str, int], int] = {
        (needs.runs[r], problem.periods[t], problem.pools[p], int(gang)): g
        for g, (r, t, p, gang) in enumerate(
            zip(needs.option_run, needs.option_start, needs.option_pool, needs.option_gang, strict=True)
        )
    }
    chosen = base.copy()
    for r, name in enumerate(needs.runs):
        if name in first:
            period, pool, gang = first[name]
            chosen[r] = -1 if pool is None else options.get((name, period, pool, round(gang)), base[r])
    return chosen


def _lots(last: LastPlan, contract: str) -> int:
    """Lots held at the start: those kept and those left later, or those signed."""
    return sum(row["lots"] for row in last.tables.commitments if row["contract"] == contract and row["decision"] != "decline")


def _exits(problem: PlanningProblem, last: LastPlan, contract: str) -> list[int]:
    begins = {period.start: t for t, period in enumerate(last.case.calendar.periods)}
    names = [period.name for period in last.case.calendar.periods]
    exits = dict.fromkeys(problem.periods, 0)
    for row in last.tables.commitments:
        if row["contract"] == contract and row["decision"] == "leave":
            name = names[begins[row["effective"]]]
            if name in exits:
                exits[name] += row["lots"]
    return list(exits.values())
