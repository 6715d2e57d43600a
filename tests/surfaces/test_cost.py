"""The cost kernel against NumPy, differences, single precision and the planner's own count; chunks and devices change nothing."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import numpy_surface
from benchmarks.made_surface import chunks_of, made_inputs
from optimizer.surfaces.cost import Demand, Expected, Inputs, Reason, Surface, demanded, expected, surface
from optimizer.surfaces.queueing import TRUSTED_UTILISATION, QueueingParameters
from optimizer.surfaces.sizing import QueueRows, count_and_waits, replicas_for
from optimizer.surfaces.sweep import Plan, plan_for, sweep, sweep_with_slopes, swept
from tests.samples import one_in
from tests.surfaces.cost_inputs import cost_inputs
from tests.tolerances import (
    COST_AGAINST_NUMPY,
    COST_SINGLE_AGAINST_DOUBLE,
    COST_SLOPE_AGAINST_DIFFERENCES,
    DIFFERENCE_STEP,
    KERNEL_AGAINST_LOOP,
    SHARDED,
    UNROUNDED_REPLICAS,
)

SHAPE = (5, 4, 3, 2, 6)
MEMORYLESS = QueueingParameters(corrections=None)
evaluated = jax.jit(surface, static_argnames=("whole", "steps"))


def weights() -> Expected:
    return Expected(
        usd=1e-3,  # type: ignore[arg-type]
        accelerator_hours=1e-3,  # type: ignore[arg-type]
        hours=0.0,  # type: ignore[arg-type]
        hours_served=0.0,  # type: ignore[arg-type]
        requests=1.0,  # type: ignore[arg-type]
        ttft_requests=(1.0, 2.0, 1.0),  # type: ignore[arg-type]
        tpot_requests=1.0,  # type: ignore[arg-type]
        usd_per_million_tokens_hours=0.1,  # type: ignore[arg-type]
    )


def close(mine: Any, other: Any, tolerance: float) -> None:
    """Trees of arrays agree, relative to the largest number of each."""
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.0, atol=tolerance * max(float(np.abs(b).max()), 1e-30))


def by_planner(inputs: Inputs, elements: Surface) -> np.ndarray:
    """Replicas by the planner's search, [L, P, T, B, S]."""
    shape = elements.accelerators.shape

    def column(values: jax.Array) -> jax.Array:
        return jnp.broadcast_to(values, shape).ravel()

    rows = QueueRows(
        arrivals_per_s=column(demanded(inputs.demand)[:, None]),
        service_s=column(inputs.pairs.service_s[:, :, None, None, None]),
        wait_limit_s=column(inputs.pairs.wait_limit_s[:, :, None, None, None]),
    )
    return np.asarray(replicas_for(inputs.queueing, rows)).reshape(shape)


def test_whole_replicas_are_those_of_the_planner() -> None:
    inputs, reason = made_inputs((12, 10, 2, 2, 4), QueueingParameters(), 1, "float64")
    elements = evaluated(inputs, reason)
    mine = np.asarray(elements.accelerators / inputs.pairs.accelerators[:, :, None, None, None])
    assert (mine == by_planner(inputs, elements)).mean() > 1.0 - UNROUNDED_REPLICAS * 4.0  # but for limits met within the step's error
    assert np.abs(mine - by_planner(inputs, elements)).max() <= 1.0
    load = np.asarray(demanded(inputs.demand))[:, None] * np.asarray(inputs.pairs.service_s)[:, :, None, None, None]
    assert (load / mine).max() <= TRUSTED_UTILISATION * (1.0 + KERNEL_AGAINST_LOOP)


@pytest.mark.parametrize("variations", one_in(3, [(1.0, 1.0), (4.0, 0.5), (0.5, 3.0)]))
def test_one_step_from_the_closed_form(variations: tuple[float, float]) -> None:
    rng = np.random.default_rng(5)
    offered, patience = jnp.asarray(np.exp(rng.uniform(-3.0, 9.0, 4000))), jnp.asarray(rng.choice([0.0, 0.01, 0.3, 5.0, np.inf], 4000))
    parameters = QueueingParameters(arrival_variation=variations[0], service_variation=variations[1])
    steps = 1 if variations == (1.0, 1.0) else 3
    once, long = (count_and_waits(parameters, offered, patience, (0.95,), whole=False, steps=n) for n in (steps, 8))
    np.testing.assert_allclose(once[0], long[0], rtol=0.0, atol=UNROUNDED_REPLICAS)
    binding = np.asarray((long[0] > offered / TRUSTED_UTILISATION * 1.001) & (long[0] > 1.001) & (patience > 0.0))
    np.testing.assert_allclose(long[1][binding], patience[binding], rtol=COST_AGAINST_NUMPY)
    assert binding.any()


