"""Generalized assignment and single-source facility location files as the planning problems that they are.

Loads are the jobs or customers, a pool is an agent or facility, and one contract gives a pool its capacity: in force and paid for
(generalized assignment), or a lot that may be signed for a fixed fee (facility location). There is one period, block and scenario of one
hour, no market, and no cost of moving; what an assignment costs is the pair's egress.

Both kinds of problem know no shortage and no load that is left out. Here they have a price: the most that all assignments and fees can
cost beyond the least, and one more. Needs and capacities are whole, so that nothing less than one accelerator can be missing, and any
plan with a shortage or a load left out costs more than any plan without. So both have the same optimum wherever the file has a plan at all.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.generator import no_limits, no_runs, rigid_needs
from optimizer.domain.problem import PlanningProblem, Supply
from optimizer.domain.surface import Floats, Ints
from optimizer.errors import DataError, Violation


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Loads placed whole in pools. Axes: L loads, P pools."""

    cost: Floats  # [L, P]
    need: Ints  # [L, P]
    capacity: Ints  # [P]
    fee: Floats | None  # [P] to be paid where a pool serves anything; None: all pools are open, and cost nothing


def read_generalized_assignment(path: Path) -> Assignment:
    """`agents jobs`, costs by agent, needs by agent, capacities: the format of the OR-Library, one instance a file.

    Raises:
      DataError: the file is not of this form.
    """
    numbers = _numbers(path)
    agents, jobs = _counts(path, numbers, "agents and jobs", lambda agents, jobs: 2 + 2 * agents * jobs + agents)
    cost, need, capacity = np.split(numbers[2:], [agents * jobs, 2 * agents * jobs])
    return Assignment(
        cost=cost.reshape(agents, jobs).T,
        need=_whole(path, "needs", need, least=0).reshape(agents, jobs).T,
        capacity=_whole(path, "capacities", capacity, least=0),
        fee=None,
    )


def read_facility_location(path: Path) -> Assignment:
    """`facilities customers`, capacities, fixed costs, demands, costs by customer: the format of Holmberg's instances.

    Raises:
      DataError: the file is not of this form.
    """
    numbers = _numbers(path)
    facilities, customers = _counts(path, numbers, "facilities and customers", lambda i, j: 2 + 2 * i + j + i * j)
    capacity, fee, demand, cost = np.split(numbers[2:], [facilities, 2 * facilities, 2 * facilities + customers])
    return Assignment(
        cost=cost.reshape(customers, facilities),
        need=np.repeat(_whole(path, "demands", demand, least=0)[:, None], facilities, axis=1),
        capacity=_whole(path, "capacities", capacity, least=0),
        fee=_at_least_zero(path, "fixed costs", fee),
    )


