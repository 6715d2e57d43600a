"""Which names each config group offers."""

from __future__ import annotations

import re

from optimizer.jobs.catalog import Job
from optimizer.tables.catalog import config_folder


def group_choices(job: Job) -> dict[str, list[str]]:
    """Names that each config group of the job offers, sorted; read without Hydra, for `--help` too.

    Example: {"case": ["frontier_lab", "small", "tiny"], "solver": ["exact"]}
    """
    listed = re.findall(r"^  - (\w+):", (config_folder() / f"{job.name}.yaml").read_text(), re.MULTILINE)
    return {group: sorted(path.stem for path in (config_folder() / group).glob("*.yaml")) for group in listed}