@pytest.mark.parametrize(
    "parameters", one_in(2, [MEMORYLESS, QueueingParameters(arrival_variation=2.5, service_variation=1.7)], ["m_m_c", "g_g_c"])
)
def test_against_numpy_forward_and_slopes(parameters: QueueingParameters) -> None:
    inputs, reason = made_inputs((3, 4, 2, 2, 5), parameters, 2, "float64")
    how = None if parameters.corrections is None else numpy_surface.irregular(parameters)
    chunks = chunks_of(inputs, loads=3, scenarios=5)
    plan = plan_for(inputs)
    mine = swept(inputs, reason, plan=plan)
    parts = [numpy_surface.forward(chunk, how) for chunk in chunks]
    for name in ("usd", "accelerator_hours", "hours", "hours_served", "requests", "tpot_requests", "usd_per_million_tokens_hours"):
        close(getattr(mine, name), sum(part[name] for part in parts), COST_AGAINST_NUMPY)
    close(mine.ttft_requests, tuple(sum(part[f"ttft_{i}"] for part in parts) for i in range(3)), COST_AGAINST_NUMPY)

    ones = dataclasses.replace(
        weights(), usd=1.0, accelerator_hours=1.0, requests=0.0, ttft_requests=(1.0, 1.0, 1.0), usd_per_million_tokens_hours=1.0
    )
    _, slopes = sweep_with_slopes(inputs, reason, ones, plan=dataclasses.replace(plan, whole=False))
    by_hand = [numpy_surface.slopes(chunk, how)[1] for chunk in chunks]
    for name in ("service_s", "wait_limit_s", "first_token_s", "tpot_s", "tokens", "accelerators"):
        close(getattr(slopes.pairs, name), sum(part[name] for part in by_hand)[:, :, 0, 0, 0], COST_AGAINST_NUMPY)
    close(slopes.demand.mean_share, sum(part["mean_share"] for part in by_hand)[:, 0, 0, 0, 0], COST_AGAINST_NUMPY)
    close(slopes.market.usd_per_hour, np.stack([part["usd_per_hour"][0, :, 0, 0] for part in by_hand], axis=1), COST_AGAINST_NUMPY)
    if how is not None and parameters.corrections is not None:  # of the numbers that the queue's parameters make
        seen = [slopes.queueing.corrections.pooling, slopes.queueing.corrections.tail, slopes.queueing.corrections.tail_centre]
        factors = (how.pooling / parameters.corrections.pooling, how.stretch / parameters.corrections.tail, 1.0)
        named = [sum(part[name] for part in by_hand) for name in ("pooling", "stretch", "centre")]
        close(seen, [factor * slope for factor, slope in zip(factors, named, strict=True)], COST_AGAINST_NUMPY)


@pytest.mark.slow
def test_slopes_against_differences() -> None:
    """In a random direction of each input; one-pass slopes are those of `jax.grad` through the checkpointed sweep."""
    busy = QueueingParameters(arrival_variation=2.0, service_variation=1.5, planning_utilisation=0.85)
    inputs, reason = cost_inputs((3, 3, 2, 1, 4), parameters=busy)
    inputs = dataclasses.replace(inputs, demand=dataclasses.replace(inputs.demand, factors=tuple(f + 0.01 for f in inputs.demand.factors)))
    inputs = dataclasses.replace(inputs, pairs=jax.tree.map(lambda v: jnp.where(jnp.isfinite(v), v, 1.0), inputs.pairs))
    inputs = jax.tree.map(lambda v: jnp.asarray(v, jnp.float64), inputs)
    plan = Plan(loads=2, scenarios=4, whole=False, steps=3)
    _, slopes = sweep_with_slopes(inputs, reason, weights(), plan=plan)

    @jax.jit
    def total(inputs: Inputs) -> jax.Array:
        reduced = sweep(inputs, reason, plan=plan)
        return sum(jnp.sum(w * v) for w, v in zip(jax.tree.leaves(weights()), jax.tree.leaves(reduced), strict=True))

    close(slopes, jax.grad(total)(inputs), SHARDED)
    leaves, tree = jax.tree.flatten(inputs)
    rng = np.random.default_rng(8)
    for i, (leaf, slope) in enumerate(zip(leaves, jax.tree.leaves(slopes), strict=True)):
        along = jnp.asarray(rng.uniform(0.5, 1.0, leaf.shape)) * jnp.where(leaf == 0.0, 0.0, leaf)
        up, down = ([*leaves[:i], leaf + sign * DIFFERENCE_STEP * along, *leaves[i + 1 :]] for sign in (1.0, -1.0))
        seen = float(total(jax.tree.unflatten(tree, up)) - total(jax.tree.unflatten(tree, down))) / (2.0 * DIFFERENCE_STEP)
        expected_slope = float(jnp.sum(slope * along))
        assert abs(seen - expected_slope) <= COST_SLOPE_AGAINST_DIFFERENCES * max(abs(seen), float(total(inputs)) * 1e-4), i


