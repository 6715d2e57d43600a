"""How a plan's services behave around the plan: latency as a pool of replicas fills, accelerators as the load grows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from optimizer.domain.case import Case
from optimizer.domain.plan import Plan
from optimizer.domain.surface import Floats, Ints, Needs
from optimizer.planning.serving_needs import replicas_needed, ttft_percentiles_ms

SECONDS_PER_HOUR = 3600.0
SECONDS_PER_DAY = 24.0 * SECONDS_PER_HOUR
PER_MILLION = 1e6


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service's busiest load in a pool where the plan has it, at its busiest minute."""

    load: str
    workload: str
    pool: str
    accelerator: str
    replica: int  # accelerators
    requests_per_s: float  # of one replica, full
    tokens_per_request: float  # prompt and output
    prompt_share: float  # of these tokens
    mean_share: float  # mean requests/s of the busiest period over those of the busiest minute
    ttft_ms: float  # in a replica, no wait for one and no network
    round_trip_ms: float
    ttft_limit_ms: float | None  # 95th percentile, network included
    arrivals_per_s: float
    prices: tuple[tuple[str, float], ...]  # kinds of market offers in the pool, and the first price of each, USD per accelerator-hour

    @property
    def replicas(self) -> int:
        """That the busiest minute needs."""
        return int(self.replicas_for(np.array([self.arrivals_per_s]))[0])

    @property
    def utilisation(self) -> float:
        """Load per replica."""
        return self.arrivals_per_s / (self.replicas * self.requests_per_s)

    def ttft_percentiles_ms(self, utilisation: Floats) -> Floats:
        """50th, 95th and 99th percentile of TTFT of the busiest minute's replicas, network included, [K, 3].

        Args:
          utilisation: [K] load per replica, below 1.
        """
        servers = np.full(len(utilisation), float(self.replicas))
        rate = np.full(len(utilisation), self.requests_per_s)
        first = np.full(len(utilisation), self.ttft_ms + self.round_trip_ms)
        return ttft_percentiles_ms(utilisation * servers * rate, rate, servers, first)

    def replicas_for(self, arrivals_per_s: Floats) -> Ints:
        """Replicas that keep the limit on TTFT at steady loads, [K]."""
        limit = np.inf if self.ttft_limit_ms is None else self.ttft_limit_ms - self.ttft_ms - self.round_trip_ms
        each = np.ones(len(arrivals_per_s))
        return replicas_needed(arrivals_per_s[:, None, None], each * self.requests_per_s, each * limit).reshape(-1)

    def million_tokens_per_accelerator_hour(self, arrivals_per_s: Floats) -> Floats:
        """Of steady loads, [K]; a price over this is USD per million tokens."""
        tokens = arrivals_per_s * self.tokens_per_request * SECONDS_PER_HOUR / PER_MILLION
        return np.asarray(tokens / (self.replicas_for(arrivals_per_s) * self.replica))


def services(case: Case, needs: Needs, plan: Plan) -> tuple[Service, ...]:
    """One for each workload that the serving equations serve and the plan places, most accelerators first."""
    most = needs.need.max(axis=(1, 2, 3), initial=0)
    placed = (plan.decisions.placed[needs.pair_load] == needs.pair_pool[:, None]).any(axis=1)
    shown = np.flatnonzero(placed & (most > 0) & np.isfinite(needs.arrivals_per_s))
    chosen: dict[str, int] = {}
    for n in sorted(shown.tolist(), key=lambda n: -int(most[n])):
        chosen.setdefault(needs.loads[needs.pair_load[n]].workload, n)
    return tuple(_service(case, needs, n) for n in chosen.values())


def _service(case: Case, needs: Needs, n: int) -> Service:
    load, pool = needs.loads[needs.pair_load[n]], case.pools[needs.pair_pool[n]]
    workload = next(row for row in case.workloads if row.name == load.workload)
    rate, replica = float(needs.replica_requests_per_s[n]), int(needs.replica[n])
    tokens_per_request, arrivals = float(needs.tokens_per_s[n]) * replica / rate, float(needs.arrivals_per_s[n])
    prompt, output = (figure[needs.pair_load[n]] for figure in (needs.input_tokens, needs.output_tokens))
    seconds = np.array([period.days * SECONDS_PER_DAY for period in case.calendar.periods])
    rates = (prompt + output) / seconds[:, None]
    t, s = np.unravel_index(int(rates.argmax()), rates.shape)
    return Service(
        load=load.name,
        workload=workload.name,
        pool=pool.name,
        accelerator=pool.accelerator,
        replica=replica,
        requests_per_s=rate,
        tokens_per_request=tokens_per_request,
        prompt_share=float(prompt[t, s] / (prompt[t, s] + output[t, s])),
        mean_share=min(1.0, float(rates[t, s]) / (tokens_per_request * arrivals)),
        ttft_ms=float(needs.replica_ttft_ms[n]),
        round_trip_ms=float(needs.round_trip_ms[n]),
        ttft_limit_ms=workload.ttft_p95_ms,
        arrivals_per_s=arrivals,
        prices=_prices(case, pool.name),
    )


def _prices(case: Case, pool: str) -> tuple[tuple[str, float], ...]:
    offers = sorted((offer for offer in case.offers if offer.pool == pool), key=lambda offer: offer.start or date.min)
    first: dict[str, float] = {}
    for offer in offers:
        first.setdefault(str(offer.kind), offer.price)
    return tuple(first.items())
