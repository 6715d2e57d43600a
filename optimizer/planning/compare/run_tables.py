"""What a comparison reads of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class RunTables:
    """A plan as its run folder has it. Amounts in USD are decimals with 6 places."""

    run_id: str
    summary: Mapping[str, Any]
    settings: Mapping[str, Any]  # dotted keys
    inputs: Mapping[str, Path]  # kept copies by the names that the files had
    costs: Rows
    commitments: Rows
    placements: Rows
