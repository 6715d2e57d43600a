"""Walks among placements around the best prices: `walk.walking` on decisions.

Contracts and training runs stay as they are, but for rivals that a walk is compared with. What a walk counts is near what a plan costs
once it is settled: draws are in merit order, and contracts settle interval by interval; tiers, burst and balances are left to settling.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.stay import Stay
from optimizer.domain.surface import Floats, Ints
from optimizer.solve.cost import active_lots, terms_before_draws
from optimizer.solve.open_choices import open_pairs
from optimizer.walk.steps import compile_all
from optimizer.walk.walking import EVERYWHERE, Walking, walking

COOL, ROUNDS = 0.3, 8  # warmth at the start, and rounds, of a walk away from a plan that has lost what it stands on
CHUNKS, WHOLE_CHUNKS = 10, 4  # rounds of a rival at most: near a contract that is decided otherwise, or of a whole plan
PLENTY = 1e9  # USD per accelerator-hour, more than any that is missing costs
HOPE = 3.0  # times what the last of them saved may still be saved


@dataclass(frozen=True, kw_only=True)
class Guides:
    """What prices say to a walk."""

    excess: Floats  # [K, I, S] weights of contracts' settlements
    likely: Floats  # [N, T] logarithm of how likely each pair is to be looked at
    load_usd: float  # what a load costs in a period
    chance: Floats  # [S] what scenarios weigh, none of them far less than is probable


@dataclass(frozen=True, kw_only=True)
class Walked:
    """Where a walk is, and what it takes that plan to cost."""

    decisions: Decisions
    usd: float


@dataclass(frozen=True, kw_only=True)
class Wallet:
    """What contracts that ask for a share of all draws allow to be drawn."""

    most: Floats  # [T, S] accelerator-hours
    missed_usd: Floats  # [T, S] for each beyond that: the least that is paid for any that is missing

    def lost_usd(self, hours: Floats) -> float:
        """What it costs, as far as a walk counts it, that no more is drawn than is allowed where hours [T, S] are asked for."""
        return float((np.maximum(hours - self.most, 0.0) * self.missed_usd).sum())


@dataclass(frozen=True)
class Walk:
    """A walk and the decisions that it does not change."""

    decisions: Decisions
    fixed_usd: float  # what these cost
    wallet: Wallet
    walking: Walking

    @property
    def usd(self) -> float:
        return self.fixed_usd + self.walking.usd + self.wallet.lost_usd(self.walking.hours_used)

    @property
    def walked(self) -> Walked:
        return Walked(decisions=replace(self.decisions, placed=self.walking.placed), usd=self.usd)


@dataclass
class _Known:
    """What a process knows of walks on a problem."""

    problem: PlanningProblem
    guides: Guides | None = None
    charged: bool = False
    walk: Walk | None = None


_known: list[_Known] = []


def compile_ahead() -> None:
    """Compiles what walks run, where it is not kept: there is time for it while needs are computed."""
    compile_all()


def walk_more(
    problem: PlanningProblem,
    *,
    warmth: float,
    rounds: int,
    seed: int,
    rivals: tuple[Decisions, ...] = (),
    guides: Guides | None = None,
    stay: Stay | None = None,
    near: Ints = EVERYWHERE,
) -> Walked:
    """The walk goes on, beside walks that begin at its rivals; the cheapest of them is the walk from then on.

    A rival and the walk go on together until that is cheaper, or not likely to become so.

    Args:
      warmth: as in `Walking.go`.
      rivals: at least one in the first call for a problem.
      guides: where prices have changed.
      stay: where loads are charged for not being; None: nothing is charged.
      near: as in `Walking.go`.
    """
    if not _known or _known[0].problem is not problem:
        _known[:] = [_Known(problem)]
    known = _known[0]
    kept = known.walk
    chance = problem.probability if known.guides is None else known.guides.chance
    same_weights = guides is None or (guides.chance == chance).all()
    same_charges = (stay is not None) == known.charged
    like = None if kept is None or not (same_weights and same_charges) else kept.walking
    anew = guides is not None or not same_charges
    begun = (kept.walked.decisions, *rivals) if anew and kept is not None else rivals
    known.guides, known.charged = guides or known.guides, stay is not None
    weighed = problem if known.guides is None else replace(problem, probability=known.guides.chance)
    walks = [begin(weighed, chosen, known.guides, seed=seed, like=like, stay=stay) for chosen in begun]
    if kept is None:
        for walk in walks:
            for _ in range(rounds):
                walk.walking.go(warmth)
        known.walk = min(walks, key=lambda walk: walk.usd)
        return known.walk.walked
    first, *others = walks if anew else [kept, *walks]
    for _ in range(0 if others else rounds):
        first.walking.go(warmth)
    for rival in others:
        first = _tried(rival, first, warmth, near)
    known.walk = first
    return known.walk.walked


def _tried(rival: Walk, kept: Walk, warmth: float, near: Ints) -> Walk:
    """The rival, if it becomes cheaper than the walk that is kept, which goes on there as long: by then both have gained from walking."""
    usd = rival.usd
    for _ in range(CHUNKS if len(near) else WHOLE_CHUNKS):
        for walk in (rival, kept):
            walk.walking.go(warmth, near)
        saved, usd = usd - rival.usd, rival.usd
        if usd < kept.usd:
            return rival
        if usd - HOPE * saved > kept.usd:
            break
    return kept


def walked_from(problem: PlanningProblem, rivals: tuple[Decisions, ...], *, rounds: int = ROUNDS, seed: int = 0) -> Decisions:
    """The cheapest of some decisions, with loads walked to where they cost less, cooling; contracts and runs stay as they are."""
    walk = min((begin(problem, chosen, None, seed=seed) for chosen in rivals), key=lambda walk: walk.usd)
    for warmth in np.linspace(COOL, 0.0, rounds):
        walk.walking.go(float(warmth))
    return walk.walked.decisions


def begin(
    problem: PlanningProblem,
    decisions: Decisions,
    guides: Guides | None,
    *,
    seed: int,
    like: Walking | None = None,
    stay: Stay | None = None,
) -> Walk:
    """A walk from some decisions.

    Args:
      guides: None: there are no prices yet.
      like: another walk on the problem, with the same charges.
      stay: where loads are charged for not being.
    """
    fixed, lots = terms_before_draws(problem, decisions), active_lots(problem, decisions)
    return Walk(
        decisions=decisions,
        fixed_usd=float(sum(value.sum() for value in fixed.values())),
        wallet=_wallet(problem, lots),
        walking=walking(
            problem,
            decisions.placed,
            lots=lots,
            allowed=open_pairs(problem, decisions),
            runs=_held_by_runs(problem, decisions),
            seed=seed,
            excess=None if guides is None else guides.excess,
            likely=None if guides is None else guides.likely,
            load_usd=None if guides is None else guides.load_usd,
            like=like,
            stay=stay,
        ),
    )


def _wallet(problem: PlanningProblem, lots: Floats) -> Wallet:
    """
    Args:
      lots: [K, T] in force.
    """
    supply, hours = problem.supply, problem.hours.sum(axis=1)[:, None]
    asks = (supply.share_of_wallet > 0.0)[:, None] & (lots > 0.0)
    share = np.where(asks, supply.share_of_wallet[:, None], 1.0)
    most = np.where(asks[:, :, None], supply.drawable * (lots / share)[:, :, None], np.inf) * hours
    asked = [problem.shortage_price[np.unique(problem.needs.pair_pool)], problem.missed_price[problem.needs.flexible]]
    least = np.concatenate(asked).min(initial=PLENTY)
    return Wallet(most=most.min(axis=0, initial=np.inf), missed_usd=least * problem.discount[:, None] * problem.probability)


def _held_by_runs(problem: PlanningProblem, decisions: Decisions) -> Floats:
    """Accelerators, [T, P, B, S]."""
    needs, (periods, blocks, scenarios) = problem.needs, problem.shape
    held = np.zeros((periods, len(problem.pools), blocks, scenarios))
    for g in decisions.option[decisions.option >= 0]:
        held[needs.option_start[g] : needs.option_stop[g], needs.option_pool[g]] += needs.option_gang[g]
    return held
