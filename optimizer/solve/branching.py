"""Branch and bound over lots of contracts, with the knapsack bound; where all lots are decided, a MILP solver places the loads.

A node leaves each pool some of its choices of lots. Its bound rises by some steps from the multipliers of the node it came from; choices
that no plan below the cutoff can make are dropped (`covering.choice_costs`), and the pool whose choice changed most along those steps
is decided on next: what it chose most often, or anything else (docs/decisions/0023).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.problem import Bools, PlanningProblem
from optimizer.domain.surface import Floats
from optimizer.pricing.covering import choice_costs
from optimizer.pricing.knapsack import Knapsacks, Packed, knapsacks, narrowed
from optimizer.pricing.packings import Ascent, begin, reduced_costs
from optimizer.solve.packing import Limit, decided, place
from optimizer.solve.part import Part
from optimizer.solve.worker import Worker

AT_ONCE = 6  # nodes that are looked at between two reports
EVALUATIONS = 40  # of the bound in a node
STEP = 0.3  # of Polyak's length that a node begins with
OLDER = 0.95  # times as much counts a choice as in the evaluation after
NEAR = 1e-3  # relative: how far the bound is expected to rise where no plan is known
GUESSED, GUESS_S = 5e-4, 0.5  # relative to the bound, and seconds: how near a plan is looked for before all lots are decided, how long


@dataclass(frozen=True, kw_only=True)
class Node:
    """Plans whose lots are among some choices. Axes: Z choices of lots in a pool, P pools, L loads."""

    bound_usd: float  # what they cost at least, as far as is known
    choices: Bools  # [Z, P] of `knapsack.Knapsacks`
    multipliers: Floats  # [L] to go on from, USD


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What has come of some nodes."""

    nodes: tuple[Node, ...]  # hold all plans below the cutoff, but for those that were placed
    found: tuple[Decisions, ...]
    placed_usd: float  # what plans cost at least whose loads were placed; inf: none were
    whole: bool  # of all these the best was found, within `packing.CLOSE`


def look(problem: PlanningProblem, *, nodes: tuple[Node, ...], cutoff_usd: float, limit: Limit) -> Looked:
    """Bounds nodes, and divides each or places its loads.

    Args:
      problem: of the form that `knapsack.has_knapsacks` tells.
      cutoff_usd: what plans are to cost less than.
      limit: of placing loads once.
    """
    packs = knapsacks(problem)
    left: list[Node] = []
    parts: list[Part] = []
    guessed: Decisions | None = None
    for node in nodes:
        ascent, often = _climb(packs, node, cutoff_usd)
        best = ascent.best
        if best.bound_usd >= cutoff_usd:
            continue
        choices = node.choices & (best.bound_usd + choice_costs(ascent.packs, best) < cutoff_usd)
        if not choices.any(axis=0).all():
            continue
        if (choices.sum(axis=0) > 1).any():
            left += _divided(Node(bound_usd=best.bound_usd, choices=choices, multipliers=best.multipliers), often)
            if node is nodes[0]:
                guessed = _guessed(problem, packs, best, cutoff_usd, limit)
            continue
        ascent, _ = _climb(packs, Node(bound_usd=best.bound_usd, choices=choices, multipliers=best.multipliers), cutoff_usd)
        part = _place(problem, ascent, cutoff_usd, limit)
        parts += [] if part is None else [part]
    return Looked(
        nodes=tuple(left),
        found=tuple(decisions for decisions in (guessed, *(part.decisions for part in parts)) if decisions is not None),
        placed_usd=min((part.bound_usd for part in parts), default=math.inf),
        whole=all(part.status in (PlanStatus.OPTIMAL, PlanStatus.INFEASIBLE) for part in parts),
    )


def _guessed(problem: PlanningProblem, packs: Knapsacks, packed: Packed, cutoff_usd: float, limit: Limit) -> Decisions | None:
    """A plan with the lots that packings have, if one costs hardly more than what is proven of these lots."""
    alone = np.arange(len(packed.value))[:, None] == packed.choice
    ascent, _ = _climb(packs, Node(bound_usd=packed.bound_usd, choices=alone, multipliers=packed.multipliers), cutoff_usd)
    near = min(cutoff_usd, ascent.best.bound_usd + GUESSED * abs(ascent.best.bound_usd))
    part = _place(problem, ascent, near, limit.shorter(GUESS_S))
    return None if part is None else part.decisions


def _climb(packs: Knapsacks, node: Node, cutoff_usd: float) -> tuple[Ascent, Floats]:
    """Some steps from the multipliers of a node; how often each choice of lots was made on the way, the later the more, [Z, P]."""
    ascent = begin(narrowed(packs, node.choices), node.multipliers)
    ascent.step = STEP
    often, pools = np.zeros(node.choices.shape), np.arange(node.choices.shape[1])
    often[ascent.best.choice, pools] = 1.0
    for _ in range(EVALUATIONS):
        if ascent.best.bound_usd >= cutoff_usd:
            break
        found = ascent.advance(cutoff_usd if math.isfinite(cutoff_usd) else ascent.best.bound_usd + NEAR * abs(ascent.best.bound_usd))
        often *= OLDER
        often[found.choice, pools] += 1.0
    return ascent, often


