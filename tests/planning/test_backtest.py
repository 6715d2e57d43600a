"""History replayed: what is known when, what binds, what it costs, and that nothing later leaks in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from optimizer.domain.contract import Status
from optimizer.domain.demand import DemandUnit
from optimizer.domain.history import Vintage
from optimizer.domain.rules import Stage
from optimizer.domain.workload import Kind
from optimizer.errors import DataError
from optimizer.planning.assemble import build_problem
from optimizer.planning.backtest.history import MarketPrice, known, realised
from optimizer.planning.backtest.policies import BASELINES
from optimizer.planning.backtest.record import Begun, Record, in_terms_of, moves, standing
from optimizer.planning.backtest.replay import planner
from optimizer.planning.needs import compute_needs
from optimizer.solve.search import SolveSettings
from tests.planning.histories import contract, history, quote, replay
from tests.planning.small_nouns import PERIODS, case, demand, run, workload
from tests.samples import one_in

OURS = planner(SolveSettings(method="exact", time_limit_s=None))
POLICIES = {**BASELINES, "ours": OURS}


def test_the_newest_forecast_that_had_been_issued_counts():
    made = history()
    assert [(row.period, row.p50) for row in known(made, 0).demand] == [("jan", 10.0), ("feb", 10.0), ("mar", 10.0)]
    assert [(row.period, row.p50) for row in known(made, 1).demand] == [("feb", 11.0), ("mar", 11.0)]
    assert [row.period for row in known(made, 1, ahead=1).demand] == ["feb"]


def test_what_nobody_forecast_in_time_is_refused():
    late = history(vintages=history().vintages[1:])
    with pytest.raises(DataError, match=r"nothing issued by 2026-01-01\. 3 rows \(first: chat/paris/feb"):
        known(late, 0)


def test_stages_are_left_out():
    made = history()
    staged = replace(made, case=replace(made.case, stages=(Stage(decided_on=date(2026, 2, 1), scenario="base", group="all"),)))
    assert known(staged, 0).stages == ()
    assert realised(staged).stages == ()


def test_prices_are_those_seen_by_then_and_come_as_they_were():
    made = history()
    assert [known(made, t).offers[0].price for t in range(3)] == [3.0, 3.0, 2.5]
    pieces = [(one.price, one.start, one.end) for one in realised(made).offers if one.pool == "new"]
    assert pieces == [(3.0, date(2026, 1, 1), date(2026, 3, 1)), (2.5, date(2026, 3, 1), date(2026, 4, 1))]


def test_quotes_are_there_from_the_day_they_are_made_until_their_last():
    late = history(quoted_on={"quote": date(2026, 1, 15)})
    assert "quote" not in {one.name for one in known(late, 0).contracts}
    assert "quote" in {one.name for one in known(history(), 0).contracts}
    assert "quote" not in {one.name for one in known(history(), 1).contracts}  # it would have had to be signed in January


@pytest.mark.parametrize("name", one_in(2, POLICIES))
def test_what_comes_later_changes_no_decision(name):
    before = history()
    surge = replace(before.vintages[1].demand[-1], p10=70.0, p50=80.0, p90=90.0)
    later = replace(
        before,
        actual=tuple(replace(row, mean=99.0) if row.period == "mar" else row for row in before.actual),
        vintages=(*before.vintages, Vintage(issued_at=date(2026, 3, 1), demand=(surge,))),
        prices=(MarketPrice(offer="market_new", since=date(2026, 3, 1), price=0.1),),
        case=replace(before.case, contracts=(*before.case.contracts, replace(quote(price=0.01), name="new", start=date(2026, 3, 2)))),
        quoted_on={"new": date(2026, 3, 1)},
    )
    assert replay(before).decide(POLICIES[name], periods=2) == replay(later).decide(POLICIES[name], periods=2)
    if name == "on_demand_only":  # and what is known by then does
        sooner = replace(later, prices=(MarketPrice(offer="market_old", since=date(2026, 2, 1), price=0.1),), quoted_on={})
        assert replay(before).decide(POLICIES[name], periods=2) != replay(sooner).decide(POLICIES[name], periods=2)


def test_the_bill_is_what_came_by_hand():
    outcome = replay(history()).follow("hold", BASELINES["hold"])
    hours = np.array([period.days * 24 for period in PERIODS])
    held = 10 * hours.sum() * 1.0
    beyond = (np.maximum(0, np.array([10, 12, 8]) - 10) * hours * 4.0).sum()
    assert outcome.cost_usd == pytest.approx(held + beyond)
    assert (outcome.moves, outcome.unserved_share, outcome.note) == (0, 0.0, "")


def test_only_what_cannot_wait_binds():
    record = replay(history()).decide(OURS, periods=1)
    assert set(record.placed) == {("chat@paris", "jan")}
    open_longer = history()
    open_longer = replace(open_longer, case=replace(open_longer.case, contracts=(contract("held"), quote(start=date(2026, 3, 1)))))
    assert replay(open_longer).decide(OURS, periods=1).signed == {}


def test_signed_and_left_lots_stand_in_the_next_decision():
    made = history()
    left = replace(made, case=replace(made.case, contracts=(contract("held", notice_days=45.0), quote())))
    record = Record(placed={("chat@paris", "jan"): "new"}, signed={"quote": 2}, exits={("held", "mar"): 1})
    now = standing(left, record, 1)
    assert [(one.name, one.lots, one.status, one.end) for one in now.contracts] == [
        ("held", 1, Status.ACTIVE, date(2026, 4, 1)),
        ("held leaving 2026-03-01", 1, Status.ACTIVE, date(2026, 3, 1)),
        ("quote", 2, Status.ACTIVE, date(2026, 4, 1)),
    ]
    assert now.contracts[1].notice_days is None
    assert [(one.load, one.pool) for one in now.placements] == [("chat@paris", "new")]
    assert [one.name for one in standing(left, record, 2).contracts] == ["held", "quote"]


def test_a_run_goes_on_where_and_as_it_began():
    work = case(workloads=(workload("pretrain", Kind.TRAINING),), training_runs=(run("big", tokens=1e12),))
    made = history(case=work, actual=(), vintages=())
    of = replay(made)
    whole = of.problem.needs
    g = int(np.flatnonzero((whole.option_start == 0) & (whole.option_stop == 3))[0])
    pool, gang, hours = of.problem.pools[whole.option_pool[g]], int(whole.option_gang[g]), float(whole.option_hours[g])
    record = Record(begun={"big": Begun(pool=pool, gang=gang, period="jan", start=PERIODS[0].start, hours=hours)})
    now = standing(made, record, 1)
    left = build_problem(now, compute_needs(now), annual_discount_rate=0.0).needs
    ((start, stop, size, place),) = zip(left.option_start, left.option_stop, left.option_gang, left.option_pool, strict=True)
    assert (start, stop, size, place) == (0, 2, gang, whole.option_pool[g])
    assert left.option_hours[0] == pytest.approx(hours - 31 * 24)
    assert in_terms_of(of.problem, record).option.tolist() == [g]
    assert standing(made, record, 1).placements[0].pool == pool
    odd = Record(begun={"big": replace(record.begun["big"], gang=gang + 1)})
    assert in_terms_of(of.problem, odd).option.tolist() == [-1]
    assert of.bill("odd", odd).note == "big was begun where pins of the first day do not let it"
    over = replace(record.begun["big"], hours=24.0)
    assert standing(made, replace(record, begun={"big": over}), 1).training_runs == ()


def test_moves_are_counted_from_where_work_ran():
    record = Record(placed={("chat@paris", "jan"): "new", ("chat@paris", "feb"): "new", ("chat@paris", "mar"): "old"})
    assert moves(record, history()) == 2


def test_hindsight_is_no_dearer_than_any_policy_and_proven():
    of = replay(history())
    outcomes = [of.follow(name, policy) for name, policy in POLICIES.items()]
    best = of.hindsight(outcomes, SolveSettings(method="exact", time_limit_s=None))
    costs = {outcome.policy: outcome.cost_usd for outcome in outcomes}
    assert all(cost is not None and cost >= best.cost_usd - 1e-6 for cost in costs.values())
    assert best.bound_usd == pytest.approx(best.cost_usd, rel=1e-4)
    assert costs["ours"] < costs["on_demand_only"]


def test_demand_of_flexible_work_is_replayed_too():
    rows = demand("study", DemandUnit.ACCELERATORS, 6.0, origin=None)
    lab = replace(history().case, workloads=(workload("study", Kind.RESEARCH, model=None),), placements=())
    made = history(case=lab, actual=rows, vintages=(Vintage(issued_at=date(2026, 1, 1), demand=rows),))
    outcome = replay(made).follow("look_back", BASELINES["look_back"])
    assert outcome.cost_usd == pytest.approx(10 * 90 * 24 * 1.0)
