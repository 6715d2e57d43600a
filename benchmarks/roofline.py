"""Roofs of a device, measured: what it copies and what it multiplies in a second; and the share of the binding one that work reaches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import prod
from multiprocessing import get_context
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.extend.core import ClosedJaxpr, Jaxpr

COPIED = {"cpu": 2**26, "card": 2**29}  # float32, beyond any cache; on a card, long beside the launch of a kernel
SIDE = {"cpu": 2048, "card": 8192}  # of the matrices
REPEATS = 5  # of which the fastest counts
EACH = {  # one operation for each element that comes out
    *("add", "add_any", "sub", "mul", "div", "max", "min", "neg", "abs", "integer_pow", "square", "pow", "sqrt", "rsqrt"),
    *("exp", "log", "log1p", "expm1", "tanh", "logistic"),
}
OVER = {"reduce_sum", "reduce_max", "reduce_min", "argmin", "argmax", "cumsum", "cumlogsumexp"}  # one for each that goes in


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a computation must do at least."""

    operations: float  # floating-point, a transcendental function counted as one
    bytes: float  # read from memory and written to it


@dataclass(frozen=True, kw_only=True)
class Roofs:
    """Rates of a device."""

    copied: float  # bytes/s, read and written
    multiplied: float  # float32 operations/s of a product of matrices, in full single precision

    def share(self, work: Work, seconds: float) -> str:
        """In words, of the roof that allows no more, with two digits that count: `62 % of copying`, `230 % of copying`."""
        least = {"copying": work.bytes / self.copied, "multiplying": work.operations / self.multiplied}
        binding = max(least, key=lambda name: least[name])
        return f"{float(f'{100.0 * least[binding] / seconds:.2g}'):,g} % of {binding}"


def measured(devices: Sequence[jax.Device]) -> Roofs:
    """Rates of a process's devices together; simulated devices share the cores of their processor, and have its rates."""
    first, many = devices[0], 1 if devices[0].platform == "cpu" else len(devices)
    kind = "cpu" if first.platform == "cpu" else "card"
    side, count = SIDE[kind], COPIED[kind]
    with jax.default_device(first):
        long, square = jnp.zeros(count, jnp.float32), jnp.ones((side, side), jnp.float32)
        copied = 2.0 * long.nbytes / _warm(jax.jit(lambda values: values + 1.0), long)
        multiplied = 2.0 * side**3 / _warm(jax.jit(lambda values: jnp.matmul(values, values, precision="highest")), square)
    return Roofs(copied=many * copied, multiplied=many * multiplied)


def measured_apart() -> Roofs:
    """Of this process's devices. A card is measured in a process of its own, so that what this one holds most is not what that takes."""
    if jax.default_backend() != "gpu":
        return _measured_here()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        return child.submit(_measured_here).result()


def _measured_here() -> Roofs:
    return measured(jax.local_devices())


def _warm(work: Callable[[Array], Array], values: Array) -> float:
    """Seconds of a compiled call."""
    jax.block_until_ready(work(values))
    return fastest(lambda: jax.block_until_ready(work(values)))


def fastest(work: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Seconds of the fastest of some calls."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def operations(function: Callable[..., Any], *arguments: Any) -> float:
    """Floating-point operations of a function that JAX can trace, as written: scans as often as they run, of branches the longest."""
    return _counted(jax.make_jaxpr(function)(*arguments).jaxpr)


def _counted(jaxpr: Jaxpr) -> float:
    total = 0.0
    for equation in jaxpr.eqns:
        name, inner = equation.primitive.name, list(_within(equation.params))
        if name in EACH:
            total += sum(prod(out.aval.shape) for out in equation.outvars)
        elif name in OVER:
            total += prod(equation.invars[0].aval.shape)
        elif name == "scatter-add":
            total += prod(equation.invars[2].aval.shape)
        elif name == "dot_general":
            (over, _), _ = equation.params["dimension_numbers"]
            shape = equation.invars[0].aval.shape
            total += 2.0 * prod(equation.outvars[0].aval.shape) * prod(shape[axis] for axis in over)
        elif name == "cond":
            total += max(map(_counted, inner))
        else:
            total += (equation.params["length"] if name == "scan" else 1) * sum(map(_counted, inner))
    return total


def _within(params: dict[str, Any]) -> Iterator[Jaxpr]:
    """What an equation calls."""
    for value in params.values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, ClosedJaxpr):
                yield part.jaxpr
            elif isinstance(part, Jaxpr):
                yield part
