"""Serving equations against a plain loop, their gradients, and the choice of the operating point."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.surfaces.operating import CONCURRENCIES, PARALLEL_SIZES, ServingRows, best_points
from optimizer.surfaces.serving import (
    Architecture,
    Chip,
    Lengths,
    Replica,
    ServingParameters,
    Techniques,
    prefill_s,
    serve,
    tokens_per_step,
    weights_read,
)
from tests.surfaces.differences import check_gradient
from tests.tolerances import BOTTLENECK, FLOAT32_AGAINST_FLOAT64, KERNEL_AGAINST_LOOP

MODELS = {  # P, A, Pe, E, k, L, h, kv heads, kv bytes, af, w
    "dense": (70e9, 70e9, 0.0, 1.0, 1.0, 80.0, 8192.0, 8.0, 163_840.0, 2.6e6, 1.0),
    "experts": (117e9, 5.1e9, 114e9, 128.0, 4.0, 36.0, 2880.0, 8.0, 18_432.0, 3.0e5, 0.5),
    "latent": (671e9, 37e9, 654e9, 256.0, 8.0, 61.0, 7168.0, 1.0, 35_136.0, 1.7e7, 1.0),
}
CHIPS = {"server": (1979e12, 80e9, 3.35e12, 900e9, 8.0), "large": (4500e12, 192e9, 8e12, 1800e9, 72.0)}
Kind = TypeVar("Kind", Architecture, Chip)
PLAIN = ServingParameters()
ALL_TERMS = ServingParameters(burst=0.1, slot_waiting=0.2, cache_efficiency=0.7, expert_layer=0.3)
FAST = settings(max_examples=40, deadline=None)


def build(kind: type[Kind], values: tuple[float, ...], rows: int, dtype: str = "float64") -> Kind:
    return kind(**{field.name: jnp.full((rows,), value, dtype) for field, value in zip(fields(kind), values, strict=True)})


def rows_of(
    model: str, chip: str, prompt: list[float], output: list[float], ttft: float, tpot: float, dtype: str = "float64"
) -> ServingRows:
    n = len(prompt)
    return ServingRows(
        model=build(Architecture, MODELS[model], n, dtype),
        chip=build(Chip, CHIPS[chip], n, dtype),
        lengths=Lengths(prompt=jnp.asarray(prompt, dtype), output=jnp.asarray(output, dtype)),
        ttft_limit_s=jnp.full((n,), ttft, dtype),
        tpot_limit_s=jnp.full((n,), tpot, dtype),
    )


def by_hand(
    model: tuple[float, ...],
    chip: tuple[float, ...],
    isl: float,
    osl: float,
    g: float,
    n: float,
    u: ServingParameters = PLAIN,
    ep: float = 1.0,
) -> dict[str, float]:
    """The equations, one number at a time."""
    p, a, pe, e, k, layers, h, heads, kv, af, w = model
    f, hbm, bw, link, _ = chip
    ctx, sh = isl + osl / 2, min(g, heads)
    b_max = (0.9 * hbm * g - w * p) * sh / (g * ctx * kv)
    b = n * (1 + (n / max(b_max, 1)) ** 4) ** -0.25
    read = w * (p - pe + pe * (1 - (1 - k / e) ** b))
    overhead = u.step_s + layers * u.layer_s * (1 + (u.parallel_layer if g > 1 else 0)) * (1 + (u.expert_layer if ep > 1 else 0))
    t_mem = (read / g + b * ctx * kv / sh / u.cache_efficiency) / (u.memory_efficiency * bw)
    t_cmp = b * (2 * a + af * ctx) / (g * f * u.arithmetic_efficiency)
    t_com = 2 * layers * 2 * h * 2 * (g - 1) / g / (u.link_efficiency * link)
    t_dec = (t_mem**4 + t_cmp**4) ** 0.25 + b * t_com + overhead + b * u.sequence_s
    arithmetic = isl * (2 * a + af * isl / 2) / (g * f * u.arithmetic_efficiency) + isl * t_com + overhead
    t_p = (arithmetic**4 + (w * p / (g * bw * u.memory_efficiency)) ** 4) ** 0.25
    tpot = t_dec + max(b - 1, 0) * u.interference * t_p / osl
    rho = b * t_p / (b * t_p + osl * t_dec)
    beyond = u.slot_waiting / n + max(n - b, 0) / b
    ttft = u.first_token_s + t_p * (1 + u.prefill_queueing * rho / (1 - rho) + u.burst * max(b - 1, 0)) + t_dec / 2 + beyond * osl * tpot
    rate = n * (isl + osl) / (ttft + (osl - 1) * tpot) / g
    return {"ttft_s": ttft, "tpot_s": tpot, "tokens_per_s": rate, "requests_per_s": n / (ttft + (osl - 1) * tpot), "batch_limit": b_max}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize(("isl", "osl", "g", "n"), [(1000.0, 300.0, 1.0, 1.0), (8000.0, 500.0, 8.0, 64.0), (200.0, 4000.0, 4.0, 512.0)])
@pytest.mark.parametrize(("u", "ep"), [(PLAIN, 1.0), (ALL_TERMS, 4.0)])
def test_equations_against_a_loop(
    model: str, chip: str, isl: float, osl: float, g: float, n: float, u: ServingParameters, ep: float
) -> None:
    rows = rows_of(model, chip, [isl], [osl], np.inf, np.inf)
    point = jitted(u, rows.model, rows.chip, rows.lengths, jnp.array([g]), jnp.array([n]), jnp.array([ep]))
    for name, expected in by_hand(MODELS[model], CHIPS[chip], isl, osl, g, n, u, ep).items():
        assert float(getattr(point, name)[0]) == pytest.approx(expected, rel=KERNEL_AGAINST_LOOP), name


jitted = jax.jit(serve)


def technique(prompt: float = 4000.0, n: float = 32.0, **change: float) -> Replica:
    """One replica of eight accelerators with a technique."""
    rows = rows_of("dense", "server", [prompt], [400.0], np.inf, np.inf)
    return jitted(PLAIN, rows.model, rows.chip, rows.lengths, jnp.array([8.0]), jnp.array([n]), 1.0, Techniques(**change))


def test_techniques_do_what_they_are_for() -> None:
    plain = technique()
    cached = technique(prefix_hit_share=0.8)
    assert cached.ttft_s[0] < plain.ttft_s[0]
    assert cached.tokens_per_s[0] > plain.tokens_per_s[0]
    drafted = technique(n=2.0, drafted_tokens=3.0, tokens_per_step=2.5)
    assert drafted.tpot_s[0] < technique(n=2.0).tpot_s[0]
    wasted = technique(n=2.0, drafted_tokens=3.0, tokens_per_step=1.0)
    assert wasted.tpot_s[0] > technique(n=2.0).tpot_s[0]
    dear = technique(n=2.0, drafted_tokens=3.0, tokens_per_step=2.5, draft_step_share=0.1)
    np.testing.assert_allclose(dear.tpot_s[0] / drafted.tpot_s[0], 1.3, rtol=0.02)  # but for the other request's prefill
    apart = technique(prefill_share=0.5)
    assert float(apart.batch_limit[0]) < float(plain.batch_limit[0])
    chunked = technique(chunk_tokens=512.0)
    assert chunked.ttft_s[0] > plain.ttft_s[0]


def test_a_step_yields_what_is_accepted() -> None:
    accepted = [0.8**k for k in range(4)]  # chance that the first k drafts all hold
    assert float(tokens_per_step(3, 0.8)) == pytest.approx(sum(accepted), rel=KERNEL_AGAINST_LOOP)
    assert float(tokens_per_step(0, 0.0)) == float(tokens_per_step(4, 0.0)) == 1.0


@pytest.mark.parametrize(
    ("model", "parallel", "share", "fits"),
    [
        ("dense", 1.0, 0.5, False),  # half an accelerator for each side
        ("dense", 2.0, 0.5, True),
        ("latent", 32.0, 0.25, False),  # 671 GB of weights on 8 accelerators for prefill
        ("latent", 32.0, 0.5, True),
    ],
)
def test_prefill_apart_needs_accelerators_and_room_on_both_sides(model: str, parallel: float, share: float, fits: bool) -> None:
    rows = rows_of(model, "server", [4000.0], [400.0], np.inf, np.inf)
    with_ = Techniques(prefill_share=share)
    point = jitted(PLAIN, rows.model, rows.chip, rows.lengths, jnp.array([parallel]), jnp.array([2.0]), 1.0, with_)
    assert (float(point.batch_limit[0]) >= 1.0) == fits


def test_prefill_apart_is_bound_by_its_own_accelerators() -> None:
    """With many requests at once the prefill side is the bottleneck: it then finishes one request in each T_p."""
    rows = rows_of("dense", "server", [8000.0], [2.0], np.inf, np.inf)
    point = technique(prompt=8000.0, n=256.0, prefill_share=0.25)
    args = (PLAIN, rows.model, rows.chip, rows.lengths, jnp.array([2.0]), 1.0, Techniques())
    assert 1.0 / float(point.requests_per_s[0]) == pytest.approx(float(prefill_s(*args)[0]), rel=BOTTLENECK)


@pytest.mark.parametrize("change", [{"chunk_tokens": 1e9}, {"prefix_hit_share": 0.0}, {"drafted_tokens": 0.0, "tokens_per_step": 1.0}])
def test_a_technique_at_its_neutral_value_changes_nothing(change: dict[str, float]) -> None:
    np.testing.assert_allclose(technique(**change).ttft_s, technique().ttft_s, rtol=KERNEL_AGAINST_LOOP)


def test_compiled_and_mapped_alike() -> None:
    rows = rows_of("experts", "server", [500.0, 3000.0, 9000.0], [100.0, 800.0, 300.0], np.inf, np.inf)
    args = (rows.model, rows.chip, rows.lengths, jnp.array([1.0, 4.0, 8.0]), jnp.array([3.0, 60.0, 200.0]))
    batch = serve(ServingParameters(), *args)
    mapped = jax.jit(jax.vmap(lambda *a: serve(ServingParameters(), *a)))(*args)
    for field in fields(batch):
        np.testing.assert_allclose(getattr(batch, field.name), getattr(mapped, field.name), rtol=KERNEL_AGAINST_LOOP)


@jax.jit
def logarithms(parameters: ServingParameters, rows: ServingRows, n: jax.Array, g: jax.Array) -> jax.Array:
    point = serve(parameters, rows.model, rows.chip, rows.lengths, g, n)
    return jnp.log(jnp.concatenate([point.ttft_s, point.tpot_s, point.tokens_per_s]))


slopes = jax.jit(jax.grad(lambda *args: jnp.sum(logarithms(*args)), argnums=(0, 1, 2)))


@pytest.mark.slow
@FAST
@given(
    model=st.sampled_from(sorted(MODELS)),
    chip=st.sampled_from(sorted(CHIPS)),
    isl=st.floats(1.0, 200_000.0),
    osl=st.floats(1.0, 20_000.0),
    g=st.sampled_from(PARALLEL_SIZES),
    n=st.floats(1.0, 512.0),
)
def test_single_precision_and_gradients_everywhere(model: str, chip: str, isl: float, osl: float, g: int, n: float) -> None:
    values = {}
    for dtype in ("float32", "float64"):
        rows = rows_of(model, chip, [isl], [osl], 1.0, 1.0, dtype)
        args = (ServingParameters(), rows, jnp.full((1,), n, dtype), jnp.full((1,), g, dtype))
        values[dtype] = logarithms(*args)
        assert values[dtype].dtype == jnp.dtype(dtype)
        assert np.isfinite(values[dtype]).all()
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes(*args)))
    # below 1 the numbers mean nothing; b_max subtracts weights from memory, and near zero single precision tells less
    limit = by_hand(MODELS[model], CHIPS[chip], isl, osl, g, n)["batch_limit"]
    if limit > 2.0:
        np.testing.assert_allclose(values["float32"], values["float64"], atol=FLOAT32_AGAINST_FLOAT64)


@pytest.mark.parametrize("model", MODELS)
def test_gradient_against_differences(model: str) -> None:
    rows = rows_of(model, "large", [2000.0], [400.0], np.inf, np.inf)

    @jax.jit
    def total(x: jax.Array) -> jax.Array:
        names = [field.name for field in fields(ServingParameters)]
        parameters = ServingParameters(**{name: x[i] for i, name in enumerate(names)})
        k = len(names)
        lengths = Lengths(prompt=x[k : k + 1], output=x[k + 1 : k + 2])
        point = serve(parameters, rows.model, rows.chip, lengths, jnp.array([8.0]), x[k + 2 : k + 3])
        return jnp.sum(point.ttft_s + point.tpot_s + 1e-4 * point.tokens_per_s)

    defaults = [float(getattr(ServingParameters(), field.name)) for field in fields(ServingParameters)]
    check_gradient(total, np.array([*defaults, 2000.0, 400.0, 50.0]))


def test_every_expert_read_by_a_large_batch() -> None:
    model = build(Architecture, MODELS["experts"], 3)
    read = np.asarray(weights_read(model, jnp.array([1.0, 8.0, 1e4])))
    p, pe, e, k, w = 117e9, 114e9, 128.0, 4.0, 0.5
    assert read[0] == pytest.approx(w * (p - pe + pe * k / e), rel=KERNEL_AGAINST_LOOP)
    assert read[0] < read[1] < read[2]
    assert read[2] == pytest.approx(w * p, rel=KERNEL_AGAINST_LOOP)


@pytest.mark.parametrize(("ttft", "tpot"), [(math.inf, math.inf), (1.0, 0.05), (0.3, 0.02)])
@pytest.mark.parametrize("model", ["dense", "experts"])
def test_operating_point_is_the_best_of_all(model: str, ttft: float, tpot: float) -> None:
    points = best_points(ServingParameters(), rows_of(model, "server", [1500.0], [250.0], ttft, tpot))
    for i, g in enumerate(PARALLEL_SIZES):
        best = 0.0
        for n in CONCURRENCIES:
            point = by_hand(MODELS[model], CHIPS["server"], 1500.0, 250.0, g, n)
            if g <= 8 and point["batch_limit"] >= 1 and point["ttft_s"] <= ttft and point["tpot_s"] <= tpot:
                best = max(best, point["tokens_per_s"])
        assert bool(points.feasible[0, i]) == (best > 0.0)
        assert float(points.tokens_per_s[0, i]) == pytest.approx(best, rel=KERNEL_AGAINST_LOOP)


def test_tighter_limits_never_give_more() -> None:
    rows = rows_of("dense", "server", [1500.0] * 4, [250.0] * 4, np.inf, np.inf)
    rows = replace(rows, tpot_limit_s=jnp.array([0.2, 0.05, 0.03, 0.001]))
    rates = np.asarray(best_points(ServingParameters(), rows).tokens_per_s)
    assert (np.diff(rates, axis=0) <= 0.0).all()
    assert (rates[3] == 0.0).all()


def test_memory_that_does_not_suffice() -> None:
    points = best_points(ServingParameters(), rows_of("latent", "server", [1000.0], [1000.0], np.inf, np.inf))
    assert not bool(points.fits_memory[0])
    assert float(points.memory_needed_bytes[0]) == pytest.approx((671e9 + 8 * 1500 * 35_136) / 0.9, rel=KERNEL_AGAINST_LOOP)
    assert float(points.memory_bytes[0]) == 640e9
    assert np.isinf(points.least_tpot_s[0])
