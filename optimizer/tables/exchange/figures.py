"""Figures in other people's files: decimals, days, prices of a machine as prices of an accelerator."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation

LEAST_USD, MOST_USD = Decimal("0.005"), Decimal(1000)
"""USD per accelerator-hour: a price outside is absurd, a unit mistaken or a place that was never filled in."""

_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_DECIMALS = Decimal("1e-9")


class NotAFigure(ValueError):
    """A cell that cannot be taken; its text is the rule that it breaks."""


def decimal(text: str, what: str) -> Decimal:
    """An exact figure.

    Raises:
      NotAFigure: blank, or no plain finite decimal.
    """
    if not text:
        raise NotAFigure(f"{what} is not stated")
    if not _PLAIN.fullmatch(text):
        raise NotAFigure(f"{what} must be a plain decimal")
    try:
        return Decimal(text)
    except InvalidOperation:
        raise NotAFigure(f"{what} must be a plain decimal") from None


def plain(value: Decimal) -> str:
    """Without an exponent and without zeros at the end, to nine decimals.

    Example: Decimal("6.880000") is 6.88.
    """
    text = f"{value.quantize(_DECIMALS):f}" if value.adjusted() < 18 else f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def accelerator_price(usd_per_hour: str, accelerators: Decimal) -> Decimal:
    """Price of one accelerator of a machine, USD / accelerator-hour.

    Raises:
      NotAFigure: no price, or one that is zero, negative or absurd.
    """
    machine = decimal(usd_per_hour, "the price")
    if machine <= 0:
        raise NotAFigure("the price must be > 0 USD an hour")
    price = machine / accelerators
    if not LEAST_USD <= price <= MOST_USD:
        raise NotAFigure(f"the price must be {LEAST_USD} to {MOST_USD} USD per accelerator-hour")
    return price


def moment(text: str, what: str) -> datetime:
    """A date, or a date and time, in UTC; without a zone it is taken to be UTC, as FOCUS has it.

    Raises:
      NotAFigure: it is neither.
    """
    if not text:
        raise NotAFigure(f"{what} is not stated")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise NotAFigure(f"{what} must be a date, or a date and time, of ISO 8601") from None
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        raise NotAFigure(f"{what} must be a date that exists") from None


def midnight(text: str, what: str) -> date:
    """A day, given as a date or as its first moment in UTC. Ends are exclusive: nothing is rounded.

    Raises:
      NotAFigure: it is no date, or a time within a day.
    """
    found = moment(text, what)
    if found.timetz().replace(tzinfo=None) != time.min:
        raise NotAFigure(f"{what} must be midnight UTC, the first moment of a day")
    return found.date()
