"""Settings of the jobs that read and write tables: check, init, calibrate, import, export."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from optimizer.jobs.settings.groups import CaseFolderSettings, CaseSettings, HorizonSettings, PictureSettings, RunsFolderSettings
from optimizer.jobs.settings.values import group, require, setting


@dataclass(kw_only=True)
class CheckJob:
    """Settings of `placement check`."""

    case: CaseSettings = group(CaseSettings, "which case: case=NAME, or case.path=FOLDER for your own")
    horizon: HorizonSettings = group(HorizonSettings, "how far to look ahead")


@dataclass(kw_only=True)
class InitJob:
    """Settings of `placement init`."""

    folder: str = setting("", "new or empty folder for the tables; must be given")
    from_case: str | None = setting(None, "copy the tables of this case, which comes with the planner; null: empty tables")

    def __post_init__(self) -> None:
        require(bool(self.folder), "folder", "must name a new or empty folder", "nothing", "Add folder=NAME.")


@dataclass(kw_only=True)
class CalibrateJob:
    """Settings of `placement calibrate`."""

    serving: str | None = setting(None, "file of measured serving runs; models.csv and accelerators.csv beside it describe new names")
    anchors: str | None = setting(None, "file of further serving runs: the serving model moves towards them, without a fit")
    round_trips: str | None = setting(None, "file of measured round trips between regions")
    training: str | None = setting(None, "file of measured training runs")
    source: str = setting("", "where the measurements come from; must be given")
    base: str = setting("shipped", "calibration whose other parts are kept: shipped, none, or a file")
    output: PictureSettings = group(PictureSettings, "where runs are written")

    def __post_init__(self) -> None:
        given = [self.serving, self.anchors, self.round_trips, self.training]
        rule = "must name a file of measurements"
        require(any(given), "placement calibrate", rule, "none", "Add serving=FILE, anchors=FILE, round_trips=FILE or training=FILE.")
        require(bool(self.source), "source", "must say where the measurements come from", "nothing", "Add 'source=\"...\"'.")


SOURCES = ("focus_1_3", "focus_1_4", "focus_costs", "skypilot", "gpuhunt", "aws_prices", "azure_prices", "price_history", "marketplace")
TAKERS = {  # sources whose files leave a setting open; those of others state it, or have no use for it
    "supplier": ("focus_1_3", "focus_1_4", "skypilot", "gpuhunt", "aws_prices", "azure_prices", "price_history"),
    "region": ("price_history",),
    "as_of": ("focus_1_3", "focus_1_4", "focus_costs", "skypilot", "gpuhunt", "aws_prices", "azure_prices"),
    "spot_loss_share": ("skypilot", "gpuhunt"),
}
FORMATS = ("focus_1_4", "focus_1_3")


@dataclass(kw_only=True)
class ImportJob:
    """Settings of `placement import`."""

    source: str = setting("", f"what the file is: {', '.join(SOURCES)}; must be given")
    file: str = setting("", "the file (CSV or Parquet), or a folder that placement export wrote; must be given")
    case: CaseFolderSettings = group(CaseFolderSettings, "the case to change")
    supplier: str | None = setting(None, "supplier of the case, for files that name none, or another")
    region: str | None = setting(None, "region, for a price history, which names none")
    as_of: str | None = setting(None, "day on which the file's figures were true, YYYY-MM-DD, for files that do not say")
    spot_loss_share: float | None = setting(None, "share of spot hours lost, which no catalogue states; null: no spot offers")
    source_text: str | None = setting(None, "text for the source column; null: the file's kind and name")
    dry_run: bool = setting(False, "say what would change and change nothing")
    output: RunsFolderSettings = group(RunsFolderSettings, "where the runs lie")

    def __post_init__(self) -> None:
        require(self.source in SOURCES, "source", f"must be one of {', '.join(SOURCES)}", self.source or "nothing", "Add source=NAME.")
        require(bool(self.file), "file", "must name a file", "nothing", "Add file=FILE.")
        require(bool(self.case.path), "case.path", "must name the folder of a case of your own", "nothing", "Add case.path=FOLDER.")
        share = self.spot_loss_share
        require(share is None or 0 <= share < 1, "spot_loss_share", "must be a share in [0, 1)", share)
        require(self.as_of is None or _is_day(self.as_of), "as_of", "must be a day YYYY-MM-DD", self.as_of)
        for name, takers in TAKERS.items():
            value, rule = getattr(self, name), f"must be null where source={self.source}, which would not look at it"
            require(value is None or self.source in takers, name, rule, value, f"Leave {name} out.")


def _is_day(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


@dataclass(kw_only=True)
class ExportJob:
    """Settings of `placement export`."""

    format: str = setting("focus_1_4", f"{' or '.join(FORMATS)}")
    case: CaseSettings = group(CaseSettings, "which case: case=NAME, or case.path=FOLDER for your own")
    horizon: HorizonSettings = group(HorizonSettings, "set by case=NAME; every contract is written, whatever it is")
    run: str | None = setting(None, "plan whose costs are written too: latest, previous or its id")
    output: RunsFolderSettings = group(RunsFolderSettings, "where the runs lie")

    def __post_init__(self) -> None:
        require(self.format in FORMATS, "format", f"must be {' or '.join(FORMATS)}", self.format)
