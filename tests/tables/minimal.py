"""A case with a row or two in every table, as texts that a test can change before they are written."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from optimizer.errors import DataError
from optimizer.tables.read import read_case
from optimizer.tables.schema import Column, Kind
from optimizer.tables.schemas import TABLE_BY_NAME, TABLES

Row = dict[str, str]
Tables = dict[str, list[Row]]

PROVENANCE = {"source": "made up", "source_kind": "assumed", "as_of": "2028-01-01"}

_TEXTS = {
    "calendar": """
period,start,end
2028-01,2028-01-01,2028-02-01
2028-02,2028-02-01,2028-03-01
2028-spring,2028-03-01,2028-06-01
""",
    "blocks": """
block,start_hour_utc,end_hour_utc
night,0,8
day,8,24
""",
    "suppliers": """
supplier,kind
north,gpu_cloud
south,hyperscaler
""",
    "sites": """
site,supplier,latitude_deg,longitude_deg,jurisdiction,access,availability_share,bandwidth_gb_per_s,egress_usd_per_gb
oslo,north,59.9,10.7,NO,fibre,0.999,,0.01
lima,south,-12.0,-77.0,PE,fibre,0.99,40,0.08
""",
    "accelerators": """
accelerator,bf16_tflops,fp8_tflops,fp4_tflops,hbm_gb,hbm_tb_per_s,link_gb_per_s,max_parallel,power_w
chip,1000,2000,,80,3.35,450,8,700
""",
    "pools": """
pool,site,accelerator
oslo_chip,oslo,chip
lima_chip,lima,chip
""",
    "offers": """
offer,pool,kind,usd_per_accelerator_hour,valid_from,valid_to,limit_accelerators,loss_share
oslo_now,oslo_chip,on_demand,2.50,,,,0
lima_spot,lima_chip,spot,1.10,2028-01-15,2028-05-01,64,0.05
""",
    "other_spend": """
supplier,period,spend_usd,ContractCommitmentId,eligible_share
north,2028-01,1000.50,held,0.5
south,2028-01,200,,0
""",
    "price_points": """
observed_on,supplier,accelerator,region,term_months,kind,usd_per_accelerator_hour
2027-12-01,elsewhere,chip,,0,index,2.2
""",
    "exchange_rates": """
currency,period,usd_per_unit
EUR,,1.10
EUR,2028-02,1.12
""",
    "contract_pools": """
ContractCommitmentId,pool
held,oslo_chip
quote,lima_chip
""",
    "contract_ramp_steps": """
ContractCommitmentId,start,accelerators_per_lot,unit_price
held,2028-03-01,32,1.90
held,2028-01-15,24,
""",
    "contract_tiers": """
ContractCommitmentId,from_quantity,unit_price,kind
quote,0,1500,incremental
quote,10,1400,incremental
""",
    "contract_fee_steps": """
ContractCommitmentId,start,fee_per_lot
held,2028-06-01,5000
held,2028-01-01,9000
""",
    "contract_exclusions": """
ContractCommitmentId,kind,other
quote,contract,held
quote,supplier,north
quote,work,training
""",
    "models": """
model,parameters_b,active_parameters_b,expert_parameters_b,experts,experts_per_token,layers,hidden_size,kv_heads,kv_bytes_per_token,attention_flops_per_token_per_context_token
small_model,8,8,0,1,1,32,4096,8,131072,524288
""",
    "workloads": """
workload,kind,model,precision,residency,accelerators_allowed,ttft_p95_ms,tpot_ms,spot_allowed,priority,shortage_usd_per_accelerator_hour,split,move_usd,data_gb,prefix_hit_share,drafted_tokens,acceptance_share,draft_step_share,chunk_tokens,prefill_share
chat,inference,small_model,fp8,NO;PE,chip,1500,40,false,1,50,2,100,16,0.25,3,0.7,0.1,2048,0.5
pretrain,training,small_model,bf16,,,,,true,2,20,1,0,0,,,,,,
study,research,,bf16,,,,,true,3,5,1,10,100,,,,,,
nightly,batch,,fp8,,,,,true,4,4,1,10,16,,,,,,
""",
    "measured_throughput": """
workload,accelerator,tokens_per_s_per_accelerator,max_utilisation_share,accelerators_per_replica
nightly,chip,3000,0.9,1
""",
    "origins": """
origin,latitude_deg,longitude_deg,time_zone
paris,48.9,2.4,Europe/Paris
""",
    "demand": """
workload,origin,period,unit,mean,p10,p50,p90,prompt_tokens,output_tokens,peak_factor
chat,paris,2028-01,requests_per_s,12,,,,1000,200,1.2
chat,paris,2028-02,requests_per_s,,10,14,20,1000,200,1.2
chat,paris,2028-spring,requests_per_s,15.5,,,,1000,200,1.2
study,,2028-01,accelerators,24,,,,,,1
nightly,,2028-02,tokens_per_day,2e9,,,,,,1
""",
    "training_runs": """
run,workload,tokens,window_start,window_end,gang_sizes,sequence_length,data_site,data_gb,delay_usd_per_day
run_a,pretrain,1e11,2028-01-01,2028-06-01,16;32,8192,oslo,500,1000
""",
    "placements": """
load,pool
chat@paris#2,oslo_chip
study,lima_chip
""",
    "scenarios": """
scenario,probability,demand_quantile
calm,0.7,0.4
boom,0.3,0.9
""",
    "scenario_multipliers": """
scenario,quantity,workload,origin,supplier,period,factor
boom,demand,chat,,,,1.5
boom,price,,,south,2028-02,1.2
""",
    "decision_stages": """
