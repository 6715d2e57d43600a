"""What a plan's page says first: what changed since the last plan, and what somebody must decide by when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from omegaconf import OmegaConf

from optimizer.errors import PlacementError
from optimizer.jobs.compose import dotted
from optimizer.planning.compare import Comparison, compare
from optimizer.planning.compare.run_tables import RunTables
from optimizer.planning.outputs import Rows
from optimizer.planning.plan import PlanResult
from optimizer.planning.replan.watch import doing_nothing_usd
from optimizer.report.overview import CostLine, DueLine, News
from optimizer.store.inputs import kept_inputs
from optimizer.store.layout import check_layout
from optimizer.store.runs import RunDraft
from optimizer.store.summary import read_summary
from optimizer.tables.written import written_rows

MOST_DUE = 6  # decisions for which it is worked out what doing nothing costs
MOST_STEPS = 6  # lines of cost told one by one


def run_tables(run: Path) -> RunTables:
    """A plan's run folder, as far as comparisons read it.

    Raises:
      ConfigError: the folder is of another layout than this planner reads.
    """
    check_layout(run)
    return RunTables(
        run_id=run.name,
        summary=read_summary(run),
        settings=dotted(OmegaConf.to_container(OmegaConf.load(run / "config.yaml"))),
        inputs=kept_inputs(run / "inputs"),
        costs=written_rows(run / "costs.parquet"),
        commitments=written_rows(run / "commitments.parquet"),
        placements=written_rows(run / "placements.parquet"),
    )


def news_between(last: Path, draft: RunDraft) -> News | None:
    """From the last plan's cost to that of the draft by line of cost; None where the two cannot be compared.

    Args:
      last: folder of a run of plan.
    """
    try:
        found = compare(run_tables(last), run_tables(draft.folder))
    except (PlacementError, OSError) as error:
        draft.log(f"not compared with {last.name}: {error}")
        return None
    return News(since=last.name, steps=_steps(found), notes=tuple(_notes(found)))


def _steps(found: Comparison) -> tuple[CostLine, ...]:
    total: dict[str, float] = defaultdict(float)
    for row in found.costs:
        total[row["line"]] += float(row["change_usd"])
    largest = sorted(total.items(), key=lambda item: (-abs(item[1]), item[0]))
    steps = [CostLine(line=line, usd=usd) for line, usd in largest[:MOST_STEPS]]
    rest = sum(usd for _, usd in largest[MOST_STEPS:])
    return tuple([*steps, CostLine(line="all other lines", usd=rest)] if largest[MOST_STEPS:] else steps)


def _notes(found: Comparison) -> list[str]:
    """Example: ["2 contracts", "14 loads or runs", "3 cells, rows or settings"], those that differ"""
    loads = {row["load"] for row in found.placements}
    counts = {"contracts": len(found.contracts), "loads or runs": len(loads), "cells, rows or settings": len(found.inputs)}
    return [f"{count} {name}" for name, count in counts.items() if count]


def due_lines(result: PlanResult, commitments: Rows, known: Mapping[str, float | None] | None = None) -> tuple[DueLine, ...]:
    """What the plan signs or leaves by a day, soonest first, with what doing nothing costs.

    Args:
      known: that cost by contract where it has been worked out already.
    """
    known = known or {}
    rows = sorted((row for row in commitments if row["decision"] in ("sign", "leave") and row["act_by"]), key=lambda row: row["act_by"])
    return tuple(
        DueLine(
            act_by=row["act_by"],
            decision=row["decision"],
            lots=row["lots"],
            contract=row["contract"],
            idle_usd=known[row["contract"]] if row["contract"] in known else doing_nothing_usd(result, row["contract"], row["decision"]),
        )
        for row in rows[:MOST_DUE]
    )
