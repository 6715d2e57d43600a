"""From files to nouns: what blank cells mean, reference tables, comments, fewer periods, Parquet, the order of rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.domain.case import Case
from optimizer.domain.contract import UNKNOWN, Contract, Exclusion, ExclusionKind, FeeStep, Interval, RampStep, Status, Tier, Unit
from optimizer.domain.demand import Demand, DemandUnit, Multiplier, Quantity, Scenario
from optimizer.domain.rules import Pin
from optimizer.domain.supply import ExchangeRate, Offer, OfferKind
from optimizer.domain.workload import Kind, Precision, ServingTechniques, TrainingRun, Workload
from optimizer.errors import ConfigError, DataError
from optimizer.tables.catalog import reference_folder
from optimizer.tables.read import input_files, read_case
from tests.tables.minimal import Tables, added, changed, tables, write, write_parquet

OPTIONAL = (
    "measured_throughput",
    "contract_ramp_steps",
    "contract_tiers",
    "contract_exclusions",
    "other_spend",
    "price_points",
    "placements",
    "scenarios",
    "scenario_multipliers",
    "decision_stages",
    "limits",
    "allowed_sites",
    "pins",
    "round_trips",
)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return read_case(write(tmp_path_factory.mktemp("minimal"), tables()))


def test_the_calendar_is_the_cases_date_and_periods(case: Case) -> None:
    assert case.as_of == date(2028, 1, 1)
    assert [(p.name, p.start, p.end) for p in case.calendar.periods] == [
        ("2028-01", date(2028, 1, 1), date(2028, 2, 1)),
        ("2028-02", date(2028, 2, 1), date(2028, 3, 1)),
        ("2028-spring", date(2028, 3, 1), date(2028, 6, 1)),
    ]
    assert [(b.name, b.start_hour, b.end_hour) for b in case.calendar.blocks] == [("night", 0, 8), ("day", 8, 24)]


def test_techniques_are_off_in_a_case_without_their_columns(tmp_path: Path) -> None:
    made = tables()
    off = {field.name for field in fields(ServingTechniques)}
    made["workloads"] = [{column: cell for column, cell in row.items() if column not in off} for row in made["workloads"]]
    assert {workload.techniques for workload in read_case(write(tmp_path, made)).workloads} == {ServingTechniques()}


def test_a_contract_in_force_with_its_child_tables(case: Case) -> None:
    assert case.contracts[0] == Contract(
        name="held",
        agreement="north_2027",
        supplier="north",
        status=Status.ACTIVE,
        start=date(2027, 6, 1),
        end=date(2029, 6, 1),
        sign_by=None,
        pools=("oslo_chip",),
        lots=2,
        accelerators=16.0,
        unit=Unit.ACCELERATOR_HOUR,
        price=2.0,
        currency="EUR",
        interval=Interval.QUARTER,
        take_or_pay_share=0.8,
        minimum_spend=None,
        fixed_monthly_fee=None,
        share_of_wallet=None,
        notice_days=60.0,
        earliest_exit=date(2028, 2, 1),
        fee_steps=(FeeStep(start=date(2028, 1, 1), fee=9000.0), FeeStep(start=date(2028, 6, 1), fee=5000.0)),
        option_group=None,
        terminal_use=0.25,
        ramp=(
            RampStep(start=date(2028, 1, 15), accelerators=24.0, price=None),
            RampStep(start=date(2028, 3, 1), accelerators=32.0, price=1.9),
        ),
    )


def test_blank_clauses_of_a_quote_are_unknown_and_an_unknown_price_is_read(case: Case) -> None:
    quote = case.contracts[1]
    assert quote.price is UNKNOWN
    assert quote.unknown_clauses == ("take_or_pay_share", "fixed_monthly_fee")
    assert quote.minimum_spend == 1000.0
    assert quote.notice_days is None
    assert quote.fee_steps is None
    assert quote.terminal_use == 0.0
    assert quote.tiers == (
        Tier(from_quantity=0.0, price=1500.0, kind="incremental"),
        Tier(from_quantity=10.0, price=1400.0, kind="incremental"),
    )
    assert quote.exclusions == (
        Exclusion(kind=ExclusionKind.CONTRACT, other="held"),
        Exclusion(kind=ExclusionKind.SUPPLIER, other="north"),
        Exclusion(kind=ExclusionKind.WORK, other="training"),
    )


def test_a_blank_fee_schedule_is_unknown(tmp_path: Path) -> None:
    case = read_case(write(tmp_path, changed("contracts", 1, x_TerminationFeeSchedule="")))
    assert case.contracts[1].fee_steps is UNKNOWN


def test_rows_of_other_tables(case: Case) -> None:
    assert case.offers[1] == Offer(
        name="lima_spot",
        pool="lima_chip",
        kind=OfferKind.SPOT,
        price=1.1,
        start=date(2028, 1, 15),
        end=date(2028, 5, 1),
        limit=64.0,
        loss_share=0.05,
    )
    assert case.offers[0].limit is None
    assert case.workloads[0] == Workload(
        name="chat",
        kind=Kind.INFERENCE,
        model="small_model",
        precision=Precision.FP8,
        residency=("NO", "PE"),
        accelerators_allowed=("chip",),
        ttft_p95_ms=1500.0,
        tpot_ms=40.0,
        spot_allowed=False,
        priority=1,
        shortage_penalty=50.0,
        split=2,
        move_cost=100.0,
        data_gb=16.0,
        techniques=ServingTechniques(
            prefix_hit_share=0.25, drafted_tokens=3, acceptance_share=0.7, draft_step_share=0.1, chunk_tokens=2048.0, prefill_share=0.5
        ),
    )
    assert case.workloads[1].residency is None
    assert case.workloads[1].techniques == ServingTechniques()
    assert case.demand[1] == Demand(
        workload="chat",
        origin="paris",
        period="2028-02",
        unit=DemandUnit.REQUESTS_PER_S,
        mean=None,
        p10=10.0,
        p50=14.0,
        p90=20.0,
        prompt_tokens=1000.0,
        output_tokens=200.0,
        peak_factor=1.2,
    )
    assert case.training_runs == (
        TrainingRun(
            name="run_a",
            workload="pretrain",
            tokens=1e11,
            window_start=date(2028, 1, 1),
            window_end=date(2028, 6, 1),
            gang_sizes=(16, 32),
            sequence_length=8192,
            data_site="oslo",
            data_gb=500.0,
            delay_cost=1000.0,
        ),
    )
    assert case.exchange_rates[0] == ExchangeRate(currency="EUR", period=None, usd_per_unit=1.1)
    assert case.pins[0] == Pin(
        subject="chat@paris#1",
        action="force",
        pool="oslo_chip",
        period="2028-01",
        reason="launch",
        owner="product office",
        expires=date(2028, 2, 1),
    )
    assert case.origins[0].weekend_profile == tuple(float(hour) for hour in range(1, 25))
    assert case.scenarios[1] == Scenario(
        name="boom",
        probability=0.3,
        demand_quantile=0.9,
        multipliers=(
            Multiplier(quantity=Quantity.DEMAND, workload="chat", origin=None, supplier=None, period=None, factor=1.5),
            Multiplier(quantity=Quantity.PRICE, workload=None, origin=None, supplier="south", period="2028-02", factor=1.2),
        ),
    )


def test_optional_tables_may_be_absent_or_hold_a_header_only(tmp_path: Path) -> None:
    absent = read_case(write(tmp_path / "case", {name: rows for name, rows in tables().items() if name not in OPTIONAL} | _measured()))
    empty = read_case(write(tmp_path / "empty" / "case", tables() | {name: [] for name in OPTIONAL} | _measured()))
    assert absent == empty
    assert absent.scenarios == (Scenario(name="base", probability=1.0, demand_quantile=0.5),)
    assert (absent.pins, absent.limits, absent.price_points, absent.contracts[0].ramp) == ((), (), (), ())


def _measured() -> Tables:
    """The batch work has no model, so its throughput must stay."""
    return {"measured_throughput": tables()["measured_throughput"]}


def test_optional_columns_may_be_absent(tmp_path: Path) -> None:
    made = tables()
    made["sites"] = [{name: cell for name, cell in row.items() if name != "bandwidth_gb_per_s"} for row in made["sites"]]
    made["contracts"] = [{name: cell for name, cell in row.items() if name != "x_ShareOfWallet"} for row in made["contracts"]]
    case = read_case(write(tmp_path, made))
    assert [site.bandwidth_gb_per_s for site in case.sites] == [None, None]
    assert [contract.share_of_wallet for contract in case.contracts] == [UNKNOWN, UNKNOWN]


def test_own_rows_are_added_to_the_reference_tables_or_replace_them(tmp_path: Path) -> None:
    case = read_case(write(tmp_path, added("accelerators", 0, accelerator="h100", hbm_gb="94")))
    names = [accelerator.name for accelerator in case.accelerators]
    assert len(names) == len(set(names))
    assert "b200" in names
    assert names[-2:] == ["chip", "h100"]
    assert case.accelerators[-1].hbm_gb == 94.0


def test_without_own_rows_the_reference_tables_stand(tmp_path: Path) -> None:
    made = {name: rows for name, rows in tables().items() if name != "accelerators"}
    made["pools"] = [row | {"accelerator": "h100"} for row in made["pools"]]
    made["workloads"] = [row | {"accelerators_allowed": ""} for row in made["workloads"]]
    made["measured_throughput"] = [row | {"accelerator": "h100"} for row in made["measured_throughput"]]
    case = read_case(write(tmp_path, made))
    assert {"h100", "b200"} <= {accelerator.name for accelerator in case.accelerators}
    assert "chip" not in {accelerator.name for accelerator in case.accelerators}


def test_input_files_are_the_tables_and_the_reference_tables(tmp_path: Path) -> None:
    write(tmp_path, tables())
    (tmp_path / "notes.md").write_text("no table")
    files = input_files(tmp_path)
    assert {path for path in files if path.parent == tmp_path} == set(tmp_path.glob("*.csv"))
    shipped = {"accelerators.csv", "models.csv", "accelerator_names.csv", "instance_types.csv"}
    assert set(files) - set(tmp_path.iterdir()) == {reference_folder() / name for name in shipped}


def test_comments_above_the_header_byte_order_marks_and_windows_lines_are_skipped(tmp_path: Path, case: Case) -> None:
    write(tmp_path, tables())
    plain = (tmp_path / "offers.csv").read_text(encoding="utf-8")
    commented = '# offers, with "quotes\n# and commas\n' + plain
    (tmp_path / "offers.csv").write_bytes(b"\xef\xbb\xbf" + commented.replace("\n", "\r\n").encode())
    assert read_case(tmp_path).offers == case.offers


def test_texts_stay_text(tmp_path: Path) -> None:
    made = changed("suppliers", 0, source="007")
    for name, column in (("offers", "offer"), ("origins", "origin")):
        assert made[name][0][column]
    made["offers"][0]["offer"] = "NA"
    made["offers"][1]["offer"] = "1e3"
    assert [offer.name for offer in read_case(write(tmp_path, made)).offers] == ["NA", "1e3"]


def test_prices_are_the_nearest_float_of_the_decimal(tmp_path: Path) -> None:
    case = read_case(write(tmp_path, changed("offers", 0, usd_per_accelerator_hour="0.10000000000000000001")))
    assert case.offers[0].price == 0.1


@pytest.mark.parametrize("periods", [1, 2, 3])
def test_fewer_periods(periods: int, tmp_path: Path, case: Case) -> None:
    short = read_case(write(tmp_path, tables()), periods=periods)
    kept = {period.name for period in short.calendar.periods}
    assert short.calendar.periods == case.calendar.periods[:periods]
    assert short.calendar.blocks == case.calendar.blocks
    assert short.demand == tuple(row for row in case.demand if row.period in kept)
    assert short.limits == case.limits
    assert short.exchange_rates == tuple(rate for rate in case.exchange_rates if rate.period in {None, *kept})
    assert short.contracts == case.contracts


def test_fewer_periods_drop_what_begins_later(tmp_path: Path) -> None:
    made = added("training_runs", 0, run="run_b", window_start="2028-02-01")
    made["pins"].append(made["pins"][0] | {"subject": "run_b", "period": "", "expires": ""})
    made["placements"].append(made["placements"][0] | {"load": "run_b"})
    made["offers"][1]["valid_from"] = "2028-02-01"
    made["demand"][3]["period"] = "2028-02"
    short = read_case(write(tmp_path, made), periods=1)
    assert [run.name for run in short.training_runs] == ["run_a"]
    assert [pin.subject for pin in short.pins] == ["chat@paris#1", "quote"]
    assert [placement.load for placement in short.placements] == ["chat@paris#2"]
    assert [offer.name for offer in short.offers] == ["oslo_now"]


def test_rows_of_later_periods_are_checked_before_they_are_dropped(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mean must be >= 0"):
        read_case(write(tmp_path, changed("demand", 2, mean="-1")), periods=1)


@pytest.mark.parametrize("periods", [0, 4])
def test_so_many_periods_there_are_not(periods: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"horizon\.periods: must be between 1 and the 3 periods of the calendar; got") as raised:
        read_case(write(tmp_path, tables()), periods=periods)
    assert raised.value.exit_code == 2


def test_parquet_reads_as_csv_does(tmp_path: Path, case: Case) -> None:
    assert replace(read_case(write_parquet(tmp_path, tables())), name=case.name) == case


def test_parquet_with_other_types_reads_the_same(tmp_path: Path, case: Case) -> None:
    """Categories, timestamps at midnight, decimals, whole floats for integers: what warehouses and pandas write."""
    write(tmp_path, {name: rows for name, rows in tables().items() if name not in ("offers", "blocks")})
    write_parquet(tmp_path, {name: tables()[name] for name in ("offers", "blocks")})
    offers = pa.parquet.read_table(tmp_path / "offers.parquet")
    for name, kind in (
        ("kind", pa.dictionary(pa.int32(), pa.string())),
        ("valid_from", pa.timestamp("us")),
        ("usd_per_accelerator_hour", pa.decimal128(38, 6)),
        ("offer", pa.large_string()),
    ):
        place = offers.column_names.index(name)
        cells = offers[name].dictionary_encode() if name == "kind" else offers[name].cast(kind)
        offers = offers.set_column(place, name, cells)
    pa.parquet.write_table(offers, tmp_path / "offers.parquet")
    blocks = pa.parquet.read_table(tmp_path / "blocks.parquet")
    hours = blocks["end_hour_utc"].cast(pa.float64())
    pa.parquet.write_table(blocks.set_column(blocks.column_names.index("end_hour_utc"), "end_hour_utc", hours), tmp_path / "blocks.parquet")
    assert replace(read_case(tmp_path), name=case.name) == case


def unordered(value: Any) -> Any:
    """Contents without the order of rows: tuples of nouns become sorted lists."""
    if isinstance(value, tuple) and value and not isinstance(value[0], float | int):
        return sorted((unordered(item) for item in value), key=repr)
    if hasattr(value, "__dataclass_fields__"):
        return [(field.name, unordered(getattr(value, field.name))) for field in fields(value)]
    return value


def shuffled(made: Tables, chooser: random.Random) -> Tables:
    def order(rows: Sequence[Any]) -> list[Any]:
        return chooser.sample(list(rows), len(rows))

    return {name: order(rows) for name, rows in made.items()}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chooser=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(chooser: random.Random, tmp_path: Path, case: Case) -> None:
    read = read_case(write(tmp_path, shuffled(tables(), chooser)))
    assert unordered(replace(read, name=case.name)) == unordered(case)
    assert read.calendar == case.calendar
    assert [(contract.ramp, contract.fee_steps) for contract in sorted(read.contracts, key=lambda found: found.name)] == [
        (contract.ramp, contract.fee_steps) for contract in case.contracts
    ]


NASTY = st.sampled_from(["", "-1", "0", "NaN", "1e999", "none", "unknown", "2028-02-30", "2031-01-01", "zz", " chip", "a;b", "'=1", "true"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_broken_is_reported_and_never_crashes(data: st.DataObject, tmp_path: Path) -> None:
    made = tables()
    for _ in range(3):
        name = data.draw(st.sampled_from(sorted(made)))
        row = data.draw(st.integers(0, len(made[name]) - 1))
        column = data.draw(st.sampled_from(sorted(made[name][row])))
        made[name][row][column] = data.draw(NASTY)
    with suppress(DataError):
        read_case(write(tmp_path, made))


def test_a_file_without_the_column_of_a_rare_clause_has_none_and_a_blank_in_it_is_unknown(tmp_path: Path, case: Case) -> None:
    assert {contract.burst_share for contract in case.contracts} == {None}
    made = tables()
    for row, share in zip(made["contracts"], ("0.25", ""), strict=True):
        row["x_BurstShare"] = share
    held, quote = read_case(write(tmp_path, made)).contracts
    assert (held.burst_share, quote.burst_share) == (0.25, UNKNOWN)


def test_a_renewal_option_is_read_as_a_quote_after_the_contracts(tmp_path: Path) -> None:
    made = changed("contracts", 0, x_RenewalMonths="12", x_RenewalPrice="1.75", x_RenewBy="2029-03-01")
    for column in ("x_RenewalMonths", "x_RenewalPrice", "x_RenewBy"):
        made["contracts"][1][column] = ""
    held, quote, renewed = read_case(write(tmp_path, made)).contracts
    assert quote.renewal is UNKNOWN
    assert (renewed.name, renewed.status, renewed.renews, renewed.price) == ("held/renewed", Status.PROPOSED, "held", 1.75)
    assert (renewed.start, renewed.end, renewed.sign_by) == (held.end, date(2030, 6, 1), date(2029, 3, 1))
