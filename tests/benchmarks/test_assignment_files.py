"""Readers of assignment files, and the problems that they become, on files written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.assignment_files import (
    assignment_problem,
    read_best_known,
    read_facility_location,
    read_generalized_assignment,
    read_optima,
)
from optimizer.errors import DataError
from optimizer.integer.model import build_program
from optimizer.integer.solver import solve_program
from tests.assignments import made, optimum
from tests.benchmarks.made_data import AGENTS, FACILITIES
from tests.tolerances import EXACT_AGAINST_BRUTE_FORCE, SOLVED_GAP


def written(folder: Path, text: str) -> Path:
    file = folder / "instance"
    file.write_text(text)
    return file


def refused(file: Path, read) -> str:
    with pytest.raises(DataError) as caught:
        read(file)
    return str(caught.value).removeprefix(f"{file}: ")


def test_agents_stand_in_rows(tmp_path):
    found = read_generalized_assignment(written(tmp_path, AGENTS))
    assert found.cost.tolist() == [[1, 4], [5, 1], [2, 7]]
    assert found.need.tolist() == [[3, 1], [2, 3], [2, 4]]
    assert found.capacity.tolist() == [4, 4]
    assert found.fee is None


def test_customers_stand_in_rows(tmp_path):
    found = read_facility_location(written(tmp_path, FACILITIES))
    assert found.cost.tolist() == [[1, 8], [2, 7], [3, 6]]
    assert found.need.tolist() == [[2, 2], [3, 3], [1, 1]]
    assert found.capacity.tolist() == [5, 9]
    assert found.fee is not None
    assert found.fee.tolist() == [10, 4]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must begin with the counts of agents and jobs, whole numbers >= 1; got nothing."),
        ("2 x", "must hold numbers only; got x."),
        ("2 nan", "must hold finite numbers only; got nan."),
        ("0 3", "must begin with the counts of agents and jobs, whole numbers >= 1; got 0 3."),
        ("2 3 1 2", "must hold 16 numbers for 2 agents and 3 jobs; got 4."),
        (AGENTS.replace("3 2 2", "3 2.5 2"), "needs must be whole numbers >= 0 accelerators; got 2.5."),
        (AGENTS.replace(" 4 4\n", " 4 -4\n"), "capacities must be whole numbers >= 0 accelerators; got -4."),
    ],
)
def test_a_broken_file_is_refused(tmp_path, text, told):
    assert refused(written(tmp_path, text), read_generalized_assignment) == told + " Correct the file, or name another."


def test_a_fee_below_zero_is_refused(tmp_path):
    told = refused(written(tmp_path, FACILITIES.replace("10.0 4.0", "10.0 -4.0")), read_facility_location)
    assert told == "fixed costs must be >= 0 USD; got -4. Correct the file, or name another."


def test_lists_of_optima(tmp_path):
    assert read_optima(written(tmp_path, "12\n13.5\n")) == [12, 13.5]
    assert read_best_known(written(tmp_path, "instance,published_best\na/b,7\n")) == {"a/b": 7}
    told = refused(written(tmp_path, "instance,best\na/b,7\n"), read_best_known)
    assert told.startswith("must have an instance and a published_best, a number, in each row; got ")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fees", [False, True])
def test_the_problem_has_the_optimum_of_the_file(seed, fees):
    assignment = made(seed, fees=fees)
    answer = solve_program(build_program(assignment_problem(assignment)), relative_gap=SOLVED_GAP)
    assert answer.objective == pytest.approx(optimum(assignment), rel=EXACT_AGAINST_BRUTE_FORCE)
