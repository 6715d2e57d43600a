"""Which quotes and offers are asked about, and how far ahead they are judged."""

from __future__ import annotations

from collections.abc import Sequence

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract
from optimizer.errors import ConfigError
from optimizer.planning.out_of_reach import barred


def asked_contracts(case: Case, names: Sequence[str]) -> tuple[Contract, ...]:
    """The proposed contracts of these names; all that can still be signed where none is named.

    Raises:
      ConfigError: a name is not one of them, or there is none.
    """
    why = barred(case)
    still_open = tuple(c for c in case.contracts if c.can_be_signed(case.as_of) and c.end > case.as_of and c.name not in why)
    known = {contract.name: contract for contract in still_open}
    there = ", ".join(known) or "none"
    refused = list(names) or ([] if known else list(why))
    for name in refused:
        if name in why:
            raise ConfigError("quote.contracts", "must name quotes that some plan can sign", name, f"It {why[name]}")
    if not names and not known:
        raise ConfigError(
            "quote.contracts", "the case must have a Proposed contract that can still be signed", "none", "Add the quote to contracts."
        )
    for name in names:
        if name not in known:
            rule = f"must name Proposed contracts that can still be signed on {case.as_of}"
            raise ConfigError("quote.contracts", rule, name, f"There are: {there}.")
    return tuple(known[name] for name in dict.fromkeys(names)) or still_open


def asked_offers(case: Case, names: Sequence[str]) -> tuple[str, ...]:
    """
    Raises:
      ConfigError: the case has no such offer.
    """
    there = {offer.name for offer in case.offers}
    for name in names:
        if name not in there:
            raise ConfigError("quote.offers", "must name market offers of the case", name, "See offers.csv.")
    return tuple(dict.fromkeys(names))


def periods_to_end(case: Case, asked: Sequence[Contract]) -> int:
    """Periods of the calendar until the last of the quotes ends; all of them where one ends later."""
    last = max(contract.end for contract in asked)
    until = [number for number, period in enumerate(case.calendar.periods, 1) if period.end >= last]
    return until[0] if until else len(case.calendar.periods)


def beyond(case: Case, asked: Sequence[Contract]) -> tuple[str, ...]:
    """An alert for each quote of which the calendar leaves a part to its stated tail value."""
    return tuple(
        f"contract {contract.name}: ends {contract.end}, after the calendar ({case.calendar.end}); "
        f"what is paid then counts with 1 - x_TerminalUseShare = {1.0 - contract.terminal_use:.6g} of it"
        for contract in asked
        if contract.end > case.calendar.end
    )
