"""A walk among placements: some loads are taken out together and put back one by one, each where that is cheapest while all others stay.

What comes out is kept if it is cheaper, or, at a temperature, if it is not much dearer. Each step looks at a window of periods, one or all:
periods hardly touch one another but for moves, so steps in one period are as good as steps in all and cost a part of them. All steps of a
call run on the device.

Axes as in `places`, and `M` loads taken out in one step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from optimizer.compiling import QUICK, SOON
from optimizer.pricing.market import Market
from optimizer.pricing.merit import TINY, Standing, Use, market_within, settlements, spend_by_interval, standing, window
from optimizer.pricing.places import FORBIDDEN, Places, cost_besides, elsewhere, ends_of, moves_on, put, rows_of

MOST = 6  # loads taken out in one step


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Walker:
    """Where loads are, and what follows from it."""

    slot: Array  # [L, T]
    use: Use  # [P]
    traffic: Array  # [sites, T]
    moves: Array  # [T]
    bare: Array  # [P, T] as in `Standing`
    spend: Array  # [K, T, S]
    total: Array  # [] cost of capacity, egress, moving and what is not placed


def stand(market: Market, places: Places, excess: Array, slot: Array, runs: Array) -> Walker:
    """A walker with loads on these paths.

    Args:
      slot: [L, T].
      runs: [P, B, T, S] accelerators that training runs hold.
    """
    with jax.enable_x64(False):
        walker: Walker = _stand(market, places, excess, slot, runs)
    return walker


@partial(jax.jit, compiler_options=QUICK)
def _stand(market: Market, places: Places, excess: Array, slot: Array, runs: Array) -> Walker:
    pools, _, periods, scenarios = runs.shape
    none = jnp.zeros((pools, periods, scenarios))
    use, traffic = Use(held=runs, work=none, limit=none, worth=none), jnp.zeros((len(places.bandwidth), periods))

    def put_in(load: Array, now: tuple[Use, Array]) -> tuple[Use, Array]:
        return put(places, *now, load, slot[load], jnp.int32(0), 1.0)

    use, traffic = lax.fori_loop(0, len(slot), put_in, (use, traffic))
    loads = jnp.arange(len(slot), dtype=jnp.int32)
    moves = jnp.sum(jax.vmap(partial(moves_on, places))(loads, slot), axis=0)
    found = _alone(market, excess, use)
    total = jnp.sum(found.bare) + settlements(market, found.spend) + jnp.sum(jax.vmap(partial(cost_besides, places))(loads, slot))
    return Walker(slot=slot, use=use, traffic=traffic, moves=moves, bare=found.bare, spend=found.spend, total=total)


def walk(
    market: Market, places: Places, excess: Array, likely: Array, walker: Walker, key: Array, temperature: Array, *, steps: int, width: int
) -> tuple[Walker, Array]:
    """Some steps, each in `width` periods; and where the spend of contracts then stands to their commitments, [K, I, S].

    Args:
      likely: [N, T] logarithm of how likely each pair is to be looked at.
      temperature: units of money.
    """
    with jax.enable_x64(False):
        end, over = _walk(market, places, excess, likely, walker, key, temperature, steps, width)
    return end, over


@partial(jax.jit, static_argnames=("steps", "width"), compiler_options=SOON)
def _walk(
    market: Market, places: Places, excess: Array, likely: Array, walker: Walker, key: Array, temperature: Array, steps: int, width: int
) -> tuple[Walker, Array]:
    def step(now: Walker, key: Array) -> tuple[Walker, None]:
        return _step(market, places, excess, likely, now, key, temperature, width), None

    walker, _ = lax.scan(step, walker, jax.random.split(key, steps))
    return walker, spend_over(market, walker.spend)


def _step(
    market: Market, places: Places, excess: Array, likely: Array, walker: Walker, key: Array, temperature: Array, width: int
) -> Walker:
    pick, often, luck, when = jax.random.split(key, 4)
    start = jax.random.randint(when, (), 0, walker.slot.shape[1] - width + 1)
    chosen = _chosen(places, likely, walker, pick, start)
    count = jax.random.randint(often, (), min(2, len(chosen)), len(chosen) + 1)
    part = market_within(market, start, width)
    old = walker.slot[chosen]
    taken = jnp.arange(len(chosen)) < count

    def take_out(i: Array, now: tuple[Use, Array]) -> tuple[Use, Array]:
        return put(places, *now, chosen[i], window(old[i], start, width, 0), start, -1.0)

    traffic = window(walker.traffic, start, width, 1)
    use, traffic = lax.fori_loop(0, count, take_out, (walker.use.within(start, width), traffic))
    moved = jax.vmap(partial(moves_on, places))(chosen, old)
    moves = walker.moves - jnp.sum(jnp.where(taken[:, None], moved, 0.0), axis=0)

    def put_back(i: Array, now: _Inside) -> _Inside:
        return _put_back(part, places, excess, now, chosen, i, count, start, width)

    inside = _Inside(paths=old, use=use, traffic=traffic, moves=moves, bare=window(walker.bare, start, width, 1), spend=_none(part))
    inside = lax.fori_loop(0, count + 1, put_back, inside)
    besides = jax.vmap(partial(cost_besides, places))
    spend = lax.dynamic_update_slice_in_dim(walker.spend, inside.spend, start, 1)
    more = jnp.sum(inside.bare) - jnp.sum(window(walker.bare, start, width, 1))
    more += settlements(market, spend) - settlements(market, walker.spend)
    more += jnp.sum(jnp.where(taken, besides(chosen, inside.paths) - besides(chosen, old), 0.0))
    luckily = more < -temperature * jnp.log(jax.random.uniform(luck, (), minval=1e-6))
    over = _broken(places, inside.moves, inside.traffic)
    over_before = _broken(places, walker.moves, window(walker.traffic, start, width, 1))
    keep = (over < over_before) | ((over == over_before) & luckily)
    return _kept(walker, inside, chosen, old, spend, more, keep, start)


def _broken(places: Places, moves: Array, traffic: Array) -> Array:
    """By how much moves and traffic exceed what is allowed, []: a walk that begins so mends it at any price."""
    above = jnp.maximum(moves - places.most_moves, 0.0), jnp.maximum(traffic - places.bandwidth[:, None], 0.0)
    return sum((jnp.sum(part) for part in above), jnp.zeros((), moves.dtype))


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class _Inside:
    """A window during a step."""

    paths: Array  # [M, T] of the loads that were taken out
    use: Use
    traffic: Array
    moves: Array  # [T]
    bare: Array  # [P, V] before the last load was put back
    spend: Array  # [K, V, S] likewise


def _chosen(places: Places, likely: Array, walker: Walker, key: Array, start: Array) -> Array:
    """A load, and others that are in its pool or in one that it may want, [M]."""
    which, where, others = jax.random.split(key, 3)
    load = jax.random.randint(which, (), 0, len(walker.slot))
    rows = rows_of(places, load)
    wish = jnp.where(jnp.arange(places.slots - 1) < places.count[load], likely[rows, start], -jnp.inf)
    wanted = places.pool[rows[jnp.argmax(wish + jax.random.gumbel(where, wish.shape))]]
    now = walker.slot[:, start]
    pool = jnp.where(now < places.slots - 1, places.pool[places.first + jnp.minimum(now, places.slots - 2)], -1)
    score = jax.random.uniform(others, pool.shape) + ((pool == wanted) | (pool == pool[load])).astype(jnp.float32)
    return lax.top_k(score.at[load].set(3.0), min(MOST, len(pool)))[1]


def _put_back(
    part: Market, places: Places, excess: Array, now: _Inside, chosen: Array, i: Array, count: Array, start: Array, width: int
) -> _Inside:
    """The i-th load on its cheapest path; after the last one, what all cost."""
    load = chosen[jnp.minimum(i, len(chosen) - 1)]
    rows = rows_of(places, load)
    asks = jax.tree.map(lambda leaf: lax.dynamic_slice_in_dim(leaf, places.first[load], places.slots - 1), places.asks).within(start, width)
    asks = replace(asks, held=asks.held.astype(jnp.float32))
    found: Standing = standing(part, excess, now.use, places.pool[rows], asks)
    traffic = window(places.traffic[load], start, width, 0)
    fits = now.traffic[places.site[rows]] + traffic[None] <= places.bandwidth[places.site[rows], None]
    may = fits & (jnp.arange(places.slots - 1) < places.count[load])[:, None]
    stay = jnp.where(may, found.more + window(places.cost[rows], start, width, 1), FORBIDDEN)
    stay = jnp.concatenate([stay, window(places.unplaced[load], start, width, 0)[None]])
    room = jnp.append(now.moves + 1.0 <= places.most_moves, True)
    before = now.paths[jnp.minimum(i, len(chosen) - 1)]
    slot = _best_path(places, load, stay, before, start, room)
    if places.last is not None:
        slot = _or_back(places, load, stay, before, start, room, slot)
    path = lax.dynamic_update_slice(before, slot, (start,))
    there = i < count
    use, traffic = put(places, now.use, now.traffic, load, slot, start, there.astype(jnp.float32))
    return _Inside(
        paths=now.paths.at[i].set(jnp.where(there, path, before), mode="drop"),
        use=use,
        traffic=traffic,
        moves=now.moves + jnp.where(there, moves_on(places, load, path), 0.0),
        bare=found.bare,
        spend=found.spend,
    )


def _or_back(places: Places, load: Array, stay: Array, path: Array, start: Array, room: Array, slot: Array) -> Array:
    """The slots in a window, or those of the last plan where the others save less than the load is charged for them, [V]."""
    assert places.last is not None
    width, away = len(slot), elsewhere(places, load, path)
    at = jnp.arange(len(path))
    outside = jnp.any(away & ((at < start) | (at >= start + width)))
    last = window(places.last[load], start, width, 0)
    back = jnp.where(last >= 0, last, slot)
    charged = jnp.where(outside, 0.0, places.charge)
    saving = _along(places, load, stay, path, start, room, back) - _along(places, load, stay, path, start, room, slot)
    return jnp.where(saving > charged, slot, back)


def _along(places: Places, load: Array, stay: Array, path: Array, start: Array, room: Array, slot: Array) -> Array:
    """Cost of slots in a window, [V], between what a path [T] has before and after it, [].

    Args:
      stay, room: as in `_best_path`.
    """
    last, after = places.slots - 1, start + len(slot)
    enter, leave = ends_of(places, load)
    first = jnp.where(start > 0, path[start - 1], places.before[load])
    follows = jnp.where(after < len(path), path[jnp.minimum(after, len(path) - 1)], slot[-1])
    now, then = jnp.concatenate([first[None], slot]), jnp.append(slot, follows)
    at = start + jnp.arange(len(slot) + 1)
    moving = (leave[jnp.minimum(now, last)] + enter[then]) * jnp.append(places.discount, 0.0)[at]
    moving = jnp.where((then == last) | room[at], moving, FORBIDDEN)
    return jnp.sum(stay[slot, jnp.arange(len(slot))]) + jnp.sum(jnp.where((now == then) | (now > last), 0.0, moving))


def _alone(market: Market, excess: Array, use: Use) -> Standing:
    """`standing` with no pair asking for anything."""
    return standing(market, excess, use, jnp.zeros(0, dtype=jnp.int32), jax.tree.map(lambda leaf: leaf[:0], use))


def _none(part: Market) -> Array:
    """[K, V, S]"""
    return jnp.zeros_like(part.price)


def _best_path(places: Places, load: Array, stay: Array, path: Array, start: Array, room: Array) -> Array:
    """Cheapest slots in a window, [V], between what a path [T] has before and after it.

    Args:
      stay: [Q, V] cost of each slot.
      room: [T + 1] whether one more load may enter a pool.
    """
    periods, last, slots = len(path), places.slots - 1, jnp.arange(places.slots, dtype=jnp.int32)
    enter, leave = ends_of(places, load)
    discount = jnp.append(places.discount, 0.0)

    def change(left: Array | float, t: Array) -> Array:
        return jnp.where((slots == last) | room[t], (left + enter) * discount[t], FORBIDDEN)

    earlier = jnp.where(start > 0, path[start - 1], places.before[load])
    first = jnp.where(slots == earlier, 0.0, change(leave[jnp.minimum(earlier, last)], start))
    begun = jnp.where(earlier > last, 0.0, first) + stay[:, 0]

    def period(best: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        leaving = best + leave * discount[now[0]]
        source = jnp.argmin(leaving).astype(jnp.int32)
        changed = leaving[source] + change(0.0, now[0])
        return jnp.minimum(best, changed) + now[1], jnp.where(changed < best, source, slots)

    best, came = lax.scan(period, begun, (start + 1 + jnp.arange(stay.shape[1] - 1), stay[:, 1:].T))
    after = start + stay.shape[1]
    later = path[jnp.minimum(after, periods - 1)]
    allowed = (slots == later) | (later == last) | room[after]
    onward = jnp.where(slots == later, 0.0, jnp.where(allowed, (leave + enter[later]) * discount[after], FORBIDDEN))
    end = jnp.argmin(best + jnp.where(after < periods, onward, 0.0)).astype(jnp.int32)
    first_slot, others = lax.scan(lambda at, source: (source[at], at), end, came, reverse=True)
    return jnp.append(first_slot, others)


def _kept(walker: Walker, inside: _Inside, chosen: Array, old: Array, spend: Array, more: Array, keep: Array, start: Array) -> Walker:
    """The walker after the step, or as it was."""

    def pasted(whole: Array, part: Array, axis: int) -> Array:
        before = window(whole, start, part.shape[axis], axis)
        return lax.dynamic_update_slice_in_dim(whole, jnp.where(keep, part, before), start, axis)

    use = Use(
        held=pasted(walker.use.held, inside.use.held, 2),
        work=pasted(walker.use.work, inside.use.work, 1),
        limit=pasted(walker.use.limit, inside.use.limit, 1),
        worth=pasted(walker.use.worth, inside.use.worth, 1),
    )
    return replace(
        walker,
        slot=walker.slot.at[chosen].set(jnp.where(keep, inside.paths, old)),
        use=use,
        traffic=pasted(walker.traffic, inside.traffic, 1),
        moves=jnp.where(keep, inside.moves, walker.moves),
        bare=pasted(walker.bare, inside.bare, 1),
        spend=jnp.where(keep, spend, walker.spend),
        total=walker.total + jnp.where(keep, more, 0.0),
    )


def spend_over(market: Market, spend: Array) -> Array:
    """Spend of each interval over its commitment, relative to it, [K, I, S]."""
    return (spend_by_interval(market, spend) - market.committed) / jnp.maximum(market.committed, TINY)
