"""Single-source capacitated facility location: objective and proof against the optima, with solvers alone on the full model beside them.

A row's `ratio` is the objective over the optimum. Status `shortage`: no plan without shortage was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.assignment_files import assignment_problem, read_facility_location, read_optima
from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, argument, chosen, file_named, folder_named
from benchmarks.solving import solved_rows

SUITE = "sscflp"
PROVEN = 1e-9  # relative gap asked for: the optimum
LIST = "os"


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    path: str | None = argument(None, f"folder of instances p1, p2 ... and of {LIST}, a list of their optima, one a line")


def run(settings: Settings) -> Iterator[ResultRow]:
    """Every instance of the list, or the chosen ones."""
    folder = folder_named(settings.path)
    optima = {f"p{i}": value for i, value in enumerate(read_optima(file_named("path", str(folder / LIST))), start=1)}
    for case in chosen(settings, list(optima)):
        problem = assignment_problem(read_facility_location(file_named("path", str(folder / case))))
        size = f"{len(problem.needs.loads)} x {len(problem.pools)}"
        yield from solved_rows(settings, SUITE, case, problem, size=size, relative_gap=PROVEN, best_known=optima[case])
