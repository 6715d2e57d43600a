"""Generalized assignment: objective and bound against the best known, with solvers alone on the full model beside them.

A row's `ratio` is the objective over the best known one. Status `shortage`: no plan without shortage was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.assignment_files import assignment_problem, read_best_known, read_generalized_assignment
from benchmarks.rows import ResultRow
from benchmarks.settings import SuiteSettings, argument, chosen, file_named, folder_named
from benchmarks.solving import solved_rows

SUITE = "gap"
PROVEN = 1e-9  # relative gap asked for: the optimum
LIST = "best_known.csv"


@dataclass(kw_only=True)
class Settings(SuiteSettings):
    """Arguments of this suite."""

    path: str | None = argument(None, f"folder of instances and {LIST}, which names them with their best known objectives")


def run(settings: Settings) -> Iterator[ResultRow]:
    """Every instance of the list, or the chosen ones; a case is named as in the list, or by its file name."""
    folder = folder_named(settings.path)
    best = read_best_known(file_named("path", str(folder / LIST)))
    short = {Path(name).name: name for name in best}
    settings.cases = [short.get(case, case) for case in settings.cases]
    for case in chosen(settings, list(best)):
        problem = assignment_problem(read_generalized_assignment(file_named("path", str(folder / case))))
        size = f"{len(problem.needs.loads)} x {len(problem.pools)}"
        yield from solved_rows(settings, SUITE, Path(case).name, problem, size=size, relative_gap=PROVEN, best_known=best[case])
