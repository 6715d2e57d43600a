"""From a forecast's quantiles to the scenarios of a plan.

A case's own scenarios name a quantile for all demand at once. Here demand is sampled, service by service and place by
place, and reduced to a few representatives, each crossed with what else the case's scenarios say may happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from optimizer.domain.calendar import HOURS_PER_DAY
from optimizer.domain.case import Case
from optimizer.domain.demand import Demand, DemandUnit, Quantity, Scenario, values_at
from optimizer.domain.surface import Floats, Ints
from optimizer.errors import ConfigError
from optimizer.scenarios.deviates import Correlation, deviates
from optimizer.scenarios.reduction import Representatives, representatives

DAYS_PER_MONTH = 365.25 / 12
FLOPS_PER_PARAMETER = 2.0
ACCELERATOR_FLOPS_PER_S = 4e14  # of an accelerator asked for by count, beside work asked for in tokens: 40 % of an H100's peak in BF16


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """A case whose scenarios were sampled."""

    case: Case
    samples: int
    error: float  # spread of compute that the representatives leave out, as a share of that which one alone leaves out

    @property
    def note(self) -> str:
        count = len(self.case.scenarios)
        return f"{count} scenarios stand for {self.samples} samples of demand and leave out {self.error:.0%} of their spread"


def sample_scenarios(case: Case, *, count: int, samples: int, correlation: Correlation, seed: int) -> Sampled:
    """The case with `count` scenarios in place of its own.

    Demand rows with quantiles are sampled; rows with a mean are certain. The case's own scenarios that differ in more than
    demand (market prices and whatever else happens) stay apart, each with its probability and its own share of the
    `count`; their demand quantiles and demand multipliers give way to the samples.

    Raises:
      ConfigError: `count` is less than the case's own scenarios that differ in more than demand, or there is nothing to sample.
    """
    rows = [row for row in case.demand if row.mean is None and row.period in {period.name for period in case.calendar.periods}]
    if not rows:
        rule, remedy = "needs demand rows with p10, p50 and p90", "Give quantiles in demand, or leave scenarios.count out."
        raise ConfigError("scenarios.count", rule, "none", remedy)
    events = _events(case.scenarios)
    shares = _allotment(events, count)
    z = _deviates_of(rows, case, correlation, samples=samples, seed=seed)
    found = representatives(_compute(rows, case, z), max(shares))
    scenarios = []
    for event, share in zip(events, shares, strict=True):
        weights = found.probabilities(share)
        for i in range(share):
            name = f"s{i + 1:02d}" if len(events) == 1 else f"{event.name}_{i + 1:02d}"
            own = _by_row(rows, z[found.order[i]])
            scenarios.append(replace(event, name=name, probability=float(event.probability * weights[i]), deviates=own))
    kept = tuple(scenario for scenario in scenarios if scenario.probability > 0)
    return Sampled(case=replace(case, scenarios=kept), samples=samples, error=_error(found, events, shares))


def outside_scenarios(case: Case, *, count: int, correlation: Correlation, seed: int) -> tuple[tuple[Scenario, ...], Ints]:
    """Samples of demand, not reduced, each with something of what else the case's scenarios say may happen, drawn by probability.

    Args:
      seed: another one than that of the scenarios planned for.

    Returns:
      Scenarios of equal probability, and for each the number of the case's scenario whose prices and contracts it has, [count]. None of
      either where nothing is uncertain in the case's demand.
    """
    rows = [row for row in case.demand if row.mean is None and row.period in {period.name for period in case.calendar.periods}]
    if not rows:
        return (), np.zeros(0, dtype=np.int64)
    events = _events(case.scenarios)
    first = [_first_like(case.scenarios, event) for event in events]
    chance = np.array([event.probability for event in events])
    drawn = np.random.default_rng(seed).choice(len(events), size=count, p=chance / chance.sum())
    z = _deviates_of(rows, case, correlation, samples=count, seed=seed)
    named = [(row.workload, row.origin, row.period) for row in rows]
    scenarios = tuple(
        replace(events[e], name=f"outside {i + 1}", probability=1.0 / count, deviates=dict(zip(named, z[i].tolist(), strict=True)))
        for i, e in enumerate(drawn)
    )
    return scenarios, np.array(first, dtype=np.int64)[drawn]


def _first_like(scenarios: tuple[Scenario, ...], event: Scenario) -> int:
    """The first scenario in which the same happens besides demand."""
    return next(s for s, scenario in enumerate(scenarios) if _bare(scenario, event) == event)


def _bare(scenario: Scenario, event: Scenario) -> Scenario:
    """The scenario without what it says of demand, under the name and probability of an event."""
    others = tuple(row for row in scenario.multipliers if row.quantity is not Quantity.DEMAND)
    return replace(scenario, multipliers=others, demand_quantile=0.5, deviates={}, name=event.name, probability=event.probability)


def _events(scenarios: tuple[Scenario, ...]) -> list[Scenario]:
    """What may happen besides demand, each once with its whole probability, named after its first scenario."""
    found: dict[str, Scenario] = {}
    for scenario in scenarios:
        bare = _bare(scenario, scenario)
        same = next((name for name, event in found.items() if replace(bare, name=name, probability=event.probability) == event), None)
        if same is None:
            found[scenario.name] = bare
        else:
            found[same] = replace(found[same], probability=found[same].probability + scenario.probability)
    return list(found.values())


def _allotment(events: list[Scenario], count: int) -> list[int]:
    """Scenarios for each event: one at least, the rest by probability (largest remainders; ties to the first)."""
    if count < len(events):
        rule = f"must be at least {len(events)}: the case's scenarios differ so often in more than demand"
        raise ConfigError("scenarios.count", rule, count, "Ask for more, or merge rows of scenarios.")
    ideal = [event.probability * (count - len(events)) for event in events]
    shares = [1 + int(share) for share in ideal]
    by_remainder = sorted(range(len(events)), key=lambda e: (int(ideal[e]) - ideal[e], e))
    for e in by_remainder[: count - sum(shares)]:
        shares[e] += 1
    return shares


def _deviates_of(rows: list[Demand], case: Case, correlation: Correlation, *, samples: int, seed: int) -> Floats:
    """[N, R] normal deviate of each row."""
    streams = list(dict.fromkeys((row.workload, row.origin) for row in rows))
    workload = indices([name for name, _ in streams])
    origin = indices([place for _, place in streams])
    months = np.array([((period.start - case.calendar.start).days + period.days / 2) / DAYS_PER_MONTH for period in case.calendar.periods])
    z = deviates(correlation, workload=workload, origin=origin, months=months, samples=samples, seed=seed)
    period = {period.name: t for t, period in enumerate(case.calendar.periods)}
    stream = {key: d for d, key in enumerate(streams)}
    return z[:, [stream[row.workload, row.origin] for row in rows], [period[row.period] for row in rows]]


def indices(names: list[str] | list[str | None]) -> Ints:
    """A number for each name, the same for the same name, counted as they come."""
    place = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([place[name] for name in names], dtype=np.int64)


def _compute(rows: list[Demand], case: Case, z: Floats) -> Floats:
    """[N, F] floating-point operations asked for by each workload in each period: what distances are measured in."""
    values = values_at(np.array([[row.p10, row.p50, row.p90] for row in rows], dtype=np.float64), z)
    weighted = values * _flops(rows, case)
    feature = indices([f"{row.workload} {row.period}" for row in rows])
    total = np.zeros((len(z), int(feature.max()) + 1))
    np.add.at(total.T, feature, weighted.T)
    return np.asarray(total / max(float(total.mean(axis=0).sum()), np.finfo(np.float64).tiny))


def _flops(rows: list[Demand], case: Case) -> Floats:
    """[R] operations that one unit of the row's demand asks for over its period."""
    model = {workload.name: workload.model for workload in case.workloads}
    active = {model.name: model.active_parameters_b * 1e9 for model in case.models}
    seconds = {period.name: period.days * HOURS_PER_DAY * 3600.0 for period in case.calendar.periods}

    def per_unit(row: Demand) -> float:
        name = model[row.workload]
        per_token = FLOPS_PER_PARAMETER * (active[name] if name is not None else 1e9)
        if row.unit is DemandUnit.ACCELERATORS:
            return ACCELERATOR_FLOPS_PER_S
        if row.unit is DemandUnit.TOKENS_PER_DAY:
            return per_token / (HOURS_PER_DAY * 3600.0)
        return per_token * ((row.prompt_tokens or 0.0) + (row.output_tokens or 0.0))

    return np.array([per_unit(row) * seconds[row.period] for row in rows])


def _by_row(rows: list[Demand], z: Floats) -> Mapping[tuple[str, str | None, str], float]:
    return {(row.workload, row.origin, row.period): float(deviate) for row, deviate in zip(rows, z, strict=True)}


def _error(found: Representatives, events: list[Scenario], shares: list[int]) -> float:
    return sum(event.probability * found.error(share) for event, share in zip(events, shares, strict=True))
