"""Pictures of a run, as SVG files in its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.plan import Plan
from optimizer.domain.surface import Needs
from optimizer.planning.calibration import FIT, Compared
from optimizer.planning.services import Service, services
from optimizer.report.comparison_picture import comparison_picture
from optimizer.report.drawing import as_svg
from optimizer.report.service_pictures import SHOWN, service_pictures
from optimizer.report.service_view import ServiceView
from optimizer.solve.worker import Worker
from optimizer.surfaces.queueing import TRUSTED_UTILISATION

TITLES = {  # file, title and unit by quantity
    "throughput": ("serving_throughput", "Serving throughput", "tokens/s per accelerator"),
    "tpot": ("serving_tpot", "Time per output token", "s"),
    "ttft": ("serving_ttft", "Time to first token", "s"),
    "rtt": ("network_round_trips", "Round trips between regions", "ms"),
    "mfu": ("training_mfu", "Model FLOPs utilisation of training runs", "share of BF16 peak"),
}
LOADS = np.concatenate([np.linspace(0.02, 0.9, 45), np.linspace(0.905, 0.99, 18)])
STEADY_LOADS = np.geomspace(1e-3, 3.0, 241)  # over the planned load


def draw_comparisons(compared: Sequence[Compared], folder: Path) -> None:
    """Predicted against measured on what was held out, one file for each quantity."""
    held_out = [each for each in compared if each.split != FIT]
    for quantity, panels in groupby(sorted(held_out, key=lambda each: each.quantity), key=lambda each: each.quantity):
        file, title, unit = TITLES[quantity]
        picture = comparison_picture(title, unit, [(each.split, each.comparison) for each in panels])
        _write({file: as_svg(picture)}, folder)


def draw_services(case: Case, needs: Needs, plan: Plan, folder: Path) -> None:
    """Latency against utilisation, and cost over price and load, of the plan's largest services; nothing where no model serves one.

    A process of its own draws, as what draws holds all threads of Python back.
    """
    views = tuple(_view(service) for service in services(case, needs, plan)[:SHOWN])
    if views:
        with Worker(service_pictures, views) as drawing:
            _write(drawing.ask().result(), folder)


def _write(pictures: Mapping[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in pictures.items():
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")


def _view(service: Service) -> ServiceView:
    ttft = service.ttft_percentiles_ms(LOADS)
    arrivals = service.arrivals_per_s * STEADY_LOADS
    return ServiceView(
        title=service.load,
        place=f"{service.pool}, {service.accelerator}, {service.replica} to a replica",
        replicas=service.replicas,
        trusted_utilisation=TRUSTED_UTILISATION,
        utilisation=service.utilisation,
        ttft_limit_ms=service.ttft_limit_ms,
        loads=LOADS,
        ttft_p50_ms=ttft[:, 0],
        ttft_p95_ms=ttft[:, 1],
        arrivals_per_s=service.arrivals_per_s,
        arrivals=arrivals,
        million_tokens_per_hour=service.million_tokens_per_accelerator_hour(arrivals),
        prices=service.prices,
    )
