"""Workloads, training runs and origins: what each must have to be planned."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from optimizer.domain.calendar import HOURS_PER_DAY
from optimizer.domain.workload import ServingTechniques
from optimizer.errors import Violation
from optimizer.tables.check.rule import Rule, Tables, breaches, rule
from optimizer.tables.files import nearest


@rule("workloads: workload kind model", "measured_throughput: workload", "demand: workload unit")
def throughput_is_known(tables: Tables) -> Iterator[Violation]:
    data, demand = tables["workloads"], tables["demand"].values
    in_tokens = demand["workload"][demand["unit"] != "accelerators"].unique()
    needed = data.values["workload"].isin(in_tokens) | (data.values["kind"] == "training")
    measured = data.values["workload"].isin(tables["measured_throughput"].values["workload"])
    wrong = needed & data.values["model"].isna() & ~measured
    words = "a workload must have a model, rows in measured_throughput, or demand in accelerators"
    yield from breaches(data, wrong, "model", words, "Give one of them.", got="none of them")


@rule("workloads: workload kind", "training_runs: workload")
def training_has_runs(tables: Tables) -> Iterator[Violation]:
    data, runs = tables["workloads"], tables["training_runs"]
    training = data.values["kind"] == "training"
    idle = training & ~data.values["workload"].isin(runs.values["workload"])
    words = "a workload of kind training must have rows in training_runs"
    yield from breaches(data, idle, "kind", words, "Add its runs or remove the workload.", got="no run")
    stray = ~runs.values["workload"].isin(data.values["workload"][training])
    yield from breaches(runs, stray, "workload", "workload must be of kind training", "Correct the workload, or its kind in workloads.csv.")


TECHNIQUES = tuple(ServingTechniques.__dataclass_fields__)


@rule(f"workloads: workload kind model {' '.join(TECHNIQUES)}")
def techniques_are_of_models_that_serve(tables: Tables) -> Iterator[Violation]:
    data = tables["workloads"]
    serving = data.values["kind"].isin(["inference", "batch"]) & data.values["model"].notna()
    for name in TECHNIQUES:
        words = f"{name} must be blank but for a workload of kind inference or batch with a model"
        yield from breaches(data, data.values[name].notna() & ~serving, name, words, "Clear the cell, or name the model.")
    drafted, accepted = (data.values[name].notna() for name in ("drafted_tokens", "acceptance_share"))
    words = "drafted_tokens and acceptance_share must be given together"
    yield from breaches(data, drafted & ~accepted, "drafted_tokens", words, "Give the share that is accepted, or clear the cell.")
    yield from breaches(data, accepted & ~drafted, "acceptance_share", words, "Give the tokens that are drafted, or clear the cell.")
    costed = data.values["draft_step_share"].notna() & ~drafted
    words = "draft_step_share must be blank where drafted_tokens is"
    yield from breaches(data, costed, "draft_step_share", words, "Give the tokens that are drafted, or clear the cell.")


@rule("training_runs: run", "workloads: workload", "contracts: ContractCommitmentId")
def run_names_are_their_own(tables: Tables) -> Iterator[Violation]:
    """Pins and placements name runs, workloads, loads and contracts in one column."""
    data = tables["training_runs"]
    taken = [*tables["workloads"].values["workload"], *tables["contracts"].values["ContractCommitmentId"]]
    words = "run must not be the name of a workload or a contract: pins could not tell them apart"
    yield from breaches(data, data.values["run"].isin(taken), "run", words, "Rename the run.")


@rule("workloads: residency", "sites: jurisdiction")
def residency_names_jurisdictions(tables: Tables) -> Iterator[Violation]:
    data, known = tables["workloads"], sorted(set(tables["sites"].values["jurisdiction"].dropna()))
    named = data.values["residency"].explode()
    unknown = named[named.notna() & ~named.isin(known)]
    if len(unknown):
        first = str(unknown.iat[0])
        yield data.violation(
            "residency must name jurisdictions of sites",
            first,
            list(pd.unique(unknown.index)),
            f"Correct it{nearest(first, tuple(known))}, or remove what no site has.",
        )


@rule("origins: time_zone")
def time_zones_exist(tables: Tables) -> Iterator[Violation]:
    data = tables["origins"]
    unknown = [zone for zone in data.values["time_zone"].unique() if not _exists(zone)]
    words = "time_zone must be a time zone of the IANA database"
    yield from breaches(data, data.values["time_zone"].isin(unknown), "time_zone", words, "Write one such as Europe/Paris.")


def _exists(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@rule("origins: origin", "origin_profiles: origin day_type local_hour weight")
def profiles_are_whole(tables: Tables) -> Iterator[Violation]:
    data, profiles = tables["origins"], tables["origin_profiles"].values
    hours = profiles.groupby("origin")[["day_type", "local_hour"]].apply(lambda rows: len(rows.drop_duplicates()))
    found = data.values["origin"].map(hours).fillna(0) if len(hours) else pd.Series(0, index=data.values.index)
    whole = found == 2 * HOURS_PER_DAY
    lacking = found[~whole]
    words = "origin must have a weight for 24 local hours of weekdays and of weekends, 48 rows in origin_profiles"
    got = f"{lacking.iat[0]:g} rows" if len(lacking) else None
    yield from breaches(data, ~whole, "origin", words, "Add the hours to origin_profiles.csv.", got)
    sums = profiles.groupby(["origin", "day_type"])["weight"].sum()
    flat = data.values["origin"].isin(sums[sums <= 0].index.get_level_values("origin"))
    words = "weights of an origin's weekday and weekend must each sum to more than 0"
    yield from breaches(data, flat, "origin", words, "Correct the weights in origin_profiles.csv.", got="a sum of 0")


WORK_RULES: tuple[Rule, ...] = (
    throughput_is_known,
    training_has_runs,
    techniques_are_of_models_that_serve,
    run_names_are_their_own,
    residency_names_jurisdictions,
    time_zones_exist,
    profiles_are_whole,
)
