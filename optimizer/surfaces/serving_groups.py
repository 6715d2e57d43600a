"""From names to arrays: the groups that a run belongs to, and the figures of its model and accelerator at its precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import jax
import numpy as np
from jax import Array

from optimizer.domain.measured_serving import ServingSetups
from optimizer.domain.supply import Accelerator
from optimizer.domain.surface import Floats, Ints
from optimizer.domain.workload import FOUR_BIT_BYTES, Model, Precision
from optimizer.surfaces.arrays import column
from optimizer.surfaces.serving import Architecture, Chip, Lengths

LEVELS = ("accelerator", "framework", "software", "model", "deployment", "pair", "configuration")
ACCELERATOR, MODEL, DEPLOYMENT, PAIR, CONFIGURATION = 0, 3, 4, 5, 6
Groups = tuple[tuple[str, ...], ...]  # names of the groups that are known, for each of `LEVELS`
BYTES_PER_WEIGHT = {
    **{precision.value: precision.bytes_per_weight for precision in Precision},
    "int4": FOUR_BIT_BYTES,
    "unknown": Precision.BF16.bytes_per_weight,
}
GIGA, TERA = 1e9, 1e12


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ServingRuns:
    """Measured or wanted runs of one replica, [N] each."""

    model: Architecture
    chip: Chip
    lengths: Lengths
    parallel: Array  # G
    expert_parallel: Array  # 1: none
    concurrency: Array  # n
    groups: Array  # [N, 7] integer codes at each of `LEVELS`; -1: a group that is not known


def labels(setups: ServingSetups) -> list[tuple[str, ...]]:
    """Names of each run's groups, in the order of `LEVELS`."""
    shape = (setups.input_tokens, setups.output_tokens, setups.parallel, setups.expert_parallel)
    rows = zip(setups.accelerator, setups.model, setups.precision, setups.framework, *shape, strict=True)
    return [names_of(*row[:4], configuration="|".join(f"{number:g}" for number in row[4:])) for row in rows]


def names_of(accelerator: str, model: str, precision: str, framework: str, *, configuration: str = "") -> tuple[str, ...]:
    """Names of the groups at each of `LEVELS`."""
    software, pair = f"{framework}|{precision}", f"{accelerator}|{model}"
    deployment = f"{pair}|{software}"
    return accelerator, framework, software, model, deployment, pair, f"{deployment}|{configuration}"


def groups_of(setups: ServingSetups, known: Groups | None = None) -> Groups:
    """All groups of the runs, after those that are known already: codes are kept."""
    levels = list(zip(*labels(setups), strict=True)) or [()] * len(LEVELS)
    return tuple(tuple(dict.fromkeys((*(known[i] if known else ()), *names))) for i, names in enumerate(levels))


def codes(setups: ServingSetups, known: Groups) -> Ints:
    """[N, 7]; -1 where a group is not known."""
    tables = [{name: code for code, name in enumerate(names)} for names in known]
    rows = [[table.get(name, -1) for table, name in zip(tables, names, strict=True)] for names in labels(setups)]
    return np.array(rows, dtype=np.int64).reshape(-1, len(LEVELS))


def codes_of(known: Groups, accelerator: str, model: str, precision: str, framework: str) -> list[int]:
    """Codes at each of `LEVELS` of a deployment; -1 where a group is not known."""
    names = names_of(accelerator, model, precision, framework)
    return [level.index(name) if name in level else -1 for level, name in zip(known, names, strict=True)]


def serving_runs(setups: ServingSetups, known: Groups, accelerators: Mapping[str, Accelerator], models: Mapping[str, Model]) -> ServingRuns:
    """The runs as arrays, NumPy inside. A calibration's own groups give its codes."""
    precision = setups.precision
    architectures = [architecture(models[name], BYTES_PER_WEIGHT[p]) for name, p in zip(setups.model, precision, strict=True)]
    chips = [chip(accelerators[name], p) for name, p in zip(setups.accelerator, precision, strict=True)]
    model, hardware = _columns(architectures, len(fields(Architecture))), _columns(chips, len(fields(Chip)))
    return ServingRuns(
        model=Architecture(**{field.name: column(model[:, i]) for i, field in enumerate(fields(Architecture))}),
        chip=Chip(**{field.name: column(hardware[:, i]) for i, field in enumerate(fields(Chip))}),
        lengths=Lengths(prompt=column(setups.input_tokens), output=column(setups.output_tokens)),
        parallel=column(setups.parallel),
        expert_parallel=column(setups.expert_parallel),
        concurrency=column(setups.concurrency),
        groups=column(codes(setups, known)),  # type: ignore[arg-type]  # integers
    )


def _columns(rows: Sequence[tuple[float, ...]], width: int) -> Floats:
    return np.array(rows, dtype=np.float64).reshape(-1, width)


def architecture(model: Model, bytes_per_weight: float) -> tuple[float, ...]:
    """In the order of `Architecture`; a model without experts counts as one expert that every token uses."""
    return (
        model.parameters_b * GIGA,
        model.active_parameters_b * GIGA,
        model.expert_parameters_b * GIGA,
        max(model.experts, 1),
        max(model.experts_per_token, 1),
        model.layers,
        model.hidden_size,
        model.kv_heads,
        model.kv_bytes_per_token,
        model.attention_flops_per_token_per_context_token,
        bytes_per_weight,
    )


def chip(accelerator: Accelerator, precision: str) -> tuple[float, ...]:
    """In the order of `Chip`. Weights in 4 bits are unpacked to BF16 where arithmetic in 4 bits is no faster than in 8."""
    bf16, fp8, fp4 = accelerator.bf16_tflops, accelerator.fp8_tflops or 0.0, accelerator.fp4_tflops or 0.0
    return chip_at(accelerator, {"fp8": fp8 or bf16, "fp4": fp4 if fp4 > max(fp8, bf16) else bf16}.get(precision, bf16))


def chip_at(accelerator: Accelerator, tflops: float) -> tuple[float, ...]:
    """In the order of `Chip`, at a rate of arithmetic."""
    return (
        tflops * TERA,
        accelerator.hbm_gb * GIGA,
        accelerator.hbm_tb_per_s * TERA,
        accelerator.link_gb_per_s * GIGA,
        accelerator.max_parallel,
    )
