"""The cheapest way of each load through pools and periods, all loads at once.

With a moving cost that separates into leaving and entering, the least cost of being in pool p is `min(stay, move + enter_p) + cost_p` with
`move = min over q of (cost so far_q + leave_q)`: work grows with the number of pools, not with its square.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from optimizer.pricing.smooth import blend, blend_weight, least, less

PART = 16_384  # loads at once, on a processor


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Moves:
    """What a load pays to change pool, period by period. A load that is not placed enters and leaves nothing."""

    enter: Array  # [Q, L] undiscounted
    leave: Array  # [Q, L] undiscounted
    discount: Array  # [T]
    unplaced: Array  # [T, L] cost of not being placed
    at_start: Array  # [Q + 1, L] 0 where the load is before the first period, the last row: nowhere
    new: Array  # [L] 1.0: the first entry is free


State = tuple[Array, Array]  # least cost of being in each slot [Q, L], and of not being placed [L]


def _arrive(moves: Moves, state: State, discount: Array, charge: Array, temperature: Array | None) -> State:
    """Least cost of reaching each place at the start of a period; the second is also the least cost of being about to enter."""
    placed, nowhere = state
    move = less(least(placed + discount * moves.leave, temperature, 0), nowhere, temperature)
    return blend(placed, move[None] + (discount * moves.enter + charge), None if temperature is None else temperature[None]), move


def _paying(moves: Moves) -> Array:
    """0 where a load is new in the first period and enters for nothing, else 1, [T, L]."""
    first = jnp.arange(moves.discount.shape[0]) == 0
    return jnp.where(first[:, None] & (moves.new[None] > 0), 0.0, jnp.ones_like(moves.unplaced))


def _costs_so_far(cost: Array, charge: Array, moves: Moves, temperature: Array | None) -> tuple[State, State, Array]:
    """Least cost to the end, by the place there; to each period, by the place before it ([T, Q, L], [T, L]); of entering in it, [T, L].

    Every period is a step of one scan, the first with them, so that nothing as large as the costs is cut or put together beside it.
    """

    def period(state: State, now: tuple[Array, ...]) -> tuple[State, tuple[State, Array]]:
        cost, unplaced, discount, toll, paying = now
        placed, move = _arrive(moves, state, discount, toll, temperature)
        return (placed * paying[None] + cost, move * paying + unplaced), (state, move)

    begin = moves.at_start[:-1], moves.at_start[-1]
    last, (before, entry) = lax.scan(period, begin, (cost, moves.unplaced, moves.discount, charge, _paying(moves)))
    return last, before, entry


def path_costs(cost: Array, charge: Array, moves: Moves) -> Array:
    """Cost of the cheapest path of each load, [L].

    Args:
      cost: [T, Q, L] of being in the slot's pool.
      charge: [T] price of a move, added to entering.
    """
    (placed, nowhere), _, _ = _costs_so_far(cost, charge, moves, None)
    return jnp.minimum(jnp.min(placed, axis=0), nowhere)


@jax.custom_vjp
def smooth_path_costs(cost: Array, charge: Array, moves: Moves, temperature: Array) -> Array:
    """`path_costs` with smooth minima at temperatures [L]; its gradient in cost says how much of the load is where."""
    return _smooth_forward(cost, charge, moves, temperature)[0]


def _smooth_forward(cost: Array, charge: Array, moves: Moves, temperature: Array) -> tuple[Array, tuple[Array, Array]]:
    """Costs, and at once the slopes of each, so that nothing else as large as the costs is kept."""

    def forward(by_load: tuple[Array, ...]) -> tuple[Array, Array, Array]:
        cost, temperature, enter, leave, unplaced, at_start, new = by_load
        mine = Moves(enter=enter, leave=leave, discount=moves.discount, unplaced=unplaced, at_start=at_start, new=new)
        last, before, entry = _costs_so_far(cost, charge, mine, temperature)
        total = less(least(last[0], temperature, 0), last[1], temperature)
        return total, *_flows(total, last, before, entry, charge, mine, temperature)

    by_load = cost, temperature, moves.enter, moves.leave, moves.unplaced, moves.at_start, moves.new
    total, flows, entered = _in_parts(forward, by_load)
    return total, (flows, entered)


def _smooth_backward(kept: tuple[Array, Array], slope: Array) -> tuple[Array, Array, None, None]:
    flows, entered = kept
    return slope[None, None] * flows, jnp.sum(slope[None] * entered, axis=1), None, None


def _flows(total: Array, last: State, before: State, entry: Array, charge: Array, moves: Moves, temperature: Array) -> tuple[Array, Array]:
    """How much of each load is in each slot, [T, Q, L], and enters, [T, L]; from the last period to the first."""
    sharpness = 1.0 / temperature

    def share(energy: Array, of: Array) -> Array:
        return jnp.exp((of - energy) * (sharpness if energy.ndim == 1 else sharpness[None]))

    def back(flow: State, now: Any) -> tuple[State, tuple[Array, Array]]:
        (earlier, apart), move, discount, toll, paying = now
        leaving = earlier + discount * moves.leave
        here, out = flow[0] * paying[None], flow[1] * paying
        enters = here * blend_weight(move[None] + (discount * moves.enter + toll), earlier, temperature[None])
        entered = jnp.sum(enters, axis=0)
        moving = entered + out
        came = here - enters + moving[None] * share(leaving, move[None]), moving * share(apart, move)
        return came, (flow[0], entered)

    begin = share(last[0], total[None]), share(last[1], total)
    found: tuple[Array, Array] = lax.scan(back, begin, (before, entry, moves.discount, charge, _paying(moves)), reverse=True)[1]
    return found


smooth_path_costs.defvjp(_smooth_forward, _smooth_backward)


def _in_parts(work: Callable[[Any], Any], by_load: Any) -> Any:
    """`work` of arrays whose last axis are loads, as its results' is; on a processor a part of the loads at a time, so that what one
    period reads and writes stays in a core's own cache."""
    loads = jax.tree.leaves(by_load)[0].shape[-1]
    parts = -(-loads // PART)
    if parts <= 1:
        return work(by_load)
    width = -(-loads // parts)  # the last part begins within the one before, whose results it finds again

    def one_by_one(by_load: Any) -> Any:
        def part(i: Array, whole: Any) -> Any:
            start = jnp.minimum(i * width, loads - width)
            mine = work(jax.tree.map(lambda of: lax.dynamic_slice_in_dim(of, start, width, of.ndim - 1), by_load))
            return jax.tree.map(lambda into, found: lax.dynamic_update_slice_in_dim(into, found, start, into.ndim - 1), whole, mine)

        empty = jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), jax.eval_shape(work, by_load))
        return lax.fori_loop(0, parts, part, empty)

    return lax.platform_dependent(by_load, cpu=one_by_one, default=work)


