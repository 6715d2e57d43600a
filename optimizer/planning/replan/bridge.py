"""From the last plan's cost to this one's, in money: what is in force, prices, demand, decisions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from optimizer.domain.case import Case
from optimizer.errors import PlacementError

STEPS = {
    "state": (
        *("calendar", "as_of", "contracts", "placements", "limits", "pins", "allowed_sites"),
        *("pools", "sites", "suppliers", "accelerators", "other_spend"),
    ),
    "price": ("offers", "exchange_rates", "price_points"),
    "demand": (),  # whatever else a case holds
}
"""What each step takes from the new case, in order."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A part of the change; steps that cannot be told apart carry both names."""

    name: str
    change_usd: float


def bridge(
    *, before: Case, after: Case, last_usd: float, held_usd: float | None, plan_usd: float, cost: Callable[[Case], float]
) -> tuple[Step, ...]:
    """Steps whose changes sum to the change of the cost.

    The last plan's decisions are priced on cases that take over the new tables group by group; what then remains is
    what new decisions save.

    Args:
      before: the case that the last plan read; after: today's.
      last_usd: cost of the last plan when it was made.
      held_usd: cost of its decisions today; None: they are no longer possible, and what they would cost is part of the decisions.
      plan_usd: cost of today's plan.
      cost: of the last plan's decisions on a case; raises PlacementError where they have none.
    """
    if held_usd is None:
        return (Step(name="state, price, demand and decisions", change_usd=plan_usd - last_usd),)
    steps: list[Step] = []
    case, at_usd, waiting = before, last_usd, []
    for name in STEPS:
        changed = after if name == "demand" else _with(case, after, STEPS[name])
        waiting.append(name)
        if changed == case:
            waiting.pop()
            continue
        case = changed
        try:
            usd = held_usd if name == "demand" else cost(case)
        except PlacementError:
            continue  # the tables do not fit together half changed: the next step takes both
        steps.append(Step(name=" and ".join(waiting), change_usd=usd - at_usd))
        at_usd, waiting = usd, []
    if waiting:  # nothing of the last group changed, so what waits is all that is left
        steps.append(Step(name=" and ".join(waiting), change_usd=held_usd - at_usd))
        at_usd = held_usd
    return (*steps, Step(name="decisions", change_usd=plan_usd - at_usd))


def _with(case: Case, after: Case, names: tuple[str, ...]) -> Case:
    values: dict[str, Any] = {name: getattr(after, name) for name in names}
    return replace(case, **values)
