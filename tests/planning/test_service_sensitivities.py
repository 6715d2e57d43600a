"""What moves cost and latency of a case's services, by the shipped calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer.domain.case import Case
from optimizer.planning.eligibility import names_of, tflops
from optimizer.planning.service_sensitivities import COLUMNS, priced_services, service_sensitivity_rows
from optimizer.planning.services import Service
from optimizer.surfaces.sensitivities import ANSWERS, sensitivities_of
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.tolerances import FLOAT32_AGAINST_FLOAT64


def made_services(case: Case) -> list[Service]:
    """Each model in each pool whose accelerators have its precision, at 20 requests/s."""
    names = names_of(case)
    return [
        Service(
            load=work.name,
            workload=work.name,
            pool=pool.name,
            accelerator=pool.accelerator,
            replica=8,
            requests_per_s=5.0,
            tokens_per_request=2000.0,
            prompt_share=0.8,
            mean_share=0.6,
            ttft_ms=100.0,
            round_trip_ms=50.0,
            ttft_limit_ms=work.ttft_p95_ms,
            arrivals_per_s=20.0,
            prices=(("on_demand", 3.0), ("spot", 2.0)),
        )
        for work in case.workloads
        for pool in case.pools
        if work.model is not None and tflops(names.accelerators[pool.accelerator], work.precision)
    ]


def test_what_a_service_asks_and_its_pool_offers() -> None:
    case = read_case(case_folder("small"), periods=1)
    services = made_services(case)
    first = replace(services[0], prices=())
    priced = priced_services(case, [first, *services[1:]], None)
    assert len(priced.usd_per_hour) == len(services) > 1
    assert [float(priced.usd_per_hour[i]) for i in (0, 1)] == [1.0, 2.0]
    assert float(priced.served.lengths.prompt[0]) == pytest.approx(1600.0)
    assert float(priced.served.lengths.output[0]) == pytest.approx(400.0)
    assert float(priced.served.round_trip_s[0]) == 0.05
    limits = {work.name: work.tpot_ms for work in case.workloads}
    given = limits[services[0].workload]
    assert float(priced.served.tpot_limit_s[0]) == (np.inf if given is None else given / 1e3)
    assert service_sensitivity_rows(case, [], None) == []


@pytest.mark.slow
def test_the_case_of_an_ai_lab() -> None:
    """Price counts in full, memory and arithmetic only to lower the cost of most pairs, and everything is finite."""
    case = read_case(case_folder("frontier_lab"))
    services = made_services(case)
    found = sensitivities_of(priced_services(case, services, None))
    served_rows = np.asarray(found.points.feasible)
    assert served_rows.sum() > 0.5 * len(services)
    for name, elasticity in found.elasticities.items():
        for answer in ANSWERS:
            assert np.isfinite(np.asarray(getattr(elasticity, answer))).all(), (name, answer)

    def of_cost(name: str) -> np.ndarray:
        return np.asarray(found.elasticities[name].usd_per_million_tokens)[served_rows]

    np.testing.assert_allclose(of_cost("usd_per_hour"), 1.0, rtol=FLOAT32_AGAINST_FLOAT64)
    assert np.median(of_cost("chip.memory_bytes_per_s")) < 0.0
    assert np.median(of_cost("chip.flops")) < 0.0
    assert (of_cost("ttft_limit_s") <= FLOAT32_AGAINST_FLOAT64).all()

    first, *others = (services[i] for i in np.flatnonzero(served_rows))
    second = next(service for service in others if service.pool != first.pool)
    rows = service_sensitivity_rows(case, [replace(first, prices=()), second], None)
    assert all(tuple(row) == COLUMNS for row in rows)
    assert {row["answer"] for row in rows if row["pool"] == first.pool} == set(ANSWERS) - {"usd_per_million_tokens"}
    price = [row for row in rows if row["input"] == "usd_per_hour" and row["answer"] == "usd_per_million_tokens"]
    assert [round(row["elasticity"], 6) for row in price] == [1.0]
