"""What a plan's page says first: what changed since the last plan, and what somebody must decide by when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import OmegaConf

from optimizer.errors import PlacementError
from optimizer.jobs.compose import dotted
from optimizer.planning.compare import Comparison, compare
from optimizer.planning.compare.run_tables import RunTables
from optimizer.planning.doing_nothing import doing_nothing_usd
from optimizer.planning.outputs import Rows
from optimizer.planning.plan import PlanResult
from optimizer.report.overview import CostLine, DueLine, News
from optimizer.report.wording import counted
from optimizer.store.inputs import kept_inputs
from optimizer.store.layout import check_layout
from optimizer.store.runs import RunDraft
from optimizer.store.summary import read_summary
from optimizer.tables.written import written_rows

MOST_DUE = 6  # decisions for which it is worked out what doing nothing costs
MOST_STEPS = 6  # lines of cost told one by one
CENT_USD = 0.005  # what is less is none
MOST_NAMED = 3  # contracts, cells and settings that differ, told by name


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
    return News(since=last.name, steps=_steps(found), notes=_notes(found))


def _steps(found: Comparison) -> tuple[CostLine, ...]:
    total: dict[str, float] = defaultdict(float)
    for row in found.costs:
        total[row["line"]] += float(row["change_usd"])
    changed = [(line, usd) for line, usd in total.items() if abs(usd) >= CENT_USD]
    largest = sorted(changed, key=lambda item: (-abs(item[1]), item[0]))
    steps = [CostLine(line=line, usd=usd) for line, usd in largest[:MOST_STEPS]]
    rest = sum(usd for _, usd in largest[MOST_STEPS:])
    return tuple([*steps, CostLine(line="all other lines", usd=rest)] if largest[MOST_STEPS:] else steps)


def _notes(found: Comparison) -> dict[str, str]:
    """What differs, by kind; figures of the tables are left to `placement compare`.

    Example: {"decided anew": "cloud_h200 (keep 4, now keep 3; leave 1 from 2027-02-01)", "elsewhere": "14 loads or runs",
    "tables and settings": "offers market_b usd_per_accelerator_hour"}
    """
    contracts = [f"{row['contract']} ({row['first'] or 'not known'}, now {row['second'] or 'not known'})" for row in found.contracts]
    inputs = [" ".join(row[name] for name in ("table", "row", "column") if row[name]) for row in found.inputs]
    loads = len({row["load"] for row in found.placements})
    told = {
        "decided anew": _named(contracts),
        "elsewhere": counted(loads, "load or run", "loads or runs") if loads else "",
        "tables and settings": _named(inputs),
    }
    return {name: text for name, text in told.items() if text}


def _named(each: Sequence[str]) -> str:
    """Example: "a; b; c; and 4 more" """
    return "; ".join([*each[:MOST_NAMED], *([f"and {len(each) - MOST_NAMED:,} more"] if each[MOST_NAMED:] else [])])


def due_lines(result: PlanResult, commitments: Rows, known: Mapping[str, float | None] | None = None) -> tuple[DueLine, ...]:
    """What the plan signs or leaves by a day, soonest first, with what doing nothing costs.

    Args:
      known: that cost by contract where it has been worked out already.
    """
    known = known or {}
    rows = sorted((row for row in commitments if row["decision"] in ("sign", "leave") and row["act_by"]), key=lambda row: row["act_by"])
    shown = rows[:MOST_DUE]
    idle_usd = doing_nothing_usd(result, [(row["contract"], row["decision"]) for row in shown if row["contract"] not in known])
    return tuple(
        DueLine(
            act_by=row["act_by"],
            decision=row["decision"],
            lots=row["lots"],
            contract=row["contract"],
            idle_usd=known[row["contract"]] if row["contract"] in known else idle_usd[row["contract"], row["decision"]],
        )
        for row in shown
    )
