"""An overview of a plan with everything that one can have, for tests of what people see."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from optimizer.planning.audit.tables import COLUMNS as AUDIT_COLUMNS
from optimizer.planning.quote.outputs import COLUMNS as QUOTE_COLUMNS
from optimizer.report.audit_page import AuditView
from optimizer.report.backtest_page import BacktestView
from optimizer.report.comparison_page import ComparisonView
from optimizer.report.overview import (
    BaselineLine,
    ContractLine,
    CostLine,
    DueLine,
    MoverLine,
    News,
    ObligationLine,
    Overview,
    PlacementLine,
    ScenarioLine,
    SupplierLine,
)
from optimizer.report.quote_page import QuoteView
from optimizer.report.series import PlanSeries

NASTY = 'cloud <script>alert("a")</script> & [bold]co[/bold]'


def _contract(name: str, decision: str, *, lots: int, starts: date | None = None, act_by: date | None = None) -> ContractLine:
    return ContractLine(contract=name, supplier="edge", decision=decision, lots=lots, starts=starts, act_by=act_by, ends=date(2031, 1, 1))


OVERVIEW = Overview(
    case="lab",
    status="limit",
    expected_usd=1_234_567_890.5,
    omega=0.0,
    alpha=0.95,
    objective_usd=1_234_567_890.5,
    bound_usd=1_200_000_000.0,
    gap_usd=34_567_890.5,
    gap=0.028,
    cvar_usd=1_500_000_000.0,
    scenarios=(
        ScenarioLine(scenario="calm", probability=0.75, usd=1_150_000_000.0),
        ScenarioLine(scenario=NASTY, probability=0.25, usd=1_488_271_562.0),
    ),
    unserved_share=0.0125,
    shortage_usd=4_000_000.0,
    suppliers=(
        SupplierLine(supplier=NASTY, spend_usd=1e9, spend_share=0.8, accelerator_hours=5e8, hours_share=0.75),
        SupplierLine(supplier="edge", spend_usd=2.5e8, spend_share=0.2, accelerator_hours=1.6e8, hours_share=0.25),
    ),
    contracts=(
        _contract("orbital-reserve", "keep", lots=4),
        _contract("edge-old", "leave", lots=2, starts=date(2028, 6, 1), act_by=date(2028, 3, 3)),
        _contract("edge-new", "decline", lots=0, act_by=date(2028, 2, 1)),
    ),
    baselines=(
        BaselineLine(name="hold", cost_usd=1.5e9, saving_usd=2.65e8, note="placements stay"),
        BaselineLine(name="on_demand_only", cost_usd=None, saving_usd=None, note="breaks a limit"),
    ),
    obligations=(ObligationLine(contract="orbital-reserve", lots=4, until=date(2031, 1, 1), remaining_usd=3e9),),
    placements=(
        PlacementLine(load="chat@tokyo", pool="edge-tokyo", first="2028-01", last="2028-06"),
        PlacementLine(load="chat@tokyo", pool=None, first="2028-07", last="2028-12"),
    ),
    movers=(MoverLine(table="offers", row=NASTY, column="usd_per_accelerator_hour", value=2.5, usd=2e6),),
    costs=(CostLine(line="commitment", usd=1.2e9), CostLine(line="market", usd=34_567_890.5)),
    due=(DueLine(act_by=date(2028, 3, 3), decision="leave", lots=2, contract="edge-old", idle_usd=12_345_678.0),),
    news=News(
        since="20280102T060000.123Z-3fa91c",
        steps=(CostLine(line="price", usd=2e7), CostLine(line="decisions", usd=-5e6)),
        notes={"elsewhere": "3 loads or runs"},
    ),
    alerts=("leans on unknown notice_days of orbital-reserve",),
)

HOSTILE = (
    *(NASTY, "=HYPERLINK(1)", "'\"quotes\"'", "\u202eright to left", "n" * 300, "\U0001f600"),
    "</script><script>alert(1)</script>",
)


def series_of(names: tuple[str, ...]) -> PlanSeries:
    """What every chart of a plan shows; all that has a name has these."""
    when = [{"order": t, "period": f"{period} {names[0]}"} for t, period in enumerate(("m9", "m10", "m11"))]
    rows = [(at, i, name) for at in when for i, name in enumerate(names)]
    places = [(name, {"latitude": 10.0 * i, "longitude": -20.0 * i}) for i, name in enumerate(names)]
    return PlanSeries(
        suppliers=names,
        spend=[at | {"supplier": name, "line": name, "cash_usd": 1_234_500.0 * (i + 1)} for at, i, name in rows],
        capacity=[at | {"supplier": name, "accelerators": 10.0 * (i + 1)} for at, i, name in rows],
        committed=[at | {"accelerators": 100.0} for at in when],
        asked=[at | {"low": 50.0, "high": 150.0} for at in when],
        placements=[at | {"load": name, "workload": name, "pool": name, "supplier": name, "accelerators": 5.0 + i} for at, i, name in rows],
        contract_use=[at | {"contract": name, "supplier": name, "capacity": 10.0, "drawn": 5.0, "share": 0.5} for at, _, name in rows],
        pools=[
            at | {"pool": name, "usd_per_accelerator_hour": 2.3456 * i, "held": 4.0, "bought": 1.0, "missing": float(i == 1)}
            | {"idle": 1.0}
            for at, i, name in rows
        ],
        costs=[
            {"line": names[0], "start_usd": 0.0, "end_usd": 3_456_700.0, "usd": 3_456_700.0},
            {"line": "total", "start_usd": 0.0, "end_usd": 3_456_700.0, "usd": 3_456_700.0},
        ],
        movers=[{"figure": name, "table": name, "usd": 1e5 * (3 - i)} for i, name in enumerate(names)],
        alpha=0.95,
        scenarios=[{"scenario": name, "probability": 1 / len(names), "usd": 4_567_800.0 * (i + 1)} for i, name in enumerate(names)],
        asked_by_scenario=[at | {"scenario": name, "accelerators": 50.0 + i} for at, i, name in rows],
        latency=[
            {"workload": name, "origin": name, "sites": name, "ttft": "412 of 800 ms", "tpot": "21 of 50 ms", "share": 0.9}
            for name in names
        ],
        sites=[{"site": name, "supplier": name, "accelerators": 10.0} | at for name, at in places],
        origins=[{"origin": name} | at for name, at in places],
        flows=[
            at
            | {"origin": name, "site": name, "latitude": 1.0, "longitude": 2.0, "latitude2": 30.0 + i, "longitude2": 40.0}
            | {"accelerators": 5.0 + at["order"], "services": name, "round_trip_ms": 12.0, "share": None if i == 0 else 0.9}
            for at, i, name in rows
        ],
    )


AMOUNT = 2.5e7


def _cell(name: str, given: str, everywhere: bool) -> Any:
    if name.endswith(("_usd", "per_accelerator_hour")) or "_usd_" in name:
        return AMOUNT
    if name in ("date", "notice_by", "act_by", "effective", "earliest_exit", "observed_on", "until", "beyond", "reviewed_on"):
        return date(2028, 1, 31)
    if name in ("share", "herfindahl", "contracted_over_market", "share_of_use", "amount", "term_months"):
        return 0.25
    if name in ("accelerators_in_use", "spare_accelerators", "loads_touched", "days_left", "age_days", "expires_after_intervals"):
        return 7
    return given if everywhere or name in ("contract", "supplier", "clause", "text", "owner") else name


def audit_view(name: str = "<b>", *, everywhere: bool = False, **changes: Any) -> AuditView:
    """An audit with one row of every table; every text is the name, or those that people write alone."""
    totals = {
        "total_contract_value_usd": 4 * AMOUNT,
        "non_cancellable_low_usd": AMOUNT,
        "non_cancellable_high_usd": 2 * AMOUNT,
        "beyond_horizon_usd": AMOUNT,
        "shortfall_mean_usd": 0.0,
        "shortfall_p90_usd": AMOUNT,
        "assumed_share": 0.5,
        "clauses": {"none": 1, "unknown": 2, "priced": 3, "legal review": 0},
    }
    tables = {table: [{column: _cell(column, name, everywhere) for column in columns}] for table, columns in AUDIT_COLUMNS.items()}
    tables["contract_periods"] += [tables["contract_periods"][0] | {"contract": "together"}]
    fields: dict[str, Any] = {"whole": "together", "totals": totals, "gap": 0.02, "tables": tables, "alerts": ("read <it>", name)}
    return AuditView(case="lab", as_of=date(2028, 1, 1), within_days=90, **(fields | changes))


def quote_view(names: tuple[str, ...]) -> QuoteView:
    """A study of quotes with a row of every table for each name."""
    ends = {"cost_low_usd": 1e7, "cost_high_usd": 2e7, "saving_low_usd": -1e6, "saving_high_usd": 3e7}
    curve = [(1.0, 30, 40, 40), (2.0, 10, 20, 40), (3.0, 0, 0, 10)]

    def each(*columns: str, **values: Any) -> list[dict[str, Any]]:
        return [dict.fromkeys(columns, 2.5) | {"contract": name} | values for name in names]

    return QuoteView(
        case="lab",
        as_of="2028-01-01",
        objective_usd=2e9,
        gap=0.02,
        act_by=dict.fromkeys(names, date(2028, 2, 29)),
        quotes=[
            row | {"break_even_high": 2.0 if i else math.inf}
            for i, row in enumerate(each("offered", "break_even_quantity", break_even_low=1.5, verdict="undecided"))
        ],
        quote_values=each(*QUOTE_COLUMNS["quote_values"], supplier=NASTY, rank=1, rank_certain=False, lots=4, lots_in_joint_plan=2, **ends),
        volume_curve=[
            {"contract": name, "usd_per_accelerator_hour": price}
            | dict(zip(("accelerators_low", "accelerators", "accelerators_high"), amounts, strict=True))
            for name in names
            for price, *amounts in curve
        ],
        levers=each("value", "elasticity_usd", "elasticity_usd_per_accelerator_hour", term=NASTY),
        counter_offers=each("offered", "asked", term=NASTY, certain=True, asked_share=0.9),
        options=each(option_group=NASTY, best=True, certain=False, verdict="take", **ends),
        entry_prices=each("offered", "entry_low", "entry_high", supplier=NASTY, supplier_used=False, offer=NASTY),
        alerts=names,
    )


def comparison_view(names: tuple[str, ...]) -> ComparisonView:
    """Two plans that differ in everything."""
    return ComparisonView(
        first="one",
        second="two",
        first_usd=1e9,
        second_usd=1.1e9,
        costs=[{"payee": name, "supplier": name, "line": "commitment", "change_usd": 1e8 / len(names)} for name in names],
        contracts=[{"contract": name, "first": "keep 1", "second": None} for name in names],
        placements=[
            {"load": name, "first_period": "m9", "last_period": "m10", "first_pool": name, "second_pool": None}
            | {"first_accelerators": 5.0, "second_accelerators": 0.0}
            for name in names
        ],
        inputs=[{"table": "offers", "row": name, "column": name, "first": name, "second": name} for name in names],
    )


def backtest_view(name: str) -> BacktestView:
    """A backtest of two policies over one history; every name is the given one."""
    ends = {"regret_usd": 2e7, "regret_low_usd": 1e7, "regret_high_usd": None}
    policy = {"cost_usd": 3e8, "unserved_share": 0.01, "moves": 3}
    return BacktestView(
        case="lab",
        first=name,
        last=name,
        histories=1,
        source=name,
        tables={
            "policies": [policy | ends | {"policy": each} for each in ("ours", "hold")],
            "paired": [],
            "losses": [],
            "histories": [policy | ends | {"history": name, "policy": "hold", "note": name}],
            "decisions": [{"history": name, "policy": "ours", "contract": name, "decision": "sign", "lots": 2, "period": name}],
        },
        alerts=(name,),
    )
