"""What tests of several devices run in processes of their own: the bound and the shares that some steps of pricing find.

python -m tests.pricing.devices [COORDINATOR PROCESSES PROCESS]
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import jax

from benchmarks.generator import Size, generate
from optimizer.domain.problem import PlanningProblem
from optimizer.domain.risk import Risk
from optimizer.pricing.arrays import devices_mesh, prepare
from optimizer.pricing.ascent import price_prepared

STEPS = 200


def problem() -> PlanningProblem:
    """Loads that no number of devices here divides; scenarios weigh what risk makes of them."""
    return replace(generate(Size(loads=41, pools=5, periods=3), seed=3), risk=Risk(omega=0.3, alpha=0.5))


def main(words: list[str]) -> None:
    if words:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(words[0], int(words[1]), int(words[2]))
    found = price_prepared(prepare(problem(), mesh=devices_mesh()), iterations=STEPS)
    pairs, placed = float(found.shares.pair.sum()), found.placed.shape
    print(json.dumps({"devices": jax.device_count(), "bound_usd": found.bound_usd, "pairs": pairs, "placed": placed}))


if __name__ == "__main__":
    main(sys.argv[1:])
