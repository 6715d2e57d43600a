"""Plans between the last one and a better one: what is elsewhere goes back, where that costs less than being elsewhere is charged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.stay import FREE, Stay
from optimizer.solve.cost import placed_pairs
from optimizer.solve.part import Around, solve_part
from optimizer.solve.search import Search, Solved
from optimizer.solve.settle import Settled, settled_alike
from optimizer.solve.stay import charge_usd, loads_elsewhere, path_charges, runs_elsewhere, with_options_charged

GAP = 1e-9  # relative, of the program between two plans
GUARD_S = 60.0  # on it
MOST_ELSEWHERE = 40  # loads and runs up to which each is weighed by itself: beyond that much has changed, and a night is short


def keep_between(search: Search) -> None:
    """Compares plans by what they are charged too, where the search did not, and puts together the cheapest of the last and the best.

    Each load follows its path in one of the two, each run takes its option in one of them, and contracts lie between theirs.
    """
    stay, found = search.start.stay, search.best
    if stay is None or search.stay is not None or found is None:
        return
    search.stay, proven = stay, search.proven
    if charge_usd(stay, found.plan.decisions) == 0.0:
        return
    for chosen in search.start.decisions:
        settled = search.settle(chosen)
        if settled is not None and search.weighed_usd(settled) < search.weighed_usd(search.best or found):
            search.best = settled
        mixed = _cheapest_between(search, stay, found.plan.decisions, chosen)
        if mixed is not None:
            search.offer(mixed)
    search.proven = proven and search.best is found


def _cheapest_between(search: Search, stay: Stay, found: Decisions, last: Decisions) -> Decisions | None:
    """Decisions between two, charges counted; None where the time is up before there are any."""
    problem = with_options_charged(search.problem, stay)
    keep_options = np.zeros(len(problem.needs.option_run), dtype=np.bool_)
    for known in (found, last):
        keep_options[known.option[known.option >= 0]] = True
    paths = tuple((load, known.placed[load]) for load in range(len(found.placed)) for known in (found, last))
    paths = tuple({(load, pools.tobytes()): (load, pools) for load, pools in paths}.values())
    everything = np.arange(len(found.placed)), np.arange(len(found.option))
    around = Around(
        decisions=found, loads=everything[0], runs=everything[1], contracts=True, paths=paths, path_charges=path_charges(stay, paths)
    )
    part = solve_part(
        problem,
        keep=placed_pairs(problem, found) | placed_pairs(problem, last),
        keep_options=keep_options,
        lots=(np.minimum(found.lots, last.lots), np.maximum(found.lots, last.lots)),
        around=around,
        time_limit_s=min(GUARD_S, max(1.0, search.left)),
        relative_gap=GAP,
        seed=search.settings.seed,
    )
    return part.decisions


def worth_leaving(problem: PlanningProblem, solved: Solved, stay: Stay, relative_gap: float) -> tuple[Solved, dict[str, float]]:
    """The plan with what is elsewhere put back, one load or run at a time, wherever that costs less than the charge.

    Args:
      stay: of the last plan.
      relative_gap: up to which a plan counts as optimal.

    Returns:
      The plan, and for each load and run that is still elsewhere the discounted USD that putting it alone back would cost (inf: it cannot
      go back alone); nothing where more than `MOST_ELSEWHERE` are.
    """
    now = solved.settled
    back = _back(stay, now.plan.decisions)
    if not 0 < len(_elsewhere(stay, now.plan.decisions)) <= MOST_ELSEWHERE:
        return solved, {}
    settle = settled_alike(problem, now.plan.decisions, back)
    while True:
        saved = {one: _usd(settle(_put(now.plan.decisions, back, one))) - now.objective_usd for one in _elsewhere(stay, now.plan.decisions)}
        before = now
        for one in sorted(saved, key=lambda one: saved[one]):
            settled = settle(_put(now.plan.decisions, back, one)) if saved[one] < stay.usd else None
            if settled is not None and settled.objective_usd - now.objective_usd < stay.usd:
                now = settled
        if now is before:
            break
    told = dict(zip(names_elsewhere(problem, stay, now.plan.decisions), saved.values(), strict=True))
    if now is solved.settled:
        return solved, told
    within = now.objective_usd - solved.bound_usd <= relative_gap * abs(now.objective_usd)
    return replace(solved, settled=now, status=PlanStatus.WITHIN_GAP if within else PlanStatus.LIMIT), told


def names_elsewhere(problem: PlanningProblem, stay: Stay, decisions: Decisions) -> tuple[str, ...]:
    """Loads, then runs."""
    names = [*(load.name for load in problem.needs.loads), *problem.needs.runs]
    return tuple(names[one] for one in _elsewhere(stay, decisions))


def _elsewhere(stay: Stay, decisions: Decisions) -> list[int]:
    """Loads, and runs numbered after them."""
    loads = np.flatnonzero(loads_elsewhere(stay, decisions.placed))
    return [*loads.tolist(), *(len(stay.placed) + np.flatnonzero(runs_elsewhere(stay, decisions.option))).tolist()]


def _back(stay: Stay, decisions: Decisions) -> Decisions:
    """The decisions with everything where the last plan has it, as far as it says."""
    return replace(
        decisions,
        placed=np.where(stay.placed == FREE, decisions.placed, stay.placed),
        option=np.where(stay.option == FREE, decisions.option, stay.option),
    )


def _put(decisions: Decisions, back: Decisions, one: int) -> Decisions:
    """The decisions with one load or run put back."""
    placed, option = decisions.placed.copy(), decisions.option.copy()
    if one < len(placed):
        placed[one] = back.placed[one]
    else:
        option[one - len(placed)] = back.option[one - len(placed)]
    return replace(decisions, placed=placed, option=option)


def _usd(settled: Settled | None) -> float:
    return np.inf if settled is None else settled.objective_usd
