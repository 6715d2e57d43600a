"""What clauses, exits and losses of suppliers cost: each the difference of two certified plans, as an interval.

The plan as it is costs between `bound` and `objective`, and so does the plan of a changed case; their difference lies between
bound - objective' and objective - bound'. Its width is the two plans' gaps. All changed cases start from the plan and prices of the case
as it is, beside each other in a pool of processes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optimizer.domain.case import Case
from optimizer.domain.surface import Needs
from optimizer.planning.audit.clauses import CLAUSES
from optimizer.planning.audit.exits import Exit
from optimizer.planning.audit.losses import ended, leaves_on, without_supplier
from optimizer.planning.audit.whole_term import WholeTerm
from optimizer.planning.changes import with_contract
from optimizer.planning.plan import PlanResult
from optimizer.planning.variants import known_from, plan_variant
from optimizer.planning.verify.dates import worth_today
from optimizer.solve.executor import Executor, Outcome, Tally, Task
from optimizer.solve.search import SolveSettings

COLUMNS = ("what", "contract", "subject", "low_usd", "high_usd", "found_usd", "status", "seconds")
CLAUSE, EXIT, LOSS = "clause", "exit", "loss of supplier"
LEAST_SOLVE_S = 4.0  # given to one changed case however many there are
IN_SEARCH = 0.7  # of the time; the rest is what processes take to start and to stop


@dataclass(frozen=True, kw_only=True)
class Question:
    """A changed case, and what the answer is about."""

    what: str
    contract: str | None
    subject: str  # clause, day of leaving, or supplier
    case: Case
    added_usd: float = 0.0  # discounted cost of the change that its case does not have, such as a fee
    stake_usd: float = 0.0  # what hangs on a clause: the largest are asked first, losses of suppliers last

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


def questions(case: Case, terms: Mapping[str, WholeTerm], curves: Mapping[str, Sequence[Exit]], *, annual_rate: float) -> list[Question]:
    """Clauses of contracts in force that limit the use of several suppliers, first exits within the horizon, suppliers that leave."""
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
        found += [replace(question, stake_usd=stake) for question in _first_exit(case, term, curves[contract.name], annual_rate)]
    for supplier in {contract.supplier: None for contract in case.contracts if contract.status.in_force}:
        if leaves_on(case, supplier) < case.calendar.end:
            found.append(Question(what=LOSS, contract=None, subject=supplier, case=without_supplier(case, supplier)))
    return sorted(found, key=lambda question: -question.stake_usd)


def _first_exit(case: Case, term: WholeTerm, curve: Sequence[Exit], annual_rate: float) -> Iterator[Question]:
    """Leaving on the first possible day, if that is within the horizon."""
    way = next((way for way in curve if way.cost_usd is not None and case.calendar.start < way.on < case.calendar.end), None)
    if way is not None and way.on < term.contract.end:
        fee = float(term.exit_fee[way.piece]) * worth_today(case.as_of, way.on, way.on, annual_rate)
        until_then = replace(ended(term.contract, way.on), notice_days=None, fee_steps=None, earliest_exit=None)
        changed = with_contract(case, term.contract.name, lambda contract: until_then)
        yield Question(what=EXIT, contract=term.contract.name, subject=way.on.isoformat(), case=changed, added_usd=fee)


def answers(
    base: PlanResult,
    needs: Needs,
    asked: Sequence[Question],
    *,
    annual_rate: float,
    settings: SolveSettings,
    seconds: float,
    executor: Executor,
    report: Callable[[Tally], None] | None = None,
) -> list[Price]:
    """Plans every changed case; in the order asked. Ctrl-C ends it with what there is.

    Args:
      base: the plan of the case as it is.
      needs: of the case as it is, with every training option.
      seconds: for all of them together.
      executor: where they are planned.
    """
    each = max(LEAST_SOLVE_S, IN_SEARCH * seconds * executor.workers / max(1, len(asked)))
    own = replace(settings, time_limit_s=each, threads=1, side_by_side=False, explain=False)
    ended_as: dict[str, Outcome] = {}
    with executor.pool(len(asked), report=report) as pool:
        same = {"needs": needs, "annual_discount_rate": annual_rate, "settings": own, "start": known_from(base)}
        for question in asked:
            pool.submit(Task(key=question.key, work=plan_variant, arguments={"case": question.case, **same}))
        bell = threading.Timer(seconds, pool.cancel)
        bell.start()
        try:
            for outcome in pool.outcomes():
                ended_as[outcome.key] = outcome
        except KeyboardInterrupt:
            pass  # what was found until then stands
        finally:
            bell.cancel()
    bound = max([base.bound_usd, *_relaxed_bounds(asked, ended_as)])
    return [_price(base.objective_usd, min(bound, base.objective_usd), question, ended_as.get(question.key)) for question in asked]


def _relaxed_bounds(asked: Sequence[Question], ended_as: Mapping[str, Outcome]) -> Iterator[float]:
    """What no plan without a clause costs less than, no plan with it does either."""
    for question in asked:
        outcome = ended_as.get(question.key)
        if question.what == CLAUSE and outcome is not None and outcome.failure is None:
            yield outcome.value.bound_usd


def _price(objective_usd: float, bound_usd: float, question: Question, outcome: Outcome | None) -> Price:
    """The interval between the plan as it is, from `bound_usd` to `objective_usd`, and the plan of the changed case."""
    if outcome is None:
        return _unanswered(question)
    if outcome.failure is not None:
        return replace(_unanswered(question), status=str(outcome.failure).splitlines()[0], seconds=outcome.seconds)
    plan, added = outcome.value, question.added_usd
    low, high = plan.bound_usd + added - objective_usd, plan.objective_usd + added - bound_usd
    if question.what == CLAUSE:
        low, high = min(0.0, low), min(0.0, high)  # without a clause no plan costs more
    return Price(
        what=question.what,
        contract=question.contract,
        subject=question.subject,
        low_usd=low,
        high_usd=high,
        found_usd=plan.objective_usd + added - objective_usd,
        status=str(plan.status),
        seconds=outcome.seconds,
    )


def _unanswered(question: Question) -> Price:
    return Price(
        what=question.what,
        contract=question.contract,
        subject=question.subject,
        low_usd=None,
        high_usd=None,
        found_usd=None,
        status="not planned in the time given",
        seconds=0.0,
    )


def rows(prices: Sequence[Price]) -> list[dict[str, Any]]:
    return [{name: getattr(price, name) for name in COLUMNS} for price in prices]