@pytest.mark.slow
def test_chunks_change_nothing() -> None:
    inputs, reason = cost_inputs(SHAPE)
    whole = expected(evaluated(inputs, reason), inputs.market.hours, inputs.market.probability)
    for plan in (Plan(loads=2, scenarios=4), Plan(loads=1, scenarios=6)):
        close(swept(inputs, reason, plan=plan), whole, SHARDED)


def test_what_no_pool_serves_costs_nothing_and_says_why() -> None:
    inputs, reason = cost_inputs(SHAPE)
    elements = evaluated(inputs, reason)
    struck = np.asarray(reason) != Reason.ELIGIBLE
    assert struck.any()
    assert (np.asarray(elements.accelerators)[struck] == 0.0).all()
    assert (np.asarray(elements.reason)[struck] == Reason.MEMORY).all()
    short = np.asarray(elements.accelerators) > np.asarray(inputs.market.accelerators)[None, :, None, None, None]
    assert 0 < short.sum() < short.size
    assert (np.asarray(elements.reason)[short] == Reason.CAPACITY).all()
    assert (np.asarray(elements.accelerators)[0, :, 0] == 0.0).all()  # nothing is asked
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(elements))
    assert all(member.words for member in Reason)


def one_pair(load: float, patience: float, dtype: str) -> tuple[Inputs, jax.Array]:
    inputs, reason = made_inputs((1, 1, 1, 1, 1), QueueingParameters(), 0, dtype)
    pairs = dataclasses.replace(inputs.pairs, service_s=jnp.ones((1, 1), dtype), wait_limit_s=jnp.full((1, 1), patience, dtype))
    demand = Demand(factors=(jnp.full((1, 1, 1, 1), load, dtype),), mean_share=inputs.demand.mean_share)
    return dataclasses.replace(inputs, pairs=pairs, demand=demand), reason


unrounded = Plan(loads=1, scenarios=1, whole=False)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    load=st.one_of(st.sampled_from([0.0, 1e-12, 0.9, 1e7]), st.floats(1e-6, 1e6)),
    patience=st.one_of(st.sampled_from([-1.0, 0.0, float("inf")]), st.floats(0.0, 1e3)),
)
def test_single_precision_and_edges(load: float, patience: float) -> None:
    single, double = (sweep_with_slopes(*one_pair(load, patience, dtype), weights(), plan=unrounded) for dtype in ("float32", "float64"))
    for leaf in jax.tree.leaves((single, double)):
        assert np.isfinite(leaf).all()
    close(single[0], double[0], COST_SINGLE_AGAINST_DOUBLE)
    if 1e-3 < load < 1e5 and load != TRUSTED_UTILISATION and patience > 1e-3:  # not at a kink
        close(single[1].pairs, double[1].pairs, COST_SINGLE_AGAINST_DOUBLE)
        close(single[1].demand, double[1].demand, COST_SINGLE_AGAINST_DOUBLE)


@pytest.mark.slow
def test_memory_does_not_grow_with_periods_and_scenarios() -> None:
    def scratch(periods: int, scenarios: int) -> tuple[float, float]:
        inputs, reason = made_inputs((16, 8, periods, 2, scenarios), MEMORYLESS, 0)
        memory = swept.lower(inputs, reason, plan=Plan(loads=4, scenarios=16)).compile().memory_analysis()
        return float(memory.temp_size_in_bytes), float(memory.argument_size_in_bytes)

    (small, small_inputs), (large, large_inputs) = scratch(2, 16), scratch(16, 128)  # 64 times the elements
    assert large - small <= 2.0 * (large_inputs - small_inputs)


SHARDED_RUN = """
import jax, numpy as np
jax.config.update("jax_enable_x64", True)
from optimizer.surfaces.sweep import Plan, load_mesh, sweep_with_slopes
from tests.surfaces.cost_inputs import cost_inputs
from tests.surfaces.test_cost import close, weights
from tests.tolerances import SHARDED
assert len(jax.devices()) == 4
inputs, reason = cost_inputs((7, 3, 2, 1, 4))
plans = [Plan(loads=1, scenarios=4, whole=False, mesh=mesh) for mesh in (None, load_mesh())]
one, four = (sweep_with_slopes(inputs, reason, weights(), plan=plan) for plan in plans)
close(four, one, SHARDED)
print("same")
"""


@pytest.mark.slow
def test_four_devices_give_the_same() -> None:
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", SHARDED_RUN], env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "same"
