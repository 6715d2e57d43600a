"""From a planning problem to a settled plan and a bound on every plan's cost."""
