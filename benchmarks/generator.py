"""Seeded planning problems of any size, built as arrays: what price-and-assign is measured on.

Loads are lognormal (sigma 1.2) and grow 3 +- 3 % a month; 35 % of the pools can serve each; three contracts a pool, unless said, each of
0.2 to 1.2 of the mean pool's demand at 45 to 85 % of the on-demand price with 60 to 100 % of it paid in any case.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from optimizer.domain.problem import Limits, PlanningProblem, Supply
from optimizer.domain.surface import Floats, Ints, Load, Needs

SIGMA = 1.2
GROWTH = (0.03, 0.03)  # monthly, mean and deviation
ELIGIBLE_SHARE = 0.35
CONTRACT_SIZE = (0.2, 1.2)  # of the mean pool's demand
CONTRACT_PRICE = (0.45, 0.85)  # of the on-demand price
TAKE_OR_PAY = (0.6, 1.0)
MEDIAN_ACCELERATORS = 16.0
MONTH_HOURS = 730.0
PENALTY = 10.0  # USD per accelerator-hour missing or not placed
ANNUAL_DISCOUNT = 0.08
LOADS = 200  # made at a time


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a problem is; contracts None: three a pool. `market_limit` is the on-demand limit of a pool in mean pool demands."""

    loads: int
    pools: int
    periods: int
    contracts: int | None = None
    blocks: int = 2
    scenarios: int = 4
    market_limit: float = np.inf


SIZES = {
    "small": Size(loads=300, pools=20, periods=12, contracts=30),
    "medium": Size(loads=3_000, pools=40, periods=12, contracts=120),
    "large": Size(loads=20_000, pools=60, periods=24, contracts=200),
}


def generate(size: Size, *, seed: int) -> PlanningProblem:
    """The problem of a size and a seed; the same on every machine."""
    rng = np.random.default_rng(seed)
    pair_load, pair_pool = _pairs(rng, size)
    on_demand = rng.uniform(2.0, 4.0, size.pools)
    speed = rng.lognormal(0.0, 0.2, size.pools) * (on_demand / 3.0) ** 0.5  # dearer pools are faster, by less than they are dearer
    wanted = _demand(rng, size)
    hours = np.full((size.periods, size.blocks), MONTH_HOURS / size.blocks)
    need, least_hours, mean_hours = _needs(wanted, pair_load, speed[pair_pool] * rng.lognormal(0.0, 0.1, len(pair_load)), hours)
    mean_demand = float(wanted.sum(axis=0).mean() / size.pools)
    monthly_cost = mean_hours * on_demand[pair_pool]
    shape = (len(pair_load), size.periods)
    return PlanningProblem(
        pools=_names("pool", size.pools),
        sites=_names("site", size.pools),
        suppliers=_names("supplier", size.pools),
        periods=_names("month", size.periods),
        blocks=_names("block", size.blocks),
        scenarios=_names("scenario", size.scenarios),
        hours=hours,
        discount=np.power(1.0 + ANNUAL_DISCOUNT, -(np.arange(size.periods) + 0.5) / 12.0, dtype=np.float64),
        probability=np.full(size.scenarios, 1.0 / size.scenarios),
        pool_site=np.arange(size.pools),
        pool_supplier=np.arange(size.pools),
        availability=np.ones(size.pools),
        shortage_price=np.full(size.pools, PENALTY),
        site_bandwidth=np.full(size.pools, np.inf),
        needs=rigid_needs(size.loads, pair_load, pair_pool, need),
        pair_allowed=np.ones(shape, dtype=np.bool_),
        pair_forced=np.zeros(shape, dtype=np.bool_),
        placed_before=np.full(size.loads, -1),
        enter_cash=monthly_cost * rng.uniform(0.0, 0.1, len(pair_load)),
        leave_cash=monthly_cost * rng.uniform(0.0, 0.1, len(pair_load)),
        egress_cash=np.tile((monthly_cost * rng.uniform(0.0, 0.1, len(pair_load)))[:, None, None], (1, size.periods, size.scenarios)),
        unplaced_cash=PENALTY * least_hours,
        missed_price=np.full(size.loads, PENALTY),
        load_spot=np.zeros(size.loads, dtype=np.bool_),
        supply=_supply(rng, size, on_demand, mean_demand),
        limits=no_limits(size.periods),
        other_spend_cash=np.zeros((size.pools, size.periods)),
        **no_runs(),
    )


