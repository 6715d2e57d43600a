"""Arithmetic in tests is in double precision, nothing is promoted or broadcast by accident, and processes share what they compile."""

from __future__ import annotations

import os
from pathlib import Path

# Before JAX and Numba are imported, which read it then; processes that tests start inherit it.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "compiled"))
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "native"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")

import jax
from hypothesis import HealthCheck, settings

# The same examples in every run and no limit on their time, so that a run is red for a change, not for its luck or a busy machine;
# `--hypothesis-profile=explore` draws others.
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None)
settings.load_profile("same")

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
