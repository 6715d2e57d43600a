"""Durations of training runs."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.surfaces.training import (
    GangRows,
    TrainingParameters,
    checkpoint_interval_hours,
    duration,
    duration_hours,
    gang_costs_usd,
    lost_share,
    mfu,
)
from tests.surfaces.differences import check_gradient
from tests.tolerances import FLOAT32_AGAINST_FLOAT64, KERNEL_AGAINST_LOOP

RUN = (15.6e12, 405e9, 126.0, 16_384.0, 8192.0, 989e12, 8.0, 16_384.0)  # tokens, A, L, d, seq, F, domain, gang


def rows(values: tuple[float, ...] = RUN, dtype: str = "float64", **changes: float) -> GangRows:
    built = GangRows(**{field.name: jnp.full((1,), value, dtype) for field, value in zip(fields(GangRows), values, strict=True)})
    return replace(built, **{name: jnp.full((1,), value, dtype) for name, value in changes.items()})


def test_by_hand() -> None:
    per_token = 6 * 405e9 + 6 * 126 * 16_384 * 8192
    utilisation = 0.42 * (16_384 / 512) ** -0.055
    mean_between = 50_700 / 16_384
    tau = math.sqrt(2 * mean_between / 60)
    lost = 1 / 60 / tau + tau / (2 * mean_between) + 0.25 / mean_between
    hours = 15.6e12 * per_token / (16_384 * 989e12 * utilisation) / 3600 / (1 - lost)
    assert float(duration_hours(TrainingParameters(), rows())[0]) == pytest.approx(hours, rel=KERNEL_AGAINST_LOOP)
    assert 60 < hours / 24 < 110


def test_curves_by_domain() -> None:
    at_512 = mfu(TrainingParameters(), jnp.array([8.0, 72.0]), jnp.array([512.0, 512.0]))
    np.testing.assert_allclose(at_512, [0.42, 0.365], rtol=KERNEL_AGAINST_LOOP)


def test_spot_and_larger_gangs_lose_more() -> None:
    gangs = jnp.array([8.0, 512.0, 16_384.0, 100_000.0])
    lost = np.asarray(lost_share(TrainingParameters(), gangs))
    assert (np.diff(lost) > 0).all()
    assert (np.asarray(lost_share(TrainingParameters(), gangs, 0.05)) > lost).all()


def test_a_larger_gang_ends_earlier_for_more_accelerator_hours() -> None:
    small, large = (float(duration_hours(TrainingParameters(), rows(gang=gang))[0]) for gang in (4096.0, 8192.0))
    assert large < small < 2 * large


def test_a_gang_that_never_gets_ahead() -> None:
    assert np.isinf(duration_hours(TrainingParameters(), rows(gang=2e5))[0])


def test_cost_by_gang_size() -> None:
    gangs = np.array([1024.0, 4096.0, 16_384.0])
    run = GangRows(**{field.name: jnp.full((3,), value) for field, value in zip(fields(GangRows), RUN, strict=True)})
    costs = gang_costs_usd(TrainingParameters(), replace(run, gang=jnp.asarray(gangs)), jnp.full((3,), 2.0))
    hours = [float(duration_hours(TrainingParameters(), rows(gang=gang))[0]) for gang in gangs]
    np.testing.assert_allclose(costs.hours, hours, rtol=KERNEL_AGAINST_LOOP)
    np.testing.assert_allclose(costs.cost_usd, 2.0 * gangs * hours, rtol=KERNEL_AGAINST_LOOP)
    assert (np.diff(costs.hours) < 0).all()
    assert (np.diff(costs.cost_usd) > 0).all()


def test_spot_is_slower_and_dearer_and_checkpoints_more_often() -> None:
    spot, steady = (gang_costs_usd(TrainingParameters(), rows(gang=512.0), jnp.full((1,), 2.0), rate) for rate in (0.05, 0.0))
    assert spot.hours[0] > steady.hours[0]
    assert spot.cost_usd[0] > steady.cost_usd[0]
    assert spot.checkpoint_interval_hours[0] < steady.checkpoint_interval_hours[0]


def test_the_checkpoint_interval_loses_the_least() -> None:
    parameters, gang = TrainingParameters(), 4096.0
    between = 50_700 / gang
    best = float(checkpoint_interval_hours(parameters, jnp.asarray(gang)))

    def lost(tau: float) -> float:
        return 1 / 60 / tau + tau / (2 * between) + 0.25 / between

    assert lost(best) == pytest.approx(float(lost_share(parameters, jnp.asarray(gang))), rel=KERNEL_AGAINST_LOOP)
    assert lost(best) < min(lost(1.1 * best), lost(0.9 * best))


def test_gradient_against_differences() -> None:
    names = [field.name for field in fields(TrainingParameters)]

    @jax.jit
    def log_hours(x: jax.Array) -> jax.Array:
        parameters = TrainingParameters(**{name: x[i] for i, name in enumerate(names)})
        run = replace(rows(), tokens=x[len(names)][None] * 1e12, gang=x[len(names) + 1][None])
        return jnp.sum(jnp.log(duration(parameters, run)))

    check_gradient(log_hours, np.array([*(float(getattr(TrainingParameters(), name)) for name in names), 15.6, 4096.0]))


duration_slopes = jax.jit(jax.grad(lambda parameters, run: jnp.sum(duration(parameters, run)), argnums=(0, 1)))


@settings(max_examples=40, deadline=None)
@given(
    tokens=st.floats(1e9, 1e14),
    active=st.floats(1e8, 2e12),
    gang=st.floats(1.0, 1e6),
    domain=st.sampled_from([8.0, 72.0]),
)
def test_single_precision_and_finite_gradients(tokens: float, active: float, gang: float, domain: float) -> None:
    changes: dict[str, Any] = {"tokens": tokens, "active_parameters": active, "gang": gang, "max_parallel": domain}
    double, single = (duration_hours(TrainingParameters(), rows(dtype=dtype, **changes))[0] for dtype in ("float64", "float32"))
    useful = 1.0 - float(lost_share(TrainingParameters(), jnp.asarray(gang)))
    if abs(useful) > 0.02:  # near 1 the share that is left is a difference of equals
        assert float(single) == pytest.approx(float(double), rel=FLOAT32_AGAINST_FLOAT64)
    for dtype in ("float32", "float64"):
        slopes = duration_slopes(TrainingParameters(), rows(dtype=dtype, **changes))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))
