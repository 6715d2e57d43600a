from __future__ import annotations

from decimal import Decimal

import pytest

from optimizer.errors import ConfigError
from optimizer.planning.compare import compare
from optimizer.planning.compare.money import by_line
from optimizer.planning.compare.run_tables import RunTables


def cost(payee: str, period: str, usd: str, line: str = "market") -> dict[str, object]:
    return {"payee_kind": "offer", "payee": payee, "supplier": "cloud", "line": line, "period": period, "discounted_usd": Decimal(usd)}


def place(load: str, period: str, pool: str | None, accelerators: float = 8.0) -> dict[str, object]:
    return {"load": load, "period": period, "pool": pool, "accelerators": accelerators if pool else 0.0}


def decided(contract: str, decision: str, lots: int, effective: str | None = None) -> dict[str, object]:
    return {"contract": contract, "decision": decision, "lots": lots, "effective": effective}


def plan(run_id: str, **tables) -> RunTables:
    costs = tables.get("costs", [])
    objective = float(sum((row["discounted_usd"] for row in costs), Decimal(0)))
    settings = tables.get("settings", {"seed": 0})
    empty = {"costs": [], "commitments": [], "placements": [], "inputs": {}}
    summary = {"objective_usd": tables.get("objective_usd", objective)}
    given = {name: value for name, value in tables.items() if name in empty}
    return RunTables(run_id=run_id, summary=summary, settings=settings, **(empty | given))


def test_changes_of_cost_sum_to_the_change_of_the_total_at_any_size():
    first = plan("a", costs=[cost("x", "jan", "1250000000.000001"), cost("x", "feb", "5"), cost("gone", "jan", "7.25")])
    second = plan("b", costs=[cost("x", "jan", "1250000000.02"), cost("x", "feb", "5"), cost("new", "feb", "-2")])
    found = compare(first, second)
    assert found.change_usd == sum(row["change_usd"] for row in found.costs) == Decimal("-9.230001")
    assert [(row["payee"], row["period"], row["change_usd"]) for row in found.costs] == [
        ("gone", "jan", Decimal("-7.25")),
        ("new", "feb", Decimal("-2")),
        ("x", "jan", Decimal("0.019999")),
    ]
    assert [row["payee"] for row in by_line(found.costs)] == ["gone", "new", "x"]


def test_lines_that_only_swap_periods_cancel_by_payee_and_stay_by_period():
    first, second = plan("a", costs=[cost("x", "jan", "5")]), plan("b", costs=[cost("x", "feb", "5")])
    found = compare(first, second)
    assert len(found.costs) == 2
    assert by_line(found.costs) == []


def test_costs_that_do_not_sum_to_the_objective_are_refused():
    wrong = plan("a", costs=[cost("x", "jan", "5")], objective_usd=5.02)
    with pytest.raises(
        ConfigError, match=r"a/costs\.parquet: the lines of a run's costs must sum to its objective_usd, to the cent; got 5 against 5\.02"
    ):
        compare(wrong, wrong)


def test_contracts_are_told_where_decisions_differ():
    first = plan("a", commitments=[decided("c", "keep", 4), decided("same", "sign", 1), decided("old", "keep", 1)])
    second = plan("b", commitments=[decided("c", "keep", 3), decided("c", "leave", 1, "2027-02-01"), decided("same", "sign", 1)])
    assert compare(first, second).contracts == [
        {"contract": "c", "first": "keep 4", "second": "keep 3; leave 1 from 2027-02-01"},
        {"contract": "old", "first": "keep 1", "second": None},
    ]


def test_placements_are_told_over_periods_in_a_row():
    months = ("m9", "m10", "m11", "m12")
    first = plan("a", placements=[place("l", month, "p") for month in months] + [place("gone", "m9", "p", 2.0)])
    after = {"m9": "p", "m10": "q", "m11": "q", "m12": None}
    second = plan("b", placements=[place("l", month, pool, 10.0) for month, pool in after.items()])
    told = [
        (
            row["load"],
            row["first_period"],
            row["last_period"],
            row["first_pool"],
            row["second_pool"],
            row["first_accelerators"],
            row["second_accelerators"],
        )
        for row in compare(first, second).placements
    ]
    assert told == [
        ("gone", "m9", "m9", "p", None, 2.0, 0.0),
        ("l", "m10", "m11", "p", "q", 8.0, 10.0),
        ("l", "m12", "m12", "p", None, 8.0, 0.0),
    ]


def test_equal_plans_differ_in_nothing():
    one = plan("a", costs=[cost("x", "jan", "5")], commitments=[decided("c", "keep", 4)], placements=[place("l", "jan", "p")])
    found = compare(one, one)
    assert (found.change_usd, found.costs, found.contracts, found.placements, found.inputs) == (0, [], [], [], [])


def test_cells_rows_and_settings_that_differ_are_named(tmp_path):
    def kept(folder: str, **files: str):
        (tmp_path / folder).mkdir()
        paths = {}
        for name, text in files.items():
            path = tmp_path / folder / f"{hash(text)}.csv"
            path.write_text(text)
            paths[f"{name}.csv"] = path
        return paths

    head = "supplier,kind,source\n"
    before = kept("a", suppliers=head + "x,gpu_cloud,one\ny,gpu_cloud,one\n", pools="pool,site,accelerator\np,s,h100\n")
    after = kept(
        "b", suppliers=head + "x,hyperscaler,two\nz,gpu_cloud,one\n", pools="pool,site,accelerator\np,s,h100\n", pins="subject,action\n"
    )
    settings = {"seed": 1, "output.csv": True, "watch.days": 3}  # the last two say nothing of what is planned
    found = compare(plan("a", inputs=before, settings={"seed": 0, "output.csv": False}), plan("b", inputs=after, settings=settings)).inputs
    assert [tuple(row.values()) for row in found] == [
        ("suppliers", "x", "kind", "gpu_cloud", "hyperscaler"),
        ("suppliers", "y", None, "a row", None),
        ("suppliers", "z", None, None, "a row"),
        ("settings", None, "seed", "0", "1"),
    ]
