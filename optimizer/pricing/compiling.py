"""How much a compiler is asked for."""

from __future__ import annotations

QUICK = {"xla_backend_optimization_level": 0}  # for kernels that run a few times: a fifth of the time to compile, and twice as long to run
