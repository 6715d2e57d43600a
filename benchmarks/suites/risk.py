"""The frontier of expected cost and CVaR: a plan for each omega, and whether it is monotone as far as gaps let one say.

Of best plans CVaR does not rise, and the expected cost does not fall, as omega grows. Plans with gaps g1 and g2 (USD) at omegas w1 < w2
may break that by less than (g1 (1 - w2) + g2 (1 - w1)) / (w2 - w1) and (g1 w2 + g2 w1) / (w2 - w1). The suite fails where they break it
by more, or where a lower bound at one omega is above a plan's objective at a larger one (CVaR is never below the mean). Every CVaR is the
one that verification recomputes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.commands import row_of, summaries, timed
from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, argument, chosen, require

SUITE = "risk"
CASES = ["small", "frontier_lab"]
CENT = 0.01


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    omegas: list[float] = argument((0.0, 0.5, 1.0), "weights of CVaR, in ascending order")  # noqa: RUF009 - a field with a factory
    alpha: float = argument(0.8, "level of CVaR")

    def __post_init__(self) -> None:
        super().__post_init__()
        rising = all(one < other for one, other in zip(self.omegas, self.omegas[1:], strict=False))
        require(rising and all(0.0 <= omega <= 1.0 for omega in self.omegas), "omegas", "must rise from 0 to 1 at most", self.omegas)


def run(settings: Settings) -> Iterator[ResultRow]:
    """A row for each case and omega."""
    limit = 60.0 if settings.time_limit_s is None else settings.time_limit_s
    for case in chosen(settings, CASES):
        found = []
        with tempfile.TemporaryDirectory() as folder:
            for omega in settings.omegas:
                runs = Path(folder) / f"omega-{omega}"
                risk = f"risk.omega={omega}", f"risk.alpha={settings.alpha}", "risk.outside=0", "risk.stress=false"
                words = [f"case={case}", f"seed={settings.seed}", "output.pictures=false", f"output.folder='{runs}'", *risk]
                timed(["plan", *words, f"solver.time_limit_s={limit}"], Path(folder) / "cache")
                (plan,) = summaries(runs)
                require(plan["verified"], "placement plan", "must verify", plan["verified"])
                found.append(plan)
                told = f"{case}, omega {omega:g}: expected {plan['expected_cost_usd'] / 1e6:.2f}, CVaR {plan['cvar_usd'] / 1e6:.2f} M USD"
                yield row_of(SUITE, told, plan, float(plan["phases"]["solve"]))
        _check(settings.omegas, found)


def _check(omegas: Sequence[float], plans: Sequence[dict[str, Any]]) -> None:
    for (w1, one), (w2, other) in combinations(zip(omegas, plans, strict=True), 2):
        g1, g2, apart = one["gap_usd"], other["gap_usd"], w2 - w1
        cvar = other["cvar_usd"] - one["cvar_usd"] - (g1 * (1.0 - w2) + g2 * (1.0 - w1)) / apart
        mean = one["expected_cost_usd"] - other["expected_cost_usd"] - (g1 * w2 + g2 * w1) / apart
        bound = one["bound_usd"] - other["objective_usd"]
        for name, over in (("CVaR must not rise", cvar), ("expected cost must not fall", mean), ("a bound must hold", bound)):
            require(over <= CENT, f"omega {w1:g} to {w2:g}", f"{name}, beyond what gaps let it", f"{over:,.2f} USD")
