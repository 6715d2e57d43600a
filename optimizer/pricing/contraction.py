"""What each pair costs in each period at given prices: need x price over blocks and scenarios, and flexible work in its cheapest blocks."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.pricing.work import LoadArrays

UNROLLED = 16  # products of need and price added in one pass over the pairs
LANES = 16  # of a processor's widest registers, in single precision


@jax.custom_vjp
def rigid_cost(need: Array, price: Array) -> Array:
    """sum over x of need price.

    Args:
      need: [T, C, X, W] accelerators, small integers.
      price: [T, C, X] per accelerator.

    Returns:
      [T, C, W].
    """
    total: Array = jax.lax.platform_dependent(need, price, cpu=_cost_by_planes, default=_cost)
    return total


def _cost(need: Array, price: Array) -> Array:
    """One sum over all needs, which are read once; as a sum, not fused with the look-ups that follow."""
    return jnp.sum(need.astype(price.dtype) * price[..., None], axis=2)


def _cost_by_planes(need: Array, price: Array) -> Array:
    """A processor adds up some planes of pairs at a time."""
    total = jnp.zeros((*need.shape[:2], need.shape[3]), price.dtype)
    for first in range(0, need.shape[2], UNROLLED):
        total = total + sum(
            need[:, :, x].astype(price.dtype) * price[:, :, x, None] for x in range(first, min(first + UNROLLED, need.shape[2]))
        )
    return total


def _rigid_forward(need: Array, price: Array) -> tuple[Array, Array]:
    return rigid_cost(need, price), need


def _rigid_backward(need: Array, slope: Array) -> tuple[None, Array]:
    """Accelerators wanted, [T, C, X]; needs as floats never exist all at once."""
    return None, jax.lax.platform_dependent(need, slope, cpu=_wanted_by_lanes, default=_wanted)


def _wanted(need: Array, slope: Array) -> Array:
    """One sum over all needs, which are read once. The look-ups that slopes come from stand apart: each would be done for every x."""
    share = jax.lax.optimization_barrier(slope)  # type: ignore[no-untyped-call]
    return jnp.sum(need.astype(slope.dtype) * share[:, :, None], axis=3)


def _wanted_by_lanes(need: Array, slope: Array) -> Array:
    """A processor adds up as many sums beside each other as one of its registers holds, and these in the end; W is a multiple of them.

    The last sum is a product with ones: as a sum it would be fused with the first, which would then not be made of whole registers.
    """
    width = need.shape[-1]
    by_lane = need.reshape(*need.shape[:-1], width // LANES, LANES)
    share = slope.reshape(*slope.shape[:-1], width // LANES, LANES)
    parts = (by_lane[:, :, :, i].astype(slope.dtype) * share[:, :, None, i] for i in range(width // LANES))
    return sum(parts, jnp.zeros((*need.shape[:3], LANES), slope.dtype)) @ jnp.ones((LANES,), slope.dtype)


rigid_cost.defvjp(_rigid_forward, _rigid_backward)


@jax.custom_vjp
def flexible_cost(price: Array, hours: Array, work: Array, work_limit: Array, missed: Array) -> Array:
    """Cheapest way to do work at any hours of a period, at most `work_limit` at once, or to miss it.

        min over f of  sum_b price f + missed max(0, work - sum_b h f)
        = max over m in [0, missed] of  m work - sum_b limit max(0, h m - price)

    The maximum lies where m is the price of an hour in some block, or at an end.

    Args:
      price: [F, T, B, S] per accelerator for the block.
      hours: [T, B].
      work: [F, T, S] accelerator-hours.
      work_limit: [F, T, S] accelerators.
      missed: [F, T, S] per accelerator-hour.

    Returns:
      [F, T].
    """
    work, work_limit, missed = _last(work), _last(work_limit), _last(missed)
    paid, length = _blocks(price, hours)
    value = jnp.zeros_like(work)
    for end in (*(jnp.minimum(cost / h, missed) for cost, h in zip(paid, length, strict=True)), missed):
        spared = (jnp.maximum(0.0, h * end - cost) for cost, h in zip(paid, length, strict=True))
        value = jnp.maximum(value, end * work - work_limit * sum(spared, jnp.zeros_like(work)))
    return jnp.sum(value, axis=0).T


def _last(values: Array) -> Array:
    """[F, T, S] as [S, T, F]: an axis as short as a few scenarios makes no vectors."""
    return jnp.transpose(values)


def _blocks(price: Array, hours: Array) -> tuple[list[Array], list[Array]]:
    """Price [S, T, F] and length [1, T, 1] of each block."""
    return list(jnp.transpose(price, (2, 3, 1, 0))), list(hours.T[:, None, :, None])


def _flexible_forward(price: Array, hours: Array, work: Array, work_limit: Array, missed: Array) -> tuple[Array, tuple[Array, ...]]:
    return flexible_cost(price, hours, work, work_limit, missed), (price, hours, work, work_limit, missed)


def _flexible_backward(kept: tuple[Array, ...], slope: Array) -> tuple[Array | None, ...]:
    """What is drawn in each block, the cheapest first, and what is missed; nobody asks for slopes in hours, work and limits."""
    price, hours, work, work_limit, missed = kept
    work, work_limit, missed = _last(work), _last(work_limit), _last(missed)
    paid, length = _blocks(price, hours)
    hourly = [cost / h for cost, h in zip(paid, length, strict=True)]
    drawn, left = [], work
    for b, own in enumerate(hourly):
        earlier = [(h, other < own if o > b else other <= own) for o, (h, other) in enumerate(zip(length, hourly, strict=True)) if o != b]
        before = sum((jnp.where(first, h * work_limit, 0.0) for h, first in earlier), jnp.zeros_like(work))
        drawn.append(jnp.where(own < missed, jnp.clip((work - before) / length[b], 0.0, work_limit), 0.0))
        left = left - length[b] * drawn[b]
    along = slope.T[None]
    return jnp.transpose(jnp.stack(drawn) * along[None], (3, 2, 0, 1)), None, None, None, _last(jnp.maximum(left, 0.0) * along)


flexible_cost.defvjp(_flexible_forward, _flexible_backward)


@jax.custom_vjp
def to_slots(flat: Array, slot: Array, slot_of: Array) -> Array:
    """Costs by flat position [T, C W + F] as costs by slot [T, Q L]; 0 in slots without a pair. Both ways are look-ups."""
    return _looked_up(flat, slot)


def _looked_up(values: Array, index: Array) -> Array:
    if values.shape[1] == 0:
        return jnp.zeros((values.shape[0], index.shape[0]), values.dtype)
    found: Array = jax.lax.platform_dependent(values, index, cpu=_period_by_period, default=_all_periods)
    return found


def _all_periods(values: Array, index: Array) -> Array:
    return values.at[:, index].get(mode="fill", fill_value=0)


def _period_by_period(values: Array, index: Array) -> Array:
    """What is looked up in one period stays in a processor's cache."""
    found: Array = jax.lax.map(lambda of_period: of_period.at[index].get(mode="fill", fill_value=0), values)
    return found


def _slots_forward(flat: Array, slot: Array, slot_of: Array) -> tuple[Array, Array]:
    return _looked_up(flat, slot), slot_of


def _slots_backward(slot_of: Array, slope: Array) -> tuple[Any, ...]:
    return _looked_up(slope, slot_of), None, None


to_slots.defvjp(_slots_forward, _slots_backward)


def capacity_cost(loads: LoadArrays, hours: Array, stacked: Array) -> Array:
    """Cost of the capacity that each slot's pair needs in each period, [T, Q, L].

    Args:
      hours: [T, B].
      stacked: [2 P, T, X] prices.
    """
    periods, blocks = hours.shape
    rigid = rigid_cost(loads.need, jnp.swapaxes(stacked, 0, 1)[:, loads.chunk_price])
    price = stacked[loads.flexible_price].reshape(-1, periods, blocks, loads.work.shape[2])
    flexible = flexible_cost(price, hours, loads.work, loads.work_limit, loads.missed)
    flat = jnp.concatenate([rigid.reshape(periods, -1), flexible.T], axis=1)
    return to_slots(flat, loads.slot, loads.slot_of).reshape(periods, *loads.enter.shape)
