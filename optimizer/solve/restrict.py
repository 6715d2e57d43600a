"""A problem with some of its pairs and training options left out, and the way back to the whole one.

Contracts, offers and rules stay as they are. What leaving a pool in force costs hangs on its pair, so that pair is always kept, and so are
pairs that a pin forces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Ints, Needs

LATENCIES = ("ttft_p95_ms", "tpot_ms", "round_trip_ms")
PER_PAIR = ("pair_load", "pair_pool", "need", "work", "work_limit", "egress_gb", "tokens_per_s", "replica", *LATENCIES)
PER_OPTION = ("option_run", "option_pool", "option_start", "option_stop", "option_gang", "option_hours", "option_end_days")


@dataclass(frozen=True, kw_only=True)
class Restricted:
    """The smaller problem. Pools, loads, runs and contracts have the numbers that they have in the whole one."""

    problem: PlanningProblem
    pairs: Ints  # [pairs kept] index into the whole problem's pairs
    options: Ints  # [options kept]

    def widen(self, decisions: Decisions) -> Decisions:
        """Decisions on the smaller problem as decisions on the whole one."""
        taken = decisions.option >= 0
        option = np.where(taken, self.options[decisions.option] if len(self.options) else -1, -1)
        return replace(decisions, option=option)

    def narrow(self, decisions: Decisions) -> Decisions | None:
        """Decisions on the whole problem as decisions on the smaller one; None where they take what was left out."""
        needs = self.problem.needs
        number = np.full(int(max(self.options.max(initial=-1), decisions.option.max(initial=-1))) + 2, -1)
        number[self.options] = np.arange(len(self.options))
        option = np.where(decisions.option >= 0, number[decisions.option], -1)
        eligible = np.zeros((len(needs.loads), len(self.problem.pools) + 1), dtype=np.bool_)
        eligible[:, -1] = True
        eligible[needs.pair_load, needs.pair_pool] = True
        known = np.take_along_axis(eligible, decisions.placed, axis=1).all() and ((option >= 0) == (decisions.option >= 0)).all()
        return replace(decisions, option=option) if known else None


def restrict(
    problem: PlanningProblem, keep: Bools, keep_options: Bools | None = None, lots: tuple[Ints, Ints] | None = None
) -> Restricted:
    """The problem with only some of its pairs and training options.

    Args:
      keep: [N, T] True where the pair may still be used; pairs that may be used in no period are left out.
      keep_options: [G]; None: all.
      lots: least and most lots of each contract, each [K], instead of the problem's.
    """
    needs = problem.needs
    in_force = problem.placed_before[needs.pair_load] == needs.pair_pool
    may = problem.pair_allowed & (keep | problem.pair_forced)
    pairs = np.flatnonzero(may.any(axis=1) | in_force)
    options = np.arange(len(needs.option_run)) if keep_options is None else np.flatnonzero(keep_options)
    supply = problem.supply if lots is None else replace(problem.supply, least_lots=lots[0], most_lots=lots[1])
    smaller = replace(
        problem,
        supply=supply,
        needs=_needs(needs, pairs, options),
        pair_allowed=may[pairs],
        pair_forced=problem.pair_forced[pairs],
        enter_cash=problem.enter_cash[pairs],
        leave_cash=problem.leave_cash[pairs],
        egress_cash=problem.egress_cash[pairs],
        option_usd=problem.option_usd[options],
        option_egress_cash=problem.option_egress_cash[options],
    )
    return Restricted(problem=smaller, pairs=pairs, options=options)


def _needs(needs: Needs, pairs: Ints, options: Ints) -> Needs:
    kept: dict[str, Any] = {name: getattr(needs, name)[pairs] for name in PER_PAIR}
    kept |= {name: getattr(needs, name)[options] for name in PER_OPTION}
    return replace(needs, **kept)
