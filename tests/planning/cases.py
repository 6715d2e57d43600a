"""A small case built noun by noun, with a plan for it that keeps every rule and can be priced by hand.

Suppliers north (sites oslo, bergen) and south (site lima); January to March 2028, a leap year; blocks night and day of
twelve hours; scenarios calm (3 in 4) and busy (1 in 4). Money is not discounted unless a test says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from optimizer.domain.calendar import Block, Calendar, Period
from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, FeeStep, Interval, Status, Unit
from optimizer.domain.demand import Multiplier, Quantity, Scenario
from optimizer.domain.plan import Decisions, Plan
from optimizer.domain.supply import Accelerator, Access, Offer, OfferKind, OtherSpend, Pool, Site, Supplier
from optimizer.domain.surface import Load, Needs
from optimizer.domain.workload import Kind, PlacementInForce, Precision, TrainingRun, Workload
from optimizer.planning.verify import Verification, verify


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A case, its needs and a plan."""

    case: Case
    needs: Needs
    plan: Plan

    def verify(self, annual_discount_rate: float = 0.0) -> Verification:
        return verify(self.case, self.needs, self.plan, annual_discount_rate=annual_discount_rate)

    def with_case(self, **changes: Any) -> Setup:
        return replace(self, case=replace(self.case, **changes))

    def with_needs(self, **changes: Any) -> Setup:
        return replace(self, needs=replace(self.needs, **changes))

    def with_plan(self, **changes: Any) -> Setup:
        return replace(self, plan=replace(self.plan, **changes))

    def with_decisions(self, **changes: Any) -> Setup:
        return self.with_plan(decisions=replace(self.plan.decisions, **changes))

    def with_noun(self, table: str, name: str, **changes: Any) -> Setup:
        """One noun of a table of the case, changed."""
        return self.with_case(**{table: tuple(replace(row, **changes) if row.name == name else row for row in getattr(self.case, table))})


