"""Every command and code block in README and docs: commands compose, Python runs, what is marked to run runs."""

from __future__ import annotations

import importlib.util
import re

import pytest
import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from benchmarks.registry import suite_named
from optimizer.errors import PlacementError
from optimizer.jobs.catalog import JOBS, Job, job_named
from optimizer.jobs.configs import group_choices
from optimizer.jobs.settings import OWN
from optimizer.jobs.usage import NAMES, keys
from tests.docs.blocks import DOCUMENTS, ROOT, SLOW, blocks, commands_marked, run, words

BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]
PLACEHOLDERS = {"SOURCE": "focus_1_4", "...": "", "NAME": ""}


def check(command: str) -> None:
    """Raises where the command names a job, a suite, a setting, a value or a file that does not exist."""
    program, *rest = words(command)
    if program.startswith(("python", ".venv")):
        if rest[0] == "-m":
            assert importlib.util.find_spec(rest[1]) is not None, command
            if rest[1] == "benchmarks":
                check_suite(rest[2:])
            return
        assert (ROOT / rest[0]).is_file(), command
        if rest[0] != "run.py" or rest[1] not in JOBS:
            assert rest[0] != "run.py" or rest[1] in ("test", "--help", "--venv"), command
            return
        program, rest = "placement", rest[1:]
    if program == "placement" and not rest[0].startswith("-"):
        overrides = [re.sub(r"(?<==)[A-Z.]+$", lambda found: PLACEHOLDERS.get(found.group(), found.group()), word) for word in rest[1:]]
        check_settings(job_named(rest[0]), [word for word in overrides if not word.startswith("-")], sweep="-m" in overrides)


def check_settings(job: Job, overrides: list[str], *, sweep: bool) -> None:
    """As composing them does, without Hydra, which takes a tenth of a second for each command."""
    choices, settings = group_choices(job), OmegaConf.structured(job.settings)
    for key, _, value in (override.partition("=") for override in overrides):
        values = value.split(",") if sweep else [value]
        if key in choices:
            assert set(values) <= set(choices[key])
            key = f"{key}.name"
        elif next(known.type for known in keys(job.settings) if known.name == key).startswith(NAMES):
            values = [value if "[" in value else f"[{value}]"]
        elif key == "case.path" and "case" in choices:
            settings.case.name = OWN
        for each in values if key != "experiment.name" else ():
            OmegaConf.update(settings, key, yaml.safe_load(each), force_add=False)
            if sweep:
                OmegaConf.to_object(settings)
    OmegaConf.to_object(settings)


def check_suite(rest: list[str]) -> None:
    overrides = [word for word in rest if "=" in word and word != "key=value"]
    named = [word.removeprefix("suite=") for word in overrides if word.startswith("suite=")]
    if named and named != ["NAME"]:
        settings = OmegaConf.structured(suite_named(named[0]).settings())
        for key, _, value in (word.partition("=") for word in overrides if not word.startswith("suite=")):
            OmegaConf.update(settings, key, yaml.safe_load(value), force_add=False)
        OmegaConf.to_object(settings)


def test_every_command_names_jobs_settings_and_values_that_exist():
    commands = {command: block.document for block in BLOCKS if not block.is_python for command in block.commands()}
    commands |= {example: "--help" for job in JOBS.values() for example in job.examples}
    assert len(commands) > 80
    wrong = []
    for command, document in commands.items():
        try:
            check(command)
        except (AssertionError, PlacementError, OmegaConfBaseException, StopIteration) as error:  # all of them are told
            wrong.append(f"{document}: {command}: {error}")
    assert wrong == []


@pytest.mark.parametrize("document", ["README.md", "docs/python.md"])
def test_python_blocks_run(document):
    names: dict[str, object] = {}
    found = [block for block in BLOCKS if block.document == document and block.is_python]
    assert found
    for block in found:
        exec(compile("\n".join(block.lines), document, "exec"), names)


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = commands_marked("docs/tutorial.md", SLOW)
    assert len(commands) == 7
    for command in commands:
        run(command)


def test_blocks_are_found_with_their_marks(tmp_path):
    text = """a

<!-- run -->

    placement plan \\
        case=tiny   # why

b
```
x = 1
```
c

    30 5 * * *  cd /srv && placement runs || true
"""
    (tmp_path / "page.md").write_text(text)
    first, second, third = blocks(tmp_path / "page.md", within=tmp_path)
    assert (first.mark, [words(command) for command in first.commands()]) == ("<!-- run -->", [["placement", "plan", "case=tiny"]])
    assert second.lines == ("x = 1",)
    assert [words(command) for command in third.commands()] == [["placement", "runs"]]
