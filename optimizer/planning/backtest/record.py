"""What a policy has decided so far, and what of a plan becomes a decision: only what cannot wait for the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from math import ceil

import numpy as np

from optimizer.domain.calendar import HOURS_PER_DAY, Period
from optimizer.domain.case import Case
from optimizer.domain.contract import Balance, Contract, Status
from optimizer.domain.plan import Decisions
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.rules import Pin
from optimizer.domain.stages import decided_by
from optimizer.domain.workload import PlacementInForce, TrainingRun
from optimizer.planning.backtest.history import History, known

LEAVING = " leaving "  # between a contract's name and the day, in the name of the lots that have been given notice


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A training run that has been started."""

    pool: str
    gang: int
    period: str  # at whose start it began
    start: date
    hours: float  # that it takes

    @property
    def ends(self) -> date:
        """First day on which it no longer runs."""
        return self.start + timedelta(days=ceil(self.hours / HOURS_PER_DAY))


@dataclass(frozen=True, kw_only=True)
class Record:
    """Decisions that bind. Nothing else of a policy's plans is carried from one period to the next."""

    placed: Mapping[tuple[str, str], str | None] = field(default_factory=dict)  # (load, period) -> pool
    begun: Mapping[str, Begun] = field(default_factory=dict)  # by training run
    signed: Mapping[str, int] = field(default_factory=dict)  # lots of quotes
    exits: Mapping[tuple[str, str], int] = field(default_factory=dict)  # (contract, period) -> lots left at its start


def standing(history: History, record: Record, t: int, *, ahead: int | None = None) -> Case:
    """The case as known at period t, with what the policy has signed, left, placed and begun in force."""
    case = known(history, t, ahead=ahead)
    as_of = case.as_of
    begins = {period.name: period.start for period in history.periods}
    contracts = [part for contract in _with_signed(history, case, record) for part in _parts(contract, record, begins, as_of)]
    if t > 0:
        contracts = [_on_schedule(contract) for contract in contracts]
    running = {name: run for name, run in record.begun.items() if run.ends > as_of}
    pins = [_pin(name, run) for name, run in running.items()]
    return replace(
        case,
        contracts=tuple(contracts),
        placements=_placements(history, record, t, running),
        training_runs=tuple(_left(run, record, as_of) for run in case.training_runs if _to_do(run, record, as_of)),
        pins=(*case.pins, *pins),
    )


def decided(history: History, record: Record, problem: PlanningProblem, decisions: Decisions, t: int) -> Record:
    """The record with what a plan made at period t binds: where loads run in it, runs that begin in it, and contracts signed or left
    whose last day to act comes before the next period's first."""
    now = history.periods[t]
    acts_before = history.periods[t + 1].start if t + 1 < len(history.periods) else now.end
    pools = (*problem.pools, None)  # -1: not placed
    placed = {(load.name, now.name): pools[decisions.placed[i, 0]] for i, load in enumerate(problem.needs.loads)}
    return replace(
        record,
        placed={**record.placed, **placed},
        begun={**record.begun, **_begun(problem, decisions, record, now)},
        signed={**record.signed, **_signed(history, problem, decisions, acts_before)},
        exits={**record.exits, **_exits(history, problem, decisions, t, acts_before)},
    )


def in_terms_of(problem: PlanningProblem, record: Record) -> Decisions:
    """All that was decided, as decisions on the problem of the whole history as it turned out, without runs `begun_elsewhere`."""
    needs, supply = problem.needs, problem.supply
    pool = {name: p for p, name in enumerate(problem.pools)}
    placed = np.full((len(needs.loads), len(problem.periods)), -1, dtype=np.int64)
    for i, load in enumerate(needs.loads):
        for t, period in enumerate(problem.periods):
            name = record.placed.get((load.name, period))
            placed[i, t] = -1 if name is None else pool[name]
    lots, exits = supply.least_lots.copy(), np.zeros((len(supply.contracts), len(problem.periods)), dtype=np.int64)
    for k, name in enumerate(supply.contracts):
        lots[k] = record.signed.get(name, lots[k])
        exits[k] = [record.exits.get((name, period), 0) for period in problem.periods]
    return Decisions(placed=placed, option=_options(problem, record), lots=lots, exits=exits)


def moves(record: Record, history: History) -> int:
    """Times that a load changed pool, the first counted from where it ran before."""
    before: dict[str, str | None] = {row.load: row.pool for row in history.case.placements}
    count = 0
    for (load, _), pool in record.placed.items():
        count += before.get(load) is not None and pool is not None and pool != before[load]
        before[load] = pool
    return count


def _with_signed(history: History, case: Case, record: Record) -> list[Contract]:
    """Contracts in force, those that the policy has signed among them, and quotes still on the table."""
    taken = {contract.option_group for contract in history.case.contracts if contract.name in record.signed} - {None}
    signed = [
        _signed_now(contract, record.signed[contract.name])
        for contract in history.case.contracts
        if contract.name in record.signed and contract.end > case.as_of
    ]
    open_ = [contract for contract in case.contracts if contract.name not in record.signed and contract.option_group not in taken]
    return [*open_, *signed]


def _signed_now(quote: Contract, lots: int) -> Contract:
    """A quote as the contract that it becomes; notice counts from its start at the earliest."""
    days = quote.notice_days
    first = quote.start + timedelta(days=float(days) if isinstance(days, int | float) else 0.0)
    earliest = max(first, quote.earliest_exit or first)
    return replace(quote, status=Status.ACTIVE, lots=lots, sign_by=None, option_group=None, renews=None, earliest_exit=earliest)


