"""Errors as users read them: in full on a terminal, without prices anywhere else (logs, mails, tickets)."""

from __future__ import annotations

import re
from dataclasses import replace

from optimizer.errors import DataError, PlacementError, Violation

PRICE_WORDS = re.compile(r"usd|price|fee|spend|penalty|cost|rate", re.IGNORECASE)
HIDDEN = "a figure shown on a terminal only"


def message(error: PlacementError, *, terminal: bool) -> str:
    """The error's text; where it does not go to a terminal, figures of prices are left out."""
    if terminal or not isinstance(error, DataError):
        return str(error)
    return "\n".join(str(_without_price(violation)) for violation in error.violations)


def _without_price(violation: Violation) -> Violation:
    """Only numbers are confidential: `got nothing` or `got unknown` says what to mend."""
    is_price = PRICE_WORDS.search(violation.rule) or PRICE_WORDS.search(violation.where)
    return replace(violation, got=HIDDEN) if is_price and re.search(r"\d", violation.got) else violation
