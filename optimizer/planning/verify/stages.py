"""Nothing is decided on what is not known yet: copies of a contract in groups of scenarios go together until the groups part."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from optimizer.domain.contract import Contract
from optimizer.planning.verify.position import Position


def stage_breaks(position: Position) -> Iterator[str]:
    """What differs between groups of scenarios although it is decided before they are told apart."""
    copies: dict[str, list[int]] = {}
    for k, contract in enumerate(position.contracts):
        if contract.copy_of is not None:
            copies.setdefault(contract.copy_of, []).append(k)
    for name, rows in copies.items():
        for i, a in enumerate(rows):
            for b in rows[i + 1 :]:
                yield from _differences(position, name, a, b)


def _differences(position: Position, name: str, a: int, b: int) -> Iterator[str]:
    one, other = position.contracts[a], position.contracts[b]
    known = _told_apart(position, one.only_in[0], other.only_in[0])
    signed = one.start if one.sign_by is None else one.sign_by
    if position.lots[a] != position.lots[b] and (known is None or signed < known):
        yield f"contract {name}: {position.lots[a]} and {position.lots[b]} lots are held by groups that are not told apart by {signed}"
    for t, period in enumerate(position.case.calendar.periods):
        by = period.start - timedelta(days=_notice(one))
        if position.exits[a, t] != position.exits[b, t] and (known is None or by < known):
            left = f"{position.exits[a, t]} and {position.exits[b, t]} lots are left in {period.name}"
            yield f"contract {name}: {left} by groups that are not told apart by {by}"


def _told_apart(position: Position, one: str, other: str) -> date | None:
    """First day on which two scenarios are in different groups."""
    groups: dict[date, dict[str, str]] = {}
    for stage in position.case.stages:
        groups.setdefault(stage.decided_on, {})[stage.scenario] = stage.group
    days = [day for day, group in groups.items() if group.get(one) != group.get(other)]
    return min(days) if days else None


def _notice(contract: Contract) -> float:
    return float(contract.notice_days) if isinstance(contract.notice_days, (int, float)) else 0.0
