"""What cards are rated at, to say what share of it a kernel reaches."""

from __future__ import annotations

# TFLOP/s of float32 outside the matrix units, a fused multiply-add counted as two, by the name that JAX gives the card.
# Sources: NVIDIA's data sheets: A100 80GB (2021), L40S (2023), H100 (2023, SXM column), H200 (2024, SXM column).
FLOAT32_PEAK_TFLOPS = {
    "NVIDIA A100-SXM4-80GB": 19.5,
    "NVIDIA L40S": 91.6,
    "NVIDIA H100 80GB HBM3": 67.0,
    "NVIDIA H200": 67.0,
}


def share_of_peak(card: str, flops: float) -> str:
    """In words; empty for a card whose rate is not known here.

    Args:
      flops: FLOP/s reached.
    """
    peak = FLOAT32_PEAK_TFLOPS.get(card)
    return "" if peak is None else f"{100.0 * flops / (peak * 1e12):.0f} % of {peak:g} TFLOP/s"
