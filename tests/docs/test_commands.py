"""Every command of a job in README and docs runs, on small cases and with small limits in place of those that it names.

Ray's cluster has tests of its own; docs/exchange.md runs as it is.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from optimizer.__main__ import main
from optimizer.store.runs import run_ids
from tests.docs.blocks import DOCUMENTS, ROOT, SLOW, blocks, run, words
from tests.docs.named_files import write_files

ELSEWHERE = ("executor=ray", "SOURCE", "format=focus_1_4]", "source=aws_prices", "catalogue.csv", "runs/RUN/focus")
FOLDERS = {"/my/lab": "lab", "/srv/lab": "lab", "/my/other": "other", "/var/lib/placement/runs": "runs", "/var/lib/node_exporter/": ""}
NAMES = {"gpu_cloud_b_b300": "gpu_cloud_b_mi300x", " as_of=today": ""}  # a quote of the case small; the case's day
SMALL: dict[str, dict[str, str]] = {
    "plan": {"case": "tiny", "solver.time_limit_s": "2"},
    "replan": {"case": "tiny", "solver.time_limit_s": "2"},
    "audit": {"case": "tiny", "solver.time_limit_s": "2", "audit.time_limit_s": "15"},
    "quote": {"case": "small", "solver.time_limit_s": "20", "quote.time_limit_s": "40"},
    "backtest": {"case": "tiny", "solver.time_limit_s": "1", "backtest.months": "2", "backtest.hindsight_time_limit_s": "1"},
    "check": {"case": "tiny"},
}
ENOUGH = {"backtest.histories": "2", "horizon.periods": "2", "scenarios.count": "3"}


def placement_commands(document: Path) -> list[str]:
    found = [command for block in blocks(document) if not block.is_python for command in block.commands()]
    told = [re.sub(r"^python3 run\.py (?=[a-z]+\b)", "placement ", command) for command in found]
    return [command for command in told if command.startswith("placement ") and not any(part in command for part in ELSEWHERE)]


def smaller(command: str) -> list[str]:
    """The words after the program, for a case that is there and limits that end soon."""
    for given, stands_for in {**FOLDERS, **NAMES}.items():
        command = command.replace(given, stands_for)
    job, *rest = words(command)[1:]
    given = dict(word.split("=", 1) for word in rest if "=" in word)
    given |= {name: value for name, value in ENOUGH.items() if name in given}
    wanted = {name: value for name, value in SMALL.get(job, {}).items() if name != "case" or not {"case", "case.path"} & set(given)}
    if "from_run" in given:
        wanted.pop("case", None)
    if "scenarios.count" in given:  # of the case tiny every demand is certain
        wanted["case"] = "small"
    if job == "import":
        wanted["case.path"] = "north"
    if "RUN" in given.get("calibration.path", ""):
        given["calibration.path"] = str(max(Path("runs").glob("*/calibration.json")))
    return [job, *(word for word in rest if "=" not in word), *(f"{name}={value}" for name, value in (given | wanted).items())]


@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_run(document, tmp_path, monkeypatch):
    commands = list(dict.fromkeys(command for command in placement_commands(document) if not command.startswith("placement test")))
    if not commands:
        pytest.skip("no command of a job")
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    for words_before in (["init", "folder=lab", "from_case=tiny"], ["plan", "case.path=lab"], ["plan", "case=tiny"], ["plan", "case=tiny"]):
        assert main(words_before) == 0
    failed = []
    for command in commands:
        asked = smaller(command)
        if asked[0] == "init":
            asked = [re.sub(r"^folder=.*", f"folder=new{len(list(tmp_path.iterdir()))}", word) for word in asked]
        code = main(asked)
        if code != 0:
            failed.append(f"{command}: exit code {code}")
    assert failed == []


@pytest.mark.slow
def test_examples_of_exchange_say_what_they_print(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    shown, told = 0, ""
    for block in blocks(ROOT / "docs" / "exchange.md"):
        if block.mark != SLOW:
            continue
        commands = list(block.commands())
        for command in commands:
            run(command.replace("RUN", run_ids(tmp_path / "runs")[-1]) if "RUN" in command else command)
            told += capsys.readouterr().out
        if not commands:
            shown += 1
            assert set(block.lines) <= set(told.splitlines())
    assert shown == 3
