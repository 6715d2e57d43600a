"""Measured training runs: what the curves of model FLOPs utilisation are fitted to."""

from __future__ import annotations

from pathlib import Path

from optimizer.domain.measured_gang import MeasuredGang
from optimizer.errors import DataError
from optimizer.tables.catalog import reference_folder
from optimizer.tables.measurements import measurement_table, read_measurements
from optimizer.tables.rows import rows, values_of
from optimizer.tables.schema import AT_LEAST_ONE, POSITIVE, POSITIVE_SHARE, integer, number, text
from optimizer.tables.schemas import TABLE_BY_NAME

MEASURED_GANGS = measurement_table(
    "measured_training_runs",
    "Training runs of one model on gangs of different sizes.",
    text("platform", "Who ran it, on which system.", key=True),
    text("accelerator", "Name of the accelerator.", key=True),
    integer("accelerators", "accelerators", "Size of the gang.", AT_LEAST_ONE, key=True),
    number("minutes_to_train", "minutes", "Time from start to the target.", POSITIVE),
    number("bf16_tflops", "TFLOP / s", "Dense BF16 rate of one accelerator.", POSITIVE, absent="that of the shipped accelerators"),
    number("mfu_of_bf16_peak", "share", "Model FLOPs over accelerators, time and BF16 peak.", POSITIVE_SHARE),
)


def read_measured_gangs(path: Path) -> tuple[MeasuredGang, ...]:
    """The measured runs in a CSV or Parquet file.

    Raises:
      DataError: with every violation of the table; an accelerator without a rate is one.
    """
    data = read_measurements(MEASURED_GANGS, path)
    shipped = shipped_rates()
    rates = [given or shipped.get(name) for name, given in zip(*(values_of(data, c) for c in ("accelerator", "bf16_tflops")), strict=True)]
    unknown = [i for i, rate in enumerate(rates) if rate is None]
    if unknown:
        rule = "accelerator must be a shipped one, or bf16_tflops must be given (TFLOP / s)"
        remedy = f"Write one of {', '.join(shipped)}, or add its bf16_tflops."
        raise DataError([data.violation(rule, data.cells["accelerator"][unknown[0]], unknown, remedy)])
    return tuple(
        MeasuredGang(
            platform=row["platform"],
            accelerator=row["accelerator"],
            accelerators=row["accelerators"],
            bf16_tflops=rate,
            minutes_to_train=row["minutes_to_train"],
            mfu=row["mfu_of_bf16_peak"],
            as_of=row["as_of"],
        )
        for row, rate in zip(rows(data), rates, strict=True)
        if rate is not None
    )


def shipped_rates() -> dict[str, float]:
    """Rated BF16 arithmetic of the shipped accelerators, TFLOP/s by name."""
    table = TABLE_BY_NAME["accelerators"]
    data = read_measurements(table, reference_folder() / f"{table.name}.csv")
    return dict(zip(values_of(data, "accelerator"), values_of(data, "bf16_tflops"), strict=True))
