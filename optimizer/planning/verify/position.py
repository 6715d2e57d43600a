"""A plan read against its case: everything in the case's order, with what does not fit named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract
from optimizer.domain.plan import Plan
from optimizer.domain.supply import Site
from optimizer.domain.surface import Floats, Ints, Needs
from optimizer.errors import SolverFailure
from optimizer.planning.verify.dates import worth_today
from optimizer.planning.verify.terms import Terms, contract_terms, expected, in_selection


@dataclass(frozen=True, kw_only=True)
class Position:
    """A plan with its labels resolved. Axes as in `Plan`, in the order of the case and of `Needs`."""

    case: Case
    needs: Needs
    contracts: tuple[Contract, ...]  # K
    terms: tuple[Terms, ...]  # K, expected over scenarios
    terms_in: tuple[tuple[Terms, ...], ...]  # K, S
    cover_contract: Ints  # [J]
    cover_pool: Ints  # [J]
    hours: Floats  # [T, B]
    worth: Floats  # [T] worth today of 1 USD of the period
    probability: Floats  # [S]
    pool_site: tuple[Site, ...]  # P
    placed: Ints  # [L, T] pool; -1: not placed
    pair: Ints  # [L, T] (load, pool) pair of `Needs`; -1: not placed, or where it is not eligible
    option: Ints  # [R] -1: not run
    lots: Ints  # [K]
    exits: Ints  # [K, T]
    active: Ints  # [K, T] lots in force
    contract_draw: Floats  # [J, T, B, S]
    offer_draw: Floats  # [O, T, B, S]
    served: Floats  # [L, T, B, S]
    shortage: Floats  # [P, T, B, S]
    misfits: tuple[str, ...]  # what does not fit the case

    def by_scenario(self, k: int, name: str) -> Floats:
        """A column of a contract's terms, [T, S]."""
        return np.stack([getattr(each, name) for each in self.terms_in[k]], axis=1)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, B, S)."""
        periods, blocks = self.hours.shape
        return periods, blocks, len(self.probability)


def read_position(case: Case, needs: Needs, plan: Plan, annual_rate: float) -> Position:
    """The plan in the case's order.

    Raises:
      SolverFailure: an array's shape is not the one that the plan's own labels give.
    """
    _check_shapes(case, plan)
    contracts = tuple(contract for contract in case.contracts if in_selection(contract, case))
    names, pools = [c.name for c in contracts], [p.name for p in case.pools]
    covers = [(k, pools.index(pool)) for k, contract in enumerate(contracts) for pool in contract.pools]
    cover_names = [(names[k], pools[p]) for k, p in covers]
    loads, offers = [load.name for load in needs.loads], [offer.name for offer in case.offers]
    wanted = {"loads": loads, "runs": needs.runs, "pools": pools, "contracts": names, "covers": cover_names, "offers": offers}
    misfits = [words for what, labels in wanted.items() for words in _label_misfits(what, getattr(plan, what), labels)]
    decisions = plan.decisions
    placed = _rows(_whole("placed", decisions.placed, misfits), plan.loads, loads, fill=-1)
    placed = _pool_numbers(placed, plan.pools, pools, misfits)
    option = _rows(_whole("option", decisions.option, misfits), plan.runs, needs.runs, fill=-1)
    option = _options(option, needs, len(case.calendar.periods), misfits)
    lots = _rows(_whole("lots", decisions.lots, misfits), plan.contracts, names)
    exits = _rows(_whole("exits", decisions.exits, misfits), plan.contracts, names)
    probability = np.array([scenario.probability for scenario in case.scenarios], dtype=np.float64)
    terms_in = tuple(_terms_in(contract, case, annual_rate) for contract in contracts)
    terms = tuple(expected(each, probability) for each in terms_in)
    sites = {site.name: site for site in case.sites}
    return Position(
        case=case,
        needs=needs,
        contracts=contracts,
        terms=terms,
        terms_in=terms_in,
        cover_contract=np.array([k for k, _ in covers], dtype=np.int64),
        cover_pool=np.array([p for _, p in covers], dtype=np.int64),
        hours=_block_hours(case),
        worth=np.array([worth_today(case.as_of, p.start, p.end, annual_rate) for p in case.calendar.periods]),
        probability=probability,
        pool_site=tuple(sites[pool.site] for pool in case.pools),
        placed=placed,
        pair=_pairs(placed, needs, len(pools)),
        option=option,
        lots=lots,
        exits=exits,
        active=_active(lots, exits, terms),
        contract_draw=_rows(plan.contract_draw, plan.covers, cover_names),
        offer_draw=_rows(plan.offer_draw, plan.offers, offers),
        served=_rows(plan.served, plan.loads, loads),
        shortage=_rows(plan.shortage, plan.pools, pools),
        misfits=tuple(misfits),
    )


def _terms_in(contract: Contract, case: Case, annual_rate: float) -> tuple[Terms, ...]:
    """Of each scenario; scenarios of which no table speaks share theirs."""
    found: dict[str | None, Terms] = {}
    for scenario in case.scenarios:
        if scenario.world not in found:
            found[scenario.world] = contract_terms(contract, case, annual_rate, scenario)
    return tuple(found[scenario.world] for scenario in case.scenarios)


def _check_shapes(case: Case, plan: Plan) -> None:
    axes = (len(case.calendar.periods), len(case.calendar.blocks), len(case.scenarios))
    decisions, contracts = plan.decisions, len(plan.contracts)
    wanted: list[tuple[str, NDArray[Any], tuple[int, ...]]] = [
        ("placed", decisions.placed, (len(plan.loads), axes[0])),
        ("option", decisions.option, (len(plan.runs),)),
        ("lots", decisions.lots, (contracts,)),
        ("exits", decisions.exits, (contracts, axes[0])),
        ("contract_draw", plan.contract_draw, (len(plan.covers), *axes)),
        ("offer_draw", plan.offer_draw, (len(plan.offers), *axes)),
        ("served", plan.served, (len(plan.loads), *axes)),
        ("shortage", plan.shortage, (len(plan.pools), *axes)),
    ]
    wrong = [f"{name} must have shape {shape}; got {array.shape}" for name, array, shape in wanted if array.shape != shape]
    if wrong:
        raise SolverFailure("plan: " + "; ".join(wrong) + ". The plan cannot be verified.")


def _label_misfits(what: str, got: Sequence[object], wanted: Sequence[object]) -> list[str]:
    what = "contract pools" if what == "covers" else what
    unknown, missing = set(got) - set(wanted), set(wanted) - set(got)
    found = [f"{what}: the plan names {_words(label)}, which the case does not offer" for label in sorted(unknown, key=str)]
    found += [f"{what}: the plan leaves out {_words(label)}" for label in sorted(missing, key=str)]
    if len(set(got)) != len(got):
        found.append(f"{what}: the plan names one of them twice")
    return found


def _words(label: object) -> str:
    return " in ".join(label) if isinstance(label, tuple) else str(label)


def _rows(values: NDArray[Any], labels: Sequence[object], wanted: Sequence[object], fill: int = 0) -> NDArray[Any]:
    """Rows of the wanted labels, in that order; `fill` where the plan lacks one."""
    found = {label: i for i, label in enumerate(labels)}
    result = np.full((len(wanted), *values.shape[1:]), fill, dtype=values.dtype)
    for i, label in enumerate(wanted):
        if label in found:
            result[i] = values[found[label]]
    return result


def _whole(what: str, values: NDArray[np.generic], misfits: list[str]) -> Ints:
    """Integers, or a complaint and the nearest ones."""
    numbers = np.asarray(values, dtype=np.float64)
    broken = ~(numbers == np.rint(numbers))
    if broken.any():
        misfits.append(f"{what}: must be whole numbers; got {numbers[broken][0]:g}")
    return np.rint(np.nan_to_num(numbers, nan=-1.0, posinf=-1.0, neginf=-1.0)).astype(np.int64)


def _pool_numbers(placed: Ints, plan_pools: Sequence[str], pools: Sequence[str], misfits: list[str]) -> Ints:
    """From the plan's pool numbers to the case's."""
    outside = (placed < -1) | (placed >= len(plan_pools))
    if outside.any():
        misfits.append(f"placed: pools are numbered from 0 to {len(plan_pools) - 1}, -1 for none; got {placed[outside][0]}")
    known = {name: p for p, name in enumerate(pools)}
    numbers = np.array([*(known.get(name, -1) for name in plan_pools), -1], dtype=np.int64)
    return numbers[np.where(outside, -1, placed)]


def _options(option: Ints, needs: Needs, periods: int, misfits: list[str]) -> Ints:
    """Options that are the run's own and lie within the calendar; others count as not run."""
    result = option.copy()
    for r, g in enumerate(option):
        if g == -1:
            continue
        if not (0 <= g < len(needs.option_run) and needs.option_run[g] == r):
            misfits.append(f"training run {needs.runs[r]}: training option {g} is not one of its options")
            result[r] = -1
        elif not 0 <= needs.option_start[g] < needs.option_stop[g] <= periods:
            misfits.append(f"training run {needs.runs[r]}: training option {g} holds its gang outside the calendar")
            result[r] = -1
    return result


def _pairs(placed: Ints, needs: Needs, pools: int) -> Ints:
    numbers = np.full((len(needs.loads), pools + 1), -1, dtype=np.int64)
    numbers[needs.pair_load, needs.pair_pool] = np.arange(len(needs.pair_load))
    return np.take_along_axis(numbers, placed, axis=1) if placed.size else placed  # column -1 is the last: no pair


def _block_hours(case: Case) -> Floats:
    """Hours of each block in each period, [T, B]."""
    spans = [len(range(block.start_hour, block.end_hour)) for block in case.calendar.blocks]
    return np.array([[(p.end - p.start).days * span for span in spans] for p in case.calendar.periods], dtype=np.float64)


def _active(lots: Ints, exits: Ints, terms: Sequence[Terms]) -> Ints:
    """Lots in force, [K, T]: held and not yet left, within the contract's term."""
    active = np.zeros_like(exits)
    for k, term in enumerate(terms):
        held = lots[k]
        for t in range(exits.shape[1]):
            held -= exits[k, t]
            active[k, t] = held if term.interval[t] >= 0 else 0
    return active
