"""The quote job's core: solves with and without each quote until its break-even price is known well enough, or the time is over.

    1. plan        with all quotes free to be signed or not: the joint plan, whose prices and placements every other solve starts from
    2. look        at that plan with each quote signed in full, or without it: what has too little capacity then is placed elsewhere
    3. prices      take some steps with each quote signed in full, whose slopes are told, and without it: the relaxation's break-even price
    4. narrow      each quote forbidden, and signed in full near its break-even price, again and again: the interval narrows
    5. volumes     looks at each quote signed in part, then solves as far as the time goes

What one solve shows serves all quotes: prices of capacity prove a bound on every variant, and a plan is one of every variant whose lots
it has.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from optimizer.domain.contract import Contract
from optimizer.errors import Cancelled
from optimizer.planning.plan import PlanResult
from optimizer.planning.quote.break_even import Verdict
from optimizer.planning.quote.evidence import Evidence
from optimizer.planning.quote.solving import Shown, Slopes, look_at_variant, price_variant, solve_variant
from optimizer.planning.quote.variants import Paid, Variants, paid_quantity
from optimizer.planning.variants import base_of
from optimizer.pricing.arrays import prepare
from optimizer.pricing.sensitivity import Sensitivities
from optimizer.solve.carry import carry
from optimizer.solve.executor import Executor, Outcome, Pool, Tally, Task
from optimizer.solve.search import SolveSettings, Start

NARROWING = 0.7  # share of the time that goes into intervals
ROUND = 0.5  # share of what is left of it that a round may take
LEAST_S = 2.0  # of a solve
LOOKS = 6.0  # looks that a solve takes at least: it begins with one, and reads its case
BEYOND = 0.5  # of the width asked for: how far beyond the lower end a price is tried
HALF = 0.5  # of half the width asked for: how much the plans without a quote may leave open
GAP_SHARE = 0.1  # of the width asked for, in USD: gap at which a solve ends
STEPS = 300  # of prices


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When to stop."""

    width: float  # of an interval, as a share of the offered price
    time_limit_s: float  # for all solves after the joint plan; inf: none
    executor: Executor


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One quote: what is known about it."""

    contract: Contract
    paid: Paid  # per lot
    evidence: Evidence
    slopes: Sensitivities | None = None

    @property
    def paid_usd(self) -> float:
        """All lots at the offered price."""
        return self.contract.lots * self.paid.usd


@dataclass(frozen=True, kw_only=True)
class Study:
    asked: tuple[Asked, ...]
    alerts: tuple[str, ...]  # solves that failed


@dataclass(frozen=True)
class _Question:
    """A solve of a quote's variant."""

    quote: str
    lots: int
    factor: float


def study(
    joint: PlanResult, contracts: Sequence[Contract], *, settings: SolveSettings, limits: Limits, report: Callable[[Tally], None]
) -> Study:
    """Ctrl-C ends the solves; what they have shown until then stands.

    Args:
      joint: a plan of the case with the quotes free to be signed or not.
      contracts: quotes of the case.
    """
    prepared, rate = prepare(joint.problem), joint.verification.annual_discount_rate
    asked = {}
    for contract in contracts:
        k = joint.problem.supply.contracts.index(contract.name)
        variants = Variants(joint.case, joint.problem, rate, k)
        asked[contract.name] = Asked(contract=contract, paid=paid_quantity(variants), evidence=Evidence(variants, prepared))
    with limits.executor.pool(report=report, shared=base_of(joint)) as pool:
        run = _Run(joint, asked, settings, limits, pool)
        run.begin()
        bell = threading.Timer(min(limits.time_limit_s, threading.TIMEOUT_MAX), pool.cancel)
        bell.start()
        try:
            run.look()
            run.price()
            run.narrow()
            run.volumes()
        except KeyboardInterrupt:
            run.alerts.append("interrupted: this is what was known until then")
        finally:
            bell.cancel()
    return Study(asked=tuple(run.asked.values()), alerts=tuple(run.alerts))