decided_on,scenario,group
2028-02-01,calm,slow
2028-02-01,boom,fast
""",
    "limits": """
kind,supplier,period,value
budget,,2028-01,1000000
supplier_share,north,,0.9
moves,,,3
""",
    "allowed_sites": """
model,site
small_model,oslo
small_model,lima
""",
    "pins": """
subject,action,pool,period,reason,owner,expires
chat@paris#1,force,oslo_chip,2028-01,launch,product office,2028-02-01
quote,forbid,,,not before the audit,finance,
""",
    "round_trips": """
origin,site,rtt_ms
paris,oslo,28.5
""",
}


_CONTRACTS: list[Row] = [
    {
        "ContractCommitmentId": "held",
        "ContractId": "north_2027",
        "x_Supplier": "north",
        "ContractCommitmentLifecycleStatus": "Active",
        "ContractCommitmentCategory": "Usage",
        "ContractCommitmentDescription": "",
        "ContractCommitmentPeriodStart": "2027-06-01",
        "ContractCommitmentPeriodEnd": "2029-06-01",
        "BillingCurrency": "EUR",
        "ContractCommitmentUnit": "accelerator-hour",
        "x_FulfillmentInterval": "quarter",
        "x_SignBy": "",
        "x_Lots": "2",
        "x_AcceleratorsPerLot": "16",
        "x_UnitPrice": "2.00",
        "x_TakeOrPayShare": "0.8",
        "x_MinimumSpend": "none",
        "x_FixedMonthlyFee": "none",
        "x_ShareOfWallet": "none",
        "x_NoticePeriodDays": "60",
        "x_EarliestExit": "2028-02-01",
        "x_TerminationFeeSchedule": "given",
        "x_OptionGroup": "",
        "x_TerminalUseShare": "0.25",
    },
    {
        "ContractCommitmentId": "quote",
        "ContractId": "south_2028",
        "x_Supplier": "south",
        "ContractCommitmentLifecycleStatus": "Proposed",
        "ContractCommitmentCategory": "Usage",
        "ContractCommitmentDescription": "a quote, not yet signed",
        "ContractCommitmentPeriodStart": "2028-02-01",
        "ContractCommitmentPeriodEnd": "2029-02-01",
        "BillingCurrency": "USD",
        "ContractCommitmentUnit": "accelerator-month",
        "x_FulfillmentInterval": "month",
        "x_SignBy": "2028-01-20",
        "x_Lots": "4",
        "x_AcceleratorsPerLot": "8",
        "x_UnitPrice": "",
        "x_TakeOrPayShare": "unknown",
        "x_MinimumSpend": "1000",
        "x_FixedMonthlyFee": "",
        "x_ShareOfWallet": "0.1",
        "x_NoticePeriodDays": "none",
        "x_EarliestExit": "",
        "x_TerminationFeeSchedule": "none",
        "x_OptionGroup": "south",
        "x_TerminalUseShare": "",
    },
]


def tables() -> Tables:
    """All tables of the case, new for every test."""
    made = {name: [row | PROVENANCE for row in csv.DictReader(StringIO(text.lstrip()))] for name, text in _TEXTS.items()}
    made["contracts"] = [row | PROVENANCE for row in _CONTRACTS]
    made["origin_profiles"] = [
        {"origin": "paris", "day_type": day_type, "local_hour": str(hour), "weight": str(1 + hour)} | PROVENANCE
        for day_type in ("weekday", "weekend")
        for hour in range(24)
    ]
    return made


def changed(name: str, row: int, **cells: str) -> Tables:
    """The case with some cells of one row changed."""
    made = tables()
    made[name][row] = made[name][row] | cells
    return made


def added(name: str, row: int, **cells: str) -> Tables:
    """The case with a copy of one row added, some of its cells changed."""
    made = tables()
    made[name].append(made[name][row] | cells)
    return made


def without(name: str, *rows: int) -> Tables:
    """The case without some rows of a table."""
    made = tables()
    made[name] = [row for number, row in enumerate(made[name]) if number not in rows]
    return made


def write(folder: Path, made: Mapping[str, list[Row]]) -> Path:
    """Writes the tables as CSV; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in made.items():
        header = list(rows[0]) if rows else [column.name for column in TABLE_BY_NAME[name].columns]
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, header)
            writer.writeheader()
            writer.writerows(rows)
    return folder


def write_parquet(folder: Path, made: Mapping[str, list[Row]]) -> Path:
    """Writes the tables as Parquet with the types that a data warehouse would give them; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        if table.name in made:
            given = [column for column in table.columns if all(column.name in row for row in made[table.name])]
            columns = {column.name: _typed(column, [row[column.name] for row in made[table.name]]) for column in given}
            pa.parquet.write_table(pa.table(columns), folder / f"{table.name}.parquet")
    return folder


def _typed(column: Column, cells: list[str]) -> pa.Array:
    makers: dict[Kind, tuple[Any, pa.DataType]] = {
        Kind.NUMBER: (float, pa.float64()),
        Kind.INTEGER: (int, pa.int32()),
        Kind.BOOLEAN: (lambda cell: cell == "true", pa.bool_()),
        Kind.DATE: (date.fromisoformat, pa.date32()),
    }
    make, kind = makers.get(column.kind, (str, pa.string()))
    return pa.array([make(cell) if cell else None for cell in cells], type=kind)


def messages(folder: Path) -> list[str]:
    """What reading the folder complains about, one message per violation; empty if nothing."""
    try:
        read_case(folder)
    except DataError as error:
        return str(error).splitlines()
    return []
