"""Where loads and training runs are in the last plan, and what being elsewhere is charged while a plan is searched for."""

from __future__ import annotations

from dataclasses import dataclass

from optimizer.domain.surface import Ints

FREE = -2  # a place, or an option, that may be left at no charge


@dataclass(frozen=True, kw_only=True)
class Stay:
    """A load that in any period is elsewhere is charged once, and so is a run that takes another option. No plan's cost has it."""

    placed: Ints  # [L, T] pools; -1: not placed; FREE: the last plan does not say, or it is no longer possible
    option: Ints  # [R] training options; -1: not run; FREE likewise
    usd: float  # discounted, for each load and run
