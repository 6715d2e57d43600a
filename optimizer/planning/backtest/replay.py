"""A policy replayed over a history: what it decided, period by period, and what that came to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.plan import Decisions, PlanStatus
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.surface import Floats, Needs
from optimizer.domain.workload import TrainingRun
from optimizer.errors import SolverFailure
from optimizer.planning.assemble import build_problem
from optimizer.planning.backtest.history import History, realised
from optimizer.planning.backtest.policies import Now, Policy
from optimizer.planning.backtest.record import Record, begun_elsewhere, decided, in_terms_of, moves, standing
from optimizer.planning.calibration import Calibration
from optimizer.planning.needs import compute_needs
from optimizer.planning.plan import SOLVERS, verified
from optimizer.planning.verify import Verification, agrees, verify
from optimizer.solve.carry import carried_decisions
from optimizer.solve.cost import active_lots, placed_pairs
from optimizer.solve.search import Progress, SolveSettings, Start
from optimizer.solve.settle import settle_alone, used_accelerators
from optimizer.solve.start import hold

Report = Callable[[Progress], None]


def silent(step: Progress) -> None:
    """Nobody watches."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What following a policy came to. USD are discounted to the first day; None: what it decided breaks a rule, which `note` says."""

    policy: str
    record: Record
    cost_usd: float | None
    unserved_share: float | None
    moves: int
    verification: Verification | None
    error_usd: float  # by which the bill differs from the recomputed one
    seconds: float
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Hindsight:
    """The plan of one who knew it all, and what every record of decisions costs at least. USD are discounted to the first day."""

    cost_usd: float
    bound_usd: float
    unserved_share: float
    moves: int
    status: PlanStatus
    verification: Verification
    seconds: float


@dataclass
class Replay:
    """A history with what is computed from it once, for all policies.

    Args:
      prepare: lays scenarios over a case as it was known.
      ahead: periods that each decision looks ahead; None: to the end.
    """

    history: History
    annual_discount_rate: float
    calibration: Calibration
    prepare: Callable[[Case], Case]
    ahead: int | None = None
    _needs: dict[tuple[int, tuple[TrainingRun, ...]], Needs] = field(default_factory=dict)
    case: Case = field(init=False)  # as it turned out
    problem: PlanningProblem = field(init=False)

    def __post_init__(self) -> None:
        self.case = realised(self.history)
        needs = compute_needs(self.case, self.calibration)
        self.problem = build_problem(self.case, needs, annual_discount_rate=self.annual_discount_rate)

    def follow(self, name: str, policy: Policy, report: Report = silent) -> Outcome:
        """Decides period by period, then bills what was decided."""
        began = time.monotonic()
        record = self.decide(policy, _named(name, report))
        return self.bill(name, record, seconds=time.monotonic() - began)

    def decide(self, policy: Policy, report: Report = silent, *, periods: int | None = None) -> Record:
        """What a policy decides in the first so many periods (None: in all), each time from what was known."""
        began, size = time.monotonic(), len(self.history.periods)
        record, before = Record(), None
        for t in range(size if periods is None else periods):
            report(Progress(phase="", seconds=time.monotonic() - began, done=t + 1, of=size))
            now = self._now(record, t, before)
            chosen = policy(now)
            record, before = decided(self.history, record, now.problem, chosen, t), (now.problem, chosen)
        return record

    def bill(self, name: str, record: Record, *, seconds: float = 0.0) -> Outcome:
        """What a record of decisions costs as things turned out, by verification's arithmetic; draws are the cheapest that it leaves.

        Raises:
          SolverFailure: the cost is not the one that verification finds.
        """
        elsewhere = begun_elsewhere(self.problem, record)
        if elsewhere:
            return self._void(name, record, seconds, f"{elsewhere[0]} was begun where pins of the first day do not let it")
        settled = settle_alone(self.problem, in_terms_of(self.problem, record))
        if settled is None:
            return self._void(name, record, seconds, "breaks a limit or a clause that no draw can mend")
        found = verify(self.case, self.problem.needs, settled.plan, annual_discount_rate=self.annual_discount_rate)
        same, error = agrees(settled.objective_usd, found)
        if not same:
            raise SolverFailure(f"the bill of {name} differs from the recomputed one by {error:.2f} USD")
        if found.broken:
            return self._void(name, record, seconds, "; ".join(found.broken[:2]))
        return Outcome(
            policy=name,
            record=record,
            cost_usd=found.objective_usd,
            unserved_share=found.unserved_share,
            moves=moves(record, self.history),
            verification=found,
            error_usd=error,
            seconds=seconds,
        )

    def _void(self, name: str, record: Record, seconds: float, note: str) -> Outcome:
        """Decisions that have no bill."""
        return Outcome(
            policy=name,
            record=record,
            cost_usd=None,
            unserved_share=None,
            moves=moves(record, self.history),
            verification=None,
            error_usd=0.0,
            seconds=seconds,
            note=note,
        )

    def hindsight(self, outcomes: list[Outcome], settings: SolveSettings, report: Report = silent) -> Hindsight:
        """The plan that knows what came, searched from what the policies did; at least as good as the best of them."""
        began = time.monotonic()
        tried = sorted((each for each in outcomes if each.cost_usd is not None), key=lambda each: each.cost_usd or 0.0)
        start = Start(decisions=tuple(in_terms_of(self.problem, each.record) for each in tried))
        solved = SOLVERS[settings.method](self.problem, settings=settings, started=began, report=_named("hindsight", report), start=start)
        verification, _ = verified(self.case, self.problem, solved, annual_discount_rate=self.annual_discount_rate)
        cost = solved.settled.objective_usd
        placed, before = solved.settled.plan.decisions.placed, self.problem.placed_before[:, None]
        steps = np.concatenate([before, placed], axis=1)
        changed = (steps[:, 1:] != steps[:, :-1]) & (steps[:, 1:] >= 0) & (steps[:, :-1] >= 0)
        return Hindsight(
            cost_usd=cost,
            bound_usd=min(cost, max(solved.bound_usd, verification.sunk_usd)),
            unserved_share=verification.unserved_share,
            moves=int(changed.sum()),
            status=solved.status,
            verification=verification,
            seconds=time.monotonic() - began,
        )

    def _now(self, record: Record, t: int, before: tuple[PlanningProblem, Decisions] | None) -> Now:
        case = self.prepare(standing(self.history, record, t, ahead=self.ahead))
        key = (t, case.training_runs)
        if key not in self._needs:
            self._needs[key] = compute_needs(case, self.calibration)
        problem = build_problem(case, self._needs[key], annual_discount_rate=self.annual_discount_rate)
        hours = self.problem.hours[:t]
        return Now(case=case, problem=problem, market_use=self._market_use(record, t), hours_behind=hours, before=before)

    def _market_use(self, record: Record, t: int) -> Floats:
        """Accelerators used beyond what contracts held in each pool, [P, t, B], in the periods before t.

        Flexible work counts as if it ran around the clock. Contracts that cover several pools are shared out to them in the tables' order.
        """
        problem, decisions = self.problem, in_terms_of(self.problem, record)
        needs, pairs = problem.needs, placed_pairs(problem, decisions)
        served = np.zeros((len(needs.loads), *problem.shape))
        np.add.at(served, needs.pair_load, (pairs * needs.work[:, :, 0] / problem.hours.sum(axis=1))[:, :, None, None])
        use = used_accelerators(problem, decisions, served)[:, :t, :, 0] / problem.availability[:, None, None]
        held = (problem.supply.capacity[:, :, 0] * active_lots(problem, decisions))[:, :t]
        left = np.repeat(held[:, :, None], use.shape[2], axis=2)
        for k, p in zip(problem.supply.cover_contract, problem.supply.cover_pool, strict=True):
            drawn = np.minimum(use[p], left[k])
            use[p], left[k] = use[p] - drawn, left[k] - drawn
        return np.asarray(use)


