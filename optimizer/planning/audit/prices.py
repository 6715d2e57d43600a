"""What clauses, exits and losses of suppliers cost: each the difference of two certified plans, as an interval.

The plan as it is costs between `bound` and `objective`, and so does the plan of a changed case; their difference lies between
bound - objective' and objective - bound'. Its width is the two plans' gaps. All changed cases start from the plan and prices of the case
as it is, beside each other in a pool of processes: a look at what that plan costs and its prices prove in the changed case answers every
question within seconds, and a search narrows the answer. What it finds serves the case as it is too.
"""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optimizer.domain.case import Case
from optimizer.planning.audit.clauses import CLAUSES
from optimizer.planning.audit.exits import Exit
from optimizer.planning.audit.losses import ended, leaves_on, without_site, without_supplier
from optimizer.planning.audit.whole_term import WholeTerm
from optimizer.planning.changes import with_contract
from optimizer.planning.plan import PlanResult
from optimizer.planning.variants import VariantBound, VariantPlan, base_of, bound_variant, look_at_variant, plan_variant
from optimizer.planning.verify.dates import worth_today
from optimizer.solve.executor import Executor, Outcome, Pool, Tally, Task
from optimizer.solve.search import SolveSettings

COLUMNS = ("what", "contract", "subject", "low_usd", "high_usd", "found_usd", "status", "seconds")
CLAUSE, EXIT, LOSS, SITE = "clause", "exit", "loss of supplier", "loss of site"
LEAST_SOLVE_S = 4.0  # a search that is given less is not begun
LOOKS = 6.0  # nor one that is given less than so many times what a look took
AFTER_SEARCH = 2.0  # looks that a search may take beyond its limit: to settle and to verify


@dataclass(frozen=True, kw_only=True)
class Question:
    """A changed case, and what the answer is about."""

    what: str
    contract: str | None
    subject: str  # clause, day of leaving, or supplier
    case: Case
    added_usd: float = 0.0  # discounted cost of the change that its case does not have, such as a fee
    stake_usd: float = 0.0  # what hangs on a clause: the largest are asked first, losses of suppliers last
    searched: bool = True  # else a look at it is all

    @property
    def key(self) -> str:
        return f"{self.what} {self.contract or ''} {self.subject}"


@dataclass(frozen=True, kw_only=True)
class Price:
    """Discounted USD that the change adds to the best plan's cost; below 0 it saves. None where no plan was found in time."""

    what: str
    contract: str | None
    subject: str
    low_usd: float | None
    high_usd: float | None
    found_usd: float | None  # between the two plans found, which nobody has proven to be the best
    status: str
    seconds: float


def questions(
    case: Case,
    terms: Mapping[str, WholeTerm],
    curves: Mapping[str, Sequence[Exit]],
    *,
    annual_rate: float,
    suppliers: Sequence[str] = (),
    sites: Sequence[str] = (),
) -> list[Question]:
    """Clauses of contracts in force that limit the use of several suppliers, exits within the horizon, suppliers that leave, lost sites.

    Args:
      suppliers: that may leave, beside those with contracts in force.
      sites: that may be lost.
    """
    found = []
    for contract in case.contracts:
        term = terms.get(contract.name)
        if term is None or not contract.status.in_force or contract.start >= case.calendar.end:
            continue
        stake = math.fsum(term.least(len(term.pieces)))
        for clause in CLAUSES:
            if clause.binds(contract):
                changed = with_contract(case, contract.name, clause.dropped)
                found.append(Question(what=CLAUSE, contract=contract.name, subject=clause.name, case=changed, stake_usd=stake))
        for number, question in enumerate(_exits(case, term, curves[contract.name], annual_rate)):
            found.append(replace(question, stake_usd=0.0 if number else stake))
    held = (contract.supplier for contract in case.contracts if contract.status.in_force)
    for supplier in dict.fromkeys([*held, *suppliers]):
        if leaves_on(case, supplier) < case.calendar.end:
            found.append(Question(what=LOSS, contract=None, subject=supplier, case=without_supplier(case, supplier)))
    for site in sites:
        found.append(Question(what=SITE, contract=None, subject=site, case=without_site(case, site), searched=False))
    return sorted(found, key=lambda question: -question.stake_usd)


def _exits(case: Case, term: WholeTerm, curve: Sequence[Exit], annual_rate: float) -> Iterator[Question]:
    """Leaving within the horizon: on the first possible day, and on the first day of each further step of the fee."""
    last_fee = math.nan
    for way in curve:
        if way.cost_usd is None or not case.calendar.start < way.on < min(case.calendar.end, term.contract.end):
            continue
        if float(term.exit_fee[way.piece]) == last_fee:
            continue
        last_fee = float(term.exit_fee[way.piece])
        fee = last_fee * worth_today(case.as_of, way.on, way.on, annual_rate)
        until_then = replace(ended(term.contract, way.on), notice_days=None, fee_steps=None, earliest_exit=None)
        changed = replace(case, contracts=tuple(until_then if c.name == term.contract.name else c for c in case.contracts))
        yield Question(what=EXIT, contract=term.contract.name, subject=way.on.isoformat(), case=changed, added_usd=fee)


