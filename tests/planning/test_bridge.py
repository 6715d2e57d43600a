from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from optimizer.domain.demand import DemandUnit
from optimizer.domain.supply import Supplier
from optimizer.errors import ConfigError, InfeasiblePlan
from optimizer.planning.replan.bridge import bridge
from optimizer.planning.replan.clock import on_day
from tests.planning.small_nouns import PERIODS, case, demand, run, workload

BEFORE = case(workloads=(workload("chat"),), demand=demand("chat", DemandUnit.ACCELERATORS, 5.0))
STATE = replace(BEFORE, suppliers=(Supplier(name="other", kind="gpu_cloud"),))
ALL = replace(STATE, exchange_rates=("a rate",), demand=demand("chat", DemandUnit.ACCELERATORS, 6.0))


def cost(case):
    """1 for a new supplier, 10 for a new rate, 100 for new demand."""
    return 1000.0 + (case.suppliers != BEFORE.suppliers) + 10 * (case.exchange_rates != ()) + 100 * (case.demand != BEFORE.demand)


def steps(after, *, held_usd, plan_usd=1050.0, cost=cost):
    found = bridge(before=BEFORE, after=after, last_usd=1000.0, held_usd=held_usd, plan_usd=plan_usd, cost=cost)
    assert sum(step.change_usd for step in found) == pytest.approx(plan_usd - 1000.0)
    return {step.name: step.change_usd for step in found}


def test_each_group_of_tables_has_its_own_step():
    assert steps(ALL, held_usd=1111.0) == {"state": 1.0, "price": 10.0, "demand": 100.0, "decisions": -61.0}


def test_groups_that_did_not_change_have_none():
    assert steps(BEFORE, held_usd=1000.0, plan_usd=1000.0) == {"decisions": 0.0}
    assert steps(STATE, held_usd=1001.0) == {"state": 1.0, "decisions": 49.0}


def test_tables_that_do_not_fit_half_changed_are_taken_together():
    def refuses(case):
        if case.exchange_rates == () and case.suppliers != BEFORE.suppliers:
            raise InfeasiblePlan(["half changed"])
        return cost(case)

    assert steps(ALL, held_usd=1111.0, cost=refuses) == {"state and price": 11.0, "demand": 100.0, "decisions": -61.0}
    assert steps(STATE, held_usd=1001.0, cost=refuses) == {"state": 1.0, "decisions": 49.0}


def test_decisions_that_are_no_longer_possible_leave_one_step():
    assert steps(ALL, held_usd=None) == {"state, price, demand and decisions": 50.0}


def test_a_later_day_drops_what_is_over():
    runs = (run("old", window_end=date(2026, 1, 20)), run("new"))
    before = case(workloads=(workload("chat"),), demand=demand("chat", DemandUnit.ACCELERATORS, 5.0), training_runs=runs)
    day = PERIODS[1].start
    after = on_day(before, day)
    assert (after.as_of, after.calendar.periods) == (day, PERIODS[1:])
    assert {row.period for row in after.demand} == {period.name for period in PERIODS[1:]}
    assert [one.name for one in after.training_runs] == ["new"]
    assert on_day(before, before.as_of) is before


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2027, 1, 1)])
def test_days_outside_the_calendar_are_refused(day):
    with pytest.raises(ConfigError, match="as_of: must be between the case's date"):
        on_day(BEFORE, day)
