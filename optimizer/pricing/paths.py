"""The cheapest way of each load through pools and periods, all loads at once.

With a moving cost that separates into leaving and entering, the least cost of being in pool p is `min(stay, move + enter_p) + cost_p` with
`move = min over q of (cost so far_q + leave_q)`: work grows with the number of pools, not with its square.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array, lax

from optimizer.pricing.smooth import least, less


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Stages:
    """What each load pays, period by period. A load that is not placed enters and leaves nothing."""

    cost: Array  # [T, Q, L] of being in the slot's pool
    unplaced: Array  # [T, L]
    enter: Array  # [T, Q, L]
    leave: Array  # [T, Q, L]
    at_start: Array  # [Q + 1, L] 0 where the load is before the first period, the last row: nowhere
    new: Array  # [L] 1.0: the first entry is free


State = tuple[Array, Array]  # least cost of being in each slot [Q, L], and of not being placed [L]


def _arrive(state: State, enter: Array, leave: Array, temperature: Array | None) -> State:
    """Least cost of reaching each place at the start of a period."""
    placed, nowhere = state
    move = less(least(placed + leave, temperature, 0), nowhere, temperature)
    return less(placed, move[None] + enter, None if temperature is None else temperature[None]), move


def _begin(stages: Stages, temperature: Array | None) -> State:
    """Least cost of reaching each place at the start of the first period."""
    placed, nowhere = _arrive((stages.at_start[:-1], stages.at_start[-1]), stages.enter[0], stages.leave[0], temperature)
    return jnp.where(stages.new[None] > 0, 0.0, placed), jnp.where(stages.new > 0, 0.0, nowhere)


def path_costs(stages: Stages, temperature: Array | None) -> Array:
    """Cost of the cheapest path of each load, [L]; smooth where there is a temperature [L]."""

    def period(state: State, stage: tuple[Array, Array, Array, Array]) -> tuple[State, None]:
        cost, unplaced, enter, leave = stage
        placed, nowhere = _arrive(state, enter, leave, temperature)
        return (placed + cost, nowhere + unplaced), None

    arrived = _begin(stages, temperature)
    first = arrived[0] + stages.cost[0], arrived[1] + stages.unplaced[0]
    (placed, nowhere), _ = lax.scan(period, first, (stages.cost[1:], stages.unplaced[1:], stages.enter[1:], stages.leave[1:]))
    return less(least(placed, temperature, 0), nowhere, temperature)


def best_paths(stages: Stages) -> Array:
    """Slot of each load in each period on its cheapest path, [T, L]; Q where it is not placed. Ties stay, then take the first slot."""
    depth = stages.cost.shape[1]
    before, _ = _costs_before(stages)
    place = jnp.argmin(jnp.concatenate([before[0][-1] + stages.cost[-1], (before[1][-1] + stages.unplaced[-1])[None]]), axis=0)

    def back(place: Array, stage: tuple[Array, ...]) -> tuple[Array, Array]:
        placed, nowhere, enter, leave = stage  # costs up to and with the earlier period, and of moving at the start of this one
        origin = jnp.concatenate([placed + leave, nowhere[None]])
        stay = jnp.take_along_axis(jnp.concatenate([placed, nowhere[None]]), place[None], axis=0)[0]
        entry = jnp.take_along_axis(jnp.concatenate([enter, jnp.zeros_like(nowhere)[None]]), place[None], axis=0)[0]
        earlier = jnp.where(stay <= jnp.min(origin, axis=0) + entry, place, jnp.argmin(origin, axis=0).astype(place.dtype))
        return earlier, place

    done = before[0] + stages.cost, before[1] + stages.unplaced
    first, later = lax.scan(
        back, place.astype(jnp.int32), (done[0][:-1], done[1][:-1], stages.enter[1:], stages.leave[1:]), reverse=True
    )
    chosen = jnp.concatenate([first[None], later])
    return jnp.minimum(chosen, depth)


def _costs_before(stages: Stages) -> tuple[State, State]:
    """Least cost of reaching each place at the start of each period, ([T, Q, L], [T, L]), and the state after the last."""

    def period(state: State, stage: tuple[Array, ...]) -> tuple[State, State]:
        cost, unplaced, enter, leave = stage
        done = state[0] + cost, state[1] + unplaced
        return _arrive(done, enter, leave, None), state

    following = [jnp.concatenate([move[1:], move[:1]]) for move in (stages.enter, stages.leave)]
    after, before = lax.scan(period, _begin(stages, None), (stages.cost, stages.unplaced, *following))
    return before, after


def _costs_after(stages: Stages) -> Array:
    """Least cost of all later periods from each slot, [T, Q, L]."""

    def period(state: State, stage: tuple[Array, ...]) -> tuple[State, Array]:
        cost, unplaced, enter, leave = stage  # of the later period
        placed, nowhere = state[0] + cost, state[1] + unplaced
        entered = jnp.minimum(jnp.min(placed + enter, axis=0), nowhere)
        return (jnp.minimum(placed, entered[None] + leave), entered), state[0]

    last = jnp.zeros_like(stages.cost[0]), jnp.zeros_like(stages.unplaced[0])
    earliest, later = lax.scan(period, last, (stages.cost[1:], stages.unplaced[1:], stages.enter[1:], stages.leave[1:]), reverse=True)
    return jnp.concatenate([earliest[0][None], later])


def costs_through(stages: Stages) -> Array:
    """Cost of the cheapest path through each slot in each period, [T, Q, L]; less `path_costs` it is the pair's reduced cost."""
    before, _ = _costs_before(stages)
    return before[0] + stages.cost + _costs_after(stages)
