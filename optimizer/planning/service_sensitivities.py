"""What moves cost and latency of a plan's services: slopes and elasticities in every input of the surfaces, at the busiest minute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.surface import Floats
from optimizer.planning.calibration import Calibration, shipped_calibration
from optimizer.planning.eligibility import names_of, tflops
from optimizer.planning.services import Service
from optimizer.planning.serving_needs import techniques_of
from optimizer.surfaces.arrays import column
from optimizer.surfaces.calibrated_serving import calibrated_rows, row_groups
from optimizer.surfaces.queueing import QueueingParameters
from optimizer.surfaces.sensitivities import ANSWERS, PricedPairs, Sensitivities, sensitivities_of
from optimizer.surfaces.served import Served, Stop
from optimizer.surfaces.serving import Architecture, Chip, Lengths, ServingParameters, Techniques
from optimizer.surfaces.serving_groups import architecture, chip_at

MS = 1e3
COLUMNS = ("load", "pool", "accelerator", "answer", "answer_value", "input", "input_value", "slope", "elasticity", "stops_at")
COST = "usd_per_million_tokens"

Row = dict[str, Any]


def service_sensitivity_rows(case: Case, services: Sequence[Service], calibration: Calibration | None) -> list[Row]:
    """Rows of the `service_sensitivities` table, of each service and answer the largest elasticity first.

    `slope` is the answer's change for one unit more of the input, `elasticity` its change in % for 1 % more. Inputs that an answer does
    not feel have no row, nor has the cost of a service whose pool has no market offer.
    """
    if not services:
        return []
    found = sensitivities_of(priced_services(case, services, calibration))
    rows = [row for i, service in enumerate(services) for row in _rows(service, i, found)]
    return sorted(rows, key=lambda row: (row["load"], ANSWERS.index(row["answer"]), -abs(row["elasticity"]), row["input"]))


def priced_services(case: Case, services: Sequence[Service], calibration: Calibration | None) -> PricedPairs:
    """What cost and latency of each service depend on, [N]; the price is of the pool's cheapest kind of market offer, 1 without any."""
    names = names_of(case)
    workloads = [names.workloads[service.workload] for service in services]
    accelerators = [names.accelerators[service.accelerator] for service in services]
    models = _table([architecture(names.models[str(w.model)], w.precision.bytes_per_weight) for w in workloads])
    chips = _table([chip_at(a, tflops(a, w.precision) or 0.0) for a, w in zip(accelerators, workloads, strict=True)])
    fitted = (shipped_calibration() if calibration is None else calibration).serving
    precisions = [w.precision.value for w in workloads]
    known = (
        ServingParameters()
        if fitted is None
        else calibrated_rows(
            fitted,
            row_groups(fitted, [a.name for a in accelerators], [str(w.model) for w in workloads], precisions, [None] * len(workloads)),
        )
    )

    def limits_s(values: Sequence[float | None]) -> Floats:
        return np.array([np.inf if value is None else value / MS for value in values])

    def figures(name: str) -> Floats:
        return np.array([float(getattr(service, name)) for service in services])

    tokens, share = figures("tokens_per_request"), figures("prompt_share")
    served = Served(
        serving=known,
        model=Architecture(**{field.name: column(models[:, i]) for i, field in enumerate(fields(Architecture))}),
        chip=Chip(**{field.name: column(chips[:, i]) for i, field in enumerate(fields(Chip))}),
        lengths=Lengths(prompt=column(tokens * share), output=column(tokens * (1.0 - share))),
        techniques=techniques_of(workloads, 1) or Techniques(),
        round_trip_s=column(figures("round_trip_ms") / MS),
        ttft_limit_s=column(limits_s([service.ttft_limit_ms for service in services])),
        tpot_limit_s=column(limits_s([workload.tpot_ms for workload in workloads])),
    )
    return PricedPairs(
        served=served,
        queueing=QueueingParameters(),
        requests_per_s=column(figures("arrivals_per_s")),
        mean_share=column(figures("mean_share")),
        usd_per_hour=column(np.array([min((usd for _, usd in service.prices), default=1.0) for service in services])),
    )


def _rows(service: Service, i: int, found: Sensitivities) -> Iterator[Row]:
    if not found.points.feasible[i]:
        return
    stop = Stop(int(found.points.stop[i])).name.lower()
    for answer in ANSWERS:
        if answer == COST and not service.prices:
            continue
        for name, values in found.inputs.items():
            slope = float(getattr(found.slopes[name], answer)[i])
            if slope:
                yield {
                    "load": service.load,
                    "pool": service.pool,
                    "accelerator": service.accelerator,
                    "answer": answer,
                    "answer_value": float(getattr(found.answers, answer)[i]),
                    "input": name,
                    "input_value": float(values[i]),
                    "slope": slope,
                    "elasticity": float(getattr(found.elasticities[name], answer)[i]),
                    "stops_at": stop,
                }


def _table(rows: Sequence[tuple[float, ...]]) -> Floats:
    return np.array(rows, dtype=np.float64)
