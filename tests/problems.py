"""Small random planning problems as bare arrays, for tests of solvers: valid, feasible, and with every clause off until it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from optimizer.domain.problem import Limits, PlanningProblem, Supply
from optimizer.domain.surface import Load, Needs


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of everything. The last load is flexible if `flexible` is 1, the last two if it is 2 ..."""

    loads: int = 2
    flexible: int = 0
    runs: int = 0
    pools: int = 2
    eligible: int = 2  # pools per load
    sites: int = 2
    suppliers: int = 2
    periods: int = 2
    blocks: int = 2
    scenarios: int = 2
    contracts: int = 2  # the first half is in force, the rest may be signed
    lots: int = 1
    spot_offers: int = 0


def random_problem(seed: int, size: Size | None = None) -> PlanningProblem:
    """A problem of the size asked for. Prices, needs and costs are random; no limit, pin or optional clause is set.

    Pool p stands at site p mod sites, site i belongs to supplier i mod suppliers, contract k is with supplier k mod suppliers and covers
    all its pools, and each pool has an on-demand offer without a limit.
    """
    size = size or Size()
    rng = np.random.default_rng(seed)
    needs = _needs(rng, size)
    pairs, periods, scenarios = len(needs.pair_load), size.periods, size.scenarios
    pool_site = np.arange(size.pools) % size.sites
    probability = rng.dirichlet(np.full(scenarios, 5.0))
    days = rng.integers(28, 32, periods)
    penalty = rng.uniform(40.0, 60.0, size.loads)
    return PlanningProblem(
        pools=_labels("pool", size.pools),
        sites=_labels("site", size.sites),
        suppliers=_labels("supplier", size.suppliers),
        periods=tuple(f"2026-{month + 9:02}" for month in range(periods)),
        blocks=_labels("block", size.blocks),
        scenarios=_labels("scenario", scenarios),
        hours=np.outer(days, np.full(size.blocks, 24.0 / size.blocks)),
        discount=1.0 - 0.01 * np.arange(periods),
        probability=probability,
        pool_site=pool_site,
        pool_supplier=pool_site % size.suppliers,
        availability=rng.uniform(0.9, 1.0, size.pools),
        shortage_price=np.full(size.pools, 60.0),
        site_bandwidth=np.full(size.sites, np.inf),
        needs=needs,
        pair_allowed=np.ones((pairs, periods), dtype=np.bool_),
        pair_forced=np.zeros((pairs, periods), dtype=np.bool_),
        placed_before=rng.integers(-1, size.pools, size.loads),
        enter_cash=rng.uniform(0.0, 4000.0, pairs),
        leave_cash=rng.uniform(0.0, 2000.0, pairs),
        egress_cash=rng.uniform(0.0, 1000.0, (pairs, periods, scenarios)),
        unplaced_cash=penalty[:, None, None] * 730.0 * rng.uniform(5.0, 12.0, (size.loads, periods, scenarios)),
        missed_price=penalty,
        load_spot=np.arange(size.loads) % 2 == 0,
        run_spot=np.zeros(size.runs, dtype=np.bool_),
        option_usd=rng.uniform(0.0, 5000.0, len(needs.option_run)),
        option_egress_cash=np.zeros(len(needs.option_run)),
        run_data_supplier=np.full(size.runs, -1),
        run_unplaced_usd=rng.uniform(2e5, 4e5, size.runs),
        run_forced=np.zeros(size.runs, dtype=np.bool_),
        supply=_supply(rng, size, pool_site % size.suppliers),
        limits=no_limits(periods),
        other_spend_cash=rng.uniform(0.0, 1000.0, (size.suppliers, periods)),
    )


def _labels(noun: str, count: int) -> tuple[str, ...]:
    return tuple(f"{noun}{i + 1}" for i in range(count))


def _needs(rng: np.random.Generator, size: Size) -> Needs:
    pair_load = np.repeat(np.arange(size.loads), size.eligible)
    pair_pool = np.concatenate([np.sort(rng.choice(size.pools, size.eligible, replace=False)) for _ in range(size.loads)])
    flexible = np.arange(size.loads) >= size.loads - size.flexible
    shape = (len(pair_load), size.periods, size.blocks, size.scenarios)
    rigid = ~flexible[pair_load]
    work_limit = rng.uniform(4.0, 12.0, (shape[0], size.periods, size.scenarios)) * ~rigid[:, None, None]
    option_run, option_start = (part.ravel() for part in np.meshgrid(np.arange(size.runs), np.arange(size.periods), indexing="ij"))
    options = len(option_run)
    unknown = np.full(shape[0], np.nan)
    return Needs(
        loads=tuple(Load(name=f"load{i + 1}", workload=f"load{i + 1}", origin=None, share=1.0) for i in range(size.loads)),
        runs=_labels("run", size.runs),
        pair_load=pair_load,
        pair_pool=pair_pool,
        need=(rng.integers(2, 12, shape) * rigid[:, None, None, None]).astype(np.int32),
        flexible=flexible,
        work=work_limit * 720.0 * rng.uniform(0.3, 0.9),
        work_limit=work_limit,
        egress_gb=np.zeros((shape[0], size.periods, size.scenarios)),
        traffic_gb_per_s=rng.uniform(0.5, 2.0, (size.loads, size.periods)),
        input_tokens=np.zeros((size.loads, size.periods, size.scenarios)),
        output_tokens=np.zeros((size.loads, size.periods, size.scenarios)),
        ttft_p95_ms=unknown,
        tpot_ms=unknown,
        round_trip_ms=unknown,
        tokens_per_s=unknown,
        replica_requests_per_s=unknown,
        replica_ttft_ms=unknown,
        arrivals_per_s=unknown,
        replica=np.ones(shape[0], dtype=np.int64),
        option_run=option_run,
        option_pool=rng.integers(0, size.pools, options),
        option_start=option_start,
        option_stop=np.minimum(option_start + rng.integers(1, 3, options), size.periods),
        option_gang=rng.integers(2, 8, options),
        option_hours=np.full(options, 500.0),
        option_end_days=np.full(options, 25.0),
        ineligible=(),
    )


