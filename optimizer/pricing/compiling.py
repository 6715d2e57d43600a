"""What pricing asks of the compiler: its kernels are large and first run minutes, not hours, before their answer is wanted.

On a processor XLA's older emitters compile these kernels in six tenths of the time, and their code is as fast. That of `surfaces`, where
exponentials and logarithms are most of the work, would be several times slower.
"""

from __future__ import annotations

from importlib.metadata import version

EMITTERS_KNOWN = version("jaxlib").startswith("0.10.")  # an option that a compiler does not know is an error
SOON: dict[str, bool | int] = {"xla_cpu_use_fusion_emitters": False} if EMITTERS_KNOWN else {}
QUICK = SOON | {"xla_backend_optimization_level": 0}  # for kernels that run a few times: a sixth of the time to compile, twice to run
