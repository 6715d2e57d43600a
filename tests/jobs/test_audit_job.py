"""placement audit from the command line: tables, summary, page, and what it says on standard output."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from optimizer.__main__ import main
from optimizer.planning.audit.tables import COLUMNS
from optimizer.store.summary import KEYS
from optimizer.tables.catalog import case_folder
from optimizer.tables.written import written_rows

QUICK = ("case=tiny", "economics.annual_discount_rate=0", "audit.prices=false")


def audited(home: Path, capsys: pytest.CaptureFixture[str], *overrides: str) -> tuple[Path, str]:
    assert main(["audit", f"output.folder={home}", *overrides]) == 0
    told = capsys.readouterr().out
    return Path(told.strip().splitlines()[-1].removeprefix("run: ")), told


def test_a_run_of_the_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, told = audited(tmp_path, capsys, *QUICK, "output.csv=true")
    for name, columns in COLUMNS.items():
        assert (run / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0] == ",".join(columns)
        assert (run / f"{name}.parquet").is_file()
    summary = json.loads((run / "summary.json").read_text())
    assert set(KEYS) <= set(summary)
    assert (summary["job"], summary["verified"], summary["previous_run"]) == ("audit", True, None)
    assert summary["audit"]["non_cancellable_high_usd"] == 35_136.0  # 12 accelerators at 2 USD for 1,464 hours
    assert summary["audit"]["total_contract_value_usd"] == 12 * 2.0 * 24 * 212  # January to July 2026
    assert summary["audit"]["assumed_share"] == 1.0
    (held,) = (row for row in written_rows(run / "contracts.parquet") if row["contract"] == "held")
    assert float(held["non_cancellable_usd"]) == 35_136.0
    (signing,) = (row for row in written_rows(run / "decisions.parquet") if row["decision"] == "sign")
    assert (signing["contract"], signing["act_by"], signing["recommended"]) == ("quote", date(2026, 6, 15), "sign 1")
    # without it 6 accelerators of July come from the market at 3.00 and 2 of study's are missed at 2.80: 744 x (18 + 5.6) - 14,880
    assert float(signing["doing_nothing_usd"]) == pytest.approx(2678.4)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Audit of contracts of tiny, as of 2026-05-31" in page
    assert "What leaving costs, by date" in page
    assert "non_cancellable_low_usd: 35136.0" in told
    assert "contracts, whole terms: held | 122,112.00 | 35,136.00" in told


def test_the_next_audit_names_the_one_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = audited(tmp_path, capsys, *QUICK)
    second, _ = audited(tmp_path, capsys, *QUICK)
    assert json.loads((second / "summary.json").read_text())["previous_run"] == first.name


def test_settings_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for days in (-1, 10**9):
        assert main(["audit", f"output.folder={tmp_path}", *QUICK, f"audit.within_days={days}"]) == 2
        assert f"audit.within_days: must be 0 to 36500 days; got {days}" in capsys.readouterr().err
    assert main(["audit", f"output.folder={tmp_path}", *QUICK, "executor.workers=0"]) == 2
    assert "executor.workers: must be >= 1, or null; got 0" in capsys.readouterr().err


@pytest.mark.parametrize("job", ["audit", "quote"])
def test_a_case_with_stages_is_refused_unless_they_are_to_be_left_out(job: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = tmp_path / "lab"
    shutil.copytree(case_folder("tiny"), case)
    head = "decided_on,scenario,group,source,source_kind,as_of"
    rows = [f"2026-06-05,{name},{name},test,assumed,2026-05-31" for name in ("calm", "busy")]
    (case / "decision_stages.csv").write_text("\n".join((head, *rows)) + "\n")
    asked = [job, "case=own", f"case.path={case}", f"output.folder={tmp_path / 'runs'}"]
    assert main(asked) == 2
    assert "scenarios.stages: must be false for placement audit and placement quote" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    if job == "audit":
        run, _ = audited(tmp_path / "runs", capsys, "case=own", f"case.path={case}", "audit.prices=false", "scenarios.stages=false")
        told = json.loads((run / "summary.json").read_text())["alerts"]
        assert any("decision_stages are left out, as scenarios.stages=false asks" in line for line in told)
