"""Scenarios, limits, pins and placements."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd

from optimizer.errors import Violation
from optimizer.tables.check.rule import Rule, Tables, breaches, rule
from optimizer.tables.files import nearest
from optimizer.tables.loads import loads_by_workload

# probabilities are written with finitely many decimals: a third and two thirds need not sum to exactly 1
PROBABILITY_SLACK = 1e-6


@rule("scenarios: probability")
def probabilities_sum_to_one(tables: Tables) -> Iterator[Violation]:
    data = tables["scenarios"]
    total = math.fsum(data.values["probability"])
    if abs(total - 1) > PROBABILITY_SLACK:
        yield data.violation("probability must sum to 1 over all scenarios", f"{total:.9g}", range(len(data.values)), "Correct them.")


@rule("scenario_multipliers: quantity workload origin supplier factor")
def multipliers_fit_their_quantity(tables: Tables) -> Iterator[Violation]:
    data = tables["scenario_multipliers"]
    price = data.values["quantity"] == "price"
    for column, wrong_quantity, name in (("workload", price, "price"), ("origin", price, "price"), ("supplier", ~price, "demand")):
        wrong = wrong_quantity & data.values[column].notna()
        yield from breaches(data, wrong, column, f"{column} must be blank where quantity is {name}", "Clear the cell.")
    wrong = price & (data.values["factor"] <= 0)
    yield from breaches(data, wrong, "factor", "factor must be > 0 where quantity is price", "Correct the factor.")


@rule("decision_stages: decided_on scenario group", "scenarios: scenario")
def stages_part_all_scenarios(tables: Tables) -> Iterator[Violation]:
    data, known = tables["decision_stages"], list(tables["scenarios"].values["scenario"])
    if not len(data.values):
        return
    earlier: dict[str, str] = {}
    for day, part in data.values.groupby("decided_on", sort=True):
        group = dict(zip(part["scenario"], part["group"], strict=True))
        missing = [name for name in known if name not in group]
        if missing:
            rule_ = "every day must name all scenarios"
            yield data.violation(rule_, f"{day:%Y-%m-%d} without {', '.join(missing[:3])}", list(part.index), "Add rows.")
            return
        joined = [a for a in known for b in known if earlier and earlier[a] != earlier[b] and group[a] == group[b]]
        if joined:
            yield data.violation("scenarios told apart on a day stay apart", f"{day:%Y-%m-%d}", list(part.index), "Give them other groups.")
            return
        earlier = group


@rule("limits: kind supplier value")
def limits_fit_their_kind(tables: Tables) -> Iterator[Violation]:
    data = tables["limits"]
    kind, value = data.values["kind"], data.values["value"]
    share = (kind == "supplier_share") & ((value <= 0) | (value > 1))
    yield from breaches(data, share, "value", "value of a supplier_share must be > 0 and <= 1 share", "Correct the value.")
    for name, least in (("fewest_suppliers", 1), ("moves", 0)):
        wrong = (kind == name) & ((value < least) | (value % 1 != 0))
        yield from breaches(data, wrong, "value", f"value of {name} must be a whole number >= {least}", "Correct the value.")
    alone = ~kind.isin(["budget", "supplier_share"]) & data.values["supplier"].notna()
    yield from breaches(data, alone, "supplier", "supplier must be blank but for a budget or a supplier_share", "Clear the cell.")


@rule("placements: load", "training_runs: run", "demand: workload origin", "workloads: workload split")
def placements_name_work(tables: Tables) -> Iterator[Violation]:
    known = _loads(tables) | set(tables["training_runs"].values["run"])
    yield from _unknown(tables, "placements", "load", known, "load must be a load or a training run")


@rule(
    "pins: subject",
    "training_runs: run",
    "demand: workload origin",
    "workloads: workload split",
    "contracts: ContractCommitmentId",
)
def pins_name_subjects(tables: Tables) -> Iterator[Violation]:
    known = _loads(tables) | set(tables["training_runs"].values["run"]) | set(tables["workloads"].values["workload"])
    known |= set(tables["contracts"].values["ContractCommitmentId"])
    yield from _unknown(tables, "pins", "subject", known, "subject must be a load, a training run, a workload or a contract")


def _loads(tables: Tables) -> set[str]:
    return {name for names in loads_by_workload(tables).values() for name in names}


def _unknown(tables: Tables, name: str, column: str, known: set[str], rule: str) -> Iterator[Violation]:
    data = tables[name]
    wrong = ~data.values[column].isin(known)
    rows = wrong.to_numpy().nonzero()[0]
    near = nearest(str(data.values[column].iat[rows[0]]), tuple(sorted(known))) if len(rows) else ""
    yield from breaches(data, wrong, column, rule, f"Correct the name{near} or remove the row.")


@rule(
    "pins: subject pool period",
    "training_runs: run workload",
    "demand: workload origin",
    "workloads: workload split",
    "contracts: ContractCommitmentId",
)
def pins_fit_their_subject(tables: Tables) -> Iterator[Violation]:
    data, runs = tables["pins"], tables["training_runs"].values
    subject = data.values["subject"]
    contract = subject.isin(tables["contracts"].values["ContractCommitmentId"])
    wrong = contract & data.values["pool"].notna()
    yield from breaches(data, wrong, "pool", "pool must be blank where the subject is a contract", "Clear the cell.")
    work = subject.isin(_loads(tables)) | subject.isin(runs["run"]) | subject.isin(tables["workloads"].values["workload"])
    wrong = work & data.values["pool"].isna()
    yield from breaches(data, wrong, "pool", "pool must be given where the subject is work", "Fill in the pool.")
    whole = contract | subject.isin(runs["run"]) | subject.isin(runs["workload"])
    wrong = whole & data.values["period"].notna()
    words = "period must be blank where the subject is a contract or training, which is pinned as a whole"
    yield from breaches(data, wrong, "period", words, "Clear the cell.")


@rule(
    "pins: subject action pool period expires",
    "training_runs: run workload",
    "demand: workload origin",
    "workloads: workload split",
    "calendar: period start",
)
def pins_do_not_contradict(tables: Tables) -> Iterator[Violation]:
    """Nothing is forced and forbidden at once, or forced into two pools in one period."""
    data = tables["pins"]
    if data.values.empty:
        return
    each = _each_pinned(tables)
    forced, forbidden = each[each["action"] == "force"], each[each["action"] == "forbid"]
    both = forced.merge(forbidden, on=["name", "pool", "period"])
    if len(both):
        rows = sorted({*both["row_x"], *both["row_y"]})
        words = "a pin must not force what another forbids"
        yield data.violation(words, f"{both['name'].iat[0]} forced and forbidden", rows, "Remove one of the pins, or let it expire.")
    twice = forced.merge(forced, on=["name", "period"])
    twice = twice[(twice["pool_x"] != twice["pool_y"]) & twice["pool_x"].notna() & twice["pool_y"].notna()]
    if len(twice):
        first, rows = twice.iloc[0], sorted({*twice["row_x"], *twice["row_y"]})
        words = "pins must not force one load into two pools in the same period"
        got = f"{first['name']} into {first['pool_x']} and {first['pool_y']} in {first['period']}"
        yield data.violation(words, got, rows, "Remove one of the pins, or let it expire.")


def _each_pinned(tables: Tables) -> pd.DataFrame:
    """One row for each load, run or contract, and each period that starts before the pin lapses: name, action, pool, period, row."""
    runs, calendar = tables["training_runs"].values, tables["calendar"].values
    members = {workload: list(names) for workload, names in loads_by_workload(tables).items()}
    for run, workload in zip(runs["run"], runs["workload"], strict=True):
        members.setdefault(workload, []).append(run)
    pins = tables["pins"].values[["subject", "action", "pool", "period", "expires"]]
    names = pd.Series([members.get(subject, [subject]) for subject in pins["subject"]], index=pins.index, dtype=object)
    pins = pins.assign(row=range(len(pins)), name=names).explode("name")
    each = pins.merge(calendar[["period", "start"]], how="cross", suffixes=("_pinned", ""))
    meant = each["period_pinned"].isna() | (each["period_pinned"] == each["period"])
    return each[meant & ~(each["expires"] <= each["start"])]


PLAN_RULES: tuple[Rule, ...] = (
    probabilities_sum_to_one,
    multipliers_fit_their_quantity,
    stages_part_all_scenarios,
    limits_fit_their_kind,
    placements_name_work,
    pins_name_subjects,
    pins_fit_their_subject,
    pins_do_not_contradict,
)