def _names(kind: str, count: int) -> tuple[str, ...]:
    return tuple(f"{kind}-{i}" for i in range(count))


def _pairs(rng: np.random.Generator, size: Size) -> tuple[Ints, Ints]:
    """Eligible pairs sorted by load, then pool; every load has at least one."""
    eligible = rng.random((size.loads, size.pools)) < ELIGIBLE_SHARE
    eligible[np.arange(size.loads), rng.integers(0, size.pools, size.loads)] = True
    load, pool = np.nonzero(eligible)
    return load, pool


def _demand(rng: np.random.Generator, size: Size) -> Floats:
    """Accelerators of a pool of speed 1, [L, T, B, S]: size, growth, hours of day, and scenarios that part with time."""
    base = MEDIAN_ACCELERATORS * rng.lognormal(0.0, SIGMA, size.loads)
    growth = (1.0 + rng.normal(*GROWTH, size.loads))[:, None] ** np.arange(size.periods)
    daily = rng.uniform(0.5, 1.0, (size.loads, size.blocks))
    away = np.linspace(-1.0, 1.0, size.scenarios) if size.scenarios > 1 else np.zeros(1)
    common = np.exp(0.2 * away[None, :] * np.sqrt((np.arange(size.periods) + 1.0) / 12.0)[:, None])
    own = rng.lognormal(0.0, 0.1, (size.loads, 1, size.scenarios))
    return np.asarray((base[:, None] * growth)[:, :, None, None] * daily[:, None, :, None] * (common * own)[:, :, None, :])


def _needs(wanted: Floats, pair_load: Ints, speed: Floats, hours: Floats) -> tuple[Ints, Floats, Floats]:
    """Whole accelerators of each pair [N, T, B, S], the hours that a load takes at least [L, T, S], and the mean hours of each pair [N].

    Some loads at a time, on all cores: as floats all needs would take twice the memory.
    """
    need = np.empty((len(pair_load), *wanted.shape[1:]), dtype=np.int32)
    least, mean = np.empty((*wanted.shape[:2], wanted.shape[3])), np.empty(len(pair_load))
    first = np.searchsorted(pair_load, np.arange(len(wanted) + 1))

    def make(load: int) -> None:
        loads = slice(load, min(load + LOADS, len(wanted)))
        pairs = slice(first[loads.start], first[loads.stop])
        need[pairs] = np.ceil(wanted[pair_load[pairs]] / speed[pairs, None, None, None])
        used = np.einsum("ntbs,tb->nts", need[pairs], hours)
        least[loads] = np.minimum.reduceat(used, first[loads] - first[loads.start], axis=0)
        mean[pairs] = used.mean(axis=(1, 2))

    with ThreadPoolExecutor() as threads:
        list(threads.map(make, range(0, len(wanted), LOADS)))
    return need, least, mean


