"""Other choices of contracts, one contract at a time: which lots to sign, and when to leave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem, Supply
from optimizer.domain.surface import Ints


def contracts_to_try(problem: PlanningProblem) -> Ints:
    """Contracts that can be decided on, quotes first."""
    supply = problem.supply
    open_ = (supply.most_lots > supply.least_lots) | supply.leavable.any(axis=1)
    order = np.argsort(supply.in_force, kind="stable")
    return np.asarray(order[open_[order]])


def within_renewals(problem: PlanningProblem, decisions: Decisions) -> Decisions:
    """The decisions with no more lots renewed than are still held when the term ends."""
    lots, exits = decisions.lots.copy(), decisions.exits.copy()
    for k, renewed in problem.supply.renewals:
        lots[k] = min(lots[k], lots[renewed] - exits[renewed].sum())
        exits[k] = np.minimum(exits[k], lots[k]) if exits[k].sum() <= lots[k] else 0
    return replace(decisions, lots=lots, exits=exits)


def together(problem: PlanningProblem, decisions: Decisions) -> Decisions:
    """The decisions with what copies of a contract have in common as the first of them has it; lots of the fewest."""
    supply = problem.supply
    if not len(supply.same_lots) and not len(supply.same_exits):
        return decisions
    lots, exits = decisions.lots.copy(), decisions.exits.copy()
    for a, b in supply.same_lots:
        lots[[a, b]] = min(lots[a], lots[b])
    for a, b in supply.same_lots[::-1]:
        lots[[a, b]] = min(lots[a], lots[b])
    for a, b, t in supply.same_exits:
        exits[b, t] = exits[a, t]
    for k in np.unique(np.concatenate([supply.same_lots.ravel(), supply.same_exits[:, :2].ravel()])):
        room = lots[k] - np.concatenate([[0], np.cumsum(exits[k])[:-1]])
        exits[k] = np.clip(exits[k], 0, np.maximum(room, 0))
    return replace(decisions, lots=lots, exits=exits)


def alternatives(problem: PlanningProblem, decisions: Decisions, k: int) -> Iterator[Decisions]:
    """The decisions with contract k signed, declined, kept or left otherwise, where contracts allow it; placements unchanged."""
    for chosen in _alternatives(problem, decisions, k):
        other = within_renewals(problem, together(problem, chosen))
        same = np.array_equal(other.lots, decisions.lots) and np.array_equal(other.exits, decisions.exits)
        if not same and _go_together(problem, other):
            yield other


def _go_together(problem: PlanningProblem, decisions: Decisions) -> bool:
    """Whether no two contracts are held of which one excludes the other, and one at most of each group of options."""
    supply, held = problem.supply, decisions.lots > 0
    groups = supply.option_group[held & (supply.option_group >= 0)]
    return not held[supply.excluded_contract].all(axis=1).any() and len(np.unique(groups)) == len(groups)


def _alternatives(problem: PlanningProblem, decisions: Decisions, k: int) -> Iterator[Decisions]:
    supply = problem.supply
    if supply.most_lots[k] > supply.least_lots[k]:
        for lots in _lot_choices(int(supply.least_lots[k]), int(supply.most_lots[k]), int(decisions.lots[k])):
            if lots != decisions.lots[k]:
                yield sign(problem, decisions, k, lots)
        if decisions.lots[k] == 0:
            yield from _in_place_of_another(problem, decisions, k)
    if decisions.lots[k] > 0:
        yield from _leave(problem, decisions, k)


def _in_place_of_another(problem: PlanningProblem, decisions: Decisions, k: int) -> Iterator[Decisions]:
    """All of a contract signed and another over one of its pools declined."""
    supply = problem.supply
    covers = np.isin(supply.cover_pool, supply.cover_pool[supply.cover_contract == k])
    for other in np.unique(supply.cover_contract[covers]).tolist():
        if other != k and decisions.lots[other] > 0 and supply.least_lots[other] == 0 and not supply.in_force[other]:
            yield sign(problem, sign(problem, decisions, other, 0), k, int(supply.most_lots[k]))


def _lot_choices(least: int, most: int, now: int) -> list[int]:
    return sorted({least, 1, now - 1, now + 1, (least + most + 1) // 2, most} & set(range(least, most + 1)))


def sign(problem: PlanningProblem, decisions: Decisions, k: int, lots: int) -> Decisions:
    """Signing one contract takes its alternatives out: the others of its option group, and those that it excludes."""
    supply = problem.supply
    chosen, exits = decisions.lots.copy(), decisions.exits.copy()
    chosen[k], exits[k] = lots, 0
    if lots:
        rivals = rivals_of(supply, np.arange(len(chosen)) == k)
        chosen[rivals] = supply.least_lots[rivals]
        exits[rivals & ~supply.in_force] = 0
    return replace(decisions, lots=chosen, exits=exits)


def rivals_of(supply: Supply, signed: Bools) -> Bools:
    """Contracts that may not be held beside any of those signed [K]: the others of option groups, and what one of a pair excludes, [K]."""
    rivals = np.isin(supply.option_group, supply.option_group[signed & (supply.option_group >= 0)])
    rivals[supply.excluded_contract[signed[supply.excluded_contract].any(axis=1)]] = True
    return np.asarray(rivals & ~signed)


def _leave(problem: PlanningProblem, decisions: Decisions, k: int) -> Iterator[Decisions]:
    """Lots left at other times or in other numbers: one more or fewer, all or none, a period sooner or later."""
    possible = np.flatnonzero(problem.supply.leavable[k])
    if not len(possible):
        return
    lots, now = int(decisions.lots[k]), decisions.exits[k]
    left = int(now.sum())
    at = int(np.argmax(now)) if left else int(possible[0])
    near, last = int(np.abs(possible - at).argmin()), len(possible) - 1
    picked = [max(0, near - 1), near, min(last, near + 1)] if left else [0, (last + 1) // 2, last]
    times = possible[picked].tolist()
    choices = [(lots, t) for t in times] + [(left, t) for t in times if left] + [(count, at) for count in (left - 1, left + 1, 0)]
    for count, t in dict.fromkeys(choices):
        exits = decisions.exits.copy()
        exits[k] = 0
        exits[k, t] = count
        if 0 <= count <= lots and not np.array_equal(exits, decisions.exits):
            yield replace(decisions, exits=exits)
