"""Demand as it came: stretches of one length without gaps, of work that has demand, in one unit."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from optimizer.errors import Violation
from optimizer.tables.check.rule import Rule, Tables, breaches, rule

_STREAM = ["workload", "origin"]


@rule("demand_history: workload origin start end")
def stretches_follow_each_other(tables: Tables) -> Iterator[Violation]:
    data = tables["demand_history"]
    wrong = data.values["end"] <= data.values["start"]
    yield from breaches(data, wrong, "end", "end must be after start", "Write the first day after the stretch.")
    if wrong.any():
        return
    ordered = data.values.sort_values("start")
    before = ordered.groupby(_STREAM, dropna=False)["end"].shift()
    gaps = (before.notna() & (before != ordered["start"])).reindex(data.values.index)
    words = "start must be the day on which the stretch before it ends, for each workload and origin"
    yield from breaches(data, gaps, "start", words, "Add the stretch that is missing, or correct the dates; 0 is a demand too.")


@rule("demand_history: workload origin start end")
def stretches_have_one_length(tables: Tables) -> Iterator[Violation]:
    data = tables["demand_history"]
    starts, ends = data.values["start"], data.values["end"]
    months = (starts.dt.day == 1) & (ends == starts + pd.offsets.MonthBegin(1))
    days = (ends - starts).dt.days
    streams = data.values[_STREAM].apply(tuple, axis=1) if len(data.values) else pd.Series(dtype=object)
    uneven = (days.groupby(streams).transform("nunique") > 1) & ~months.groupby(streams).transform("all")
    words = "stretches of a workload and origin must all be calendar months, or all have the same number of days"
    yield from breaches(data, uneven, "end", words, "Sum days up to months, or split months into days.", got="several lengths")


@rule("demand_history: workload origin unit", "demand: workload origin unit", "workloads: workload kind")
def history_fits_the_work(tables: Tables) -> Iterator[Violation]:
    data, workloads = tables["demand_history"], tables["workloads"].values
    kinds = data.values["workload"].map(dict(zip(workloads["workload"], workloads["kind"], strict=True)))
    words = "workload must not be of kind training: its runs stand in training_runs"
    yield from breaches(data, kinds == "training", "workload", words, "Remove the rows, or correct the workload.")
    blank = data.values["origin"].isna()
    words = "origin must be given for a workload of kind inference, and blank for research and batch"
    wrong = ((kinds == "inference") & blank) | (kinds.isin(["research", "batch"]) & ~blank)
    yield from breaches(data, wrong, "origin", words, "Fill in the origin, or clear the cell.")
    units = pd.concat([tables[name].values[[*_STREAM, "unit"]] for name in ("demand", "demand_history")])
    several = units.groupby(_STREAM, dropna=False)["unit"].nunique() > 1
    streams = pd.MultiIndex.from_frame(data.values[_STREAM])
    wrong = pd.Series(streams.isin(several[several].index), index=data.values.index)
    words = "unit must be the same in demand and demand_history, for each workload and origin"
    yield from breaches(data, wrong, "unit", words, "Convert the rows to one unit.")


HISTORY_RULES: tuple[Rule, ...] = (stretches_follow_each_other, stretches_have_one_length, history_fits_the_work)
