"""An overview of a plan with everything that one can have, for tests of what people see."""

from __future__ import annotations

from datetime import date

from optimizer.report.overview import (
    BaselineLine,
    ContractLine,
    CostLine,
    MoverLine,
    ObligationLine,
    Overview,
    PlacementLine,
    SupplierLine,
)

NASTY = 'cloud <script>alert("a")</script> & [bold]co[/bold]'



def _contract(name: str, decision: str, *, lots: int, starts: date | None = None, act_by: date | None = None) -> ContractLine:
    return ContractLine(
        contract=name, supplier="edge", decision=decision, lots=lots, starts=starts, act_by=act_by, ends=date(2031, 1, 1)
    )


OVERVIEW = Overview(
    case="lab",
    status="limit",
    objective_usd=1_234_567_890.5,
    bound_usd=1_200_000_000.0,
    gap_usd=34_567_890.5,
    gap=0.028,
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
    alerts=("leans on unknown notice_days of orbital-reserve",),
)
