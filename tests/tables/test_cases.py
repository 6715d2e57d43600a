"""What the shipped cases contain: the sizes that they promise, and where their figures come from."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from functools import cache

import numpy as np
import pytest

from optimizer.domain.case import Case
from optimizer.domain.contract import UNKNOWN, Status, Unit
from optimizer.domain.workload import Kind
from optimizer.planning.needs import compute_needs
from optimizer.tables.catalog import case_folder, case_names, data_folder
from optimizer.tables.read import read_case

CASES = ("frontier_lab", "small", "tiny")
CONTINENT = {
    "US": "North America",
    "CA": "North America",
    "BR": "South America",
    "DE": "Europe",
    "SE": "Europe",
    "GB": "Europe",
    "NL": "Europe",
    "NO": "Europe",
    "FI": "Europe",
    "FR": "Europe",
    "IS": "Europe",
    "JP": "Asia",
    "IN": "Asia",
    "SG": "Asia",
    "MY": "Asia",
    "AU": "Oceania",
    "ZA": "Africa",
}
SATELLITE_USD_PER_MONTH = 1_250_000_000
PUBLIC_LISTS = ("AWS us-east-1 list price 2026-", "Azure list price 2026-", "GPU marketplace, median of listed prices")


@cache
def case_of(name: str) -> Case:
    return read_case(case_folder(name))


def rows_of(case: str, table: str) -> list[dict[str, str]]:
    with (data_folder() / case / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def all_rows(case: str) -> list[tuple[str, dict[str, str]]]:
    tables = sorted(path.stem for path in (data_folder() / case).glob("*.csv"))
    return [(table, row) for table in tables for row in rows_of(case, table)]


def test_case_names() -> None:
    assert case_names() == CASES


def test_frontier_lab_supply() -> None:
    case = case_of("frontier_lab")
    kinds = Counter(supplier.kind for supplier in case.suppliers)
    assert len(case.suppliers) >= 8
    assert kinds["hyperscaler"] >= 3
    assert kinds["gpu_cloud"] >= 3
    assert set(kinds) == {"hyperscaler", "gpu_cloud", "owned", "edge", "satellite"}
    assert len(case.sites) >= 20
    assert len(case.pools) >= 40
    assert len({CONTINENT[site.jurisdiction] for site in case.sites}) >= 5
    assert {pool.site for pool in case.pools} == {site.name for site in case.sites}


def test_frontier_lab_work() -> None:
    case = case_of("frontier_lab")
    services = [workload.name for workload in case.workloads if workload.kind is Kind.INFERENCE]
    assert len(services) == 12
    assert len(case.origins) == 10
    served = {(row.workload, row.origin) for row in case.demand if row.origin is not None}
    assert served == {(service, origin.name) for service in services for origin in case.origins}
    assert len(case.training_runs) == 25
    kinds = {workload.kind for workload in case.workloads}
    assert {Kind.RESEARCH, Kind.BATCH} <= kinds
    assert any(workload.residency and set(workload.residency) <= {"DE", "SE", "NL", "FI", "FR"} for workload in case.workloads)


def test_frontier_lab_calendar_reaches_the_end_of_the_satellite_contract() -> None:
    case = case_of("frontier_lab")
    satellite = next(contract for contract in case.contracts if contract.name == "satellite_take_or_pay")
    assert satellite.end <= case.calendar.end
    assert len({period.days for period in case.calendar.periods[24:]} - {period.days for period in case.calendar.periods[:24]}) > 0
    assert len(case.calendar.blocks) == 4
    assert len(case.scenarios) == 5


def test_frontier_lab_contracts() -> None:
    contracts = case_of("frontier_lab").contracts
    assert len(contracts) == 12
    proposed = [contract for contract in contracts if contract.status is Status.PROPOSED]
    assert len(proposed) == 4
    assert sum(contract.status.in_force for contract in contracts) == 8
    groups = Counter(contract.option_group for contract in proposed if contract.option_group)
    assert max(groups.values()) == 2
    assert any(contract.notice_days is UNKNOWN and contract.fee_steps is UNKNOWN for contract in contracts)
    assert any(isinstance(contract.minimum_spend, float) for contract in contracts)
    assert any(isinstance(contract.share_of_wallet, float) for contract in contracts)
    assert any(contract.ramp for contract in contracts)
    assert any(contract.exclusions for contract in contracts)
    assert {"USD", "EUR"} == {contract.currency for contract in contracts}


def test_every_quote_can_still_be_signed() -> None:
    for name in CASES:
        case = case_of(name)
        for contract in case.contracts:
            if contract.status is Status.PROPOSED:
                assert contract.sign_by is not None
                assert case.as_of <= contract.sign_by < contract.start


def test_satellite_contract_costs_the_reported_sum() -> None:
    case = case_of("frontier_lab")
    contract = next(contract for contract in case.contracts if contract.name == "satellite_take_or_pay")
    assert contract.unit is Unit.ACCELERATOR_MONTH
    assert contract.take_or_pay_share == 1.0
    assert isinstance(contract.price, float)
    assert contract.lots * contract.accelerators * contract.price == SATELLITE_USD_PER_MONTH
    assert contract.end == date(2029, 6, 1)
    row = next(row for row in rows_of("frontier_lab", "contracts") if row["ContractCommitmentId"] == contract.name)
    assert row["source_kind"] == "reported"
    assert all(word in row["source"] for word in ("press reports", "1.25 billion", "Assumed", "quantity", "satellite"))
    kinds = {supplier.name: supplier.kind for supplier in case.suppliers}
    assert kinds[contract.supplier] == "satellite"
    access = {site.name: site.access.value for site in case.sites}
    site_of = {pool.name: pool.site for pool in case.pools}
    assert {access[site_of[pool]] for pool in contract.pools} == {"satellite_relay", "orbital"}


@pytest.mark.parametrize("case", ["reference", *CASES])
def test_assumptions_say_so(case: str) -> None:
    for table, row in all_rows(case):
        if row["source"].startswith(("illustrative", "assumed")):
            assert row["source_kind"] == "assumed", (table, row)
        if row["source_kind"] == "assumed":
            assert any(word in row["source"] for word in ("assumed", "illustrative", "second source wanted")), (table, row)


def test_list_prices_name_a_list_and_its_day() -> None:
    for case in ("frontier_lab", "small"):
        listed = [row for row in rows_of(case, "offers") if row["source_kind"] == "list"]
        assert len(listed) >= 5
        for row in listed:
            assert row["source"].startswith(PUBLIC_LISTS)
            assert date.fromisoformat(row["as_of"]) <= case_of(case).as_of


def test_size_of_small() -> None:
    case = case_of("small")
    needs = compute_needs(case)
    assert 18 <= len(needs.loads) + len(needs.runs) <= 22
    shape = len(case.pools), len(case.calendar.periods), len(case.calendar.blocks), len(case.scenarios)
    assert shape == (8, 6, 2, 2)
    assert {workload.kind for workload in case.workloads} == set(Kind)


def test_tiny_asks_for_accelerators_and_no_model() -> None:
    case = case_of("tiny")
    assert all(row.unit.value == "accelerators" for row in case.demand)
    assert all(workload.model is None for workload in case.workloads)
    assert len(case.pools) == 2
    assert len(case.calendar.periods) == 2
    assert len(case.calendar.blocks) == 1


def test_every_load_of_frontier_lab_has_a_choice_of_pools() -> None:
    needs = compute_needs(read_case(case_folder("frontier_lab"), periods=1))
    assert len(needs.loads) >= 120
    pools = np.bincount(needs.pair_load, minlength=len(needs.loads))
    assert pools.min() >= 5
    assert 10 <= np.median(pools) <= 30


def test_gangs_fit_into_the_contracts_in_force_or_the_market() -> None:
    case = case_of("frontier_lab")
    supply = {pool.name: sum(offer.limit or 0.0 for offer in case.offers if offer.pool == pool.name) for pool in case.pools}
    for contract in case.contracts:
        if contract.status.in_force:
            for pool in contract.pools:
                supply[pool] += contract.lots * contract.accelerators
    assert all(max(run.gang_sizes) <= max(supply.values()) for run in case.training_runs)
    assert all(sum(supply[pool] >= min(run.gang_sizes) for pool in supply) >= 5 for run in case.training_runs)
