"""Decides which AI work runs on which supplier's accelerators, and which contracts to sign, keep or leave.

    from optimizer import read_case, plan

    result = plan(read_case("frontier_lab"))
    result.summary["gap"]; result.placements()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimizer.planning.notebook import plan, read_case

__all__ = ["plan", "read_case"]


def __getattr__(name: str) -> Any:
    # The command line answers --help without importing JAX, pandas or OR-Tools.
    if name in __all__:
        from optimizer.planning import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
