"""What pools charge for use, in merit order, in each period, block and scenario by itself: kernels for a search that moves loads.

Contracts come first, then the market by price, then shortage. Flexible work comes after what is held around the clock: it takes what is
cheapest in any block, spot included, and is missed where that costs less. A contract over several pools is shared out to them, those
with the dearest alternative first. Each draw is charged a share of its price, so that pools can be told apart; what contracts really
settle, interval by interval, is counted from all that is drawn (`settlements`).

Axes as in `market`; T may be a window of the periods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from optimizer.pricing.market import Market

TINY = 1e-6  # accelerator-hours


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Use:
    """Work in pools (P), or what pairs ask of theirs (N)."""

    held: Array  # [., B, T, S] working accelerators held around the clock
    work: Array  # [., T, S] accelerator-hours of flexible work
    limit: Array  # [., T, S] accelerators that flexible work can keep busy at once
    worth: Array  # [., T, S] what missing all the flexible work costs

    def within(self, start: Array, width: int) -> Use:
        """In some periods only."""
        return Use(
            held=window(self.held, start, width, 2),
            work=window(self.work, start, width, 1),
            limit=window(self.limit, start, width, 1),
            worth=window(self.worth, start, width, 1),
        )


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the use of pools costs, and what more would."""

    more: Array  # [N, T] cost of what pairs would add, draws of contracts at their charges
    bare: Array  # [P, T] cost of pools' use, draws of contracts free
    spend: Array  # [K, T, S] what draws of contracts cost at full price


def window(leaf: Array, start: Array, width: int, axis: int) -> Array:
    """Some periods of an array."""
    return lax.dynamic_slice_in_dim(leaf, start, width, axis)


def market_within(market: Market, start: Array, width: int) -> Market:
    """The market in some periods only; what is settled by interval stays."""
    axes = {"hours": 1, "shortage": 1, "held": 1, "price": 1, "interval": 1, "offer_price": 1, "offer_limit": 1}
    parts: dict[str, Any] = {name: window(getattr(market, name), start, width, axis) for name, axis in axes.items()}
    return replace(market, **parts)


def standing(market: Market, excess: Array, use: Use, pool: Array, asks: Use) -> Standing:
    """
    Args:
      excess: [K, I, S] share of its price that a contract's draw is charged.
      pool: [N] pools that pairs are in ...
      asks: [N] ... and what these would add to their use.
    """
    covers, contracts = np.array(market.cover_contract, dtype=np.int32), len(market.held)
    charge = market.price * jnp.take_along_axis(excess, market.interval[:, :, None], axis=1)
    prices = jnp.concatenate([charge[covers], market.offer_price, jnp.zeros_like(market.shortage[:1])])[market.source]
    limit = jnp.broadcast_to(market.offer_limit[:, None, :, None], (len(market.offer_limit), *use.held.shape[1:]))
    widths = jnp.concatenate([_shared_out(market, use), limit, jnp.zeros_like(use.held[:1])])[market.source]
    pools = len(market.works)
    every = jnp.concatenate([jnp.arange(pools, dtype=jnp.int32), pool])
    wanted = jax.tree.map(lambda now, more: jnp.concatenate([now, now[pool] + more]), use, asks)
    cost, used = pool_costs(market, prices[every], market.spot[every], widths[every], wanted, market.works[every], market.shortage[every])
    now, used = cost[:pools], used[:pools]
    contract = jnp.append(covers, jnp.full(len(market.offer_limit) + 1, contracts, dtype=jnp.int32))[market.source]
    hours = jnp.zeros((contracts + 1, *used.shape[2:])).at[contract].add(used)[:-1]
    charged = jnp.where((contract < contracts)[:, :, None, None], used * prices, 0.0)
    return Standing(more=cost[pools:] - now[pool], bare=now - charged.sum((1, 3)), spend=market.price * hours)


