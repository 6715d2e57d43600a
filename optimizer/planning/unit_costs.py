"""What a million tokens cost: the plan's cost spread over the work that causes it, reconciled to the total.

A contract's payments are direct as far as its price times what is drawn from it, and idle commitment beyond. Direct cost of a pool
goes to its users of that period by accelerator-hours; idle commitment to the users of the contract's pools over the whole horizon.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.plan import Plan
from optimizer.domain.surface import Floats, Needs
from optimizer.domain.workload import Kind, Workload
from optimizer.planning.verify import Verification
from optimizer.planning.verify.ledger import Entry
from optimizer.planning.verify.position import Position, read_position

# A token generated costs a whole decode step, a prompt token a share of one prefill: about the ratio at which they are sold.
OUTPUT_TOKEN_WEIGHT = 4.0
CACHED_TOKEN_WEIGHT = 0.1  # a prompt token whose prefix is at hand costs memory and next to no arithmetic: about that ratio too
WEIGHTS = {"input": 1.0, "cached": CACHED_TOKEN_WEIGHT, "output": OUTPUT_TOKEN_WEIGHT}
NO_TOKENS = dict.fromkeys(WEIGHTS, 0.0)
PER_MILLION = 1e6
TRAINING, RESEARCH, NOT_ALLOCATED = "training", "research", "not allocated"
PARTS = ("direct_usd", "idle_commitment_usd", "egress_usd", "other_usd")
EGRESS_LINES = frozenset(("egress", "training data"))


@dataclass(frozen=True)
class _Use:
    """How much each load and training run uses each pool. Axes: U users, P pools, T periods."""

    rows: tuple[str, ...]  # U, loads then training runs
    names: tuple[str, ...]  # U
    hours: Floats  # [U, P, T] expected accelerator-hours


@dataclass
class _Totals:
    """Amounts that add up exactly: every amount added is kept until the end."""

    amounts: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, row: str, part: str, usd: float) -> None:
        self.amounts.setdefault((row, part), []).append(usd)

    def spread(self, part: str, usd: float, rows: Iterable[str], weights: Floats) -> None:
        """Over the rows by weight; what no weight asks for stays unallocated."""
        total = float(weights.sum())
        if total <= 0.0:
            self.add(NOT_ALLOCATED, part, usd)
            return
        for row, weight in zip(rows, weights, strict=True):
            if weight > 0.0:
                self.add(row, part, usd * float(weight) / total)

    def of(self, row: str, part: str) -> float:
        return math.fsum(self.amounts.get((row, part), ()))


def unit_costs(case: Case, needs: Needs, plan: Plan, verification: Verification) -> list[dict[str, str | float | None]]:
    """Rows of the `unit_costs` table; `total_usd` adds up to the objective.

    A model has one row for input and one for output tokens, and one for cached ones where some of its prompts are found in a prefix
    cache; training, research and what belongs to no work have one row each.
    Discounted, expected USD; tokens are those of placed work. Per-million figures are None where there are no tokens.
    """
    position = read_position(case, needs, plan, verification.annual_discount_rate)
    use = _use(position)
    totals = _Totals()
    _allocate_contracts(position, use, verification, totals)
    _allocate_market(position, use, verification, totals)
    _allocate_work(use, verification, totals)
    tokens = _tokens(position)
    rows: list[dict[str, str | float | None]] = []
    for name in sorted({*use.rows, NOT_ALLOCATED} | {row for row, _ in totals.amounts}, key=lambda name: (_rank(name), name)):
        parts = {part: totals.of(name, part) for part in PARTS}
        millions = {kind: amount / PER_MILLION for kind, amount in tokens.get(name, NO_TOKENS).items()}
        weighted = math.fsum(WEIGHTS[kind] * amount for kind, amount in millions.items())
        if weighted <= 0.0:
            rows.append(_row(name, "", 0.0, parts))
            continue
        for kind, amount in millions.items():
            if kind != "cached" or amount > 0.0:
                share = WEIGHTS[kind] * amount / weighted
                rows.append(_row(name, kind, amount, {part: share * usd for part, usd in parts.items()}))
    return rows


def _rank(name: str) -> int:
    return {TRAINING: 1, RESEARCH: 2, NOT_ALLOCATED: 3}.get(name, 0)


def _row(name: str, kind: str, millions: float, parts: dict[str, float]) -> dict[str, str | float | None]:
    total = math.fsum(parts.values())
    per_million: dict[str, float | None] = {
        f"{part}_per_million": usd / millions if millions > 0.0 else None for part, usd in {**parts, "total_usd": total}.items()
    }
    return {"model": name, "tokens": kind, "million_tokens": millions, **parts, "total_usd": total, **per_million}


def _row_of(workload: Workload) -> str:
    """Training and research have a row each; other work that names no model has a row of its own name."""
    if workload.kind is Kind.TRAINING:
        return TRAINING
    if workload.kind is Kind.RESEARCH:
        return RESEARCH
    return workload.model or workload.name


def _use(position: Position) -> _Use:
    needs, case = position.needs, position.case
    workloads = {workload.name: workload for workload in case.workloads}
    run_workload = {run.name: workloads[run.workload] for run in case.training_runs}
    hours = np.zeros((len(needs.loads) + len(needs.runs), len(case.pools), len(position.worth)))
    for i, t in np.argwhere(position.pair >= 0):
        held = position.served[i, t] if needs.flexible[i] else needs.need[position.pair[i, t], t]
        hours[i, position.placed[i, t], t] = position.hours[t] @ held @ position.probability
    for r, g in enumerate(position.option):
        if g >= 0:
            held_in = slice(int(needs.option_start[g]), int(needs.option_stop[g]))
            held_hours = needs.option_gang[g] * position.hours[held_in].sum(axis=1)
            hours[len(needs.loads) + r, needs.option_pool[g], held_in] = held_hours
    return _Use(
        rows=(*(_row_of(workloads[load.workload]) for load in needs.loads), *(_row_of(run_workload[run]) for run in needs.runs)),
        names=(*(load.name for load in needs.loads), *needs.runs),
        hours=hours,
    )


def _discounted_by_name(entries: Iterable[Entry], kind: str) -> dict[str, float]:
    amounts: dict[str, list[float]] = {}
    for entry in entries:
        if entry.payee_kind == kind:
            amounts.setdefault(entry.name, []).append(entry.discounted_usd)
    return {name: math.fsum(values) for name, values in amounts.items()}


def _allocate_contracts(position: Position, use: _Use, verification: Verification, totals: _Totals) -> None:
    paid = _discounted_by_name(verification.ledger, "contract")
    weights = position.worth[:, None] * position.probability
    for k, (contract, term) in enumerate(zip(position.contracts, position.terms, strict=True)):
        total = paid.get(contract.name, 0.0)
        covered = np.flatnonzero(position.cover_contract == k)
        pools = position.cover_pool[covered]
        drawn = np.einsum("tb,jtbs,ts->jt", position.hours, position.contract_draw[covered], weights) * term.price
        # Where settlement is late, what is drawn can be worth more today than what is paid: then nothing is idle.
        direct = min(float(drawn.sum()), total)
        if direct > 0.0:
            for j, t in np.argwhere(drawn > 0.0):
                totals.spread("direct_usd", direct * drawn[j, t] / drawn.sum(), use.rows, use.hours[:, pools[j], t])
        totals.spread("idle_commitment_usd", total - max(direct, 0.0), use.rows, use.hours[:, pools].sum(axis=(1, 2)))


def _allocate_market(position: Position, use: _Use, verification: Verification, totals: _Totals) -> None:
    pool_of = {offer.name: offer.pool for offer in position.case.offers}
    pools = {pool.name: p for p, pool in enumerate(position.case.pools)}
    periods = {period.name: t for t, period in enumerate(position.case.calendar.periods)}
    for entry in verification.ledger:
        if entry.payee_kind in ("offer", "pool"):
            pool = pools[pool_of[entry.name] if entry.payee_kind == "offer" else entry.name]
            part = "direct_usd" if entry.payee_kind == "offer" else "other_usd"
            totals.spread(part, entry.discounted_usd, use.rows, use.hours[:, pool, periods[entry.period]])


def _allocate_work(use: _Use, verification: Verification, totals: _Totals) -> None:
    row = dict(zip(use.names, use.rows, strict=True))
    for entry in verification.ledger:
        if entry.payee_kind in ("load", "run"):
            part = "egress_usd" if entry.line in EGRESS_LINES else "other_usd"
            totals.add(row[entry.name], part, entry.discounted_usd)
        elif entry.payee_kind == "supplier":
            totals.add(NOT_ALLOCATED, "other_usd", entry.discounted_usd)


def _tokens(position: Position) -> dict[str, dict[str, float]]:
    """Expected input, cached and output tokens of placed work by row; of flexible work the share that is served."""
    needs = position.needs
    workloads = {workload.name: workload for workload in position.case.workloads}
    found: dict[str, dict[str, float]] = {}
    for i, t in np.argwhere(position.pair >= 0):
        done = np.ones(len(position.probability))
        if needs.flexible[i]:
            work = needs.work[position.pair[i, t], t]
            done = np.divide(position.hours[t] @ position.served[i, t], work, out=np.zeros_like(done), where=work > 0.0)
        done = np.minimum(done, 1.0) * position.probability
        workload = workloads[needs.loads[i].workload]
        earlier = found.get(_row_of(workload), NO_TOKENS)
        prompt, cached = float(needs.input_tokens[i, t] @ done), workload.techniques.prefix_hit_share
        here = {"input": (1.0 - cached) * prompt, "cached": cached * prompt, "output": float(needs.output_tokens[i, t] @ done)}
        found[_row_of(workload)] = {kind: earlier[kind] + amount for kind, amount in here.items()}
    return found
