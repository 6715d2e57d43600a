"""Pictures: what stands in them, and that they are whole SVG files that load nothing."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from optimizer.domain.comparison import Comparison
from optimizer.report.comparison_picture import band, comparison_picture
from optimizer.report.drawing import as_svg
from optimizer.report.service_pictures import cost_levels, cost_picture, latency_picture
from optimizer.report.service_view import ServiceView
from tests.tolerances import KERNEL_AGAINST_LOOP

MEASURED = np.geomspace(1.0, 1e3, 120)


def compared(rows: int, width: float = 1.5) -> Comparison:
    measured = MEASURED[:rows]
    predicted = measured * np.where(np.arange(rows) % 2, 1.1, 1.0)
    return Comparison(measured=measured, predicted=predicted, interval=(predicted / width, predicted * width), label=("h100",) * rows)


def view(limit: float | None = 2000.0) -> ServiceView:
    return ServiceView(
        title="chat@<paris>",
        place="pool",
        replicas=3,
        trusted_utilisation=0.9,
        utilisation=0.8,
        ttft_limit_ms=limit,
        loads=np.linspace(0.1, 0.99, 30),
        ttft_p50_ms=np.linspace(300.0, 900.0, 30),
        ttft_p95_ms=np.linspace(400.0, 3000.0, 30),
        arrivals_per_s=10.0,
        arrivals=np.geomspace(0.01, 30.0, 40),
        million_tokens_per_hour=np.geomspace(0.02, 8.0, 40),
        prices=(("on_demand", 4.0), ("spot", 1.5)),
    )


def texts(content: str) -> list[str]:
    """Texts of an SVG that parses and names no address but that of its own format."""
    assert set(re.findall(r"https?://[^\s\"']+", content)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    return [text.strip() for text in ElementTree.fromstring(content).itertext() if text.strip()]


@pytest.mark.parametrize("rows", [8, 120])
def test_a_comparison_names_its_axes_and_its_errors(rows):
    found = texts(as_svg(comparison_picture("Round trips", "ms", [("regions held out", compared(rows))])))
    assert {"Round trips", "predicted (ms)", "measured (ms)", "regions held out", "h100"} <= set(found)
    assert f"{rows} rows; absolute error: median 5.0 %," in found
    assert "90th percentile 10.0 %; 100 % inside the 90 % interval" in found


def test_the_band_is_the_median_interval_along_the_axis():
    at, low, high = band(compared(120))
    assert (np.diff(at) >= 0.0).all()
    np.testing.assert_allclose(at / low, 1.5, rtol=KERNEL_AGAINST_LOOP)
    np.testing.assert_allclose(high / at, 1.5, rtol=KERNEL_AGAINST_LOOP)


@pytest.mark.parametrize("limit", [2000.0, None])
def test_latency_is_drawn_with_its_limits(limit):
    found = texts(as_svg(latency_picture([view(limit)])))
    assert {"load per replica", "time to first token (ms)", "95th percentile", "50th percentile", "chat@<paris>"} <= set(found)
    assert "3 replicas, planned at 80 %, trusted to 90 %" in found
    assert ("limit 2,000 ms (95th percentile)" in found) == (limit is not None)


def test_cost_is_drawn_over_price_and_load():
    found = texts(as_svg(cost_picture([view(), view(None)])))
    assert {"load (requests/s)", "price (USD per accelerator-hour)", "1 USD", "3 USD"} <= set(found)
    assert any(text.startswith("on demand 4.00, ") for text in found)


def test_lines_of_equal_cost_cross_the_picture_and_are_few():
    rate = np.geomspace(0.02, 8.0, 40)
    levels = cost_levels(rate, top=5.0)
    assert levels == [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]
    assert len(cost_levels(np.geomspace(1e-6, 8.0, 40), top=5.0)) <= 9
