"""Erlang C against exact sums, waits against M/M/c, replicas against counting up."""

from __future__ import annotations

import heapq
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.surfaces.erlang import busy_erlang_c, log_erlang_c
from optimizer.surfaces.queueing import (
    TRUSTED_UTILISATION,
    QueueingParameters,
    ttft_percentiles_s,
    wait_percentile_s,
    waits_for,
)
from optimizer.surfaces.sizing import QueueRows, replicas_for
from tests.surfaces.differences import check_gradient
from tests.tolerances import ERLANG_C, ERLANG_C_MANY, ERLANG_SLOPES, FLOAT32_AGAINST_FLOAT64, KERNEL_AGAINST_LOOP, SIMULATED_TTFT

log_erlang_c_compiled = jax.jit(log_erlang_c)


def exact_erlang_c(servers: int, utilisation: float) -> float:
    """By the recursion of Erlang B, B(0) = 1, B(c) = a B(c-1) / (c + a B(c-1)); C = B / (1 - rho (1 - B))."""
    load, blocked = servers * utilisation, 1.0
    for c in range(1, servers + 1):
        blocked = load * blocked / (c + load * blocked)
    return blocked / (1.0 - utilisation * (1.0 - blocked))


def test_the_recursion_itself() -> None:
    assert exact_erlang_c(1, 0.7) == pytest.approx(0.7)
    assert exact_erlang_c(2, 0.5) == pytest.approx(2 * 0.25 / 1.5)


