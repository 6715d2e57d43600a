"""Demand: without gaps, in units that fit the kind of work, a mean or ordered quantiles."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from optimizer.errors import Violation
from optimizer.tables.check.rule import Rule, Tables, breaches, rule
from optimizer.tables.columns import TableData

_QUANTILES = ["p10", "p50", "p90"]


def _kinds(tables: Tables) -> pd.Series[str]:
    """Kind of each demand row's workload."""
    workloads = tables["workloads"].values
    return tables["demand"].values["workload"].map(dict(zip(workloads["workload"], workloads["kind"], strict=True)))


@rule("demand: workload origin period issued_at", "workloads: workload kind", "calendar: period as_of")
def inference_has_no_gap(tables: Tables) -> Iterator[Violation]:
    data, periods, as_of = tables["demand"], tables["calendar"].values["period"], tables["calendar"].values["as_of"].min()
    issued = data.values["issued_at"]
    known = issued.isna() | (issued <= as_of)
    rows = data.values.loc[known & (_kinds(tables) == "inference") & data.values["origin"].notna(), ["workload", "origin", "period"]]
    there = pd.MultiIndex.from_frame(rows)
    pairs = rows[["workload", "origin"]].drop_duplicates()
    wanted = pd.MultiIndex.from_frame(pairs.merge(periods.to_frame(), how="cross"))
    missing = wanted.difference(there, sort=False)
    if len(missing):
        words = "a workload that is asked for from an origin must have a row for every period"
        yield Violation(
            where=data.label,
            rule=words if known.all() else f"{words}, issued by the case's date, {as_of:%Y-%m-%d}",
            got="no row",
            rows=tuple("/".join(key) for key in missing),
            remedy="Add the rows; 0 is a demand too.",
        )


@rule("demand: workload", "demand_history: workload", "workloads: workload kind")
def work_has_demand(tables: Tables) -> Iterator[Violation]:
    data = tables["workloads"]
    asked = {name for table in ("demand", "demand_history") for name in tables[table].values["workload"].unique()}
    wrong = (data.values["kind"] != "training") & ~data.values["workload"].isin(asked)
    words = "a workload of kind inference, research or batch must have rows in demand"
    yield from breaches(data, wrong, "kind", words, "Add its demand or remove the workload.", got="no demand")


@rule("demand: workload", "workloads: workload kind")
def training_has_no_demand(tables: Tables) -> Iterator[Violation]:
    data = tables["demand"]
    words = "workload must not be of kind training: its runs stand in training_runs"
    yield from breaches(data, _kinds(tables) == "training", "workload", words, "Remove the rows, or correct the workload.")


@rule("demand: workload origin", "workloads: workload kind")
def origins_fit_the_kind(tables: Tables) -> Iterator[Violation]:
    data, kinds = tables["demand"], _kinds(tables)
    blank = data.values["origin"].isna()
    wrong = (kinds == "inference") & blank
    yield from breaches(data, wrong, "origin", "origin must be given for a workload of kind inference", "Fill in the origin.")
    wrong = kinds.isin(["research", "batch"]) & ~blank
    yield from breaches(data, wrong, "origin", "origin must be blank for a workload of kind research or batch", "Clear the cell.")


@rule("demand: workload unit", "workloads: workload kind")
def units_fit_the_kind(tables: Tables) -> Iterator[Violation]:
    data, kinds = tables["demand"], _kinds(tables)
    for kind, unit in (("research", "accelerators"), ("batch", "tokens_per_day")):
        wrong = (kinds == kind) & (data.values["unit"] != unit)
        yield from breaches(data, wrong, "unit", f"unit must be {unit} for a workload of kind {kind}", "Convert the rows to that unit.")


@rule("demand: workload origin unit")
def one_unit_over_time(tables: Tables) -> Iterator[Violation]:
    data = tables["demand"]
    units = data.values.groupby(["workload", "origin"], dropna=False)["unit"].transform("nunique")
    words = "unit must be the same in all periods of a workload and origin"
    yield from breaches(data, units > 1, "unit", words, "Convert the rows to one unit.", got="several units")


@rule("demand: mean p10 p50 p90")
def mean_or_quantiles(tables: Tables) -> Iterator[Violation]:
    data = tables["demand"]
    given = data.values[_QUANTILES].notna().sum(axis=1)
    mean = data.values["mean"].notna()
    wrong = (mean & (given > 0)) | (~mean & (given < len(_QUANTILES)))
    rows = wrong.to_numpy().nonzero()[0]
    got = _given(data, int(rows[0])) if len(rows) else None
    yield from breaches(data, wrong, "mean", "either mean or all of p10, p50 and p90 must be given", "Give one or the other.", got)


def _given(data: TableData, row: int) -> str:
    names = [name for name in ("mean", *_QUANTILES) if data.values[name].notna().iat[row]]
    return ", ".join(names) or "none of them"


@rule("demand: p10 p50 p90")
def quantiles_are_ordered(tables: Tables) -> Iterator[Violation]:
    data = tables["demand"]
    low, middle, high = (data.values[name] for name in _QUANTILES)
    wrong = (low > middle) | (middle > high)
    rows = wrong.to_numpy().nonzero()[0]
    got = ", ".join(data.cells[name][rows[0]] for name in _QUANTILES) if len(rows) else None
    yield from breaches(data, wrong, "p10", "quantiles must be ordered, p10 <= p50 <= p90", "Correct the quantiles.", got)


@rule("demand: workload unit prompt_tokens output_tokens", "workloads: workload kind", "measured_throughput: workload")
def requests_are_described(tables: Tables) -> Iterator[Violation]:
    """Tokens per request are needed for requests, and for tokens of inference or wherever throughput follows from a model."""
    data, kinds = tables["demand"], _kinds(tables)
    measured = data.values["workload"].isin(tables["measured_throughput"].values["workload"])
    in_tokens = data.values["unit"] == "tokens_per_day"
    needed = (data.values["unit"] == "requests_per_s") | (in_tokens & ((kinds == "inference") | ~measured))
    for column in ("prompt_tokens", "output_tokens"):
        wrong = needed & data.values[column].isna()
        words = f"{column} must be given, in tokens / request, where demand is in requests or tokens"
        yield from breaches(data, wrong, column, words, "Fill in the mean length.")


DEMAND_RULES: tuple[Rule, ...] = (
    inference_has_no_gap,
    work_has_demand,
    training_has_no_demand,
    origins_fit_the_kind,
    units_fit_the_kind,
    one_unit_over_time,
    mean_or_quantiles,
    quantiles_are_ordered,
    requests_are_described,
)
