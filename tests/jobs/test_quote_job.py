"""placement quote on the case that is solved by hand: verdict, tables, page, and what is refused."""

from __future__ import annotations

import json

import pytest

from optimizer.__main__ import main
from optimizer.store.runs import run_ids
from optimizer.tables.written import written_rows
from tests.tolerances import BREAK_EVEN, CENT_USD

TABLES = ("quotes", "quote_values", "volume_curve", "levers", "counter_offers", "options", "entry_prices")


@pytest.fixture(scope="module")
def quoted(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        settings = ["case=tiny", f"output.folder={runs}", "economics.annual_discount_rate=0", "quote.contracts=[quote]", "output.csv=true"]
        assert main(["quote", *settings]) == 0
    return runs / run_ids(runs)[-1]


def test_the_table_of_quotes_keeps_its_columns(quoted):
    rows = written_rows(quoted / "quotes.parquet")
    assert list(rows[0]) == ["contract", "offered", "break_even_low", "break_even_high", "break_even_quantity", "verdict"]
    (row,) = rows
    assert (row["contract"], row["verdict"], float(row["offered"]), float(row["break_even_quantity"])) == ("quote", "take", 2.5, 8.0)
    assert float(row["break_even_low"]) == pytest.approx(3.0, rel=2 * BREAK_EVEN)
    assert float(row["break_even_low"]) <= 3.0 <= float(row["break_even_high"])


def test_the_run_holds_everything_that_is_said(quoted):
    names = {path.name for path in quoted.iterdir()}
    assert {"summary.json", "report.html", "config.yaml", "inputs", "log.txt"} <= names
    assert {f"{table}.{kind}" for table in TABLES for kind in ("parquet", "csv")} <= names
    summary = json.loads((quoted / "summary.json").read_text())
    assert (summary["job"], summary["verified"], summary["quotes"]["quote"]["verdict"]) == ("quote", True, "take")
    assert summary["objective_usd"] == pytest.approx(75_663.40, abs=CENT_USD)  # of the joint plan, which signs it
    (value,) = written_rows(quoted / "quote_values.parquet")
    assert float(value["saving_low_usd"]) == pytest.approx(78_316.80 - 75_663.40, abs=CENT_USD)
    assert (value["rank"], value["rank_certain"], value["lots_in_joint_plan"]) == (1, True, 1)
    assert float(value["effective_usd_per_accelerator_hour"]) == pytest.approx(2.5)
    page = (quoted / "report.html").read_text()
    assert "Break-even prices" in page


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (
            "quote.contracts=[held]",
            "quote.contracts: must name Proposed contracts that can still be signed on 2026-05-31; got held. There are: quote.",
        ),
        ("quote.offers=[nobody]", "quote.offers: must name market offers of the case; got nobody."),
        ("quote.width=0", "quote.width: must be a share in (0, 1); got 0"),
        ("horizon.periods=0", "horizon.periods: must be >= 1 period, or null; got 0"),
        ("horizon.periods=1", "the first day of every quote asked about; got 1, to 2026-07-01: quote begins later. Look further ahead"),
    ],
)
def test_what_cannot_be_asked(setting, told, tmp_path, capsys):
    assert main(["quote", "case=tiny", f"output.folder={tmp_path / 'runs'}", setting]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
