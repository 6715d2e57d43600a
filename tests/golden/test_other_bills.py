"""Bills of docs/contracts in which more than a contract takes part: units, egress, shares of wallet, residency."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from optimizer.domain.calendar import Calendar
from optimizer.domain.surface import Load
from optimizer.domain.workload import Kind, PlacementInForce
from optimizer.tables.read import read_case
from tests.golden.test_contract_bills import ALL_DAY
from tests.planning.cases import Setup, build_needs, build_plan, contract, contract_only, empty_case, months, offer, site, workload
from tests.tables.minimal import changed, write
from tests.tolerances import CENT_USD

JANUARY = Calendar(periods=months(date(2028, 1, 1), 1), blocks=ALL_DAY)
OSLO, BERGEN = range(2)


@pytest.mark.parametrize(
    ("unit", "price", "holds", "of_one"),
    [
        ("instance-hour", "98.32", "8", 12.29),
        ("rack-month", "3600000", "72", 50000.0),
        ("megawatt-month", "1300000", "520", 2500.0),
    ],
)
def test_prices_of_instances_racks_and_megawatts(tmp_path, unit: str, price: str, holds: str, of_one: float) -> None:
    cells = {"ContractCommitmentUnit": unit, "x_UnitPrice": price, "x_AcceleratorsPerUnit": holds}
    case = read_case(write(tmp_path / "lab", changed("contracts", 0, **cells)))
    assert case.contracts[0].price == pytest.approx(of_one, rel=1e-15)


def served(pool: int, *, egress_gb: float = 0.0, data_gb: float = 0.0, runs_in: str = "") -> Setup:
    """One accelerator in January, on demand at 2.50 in oslo and 2.00 in bergen; egress 0.08 and 0.02 USD a GB."""
    case = empty_case(
        calendar=JANUARY,
        sites=(site("oslo", "north", egress_usd_per_gb=0.08), site("bergen", "north", egress_usd_per_gb=0.02), site("lima", "south")),
        offers=(offer("od-oslo", "oslo-h100", 2.5), offer("od-bergen", "bergen-h100", 2.0)),
        workloads=(workload("chat", Kind.INFERENCE, 50.0, data_gb=data_gb),),
        placements=(PlacementInForce(load="chat@paris", pool=runs_in),) if runs_in else (),
    )
    load = Load(name="chat@paris", workload="chat", origin="paris", share=1.0)
    rigid = {("chat@paris", "oslo-h100"): 1, ("chat@paris", "bergen-h100"): 1}
    needs = build_needs(case, loads=(load,), rigid=rigid, egress_gb=egress_gb)
    setup = Setup(case=case, needs=needs, plan=build_plan(case, needs))
    draw = np.zeros_like(setup.plan.offer_draw)
    draw[pool] = 1.0
    return setup.with_decisions(placed=np.array([[pool]])).with_plan(offer_draw=draw)


def paid(setup: Setup, line: str) -> float:
    assert setup.verify().broken == ()
    return sum(entry.cash_usd for entry in setup.verify().ledger if entry.line == line)


def test_egress_is_paid_where_the_data_leaves() -> None:
    """10,000 GB at 0.08 are 800 USD a month, at 0.02 they are 200; 16 GB that leave oslo by a move cost 1.28 once."""
    assert paid(served(OSLO, egress_gb=10_000.0), "egress") == pytest.approx(800.0, abs=CENT_USD)
    assert paid(served(BERGEN, egress_gb=10_000.0), "egress") == pytest.approx(200.0, abs=CENT_USD)
    assert paid(served(BERGEN, data_gb=16.0, runs_in="oslo-h100"), "moving") == pytest.approx(1.28, abs=CENT_USD)


def test_a_load_that_may_run_in_the_dearer_pool_alone() -> None:
    """0.50 x 744 h = 372 USD more in January."""
    assert paid(served(OSLO), "market") - paid(served(BERGEN), "market") == pytest.approx(372.0, abs=CENT_USD)


@pytest.mark.parametrize(("hours", "kept"), [(300.0, True), (299.0, False)])
def test_a_share_of_wallet(hours: float, kept: bool) -> None:
    """30 %: where 700 hours are drawn elsewhere 300 are drawn here, used or not, and cost 600 USD at 2.00."""
    core = contract(take_or_pay_share=None, share_of_wallet=0.3)
    setup = contract_only(core, calendar=JANUARY, offers=(offer("od-lima", "lima-h100", 3.0),))
    drawn = setup.with_plan(contract_draw=np.full((1, 1, 1, 1), hours / 744), offer_draw=np.full((1, 1, 1, 1), 700 / 744))
    assert (drawn.verify().broken == ()) is kept
    excess = sum(entry.cash_usd for entry in drawn.verify().ledger if entry.line == "excess")
    assert excess == pytest.approx(2.0 * hours, abs=CENT_USD)
