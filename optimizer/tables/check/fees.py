"""Clauses about changing and leaving a contract: notice, fee steps, ramp steps, exclusions."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from optimizer.domain.workload import Kind
from optimizer.errors import Violation
from optimizer.tables.check.rule import Rule, Tables, breaches, rule
from optimizer.tables.columns import TableData

_START, _END, _NAME = "ContractCommitmentPeriodStart", "ContractCommitmentPeriodEnd", "ContractCommitmentId"


def _of_contract(tables: Tables, child: TableData, column: str) -> pd.Series:
    """For each row of a child table, the value of its contract."""
    values = tables["contracts"].values.drop_duplicates(_NAME).set_index(_NAME)[column]
    return values.reindex(child.values[_NAME]).set_axis(child.values.index)


@rule(f"contracts: {_START} {_END} x_NoticePeriodDays")
def notice_fits_the_term(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    term = (data.values[_END] - data.values[_START]).dt.days
    wrong = pd.to_numeric(data.values["x_NoticePeriodDays"], errors="coerce") > term
    words = "x_NoticePeriodDays must not be longer than the contract's term in days"
    yield from breaches(data, wrong, "x_NoticePeriodDays", words, "Correct it, or write none if it may not be terminated.")


@rule(f"contracts: {_START} {_END} x_EarliestExit")
def exit_within_the_term(tables: Tables) -> Iterator[Violation]:
    data = tables["contracts"]
    leave = data.values["x_EarliestExit"]
    wrong = (leave < data.values[_START]) | (leave > data.values[_END])
    yield from breaches(data, wrong, "x_EarliestExit", "x_EarliestExit must be within the contract's term", "Correct the date.")


@rule(f"contracts: {_NAME} x_TerminationFeeSchedule", f"contract_fee_steps: {_NAME}")
def given_schedules_have_steps(tables: Tables) -> Iterator[Violation]:
    data, steps = tables["contracts"], tables["contract_fee_steps"]
    given = data.values["x_TerminationFeeSchedule"] == "given"
    wrong = given & ~data.values[_NAME].isin(steps.values[_NAME])
    words = "x_TerminationFeeSchedule given must have rows in contract_fee_steps"
    yield from breaches(data, wrong, "x_TerminationFeeSchedule", words, "Add the steps to contract_fee_steps.csv, or write unknown.")
    stray = ~(_of_contract(tables, steps, "x_TerminationFeeSchedule") == "given")
    words = "a contract with fee steps must have x_TerminationFeeSchedule given"
    yield from breaches(steps, stray, _NAME, words, "Write given in contracts.csv, or remove the steps.")


@rule(f"contracts: {_NAME} {_END}", f"contract_fee_steps: {_NAME} start")
def fee_steps_within_the_term(tables: Tables) -> Iterator[Violation]:
    steps = tables["contract_fee_steps"]
    wrong = steps.values["start"] > _of_contract(tables, steps, _END)
    yield from breaches(steps, wrong, "start", f"start must not be after the contract's {_END}", "Correct the date or remove the step.")


@rule(f"contracts: {_NAME} {_START} {_END}", f"contract_ramp_steps: {_NAME} start")
def ramp_steps_within_the_term(tables: Tables) -> Iterator[Violation]:
    steps = tables["contract_ramp_steps"]
    start, end = _of_contract(tables, steps, _START), _of_contract(tables, steps, _END)
    wrong = (steps.values["start"] < start) | (steps.values["start"] >= end)
    yield from breaches(steps, wrong, "start", "start must be within the contract's term", "Correct the date or remove the step.")


@rule(f"contract_exclusions: {_NAME} kind other", f"contracts: {_NAME} x_Supplier", "suppliers: supplier")
def exclusions_name_what_exists(tables: Tables) -> Iterator[Violation]:
    data = tables["contract_exclusions"]
    known = {
        "contract": set(tables["contracts"].values[_NAME]),
        "supplier": set(tables["suppliers"].values["supplier"]),
        "work": {kind.value for kind in Kind},
    }
    words = {"contract": "a contract", "supplier": "a supplier", "work": f"one of {', '.join(Kind)}"}
    for kind, names in known.items():
        wrong = (data.values["kind"] == kind) & ~data.values["other"].isin(names)
        yield from breaches(data, wrong, "other", f"other must be {words[kind]} where kind is {kind}", "Correct the name.")
    itself = (data.values["kind"] == "contract") & (data.values["other"] == data.values[_NAME])
    yield from breaches(data, itself, "other", "a contract must not exclude itself", "Remove the row.")
    own = (data.values["kind"] == "supplier") & (data.values["other"] == _of_contract(tables, data, "x_Supplier"))
    yield from breaches(data, own, "other", "a contract must not exclude its own supplier", "Remove the row.")


FEE_RULES: tuple[Rule, ...] = (
    notice_fits_the_term,
    exit_within_the_term,
    given_schedules_have_steps,
    fee_steps_within_the_term,
    ramp_steps_within_the_term,
    exclusions_name_what_exists,
)