def _divided(node: Node, often: Floats) -> tuple[Node, Node]:
    """With what the pool that changed most chose most often, and without."""
    seen = np.where(node.choices, often, 0.0)
    undecided = node.choices.sum(axis=0) > 1
    pool = int(np.where(undecided, seen.max(axis=0) / often.sum(axis=0), np.inf).argmin())
    likely = np.arange(len(often)) == int(np.where(node.choices[:, pool], often[:, pool], -1.0).argmax())
    taken, other = node.choices.copy(), node.choices.copy()
    taken[:, pool] &= likely
    other[:, pool] &= ~likely
    return replace(node, choices=taken), replace(node, choices=other)


def _place(problem: PlanningProblem, ascent: Ascent, cutoff_usd: float, limit: Limit) -> Part | None:
    """The best places of loads beside the lots of an ascent; None: no plan below the cutoff has these lots."""
    packs, best = ascent.packs, ascent.best
    reduced = reduced_costs(packs, best)
    useful, placed = best.bound_usd + reduced.into < cutoff_usd, best.bound_usd + reduced.unplaced >= cutoff_usd
    if best.bound_usd >= cutoff_usd or (placed & ~useful.any(axis=1)).any():
        return None
    lots = decided(problem, packs, np.full(len(useful), -1), best.choice).lots
    return place(problem, useful, (lots, lots), cutoff_usd=cutoff_usd, limit=limit)


class Tree:
    """Nodes that are left, of lowest bound first, and what has been proven of the others."""

    def __init__(self, problem: PlanningProblem, multipliers: Floats) -> None:
        """
        Args:
          multipliers: [L] to begin from, USD.
        """
        self._left: list[tuple[float, int, Node]] = []
        self._away: dict[int, float] = {}  # bounds of nodes that were taken, by the number of the first
        self._numbers = 0
        self._placed_usd = math.inf
        self.whole = True  # nothing was given up
        self._add(Node(bound_usd=-math.inf, choices=np.isfinite(knapsacks(problem).fixed), multipliers=multipliers))

    @property
    def bound_usd(self) -> float:
        """What plans cost at least that are below the last cutoff; inf: there are none."""
        return min(self._placed_usd, self._left[0][0] if self._left else math.inf, *self._away.values())

    @property
    def over(self) -> bool:
        return not self._left and not self._away

    def take(self, cutoff_usd: float) -> tuple[int, tuple[Node, ...]]:
        """Some nodes to look at, and the number under which to give back what came of them; none where there are none now."""
        taken: list[tuple[float, int, Node]] = []
        while self._left and len(taken) < AT_ONCE:
            if self._left[0][0] >= cutoff_usd:
                self._left.clear()  # no other is lower
            else:
                taken.append(heapq.heappop(self._left))
        if not taken:
            return -1, ()
        self._away[taken[0][1]] = taken[0][0]
        return taken[0][1], tuple(node for _, _, node in taken)

    def give_back(self, number: int, looked: Looked) -> None:
        del self._away[number]
        for node in looked.nodes:
            self._add(node)
        self._placed_usd, self.whole = min(self._placed_usd, looked.placed_usd), self.whole and looked.whole

    def _add(self, node: Node) -> None:
        heapq.heappush(self._left, (node.bound_usd, self._numbers, node))
        self._numbers += 1


class Branchers:
    """Processes that look at the nodes of a tree, some at a time each."""

    def __init__(self, workers: list[Worker[Looked]]) -> None:
        self._workers = workers
        self._looking: list[tuple[int, Future[Looked]] | None] = [None] * len(workers)
        self.tree: Tree | None = None  # none before it begins, and once it is over

    def found(self, here: Callable[[Future[Looked]], bool]) -> Iterator[Decisions]:
        """Plans of nodes that have come back, which the tree takes in.

        Args:
          here: whether an answer is there, by now.
        """
        for i, looking in enumerate(self._looking):
            if self.tree is not None and looking is not None and here(looking[1]):
                looked = looking[1].result()
                self.tree.give_back(looking[0], looked)
                self._looking[i] = None
                yield from looked.found

    def ask(self, cutoff_usd: float, limit: Limit) -> None:
        """Gives nodes to those that have none."""
        for i, worker in enumerate(self._workers):
            if self.tree is not None and self._looking[i] is None:
                number, nodes = self.tree.take(cutoff_usd)
                if nodes:
                    self._looking[i] = number, worker.ask(nodes=nodes, cutoff_usd=cutoff_usd, limit=limit)
