"""From a case to a verified plan: needs, assembly, solving, verification, baselines."""
