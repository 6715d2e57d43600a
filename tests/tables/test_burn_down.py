"""Bills say how much of the minimum in progress has been spent when the calendar starts, 2028-01-01."""

from __future__ import annotations

import pytest

from optimizer.tables.read import read_case
from tests.tables.minimal import tables, write

PROVENANCE = {"source": "made up", "source_kind": "reported", "as_of": "2028-01-01"}


def bill(month: str, cost: str, until: str, interval=("2027-12-01", "2028-03-01")) -> dict[str, str]:
    """A row of actuals of the contract held, whose quarters begin on 1 June, September, December and March."""
    row = {"ContractCommitmentId": "held", "billing_period_start": month, "interval_start": interval[0], "interval_end": interval[1]}
    return row | {"charged_until": until, "applied_cost": cost, "applied_quantity": "", "unit": ""} | PROVENANCE


DECEMBER = bill("2027-12-01", "100.5", "2027-12-31")
AUTUMN = ("2027-10-01", "2028-04-01")


@pytest.mark.parametrize(
    ("actuals", "written", "spent"),
    [
        ([DECEMBER], "", 100.5),
        ([DECEMBER], "70", 70.0),
        ([], "", None),
        ([bill("2027-12-01", "", "2027-12-31")], "", None),
        ([bill("2027-12-01", "9", "2028-01-02")], "", None),
        ([bill("2027-11-01", "9", "2027-11-30", ("2027-09-01", "2027-12-01"))], "", None),
        ([DECEMBER, bill("2028-01-01", "40", "2028-01-10")], "", 100.5),
        ([bill("2027-10-01", "1", "2027-11-01", AUTUMN), bill("2027-12-01", "4", "2028-01-01", AUTUMN)], "", None),
        ([bill(f"2027-{month}-01", "1.25", "2028-01-01", AUTUMN) for month in (10, 11, 12)], "", 3.75),
        ([DECEMBER, bill("2027-12-01", "9", "2027-12-01", ("2027-09-01", "2027-12-01"))], "", 100.5),
    ],
    ids=["bill", "written", "none", "no cost", "goes on", "over", "next month", "gap", "whole", "correction"],
)
def test_what_was_spent_when_the_calendar_starts(tmp_path, actuals, written, spent):
    made = tables()
    made["actuals"] = actuals
    made["contracts"][0] |= {"x_SpentSoFar": written, "x_MinimumSpend": "50"}
    made["contracts"][1]["x_SpentSoFar"] = ""
    held, quote = read_case(write(tmp_path, made)).contracts
    assert (held.spent_so_far, quote.spent_so_far) == (spent, None)


def test_without_a_minimum_there_is_nothing_to_spend_towards(tmp_path):
    made = tables()
    made["actuals"] = [DECEMBER]
    assert read_case(write(tmp_path, made)).contracts[0].spent_so_far is None
