"""What moves cost and latency of a whole case's services on its accelerators, by the shipped calibration."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from optimizer.planning.calibration import shipped_calibration
from optimizer.planning.eligibility import names_of, tflops
from optimizer.surfaces.arrays import column
from optimizer.surfaces.calibrated_serving import calibrated_rows, row_groups
from optimizer.surfaces.queueing import QueueingParameters
from optimizer.surfaces.sensitivities import ANSWERS, PricedPairs, sensitivities_of
from optimizer.surfaces.served import Served
from optimizer.surfaces.serving import Architecture, Chip, Lengths, Techniques
from optimizer.surfaces.serving_groups import architecture, chip_at
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import read_case
from tests.tolerances import FLOAT32_AGAINST_FLOAT64


@pytest.mark.slow
def test_the_case_of_an_ai_lab() -> None:
    """Price counts in full, memory and arithmetic only to lower the cost of most pairs, and everything is finite."""
    case = read_case(case_folder("frontier_lab"))
    names, serving = names_of(case), shipped_calibration().serving
    assert serving is not None
    rows = [
        (work, names.accelerators[pool.accelerator], rated)
        for work in case.workloads
        for pool in case.pools
        if work.model is not None and (rated := tflops(names.accelerators[pool.accelerator], work.precision))
    ]
    models = np.array([architecture(names.models[str(w.model)], w.precision.bytes_per_weight) for w, _, _ in rows], dtype=np.float64)
    chips = np.array([chip_at(accelerator, rated) for _, accelerator, rated in rows], dtype=np.float64)
    precisions = [w.precision.value for w, _, _ in rows]
    groups = row_groups(serving, [a.name for _, a, _ in rows], [str(w.model) for w, _, _ in rows], precisions, [None] * len(rows))

    def same(value: float) -> np.ndarray:
        return np.full(len(rows), value)

    def limits(values: list[float | None]) -> np.ndarray:
        return np.array([np.inf if value is None else value / 1e3 for value in values])

    served = Served(
        serving=calibrated_rows(serving, groups),
        model=Architecture(**{field.name: column(models[:, i]) for i, field in enumerate(fields(Architecture))}),
        chip=Chip(**{field.name: column(chips[:, i]) for i, field in enumerate(fields(Chip))}),
        lengths=Lengths(prompt=column(same(1500.0)), output=column(same(400.0))),
        techniques=Techniques(),
        round_trip_s=column(same(0.05)),
        ttft_limit_s=column(limits([w.ttft_p95_ms for w, _, _ in rows])),
        tpot_limit_s=column(limits([w.tpot_ms for w, _, _ in rows])),
    )
    priced = PricedPairs(
        served=served,
        queueing=QueueingParameters(),
        requests_per_s=column(same(20.0)),
        mean_share=column(same(0.6)),
        usd_per_hour=column(same(3.0)),
    )
    found = sensitivities_of(priced)
    served_rows = np.asarray(found.points.feasible)
    assert served_rows.sum() > 0.5 * len(rows)
    for name, elasticity in found.elasticities.items():
        for answer in ANSWERS:
            assert np.isfinite(np.asarray(getattr(elasticity, answer))).all(), (name, answer)

    def of_cost(name: str) -> np.ndarray:
        return np.asarray(found.elasticities[name].usd_per_million_tokens)[served_rows]

    np.testing.assert_allclose(of_cost("usd_per_hour"), 1.0, rtol=FLOAT32_AGAINST_FLOAT64)
    assert np.median(of_cost("chip.memory_bytes_per_s")) < 0.0
    assert np.median(of_cost("chip.flops")) < 0.0
    assert (of_cost("ttft_limit_s") <= FLOAT32_AGAINST_FLOAT64).all()