def _supply(rng: np.random.Generator, size: Size, pool_supplier: np.ndarray) -> Supply:
    contracts, periods = size.contracts, size.periods
    contract_supplier = np.arange(contracts) % size.suppliers
    covers = [(k, p) for k in range(contracts) for p in np.flatnonzero(pool_supplier == contract_supplier[k])]
    in_force = np.arange(contracts) < contracts // 2
    each = (contracts, periods)
    nothing = np.zeros((*each, size.scenarios))
    pools = np.concatenate([np.arange(size.pools), np.arange(size.spot_offers) % size.pools])
    spot = np.arange(len(pools)) >= size.pools
    price = np.where(spot, rng.uniform(1.0, 2.5, len(pools)), rng.uniform(3.0, 6.0, len(pools)))
    return Supply(
        contracts=_labels("contract", contracts),
        contract_supplier=contract_supplier,
        in_force=in_force,
        least_lots=np.where(in_force, size.lots, 0),
        most_lots=np.full(contracts, size.lots),
        cover_contract=np.array([k for k, _ in covers], dtype=np.int64),
        cover_pool=np.array([p for _, p in covers], dtype=np.int64),
        capacity=np.cumsum(rng.uniform(1.0, 5.0, each), axis=1)[:, :, None] + nothing,
        price_cash=rng.uniform(2.0, 4.0, each)[:, :, None] + nothing,
        take_or_pay_share=np.zeros(contracts),
        minimum_cash=nothing,
        eligible_spend_cash=nothing,
        brought_spend_cash=nothing,
        list_ratio=np.ones(contracts),
        other_spend_cap=np.ones(contracts),
        prepaid_cash=nothing,
        fixed_fee_cash=nothing,
        interval=np.tile(np.arange(periods) // 2, (contracts, 1)),
        exit_fee_cash=np.full(nothing.shape, np.inf),
        terminal_usd=np.zeros(contracts),
        share_of_wallet=np.zeros(contracts),
        option_group=np.full(contracts, -1),
        excluded_contract=np.zeros((0, 2), dtype=np.int64),
        excluded_supplier=np.zeros((0, 2), dtype=np.int64),
        exclusive_work=np.zeros((0, 2), dtype=np.int64),
        exclusive_run=np.zeros((0, 2), dtype=np.int64),
        offers=_labels("offer", len(pools)),
        offer_pool=pools,
        offer_spot=spot,
        offer_loss=np.where(spot, 0.1, 0.0),
        offer_limit=np.where(spot, 5.0, np.inf)[:, None] * np.ones(periods),
        offer_price_cash=price[:, None, None] * rng.uniform(0.8, 1.2, (len(pools), periods, size.scenarios)),
    )


def no_limits(periods: int) -> Limits:
    none = np.zeros(0, dtype=np.int64)
    return Limits(
        budget_supplier=none,
        budget_period=none,
        budget_cash=np.zeros(0),
        share_supplier=none,
        share_period=none,
        share=np.zeros(0),
        fewest_suppliers=np.zeros(periods, dtype=np.int64),
        site_loss_reserve=np.zeros(periods),
        most_moves=np.full(periods, np.inf),
    )


BY_SCENARIO = (
    "capacity", "price_cash", "minimum_cash", "eligible_spend_cash", "brought_spend_cash", "fixed_fee_cash", "exit_fee_cash", "prepaid_cash"
)


def with_supply(problem: PlanningProblem, **changes: Any) -> PlanningProblem:
    """Figures of contracts given as [K, T] hold in every scenario."""
    for name in BY_SCENARIO:
        if name in changes and changes[name].ndim == 2:
            changes[name] = np.repeat(changes[name][:, :, None], len(problem.scenarios), axis=2)
    return replace(problem, supply=replace(problem.supply, **changes))


def with_limits(problem: PlanningProblem, **changes: Any) -> PlanningProblem:
    return replace(problem, limits=replace(problem.limits, **changes))


def with_needs(problem: PlanningProblem, **changes: Any) -> PlanningProblem:
    return replace(problem, needs=replace(problem.needs, **changes))