class _Run:
    """The solves of one study."""

    def __init__(self, joint: PlanResult, asked: dict[str, Asked], settings: SolveSettings, limits: Limits, pool: Pool) -> None:
        self.asked, self.alerts = asked, list[str]()
        self._joint, self._settings, self._limits, self._pool = joint, settings, limits, pool
        self._until = time.monotonic() + limits.time_limit_s
        self._questions: dict[str, _Question] = {}
        self._beyond = 0.0  # seconds that a solve has taken after its limit: what a process needs to begin and to stop
        self._least = LEAST_S  # of a solve that may show something

    def begin(self) -> None:
        """What the joint plan shows about every quote: its bound is one on all plans, with any lots."""
        joint = self._joint
        for asked in self.asked.values():
            evidence = asked.evidence
            evidence.add_plan(joint.plan)
            for lots in range(evidence.lots + 1):
                evidence.add_bound(lots, 1.0, joint.bound_usd)
            if joint.priced is not None:
                evidence.add_prices(joint.priced.prices)

    def look(self) -> None:
        """At the joint plan with all lots of each quote, and with none."""
        self._look([_Question(name, lots, 1.0) for name, asked in self.asked.items() for lots in (0, asked.contract.lots)])

    def price(self) -> None:
        """Steps of prices with all of each quote, and the slopes of the bound there, and without it; none once the time is over."""
        if self._left <= 0.0:
            return
        asked_of = {f"{name}: prices with {lots} lots": (name, lots) for name, row in self.asked.items() for lots in (row.contract.lots, 0)}
        for key, (name, lots) in asked_of.items():
            evidence = self.asked[name].evidence
            signed, start = (evidence.variants.contract, lots), evidence.best_prices(lots)
            self._pool.submit(Task(key=key, work=price_variant, arguments={"signed": signed, "evaluations": STEPS, "start": start}))
        for outcome in self._pool.outcomes():
            if self._failed(outcome):
                continue
            found: Slopes = outcome.value
            name, lots = asked_of[outcome.key]
            if lots:
                self.asked[name] = replace(self.asked[name], slopes=found.slopes)
            for asked in self.asked.values():
                asked.evidence.add_prices(found.prices)

    def narrow(self) -> None:
        """Rounds of solves until every interval is narrow enough, the time is over, or a round narrows none.

        A round takes a share of what is left, as those after it know more. Where that is too little for its solves it takes all, and asks
        what decides on the price offered as far as that is not decided.
        """
        ends = time.monotonic() + NARROWING * self._left
        while (questions := list(self._open_questions())) and (left := ends - time.monotonic()) > self._least:
            before = self._widths()
            if ROUND * left < self._least * math.ceil(len(questions) / self._limits.executor.workers):
                self._ask([question for question in questions if self._decides(question)] or questions, left)
            else:
                self._ask(questions, ROUND * left if math.isfinite(left) else left)
            if self._widths() == before:
                return

    def volumes(self) -> None:
        """Every number of lots between none and all, at the offered price; those in the middle first."""
        between = [
            (abs(lots / asked.contract.lots - HALF), name, lots)
            for name, asked in self.asked.items()
            for lots in range(1, asked.contract.lots)
        ]
        questions = [_Question(name, lots, 1.0) for _, name, lots in sorted(between)]
        self._look(questions)
        self._ask(questions, self._left)

    # ---- inside

    @property
    def _left(self) -> float:
        return self._until - time.monotonic()

    def _look(self, questions: Sequence[_Question]) -> None:
        """At the joint plan with as many lots as asked about, where no plan has them yet; nothing once the time is over."""
        if self._left <= 0.0:
            return
        for question in questions:
            evidence = self.asked[question.quote].evidence
            if evidence.best_plan(question.lots) is None:
                key = f"{question.quote}: look with {question.lots} lots"
                self._questions[key] = question
                arguments = {"signed": (evidence.variants.contract, question.lots)}
                self._pool.submit(Task(key=key, work=look_at_variant, arguments=arguments))
        for outcome in self._pool.outcomes():
            self._take(outcome)
            self._least = max(self._least, LOOKS * outcome.seconds)

    def _widths(self) -> list[float]:
        return [asked.evidence.break_even().width for asked in self.asked.values()]

    def _open_questions(self) -> Iterator[_Question]:
        """With the quote near its break-even price, and without it as long as what is open there matters."""
        for name, asked in self.asked.items():
            evidence, width = asked.evidence, self._limits.width
            interval = evidence.break_even()
            if interval.width <= width:
                continue
            yield _Question(name, evidence.lots, evidence.next_factor(BEYOND * width))
            if evidence.without.gap_usd > HALF * HALF * width * asked.paid_usd:
                yield _Question(name, 0, 1.0)

    def _decides(self, question: _Question) -> bool:
        """Whether a better plan there may settle what the relaxation says of the price offered: to take the quote, or to refuse it."""
        evidence = self.asked[question.quote].evidence
        undecided = evidence.break_even().verdict is Verdict.UNDECIDED
        return undecided and (evidence.relaxed is None or (evidence.relaxed > 1.0) == (question.lots > 0))

    def _ask(self, questions: Sequence[_Question], seconds: float) -> None:
        """Solves as many of these, the first ones first, as fit into so many seconds, and takes in what they show."""
        turns = math.ceil(len(questions) / self._limits.executor.workers)
        if math.isfinite(seconds):
            turns = min(turns, int(seconds / (self._least + self._beyond)))
        if turns <= 0:
            return
        each = seconds / turns - self._beyond
        for question in questions[: turns * self._limits.executor.workers]:
            key = f"{question.quote}: {question.lots} lots at {question.factor:.6g} ({len(self._questions)})"
            self._questions[key] = question
            self._pool.submit(Task(key=key, work=solve_variant, arguments=self._arguments(question, each)))
        for outcome in self._pool.outcomes():
            self._take(outcome)
            self._beyond = max(self._beyond, outcome.seconds - each)

    def _arguments(self, question: _Question, seconds: float) -> dict[str, object]:
        asked = self.asked[question.quote]
        variants = asked.evidence.variants
        wanted = GAP_SHARE * self._limits.width * asked.paid_usd / max(abs(self._joint.objective_usd), 1.0)
        settings = replace(
            self._settings,
            time_limit_s=seconds if math.isfinite(seconds) else None,
            relative_gap=min(self._settings.relative_gap, wanted),
            threads=1,
            seed=self._settings.seed + len(self._questions),
            side_by_side=False,
        )
        return {
            "case": variants.case_at(question.factor),
            "signed": (variants.contract, question.lots),
            "settings": settings,
            "start": self._start(asked.evidence, question),
        }

    def _start(self, evidence: Evidence, question: _Question) -> Start:
        """The cheapest plans known with and without the quote, and the best prices."""
        problem = evidence.variants.forced(question.factor, question.lots)
        plans = [evidence.best_plan(lots, question.factor) for lots in (question.lots, 0, evidence.lots)] + [self._joint.plan]
        prices = evidence.best_prices(question.lots, question.factor)
        known = [carry(problem, contracts=plan.contracts, decisions=plan.decisions) for plan in plans if plan is not None]
        return Start(decisions=tuple(start.decisions[0] for start in known), prices=prices)

    def _failed(self, outcome: Outcome) -> bool:
        """A solve that fails, or whose plan does not verify, shows nothing, and is told; one that the time was too short for is not."""
        if outcome.failure is not None and not isinstance(outcome.failure, Cancelled):
            self.alerts.append(f"a solve failed and counts for nothing ({outcome.key}): {outcome.failure}")
        return outcome.failure is not None

    def _take(self, outcome: Outcome) -> None:
        """What a solve shows, about its own quote and all others."""
        if self._failed(outcome):
            return
        question, shown = self._questions[outcome.key], outcome.value
        assert isinstance(shown, Shown)
        for name, asked in self.asked.items():
            own = name == question.quote
            if shown.plan is not None and (own or question.factor >= 1.0):
                asked.evidence.add_plan(shown.plan, question.factor if own else 1.0)
            if shown.prices is not None:
                asked.evidence.add_prices(shown.prices, question.factor if own else 1.0)
            if own:
                asked.evidence.add_bound(question.lots, question.factor, shown.bound_usd)
