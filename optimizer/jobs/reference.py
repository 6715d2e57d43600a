"""What the documentation says that the program knows: every setting of every job, from the classes that also check it and print
`--help`, and the errors that the shipped calibration states. docs/site_nav.py puts both into the site.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from optimizer.jobs.catalog import JOBS, Job
from optimizer.jobs.configs import group_choices, group_defaults, job_keys
from optimizer.jobs.usage import EXIT_CODES, Key
from optimizer.tables.calibration_file import shipped_calibration_file

_OPENING = """# Configuration reference

`placement <job> [key=value ...]`; this page is made from what also checks the values and prints `placement <job> --help`.

- A value with spaces, commas or brackets stands in quotes: `'by="capacity planning"'`.
- `null` means nothing: no limit, or the default that the meaning names. A list of names is `[a,b]`, or `a,b` where `-m` is not given.
- `-m` makes one run for each combination of values: `placement plan -m case=small solver.backend=highs,cp_sat`.
- `--quiet` prints the last line only, `--json` JSON lines whose `event` is `progress`, `line`, `run` (path, summary) or
  `error` (message, exit code).
- Defaults of a job may be changed by a named setting: `case=frontier_lab` looks 12 periods ahead, `experiment=NAME` sets several keys.
"""


def configuration_markdown() -> str:
    """All jobs with their settings, as Markdown."""
    codes = ["## Exit codes", "", "| code | meaning |", "|---|---|", *(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES), ""]
    return "\n".join([_OPENING, *codes, *(line for job in JOBS.values() for line in _job(job))])


def _job(job: Job) -> Iterator[str]:
    yield from (f"## placement {job.name}", "", f"{job.summary[0].upper()}{job.summary[1:]}.", "")
    yield from (f"    {example}" for example in job.examples)
    yield ""
    choices, chosen = group_choices(job), group_defaults(job)
    if choices:
        yield from ("| named setting | one of | default |", "|---|---|---|")
        yield from (f"| `{group}=NAME` | {', '.join(names)} | `{chosen[group]}` |" for group, names in choices.items())
        yield ""
    yield from ("| key | type | default | meaning |", "|---|---|---|---|")
    yield from map(_row, job_keys(job))
    yield ""


def _row(key: Key) -> str:
    default = f"`{key.default}`" if key.default else ""
    return f"| `{key.name}` | {key.type} | {default} | {key.meaning.replace('|', ' or ')} |"


def accuracy_markdown() -> str:
    """The errors that the shipped calibration states, as a table."""
    rows: list[dict[str, Any]] = json.loads(shipped_calibration_file().read_text())["accuracy"]
    lines = [
        "| surface | quantity | what is held out | rows | median error | 90th percentile | coverage |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        errors = f"{row['median_ape']:.1f} % | {row['p90_ape']:.1f} %"
        covered = "" if row["coverage_90"] is None else f"{100 * row['coverage_90']:.0f} %"
        lines.append(f"| {row['part']} | {row['quantity']} | {row['split']} | {row['rows']:,} | {errors} | {covered} |")
    return "\n".join(lines)
