"""Output tables: Parquet or CSV by suffix, money as decimals."""

from __future__ import annotations

import re
from collections.abc import Hashable
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

MONEY_DIGITS, MONEY_DECIMALS = 38, 6
_MONEY_STEP = Decimal(1).scaleb(-MONEY_DECIMALS)
_MONEY_CONTEXT = Context(prec=MONEY_DIGITS, rounding=ROUND_HALF_EVEN)
# a spreadsheet would run such a text as a formula; texts that already carry the apostrophe get one more, so that reading undoes it
_FORMULA = re.compile(r"'*[=+\-@]")


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Writes a table without its index, as Parquet or CSV by the path's suffix.

    Columns with `_usd` in their name become decimals with 6 places, rounded half to even. In CSV a text that begins with
    = + - @ is written behind an apostrophe, which `read_case` takes away again.

    Raises:
      ValueError: the suffix is neither .parquet nor .csv, or an amount is not finite.
    """
    money: dict[Hashable, list[Decimal | None]] = {
        name: [as_money(value) for value in frame[name]] for name in frame.columns if is_money(name)
    }
    if path.suffix == ".parquet":
        pa.parquet.write_table(_arrow(frame, money), path)
    elif path.suffix == ".csv":
        _csv(frame, money).to_csv(path, index=False, lineterminator="\n")
    else:
        raise ValueError(f"{path}: a table is written as .parquet or .csv")


def is_money(name: Hashable) -> bool:
    return "_usd" in str(name)


def as_money(value: object) -> Decimal | None:
    """An amount in USD with 6 decimals, rounded half to even; None where it is missing.

    Example: 0.0000025 becomes 0.000002.
    """
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return None
    # the decimal that the float is shown as, not its binary expansion: 0.0000025 is a tie
    amount = value if isinstance(value, Decimal) else Decimal(repr(float(value)))  # type: ignore[arg-type]
    if not amount.is_finite():
        raise ValueError(f"an amount in USD must be finite; got {value}")
    return amount.quantize(_MONEY_STEP, context=_MONEY_CONTEXT)


def _arrow(frame: pd.DataFrame, money: dict[Hashable, list[Decimal | None]]) -> pa.Table:
    table = pa.Table.from_pandas(frame.drop(columns=list(money)), preserve_index=False)
    for place, name in enumerate(frame.columns):
        if name in money:
            amounts = pa.array(money[name], type=pa.decimal128(MONEY_DIGITS, MONEY_DECIMALS))
            table = table.add_column(place, str(name), amounts)
    return table.replace_schema_metadata(None)


def _csv(frame: pd.DataFrame, money: dict[Hashable, list[Decimal | None]]) -> pd.DataFrame:
    columns = {
        _harmless(name): pd.Series([_cell(value) for value in money.get(name, frame[name].tolist())], dtype=object)
        for name in frame.columns
    }
    return pd.DataFrame(columns)


def _cell(value: object) -> object:
    """A cell as `read_case` reads it: true, false, ISO dates, blanks, plain decimals."""
    if isinstance(value, str):
        return _harmless(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime) and not pd.isna(value):
        return value.date().isoformat() if value == value.replace(hour=0, minute=0, second=0, microsecond=0) else value.isoformat()
    return value.isoformat() if isinstance(value, date) and not pd.isna(value) else value


def _harmless(text: Hashable) -> Hashable:
    return f"'{text}" if isinstance(text, str) and _FORMULA.match(text) else text
