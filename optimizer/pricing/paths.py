"""The cheapest way of each load through pools and periods, all loads at once.

With a moving cost that separates into leaving and entering, the least cost of being in pool p is `min(stay, move + enter_p) + cost_p` with
`move = min over q of (cost so far_q + leave_q)`: work grows with the number of pools, not with its square.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from optimizer.pricing.smooth import blend, blend_weight, least, less


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
Period = tuple[Array, Array, Array, Array]  # cost [Q, L], unplaced [L], discount [] and price of a move [] of one period


def _arrive(moves: Moves, state: State, discount: Array, charge: Array, temperature: Array | None) -> State:
    """Least cost of reaching each place at the start of a period; the second is also the least cost of being about to enter."""
    placed, nowhere = state
    move = less(least(placed + discount * moves.leave, temperature, 0), nowhere, temperature)
    return blend(placed, move[None] + (discount * moves.enter + charge), None if temperature is None else temperature[None]), move


def _begin(moves: Moves, charge: Array, temperature: Array | None) -> State:
    """Least cost of reaching each place at the start of the first period."""
    placed, nowhere = _arrive(moves, (moves.at_start[:-1], moves.at_start[-1]), moves.discount[0], charge[0], temperature)
    return jnp.where(moves.new[None] > 0, 0.0, placed), jnp.where(moves.new > 0, 0.0, nowhere)


def _costs_so_far(cost: Array, charge: Array, moves: Moves, temperature: Array | None) -> tuple[State, Array]:
    """Least cost up to and with each period, by the place in it, ([T, Q, L], [T, L]), and of being about to enter, [T - 1, L]."""

    def period(state: State, now: Period) -> tuple[State, tuple[State, Array]]:
        placed, move = _arrive(moves, state, now[2], now[3], temperature)
        done = placed + now[0], move + now[1]
        return done, (done, move)

    placed, nowhere = _begin(moves, charge, temperature)
    first = placed + cost[0], nowhere + moves.unplaced[0]
    _, (later, entry) = lax.scan(period, first, (cost[1:], moves.unplaced[1:], moves.discount[1:], charge[1:]))
    return (jnp.concatenate([first[0][None], later[0]]), jnp.concatenate([first[1][None], later[1]])), entry


def path_costs(cost: Array, charge: Array, moves: Moves) -> Array:
    """Cost of the cheapest path of each load, [L].

    Args:
      cost: [T, Q, L] of being in the slot's pool.
      charge: [T] price of a move, added to entering.
    """
    (placed, nowhere), _ = _costs_so_far(cost, charge, moves, None)
    return jnp.minimum(jnp.min(placed[-1], axis=0), nowhere[-1])


@jax.custom_vjp
def smooth_path_costs(cost: Array, charge: Array, moves: Moves, temperature: Array) -> Array:
    """`path_costs` with smooth minima at temperatures [L]; its gradient in cost says how much of the load is where."""
    (placed, nowhere), _ = _costs_so_far(cost, charge, moves, temperature)
    return less(least(placed[-1], temperature, 0), nowhere[-1], temperature)


def _smooth_forward(cost: Array, charge: Array, moves: Moves, temperature: Array) -> tuple[Array, Any]:
    (placed, nowhere), entry = _costs_so_far(cost, charge, moves, temperature)
    total = less(least(placed[-1], temperature, 0), nowhere[-1], temperature)
    return total, (placed, nowhere, entry, total, charge, moves, temperature)


def _smooth_backward(kept: Any, slope: Array) -> tuple[Array, Array, None, None]:
    """The flow of each load, from the last period to the first: how much of it is in each slot, and enters."""
    placed, nowhere, entry, total, charge, moves, temperature = kept
    sharpness = 1.0 / temperature

    def share(energy: Array, of: Array) -> Array:
        return jnp.exp((of - energy) * (sharpness if energy.ndim == 1 else sharpness[None]))

    def back(flow: State, now: Any) -> tuple[State, tuple[Array, Array]]:
        (earlier, apart), move, discount, toll = now
        leaving = earlier + discount * moves.leave
        enters = flow[0] * blend_weight(move[None] + (discount * moves.enter + toll), earlier, temperature[None])
        moving = jnp.sum(enters, axis=0) + flow[1]
        before = flow[0] - enters + moving[None] * share(leaving, move[None]), moving * share(apart, move)
        return before, (flow[0], jnp.sum(enters))

    last = slope[None] * share(placed[-1], total[None]), slope * share(nowhere[-1], total)
    first, (later, entered) = lax.scan(back, last, ((placed[:-1], nowhere[:-1]), entry, moves.discount[1:], charge[1:]), reverse=True)
    paying = 1.0 - moves.new
    before = moves.at_start[:-1], moves.at_start[-1]
    begun = before, _arrive(moves, before, moves.discount[0], charge[0], temperature)[1], moves.discount[0], charge[0]
    _, (_, new) = back((first[0] * paying[None], first[1] * paying), begun)
    return jnp.concatenate([first[0][None], later]), jnp.concatenate([new[None], entered]), None, None


smooth_path_costs.defvjp(_smooth_forward, _smooth_backward)


def best_paths(cost: Array, charge: Array, moves: Moves) -> Array:
    """Slot of each load in each period on its cheapest path, [T, L]; Q where it is not placed. Ties stay, then take the first slot."""
    (placed, nowhere), _ = _costs_so_far(cost, charge, moves, None)
    place = jnp.argmin(jnp.concatenate([placed[-1], nowhere[-1:]]), axis=0).astype(jnp.int32)

    def back(place: Array, now: Any) -> tuple[Array, Array]:
        (earlier, apart), discount, toll = now
        origin = jnp.concatenate([earlier + discount * moves.leave, apart[None]])
        entry = jnp.concatenate([discount * moves.enter + toll, jnp.zeros_like(apart)[None]])
        stay = jnp.take_along_axis(jnp.concatenate([earlier, apart[None]]), place[None], axis=0)[0]
        moved = jnp.min(origin, axis=0) + jnp.take_along_axis(entry, place[None], axis=0)[0]
        return jnp.where(stay <= moved, place, jnp.argmin(origin, axis=0).astype(jnp.int32)), place

    first, later = lax.scan(back, place, ((placed[:-1], nowhere[:-1]), moves.discount[1:], charge[1:]), reverse=True)
    return jnp.concatenate([first[None], later])


def costs_through(cost: Array, charge: Array, moves: Moves) -> Array:
    """Cost of the cheapest path through each slot in each period, [T, Q, L]; less `path_costs` it is the pair's reduced cost."""

    def back(state: State, now: Period) -> tuple[State, Array]:
        placed, nowhere = state[0] + now[0], state[1] + now[1]
        entered = jnp.minimum(jnp.min(placed + (now[2] * moves.enter + now[3]), axis=0), nowhere)
        return (jnp.minimum(placed, entered[None] + now[2] * moves.leave), entered), state[0]

    (so_far, _), _ = _costs_so_far(cost, charge, moves, None)
    last = jnp.zeros_like(cost[0]), jnp.zeros_like(moves.unplaced[0])
    earliest, later = lax.scan(back, last, (cost[1:], moves.unplaced[1:], moves.discount[1:], charge[1:]), reverse=True)
    return so_far + jnp.concatenate([earliest[0][None], later])