def read_best_known(path: Path) -> dict[str, float]:
    """Best known objective of each instance, by file name: columns `instance` and `published_best`.

    Raises:
      DataError: a column is missing, or a value is not a number.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    best: dict[str, float] = {}
    for number, row in enumerate(rows, start=2):
        try:
            best[row["instance"]] = float(row["published_best"])
        except (KeyError, TypeError, ValueError):
            rule = "must have an instance and a published_best, a number, in each row"
            raise _broken(path, rule, f"{row} in line {number}") from None
    return best


def read_optima(path: Path) -> list[float]:
    """One number a line: the optima of instances 1, 2, 3 ...

    Raises:
      DataError: a line is not a number.
    """
    return _numbers(path).tolist()


def assignment_problem(assignment: Assignment) -> PlanningProblem:
    """The planning problem; a pool too small for a load is not eligible for it."""
    pair_load, pair_pool = np.nonzero(assignment.need <= assignment.capacity)
    loads, pools = assignment.need.shape
    cost, penalty = assignment.cost[pair_load, pair_pool], _penalty(assignment)
    shape = (len(pair_load), 1)
    need = assignment.need[pair_load, pair_pool].astype(np.int32)
    return PlanningProblem(
        pools=_names("pool", pools),
        sites=("site",),
        suppliers=("supplier",),
        periods=("period",),
        blocks=("block",),
        scenarios=("scenario",),
        hours=np.ones((1, 1)),
        discount=np.ones(1),
        probability=np.ones(1),
        pool_site=np.zeros(pools, dtype=np.int64),
        pool_supplier=np.zeros(pools, dtype=np.int64),
        availability=np.ones(pools),
        shortage_price=np.full(pools, penalty),
        site_bandwidth=np.full(1, np.inf),
        needs=rigid_needs(loads, pair_load, pair_pool, need[:, None, None, None]),
        pair_allowed=np.ones(shape, dtype=np.bool_),
        pair_forced=np.zeros(shape, dtype=np.bool_),
        placed_before=np.full(loads, -1),
        enter_cash=np.zeros(len(pair_load)),
        leave_cash=np.zeros(len(pair_load)),
        egress_cash=cost[:, None, None],
        unplaced_cash=np.full((loads, 1, 1), penalty),
        missed_price=np.zeros(loads),
        load_spot=np.zeros(loads, dtype=np.bool_),
        supply=_supply(assignment),
        limits=no_limits(1),
        other_spend_cash=np.zeros((1, 1)),
        **no_runs(),
    )


def _names(kind: str, count: int) -> tuple[str, ...]:
    return tuple(f"{kind}-{i}" for i in range(count))


def _penalty(assignment: Assignment) -> float:
    """What no plan without shortage can cost more than any other."""
    spread = assignment.cost.max(axis=1) - assignment.cost.min(axis=1)
    fees = 0.0 if assignment.fee is None else float(assignment.fee.sum())
    return float(spread.sum() + np.abs(assignment.cost).max()) + fees + 1.0


def _supply(assignment: Assignment) -> Supply:
    pools = len(assignment.capacity)
    each, none = np.zeros((pools, 1, 1)), np.zeros((0, 2), dtype=np.int64)
    given = assignment.fee is None
    return Supply(
        contracts=_names("contract", pools),
        contract_supplier=np.zeros(pools, dtype=np.int64),
        in_force=np.full(pools, given),
        least_lots=np.full(pools, int(given)),
        most_lots=np.ones(pools, dtype=np.int64),
        cover_contract=np.arange(pools),
        cover_pool=np.arange(pools),
        capacity=assignment.capacity[:, None, None].astype(np.float64),
        price_cash=each,
        take_or_pay_share=np.ones(pools),
        minimum_cash=each,
        eligible_spend_cash=each,
        brought_spend_cash=each,
        list_ratio=np.ones(pools),
        other_spend_cap=np.ones(pools),
        prepaid_cash=each,
        fixed_fee_cash=each if assignment.fee is None else assignment.fee[:, None, None],
        interval=np.zeros((pools, 1), dtype=np.int64),
        exit_fee_cash=np.full((pools, 1, 1), np.inf),
        terminal_usd=np.zeros(pools),
        share_of_wallet=np.zeros(pools),
        option_group=np.full(pools, -1),
        excluded_contract=none,
        excluded_supplier=none,
        exclusive_work=none,
        exclusive_run=none,
        offers=(),
        offer_pool=np.zeros(0, dtype=np.int64),
        offer_spot=np.zeros(0, dtype=np.bool_),
        offer_loss=np.zeros(0),
        offer_limit=np.zeros((0, 1)),
        offer_price_cash=np.zeros((0, 1, 1)),
    )


def _numbers(path: Path) -> Floats:
    words = path.read_text(encoding="utf-8", errors="replace").split()
    numbers = []
    for word in words:
        try:
            numbers.append(float(word))
        except ValueError:
            raise _broken(path, "must hold numbers only", word[:40]) from None
    values = np.array(numbers)
    if not np.isfinite(values).all():
        raise _broken(path, "must hold finite numbers only", words[int(np.flatnonzero(~np.isfinite(values))[0])])
    return values


def _counts(path: Path, numbers: Floats, names: str, wanted: Callable[[int, int], int]) -> tuple[int, int]:
    """The first two numbers, after which the file must be as long as they say."""
    if len(numbers) < 2 or (numbers[:2] < 1).any() or (numbers[:2] % 1 != 0).any():
        got = " ".join(f"{number:g}" for number in numbers[:2]) or "nothing"
        raise _broken(path, f"must begin with the counts of {names}, whole numbers >= 1", got)
    first, second = int(numbers[0]), int(numbers[1])
    if len(numbers) != wanted(first, second):
        rule = f"must hold {wanted(first, second)} numbers for {first} {names.replace(' and ', f' and {second} ')}"
        raise _broken(path, rule, str(len(numbers)))
    return first, second


def _whole(path: Path, what: str, values: Floats, *, least: int) -> Ints:
    wrong = (values % 1 != 0) | (values < least) | (values >= 2**31)
    if wrong.any():
        raise _broken(path, f"{what} must be whole numbers >= {least} accelerators", f"{values[wrong][0]:g}")
    return values.astype(np.int64)


def _at_least_zero(path: Path, what: str, values: Floats) -> Floats:
    if (values < 0).any():
        raise _broken(path, f"{what} must be >= 0 USD", f"{values[values < 0][0]:g}")
    return values


def _broken(path: Path, rule: str, got: str) -> DataError:
    return DataError([Violation(where=str(path), rule=rule, got=got, remedy="Correct the file, or name another.")])
