"""The share of a card's peak, in words."""

from __future__ import annotations

from benchmarks.cards import share_of_peak


def test_known_and_unknown_cards() -> None:
    assert share_of_peak("NVIDIA H100 80GB HBM3", 16.75e12) == "25 % of 67 TFLOP/s"
    assert share_of_peak("cpu", 1e12) == ""