def months(start: date, count: int) -> tuple[Period, ...]:
    """Consecutive calendar months from the first of one."""
    firsts = [date(start.year + (start.month - 1 + i) // 12, (start.month - 1 + i) % 12 + 1, 1) for i in range(count + 1)]
    return tuple(Period(name=f"{a:%Y-%m}", start=a, end=b) for a, b in pairwise(firsts))


def contract(name: str = "core", **changes: Any) -> Contract:
    """10 accelerators at 2 USD an hour, all paid, that may not be left."""
    fields: dict[str, Any] = {
        "name": name,
        "agreement": f"{name} agreement",
        "supplier": "north",
        "status": Status.ACTIVE,
        "start": date(2028, 1, 1),
        "end": date(2028, 4, 1),
        "sign_by": None,
        "pools": ("oslo-h100",),
        "lots": 1,
        "accelerators": 10.0,
        "unit": Unit.ACCELERATOR_HOUR,
        "price": 2.0,
        "currency": "USD",
        "interval": Interval.MONTH,
        "take_or_pay_share": 1.0,
        "minimum_spend": None,
        "fixed_monthly_fee": None,
        "share_of_wallet": None,
        "notice_days": None,
        "earliest_exit": None,
        "fee_steps": None,
        "option_group": None,
        "terminal_use": 0.0,
    }
    return Contract(**(fields | changes))


def offer(name: str, pool: str, price: float, **changes: Any) -> Offer:
    fields: dict[str, Any] = {"kind": OfferKind.ON_DEMAND, "start": None, "end": None, "limit": 100.0, "loss_share": 0.0}
    return Offer(name=name, pool=pool, price=price, **(fields | changes))


def workload(name: str, kind: Kind, penalty: float, **changes: Any) -> Workload:
    fields: dict[str, Any] = {
        "model": None,
        "precision": Precision.FP8,
        "residency": None,
        "accelerators_allowed": None,
        "ttft_p95_ms": None,
        "tpot_ms": None,
        "spot_allowed": False,
        "priority": 1,
        "split": 1,
        "move_cost": 0.0,
        "data_gb": 0.0,
    }
    return Workload(name=name, kind=kind, shortage_penalty=penalty, **(fields | changes))


def site(name: str, supplier: str, **changes: Any) -> Site:
    fields: dict[str, Any] = {"latitude": 60.0, "longitude": 5.0, "jurisdiction": "EEA", "availability": 1.0, "bandwidth_gb_per_s": None}
    return Site(name=name, supplier=supplier, access=Access.FIBRE, **(fields | {"egress_usd_per_gb": 0.05} | changes))


def empty_case(**changes: Any) -> Case:
    """Three pools, one block, one scenario, three months, and no work."""
    fields: dict[str, Any] = dict.fromkeys(Case.__dataclass_fields__, ())
    fields |= {
        "name": "by hand",
        "as_of": date(2028, 1, 1),
        "calendar": Calendar(
            periods=months(date(2028, 1, 1), 3), blocks=(Block(name="all", start_hour=0, end_hour=24),)
        ),
        "suppliers": (Supplier(name="north", kind="gpu_cloud"), Supplier(name="south", kind="hyperscaler")),
        "sites": (
            site("oslo", "north", bandwidth_gb_per_s=10.0),
            site("bergen", "north", availability=0.8),
            site("lima", "south", jurisdiction="PE", egress_usd_per_gb=0.1),
        ),
        "accelerators": (
            Accelerator(
                name="h100", bf16_tflops=989.0, fp8_tflops=1979.0, fp4_tflops=None, hbm_gb=80.0,
                hbm_tb_per_s=3.35, link_gb_per_s=450.0, max_parallel=8,
            ),
        ),
        "pools": tuple(Pool(name=f"{place}-h100", site=place, accelerator="h100") for place in ("oslo", "bergen", "lima")),
        "scenarios": (Scenario(name="base", probability=1.0, demand_quantile=0.5),),
    }  # fmt: skip
    return Case(**(fields | changes))


def build_needs(
    case: Case,
    *,
    loads: Sequence[Load] = (),
    rigid: Mapping[tuple[str, str], Any] | None = None,
    flexible: Mapping[tuple[str, str], tuple[Any, float]] | None = None,
    egress_gb: float = 0.0,
    tokens: tuple[float, float] = (0.0, 0.0),
    runs: Sequence[str] = (),
    options: Sequence[tuple[str, str, int, int, int, float, float]] = (),
) -> Needs:
    """Needs by (load, pool).

    Args:
      rigid: accelerators, broadcast to [T, B, S]; flexible: (accelerator-hours [T], accelerators at most).
      tokens: input and output tokens of each rigid load in each period.
      options: run, pool, first period, period after the last, gang, hours, days from the window's start to the end.
    """
    t, b, s = len(case.calendar.periods), len(case.calendar.blocks), len(case.scenarios)
    names, pools = [load.name for load in loads], [pool.name for pool in case.pools]
    rigid, flexible = rigid or {}, flexible or {}
    pairs = sorted((names.index(load), pools.index(pool)) for load, pool in [*rigid, *flexible])
    need, work, limit = np.zeros((len(pairs), t, b, s), dtype=np.int32), np.zeros((len(pairs), t, s)), np.zeros((len(pairs), t, s))
    for n, (i, p) in enumerate(pairs):
        if (names[i], pools[p]) in rigid:
            need[n] = rigid[names[i], pools[p]]
        else:
            hours, most = flexible[names[i], pools[p]]
            work[n], limit[n] = np.asarray(hours)[:, None], most
    served_tokens = np.array([any(load == name for load, _ in rigid) for name in names], dtype=np.float64)[:, None, None] * np.ones((t, s))
    number = {"run": [runs.index(row[0]) for row in options], "pool": [pools.index(row[1]) for row in options]}
    columns: dict[str, Any] = {f"option_{name}": np.array(values, dtype=np.int64) for name, values in number.items()}
    for place, name in ((2, "start"), (3, "stop"), (4, "gang")):
        columns[f"option_{name}"] = np.array([row[place] for row in options], dtype=np.int64)
    for place, name in ((5, "hours"), (6, "end_days")):
        columns[f"option_{name}"] = np.array([row[place] for row in options], dtype=np.float64)
    return Needs(
        loads=tuple(loads),
        runs=tuple(runs),
        pair_load=np.array([i for i, _ in pairs], dtype=np.int64),
        pair_pool=np.array([p for _, p in pairs], dtype=np.int64),
        need=need,
        flexible=np.array([any(load == name for load, _ in flexible) for name in names], dtype=np.bool_),
        work=work,
        work_limit=limit,
        egress_gb=np.full((len(pairs), t, s), egress_gb),
        traffic_gb_per_s=np.full((len(names), t), 3.0),
        input_tokens=tokens[0] * served_tokens,
        output_tokens=tokens[1] * served_tokens,
        **{name: np.full(len(pairs), np.nan) for name in MODELLED},
        replica=np.ones(len(pairs), dtype=np.int64),
        **columns,
        ineligible=(),
    )


MODELLED = (
    *("ttft_p95_ms", "tpot_ms", "round_trip_ms", "tokens_per_s"),
    *("replica_requests_per_s", "replica_ttft_ms", "arrivals_per_s"),
)  # figures of pairs that a model serves: none here


def build_plan(case: Case, needs: Needs, **changes: Any) -> Plan:
    """Nothing placed, drawn or signed; contracts in force are held. Labels are in the case's order."""
    t, b, s = len(case.calendar.periods), len(case.calendar.blocks), len(case.scenarios)
    covers = tuple((row.name, pool) for row in case.contracts for pool in row.pools)
    decisions = Decisions(
        placed=np.full((len(needs.loads), t), -1, dtype=np.int64),
        option=np.full(len(needs.runs), -1, dtype=np.int64),
        lots=np.array([row.lots if row.status.in_force else 0 for row in case.contracts], dtype=np.int64),
        exits=np.zeros((len(case.contracts), t), dtype=np.int64),
    )
    fields: dict[str, Any] = {
        "loads": tuple(load.name for load in needs.loads),
        "runs": needs.runs,
        "pools": tuple(pool.name for pool in case.pools),
        "contracts": tuple(row.name for row in case.contracts),
        "covers": covers,
        "offers": tuple(row.name for row in case.offers),
        "decisions": decisions,
        "contract_draw": np.zeros((len(covers), t, b, s)),
        "offer_draw": np.zeros((len(case.offers), t, b, s)),
        "served": np.zeros((len(needs.loads), t, b, s)),
        "shortage": np.zeros((len(case.pools), t, b, s)),
    }
    return Plan(**(fields | changes))


def contract_only(*contracts: Contract, **changes: Any) -> Setup:
    """Contracts with nothing to run."""
    case = empty_case(contracts=contracts, **changes)
    needs = build_needs(case)
    return Setup(case=case, needs=needs, plan=build_plan(case, needs))


OSLO, BERGEN, LIMA = range(3)
CORE_OSLO, CORE_BERGEN, QUOTE_LIMA, RIVAL_LIMA = range(4)
OD_OSLO, OD_LIMA, SPOT_LIMA = range(3)
CHAT, DRAFT, LAB = range(3)
NIGHT, DAY = range(2)
CALM, BUSY = range(2)
MARCH = 2


def two_suppliers() -> Setup:
    """The case of this module, and a plan that keeps every rule; `test_verify_bills` prices it by hand."""
    case = empty_case(
        calendar=Calendar(
            periods=months(date(2028, 1, 1), 3),
            blocks=(Block(name="night", start_hour=0, end_hour=12), Block(name="day", start_hour=12, end_hour=24)),
        ),
        scenarios=(
            Scenario(name="calm", probability=0.75, demand_quantile=0.5),
            Scenario(name="busy", probability=0.25, demand_quantile=0.9, multipliers=(_dearer_in_february(),)),
        ),
        offers=(
            offer("od-oslo", "oslo-h100", 4.0),
            offer("od-lima", "lima-h100", 3.0, limit=5.0),
            offer("spot-lima", "lima-h100", 1.0, kind=OfferKind.SPOT, limit=10.0, loss_share=0.2),
        ),
        contracts=_contracts(),
        other_spend=(OtherSpend(supplier="south", period="2028-02", spend=500.0, contract=None, eligible_share=0.0),),
        workloads=(
            workload("chat", Kind.INFERENCE, 50.0, model="m-large"),
            workload("draft", Kind.INFERENCE, 20.0, model="m-small", spot_allowed=True, move_cost=20.0, data_gb=50.0),
            workload("lab", Kind.RESEARCH, 1.0, spot_allowed=True),
            workload("pretrain", Kind.TRAINING, 30.0),
        ),
        training_runs=(_run(),),
        placements=(PlacementInForce(load="draft@paris", pool="oslo-h100"),),
    )
    return _placed(case)


def _dearer_in_february() -> Multiplier:
    return Multiplier(quantity=Quantity.PRICE, workload=None, origin=None, supplier="south", period="2028-02", factor=2.0)


def _contracts() -> tuple[Contract, ...]:
    core = contract(
        "core",
        lots=2,
        pools=("oslo-h100", "bergen-h100"),
        end=date(2029, 1, 1),
        notice_days=30.0,
        fee_steps=(FeeStep(start=date(2028, 1, 1), fee=4000.0), FeeStep(start=date(2028, 3, 1), fee=1000.0)),
    )
    quotes = {
        "supplier": "south",
        "status": Status.PROPOSED,
        "pools": ("lima-h100",),
        "lots": 3,
        "option_group": "lima",
        "accelerators": 4.0,
    }
    return core, contract("quote", **quotes), contract("rival", **quotes)


def _run() -> TrainingRun:
    return TrainingRun(
        name="pre-1", workload="pretrain", tokens=1e12, window_start=date(2028, 1, 1), window_end=date(2028, 4, 1),
        gang_sizes=(4, 8), sequence_length=8192, data_site="lima", data_gb=1000.0, delay_cost=10.0,
    )  # fmt: skip


def _placed(case: Case) -> Setup:
    chat = np.full((3, 2, 2), 8)
    chat[:, DAY, BUSY] = 10
    needs = build_needs(
        case,
        loads=(
            Load(name="chat@paris", workload="chat", origin="paris", share=1.0),
            Load(name="draft@paris", workload="draft", origin="paris", share=1.0),
            Load(name="lab", workload="lab", origin=None, share=1.0),
        ),
        rigid={("chat@paris", "oslo-h100"): chat, ("draft@paris", "oslo-h100"): 3, ("draft@paris", "lima-h100"): 4},
        flexible={("lab", "oslo-h100"): (2.0 * 24 * np.array([31, 29, 31]), 4.0)},
        egress_gb=100.0,
        tokens=(3e6, 1e6),
        runs=("pre-1",),
        options=(
            ("pre-1", "bergen-h100", 0, 2, 4, 960.0, 40.0),
            ("pre-1", "bergen-h100", 1, 2, 8, 480.0, 51.0),
            ("pre-1", "lima-h100", 2, 3, 4, 600.0, 85.0),
        ),
    )
    plan = build_plan(case, needs)
    decisions = replace(
        plan.decisions,
        placed=np.array([[OSLO] * 3, [LIMA] * 3, [OSLO] * 3], dtype=np.int64),
        option=np.array([0], dtype=np.int64),
    )
    contract_draw, offer_draw, served, shortage = (
        array.copy() for array in (plan.contract_draw, plan.offer_draw, plan.served, plan.shortage)
    )
    served[LAB] = 2.0
    served[LAB, MARCH, :, BUSY] = 1.5  # half an accelerator of research is missed then
    contract_draw[CORE_OSLO] = chat + served[LAB]
    contract_draw[CORE_BERGEN, :2] = 5.0  # of which 80 % work: a gang of 4
    offer_draw[SPOT_LIMA] = 5.0  # of which 80 % are not interrupted
    contract_draw[CORE_OSLO, MARCH, DAY, BUSY] -= 1.0
    shortage[OSLO, MARCH, DAY, BUSY] = 1.0
    plan = replace(plan, decisions=decisions, contract_draw=contract_draw, offer_draw=offer_draw, served=served, shortage=shortage)
    return Setup(case=case, needs=needs, plan=plan)


def changed(array: np.ndarray, index: Any, value: Any) -> np.ndarray:
    """A copy with one part set."""
    result = array.copy()
    result[index] = value
    return result
