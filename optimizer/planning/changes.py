"""Changes of a case's contracts, as new cases: what plans of variants are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from optimizer.domain.case import Case
from optimizer.domain.contract import Contract


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
