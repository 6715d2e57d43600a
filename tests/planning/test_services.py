"""Services of a plan: where they run, and how latency and cost move around the plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.jobs.pictures import draw_services
from optimizer.planning.needs import compute_needs
from optimizer.planning.services import services
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.planning.cases import build_plan
from tests.tolerances import KERNEL_AGAINST_LOOP


@pytest.fixture(scope="module")
def placed():
    """The case `small`, its needs, and a plan with every load in its first eligible pool."""
    case = read_case(case_folder("small"))
    needs = compute_needs(case)
    plan = build_plan(case, needs)
    first = np.array([needs.pair_pool[np.flatnonzero(needs.pair_load == load)[0]] for load in range(len(needs.loads))])
    whole = np.repeat(first[:, None], len(case.calendar.periods), axis=1)
    return case, needs, replace(plan, decisions=replace(plan.decisions, placed=whole))


def test_the_busiest_load_of_each_modelled_service_is_told(placed):
    case, needs, plan = placed
    found = services(case, needs, plan)
    names = [service.load.split("@")[0] for service in found]
    assert names
    assert len(set(names)) == len(names)
    for service in found:
        n = next(
            i
            for i in range(len(needs.pair_load))
            if needs.loads[needs.pair_load[i]].name == service.load and case.pools[needs.pair_pool[i]].name == service.pool
        )
        assert service.replicas * service.replica == needs.need[n].max()  # the need is what the busiest minute asks for
        p95 = service.ttft_percentiles_ms(np.array([service.utilisation]))[0, 1]
        assert p95 == pytest.approx(needs.ttft_p95_ms[n], rel=1e3 * KERNEL_AGAINST_LOOP)
        assert service.utilisation <= 0.9


def test_nothing_is_told_of_loads_that_are_not_placed(placed):
    case, needs, plan = placed
    nowhere = replace(plan.decisions, placed=np.full_like(plan.decisions.placed, -1))
    assert services(case, needs, replace(plan, decisions=nowhere)) == ()


def test_pictures_are_drawn_of_what_is_placed(placed, tmp_path):
    case, needs, plan = placed
    draw_services(case, needs, plan, tmp_path / "pictures")
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["cost.svg", "latency.svg"]
    nowhere = replace(plan.decisions, placed=np.full_like(plan.decisions.placed, -1))
    draw_services(case, needs, replace(plan, decisions=nowhere), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_latency_grows_with_load_and_cost_falls(placed):
    service = services(*placed)[0]
    ttft = service.ttft_percentiles_ms(np.array([0.3, 0.8, 0.95]))
    assert (np.diff(ttft, axis=0) >= 0.0).all()
    assert (np.diff(ttft, axis=1) >= 0.0).all()
    tokens = service.million_tokens_per_accelerator_hour(service.arrivals_per_s * np.array([0.001, 0.1, 1.0]))
    assert (np.diff(tokens) > 0.0).all()
    most = service.requests_per_s * service.tokens_per_request * 3600 / 1e6 / service.replica
    assert tokens[-1] <= 0.9 * most * (1.0 + KERNEL_AGAINST_LOOP)
