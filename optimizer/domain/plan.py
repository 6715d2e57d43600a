"""A plan: what is signed, left, placed and drawn. Names say what each index means, so a plan can be read alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from optimizer.domain.surface import Floats, Ints


class PlanStatus(StrEnum):
    OPTIMAL = "optimal"
    WITHIN_GAP = "within_gap"
    LIMIT = "limit"
    INFEASIBLE = "infeasible"


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """What is decided here and now, the same in all scenarios."""

    placed: Ints  # [L, T] pool; -1: not placed
    option: Ints  # [R] training option of `Needs`; -1: not run
    lots: Ints  # [K] lots held at the start: in force, or signed by this plan
    exits: Ints  # [K, T] lots left at the start of each period


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Decisions, and the recourse in each scenario. The labels say what each index means."""

    loads: tuple[str, ...]  # L
    runs: tuple[str, ...]  # R
    pools: tuple[str, ...]  # P
    contracts: tuple[str, ...]  # K
    covers: tuple[tuple[str, str], ...]  # J (contract, pool)
    offers: tuple[str, ...]  # O
    decisions: Decisions
    contract_draw: Floats  # [J, T, B, S] accelerators drawn
    offer_draw: Floats  # [O, T, B, S]
    served: Floats  # [L, T, B, S] accelerators given to flexible loads in their pool; 0 for rigid loads
    shortage: Floats  # [P, T, B, S] accelerators missing
