"""Two runs side by side: money, contracts, placements, inputs."""

from optimizer.planning.compare.comparison import COLUMNS, Comparison, compare, tables

__all__ = ["COLUMNS", "Comparison", "compare", "tables"]