def answers(
    base: PlanResult,
    asked: Sequence[Question],
    *,
    settings: SolveSettings,
    seconds: float,
    executor: Executor,
    report: Callable[[Tally], None] | None = None,
) -> list[Price]:
    """Looks at every changed case, then searches as many as the time allows; in the order asked. Ctrl-C ends it with what there is.

    Args:
      base: the plan of the case as it is.
      seconds: for all of them together, whatever else the machine does.
      executor: where they are planned.
    """
    many = min(executor.workers, max(1, len(asked)))
    until = time.monotonic() + seconds
    with executor.pool(len(asked), report=report, shared=base_of(base)) as pool:
        bell = threading.Timer(seconds, pool.cancel)
        bell.start()
        found = _Found(base)
        try:
            found.look(pool, asked)
            if base.priced is not None:
                found.prove(pool, asked)
            found.search(pool, asked, settings=settings, until=until, processes=many)
        except KeyboardInterrupt:
            pass  # what was found until then stands
        finally:
            bell.cancel()
    return [found.price(question) for question in asked]


class _Found:
    """What plans of changed cases have shown, about their own case and about the case as it is."""

    def __init__(self, base: PlanResult) -> None:
        self._objective, self._bound = base.objective_usd, base.bound_usd
        self._plans: dict[str, VariantPlan] = {}
        self._failures: dict[str, str] = {}
        self._seconds: dict[str, float] = defaultdict(float)

    def look(self, pool: Pool, asked: Sequence[Question]) -> None:
        """The plan as it is in every changed case, and what its prices prove there."""
        for question in asked:
            pool.submit(Task(key=f"look at {question.key}", work=look_at_variant, arguments={"case": question.case}))
        keys = {f"look at {question.key}": question for question in asked}
        for outcome in pool.outcomes():
            self._take(keys[outcome.key], outcome)

    def prove(self, pool: Pool, asked: Sequence[Question]) -> None:
        """What prices prove in each case that is to be searched: clauses and exits move them far, and a few steps bring most of it back."""
        keys = {f"bound of {question.key}": question for question in asked if question.searched and question.key in self._plans}
        for key, question in keys.items():
            pool.submit(Task(key=key, work=bound_variant, arguments={"case": question.case}))
        for outcome in pool.outcomes():
            if outcome.failure is None:
                self._raise(keys[outcome.key], outcome.value)

    def search(self, pool: Pool, asked: Sequence[Question], *, settings: SolveSettings, until: float, processes: int) -> None:
        """A search for each that is to be searched; where the time is too short for all, for the first ones."""
        asked = [question for question in asked if question.searched]
        looks = [self._seconds[question.key] for question in asked]
        look_s = statistics.median(looks) if looks else 0.0
        left, least = until - time.monotonic(), max(LEAST_SOLVE_S, LOOKS * look_s)
        turns = math.ceil(len(asked) / processes)
        turns = min(turns, int(left / least)) if math.isfinite(left) else turns
        if turns < 1:
            return
        limit = max(LEAST_SOLVE_S / 2, left / turns - AFTER_SEARCH * look_s)
        own = replace(settings, time_limit_s=limit, threads=1, side_by_side=False, explain=False)
        keys = {question.key: question for question in asked[: turns * processes]}
        for key, question in keys.items():
            known = self._plans.get(key)
            arguments = {"case": question.case, "settings": own, "known": None if known is None else known.plan}
            pool.submit(Task(key=key, work=plan_variant, arguments=arguments))
        for outcome in pool.outcomes():
            self._take(keys[outcome.key], outcome)

    def price(self, question: Question) -> Price:
        """The interval between the plan as it is and the plan of the changed case."""
        plan, added, clause = self._plans.get(question.key), question.added_usd, question.what == CLAUSE
        if plan is None:
            return _unanswered(question, self._failures.get(question.key), self._seconds[question.key])
        objective, bound = self._objective, min(self._bound, self._objective)
        cost = min(plan.objective_usd, objective) if clause else plan.objective_usd  # without a clause no plan costs more
        low, high = plan.bound_usd + added - objective, cost + added - bound
        return Price(
            what=question.what,
            contract=question.contract,
            subject=question.subject,
            low_usd=min(0.0, low) if clause else low,
            high_usd=min(0.0, high) if clause else high,
            found_usd=cost + added - objective,
            status=str(plan.status),
            seconds=self._seconds[question.key],
        )

    def _take(self, question: Question, outcome: Outcome) -> None:
        self._seconds[question.key] += outcome.seconds
        if outcome.failure is not None:
            self._failures[question.key] = str(outcome.failure).splitlines()[0]
            return
        plan: VariantPlan = outcome.value
        before = self._plans.get(question.key)
        self._plans[question.key] = plan if before is None else _better(before, plan)
        self._objective = min(self._objective, plan.base_objective_usd)
        self._raise(question, plan)

    def _raise(self, question: Question, proven: VariantPlan | VariantBound) -> None:
        """What was proven of a changed case, and by that of the case as it is."""
        plan = self._plans[question.key]
        self._plans[question.key] = replace(plan, bound_usd=min(max(plan.bound_usd, proven.bound_usd), plan.objective_usd))
        if question.what == CLAUSE:  # what no plan without a clause costs less than, no plan with it does either
            self._bound = max(self._bound, proven.bound_usd)
        self._bound = max(self._bound, proven.base_bound_usd)


def _better(one: VariantPlan, other: VariantPlan) -> VariantPlan:
    """The later of two plans of a case, or the cheaper one, with the higher bound."""
    kept = other if other.objective_usd <= one.objective_usd else one
    return replace(kept, status=other.status, bound_usd=min(max(one.bound_usd, other.bound_usd), kept.objective_usd))


def _unanswered(question: Question, failure: str | None, seconds: float) -> Price:
    return Price(
        what=question.what,
        contract=question.contract,
        subject=question.subject,
        low_usd=None,
        high_usd=None,
        found_usd=None,
        status=failure or "not planned in the time given",
        seconds=seconds,
    )


def rows(prices: Sequence[Price]) -> list[dict[str, Any]]:
    return [{name: getattr(price, name) for name in COLUMNS} for price in prices]
