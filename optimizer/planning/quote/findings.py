"""What a study comes to: a verdict on each quote, which of exclusive options is best, and all quotes in one order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from optimizer.planning.plan import PlanResult
from optimizer.planning.quote.break_even import Interval, Range, Verdict
from optimizer.planning.quote.curve import break_even_lots
from optimizer.planning.quote.study import Asked
from optimizer.planning.quote.values import UnitValue, unit_value


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One quote judged. Prices are USD per accelerator-hour that is paid for, money is discounted and expected."""

    asked: Asked
    interval: Interval  # factors on the offered price
    lots: tuple[int, int]  # fewest and most that the break-even quantity may be
    without: Range
    with_all: Range  # of the quote, at the offered price
    joint_lots: int  # signed by the plan that is free to
    avoidable_share: float  # its payments over the cost that decisions can change
    value_with: UnitValue | None  # of the cheapest plans known
    value_without: UnitValue | None

    @property
    def name(self) -> str:
        return self.asked.contract.name

    @property
    def verdict(self) -> Verdict:
        return self.interval.verdict

    @property
    def offered(self) -> float:
        return self.asked.paid.price

    @property
    def break_even(self) -> tuple[float, float]:
        return self.interval.low * self.offered, self.interval.high * self.offered

    @property
    def break_even_found(self) -> float | None:
        """Price at which the cheapest plans known with and without the quote cost the same; nobody has proven it."""
        return self._price(self.asked.evidence.found)

    @property
    def break_even_relaxed(self) -> float | None:
        """Price at which as much is proven of plans with the quote as without: what it is worth where loads and lots may be split."""
        return self._price(self.asked.evidence.relaxed)

    def _price(self, factor: float | None) -> float | None:
        return None if factor is None else self.offered * factor

    @property
    def quantities(self) -> tuple[float, float]:
        """Fewest and most accelerators that the break-even quantity may be."""
        per_lot = self.asked.evidence.accelerators_per_lot
        return self.lots[0] * per_lot, self.lots[1] * per_lot

    @property
    def saving(self) -> tuple[float, float]:
        """By which signing all of it lowers the least cost, at least and at most."""
        return self.without.low_usd - self.with_all.high_usd, self.without.high_usd - self.with_all.low_usd

    @property
    def likely_saving(self) -> float:
        """Of the cheapest plans known; the end that is known where there is only one."""
        known = self.without.high_usd - self.with_all.high_usd
        ends = [end for end in (known, *self.saving) if math.isfinite(end)]
        return ends[0] if ends else -math.inf


def finding(joint: PlanResult, asked: Asked) -> Finding:
    evidence, variants = asked.evidence, asked.evidence.variants
    avoidable = joint.objective_usd - joint.verification.sunk_usd - joint.verification.shortage_usd
    plans = (evidence.best_plan(lots) for lots in (evidence.lots, 0))
    values = [
        None if plan is None else unit_value(variants.case, variants.problem, plan, asked.contract.name, variants.annual_discount_rate)
        for plan in plans
    ]
    return Finding(
        asked=asked,
        interval=evidence.break_even(),
        lots=break_even_lots(evidence),
        without=evidence.without,
        with_all=evidence.range(evidence.lots),
        joint_lots=int(joint.plan.decisions.lots[variants.contract]),
        avoidable_share=asked.paid_usd / avoidable if avoidable > 0 else math.inf,
        value_with=values[0],
        value_without=values[1],
    )


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """What saves most first, as far as the cheapest plans known say."""
    return sorted(findings, key=lambda found: (-found.likely_saving, found.name))


def rank_is_certain(order: Sequence[Finding], place: int) -> bool:
    """Whether each quote before this one is proven to save at least as much, and each after it at most."""
    low, high = order[place].saving
    return all(other.saving[0] >= high for other in order[:place]) and all(low >= other.saving[1] for other in order[place + 1 :])


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Exclusive options beside each other."""

    group: str
    options: tuple[Finding, ...]  # cheapest plan first
    certain: bool  # whether no plan with another option costs less than the one known with the first

    @property
    def best(self) -> Finding:
        return self.options[0]


def choices(findings: Sequence[Finding]) -> list[Choice]:
    """Groups of which at least two options were asked about."""
    groups: dict[str, list[Finding]] = {}
    for found in findings:
        if found.asked.contract.option_group is not None:
            groups.setdefault(found.asked.contract.option_group, []).append(found)
    result = []
    for group, members in sorted(groups.items()):
        order = sorted(members, key=lambda found: (found.with_all.high_usd, found.name))
        if len(order) > 1:
            certain = all(order[0].with_all.high_usd <= other.with_all.low_usd for other in order[1:])
            result.append(Choice(group=group, options=tuple(order), certain=certain))
    return result