def planner(settings: SolveSettings, report: Report = silent) -> Policy:
    """Ours: the best plan found from what is known, searched from what the last one said."""

    def decide(now: Now) -> Decisions:
        start = Start() if now.before is None else Start(decisions=(_told_before(now.problem, *now.before),))
        solved = SOLVERS[settings.method](now.problem, settings=settings, started=time.monotonic(), report=report, start=start)
        return solved.settled.plan.decisions

    return decide


def _told_before(problem: PlanningProblem, before: PlanningProblem, decisions: Decisions) -> Decisions:
    """Decisions made a period ago, in terms of now: the same from the second period on, the last one's placements for a new one."""
    number = [before.periods.index(period) if period in before.periods else len(before.periods) - 1 for period in problem.periods]
    exits = decisions.exits[:, number] * np.array([period in before.periods for period in problem.periods])
    gone = decisions.exits[:, : before.periods.index(problem.periods[0])].sum(axis=1)
    placed = _possible(problem, decisions.placed[:, number])
    told = replace(hold(problem), placed=placed, lots=decisions.lots - gone, exits=exits.reshape(-1, len(problem.periods)))
    return carried_decisions(problem, before.supply.contracts, told)


def _possible(problem: PlanningProblem, placed: np.ndarray) -> np.ndarray:
    """Placements without those that are not eligible any more."""
    needs = problem.needs
    eligible = np.zeros((len(needs.loads), len(problem.pools) + 1), dtype=np.bool_)
    eligible[:, -1] = True
    eligible[needs.pair_load, needs.pair_pool] = True
    return np.where(np.take_along_axis(eligible, placed, axis=1), placed, -1)


def _named(phase: str, report: Report) -> Report:
    return lambda step: report(replace(step, phase=f"{phase} {step.phase}".strip()))
