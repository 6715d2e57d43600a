"""Operations counted, shares of roofs, exponents and formulas."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.growth import formula, growth
from benchmarks.roofline import Roofs, Work, operations


def test_operations_are_counted_as_often_as_they_are_done() -> None:
    square, line = jnp.ones((3, 4)), jnp.ones(4)
    assert operations(lambda a, b: a @ b, square, line) == 2 * 3 * 4
    assert operations(lambda a: jnp.exp(a) + a, line) == 8
    assert operations(lambda a: jnp.sum(a * a), line) == 8
    assert operations(lambda a: jax.lax.scan(lambda total, row: (total + row, None), jnp.zeros(4), a)[0], square) == 3 * 4
    assert operations(jax.jit(lambda a: a[::-1].reshape(2, 2)), line) == 0
    assert operations(lambda a: jax.ops.segment_sum(a, jnp.zeros(4, jnp.int32), 2), line) == 4


def test_the_roof_that_allows_less_binds() -> None:
    roofs = Roofs(copied=10.0, multiplied=100.0)
    assert roofs.share(Work(operations=10.0, bytes=5.0), 1.0) == "50 % of copying"
    assert roofs.share(Work(operations=10.0, bytes=5.0), 0.215) == "230 % of copying"
    assert roofs.share(Work(operations=80.0, bytes=5.0), 1.0) == "80 % of multiplying"


def test_exponents_have_intervals() -> None:
    sizes = [1.0, 2.0, 4.0, 8.0]
    assert growth(sizes, [3.0 * size**1.5 for size in sizes]).exponent == pytest.approx(1.5)
    found = growth(sizes, [1.0, 2.2, 3.9, 8.3])
    assert found.low < found.exponent < found.high
    assert growth(sizes[:2], [1.0, 4.0]).interval == ""


def test_formulas_find_what_values_are_made_of() -> None:
    first, second = np.array([1.0, 2.0, 3.0, 5.0]), np.array([4.0, 1.0, 3.0, 2.0])
    words, error = formula({"A": first, "B": second, "C": first * second, "": np.ones(4)}, 2.0 * first + 3.0 * second)
    assert words == "2 A + 3 B"
    assert error == pytest.approx(0.0, abs=1e-9)
