"""placement import and placement export from the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from decimal import Decimal

import pytest

from optimizer.__main__ import main
from optimizer.jobs.exporting import VERSIONS
from optimizer.jobs.settings import FORMATS, SOURCES
from optimizer.store.layout import SCHEMA_VERSION
from optimizer.store.runs import find_run
from optimizer.tables.catalog import case_folder
from optimizer.tables.exchange.imports import READERS
from optimizer.tables.write import write_table
from tests.tables.exchange.files import AWS_PRICES, MARKETPLACE, csv_rows, focus_1_4
from tests.tables.minimal import tables, write


@pytest.fixture
def lab(tmp_path):
    return write(tmp_path / "lab", tables())


def run(tmp_path, job, *words):
    return main([job, *words, f"output.folder={tmp_path / 'runs'}"])


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_source_and_format_has_its_code():
    assert tuple(READERS) == SOURCES
    assert set(VERSIONS) == set(FORMATS)


def test_import_says_what_it_took_and_lists_the_rest(tmp_path, lab, capsys):
    file = tmp_path / "prices.csv"
    file.write_text(AWS_PRICES)
    words = ("source=aws_prices", f"file={file}", f"case.path={lab}", "as_of=2027-07-20")
    assert run(tmp_path, "import", *words) == 0
    told = capsys.readouterr().out.splitlines()
    made = find_run(tmp_path / "runs", "latest", jobs=("import",))
    assert told[:2] == ["prices.csv: 9 rows, 2 taken, 7 not taken", "price_points: 2 rows added, 0 replaced, 0 removed"]
    assert told[-1] == f"run: {made}"
    assert "not taken, the price must be > 0 USD an hour: 2 (first: row 5 us-east-1/p4d.24xlarge, 6 us-west-2/p5.48xlarge)" in told
    assert any(line.startswith("not taken, the same accelerator, place and day as another row, which holds more") for line in told)
    assert len(csv_rows(made / "not_taken.csv")) == 7
    assert len(csv_rows(lab / "price_points.csv")) == 3
    summary = json.loads((made / "summary.json").read_text())
    assert (summary["job"], summary["rows"], summary["rows_taken"], summary["not_taken"]) == ("import", 9, 2, 7)
    assert not any(price in "\n".join(told[:-1]) for price in ("55.04", "6.88", "1e9"))  # the id of a run may hold any digits


def test_a_preview_changes_nothing(tmp_path, lab, capsys):
    before = content(lab)
    (tmp_path / "m.csv").write_text(MARKETPLACE)
    assert run(tmp_path, "import", "source=marketplace", f"file={tmp_path / 'm.csv'}", f"case.path={lab}", "dry_run=true") == 0
    assert "price_points: 5 rows would be added" in capsys.readouterr().out
    assert content(lab) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("source=excel", "file=x.csv", "case.path=LAB"), "source: must be one of focus_1_3, focus_1_4, "),
        (("file=x.csv", "case.path=LAB"), "source: must be one of focus_1_3"),
        (("source=skypilot", "case.path=LAB"), "file: must name a file; got nothing"),
        (("source=skypilot", "file=x.csv"), "case.path: must name the folder of a case of your own"),
        (("source=skypilot", "file=x.csv", "case.path=nowhere"), "case.path: must be a folder of tables; got nowhere"),
        (("source=skypilot", "file=absent.csv", "case.path=LAB"), "absent.csv: must be a file; got no such file"),
        (("source=skypilot", "file=LAB", "case.path=LAB"), "file: must be a file; only source=focus_1_3"),
        (("source=skypilot", "file=x.csv", "case.path=LAB", "as_of=yesterday"), "as_of: must be a day YYYY-MM-DD"),
        (("source=skypilot", "file=x.csv", "case.path=LAB", "spot_loss_share=1"), "spot_loss_share: must be a share in [0, 1)"),
        (("source=marketplace", "file=x.csv", "case.path=LAB", "as_of=2027-07-20"), "as_of: must be null where source=marketplace"),
        (("source=aws_prices", "file=x.csv", "case.path=LAB", "region=eu"), "region: must be null where source=aws_prices"),
    ],
)
def test_what_cannot_be_done_is_told_with_exit_code_2(tmp_path, lab, capsys, words, message):
    assert run(tmp_path, "import", *(word.replace("LAB", str(lab)) for word in words)) == 2
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told


def test_nothing_taken_is_exit_code_2_and_every_row_is_listed(tmp_path, lab, capsys):
    (tmp_path / "m.csv").write_text("date,accelerator,provider,min_usd_per_gpu_hour,avg_usd_per_gpu_hour\nsoon,H100,roan,1,1\n")
    before = content(lab)
    assert run(tmp_path, "import", "source=marketplace", f"file={tmp_path / 'm.csv'}", f"case.path={lab}") == 2
    assert "m.csv: 1 row, 0 taken, 1 not taken" in capsys.readouterr().out
    assert content(lab) == before


def test_what_export_writes_import_takes_back_without_a_change(tmp_path, capsys):
    lab = shutil.copytree(case_folder("small"), tmp_path / "lab")
    (tmp_path / "contracts.csv").write_text(focus_1_4({"ServiceProviderName": csv_rows(lab / "suppliers.csv")[0]["supplier"]}))
    words = (f"file={tmp_path / 'contracts.csv'}", f"case.path={lab}")
    assert run(tmp_path, "import", "source=focus_1_4", *words) == 0
    before = content(lab)
    for version in FORMATS:
        assert run(tmp_path, "export", f"case.path={lab}", f"format={version}") == 0
        out = find_run(tmp_path / "runs", "latest", jobs=("export",)) / "focus"
        assert run(tmp_path, "import", f"source={version}", f"file={out}", f"case.path={lab}", "as_of=2026-01-01") == 0
    assert content(lab) == before
    assert "not taken: 0" in capsys.readouterr().out


def test_costs_of_a_plan_are_marked_as_planned_and_add_up(tmp_path, capsys):
    import pandas as pd

    rows = [
        {
            "period": "2026-06",
            "payee_kind": "contract",
            "payee": "held",
            "supplier": "cloud_a",
            "line": "commitment",
            "cash_in_currency": 17280.5,
        },
        {
            "period": "2026-06",
            "payee_kind": "contract",
            "payee": "held",
            "supplier": "cloud_a",
            "line": "exit fee",
            "cash_in_currency": 100.25,
        },
        {
            "period": "2026-06",
            "payee_kind": "offer",
            "payee": "market_b",
            "supplier": "cloud_b",
            "line": "market",
            "cash_in_currency": 12960.0,
        },
        {"period": "2026-06", "payee_kind": "load", "payee": "study", "supplier": "", "line": "missed work", "cash_in_currency": 4032.0},
    ]
    made = tmp_path / "runs" / "20260101T000000.000Z-000000"
    made.mkdir(parents=True)
    write_table(pd.DataFrame(rows).assign(currency="USD"), made / "costs.parquet")
    (made / "summary.json").write_text(json.dumps({"schema_version": SCHEMA_VERSION, "job": "plan", "case": "tiny"}))
    assert run(tmp_path, "export", "case=tiny", "run=latest") == 0
    out = find_run(tmp_path / "runs", "latest", jobs=("export",)) / "focus" / "planned_cost_and_usage.csv"
    found = csv_rows(out)
    assert sum(Decimal(row["BilledCost"]) for row in found) == Decimal("30340.75")
    assert [(row["x_Line"], row["ChargeCategory"], row["x_Planned"], row["x_RunId"]) for row in found] == [
        ("commitment", "Usage", "true", made.name),
        ("exit fee", "Purchase", "true", made.name),
        ("market", "Usage", "true", made.name),
    ]
    applied = [
        json.loads(row["ContractApplied"])["Elements"][0]["ContractCommitmentAppliedCost"] for row in found if row["ContractApplied"]
    ]
    assert applied == [17280.5, 100.25]
    lab = shutil.copytree(case_folder("tiny"), tmp_path / "lab")
    assert run(tmp_path, "import", "source=focus_costs", f"file={out}", f"case.path={lab}") == 2
    assert "the cost is a plan's and was never billed: 3" in capsys.readouterr().out
    assert run(tmp_path, "export", "case=small", "run=latest") == 2
    assert "run: must be a plan of the case small" in capsys.readouterr().err


def test_help_of_both_jobs_is_quick_to_import():
    code = "import sys; from optimizer.__main__ import main; main(['import', '--help']); main(['export', '--help']); main(['--help'])"
    code += "; print(sorted({'jax', 'pandas', 'pyarrow', 'ortools'} & set(sys.modules)), file=sys.stderr)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stderr.strip() == "[]"
    assert "placement import source=focus_1_4" in told.stdout
