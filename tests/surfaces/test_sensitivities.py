"""Slopes of cost and latency in every input against differences of the whole chain, operating point included; nothing breaks at edges."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.surfaces.queueing import QueueingParameters
from optimizer.surfaces.sensitivities import ANSWERS, NO_SLOPE, Answers, PricedPairs, answers, sensitivities, sensitivities_of
from optimizer.surfaces.served import Points, Served, Stop, chosen_points
from optimizer.surfaces.serving import Architecture, Chip, Lengths, ServingParameters, Techniques
from tests.surfaces.test_serving import CHIPS, MODELS
from tests.tolerances import COST_AGAINST_NUMPY, COST_SLOPE_AGAINST_DIFFERENCES, FLOAT32_AGAINST_FLOAT64, LOG_STEP

ROWS = 12
Kind = TypeVar("Kind", Architecture, Chip)
points_of = jax.jit(chosen_points)


def drawn(kind: type[Kind], table: dict[str, tuple[float, ...]], rng: np.random.Generator) -> Kind:
    rows = np.array(list(table.values()))[rng.integers(0, len(table), ROWS)]
    return kind(**{field.name: jnp.asarray(rows[:, i]) for i, field in enumerate(fields(kind))})


def priced_pairs(seed: int) -> PricedPairs:
    """Models on chips with everything else drawn: some meet a limit, some none."""
    rng = np.random.default_rng(seed)

    def between(low: float, high: float) -> jax.Array:
        return jnp.asarray(np.exp(rng.uniform(np.log(low), np.log(high), ROWS)))

    def limit(low: float, high: float) -> jax.Array:
        return jnp.where(jnp.asarray(rng.random(ROWS)) < 0.3, jnp.inf, between(low, high))

    serving = ServingParameters(burst=0.1, slot_waiting=0.2, expert_layer=0.3)
    served = Served(
        serving=jax.tree.map(lambda value: jnp.full(ROWS, value, jnp.float64), serving),
        model=drawn(Architecture, MODELS, rng),
        chip=drawn(Chip, CHIPS, rng),
        lengths=Lengths(prompt=between(50.0, 8000.0), output=between(20.0, 1500.0)),
        techniques=Techniques(
            prefix_hit_share=between(0.05, 0.8),
            drafted_tokens=between(0.5, 4.0),
            tokens_per_step=between(1.0, 1.5),
            chunk_tokens=between(256.0, 8192.0),
            prefill_share=jnp.where(jnp.asarray(rng.random(ROWS)) < 0.5, 0.0, 0.3),  # 1/4 of 4 is a jump: from one accelerator
        ),
        round_trip_s=between(1e-3, 0.2),
        ttft_limit_s=limit(0.5, 10.0),
        tpot_limit_s=limit(0.01, 0.2),
    )
    queueing = QueueingParameters(arrival_variation=1.7, service_variation=1.4, planning_utilisation=0.85)
    return PricedPairs(
        served=served,
        queueing=jax.tree.map(lambda value: jnp.full(ROWS, value, jnp.float64), queueing),
        requests_per_s=between(0.1, 300.0),
        mean_share=between(0.3, 0.9),
        usd_per_hour=between(1.0, 10.0),
    )


def moved(priced: PricedPairs, name: str, by: float) -> tuple[Points, Answers]:
    """The whole chain with one input multiplied by exp(by)."""
    leaves, tree = jax.tree_util.tree_flatten_with_path(priced)
    other = jax.tree.unflatten(tree, [leaf * np.exp(by) if called(path) == name else leaf for path, leaf in leaves])
    points = points_of(other.served)
    return points, answers(other, points)


def called(path: tuple[jax.tree_util.GetAttrKey, ...]) -> str:
    return ".".join(key.name for key in path).removeprefix("served.")


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_against_differences(seed: int) -> None:
    priced = priced_pairs(seed)
    found = sensitivities(priced)
    names = {called(path) for path, _ in jax.tree_util.tree_flatten_with_path(priced)[0]}
    assert set(found.inputs) == names - set(NO_SLOPE)
    feasible = np.asarray(found.points.feasible)
    assert feasible.any()
    compared = 0
    for name, elasticity in found.elasticities.items():
        (low, below), (high, above) = moved(priced, name, -LOG_STEP), moved(priced, name, LOG_STEP)
        same = feasible & np.asarray((low.parallel == high.parallel) & (low.stop == high.stop) & low.feasible & high.feasible)
        compared += int(same.sum())
        for answer in ANSWERS:
            up, down = (np.asarray(getattr(side, answer))[same] for side in (above, below))
            seen, mine = np.log(up / down) / (2.0 * LOG_STEP), np.asarray(getattr(elasticity, answer))[same]
            near = COST_SLOPE_AGAINST_DIFFERENCES
            np.testing.assert_allclose(mine, seen, rtol=near, atol=near, err_msg=f"{name} {answer}")
    assert compared > 0.9 * feasible.sum() * len(found.inputs)


@pytest.mark.slow
def test_limits_are_worth_something_where_they_stop_the_concurrency() -> None:
    found = [sensitivities(priced_pairs(seed)) for seed in range(3)]
    stops = np.concatenate([np.where(f.points.feasible, f.points.stop, -1) for f in found])
    names = ("tpot_limit_s", "ttft_limit_s", "usd_per_hour")
    by_tpot, by_ttft, by_price = (np.concatenate([f.elasticities[name].usd_per_million_tokens for f in found]) for name in names)
    assert {Stop.TPOT, Stop.TTFT} <= set(stops)
    assert (by_tpot[stops == Stop.TPOT] < 0.0).any()
    assert (by_tpot[stops != Stop.TPOT] == 0.0).all()
    assert (by_ttft[stops == Stop.TTFT] < 0.0).any()  # and 0 where one replica is enough whatever the limit
    assert (by_ttft <= 0.0).all()
    np.testing.assert_allclose(by_price[stops >= 0], 1.0, rtol=FLOAT32_AGAINST_FLOAT64)


def at_edges() -> PricedPairs:
    """Nothing asked or very much, one token, no limit, limits that nothing meets."""
    priced = priced_pairs(7)
    lengths = Lengths(prompt=priced.served.lengths.prompt.at[:3].set(1.0), output=priced.served.lengths.output.at[:3].set(1.0))
    limit = priced.served.ttft_limit_s.at[3:6].set(1e-3).at[6:].set(jnp.inf)
    served = replace(priced.served, lengths=lengths, ttft_limit_s=limit, techniques=Techniques())
    asked = jnp.asarray([0.0, 1e-12, 1e6] * (ROWS // 3))
    return replace(priced, served=served, requests_per_s=asked, queueing=QueueingParameters())


@pytest.mark.slow
def test_nothing_breaks_at_the_edges() -> None:
    found = sensitivities(at_edges())
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((found.slopes, found.elasticities, found.answers)))
    assert not np.asarray(found.points.feasible)[3:6].any()
    assert all((np.asarray(getattr(found.answers, answer))[3:6] == 0.0).all() for answer in ANSWERS)
    assert (np.asarray(found.answers.usd_per_million_tokens)[::3] == 0.0).all()


@pytest.mark.slow
def test_single_precision_and_chunks() -> None:
    double = sensitivities(at_edges())
    single = sensitivities(jax.tree.map(lambda value: jnp.asarray(value, jnp.float32), at_edges()))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((single.answers, single.elasticities)))
    chunked = sensitivities_of(jax.tree.map(np.asarray, at_edges()))
    for mine, other in zip(jax.tree.leaves(chunked.slopes), jax.tree.leaves(double.slopes), strict=True):
        np.testing.assert_allclose(mine, other, rtol=COST_AGAINST_NUMPY, atol=COST_AGAINST_NUMPY * max(float(np.abs(other).max()), 1e-30))
