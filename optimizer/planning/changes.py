"""Changes of a case's contracts, as new cases: what plans of variants are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract, Status
from optimizer.domain.rules import Pin


def with_contract(case: Case, name: str, change: Callable[[Contract], Contract]) -> Case:
    """The case with one contract changed.

    Raises:
      KeyError: the case has no such contract.
    """
    if name not in {contract.name for contract in case.contracts}:
        raise KeyError(name)
    return replace(case, contracts=tuple(change(contract) if contract.name == name else contract for contract in case.contracts))


def with_terms(case: Case, name: str, **terms: Any) -> Case:
    """The case with some of a contract's clauses, its price or its dates replaced, by the names of `Contract`."""
    return with_contract(case, name, lambda contract: replace(contract, **terms))


def without_contract(case: Case, name: str) -> Case:
    """The case in which a contract was never signed: it is over, and nothing names it any more as in force."""
    return with_contract(_unpinned(case, name), name, lambda contract: replace(contract, status=Status.CANCELED))


def with_contract_forced(case: Case, name: str) -> Case:
    """The case in which a quote is signed, with at least one lot."""
    return _pinned(case, name, "force")


def with_contract_forbidden(case: Case, name: str) -> Case:
    """The case in which a quote is not signed; unlike `without_contract` its row stays, so that prices of it stay too."""
    return _pinned(case, name, "forbid")


def _pinned(case: Case, name: str, action: str) -> Case:
    pin = Pin(subject=name, action=action, pool=None, period=None, reason="what if", owner="variant", expires=None)
    return replace(_unpinned(case, name), pins=(*_unpinned(case, name).pins, pin))


def _unpinned(case: Case, name: str) -> Case:
    return replace(case, pins=tuple(pin for pin in case.pins if pin.subject != name))
