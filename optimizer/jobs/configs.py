"""What configs/ says of a job: the names that each config group offers, and the defaults. Read without Hydra, for `--help` too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from optimizer.jobs.catalog import Job
from optimizer.jobs.usage import Key, keys
from optimizer.tables.catalog import config_folder


def group_choices(job: Job) -> dict[str, list[str]]:
    """Names that each config group of the job offers, sorted.

    Example: {"case": ["frontier_lab", "small", "tiny"], "solver": ["exact"]}
    """
    return {group: sorted(path.stem for path in (config_folder() / group).glob("*.yaml")) for group in group_defaults(job)}


def group_defaults(job: Job) -> dict[str, str]:
    """The name that each config group has unless another is given. Example: {"case": "frontier_lab", "experiment": "null"}"""
    return dict(re.findall(r"^  - (\w+): (\w+)", _text(job), re.MULTILINE))


def job_keys(job: Job) -> Iterator[Key]:
    """Keys of the job's settings but the names of groups, each with the default that the job's own file gives it, if it does."""
    own = dict(_own(job))
    yield from (replace(key, default=own.get(key.name, key.default)) for key in keys(job.settings) if not key.name.endswith(".name"))


def _own(job: Job) -> Iterator[tuple[str, str]]:
    """Dotted keys and values below the list of defaults, in groups that are one level deep."""
    group = ""
    for line in _text(job).splitlines():
        if found := re.match(r"(\w+):$", line):
            group = found[1]
        elif found := re.match(r"  (\w+): (\S+)", line):
            yield f"{group}.{found[1]}", found[2]


def _text(job: Job) -> str:
    return (config_folder() / f"{job.name}.yaml").read_text(encoding="utf-8")