def _on_schedule(contract: Contract) -> Contract:
    """A contract later than its tables speak of: what its interval in progress has counted so far is what its time asks for."""
    balance = replace(contract.balance, opening=0.0) if isinstance(contract.balance, Balance) else contract.balance
    return replace(contract, spent_so_far=None, prepaid_balance=None, balance=balance)


def _parts(contract: Contract, record: Record, begins: Mapping[str, date], as_of: date) -> list[Contract]:
    """The lots that stay, and those that have been given notice as contracts that end on their day and cannot be left."""
    left = {begins[period]: lots for (name, period), lots in record.exits.items() if name == contract.name and lots}
    if not left:
        return [contract]
    kept = contract.lots - sum(left.values())
    parts = [
        replace(_share(contract, lots), name=f"{contract.name}{LEAVING}{day}", end=min(day, contract.end), notice_days=None, renewal=None)
        for day, lots in left.items()
        if day > as_of
    ]
    return [*([_share(contract, kept)] if kept else []), *parts]


def _share(contract: Contract, lots: int) -> Contract:
    """Some of a contract's lots; what all of them hold together is shared out by lot."""
    share = lots / contract.lots
    prepaid, spent = (None if money is None else money * share for money in (contract.prepaid_balance, contract.spent_so_far))
    return replace(contract, lots=lots, prepaid_balance=prepaid, spent_so_far=spent)


def _placements(history: History, record: Record, t: int, running: Mapping[str, Begun]) -> tuple[PlacementInForce, ...]:
    if t == 0:
        return history.case.placements
    before = history.periods[t - 1].name
    loads = [PlacementInForce(load=load, pool=pool) for (load, period), pool in record.placed.items() if period == before and pool]
    return (*loads, *(PlacementInForce(load=name, pool=run.pool) for name, run in running.items()))


def _to_do(run: TrainingRun, record: Record, as_of: date) -> bool:
    begun = record.begun.get(run.name)
    return begun.ends > as_of if begun else run.window_end > as_of


def _left(run: TrainingRun, record: Record, as_of: date) -> TrainingRun:
    """What is left of a run: in the pool where it runs, on its gang, without a pause."""
    begun = record.begun.get(run.name)
    if begun is None:
        return run
    hours = begun.hours - (as_of - begun.start).days * HOURS_PER_DAY
    return replace(
        run,
        tokens=run.tokens * hours / begun.hours,
        window_start=as_of,
        window_end=begun.ends + timedelta(days=1),  # the day more is for rounding: a start in the next period would still be too late
        gang_sizes=(begun.gang,),
        data_site=None,
    )


def _pin(name: str, run: Begun) -> Pin:
    return Pin(subject=name, action="force", pool=run.pool, period=None, reason="it has begun", owner="replay", expires=None)


def _begun(problem: PlanningProblem, decisions: Decisions, record: Record, now: Period) -> dict[str, Begun]:
    needs, found = problem.needs, {}
    for name, g in zip(needs.runs, decisions.option, strict=True):
        if g >= 0 and needs.option_start[g] == 0 and name not in record.begun:
            pool, gang = problem.pools[needs.option_pool[g]], int(needs.option_gang[g])
            found[name] = Begun(pool=pool, gang=gang, period=now.name, start=now.start, hours=float(needs.option_hours[g]))
    return found


def _signed(history: History, problem: PlanningProblem, decisions: Decisions, acts_before: date) -> dict[str, int]:
    named = {contract.name: contract for contract in history.case.contracts}
    return {
        name: int(lots)
        for name, lots, in_force in zip(problem.supply.contracts, decisions.lots, problem.supply.in_force, strict=True)
        if lots and not in_force and named[name].last_day_to_sign < acts_before
    }


def _exits(history: History, problem: PlanningProblem, decisions: Decisions, t: int, acts_before: date) -> dict[tuple[str, str], int]:
    named = {contract.name: contract for contract in history.case.contracts}
    found = {}
    for k, name in enumerate(problem.supply.contracts):
        if name not in named or not problem.supply.in_force[k]:
            continue
        for u in np.flatnonzero(decisions.exits[k]):
            period = history.periods[t + int(u)]
            if decided_by(named[name], period.start) < acts_before:
                found[name, period.name] = int(decisions.exits[k, u])
    return found


def begun_elsewhere(problem: PlanningProblem, record: Record) -> tuple[str, ...]:
    """Runs that were begun where pins of the history's first day do not let them."""
    known = _option_numbers(problem)
    return tuple(name for name, run in record.begun.items() if (name, run.pool, run.period, run.gang) not in known)


def _options(problem: PlanningProblem, record: Record) -> np.ndarray:
    """The option of each run that was begun, [R]; -1: not run."""
    number = _option_numbers(problem)
    begun = [(name, record.begun.get(name)) for name in problem.needs.runs]
    return np.array([-1 if run is None else number.get((name, run.pool, run.period, run.gang), -1) for name, run in begun], dtype=np.int64)


def _option_numbers(problem: PlanningProblem) -> dict[tuple[str, str, str, int], int]:
    """Options by run, pool, first period and gang."""
    needs = problem.needs
    columns = zip(needs.option_run, needs.option_pool, needs.option_start, needs.option_gang, strict=True)
    return {(needs.runs[r], problem.pools[p], problem.periods[t], int(gang)): g for g, (r, p, t, gang) in enumerate(columns)}
