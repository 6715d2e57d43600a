"""Forecasts by vintage, and forecasts made from history where there are none."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from optimizer.domain.calendar import Period, months_later
from optimizer.domain.demand import DemandUnit
from optimizer.domain.history import DemandCame
from optimizer.errors import DataError
from optimizer.planning.backtest.history import known
from optimizer.planning.backtest.recorded import recorded
from optimizer.planning.forecasts import baseline, correlation_from, with_forecasts
from optimizer.scenarios.deviates import Correlation
from optimizer.tables.catalog import case_folder
from optimizer.tables.read import case_of, quoted_on, read_case, read_tables, vintages_of

MADE = "source,source_kind,as_of\n"
HISTORY = f"workload,origin,start,end,unit,mean,prompt_tokens,output_tokens,peak_factor,{MADE}"
OTHERWISE = Correlation(common=0.4, workload=0.35, origin=0.1, memory_months=12.0)


def came(name: str, means: list[float], first: date = date(2024, 1, 1), origin: str | None = "paris") -> list[DemandCame]:
    """Months of demand in accelerators."""
    rows = []
    for i, mean in enumerate(means):
        start = months_later(first, i)
        described = {"prompt_tokens": None, "output_tokens": None, "peak_factor": 1.0, "unit": DemandUnit.ACCELERATORS}
        rows.append(DemandCame(workload=name, origin=origin, start=start, end=months_later(start, 1), mean=mean, **described))
    return rows


def months(first: date, count: int) -> list[Period]:
    starts = [months_later(first, i) for i in range(count + 1)]
    return [Period(name=f"{a:%Y-%m}", start=a, end=b) for a, b in pairwise(starts)]


@pytest.fixture
def lab(tmp_path):
    """A copy of tiny, to change."""
    shutil.copytree(case_folder("tiny"), tmp_path / "lab")
    return tmp_path / "lab"


def with_history(lab, workloads: dict[str, float], until: str = "2026-08-01") -> None:
    """History of workloads by month since 2025-06, at a level that grows by 1 a month; and no demand of them."""
    lines, month = [], date(2025, 6, 1)
    while month < date.fromisoformat(until):
        for name, level in workloads.items():
            origin = "" if name == "study" else "paris"
            lines.append(f"{name},{origin},{month},{months_later(month, 1)},accelerators,{level},,,1,test,assumed,2026-05-31\n")
        workloads = {name: level + 1.0 for name, level in workloads.items()}
        month = months_later(month, 1)
    (lab / "demand_history.csv").write_text(HISTORY + "".join(lines))
    demand = lab / "demand.csv"
    demand.write_text("".join(line for line in demand.read_text().splitlines(keepends=True) if not line.startswith(tuple(workloads))))


def test_the_newest_forecast_issued_by_the_day_is_read(lab):
    demand = lab / "demand.csv"
    lines = demand.read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("workload"))
    dated = [lines[head] + ",issued_at", *(line + "," for line in lines[head + 1 :])]
    july = next(line for line in lines if line.startswith("chat,paris,2026-07"))
    later = [july.replace(",12,", f",{mean},") + f",{day}" for mean, day in ((13, "2026-05-20"), (14, "2026-06-10"), (15, "2026-05-31"))]
    demand.write_text("\n".join([*dated, *later]) + "\n")
    chat = {row.period: row.mean for row in read_case(lab).demand if row.workload == "chat"}
    assert chat == {"2026-06": 10.0, "2026-07": 15.0}
    sooner = {row.period: row.mean for row in read_case(lab, as_of=date(2026, 5, 25)).demand if row.workload == "chat"}
    assert sooner["2026-07"] == 13.0
    assert {row.period: row.mean for row in read_case(lab, as_of=date(2026, 7, 1)).demand if row.workload == "chat"}["2026-07"] == 14.0
    assert [str(each.issued_at) for each in vintages_of(read_tables(lab))] == ["0001-01-01", "2026-05-20", "2026-05-31", "2026-06-10"]


def test_a_period_that_is_forecast_too_late_is_named(lab):
    demand = lab / "demand.csv"
    lines = demand.read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("workload"))
    late = [line + (",2026-06-15" if line.startswith("chat,paris,2026-07") else ",") for line in lines[head + 1 :]]
    demand.write_text("\n".join([lines[head] + ",issued_at", *late]) + "\n")
    with pytest.raises(DataError, match=r"must have a row for every period, issued by the case's date, 2026-05-31; .* chat/paris/2026-07"):
        read_case(lab)


def test_what_only_history_knows_is_forecast(lab):
    with_history(lab, {"chat": 20.0})
    case = read_case(lab)
    assert {row.workload for row in case.demand} == {"code", "study"} & {row.workload for row in case.demand} | {"code"}
    made, notes = with_forecasts(case)
    chat = [row for row in made.demand if row.workload == "chat"]
    assert [row.period for row in chat] == ["2026-06", "2026-07"]
    assert all(row.p10 < row.p50 < row.p90 for row in chat)
    assert chat[0].p50 == pytest.approx(32.0, rel=0.06)  # 31 came in May, one more every month
    assert notes == ("demand of 1 workloads and origins is forecast from demand_history",)
    assert with_forecasts(read_case(case_folder("tiny"))) == (read_case(case_folder("tiny")), ())


def test_history_after_the_day_changes_no_forecast(lab):
    with_history(lab, {"chat": 20.0}, until="2026-06-01")
    before = with_forecasts(read_case(lab))[0].demand
    with_history(lab, {"chat": 20.0}, until="2026-08-01")
    assert with_forecasts(read_case(lab))[0].demand == before


def test_a_recorded_history_is_cut_to_what_is_known(lab):
    with_history(lab, {"chat": 20.0, "code": 6.0, "study": 3.0}, until="2026-08-01")
    read = read_tables(lab)
    made = recorded(case_of(lab, read), vintages_of(read), quoted_on(read))
    assert [period.name for period in made.periods] == ["2026-06", "2026-07"]
    assert {(row.workload, row.period): row.mean for row in made.actual}["chat", "2026-07"] == 33.0
    assert [str(each.issued_at) for each in made.vintages if each.demand] == ["2026-06-01", "2026-07-01"]
    assert [row.period for row in known(made, 1).demand] == ["2026-07"] * 3
    assert made.quoted_on == {"quote": date(2026, 5, 31)}


def test_gaps_and_odd_lengths_are_named(lab):
    with_history(lab, {"chat": 20.0})
    file = lab / "demand_history.csv"
    text = file.read_text()
    file.write_text("".join(line for line in text.splitlines(keepends=True) if ",2025-09-01,2025-10-01," not in line))
    with pytest.raises(DataError, match="start must be the day on which the stretch before it ends"):
        read_case(lab)
    file.write_text(text.replace("2025-09-01,2025-10-01", "2025-09-01,2025-09-30"))
    with pytest.raises(DataError, match="must all be calendar months, or all have the same number of days"):
        read_case(lab)


def test_a_short_history_is_refused(lab):
    with_history(lab, {"chat": 20.0})
    file = lab / "demand_history.csv"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], *lines[-4:]]))
    with pytest.raises(DataError, match="must have at least 4 stretches before the case's date"):
        with_forecasts(read_case(lab))


def test_seasons_and_growth_go_on_and_intervals_hold():
    rng = np.random.default_rng(3)
    size, history, ahead = 30, 36, 6
    t = np.arange(history + ahead)
    noise = 0.05 * rng.normal(size=(size, t.size)) + 0.04 * rng.normal(size=(size, t.size)).cumsum(axis=1)
    values = np.exp(3.0 + 0.02 * t + 0.4 * np.sin(2 * np.pi * t / 12) + noise)
    past = [row for i, series in enumerate(values[:, :history]) for row in came(f"w{i}", series.tolist())]
    rows = baseline(past, months(months_later(date(2024, 1, 1), history), ahead))
    inside = [row.p10 <= came_then <= row.p90 for row, came_then in zip(rows, values[:, history:].ravel(), strict=True)]
    assert 0.6 < np.mean(inside) < 0.95
    naive = np.abs(np.log(values[:, history:] / values[:, history - 12 : history - 12 + ahead])).mean()  # the same month a year ago
    ours = np.abs(np.log(np.array([row.p50 for row in rows]).reshape(size, ahead) / values[:, history:])).mean()
    assert ours < 0.75 * naive


def test_correlation_is_read_from_errors():
    rng = np.random.default_rng(4)
    steps = 120
    shared, services = rng.normal(size=steps), rng.normal(size=(3, steps))
    past = []
    for service in range(3):
        for place in range(3):
            own = rng.normal(size=steps)
            z = np.sqrt(0.3) * shared + np.sqrt(0.5) * services[service] + np.sqrt(0.2) * own
            first = date(2015, 1, 1)
            past += came(f"s{service}", np.exp(3.0 + 0.1 * z.cumsum() * 0.5).tolist(), first, origin=f"o{place}")
    found = correlation_from(past, OTHERWISE)
    assert found.common == pytest.approx(0.3, abs=0.15)
    assert found.workload == pytest.approx(0.5, abs=0.15)
    assert found.origin < 0.1
    assert correlation_from([], OTHERWISE) == OTHERWISE


def test_weeks_become_the_periods_of_a_calendar():
    first = date(2026, 1, 5)
    rows = came("w", [10.0] * 12)
    weekly = [
        DemandCame(**{**vars(row), "start": first + timedelta(7 * i), "end": first + timedelta(7 * (i + 1))}) for i, row in enumerate(rows)
    ]
    (period,) = months(months_later(weekly[-1].end.replace(day=1), 1), 1)
    (row,) = baseline(weekly, [period])
    assert row.p50 == pytest.approx(10.0, rel=0.01)
