"""What the ascent moves: one vector in a plain box, from which multipliers follow that keep the dual finite.

Multipliers limit one another: a price on a budget raises what offers cost, and with it the price that capacity may have; spot never costs
more than firm capacity; the weights of take-or-pay and minimum spend together stay below 1. Among multipliers themselves an ascent would
stick where two of them can only rise together. So the vector holds firm prices relative to their caps, spot prices relative to firm ones,
and the weight of take-or-pay relative to what minimum spend leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from optimizer.pricing.arrays import Arrays
from optimizer.pricing.dual import SMALLEST, Scales, reference_scales
from optimizer.pricing.multipliers import Multipliers, affordable_shares, price_caps
from optimizer.pricing.weighing import nearest, weighed

FAR = 1e6  # units: a limit for multipliers that have none
CLEARLY = 1e-4  # above a cap, relative: not by rounding
START_PRICE = 0.7  # of the list price
START_EXCESS = 0.3  # of the weight of settlements


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Coordinates:
    """The box and what its sides mean. Each field but `scales` has the shapes of multipliers."""

    scales: Scales
    units: Multipliers  # of the multiplier in one step of the vector
    upper: Multipliers  # largest coordinate; 0 where the multiplier does not exist
    caps: tuple[Array, Array]  # firm and spot caps where no rule has a price


def coordinates(arrays: Arrays) -> Coordinates:
    """Units from list prices."""
    scales, caps = reference_scales(arrays), price_caps(arrays, nothing(arrays))
    contracts, rules = arrays.supply.contracts, arrays.supply.rules
    shapes = nothing(arrays)
    one = jnp.ones((), arrays.weight.dtype)
    load, hourly = jnp.mean(scales.load), jnp.mean(scales.firm) / jnp.mean(arrays.hours)
    traffic = jnp.mean(arrays.loads.traffic) if arrays.loads.traffic.size else one
    units = Multipliers(
        firm=scales.firm,
        spot=jnp.ones_like(shapes.spot),
        excess=jnp.ones_like(shapes.excess),
        short=jnp.ones_like(shapes.short),
        budget=_filled(jnp.mean(arrays.weight), shapes.budget),
        share=_filled(hourly, shapes.share),
        wallet=_filled(hourly, shapes.wallet),
        bandwidth=_filled(load / (traffic + SMALLEST), shapes.bandwidth),
        moves=_filled(load, shapes.moves),
        same_exits=_filled(jnp.mean(scales.contract), shapes.same_exits) if shapes.same_exits.size else shapes.same_exits,
        same_lots=_filled(jnp.mean(scales.contract), shapes.same_lots) if shapes.same_lots.size else shapes.same_lots,
        scenario=shapes.scenario if arrays.risk is None else arrays.risk.probability,
    )
    upper = Multipliers(
        firm=caps[0] / scales.firm,
        spot=jnp.ones_like(shapes.spot),
        excess=_filled(contracts.has_excess[:, :, None], shapes.excess),
        short=_filled(contracts.has_minimum[:, :, None], shapes.short),
        budget=jnp.full_like(shapes.budget, FAR),
        share=jnp.full_like(shapes.share, FAR),
        wallet=_filled(jnp.where(contracts.wallet[:, :, None] > 0, FAR * one, 0.0), shapes.wallet),
        bandwidth=_filled(FAR * rules.limits_bandwidth[:, None], shapes.bandwidth),
        moves=FAR * rules.limits_moves,
        same_exits=jnp.full_like(shapes.same_exits, FAR),
        same_lots=jnp.full_like(shapes.same_lots, FAR),
        scenario=shapes.scenario if arrays.risk is None else arrays.risk.high / arrays.risk.probability,
    )
    return Coordinates(scales=scales, units=units, upper=upper, caps=caps)


def _filled(value: Array, like: Array) -> Array:
    return jnp.broadcast_to(value, like.shape)


def nothing(arrays: Arrays) -> Multipliers:
    """All multipliers 0."""
    supply, dtype = arrays.supply, arrays.weight.dtype
    contracts, intervals = supply.contracts.settled.shape
    periods, scenarios = arrays.weight.shape
    blocks = arrays.hours.shape[1] * scenarios
    return Multipliers(
        firm=jnp.zeros((supply.shortage.shape[0], periods, blocks), dtype),
        spot=jnp.zeros((supply.spot_pool.shape[0], periods, blocks), dtype),
        excess=jnp.zeros((contracts, intervals, scenarios), dtype),
        short=jnp.zeros((contracts, intervals, scenarios), dtype),
        budget=jnp.zeros((supply.rules.budget.shape[0], scenarios), dtype),
        share=jnp.zeros((supply.rules.share.shape[0], scenarios), dtype),
        wallet=jnp.zeros((contracts, periods, scenarios), dtype),
        bandwidth=jnp.zeros((supply.rules.bandwidth.shape[0], periods), dtype),
        moves=jnp.zeros((periods,), dtype),
        same_exits=jnp.zeros((2, supply.rules.same_exits.shape[0]), dtype),
        same_lots=jnp.zeros((2, supply.rules.same_lots.shape[0]), dtype),
        scenario=jnp.zeros((0 if arrays.risk is None else scenarios,), dtype),
    )


def first_point(arrays: Arrays, box: Coordinates) -> Array:
    """Somewhat below list prices, with no price on any rule, [n]."""
    none = nothing(arrays)
    first = replace(
        none,
        firm=START_PRICE * jnp.ones_like(none.firm),
        spot=START_PRICE * jnp.ones_like(none.spot),
        excess=START_EXCESS * jnp.ones_like(none.excess),
        scenario=jnp.ones_like(none.scenario),
    )
    return ravel_pytree(jax.tree.map(jnp.minimum, first, box.upper))[0]


def multipliers_at(arrays: Arrays, box: Coordinates, point: Array) -> Multipliers:
    """The multipliers that a point [n] of the box stands for."""
    shaped: Multipliers = ravel_pytree(box.units)[1](point)
    scaled: Multipliers = jax.tree.map(jnp.multiply, shaped, box.units)
    arrays = weighed(arrays, scaled)
    rules = affordable_shares(arrays, scaled)
    firm_cap, spot_cap = price_caps(arrays, rules) if arrays.cash_rules else box.caps
    # The box holds firm prices below their caps. A minimum here would be tied at the cap, and the slope there would be wrong by a share.
    firm = scaled.firm * (firm_cap / jnp.maximum(box.caps[0], _tiny(firm_cap)))
    spot = shaped.spot * firm[arrays.supply.spot_pool]
    spot = jnp.where(spot > spot_cap * (1.0 + CLEARLY), spot_cap, spot)
    return replace(rules, firm=firm, spot=spot, excess=shaped.excess * (1.0 - shaped.short))


def point_of(arrays: Arrays, box: Coordinates, multipliers: Multipliers) -> Array:
    """The point that stands for multipliers inside their box, [n]."""
    firm_cap, _ = price_caps(weighed(arrays, multipliers), multipliers)
    tiny = _tiny(multipliers.firm)
    scaled: Multipliers = jax.tree.map(jnp.divide, multipliers, box.units)
    shaped = replace(
        scaled,
        firm=scaled.firm * box.caps[0] / jnp.maximum(firm_cap, tiny),
        spot=multipliers.spot / jnp.maximum(multipliers.firm[arrays.supply.spot_pool], tiny),
        excess=multipliers.excess / jnp.maximum(1.0 - multipliers.short, float(np.finfo(multipliers.short.dtype).eps)),
    )
    return ravel_pytree(jax.tree.map(jnp.clip, shaped, jax.tree.map(jnp.zeros_like, box.upper), box.upper))[0]


def centred(arrays: Arrays, box: Coordinates, point: Array, slope: Array) -> Array:
    """The slope [n] without what it says of all scenarios alike: their weights sum to 1 whatever happens."""
    if arrays.risk is None:
        return slope
    unravel = ravel_pytree(box.units)[1]
    found: Multipliers = unravel(slope)
    each = found.scenario / box.units.scenario
    mean = jnp.sum(each * box.units.scenario * unravel(point).scenario)
    return ravel_pytree(replace(found, scenario=(each - mean) * box.units.scenario))[0]


def held_inside(arrays: Arrays, box: Coordinates, point: Array) -> Array:
    """The point [n] moved into the box, with weights of scenarios that sum to 1."""
    inside = jnp.clip(point, 0.0, ravel_pytree(box.upper)[0])
    if arrays.risk is None:
        return inside
    shaped: Multipliers = ravel_pytree(box.units)[1](inside)
    weights = nearest(arrays.risk, shaped.scenario * box.units.scenario)
    return ravel_pytree(replace(shaped, scenario=weights / box.units.scenario))[0]


def _tiny(like: Array) -> float:
    return float(np.finfo(like.dtype).tiny)