def rigid_needs(loads: int, pair_load: Ints, pair_pool: Ints, need: np.ndarray) -> Needs:
    """Needs [N, T, B, S] of loads that send no data anywhere."""
    pairs, periods, _, scenarios = need.shape
    unknown = np.full(pairs, np.nan)
    return Needs(
        loads=tuple(Load(name=f"load-{i}", workload=f"load-{i}", origin=None, share=1.0) for i in range(loads)),
        runs=(),
        pair_load=pair_load,
        pair_pool=pair_pool,
        need=need,
        flexible=np.zeros(loads, dtype=np.bool_),
        work=np.zeros((pairs, periods, scenarios)),
        work_limit=np.zeros((pairs, periods, scenarios)),
        egress_gb=np.zeros((pairs, periods, scenarios)),
        traffic_gb_per_s=np.zeros((loads, periods)),
        input_tokens=np.zeros((loads, periods, scenarios)),
        output_tokens=np.zeros((loads, periods, scenarios)),
        ttft_p95_ms=unknown,
        tpot_ms=unknown,
        round_trip_ms=unknown,
        tokens_per_s=unknown,
        replica_requests_per_s=unknown,
        replica_ttft_ms=unknown,
        arrivals_per_s=unknown,
        replica=np.ones(pairs, dtype=np.int64),
        **{f"option_{name}": np.zeros(0, dtype=np.int64) for name in ("run", "pool", "start", "stop", "gang")},
        option_hours=np.zeros(0),
        option_end_days=np.zeros(0),
        ineligible=(),
    )


def _supply(rng: np.random.Generator, size: Size, on_demand: Floats, mean_demand: float) -> Supply:
    """One on-demand offer a pool, and contracts over the whole horizon, settled month by month."""
    count = 3 * size.pools if size.contracts is None else size.contracts
    pool = np.arange(count) % size.pools
    shape = (count, size.periods, size.scenarios)
    price = on_demand[pool] * rng.uniform(*CONTRACT_PRICE, count)
    nothing = np.zeros((0, 2), dtype=np.int64)
    accelerators = np.ceil(mean_demand * rng.uniform(*CONTRACT_SIZE, count))
    return Supply(
        contracts=_names("contract", count),
        contract_supplier=pool,
        in_force=np.zeros(count, dtype=np.bool_),
        least_lots=np.zeros(count, dtype=np.int64),
        most_lots=np.ones(count, dtype=np.int64),
        cover_contract=np.arange(count),
        cover_pool=pool,
        capacity=np.broadcast_to(accelerators[:, None, None], shape),
        price_cash=np.broadcast_to(price[:, None, None], shape),
        take_or_pay_share=rng.uniform(*TAKE_OR_PAY, count),
        minimum_cash=np.zeros(shape),
        eligible_spend_cash=np.zeros(shape),
        brought_spend_cash=np.zeros(shape),
        list_ratio=np.ones(count),
        other_spend_cap=np.ones(count),
        prepaid_cash=np.zeros(shape),
        fixed_fee_cash=np.zeros(shape),
        interval=np.repeat(np.arange(size.periods)[None], count, axis=0),
        exit_fee_cash=np.full(shape, np.inf),
        terminal_usd=np.zeros(count),
        share_of_wallet=np.zeros(count),
        option_group=np.full(count, -1),
        excluded_contract=nothing,
        excluded_supplier=nothing,
        exclusive_work=nothing,
        exclusive_run=nothing,
        offers=_names("on-demand", size.pools),
        offer_pool=np.arange(size.pools),
        offer_spot=np.zeros(size.pools, dtype=np.bool_),
        offer_loss=np.zeros(size.pools),
        offer_limit=np.full((size.pools, size.periods), size.market_limit * mean_demand),
        offer_price_cash=np.tile(on_demand[:, None, None], (1, size.periods, size.scenarios)),
    )


def no_limits(periods: int) -> Limits:
    """No rule that links loads or suppliers."""
    none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Limits(
        budget_supplier=none,
        budget_period=none,
        budget_cash=nothing,
        share_supplier=none,
        share_period=none,
        share=nothing,
        fewest_suppliers=np.zeros(periods, dtype=np.int64),
        site_loss_reserve=np.zeros(periods),
        most_moves=np.full(periods, np.inf),
    )


def no_runs() -> dict[str, np.ndarray]:
    """The fields of a problem without training runs."""
    flags, index, money = np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.int64), np.zeros(0)
    return {
        "run_spot": flags,
        "option_usd": money,
        "option_egress_cash": money,
        "run_data_supplier": index,
        "run_unplaced_usd": money,
        "run_forced": flags,
    }
