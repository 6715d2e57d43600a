"""placement calibrate: read measurements, fit the surfaces to them, say how far off they are, write the calibration."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from optimizer.errors import ConfigError
from optimizer.jobs.compose import as_yaml
from optimizer.jobs.progress import phases, shown_progress
from optimizer.jobs.settings import CalibrateJob
from optimizer.planning.calibration import (
    Accuracy,
    Calibration,
    Compared,
    as_values,
    read_calibration,
    shipped_calibration,
    with_anchors,
    with_network,
    with_serving,
    with_training,
)
from optimizer.store.inputs import keep_inputs
from optimizer.store.layout import SCHEMA_VERSION
from optimizer.store.runs import new_run, run_path
from optimizer.store.summary import KEYS, versions, write_summary
from optimizer.surfaces.arrays import device
from optimizer.tables.calibration_file import write_calibration_file
from optimizer.tables.frame import as_frame
from optimizer.tables.measured_network import read_measured_trips
from optimizer.tables.measured_serving import as_shipped, read_measured_serving
from optimizer.tables.measured_training import read_measured_gangs
from optimizer.tables.write import write_table

COLUMNS = tuple(Accuracy.__dataclass_fields__)


def run(settings: CalibrateJob) -> int:
    """Fits the parts that measurements are given for; the others stay as they are in the calibration it starts from."""
    began, now = time.monotonic(), datetime.now(UTC)
    trips = None if settings.round_trips is None else read_measured_trips(Path(settings.round_trips))
    served = None if settings.serving is None else as_shipped(read_measured_serving(Path(settings.serving)))
    anchors = None if settings.anchors is None else as_shipped(read_measured_serving(Path(settings.anchors)))
    gangs = None if settings.training is None else read_measured_gangs(Path(settings.training))
    start = _start(settings)
    if anchors is not None and served is None and start.serving is None:
        rule = "must be given with serving=FILE, or a base with a serving model"
        raise ConfigError("anchors", rule, f"base={settings.base}", "Add serving=FILE, or use base=shipped.")
    with new_run(Path(settings.output.folder), now=now) as draft:
        draft.path("config.yaml").write_text(as_yaml(settings))
        given = (settings.serving, settings.anchors, settings.round_trips, settings.training)
        keep_inputs([Path(name) for name in given if name], draft.path("inputs"))
        calibration = replace(start, made_on=now.date().isoformat(), source=settings.source)
        compared: list[Compared] = []
        with shown_progress(draft.log) as progress:
            tell = phases(progress, began)
            if served is not None:
                tell("serving")
                calibration, told = with_serving(calibration, served)
                compared += told
            if anchors is not None:
                tell("anchors")
                calibration = with_anchors(calibration, anchors)
            if trips is not None:
                tell("network")
                calibration, told = with_network(calibration, trips)
                compared += told
            if gangs is not None:
                tell("training")
                calibration, told = with_training(calibration, gangs)
                compared += told
        write_calibration_file(as_values(calibration), draft.path("calibration.json"))
        rows = [asdict(row) for row in calibration.accuracy]
        write_table(as_frame(rows, COLUMNS), draft.path("accuracy.parquet"))
        write_table(as_frame(rows, COLUMNS), draft.path("accuracy.csv"))
        if settings.output.pictures:
            from optimizer.jobs.pictures import draw_comparisons  # what draws is slow to import

            draw_comparisons(compared, draft.path("pictures"))
        about = {"schema_version": SCHEMA_VERSION, "run_id": draft.run_id, "job": "calibrate", "versions": versions()}
        about |= {"seconds": time.monotonic() - began, "device": device(), "alerts": [], "calibration": calibration.version}
        write_summary(dict.fromkeys(KEYS) | about, draft.path("summary.json"))
        draft.log(f"calibration {calibration.version}")
    for row in calibration.accuracy:
        inside = "" if row.coverage_90 is None else f" inside_90_interval={row.coverage_90:.0%}"
        errors = f"rows={row.rows} median_error={row.median_ape:.1f}% p90_error={row.p90_ape:.1f}%{inside}"
        print(f"{row.part} {row.quantity}, {row.split}: {errors}")
    for part, dates in calibration.measured.items():
        print(f"{part} was measured from {dates.first} to {dates.last} ({dates.rows} rows whose day is recorded)")
    print(f"calibration: {calibration.version}; use it with calibration.path={run_path(draft)}/calibration.json")
    print(f"run: {run_path(draft)}")
    return 0


def _start(settings: CalibrateJob) -> Calibration:
    if settings.base == "none":
        return Calibration(made_on="", source="")
    return shipped_calibration() if settings.base == "shipped" else read_calibration(Path(settings.base))
