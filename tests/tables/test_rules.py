"""Rules across rows and tables, each broken alone: where, what was got, and which rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.errors import DataError
from optimizer.tables.check.work import TECHNIQUES
from optimizer.tables.read import read_case
from tests.tables.minimal import PROVENANCE, Tables, added, changed, tables, without, write

Found = tuple[str, str, str, tuple[str, ...]]


def found(folder: Path) -> list[Found]:
    """(file, beginning of the rule, value, rows) of each violation."""
    try:
        read_case(folder)
    except DataError as error:
        return [(v.where, v.rule, v.got, v.rows) for v in error.violations]
    return []


def both(first: Tables, name: str, row: int, **cells: str) -> Tables:
    first[name][row] = first[name][row] | cells
    return first


def forced_twice() -> Tables:
    return added("pins", 0, pool="lima_chip", period="")


def joined_again() -> Tables:
    made = added("decision_stages", 0, decided_on="2028-03-01", group="both")
    made["decision_stages"].append(made["decision_stages"][1] | {"decided_on": "2028-03-01", "group": "both"})
    return made


BROKEN: dict[str, tuple[Tables, Found]] = {
    "period backwards": (
        changed("calendar", 1, end="2028-02-01"),
        ("calendar.csv", "end must be after start", "2028-02-01", ("2028-02",)),
    ),
    "gap between periods": (
        changed("calendar", 1, end="2028-02-28"),
        ("calendar.csv", "start must be the day on which", "2028-03-01 after an end on 2028-02-28", ("2028-spring",)),
    ),
    "periods overlap": (
        changed("calendar", 0, end="2028-02-10"),
        ("calendar.csv", "start must be the day on which", "2028-02-01 after an end on 2028-02-10", ("2028-02",)),
    ),
    "two dates of the case": (
        changed("calendar", 2, as_of="2028-01-02"),
        ("calendar.csv", "as_of must be the same day", "2028-01-01 and 2028-01-02", ("2028-01", "2028-02", "2028-spring")),
    ),
    "hours not covered": (
        changed("blocks", 1, start_hour_utc="9"),
        ("blocks.csv", "blocks must cover the hours 0 to 24", "0-8, 9-24", ("night", "day")),
    ),
    "hours covered twice": (
        changed("blocks", 0, end_hour_utc="10"),
        ("blocks.csv", "blocks must cover the hours 0 to 24", "0-10, 8-24", ("night", "day")),
    ),
    "window backwards": (
        changed("training_runs", 0, window_end="2028-01-01"),
        ("training_runs.csv", "window_end must be after window_start", "2028-01-01", ("run_a",)),
    ),
    "offer too late": (
        changed("offers", 1, valid_from="2028-06-01", valid_to=""),
        ("offers.csv", "the offer must hold on some day of the calendar", "2028-06-01", ("lima_spot",)),
    ),
    "offer backwards": (
        changed("offers", 1, valid_from="2028-05-01"),
        ("offers.csv", "valid_to must be after valid_from", "2028-05-01", ("lima_spot",)),
    ),
    "on-demand that is lost": (
        changed("offers", 0, loss_share="0.1"),
        ("offers.csv", "loss_share of an on-demand offer must be 0", "0.1", ("oslo_now",)),
    ),
    "spend with another supplier's contract": (
        changed("other_spend", 0, ContractCommitmentId="quote"),
        ("other_spend.csv", "ContractCommitmentId must be a contract of the row's supplier", "quote", ("north/2028-01",)),
    ),
    "currency without a rate": (
        changed("contracts", 0, BillingCurrency="JPY"),
        ("contracts.csv", "BillingCurrency must have a rate in exchange_rates for every period; 2028-01", "JPY", ("held",)),
    ),
    "currency with a rate in some periods": (
        without("exchange_rates", 0),
        ("contracts.csv", "BillingCurrency must have a rate in exchange_rates for every period; 2028-01", "EUR", ("held",)),
    ),
    "more experts per token than experts": (
        changed("models", 0, experts_per_token="2"),
        ("models.csv", "experts_per_token must be <= experts", "2", ("small_model",)),
    ),
    "tiers of two kinds": (
        changed("contract_tiers", 1, kind="all_units"),
        ("contract_tiers.csv", "kind must be the same for all tiers of a contract", "incremental", ("quote/0", "quote/10")),
    ),
    "two prices for the same units": (
        both(changed("contracts", 0, x_TrueUpPrice="none"), "contracts", 1, x_TrueUpPrice="5"),
        ("contracts.csv", "a contract must not have both a true-up price and volume tiers", "quote", ("quote",)),
    ),
    "comparable with nothing": (
        tables() | {"contract_comparables": [PROVENANCE | {"ContractCommitmentId": "held", "comparable": "quotes"}]},
        ("contract_comparables.csv", "comparable must be another contract", "quotes", ("held/quotes",)),
    ),
    "a balance without a minimum": (
        tables() | {"contract_balances": [PROVENANCE | {"ContractCommitmentId": "held", "kind": "rollover"}]},
        ("contract_balances.csv", "kind rollover must belong to a contract with x_MinimumSpend", "rollover", ("held",)),
    ),
    "renewed after the end": (
        both(
            changed("contracts", 0, x_RenewalMonths="12", x_RenewBy="2029-06-02"), "contracts", 1, x_RenewalMonths="none", x_RenewBy=""
        ),
        ("contracts.csv", "x_RenewBy must not be after", "2029-06-02", ("held",)),
    ),
    "contract backwards": (
        changed("contracts", 1, ContractCommitmentPeriodEnd="2028-02-01"),
        ("contracts.csv", "ContractCommitmentPeriodEnd must be after", "2028-02-01", ("quote",)),
    ),
    "quote of the past": (
        changed("contracts", 1, ContractCommitmentPeriodStart="2027-12-31", x_SignBy=""),
        (
            "contracts.csv",
            "ContractCommitmentPeriodStart of a Proposed contract must be the case's date, 2028-01-01,",
            "2027-12-31",
            ("quote",),
        ),
    ),
    "in force but over": (
        both(
            {n: [r for r in rows if n not in ("contract_ramp_steps", "contract_fee_steps")] for n, rows in tables().items()},
            "contracts",
            0,
            ContractCommitmentPeriodEnd="2028-01-01",
            x_EarliestExit="",
            x_TerminationFeeSchedule="none",
        ),
        ("contracts.csv", "ContractCommitmentPeriodEnd of a contract in force must be after the case's date", "2028-01-01", ("held",)),
    ),
    "signed after it starts": (
        changed("contracts", 1, x_SignBy="2028-02-02"),
        ("contracts.csv", "x_SignBy must not be after", "2028-02-02", ("quote",)),
    ),
    "pool of another supplier": (
        added("contract_pools", 0, pool="lima_chip"),
        ("contract_pools.csv", "pool must be one of the contract's supplier", "lima_chip", ("held/lima_chip",)),
    ),
    "notice longer than the term": (
        changed("contracts", 0, x_NoticePeriodDays="732"),
        ("contracts.csv", "x_NoticePeriodDays must not be longer than the contract's term", "732", ("held",)),
    ),
    "exit before the start": (
        changed("contracts", 0, x_EarliestExit="2027-05-31"),
        ("contracts.csv", "x_EarliestExit must be within the contract's term", "2027-05-31", ("held",)),
    ),
    "schedule without steps": (
        changed("contracts", 1, x_TerminationFeeSchedule="given", x_NoticePeriodDays="30"),
        ("contracts.csv", "x_TerminationFeeSchedule given must have rows", "given", ("quote",)),
    ),
    "steps without a schedule": (
        changed("contracts", 0, x_TerminationFeeSchedule=""),
        ("contract_fee_steps.csv", "a contract with fee steps must have", "held", ("held/2028-06-01", "held/2028-01-01")),
    ),
    "fee after the end": (
        changed("contract_fee_steps", 0, start="2029-06-02"),
        ("contract_fee_steps.csv", "start must not be after the contract's", "2029-06-02", ("held/2029-06-02",)),
    ),
    "ramp after the end": (
        changed("contract_ramp_steps", 0, start="2029-06-01"),
        ("contract_ramp_steps.csv", "start must be within the contract's term", "2029-06-01", ("held/2029-06-01",)),
    ),
    "exclusion of nobody": (
        changed("contract_exclusions", 1, other="nort"),
        ("contract_exclusions.csv", "other must be a supplier where kind is supplier", "nort", ("quote/supplier/nort",)),
    ),
    "exclusion of itself": (
        changed("contract_exclusions", 0, other="quote"),
        ("contract_exclusions.csv", "a contract must not exclude itself", "quote", ("quote/contract/quote",)),
    ),
    "throughput unknown": (
        changed("workloads", 0, model="", **dict.fromkeys(TECHNIQUES, "")),
        ("workloads.csv", "a workload must have a model, rows in measured_throughput, or demand in", "none of them", ("chat",)),
    ),
    "technique of work that does not serve": (
        changed("workloads", 1, prefix_hit_share="0.5"),
        ("workloads.csv", "prefix_hit_share must be blank but for a workload of kind inference or batch", "0.5", ("pretrain",)),
    ),
    "drafts of unknown use": (
        changed("workloads", 0, acceptance_share=""),
        ("workloads.csv", "drafted_tokens and acceptance_share must be given together", "3", ("chat",)),
    ),
    "acceptance of nothing": (
        changed("workloads", 0, drafted_tokens="", draft_step_share=""),
        ("workloads.csv", "drafted_tokens and acceptance_share must be given together", "0.7", ("chat",)),
    ),
    "cost of nothing": (
        changed("workloads", 0, drafted_tokens="", acceptance_share=""),
        ("workloads.csv", "draft_step_share must be blank where drafted_tokens is", "0.1", ("chat",)),
    ),
    "training without runs": (
        both(changed("training_runs", 0, workload="other"), "workloads", 3, workload="nightly")
        | {"workloads": [*tables()["workloads"], tables()["workloads"][1] | {"workload": "other"}]},
        ("workloads.csv", "a workload of kind training must have rows in training_runs", "no run", ("pretrain",)),
    ),
    "run of a service": (
        added("training_runs", 0, run="run_b", workload="chat"),
        ("training_runs.csv", "workload must be of kind training", "chat", ("run_b",)),
    ),
    "run with a workload's name": (
        changed("training_runs", 0, run="study"),
        ("training_runs.csv", "run must not be the name of a workload or a contract", "study", ("study",)),
    ),
    "jurisdiction of no site": (
        changed("workloads", 0, residency="NO;SE"),
        ("workloads.csv", "residency must name jurisdictions of sites", "SE", ("chat",)),
    ),
    "time zone unknown": (
        changed("origins", 0, time_zone="Europe/Lutetia"),
        ("origins.csv", "time_zone must be a time zone of the IANA database", "Europe/Lutetia", ("paris",)),
    ),
    "hour without a weight": (
        without("origin_profiles", 47),
        ("origins.csv", "origin must have a weight for 24 local hours", "47 rows", ("paris",)),
    ),
    "weights of 0": (
        tables() | {"origin_profiles": [row | {"weight": "0"} for row in tables()["origin_profiles"]]},
        ("origins.csv", "weights of an origin's weekday and weekend must each sum to more than 0", "a sum of 0", ("paris",)),
    ),
    "nobody asks for it": (
        without("demand", 4),
        ("workloads.csv", "a workload of kind inference, research or batch must have rows in demand", "no demand", ("nightly",)),
    ),
    "demand for training": (
        added("demand", 4, workload="pretrain", prompt_tokens="1", output_tokens="1"),
        ("demand.csv", "workload must not be of kind training", "pretrain", ("pretrain/2028-02",)),
    ),
    "service without an origin": (
        added("demand", 0, origin=""),
        ("demand.csv", "origin must be given for a workload of kind inference", "a blank cell", ("chat/2028-01",)),
    ),
    "research with an origin": (
        added("demand", 3, origin="paris"),
        ("demand.csv", "origin must be blank for a workload of kind research or batch", "paris", ("study/paris/2028-01",)),
    ),
    "batch in accelerators": (
        changed("demand", 4, unit="accelerators"),
        ("demand.csv", "unit must be tokens_per_day for a workload of kind batch", "accelerators", ("nightly/2028-02",)),
    ),
    "two units": (
        changed("demand", 0, unit="tokens_per_day"),
        (
            "demand.csv",
            "unit must be the same in all periods",
            "several units",
            ("chat/paris/2028-01", "chat/paris/2028-02", "chat/paris/2028-spring"),
        ),
    ),
    "mean and quantiles": (
        changed("demand", 1, mean="14"),
        ("demand.csv", "either mean or all of p10, p50 and p90 must be given", "mean, p10, p50, p90", ("chat/paris/2028-02",)),
    ),
    "two quantiles": (
        changed("demand", 1, p90=""),
        ("demand.csv", "either mean or all of p10, p50 and p90 must be given", "p10, p50", ("chat/paris/2028-02",)),
    ),
    "quantiles out of order": (
        changed("demand", 1, p90="13"),
        ("demand.csv", "quantiles must be ordered, p10 <= p50 <= p90", "10, 14, 13", ("chat/paris/2028-02",)),
    ),
    "requests without lengths": (
        changed("demand", 2, prompt_tokens=""),
        ("demand.csv", "prompt_tokens must be given, in tokens / request", "a blank cell", ("chat/paris/2028-spring",)),
    ),
    "probabilities": (
        changed("scenarios", 1, probability="0.4"),
        ("scenarios.csv", "probability must sum to 1 over all scenarios", "1.1", ("calm", "boom")),
    ),
    "price of a workload": (
        changed("scenario_multipliers", 1, workload="chat"),
        ("scenario_multipliers.csv", "workload must be blank where quantity is price", "chat", ("boom/price/chat/south/2028-02",)),
    ),
    "demand of a supplier": (
        changed("scenario_multipliers", 0, supplier="south"),
        ("scenario_multipliers.csv", "supplier must be blank where quantity is demand", "south", ("boom/demand/chat/south",)),
    ),
    "free prices": (
        changed("scenario_multipliers", 1, factor="0"),
        ("scenario_multipliers.csv", "factor must be > 0 where quantity is price", "0", ("boom/price/south/2028-02",)),
    ),
    "a stage without a scenario": (
        without("decision_stages", 1),
        ("decision_stages.csv", "every day must name all scenarios", "2028-02-01 without boom", ("2028-02-01/calm",)),
    ),
    "scenarios joined again": (
        joined_again(),
        ("decision_stages.csv", "scenarios told apart on a day stay apart", "2028-03-01", ("2028-03-01/calm", "2028-03-01/boom")),
    ),
    "share above 1": (
        changed("limits", 1, value="90"),
        ("limits.csv", "value of a supplier_share must be > 0 and <= 1 share", "90", ("supplier_share/north",)),
    ),
    "half a move": (
        changed("limits", 2, value="1.5"),
        ("limits.csv", "value of moves must be a whole number >= 0", "1.5", ("moves",)),
    ),
    "moves of a supplier": (
        changed("limits", 2, supplier="north"),
        ("limits.csv", "supplier must be blank but for a budget or a supplier_share", "north", ("moves/north",)),
    ),
    "placement of no load": (
        changed("placements", 0, load="chat@paris"),
        ("placements.csv", "load must be a load or a training run", "chat@paris", ("chat@paris",)),
    ),
    "pin of nothing": (
        changed("pins", 1, subject="quotes"),
        ("pins.csv", "subject must be a load, a training run, a workload or a contract", "quotes", ("quotes/forbid",)),
    ),
    "contract pinned to a pool": (
        changed("pins", 1, pool="lima_chip"),
        ("pins.csv", "pool must be blank where the subject is a contract", "lima_chip", ("quote/forbid/lima_chip",)),
    ),
    "load pinned nowhere": (
        changed("pins", 0, pool=""),
        ("pins.csv", "pool must be given where the subject is work", "a blank cell", ("chat@paris#1/force/2028-01",)),
    ),
    "training pinned for a period": (
        added("pins", 0, subject="run_a"),
        ("pins.csv", "period must be blank where the subject is a contract or training", "2028-01", ("run_a/force/oslo_chip/2028-01",)),
    ),
    "forced and forbidden": (
        added("pins", 0, subject="chat", action="forbid", period="", expires=""),
        (
            "pins.csv",
            "a pin must not force what another forbids",
            "chat@paris#1 forced and forbidden",
            ("chat@paris#1/force/oslo_chip/2028-01", "chat/forbid/oslo_chip"),
        ),
    ),
    "forced into two pools": (
        forced_twice(),
        (
            "pins.csv",
            "pins must not force one load into two pools in the same period",
            "chat@paris#1 into oslo_chip and lima_chip in 2028-01",
            ("chat@paris#1/force/oslo_chip/2028-01", "chat@paris#1/force/lima_chip"),
        ),
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_rule_broken(name: str, tmp_path: Path) -> None:
    made, (where, rule, got, rows) = BROKEN[name]
    (violation,) = found(write(tmp_path, made))
    assert (violation[0], violation[1][: len(rule)], violation[2], violation[3]) == (where, rule, got, rows)


ALLOWED: dict[str, Tables] = {
    "a lapsed pin contradicts nothing": both(forced_twice(), "pins", 2, period="2028-02", expires="2028-02-01"),
    "a minimum that a fee may reach": changed("contracts", 0, x_MinimumSpend="150000", x_FixedMonthlyFee="unknown"),
    "a minimum of spend": both(changed("contracts", 0, x_MinimumSpend="150000"), "contracts", 0, ContractCommitmentCategory="Spend"),
    "a minimum that other spend helps to reach": changed("contracts", 0, x_MinimumSpend="150000"),
    "an agreement renewed on the day it ends": changed("contracts", 1, ContractId="north_2027"),
    "a rate for every period": tables()
    | {"exchange_rates": [tables()["exchange_rates"][1] | {"period": period["period"]} for period in tables()["calendar"]]},
    "research without demand in some periods": tables(),
    "no contracts": {
        name: [] if name.startswith("contract") or name == "other_spend" else rows for name, rows in without("pins", 1).items()
    },
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed(name: str, tmp_path: Path) -> None:
    assert found(write(tmp_path, ALLOWED[name])) == []


def test_a_superseded_commitment_may_overlap(tmp_path: Path) -> None:
    made = added("contracts", 0, ContractCommitmentId="held_before", ContractCommitmentLifecycleStatus="Superseded")
    for child in ("contract_pools", "contract_fee_steps"):
        made[child].append(made[child][0] | {"ContractCommitmentId": "held_before"})
    assert found(write(tmp_path, made)) == []
    made["contracts"][-1]["ContractCommitmentLifecycleStatus"] = "Pending"
    (violation,) = found(write(tmp_path, made))
    assert violation[3] == ("held", "held_before")


def test_rows_of_one_key_do_not_stop_the_other_rules(tmp_path):
    made = added("contracts", 0)
    made["blocks"][0]["start_hour_utc"] = "1"
    write(tmp_path, made)
    told = found(tmp_path)
    assert any(where == "contracts.csv" and "ContractCommitmentId" in rule for where, rule, _, _ in told)
    assert any(rule.startswith("blocks must cover") for _, rule, _, _ in told)
