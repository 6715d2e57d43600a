"""Network: the round trip between users and a site, in milliseconds, by fibre, through a satellite, or to a satellite."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax import Array

from optimizer.surfaces.arrays import Scalar, rounding

EARTH_RADIUS_KM = 6371.0
LIGHT_KM_PER_MS = 299.792458
FIBRE, SATELLITE_RELAY, ORBITAL = 0.0, 1.0, 2.0  # access of a site, as the kernel reads it


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class NetworkParameters:
    """Speeds, detours and delays.

    The fibre figures are a plain baseline: median error 17 %, 43 % at the 90th percentile, on public cloud round trips.
    The satellite figures are assumptions for a constellation in low orbit.
    """

    fibre_km_per_ms: Scalar = 204.2
    fibre_detour: Scalar = 1.5  # cable route over great circle
    fibre_fixed_ms: Scalar = 1.0
    altitude_km: Scalar = 550.0  # h
    elevation_deg: Scalar = 40.0  # mean elevation e of the satellite in use
    scheduling_ms: Scalar = 22.0  # of a shared bent-pipe beam, per round trip
    orbit_detour: Scalar = 1.2  # s: path over inter-satellite links, over the great circle at that altitude
    hop_km: Scalar = 2000.0  # length of one inter-satellite link
    hop_ms: Scalar = 0.5  # switching in one satellite, one way


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Route:
    """Ends of a path, degrees, and the access of the far end. Arrays of one shape."""

    from_latitude: Array
    from_longitude: Array
    to_latitude: Array
    to_longitude: Array
    access: Array  # FIBRE, SATELLITE_RELAY or ORBITAL, in floating point


def great_circle_km(route: Route) -> Array:
    """Great-circle distance, by haversine.

    a = sin^2(dphi/2) + cos phi1 cos phi2 sin^2(dlambda/2),  D = 2 R atan2(sqrt a, sqrt(1 - a))

    Where the ends coincide or are antipodal, a is held one rounding step inside (0, 1): the square roots' slopes are infinite there.
    """
    phi1, phi2 = jnp.deg2rad(route.from_latitude), jnp.deg2rad(route.to_latitude)
    lambda_ = jnp.deg2rad(route.to_longitude - route.from_longitude)
    a = jnp.sin((phi2 - phi1) / 2.0) ** 2 + jnp.cos(phi1) * jnp.cos(phi2) * jnp.sin(lambda_ / 2.0) ** 2
    edge = rounding(a)
    a = jnp.clip(a, edge**2, 1.0 - edge)
    return 2.0 * EARTH_RADIUS_KM * jnp.arctan2(jnp.sqrt(a), jnp.sqrt(1.0 - a))


def slant_range_km(altitude_km: Scalar, elevation_deg: Scalar) -> Scalar:
    """Distance to a satellite seen at an elevation: d(e) = sqrt((R sin e)^2 + 2 R h + h^2) - R sin e."""
    height = EARTH_RADIUS_KM * jnp.sin(jnp.deg2rad(elevation_deg))
    distance: Array = jnp.sqrt(height**2 + 2.0 * EARTH_RADIUS_KM * altitude_km + altitude_km**2) - height
    return distance


def round_trip(parameters: NetworkParameters, route: Route) -> Array:
    """Median round trip by the site's access.

        fibre:           1 ms + 2 (1.5 D) / 204.2
        satellite relay: 4 d / c + scheduling + the fibre round trip: one bent pipe, and cable for the rest of the way
        orbital:         2 d / c + 2 s D (R+h)/R / c + 2 hops of switching: users reach the satellite overhead, and it the site

    Returns:
      Milliseconds, in the shape of the route.
    """
    distance = great_circle_km(route)
    fibre = parameters.fibre_fixed_ms + 2.0 * parameters.fibre_detour * distance / parameters.fibre_km_per_ms
    slant = slant_range_km(parameters.altitude_km, parameters.elevation_deg)
    relay = 4.0 * slant / LIGHT_KM_PER_MS + parameters.scheduling_ms + fibre
    path = parameters.orbit_detour * distance * (EARTH_RADIUS_KM + parameters.altitude_km) / EARTH_RADIUS_KM
    hops = path / parameters.hop_km
    orbital = 2.0 * slant / LIGHT_KM_PER_MS + 2.0 * path / LIGHT_KM_PER_MS + 2.0 * hops * parameters.hop_ms
    return jnp.where(route.access == FIBRE, fibre, jnp.where(route.access == SATELLITE_RELAY, relay, orbital))


round_trip_ms = jax.jit(round_trip)
