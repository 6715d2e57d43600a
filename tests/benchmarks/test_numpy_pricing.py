"""Parts of pricing against their counterparts in NumPy: values and slopes."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from benchmarks.generator import Size, generate
from benchmarks.suites.pricing_speed import matrix_part, paths_part, responses_part, starts_part
from optimizer.pricing.arrays import prepare
from tests.tolerances import SINGLE_AGAINST_NUMPY


@pytest.mark.slow
@pytest.mark.parametrize("part", ["matrix", "paths", "starts", "responses"])
def test_parts_are_those_of_numpy(part: str) -> None:
    with jax.enable_x64(False):
        arrays, rng = prepare(generate(Size(loads=30, pools=4, periods=3), seed=0)).single, np.random.default_rng(0)
        made = {"matrix": matrix_part, "paths": paths_part, "starts": lambda *given: starts_part(*given, 4), "responses": responses_part}
        ours, plain = made[part](arrays, rng)
        for found, expected in zip(ours(), plain(), strict=True):
            scale = np.abs(expected).max()
            np.testing.assert_allclose(np.asarray(found), expected, rtol=SINGLE_AGAINST_NUMPY, atol=SINGLE_AGAINST_NUMPY * scale)
