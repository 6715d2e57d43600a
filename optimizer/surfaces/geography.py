"""Distances on the globe."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from optimizer.surfaces.arrays import rounding

EARTH_RADIUS_KM = 6371.0


def distance_km(latitude: Array, longitude: Array, to_latitude: Array, to_longitude: Array) -> Array:
    """Great-circle distance, by haversine, of points in degrees; arrays of one shape.

    a = sin^2(dphi/2) + cos phi1 cos phi2 sin^2(dlambda/2),  D = 2 R atan2(sqrt a, sqrt(1 - a))

    Where the ends coincide or are antipodal, a is held one rounding step inside (0, 1): the square roots' slopes are infinite there.
    """
    phi1, phi2 = jnp.deg2rad(latitude), jnp.deg2rad(to_latitude)
    lambda_ = jnp.deg2rad(to_longitude - longitude)
    a = jnp.sin((phi2 - phi1) / 2.0) ** 2 + jnp.cos(phi1) * jnp.cos(phi2) * jnp.sin(lambda_ / 2.0) ** 2
    edge = rounding(a)
    a = jnp.clip(a, edge**2, 1.0 - edge)
    return 2.0 * EARTH_RADIUS_KM * jnp.arctan2(jnp.sqrt(a), jnp.sqrt(1.0 - a))


def distances_km(latitude: Array, longitude: Array, to_latitude: Array, to_longitude: Array) -> Array:
    """Great circles from every point [...] to every one of H others: [..., H]."""
    others = (1,) * latitude.ndim + (-1,)
    shape = (*latitude.shape, to_latitude.shape[0])
    here = [jnp.broadcast_to(values[..., None], shape) for values in (latitude, longitude)]
    there = [jnp.broadcast_to(jnp.reshape(values.astype(latitude.dtype), others), shape) for values in (to_latitude, to_longitude)]
    return distance_km(*here, *there)
