"""Training: how long a gang of accelerators takes, failures and checkpoints included."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.surfaces.arrays import Scalar

REFERENCE_GANG = 512.0  # accelerators at which m0 is stated
BYTES_PER_PARAMETER = 16.0  # weights, gradients and optimizer state in mixed precision
SERVER_DOMAIN = 8.0  # accelerators in one high-bandwidth domain up to which the server curve holds


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class TrainingParameters:
    """Model FLOPs utilisation against the BF16 peak, and how gangs fail.

    The exponents are those of public MLPerf runs of a 405-billion-parameter model. Those runs use FP8 and are tuned for the benchmark
    (.833 on servers of eight, .723 in racks, of the BF16 peak); reported BF16 production runs reach .38 to .46, so both levels are scaled
    to .42 on servers. What lower precision gains in production is not counted.
    """

    server_mfu: Scalar = 0.42  # m0, up to eight accelerators in a domain; assumed
    server_exponent: Scalar = 0.055  # g
    rack_mfu: Scalar = 0.365  # m0, larger domains: .42 x .723 / .833; assumed
    rack_exponent: Scalar = 0.046
    accelerator_hours_per_failure: Scalar = 50_700.0  # M_accelerator: 419 interruptions in 54 days on 16,384 accelerators, reported
    checkpoint_hours: Scalar = 1.0 / 60.0  # delta, time that writing one checkpoint stops the run; assumed
    restart_hours: Scalar = 0.25  # R, from a failure to the first new step; assumed


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class GangRows:
    """Runs on gangs, arrays of one shape."""

    tokens: Array
    active_parameters: Array  # A
    layers: Array  # L
    hidden_size: Array  # d_attn
    sequence: Array  # tokens
    flops: Array  # F, BF16 FLOP/s of one accelerator
    max_parallel: Array  # accelerators in one domain
    gang: Array  # n, accelerators


def mfu(parameters: TrainingParameters, max_parallel: Array, gang: Array) -> Array:
    """Model FLOPs utilisation, MFU(n) = m0 (n/512)^(-g), of the curve for the size of the accelerator's domain."""
    rack = max_parallel > SERVER_DOMAIN
    level = jnp.where(rack, parameters.rack_mfu, parameters.server_mfu)
    exponent = jnp.where(rack, parameters.rack_exponent, parameters.server_exponent)
    return level * jnp.exp(-exponent * jnp.log(gang / REFERENCE_GANG))


def undisturbed_hours(parameters: TrainingParameters, rows: GangRows) -> Array:
    """Hours without failures: T = FLOPs / (n F MFU(n)), FLOPs/token = 6A + 6 L d_attn seq."""
    per_token = 6.0 * rows.active_parameters + 6.0 * rows.layers * rows.hidden_size * rows.sequence
    return rows.tokens / 3600.0 * per_token / (rows.gang * rows.flops * mfu(parameters, rows.max_parallel, rows.gang))


def lost_share(parameters: TrainingParameters, gang: Array, spot_interruptions_per_hour: Scalar = 0.0) -> Array:
    """Share of the hours that checkpoints, repeated steps and restarts take.

        1/M = n / M_accelerator + spot rate,  tau = sqrt(2 delta M),  lost = delta/tau + tau/(2M) + R/M

    Args:
      gang:                        n, accelerators.
      spot_interruptions_per_hour: of the whole gang.

    Returns:
      Share; at 1 or above the gang never gets ahead.
    """
    rate = gang / parameters.accelerator_hours_per_failure + spot_interruptions_per_hour
    return jnp.sqrt(2.0 * parameters.checkpoint_hours * rate) + parameters.restart_hours * rate


def checkpoint_interval_hours(parameters: TrainingParameters, gang: Array, spot_interruptions_per_hour: Scalar = 0.0) -> Array:
    """Hours between checkpoints that lose the least time: tau = sqrt(2 delta M) (Young's first-order rule, as `lost_share` uses it)."""
    rate = gang / parameters.accelerator_hours_per_failure + spot_interruptions_per_hour
    return jnp.sqrt(2.0 * parameters.checkpoint_hours / rate)


def duration(parameters: TrainingParameters, rows: GangRows, spot_interruptions_per_hour: Scalar = 0.0) -> Array:
    """Hours from start to end, failures included: T / (1 - lost); inf where failures undo all progress."""
    useful = 1.0 - lost_share(parameters, rows.gang, spot_interruptions_per_hour)
    moving = useful > 0.0
    return jnp.where(moving, undisturbed_hours(parameters, rows) / jnp.where(moving, useful, 1.0), jnp.inf)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class GangCosts:
    """What runs on gangs take and cost, arrays of the rows' shape; inf where failures undo all progress."""

    hours: Array  # from start to end, failures included
    lost_share: Array  # of these hours
    accelerator_hours: Array
    cost_usd: Array  # not discounted
    checkpoint_interval_hours: Array


def gang_costs(
    parameters: TrainingParameters, rows: GangRows, usd_per_accelerator_hour: Array, spot_interruptions_per_hour: Scalar = 0.0
) -> GangCosts:
    """Duration and cost by gang size: a larger gang ends earlier, and pays for its lower utilisation and its failures.

        cost = price n T / (1 - lost)

    Args:
      rows:                        one row for every gang size asked about.
      usd_per_accelerator_hour:    price, in the rows' shape.
      spot_interruptions_per_hour: of the whole gang, 0 for capacity that is not spot; in the rows' shape, or one number.
    """
    hours = duration(parameters, rows, spot_interruptions_per_hour)
    held = rows.gang * hours
    return GangCosts(
        hours=hours,
        lost_share=lost_share(parameters, rows.gang, spot_interruptions_per_hour),
        accelerator_hours=held,
        cost_usd=usd_per_accelerator_hour * held,
        checkpoint_interval_hours=checkpoint_interval_hours(parameters, rows.gang, spot_interruptions_per_hour),
    )


duration_hours = jax.jit(duration)
gang_costs_usd = jax.jit(gang_costs)
