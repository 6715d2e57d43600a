"""Made-up loads, pools, prices and demand for tests of the cost kernels."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from optimizer.surfaces.cost import Demand, Inputs, Market, Pairs, Reason
from optimizer.surfaces.queueing import QueueingParameters


def cost_inputs(
    shape: tuple[int, int, int, int, int] = (5, 4, 3, 2, 6),
    dtype: str = "float64",
    seed: int = 0,
    parameters: QueueingParameters | None = None,
) -> tuple[Inputs, jax.Array]:
    """Inputs and reasons of [L, P, T, B, S]; some pairs are not eligible and one load asks for nothing in one period."""
    loads, pools, periods, blocks, scenarios = shape
    rng = np.random.default_rng(seed)

    def between(low: float, high: float, *size: int) -> jax.Array:
        return jnp.asarray(rng.uniform(low, high, size), dtype)

    def wide(low: float, high: float, *size: int) -> jax.Array:
        return jnp.asarray(np.exp(rng.uniform(np.log(low), np.log(high), size)), dtype)

    trend = wide(0.05, 200.0, loads, periods, 1, 1)
    trend = trend.at[0, 0].set(0.0)
    reason = np.where(rng.random((loads, pools)) < 0.2, int(Reason.MEMORY), int(Reason.ELIGIBLE))
    reason[-1, -1] = Reason.ELIGIBLE
    service = wide(0.05, 3.0, loads, pools)
    bad = jnp.asarray(reason != Reason.ELIGIBLE)
    inputs = Inputs(
        queueing=QueueingParameters() if parameters is None else parameters,
        pairs=Pairs(
            service_s=jnp.where(bad, jnp.inf, service),  # as an operating point that is not there leaves it
            wait_limit_s=jnp.where(bad, jnp.nan, between(0.0, 2.0, loads, pools)),
            first_token_s=between(0.05, 0.5, loads, pools),
            tpot_s=between(0.01, 0.05, loads, pools),
            tokens=between(100.0, 3000.0, loads, pools),
            accelerators=jnp.asarray(2.0 ** rng.integers(0, 4, (loads, pools)), dtype),
        ),
        demand=Demand(
            factors=(trend, between(0.5, 1.0, loads, 1, blocks, 1), between(0.7, 1.4, 1, periods, 1, scenarios)),
            mean_share=between(0.4, 0.9, loads),
        ),
        market=Market(
            usd_per_hour=between(1.0, 5.0, pools, periods, scenarios),
            accelerators=between(50.0, 400.0, pools),
            hours=between(100.0, 400.0, periods, blocks),
            probability=jnp.full(scenarios, 1.0 / scenarios, dtype),
        ),
    )
    return inputs, jnp.asarray(reason, jnp.int32)
