"""Decisions taken outside the planner: what they leave open, and where a plan goes against them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from optimizer.domain.calendar import Period
from optimizer.domain.case import Case
from optimizer.domain.rules import Pin
from optimizer.domain.surface import Needs
from optimizer.planning.verify.position import Position


def _in_effect(case: Case) -> list[Pin]:
    return [pin for pin in case.pins if pin.expires is None or pin.expires > case.as_of]


def _holds_in(pin: Pin, period: Period) -> bool:
    """A pin holds in the periods that begin before it expires."""
    return pin.period in (None, period.name) and (pin.expires is None or period.start < pin.expires)


def option_allowed(case: Case, needs: Needs) -> NDArray[np.bool_]:
    """Training options that pins leave open, [G]."""
    runs = {run.name: run for run in case.training_runs}
    allowed = np.ones(len(needs.option_run), dtype=np.bool_)
    for pin in _in_effect(case):
        for g in range(len(allowed)):
            run = runs[needs.runs[needs.option_run[g]]]
            if pin.pool is not None and pin.subject in (run.name, run.workload):
                allowed[g] &= _option_fits(pin, g, case, needs)
    return allowed


def _option_fits(pin: Pin, g: int, case: Case, needs: Needs) -> bool:
    there = case.pools[needs.option_pool[g]].name == pin.pool
    held = case.calendar.periods[needs.option_start[g] : needs.option_stop[g]]
    if pin.action == "forbid":
        return not (there and any(_holds_in(pin, period) for period in held))
    return there and (pin.period is None or any(_holds_in(pin, period) for period in held))


def pin_breaks(position: Position) -> Iterator[str]:
    """Pins on loads, training runs and contracts that the plan goes against."""
    for pin in _in_effect(position.case):
        if pin.pool is None:
            yield from _contract_pin(pin, position)
        else:
            yield from _load_pin(pin, position)
            yield from _run_pin(pin, position)


def _contract_pin(pin: Pin, position: Position) -> Iterator[str]:
    for contract, lots in zip(position.contracts, position.lots, strict=True):
        if contract.name != pin.subject:
            continue
        if pin.action == "force" and lots < 1:
            yield f"pin of {pin.owner}: contract {contract.name} must be signed; the plan holds no lot of it"
        if pin.action == "forbid" and lots > 0 and not contract.status.in_force:
            yield f"pin of {pin.owner}: contract {contract.name} must not be signed; the plan signs {lots} lots"


def _load_pin(pin: Pin, position: Position) -> Iterator[str]:
    pools = [pool.name for pool in position.case.pools]
    for i, load in enumerate(position.needs.loads):
        if pin.subject not in (load.name, load.workload):
            continue
        for t, period in enumerate(position.case.calendar.periods):
            there = position.placed[i, t] == pools.index(str(pin.pool))
            if _holds_in(pin, period) and there != (pin.action == "force"):
                rule = "must be in" if pin.action == "force" else "must not be in"
                yield f"pin of {pin.owner}: load {load.name} {rule} {pin.pool} in {period.name}"


def _run_pin(pin: Pin, position: Position) -> Iterator[str]:
    workload = {run.name: run.workload for run in position.case.training_runs}
    for name, g in zip(position.needs.runs, position.option, strict=True):
        if pin.subject not in (name, workload[name]):
            continue
        if g < 0 and pin.action == "force":
            yield f"pin of {pin.owner}: training run {name} must run in {pin.pool}; it does not run"
        if g >= 0 and not _option_fits(pin, int(g), position.case, position.needs):
            rule = "must run in" if pin.action == "force" else "must not run in"
            yield f"pin of {pin.owner}: training run {name} {rule} {pin.pool}" + (f" in {pin.period}" if pin.period else "")