@pytest.mark.parametrize("utilisation", [0.1, 0.3, 0.5, 0.7, 0.8, 0.84, 0.86, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("servers", [1, 2, 3, 4, 8, 16, 50, 300, 2000])
def test_erlang_c_against_exact_sums(servers: int, utilisation: float) -> None:
    exact = exact_erlang_c(servers, utilisation)
    if exact < 1e-12:  # nobody waits, whatever the relative error
        return
    for dtype in ("float64", "float32"):
        value = math.exp(float(log_erlang_c_compiled(jnp.asarray(servers, dtype), jnp.asarray(utilisation, dtype))))
        # single precision carries c h, the exponent, to seven digits
        allowed = (ERLANG_C_MANY if servers >= 16 else ERLANG_C) + (FLOAT32_AGAINST_FLOAT64 if dtype == "float32" else 0.0)
        assert value == pytest.approx(exact, rel=allowed)


def test_wait_in_mmc() -> None:
    servers, rate, service = 5, 4.5, 1.0
    chance = exact_erlang_c(servers, rate * service / servers)
    exact = math.log(chance / 0.05) * service / (servers - rate * service)
    wait = wait_percentile_s(QueueingParameters(), jnp.asarray(5.0), jnp.asarray(rate), jnp.asarray(service))
    assert float(wait) == pytest.approx(exact, rel=ERLANG_C)


def test_steadier_arrivals_wait_less_and_too_few_servers_for_ever() -> None:
    args = (jnp.asarray(6.0), jnp.asarray(5.5), jnp.asarray(1.0))
    steady = wait_percentile_s(QueueingParameters(arrival_variation=0.5, service_variation=0.5), *args)
    bursty = wait_percentile_s(QueueingParameters(arrival_variation=4.0), *args)
    assert float(steady) < float(wait_percentile_s(QueueingParameters(), *args)) < float(bursty)
    assert np.isinf(wait_percentile_s(QueueingParameters(), jnp.asarray(5.0), jnp.asarray(5.0), jnp.asarray(1.0)))


def counted(rate: float, service: float, limit: float) -> int:
    """Replicas by counting up."""
    c = 1
    while True:
        load = rate * service / c
        wait = math.inf if load >= 1 else float(waits_for(QueueingParameters(), tuple(jnp.asarray(float(x)) for x in (c, rate, service))))
        if load <= 0.9 * (1 + 1e-12) and wait <= limit:
            return c
        c += 1


@settings(max_examples=40, deadline=None)
@given(load=st.floats(0.01, 60.0), service=st.floats(0.01, 100.0), limit=st.sampled_from([0.0, 0.01, 0.2, 3.0, math.inf]))
def test_replicas_are_the_fewest(load: float, service: float, limit: float) -> None:
    rows = QueueRows(arrivals_per_s=jnp.array([load / service]), service_s=jnp.array([service]), wait_limit_s=jnp.array([limit]))
    assert int(replicas_for(QueueingParameters(), rows)[0]) == counted(load / service, service, limit)


def test_replicas_at_the_edges() -> None:
    rows = QueueRows(
        arrivals_per_s=jnp.array([0.0, 9.0, 9.0, 1e6, 1e-12]),
        service_s=jnp.array([1.0, 1.0, 1.0, 1.0, 1.0]),
        wait_limit_s=jnp.array([0.0, np.inf, 0.0, np.inf, 1.0]),
    )
    count = np.asarray(replicas_for(QueueingParameters(), rows))
    assert count[0] == 0.0  # nothing arrives
    assert count[1] == 10.0  # 9 / 0.9 is a whole number
    assert count[2] > 10.0
    assert count[3] == 1_111_112.0
    assert count[4] == 1.0


def test_replicas_in_single_precision() -> None:
    rng = np.random.default_rng(7)
    load, service, limit = rng.uniform(0.1, 500.0, 300), rng.uniform(0.1, 10.0, 300), rng.uniform(0.0, 1.0, 300)

    def count(dtype: str) -> np.ndarray:
        rows = QueueRows(
            arrivals_per_s=jnp.asarray(load / service, dtype), service_s=jnp.asarray(service, dtype), wait_limit_s=jnp.asarray(limit, dtype)
        )
        return np.asarray(replicas_for(QueueingParameters(), rows), dtype=np.float64)

    assert np.abs(count("float32") - count("float64")).max() <= 1.0  # a limit met exactly may go either way


def test_more_demand_or_less_patience_never_needs_fewer() -> None:
    rates = jnp.linspace(0.1, 80.0, 200)
    base = QueueRows(arrivals_per_s=rates, service_s=jnp.ones(200), wait_limit_s=jnp.full(200, 0.5))
    strict = QueueRows(arrivals_per_s=rates, service_s=jnp.ones(200), wait_limit_s=jnp.full(200, 0.05))
    few, many = np.asarray(replicas_for(QueueingParameters(), base)), np.asarray(replicas_for(QueueingParameters(), strict))
    assert (np.diff(few) >= 0).all()
    assert (many >= few).all()


@pytest.mark.slow
def test_gradient_against_differences() -> None:
    @jax.jit
    def wait(x: jax.Array) -> jax.Array:
        parameters = QueueingParameters(arrival_variation=x[3], service_variation=x[4])
        return wait_percentile_s(parameters, x[0], x[1], x[2])

    check_gradient(wait, np.array([7.3, 6.4, 1.05, 1.2, 0.8]))
    check_gradient(jax.jit(lambda x: log_erlang_c(x[0], x[1])), np.array([40.0, 0.88]))


def finite_wait(servers: jax.Array, rate: jax.Array, service: jax.Array) -> jax.Array:
    value = wait_percentile_s(QueueingParameters(), servers, rate, service)
    return jnp.where(jnp.isfinite(value), value, 0.0)


wait_slopes = jax.jit(jax.grad(finite_wait, argnums=(0, 1, 2)))


@settings(max_examples=60, deadline=None)
@given(servers=st.floats(1.0, 1e5), load=st.floats(0.0, 2.0), dtype=st.sampled_from(["float32", "float64"]))
def test_gradients_are_finite_at_the_edges(servers: float, load: float, dtype: str) -> None:
    slopes = wait_slopes(jnp.asarray(servers, dtype), jnp.asarray(servers * load, dtype), jnp.ones((), dtype))
    assert all(np.isfinite(slope) for slope in slopes)


@pytest.mark.parametrize("asked", [0.5, 0.9, 0.97])
def test_nothing_is_planned_above_the_trusted_utilisation(asked: float) -> None:
    rates = jnp.linspace(1.0, 500.0, 100)
    rows = QueueRows(arrivals_per_s=rates, service_s=jnp.ones(100), wait_limit_s=jnp.full(100, jnp.inf))
    load = rates / replicas_for(QueueingParameters(planning_utilisation=asked), rows)
    assert float(load.max()) <= min(asked, TRUSTED_UTILISATION) * (1.0 + KERNEL_AGAINST_LOOP)


@pytest.mark.slow
def test_both_forms_of_erlang_c_and_their_slopes() -> None:
    rng = np.random.default_rng(3)
    servers = jnp.asarray(np.exp(rng.uniform(np.log(0.3), np.log(300.0), 2000)))
    offered = servers * rng.uniform(0.05, TRUSTED_UTILISATION, 2000)
    slopes = jax.vmap(jax.value_and_grad(lambda m, a: log_erlang_c(m, a / m), argnums=(0, 1)))
    value, (by_servers, by_offered) = slopes(servers, offered)
    for mine, other in zip(busy_erlang_c(servers, offered), (value, by_servers, by_offered), strict=True):
        np.testing.assert_allclose(mine, other, rtol=ERLANG_SLOPES, atol=ERLANG_SLOPES)


def simulated_ttft(servers: int, rate: float, first: float, spread: float, count: int = 400_000) -> np.ndarray:
    """M/M/c in the order of arrival, services of 1 s; the first token comes after a constant and an exponential part."""
    rng = np.random.default_rng(11)
    arrivals, services = np.cumsum(rng.exponential(1.0 / rate, count)), rng.exponential(1.0, count)
    free, waits = [0.0] * servers, np.empty(count)
    for i in range(count):
        at = heapq.heappop(free)
        waits[i] = max(0.0, at - arrivals[i])
        heapq.heappush(free, max(at, arrivals[i]) + services[i])
    return waits + first * (1.0 - spread) + rng.exponential(first * spread, count)


def test_time_to_first_token_against_a_simulation() -> None:
    first, spread, percentiles = 0.4, 0.7, (0.5, 0.9, 0.95, 0.99)
    ttft = ttft_percentiles_s(
        QueueingParameters(first_token_spread=spread), *(jnp.asarray(x) for x in (6.0, 4.8, 1.0, first)), percentiles=percentiles
    )
    seen = np.quantile(simulated_ttft(6, 4.8, first, spread), percentiles)
    np.testing.assert_allclose(ttft, seen, rtol=SIMULATED_TTFT)


def test_time_to_first_token_of_equal_prompts_is_wait_and_prefill() -> None:
    args = tuple(jnp.asarray(x) for x in (6.0, 4.8, 1.0))
    ttft = ttft_percentiles_s(QueueingParameters(), *args, jnp.asarray(0.4), percentiles=(0.95,))
    assert float(ttft[0]) == pytest.approx(0.4 + float(wait_percentile_s(QueueingParameters(), *args)), rel=KERNEL_AGAINST_LOOP)
    full = ttft_percentiles_s(QueueingParameters(first_token_spread=0.5), *args[:1], jnp.asarray(6.0), args[2], jnp.asarray(0.4))
    assert np.isinf(full).all()


@pytest.mark.slow
def test_slopes_of_the_time_to_first_token() -> None:
    @jax.jit
    def ttft(x: jax.Array) -> jax.Array:
        return ttft_percentiles_s(QueueingParameters(first_token_spread=x[4]), x[0], x[1], x[2], x[3])[1]

    check_gradient(ttft, np.array([7.3, 6.1, 1.05, 0.4, 0.6]))


@pytest.mark.slow
def test_bursts_and_scattered_services_wait_longer_at_every_percentile() -> None:
    args = tuple(jnp.asarray(x) for x in (4.0, 3.4, 1.0, 0.0))

    def at(arrivals: float, services: float) -> np.ndarray:
        parameters = QueueingParameters(arrival_variation=arrivals, service_variation=services)
        return np.asarray(ttft_percentiles_s(parameters, *args, percentiles=(0.9, 0.95, 0.99)))

    assert (np.diff(at(1.0, 0.0)) > 0.0).all()
    assert (at(1.0, 0.0) < at(1.0, 1.0)).all()
    assert (at(1.0, 1.0) < at(4.0, 1.0)).all()
    assert (at(4.0, 1.0) < at(4.0, 4.0)).all()