def _shared_out(market: Market, use: Use) -> Array:
    """What each covered pair draws, and what its contract has left, [J, B, T, S] accelerators."""
    contract, pool = (jnp.array(of, dtype=jnp.int32) for of in (market.cover_contract, market.cover_pool))
    left = jnp.broadcast_to(market.held[:, None], (len(market.held), *use.held.shape[1:]))
    wanted = jnp.maximum(use.held, 0.0) / market.works[:, None, None, None]
    drawn = jnp.zeros((len(pool), *use.held.shape[1:]))
    for j in market.rounds:
        more = jnp.minimum(wanted[pool[j]], left[contract[j]])
        wanted, left, drawn = wanted.at[pool[j]].add(-more), left.at[contract[j]].add(-more), drawn.at[j].set(more)
    work, limit = (of / market.works[:, None, None] for of in (use.work, use.limit))
    for j in market.rounds:
        room = jnp.minimum(left[contract[j]], limit[pool[j]][:, None])
        possible = jnp.sum(market.hours[None, :, :, None] * room, axis=1)
        share = jnp.minimum(1.0, work[pool[j]] / jnp.maximum(possible, TINY))
        more = share[:, None] * room
        left, drawn = left.at[contract[j]].add(-more), drawn.at[j].add(more)
    return drawn + left[contract]


def pool_costs(market: Market, prices: Array, spot: Array, widths: Array, use: Use, works: Array, shortage: Array) -> tuple[Array, Array]:
    """Cost of some use in each of some pools, [N, T], and accelerator-hours drawn from each source, [N, Z, T, S].

    Args:
      prices, spot, widths, use, works, shortage: as in `standing` and `Market`, with N in place of P.
    """
    hours, firm_works = market.hours[None, :, :, None], works[:, None, None, None]
    wanted, spent, free, drawn = jnp.maximum(use.held, 0.0) / firm_works, jnp.zeros_like(use.held), [], []
    for z in range(widths.shape[1]):
        taken = jnp.where(spot[:, z, None, None, None], 0.0, jnp.minimum(wanted, widths[:, z]))
        wanted, spent = wanted - taken, spent + taken * prices[:, z, None]
        free.append(widths[:, z] - taken)
        drawn.append(jnp.sum(hours * taken, axis=1))
    spent = spent + wanted * firm_works * shortage[:, None]
    work, room = use.work / works[:, None, None], jnp.broadcast_to((use.limit / works[:, None, None])[:, None], use.held.shape)
    missing, flexible = jnp.where(work > TINY, use.worth / jnp.maximum(work, TINY), 0.0), jnp.zeros_like(work)
    for z in range(widths.shape[1]):
        usable = jnp.minimum(free[z], room)
        most = jnp.sum(hours * usable, axis=1)
        done = jnp.where(prices[:, z] < missing, jnp.minimum(work, most), 0.0)
        room = room - usable * (done / jnp.maximum(most, TINY))[:, None]
        work, flexible, drawn[z] = work - done, flexible + done * prices[:, z], drawn[z] + done
    total = jnp.sum(hours * spent, axis=(1, 3)) + jnp.sum(flexible + jnp.maximum(work, 0.0) * missing, axis=2)
    return total, jnp.stack(drawn, axis=1)


def settlements(market: Market, spend: Array) -> Array:
    """What contracts charge for draws, commitments aside: spend above them, or what is missing to the minimum, [].

    Args:
      spend: [K, T, S] of all periods.
    """
    by_interval = spend_by_interval(market, spend)
    return jnp.sum(jnp.maximum(jnp.maximum(by_interval - market.committed, market.owed), 0.0))


def spend_by_interval(market: Market, spend: Array) -> Array:
    """[K, I, S]."""
    intervals = market.committed.shape[1]
    at = (market.interval[:, :, None] == jnp.arange(intervals, dtype=jnp.int32)[None, None]).astype(spend.dtype)
    return jnp.einsum("kts,kti->kis", spend, at)
