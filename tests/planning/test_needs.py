"""Needs of cases made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from optimizer.domain.calendar import Block, Calendar
from optimizer.domain.case import Case
from optimizer.domain.demand import DemandUnit, Multiplier, Quantity, Scenario, values_at
from optimizer.domain.rules import AllowedSite
from optimizer.domain.supply import Access, Pool, RoundTrip
from optimizer.domain.surface import Needs
from optimizer.domain.workload import Kind, MeasuredThroughput, Precision, ServingTechniques, TrainingRun
from optimizer.errors import DataError
from optimizer.planning.needs import BYTES_PER_TOKEN, compute_needs
from tests.planning.small_nouns import BLOCKS, H100, OFFICE, PARIS, PERIODS, case, demand, run, site, workload
from tests.tolerances import KERNEL_AGAINST_LOOP

RATE, DAILY, COUNT = DemandUnit.REQUESTS_PER_S, DemandUnit.TOKENS_PER_DAY, DemandUnit.ACCELERATORS
HOURS = np.array([31, 28, 31]) * 24.0


def reasons(needs: Needs) -> dict[tuple[str, str], str]:
    return {(row.load, row.pool): row.reason for row in needs.ineligible}


def served(**changes: Any) -> Case:
    """One service by the equations: 50 requests/s of 1,000 and 200 tokens."""
    return case(
        workloads=(workload("chat", **changes),),
        demand=demand("chat", RATE, 50.0, prompt_tokens=1000.0, output_tokens=200.0, peak_factor=1.2),
    )


def test_needs_where_asked_are_those_of_all() -> None:
    whole = served()
    needs, pools = compute_needs(whole), [pool.name for pool in whole.pools]
    asked = np.random.default_rng(0).random(needs.need.shape[:2]) < 0.5
    only: dict[str, dict[str, Any]] = {load.name: {} for load in needs.loads}
    for n, (load, pool) in enumerate(zip(needs.pair_load, needs.pair_pool, strict=True)):
        only[needs.loads[load].name][pools[pool]] = asked[n]
    found = compute_needs(whole, only=only)
    assert (needs.need > 0).all()
    np.testing.assert_array_equal(found.need, needs.need * asked[:, :, None, None])


# Demand in accelerators


def test_a_count_is_the_busy_hours_and_scales_with_the_profile() -> None:
    paris = replace(PARIS, weekday_profile=OFFICE, weekend_profile=(1.0,) * 24)
    blocks = (Block(name="low", start_hour=0, end_hour=8), Block(name="high", start_hour=8, end_hour=24))
    up = Multiplier(quantity=Quantity.DEMAND, workload="chat", origin=None, supplier=None, period="feb", factor=1.5)
    here = Multiplier(quantity=Quantity.DEMAND, workload=None, origin="paris", supplier=None, period=None, factor=2.0)
    price = replace(up, quantity=Quantity.PRICE, factor=9.0)
    elsewhere = replace(here, origin="tokyo", factor=9.0)
    needs = compute_needs(
        case(
            calendar=Calendar(periods=PERIODS, blocks=blocks),
            origins=(paris,),
            workloads=(workload("chat", model=None),),
            demand=demand("chat", COUNT, 10.0, peak_factor=1.3),
            scenarios=(
                Scenario(name="base", probability=0.5, demand_quantile=0.5),
                Scenario(name="high", probability=0.5, demand_quantile=0.9, multipliers=(up, here, price, elsewhere)),
            ),
        )
    )
    assert [load.name for load in needs.loads] == ["chat@paris"]
    # Paris is at UTC+1 until 29 March: 8:00 local weight 1 at most in [0, 8) UTC; in March 7:00 UTC becomes 9:00 local
    low, high = [4, 4, 10], [10, 10, 10]
    for pair in range(2):
        assert needs.need[pair, :, 0, 0].tolist() == low
        assert needs.need[pair, :, 1, 0].tolist() == high
        assert needs.need[pair, :, 1, 1].tolist() == [20, 30, 20]
        assert needs.need[pair, :, 0, 1].tolist() == [7, 10, 20]
    assert needs.need.dtype == np.int32
    assert np.isnan(needs.ttft_p95_ms).all()
    assert np.isnan(needs.tpot_ms).all()
    assert needs.replica.tolist() == [1, 1]
    assert not needs.work.any()
    assert not needs.egress_gb.any()


def test_shares_of_a_split_stream_are_loads_rounded_up_alone() -> None:
    needs = compute_needs(case(workloads=(workload("chat", split=3),), demand=demand("chat", COUNT, 10.0)))
    assert [load.name for load in needs.loads] == ["chat@paris#1", "chat@paris#2", "chat@paris#3"]
    assert needs.pair_load.tolist() == [0, 0, 1, 1, 2, 2]
    assert needs.pair_pool.tolist() == [0, 1, 0, 1, 0, 1]
    assert (needs.need == 4).all()


def test_whole_products_are_not_rounded_up() -> None:
    needs = compute_needs(case(workloads=(workload("chat", split=10),), demand=demand("chat", COUNT, 30.0)))
    assert (needs.need == 3).all()


# Demand in tokens


def test_measured_throughput_overrides_the_equations() -> None:
    measured = MeasuredThroughput(
        workload="chat", accelerator="h100", tokens_per_s_per_accelerator=500.0, max_utilisation=0.8, accelerators_per_replica=4
    )
    needs = compute_needs(replace(served(model=None), measured_throughput=(measured,)))
    tokens = 50.0 * 1200.0
    assert needs.pair_pool.tolist() == [0]
    assert (needs.need == int(np.ceil(tokens * 1.2 / (500.0 * 0.8 * 4))) * 4).all()
    assert reasons(needs)["chat@paris", "old"] == "no measured throughput on a100, and no model to compute one"
    assert needs.replica.tolist() == [4]
    assert needs.tokens_per_s.tolist() == [500.0]
    assert np.isnan(needs.ttft_p95_ms).all()
    seconds = HOURS * 3600
    np.testing.assert_allclose(needs.input_tokens[0, :, 0], 50.0 * 1000.0 * seconds, rtol=KERNEL_AGAINST_LOOP)
    np.testing.assert_allclose(needs.output_tokens[0, :, 0], 50.0 * 200.0 * seconds, rtol=KERNEL_AGAINST_LOOP)
    np.testing.assert_allclose(needs.egress_gb[0, :, 0], 50.0 * 200.0 * seconds * BYTES_PER_TOKEN / 1e9, rtol=KERNEL_AGAINST_LOOP)
    np.testing.assert_allclose(needs.traffic_gb_per_s[0], tokens * 1.2 * BYTES_PER_TOKEN / 1e9, rtol=KERNEL_AGAINST_LOOP)


def test_measured_throughput_proves_a_precision() -> None:
    measured = MeasuredThroughput(
        workload="chat", accelerator="a100", tokens_per_s_per_accelerator=500.0, max_utilisation=0.8, accelerators_per_replica=1
    )
    needs = compute_needs(replace(served(precision=Precision.FP8), measured_throughput=(measured,)))
    assert needs.pair_pool.tolist() == [0, 1]


def accelerators(**techniques: Any) -> int:
    """Most accelerators of `served` with techniques, in the first pool, within a limit on TPOT."""
    needs = compute_needs(served(tpot_ms=30.0, techniques=ServingTechniques(**techniques)))
    return int(needs.need[0].max())


@pytest.mark.slow
def test_techniques_move_the_need_the_way_they_are_for() -> None:
    plain = accelerators()
    assert accelerators(prefix_hit_share=0.9) < plain
    assert accelerators(drafted_tokens=3, acceptance_share=0.9) < plain
    assert accelerators(drafted_tokens=3, acceptance_share=0.05, draft_step_share=0.3) > plain
    assert accelerators(chunk_tokens=1e6) == plain  # longer than any prompt
    slower = compute_needs(served(techniques=ServingTechniques(chunk_tokens=100.0)))
    assert (slower.replica_ttft_ms > compute_needs(served()).replica_ttft_ms).all()
    apart = compute_needs(served(techniques=ServingTechniques(prefill_share=0.5)))
    assert (apart.replica >= 2).all()  # an accelerator for each side at the least


def test_techniques_do_not_touch_a_measured_throughput() -> None:
    measured = MeasuredThroughput(
        workload="chat", accelerator="h100", tokens_per_s_per_accelerator=500.0, max_utilisation=0.8, accelerators_per_replica=4
    )
    each = (ServingTechniques(prefix_hit_share=0.9), ServingTechniques())
    both = [replace(served(techniques=own), measured_throughput=(measured,)) for own in each]
    found, plain = (compute_needs(each) for each in both)
    assert (found.need[0] == plain.need[0]).all()


def test_tokens_a_day_are_requests_a_second() -> None:
    rate = compute_needs(served())
    daily = replace(
        served(), demand=demand("chat", DAILY, 50.0 * 1200.0 * 86_400, prompt_tokens=1000.0, output_tokens=200.0, peak_factor=1.2)
    )
    assert (compute_needs(daily).need == rate.need).all()


def test_equations_give_whole_replicas_within_the_limits() -> None:
    needs = compute_needs(served(ttft_p95_ms=1500.0, tpot_ms=60.0))
    assert needs.pair_pool.tolist() == [0, 1]
    assert (needs.need > 0).all()
    assert (needs.need % needs.replica[:, None, None, None] == 0).all()
    assert (needs.ttft_p95_ms <= 1500.0).all()
    assert (needs.tpot_ms <= 60.0).all()
    assert (needs.ttft_p95_ms > needs.round_trip_ms).all()
    # accelerators at the planning utilisation carry the busiest minute
    carried = needs.need[:, 0, 0, 0] * needs.tokens_per_s * 0.9
    assert (carried * (1 + KERNEL_AGAINST_LOOP) >= 50.0 * 1200.0 * 1.2).all()
    assert needs.need[0].max() < needs.need[1].max()  # the older accelerator needs more


@pytest.mark.parametrize("field", ["ttft_p95_ms", "tpot_ms"])
def test_a_tighter_limit_never_needs_less(field: str) -> None:
    limits = [4000.0, 1500.0, 600.0] if field == "ttft_p95_ms" else [120.0, 60.0, 40.0]
    totals = [compute_needs(served(accelerators_allowed=("h100",), **{field: limit})).need.max() for limit in limits]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]


def test_more_demand_never_needs_less() -> None:
    busier = tuple(replace(row, mean=55.0) for row in served().demand)
    assert (compute_needs(replace(served(), demand=busier)).need >= compute_needs(served()).need).all()


def test_no_demand_needs_nothing() -> None:
    silent = (replace(served().demand[0], mean=0.0), *served().demand[1:])
    needs = compute_needs(replace(served(), demand=silent))
    assert (needs.need[:, 0] == 0).all()
    assert (needs.need[:, 1:] > 0).all()


def test_lengths_that_change_keep_one_replica_size() -> None:
    longer = (*served().demand[:2], replace(served().demand[2], prompt_tokens=6000.0))
    needs = compute_needs(replace(served(ttft_p95_ms=3000.0), demand=longer))
    assert (needs.need % needs.replica[:, None, None, None] == 0).all()
    assert (needs.need[:, 2] > needs.need[:, 1]).all()


# Networks


def test_a_measured_round_trip_wins() -> None:
    needs = compute_needs(replace(served(), round_trips=(RoundTrip(origin="paris", site="frankfurt", rtt_ms=12.5),)))
    assert needs.round_trip_ms.tolist() == [12.5, 12.5]
    modelled = compute_needs(served()).round_trip_ms
    assert 5.0 < modelled[0] < 16.0  # 480 km


def test_access_decides_the_round_trip() -> None:
    sites = tuple(site(access.value, access=access) for access in Access)
    pools = tuple(Pool(name=access.value, site=access.value, accelerator="h100") for access in Access)
    needs = compute_needs(replace(served(), sites=sites, pools=pools))
    trips = dict(zip([pools[p].name for p in needs.pair_pool], needs.round_trip_ms, strict=True))
    assert trips["fibre"] < trips["satellite_relay"]
    assert trips["orbital"] < trips["satellite_relay"]


# Pools struck out


def test_reasons() -> None:
    sites = (site("frankfurt"), site("ohio", jurisdiction="US"), site("sydney", latitude=-33.9, longitude=151.2))
    pools = tuple(
        Pool(name=f"{place}_{chip}", site=place, accelerator=chip)
        for place, chip in [("frankfurt", "h100"), ("frankfurt", "a100"), ("ohio", "h100"), ("sydney", "h100")]
    )
    base = replace(served(ttft_p95_ms=250.0, precision=Precision.FP8, residency=("DE",)), sites=sites, pools=pools)
    found = reasons(compute_needs(base))
    assert found["chat@paris", "frankfurt_a100"] == "fp8 is not supported"
    assert found["chat@paris", "ohio_h100"] == "residency is limited to DE; the site is in US"
    assert found["chat@paris", "sydney_h100"].startswith("TTFT 250 ms is below the round trip of ")
    entered = replace(base, allowed_sites=(AllowedSite(model="dense", site="frankfurt"),))
    assert reasons(compute_needs(entered))["chat@paris", "sydney_h100"] == "weights of dense may not enter sydney"
    only = replace(base, workloads=(replace(base.workloads[0], accelerators_allowed=("h100",)),))
    assert reasons(compute_needs(only))["chat@paris", "frankfurt_a100"] == "accelerators are limited to h100"


def test_reasons_from_the_equations() -> None:
    small = replace(H100, name="small", max_parallel=1)
    pools = (Pool(name="new", site="frankfurt", accelerator="h100"), Pool(name="lone", site="frankfurt", accelerator="small"))
    base = replace(served(), accelerators=(H100, small), pools=pools)
    assert reasons(compute_needs(base))["chat@paris", "lone"] == "needs 156 GB of memory, 80 GB in one domain"
    with pytest.raises(DataError, match=r"TPOT 5 ms is below the least \d+\.\d+ ms \(1 pool\)"):
        compute_needs(replace(served(tpot_ms=5.0), pools=pools[:1]))
    with pytest.raises(DataError, match=r"TTFT 60 ms is below the least \d+\.?\d* ms, with a round trip of \d"):
        compute_needs(replace(served(ttft_p95_ms=60.0), pools=pools[:1]))


def test_a_load_without_a_pool_is_an_error_with_reasons() -> None:
    broken = replace(
        served(residency=("JP",)),
        workloads=(workload("chat", residency=("JP",)), workload("search", precision=Precision.FP4)),
        demand=(*served().demand, *demand("search", COUNT, 3.0)),
    )
    with pytest.raises(DataError) as caught:
        compute_needs(broken)
    assert [str(violation) for violation in caught.value.violations] == [
        "workloads: a load must have at least one pool that can hold it; got none: residency is limited to JP; the site is in DE (2 pools)."
        " 1 row (first: chat@paris). Relax its limits, or add a pool that keeps them.",
        "workloads: a load must have at least one pool that can hold it; got none: fp4 is not supported (2 pools)."
        " 1 row (first: search@paris). Relax its limits, or add a pool that keeps them.",
    ]


# Flexible work


def test_research_is_hours_at_any_time() -> None:
    needs = compute_needs(
        case(workloads=(workload("study", Kind.RESEARCH, model=None),), demand=demand("study", COUNT, 7.0, origin=None, peak_factor=1.5))
    )
    assert needs.loads[0].name == "study"
    assert needs.flexible.tolist() == [True]
    assert not needs.need.any()
    np.testing.assert_allclose(needs.work[0, :, 0], 7.0 * HOURS, rtol=KERNEL_AGAINST_LOOP)
    assert needs.work_limit[:, :, 0].tolist() == [[11.0] * 3] * 2
    assert np.isnan(needs.round_trip_ms).all()


def test_batch_is_tokens_over_throughput() -> None:
    measured = MeasuredThroughput(
        workload="index", accelerator="h100", tokens_per_s_per_accelerator=2000.0, max_utilisation=0.5, accelerators_per_replica=1
    )
    needs = compute_needs(
        case(
            workloads=(workload("index", Kind.BATCH, tpot_ms=0.001),),
            demand=demand("index", DAILY, 8.64e9, origin=None, prompt_tokens=900.0, output_tokens=100.0, peak_factor=2.0),
            measured_throughput=(measured,),
        )
    )
    # 1e5 tokens/s over 1,000 tokens/s an accelerator
    np.testing.assert_allclose(needs.work[0, :, 0], 100.0 * HOURS, rtol=KERNEL_AGAINST_LOOP)
    assert needs.work_limit[0, :, 0].tolist() == [200.0] * 3
    np.testing.assert_allclose(needs.output_tokens[0, :, 0], 1e4 * HOURS * 3600, rtol=KERNEL_AGAINST_LOOP)
    # by the equations, without latency limits, on the other accelerator
    np.testing.assert_allclose(needs.work[1, :, 0], 1e5 * HOURS / needs.tokens_per_s[1], rtol=KERNEL_AGAINST_LOOP)
    assert not needs.need.any()


# Demand rows


def test_quantiles() -> None:
    outer = NormalDist().inv_cdf(0.9)
    rows = np.array([[50.0, 100.0, 200.0], [50.0, 100.0, 400.0], [0.0, 100.0, 200.0]])
    np.testing.assert_allclose(values_at(rows, np.zeros(3)), 100.0)
    np.testing.assert_allclose(values_at(rows, np.full(3, outer)), [200.0, 400.0, 200.0])
    np.testing.assert_allclose(values_at(rows, np.full(3, -outer)), [50.0, 50.0, 0.0], atol=1e-12)
    # twice the deviate of 90 %, twice the logarithm; a piece that touches 0 stays at 0
    np.testing.assert_allclose(values_at(rows, np.full(3, 2 * outer)), [400.0, 1600.0, 400.0])
    assert values_at(rows, np.full(3, -2 * outer))[2] == 0.0
    ladder = values_at(np.array([[20.0, 100.0, 150.0]]), np.linspace(-3, 3, 99)[:, None])[:, 0]
    assert list(ladder) == sorted(ladder)
    assert np.isfinite(ladder).all()


def test_scenarios_read_their_quantile() -> None:
    quantiles = demand("chat", COUNT, None, p10=50.0, p50=100.0, p90=200.0)
    scenarios = tuple(Scenario(name=str(q), probability=1 / 3, demand_quantile=q) for q in (0.1, 0.5, 0.9))
    needs = compute_needs(case(workloads=(workload("chat"),), demand=quantiles, scenarios=scenarios))
    assert needs.need[0, 0, 0].tolist() == [50, 100, 200]


def test_demand_that_cannot_be_read() -> None:
    chat = workload("chat")
    with pytest.raises(DataError, match=r"demand: every period needs a row; got none in mar\. 1 row \(first: chat@paris jan\)"):
        compute_needs(case(workloads=(chat,), demand=demand("chat", COUNT, 1.0)[:2]))
    with pytest.raises(DataError, match="demand: kind inference needs an origin"):
        compute_needs(case(workloads=(chat,), demand=demand("chat", COUNT, 1.0, origin=None)))
    with pytest.raises(DataError, match="demand: requests_per_s needs prompt_tokens and output_tokens"):
        compute_needs(case(workloads=(chat,), demand=demand("chat", RATE, 1.0)))
    with pytest.raises(DataError, match="demand: research is asked for in accelerators; got tokens_per_day"):
        compute_needs(case(workloads=(workload("study", Kind.RESEARCH),), demand=demand("study", DAILY, 1.0, origin=None)))
    with pytest.raises(DataError, match="demand in tokens needs prompt_tokens and output_tokens where the throughput is not measured"):
        compute_needs(case(workloads=(chat,), demand=demand("chat", DAILY, 1e9)))


# Training runs


def trained(*runs: TrainingRun, **changes: Any) -> Case:
    return case(workloads=(workload("pretrain", Kind.TRAINING, **changes),), training_runs=runs)


def test_options_start_with_a_period_and_end_in_window_and_horizon() -> None:
    needs = compute_needs(trained(run("big")))
    assert needs.runs == ("big",)
    starts = [p.start for p in PERIODS]
    for g in range(len(needs.option_run)):
        t, u, days = needs.option_start[g], needs.option_stop[g], needs.option_hours[g] / 24
        begins = (starts[t] - date(2026, 1, 1)).days
        assert needs.option_end_days[g] == pytest.approx(begins + days)
        assert begins + days <= 90
        assert (PERIODS[u - 1].end - date(2026, 1, 1)).days >= begins + days > (PERIODS[u - 1].start - date(2026, 1, 1)).days
    order = list(zip(needs.option_run, needs.option_pool, needs.option_start, needs.option_gang, strict=True))
    assert order == sorted(order)
    by_gang = {int(gang): needs.option_hours[(needs.option_gang == gang) & (needs.option_pool == 0)] for gang in (512, 1024)}
    assert by_gang[1024][0] < by_gang[512][0] < 2 * by_gang[1024][0]
    # 2e11 tokens on 512: about 6 x 70e9 x 2e11 / (512 x 989e12 x .42) s, and 5 % for attention and failures
    assert by_gang[512][0] == pytest.approx(6 * 70e9 * 2e11 / (512 * 989e12 * 0.42) / 3600, rel=0.1)


def test_a_window_inside_a_period_waits_for_the_next() -> None:
    needs = compute_needs(trained(run("big", window_start=date(2026, 1, 10))))
    assert needs.option_start.min() == 1
    assert needs.option_end_days.min() == pytest.approx(22 + needs.option_hours[needs.option_start == 1].min() / 24)


def test_a_window_open_before_the_calendar_counts_from_its_start() -> None:
    needs = compute_needs(trained(run("big", window_start=date(2025, 12, 1))))
    first = needs.option_start == 0
    np.testing.assert_allclose(needs.option_end_days[first], 31 + needs.option_hours[first] / 24, rtol=KERNEL_AGAINST_LOOP)


def test_runs_of_a_later_horizon_are_left_out() -> None:
    later = run("later", window_start=date(2026, 5, 1), window_end=date(2026, 9, 1))
    cut = run("cut", tokens=3e12, window_start=date(2026, 3, 1), window_end=date(2027, 3, 1))
    assert compute_needs(trained(later, run("big"), cut)).runs == ("big",)


def test_memory_and_time_of_runs() -> None:
    needs = compute_needs(trained(run("big", gang_sizes=(8, 512)), accelerators_allowed=("h100",)))
    assert set(needs.option_gang.tolist()) == {512}  # 8 x 80 GB is less than 16 bytes x 70e9
    assert reasons(needs)["big", "old"] == "accelerators are limited to h100"
    with pytest.raises(
        DataError, match=r"training_runs: a training run must have .*needs 1,120 GB of memory, 640 GB in the largest gang \(2 pools\)"
    ):
        compute_needs(trained(run("big", gang_sizes=(8,))))
    with pytest.raises(DataError, match=r"takes [\d.]+ days with 1,024 accelerators; 20 days of the window are left"):
        compute_needs(trained(run("big", tokens=1e13, window_end=date(2026, 1, 21))))


def test_an_empty_case_needs_nothing() -> None:
    needs = compute_needs(case())
    assert needs.loads == ()
    assert needs.need.shape == (0, 3, len(BLOCKS), 1)
    assert needs.option_run.shape == (0,)


def test_rows_in_another_order_give_the_same_needs() -> None:
    two = replace(
        served(),
        workloads=(workload("chat"), workload("code")),
        demand=(*served().demand, *demand("code", COUNT, 5.0)),
    )
    a, b = compute_needs(two), compute_needs(replace(two, demand=two.demand[::-1]))
    assert a.loads == b.loads
    assert (a.need == b.need).all()