def best_paths(cost: Array, charge: Array, moves: Moves) -> Array:
    """Slot of each load in each period on its cheapest path, [T, L]; Q where it is not placed. Ties stay, then take the first slot."""
    (placed, nowhere), before, _ = _costs_so_far(cost, charge, moves, None)
    place = jnp.argmin(jnp.concatenate([placed, nowhere[None]]), axis=0).astype(jnp.int32)

    def back(place: Array, now: Any) -> tuple[Array, Array]:
        (earlier, apart), discount, toll = now
        origin = jnp.concatenate([earlier + discount * moves.leave, apart[None]])
        entry = jnp.concatenate([discount * moves.enter + toll, jnp.zeros_like(apart)[None]])
        stay = jnp.take_along_axis(jnp.concatenate([earlier, apart[None]]), place[None], axis=0)[0]
        moved = jnp.min(origin, axis=0) + jnp.take_along_axis(entry, place[None], axis=0)[0]
        return jnp.where(stay <= moved, place, jnp.argmin(origin, axis=0).astype(jnp.int32)), place

    _, found = lax.scan(back, place, (before, moves.discount, charge), reverse=True)
    return found


def costs_through(cost: Array, charge: Array, moves: Moves) -> Array:
    """Cost of the cheapest path through each slot in each period, [T, Q, L]; less `path_costs` it is the pair's reduced cost."""

    def back(state: State, now: tuple[Array, ...]) -> tuple[State, Array]:
        cost, unplaced, discount, toll = now
        placed, nowhere = state[0] + cost, state[1] + unplaced
        entered = jnp.minimum(jnp.min(placed + (discount * moves.enter + toll), axis=0), nowhere)
        return (jnp.minimum(placed, entered[None] + discount * moves.leave), entered), state[0]

    (last, _), (before, _), _ = _costs_so_far(cost, charge, moves, None)
    end = jnp.zeros_like(cost[0]), jnp.zeros_like(moves.unplaced[0])
    _, after = lax.scan(back, end, (cost, moves.unplaced, moves.discount, charge), reverse=True)
    return jnp.concatenate([before[1:], last[None]]) + after
