"""Measured serving runs: what the serving model is calibrated to, with the hardware and the models that they name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from optimizer.domain.measured_serving import MeasuredServing, ServingSetups
from optimizer.domain.supply import Accelerator
from optimizer.domain.surface import Floats
from optimizer.domain.workload import Model
from optimizer.errors import DataError, Violation
from optimizer.tables.catalog import reference_folder
from optimizer.tables.columns import TableData
from optimizer.tables.measurements import OPTIONAL_PROVENANCE, measurement_table, read_measurements
from optimizer.tables.rows import rows, values_of
from optimizer.tables.schema import AT_LEAST_ONE, NOT_NEGATIVE, POSITIVE, Table, integer, number, text
from optimizer.tables.schemas import TABLE_BY_NAME

PRECISIONS = ("bf16", "fp8", "fp4", "int4", "unknown")

SERVING_MEASURED = measurement_table(
    "serving_measured",
    "Serving benchmarks: one replica in each row, at a fixed number of requests at once.",
    text("accelerator", "Name of the accelerator.", without=";|"),
    text("model", "Name of the model.", without=";|"),
    text("precision", "Precision of the weights.", allowed=PRECISIONS),
    text("framework", "Serving software.", without=";|"),
    integer("input_tokens", "tokens", "Prompt of a request.", AT_LEAST_ONE),
    integer("output_tokens", "tokens", "Output of a request.", AT_LEAST_ONE),
    number("concurrency", "requests", "Requests at once.", POSITIVE),
    number("accelerators", "accelerators", "Accelerators of the replica.", AT_LEAST_ONE),
    number("expert_parallel", "accelerators", "Accelerators over which experts are spread; 0 or 1: none.", NOT_NEGATIVE, absent="none"),
    number("data_parallel", "copies", "Copies of the weights in the replica; 0 or 1: one.", NOT_NEGATIVE, absent="one"),
    number("ttft_s", "s", "Mean time to first token.", POSITIVE),
    number("tpot_s", "s", "Mean time per output token after the first.", POSITIVE),
)
_LENIENT = {  # columns that public tables of hardware and models lack
    "max_parallel": "8, as in one server",
    "kv_heads": "as the shipped model of the same parameters, layers and width; else as many heads of 128 bytes as fill the cache, or 1",
}
_MAX_PARALLEL, _HEAD_BYTES = 8, 128.0


def _beside(name: str) -> Table:
    """A reference table as it stands beside measurements: provenance and some columns may be missing."""
    table = TABLE_BY_NAME[name]
    own = [column for column in table.columns if column.name not in {extra.name for extra in OPTIONAL_PROVENANCE}]
    columns = [replace(column, absent=_LENIENT[column.name]) if column.name in _LENIENT else column for column in own]
    return replace(table, columns=(*columns, *OPTIONAL_PROVENANCE), may_be_empty=False)


def read_measured_serving(path: Path, *, models: Path | None = None, accelerators: Path | None = None) -> MeasuredServing:
    """The measured runs in a CSV or Parquet file.

    Args:
      path:         runs, columns of `SERVING_MEASURED`.
      models:       the models that they name; None: models.csv beside `path` where there is one. Names that are not found
                    there are looked up among the shipped ones.
      accelerators: likewise.

    Raises:
      DataError: with every violation of the tables; a name without a row is one.
    """
    data = read_measurements(SERVING_MEASURED, path)
    hardware = {row["accelerator"]: _accelerator(row) for row in _known("accelerators", path, accelerators)}
    architectures = _models(_known("models", path, models))
    violations = [*_unknown(data, "accelerator", hardware), *_unknown(data, "model", architectures), *_copies(data)]
    if violations:
        raise DataError(violations)
    return MeasuredServing(
        setups=_setups(data),
        ttft_s=_floats(data, "ttft_s"),
        tpot_s=_floats(data, "tpot_s"),
        accelerators={name: hardware[name] for name in sorted(set(values_of(data, "accelerator")))},
        models={name: architectures[name] for name in sorted(set(values_of(data, "model")))},
        as_of=tuple(values_of(data, "as_of")),
    )


def as_shipped(measured: MeasuredServing) -> MeasuredServing:
    """The runs with each model under the name that the shipped one of the same parameters, layers and width has."""
    shipped = {_shape(row): row["model"] for row in rows(read_measurements(TABLE_BY_NAME["models"], reference_folder() / "models.csv"))}
    name = {model: shipped.get(_shape(vars(found)), model) for model, found in measured.models.items()}
    setups = replace(measured.setups, model=tuple(name[model] for model in measured.setups.model))
    models = {name[model]: replace(found, name=name[model]) for model, found in measured.models.items()}
    return replace(measured, setups=setups, models=models)


def _shape(row: Mapping[str, Any]) -> tuple[float, int, int]:
    return float(row["parameters_b"]), int(row["layers"]), int(row["hidden_size"])


def _setups(data: TableData) -> ServingSetups:
    return ServingSetups(
        accelerator=tuple(values_of(data, "accelerator")),
        model=tuple(values_of(data, "model")),
        precision=tuple(values_of(data, "precision")),
        framework=tuple(values_of(data, "framework")),
        input_tokens=_floats(data, "input_tokens"),
        output_tokens=_floats(data, "output_tokens"),
        concurrency=_floats(data, "concurrency"),
        parallel=_floats(data, "accelerators"),
        expert_parallel=np.fmax(_floats(data, "expert_parallel"), 1.0),
    )


def _floats(data: TableData, column: str) -> Floats:
    return np.asarray(data.values[column].to_numpy(), dtype=np.float64)


def _known(name: str, path: Path, given: Path | None) -> list[dict[str, Any]]:
    """Rows of the shipped table, then those of the given one or of the one beside `path`: later rows replace."""
    shipped = read_measurements(TABLE_BY_NAME[name], reference_folder() / f"{name}.csv")
    beside = path.parent / f"{name}.csv"
    own = given if given is not None else beside if beside.is_file() else None
    return [*rows(shipped), *([] if own is None else rows(read_measurements(_beside(name), own)))]


def _accelerator(row: Mapping[str, Any]) -> Accelerator:
    return Accelerator(
        name=row["accelerator"],
        bf16_tflops=row["bf16_tflops"],
        fp8_tflops=row["fp8_tflops"],
        fp4_tflops=row["fp4_tflops"],
        hbm_gb=row["hbm_gb"],
        hbm_tb_per_s=row["hbm_tb_per_s"],
        link_gb_per_s=row["link_gb_per_s"],
        max_parallel=row["max_parallel"] or _MAX_PARALLEL,
    )


def _models(table: list[dict[str, Any]]) -> dict[str, Model]:
    """By name; a row without key-value heads takes those of a row above that has the same architecture."""
    heads: dict[tuple[float, int, int], int] = {}
    models = {}
    for row in table:
        shape = _shape(row)
        filling = row["kv_bytes_per_token"] / (2.0 * _HEAD_BYTES * row["layers"])
        given = row["kv_heads"] or heads.get(shape) or (round(filling) if filling == round(filling) else 1)
        heads[shape] = given
        figures = {name: row[name] for name in Model.__dataclass_fields__ if name not in ("name", "kv_heads")}
        models[row["model"]] = Model(name=row["model"], kv_heads=given, **figures)
    return models


def _unknown(data: TableData, column: str, known: Mapping[str, object]) -> list[Violation]:
    names = values_of(data, column)
    strange = [row for row, name in enumerate(names) if name not in known]
    if not strange:
        return []
    rule = f"{column} must be a row of {column}s.csv beside the file, or a shipped one"
    return [data.violation(rule, names[strange[0]], strange, f"Add its row to the table that {column}s= names.")]


def _copies(data: TableData) -> list[Violation]:
    several = [row for row, copies in enumerate(values_of(data, "data_parallel")) if copies is not None and copies > 1.0]
    if not several:
        return []
    got = data.cells["data_parallel"][several[0]]
    remedy = "Write one row for one copy: its share of concurrency and accelerators."
    return [data.violation("data_parallel must be 0 or 1 copies: a replica holds its weights once", got, several, remedy)]
