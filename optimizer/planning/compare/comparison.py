"""Two plans side by side, reconciled to the cent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from optimizer.errors import ConfigError
from optimizer.planning.compare.assumptions import input_changes, setting_changes
from optimizer.planning.compare.decisions import contract_changes, placement_changes
from optimizer.planning.compare.money import cost_changes, total_usd
from optimizer.planning.compare.run_tables import Rows, RunTables

CENT = Decimal("0.01")
ROUNDED = Decimal("0.0000005")  # of each line, as it is written

COLUMNS = {
    "cost_changes": ("payee_kind", "payee", "supplier", "line", "period", "first_usd", "second_usd", "change_usd"),
    "contract_changes": ("contract", "first", "second"),
    "placement_changes": (
        *("load", "first_period", "last_period", "first_pool", "second_pool"),
        *("first_accelerators", "second_accelerators"),
    ),
    "input_changes": ("table", "row", "column", "first", "second"),
}
"""Columns of the tables of a comparison, in their order."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """From `first` to `second`; a change is what the second has more. Money is discounted and expected."""

    first: str  # run ids
    second: str
    first_usd: Decimal
    second_usd: Decimal
    costs: Rows
    contracts: Rows
    placements: Rows
    inputs: Rows

    @property
    def change_usd(self) -> Decimal:
        return self.second_usd - self.first_usd


def compare(first: RunTables, second: RunTables) -> Comparison:
    """Compares two plans.

    Raises:
      ConfigError: the lines of a run's costs do not sum to the cost that its summary states.
    """
    for run in (first, second):
        stated, lines = Decimal(repr(float(run.summary["objective_usd"]))), total_usd(run)
        if abs(stated - lines) > CENT + ROUNDED * len(run.costs):
            rule = "the lines of a run's costs must sum to its objective_usd, to the cent"
            raise ConfigError(f"{run.run_id}/costs.parquet", rule, f"{lines} against {stated}", "Make the run again: plan from_run=ID.")
    return Comparison(
        first=first.run_id,
        second=second.run_id,
        first_usd=total_usd(first),
        second_usd=total_usd(second),
        costs=cost_changes(first, second),
        contracts=contract_changes(first, second),
        placements=placement_changes(first, second),
        inputs=[*input_changes(first, second), *setting_changes(first, second)],
    )


def tables(comparison: Comparison) -> Mapping[str, list[dict[str, Any]]]:
    """Rows of each table of the run's folder; their keys are `COLUMNS`."""
    return {
        "cost_changes": comparison.costs,
        "contract_changes": comparison.contracts,
        "placement_changes": comparison.placements,
        "input_changes": comparison.inputs,
    }
