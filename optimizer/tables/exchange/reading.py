"""What a reader makes of a file: rows for the tables of a case, and what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from optimizer.tables.exchange.foreign import Foreign, NotTaken


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user says about a file besides its content."""

    supplier: str | None = None  # of the case, for files that name none
    region: str | None = None  # for files that name none
    as_of: date | None = None  # day on which the file's figures were true, for rows that do not say
    spot_loss_share: float | None = None  # no catalogue states it
    source: str | None = None  # where the file comes from


@dataclass(frozen=True, kw_only=True)
class Record:
    """One row for a table of the case.

    `stated` replaces the cells of a row of the same key; `otherwise` fills a row that is new. Cells are texts as the file
    has them, never escaped.
    """

    table: str
    stated: Mapping[str, str]
    otherwise: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[int, ...]  # of the file, from which it was made


@dataclass(frozen=True, kw_only=True)
class Whole:
    """Cells of some key columns, such as contracts: of these a file holds all rows, and others of them go."""

    columns: tuple[str, ...]
    cells: frozenset[tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A file's rows as records; `whole` by table."""

    file: Foreign
    records: tuple[Record, ...]
    not_taken: tuple[NotTaken, ...]
    whole: Mapping[str, Whole] = field(default_factory=dict)
