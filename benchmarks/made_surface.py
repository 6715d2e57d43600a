"""Made-up inputs of the cost kernel of any size, and the same as NumPy chunks."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.numpy_surface import Chunk
from optimizer.surfaces.cost import Demand, Inputs, Market, Pairs
from optimizer.surfaces.queueing import QueueingParameters


def made_inputs(
    shape: tuple[int, int, int, int, int], parameters: QueueingParameters, seed: int, dtype: str = "float32"
) -> tuple[Inputs, jax.Array]:
    """Inputs and reasons of [L, P, T, B, S], every pair eligible and something asked of it: from a hundredth of a replica to hundreds."""
    loads, pools, periods, blocks, scenarios = shape
    rng = np.random.default_rng(seed)

    def between(low: float, high: float, *size: int) -> jax.Array:
        return jnp.asarray(np.exp(rng.uniform(np.log(low), np.log(high), size)), dtype)

    pairs = Pairs(
        service_s=between(0.05, 3.0, loads, pools),
        wait_limit_s=between(0.02, 2.0, loads, pools),
        first_token_s=between(0.05, 0.5, loads, pools),
        tpot_s=between(0.01, 0.05, loads, pools),
        tokens=between(100.0, 3000.0, loads, pools),
        accelerators=jnp.asarray(2.0 ** rng.integers(0, 4, (loads, pools)), dtype),
    )
    factors = (
        between(0.2, 200.0, loads, periods, 1, 1),
        between(0.4, 1.0, loads, 1, blocks, 1),
        between(0.6, 1.6, 1, periods, 1, scenarios),
    )
    market = Market(
        usd_per_hour=between(1.0, 6.0, pools, periods, scenarios),
        accelerators=between(1e3, 1e5, pools),
        hours=between(100.0, 300.0, periods, blocks),
        probability=jnp.full(scenarios, 1.0 / scenarios, dtype),
    )
    demand = Demand(factors=factors, mean_share=between(0.4, 0.9, loads))
    return Inputs(queueing=parameters, pairs=pairs, demand=demand, market=market), jnp.zeros((loads, pools), jnp.int32)


def chunks_of(inputs: Inputs, *, loads: int, scenarios: int, most: int | None = None) -> list[Chunk]:
    """Chunks [l, P, 1, B, s] of all of it, or of the first so many, in the order loads, periods, scenarios."""
    count, (_, periods, total) = inputs.demand.mean_share.shape[0], inputs.market.usd_per_hour.shape
    at = [(i, t, s) for i in range(0, count, loads) for t in range(periods) for s in range(0, total, scenarios)]
    requests = np.asarray(inputs.demand.factors[0])
    for factor in inputs.demand.factors[1:]:
        requests = requests * np.asarray(factor)
    return [_chunk(inputs, requests, slice(i, i + loads), t, slice(s, s + scenarios)) for i, t, s in at[:most]]


def _chunk(inputs: Inputs, requests: np.ndarray, loads: slice, period: int, scenarios: slice) -> Chunk:
    market = inputs.market
    pairs = {name: np.asarray(getattr(inputs.pairs, name))[loads, :, None, None, None] for name in vars(inputs.pairs)}
    hours, probability = np.asarray(market.hours)[period], np.asarray(market.probability)[scenarios]
    return Chunk(
        **pairs,
        requests_per_s=np.ascontiguousarray(requests[loads, None, period : period + 1, :, scenarios]),
        mean_share=np.asarray(inputs.demand.mean_share)[loads, None, None, None, None],
        usd_per_hour=np.ascontiguousarray(np.asarray(market.usd_per_hour)[None, :, period : period + 1, None, scenarios]),
        limit=np.asarray(market.accelerators)[None, :, None, None, None],
        weight=np.asarray(hours[:, None] * probability)[None, None, None],
    )
