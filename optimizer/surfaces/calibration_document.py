"""A calibration as one JSON document, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from optimizer.domain.surface import Floats
from optimizer.surfaces.calibration import Calibration, HeldOut, Residuals
from optimizer.surfaces.serving import PARAMETER_NAMES
from optimizer.surfaces.serving_basis import BLOCKS, CELL, COARSE, FINE
from optimizer.surfaces.serving_fit import OFFSET_SD
from optimizer.surfaces.serving_groups import CONFIGURATION, DEPLOYMENT, LEVELS, PAIR

FORMAT = 1  # raised whenever a document of before would be misread
DIGITS = 5  # significant digits of weights


def to_dict(calibration: Calibration) -> dict[str, Any]:
    """The calibration in types that JSON has; weights with `DIGITS` significant digits."""
    return {
        "format": FORMAT,
        "form": _form(),
        "fit": {name: list(errors) for name, errors in calibration.fit.items()},
        "held_out": {regime: {name: asdict(told) for name, told in by.items()} for regime, by in calibration.held_out.items()},
        "groups": dict(zip(LEVELS[:CONFIGURATION], (list(names) for names in calibration.groups), strict=False)),
        "rows": dict(calibration.rows),
        "theta": _numbers(calibration.theta),
        "offsets": dict(zip(OFFSET_SD, (_numbers(table) for table in calibration.offsets), strict=True)),
        "cell_place": _numbers(calibration.cell_place),
        "cell_groups": np.asarray(calibration.cell_groups)[:, :CONFIGURATION].tolist(),
        "tpot": _residuals_to(calibration.tpot),
        "ttft": _residuals_to(calibration.ttft),
    }


def from_dict(document: Mapping[str, Any]) -> Calibration:
    """The calibration of a document.

    Raises:
      ValueError: the document has another format, or another form of the equations.
      KeyError, TypeError: it is none of a calibration.
    """
    if document["format"] != FORMAT:
        raise ValueError(f"format must be {FORMAT}; got {document['format']}")
    if document["form"] != _form():
        raise ValueError("the parameters and the basis must be those of this version")
    groups = document["groups"]
    cells = np.array(document["cell_groups"], dtype=np.int64).reshape(-1, CONFIGURATION)
    found = Calibration(
        groups=(*(tuple(groups[level]) for level in LEVELS[:CONFIGURATION]), ()),
        rows={name: int(count) for name, count in document["rows"].items()},
        theta=_array(document["theta"]),
        offsets=tuple(_table(document["offsets"][level], len(PARAMETER_NAMES)) for level in OFFSET_SD),
        cell_place=_table(document["cell_place"], len(CELL)),
        cell_groups=np.column_stack([cells, np.full(len(cells), -1)]),
        tpot=_residuals_from(document["tpot"]),
        ttft=_residuals_from(document["ttft"]),
        fit={name: (float(median), float(p90)) for name, (median, p90) in document["fit"].items()},
        held_out={regime: {name: HeldOut(**told) for name, told in by.items()} for regime, by in document["held_out"].items()},
    )
    for level, (names, table) in enumerate(zip(found.groups, found.offsets, strict=False)):
        if len(names) != len(table):
            raise ValueError(f"offsets must be there for every {LEVELS[level]}")
    for part in (found.tpot, found.ttft):
        if not len(part.cell_noise) == len(part.cell_slopes) == len(cells) == len(found.cell_place):
            raise ValueError("cells must have all their figures")
        if len(part.pairs) != len(found.groups[PAIR]) or len(part.deployments) != len(found.groups[DEPLOYMENT]):
            raise ValueError("weights must be there for every pair and deployment")
    if len(found.theta) != len(PARAMETER_NAMES):
        raise ValueError("theta must have a figure for each parameter")
    return found


def _form() -> dict[str, Any]:
    """What the weights belong to: a document of other parameters or another basis would be misread."""
    centres = [[round(float(centre), 9) for centre in bumps.centres] for bumps in (*FINE, *COARSE)]
    return {"parameters": list(PARAMETER_NAMES), "blocks": list(BLOCKS), "centres": centres}


def _residuals_to(part: Residuals) -> dict[str, Any]:
    return {
        "scales": {name: _numbers(np.asarray(value)) for name, value in part.scales.items()},
        "pairs": _numbers(part.pairs),
        "deployments": _numbers(part.deployments),
        "cell_slopes": _numbers(part.cell_slopes),
        "cell_noise": _numbers(part.cell_noise),
    }


def _residuals_from(document: Mapping[str, Any]) -> Residuals:
    width = sum(BLOCKS) + len(PARAMETER_NAMES)
    with jax.enable_x64(True):
        scales = {name: jnp.asarray(np.array(value, dtype=np.float64)) for name, value in document["scales"].items()}
    return Residuals(
        scales=scales,
        pairs=_table(document["pairs"], width),
        deployments=_table(document["deployments"], width),
        cell_slopes=_table(document["cell_slopes"], len(PARAMETER_NAMES)),
        cell_noise=_array(document["cell_noise"]),
    )


def _numbers(values: Floats) -> Any:
    """Nested lists of rounded numbers."""
    if np.ndim(values) == 0:
        return float(f"{float(values):.{DIGITS}g}")
    return [_numbers(value) for value in values]


def _array(values: Any) -> Floats:
    return np.array(values, dtype=np.float64)


def _table(values: Any, width: int) -> Floats:
    return np.array(values, dtype=np.float64).reshape(-1, width)
